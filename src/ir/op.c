/* op.c - the table of ops and what can be looked up in it.
 *
 * The table is list.h followed by one op per neuron model (ops/neuron.c) and per population model
 * (ops/population.c) and per code (ops/code.c); it is put together at the first call.
 */
#include "stc/op.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "ops/common.h"
#include "stc/neuron.h"

#define OP(name) extern const stc_op stc_op_##name;
#include "ops/list.h"
#undef OP

static const stc_op *const listed[] = {
#define OP(name) &stc_op_##name,
#include "ops/list.h"
#undef OP
};

enum { NLISTED = sizeof listed / sizeof listed[0], MAX_OPS = NLISTED + 3 * STC_MAX_NEURON_OPS };

static const stc_op *table[MAX_OPS];
static int table_size;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    memcpy(table, listed, sizeof listed);
    table_size = NLISTED + stc_neuron_ops(table + NLISTED);
    table_size += stc_population_ops(table + table_size);
    table_size += stc_code_ops(table + table_size);
}

const stc_op *const *stc_op_list(int *n)
{
    pthread_once(&table_once, make_table);
    *n = table_size;
    return table;
}

static bool is_called(const stc_op *op, const char *name)
{
    return strcmp(op->name, name) == 0 || strcmp(op->type, name) == 0 ||
           (op->alias != NULL && strcmp(op->alias, name) == 0);
}

const stc_op *stc_op_find(const char *name)
{
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    const char *names[3 * MAX_OPS];
    int nnames = 0;
    for (int k = 0; k < n; k++) {
        if (is_called(ops[k], name)) return ops[k];
        names[nnames++] = ops[k]->name;
        names[nnames++] = ops[k]->type;
        if (ops[k]->alias != NULL) names[nnames++] = ops[k]->alias;
    }
    const char *nearest = stc_nearest(name, names, nnames);
    if (nearest != NULL) {
        stc_fail(STC_ERR_INPUT, "unknown op '%s'; did you mean '%s'?", name, nearest);
    } else {
        stc_fail(STC_ERR_INPUT, "unknown op '%s'", name);
    }
    return NULL;
}

int stc_op_attr(const stc_op *op, const char *name)
{
    for (int a = 0; a < op->nattrs; a++) {
        if (strcmp(op->attrs[a].name, name) == 0) return a;
    }
    return -1;
}

const stc_attr *stc_node_attr(const stc_node *node, const char *name)
{
    int a = stc_op_attr(node->op, name);
    assert(a >= 0);
    return &node->attrs[a];
}
