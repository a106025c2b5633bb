/* nir_order.c - in which order the operands of a sum are added. Float sums of three terms and more
 * depend on it, but neither the names of nodes nor the order of edges in the file may matter: terms
 * are sorted by what they are.
 *
 * Every node gets a colour: a hash of its op, attributes and weights, then, again and again, of its
 * own colour and those of its operands and consumers (Weisfeiler and Leman's refinement). Terms of
 * equal colour are told apart by name; all but inputs of one shape then have equal values anyway.
 */
#include "model.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 32, PIECE = 1 << 16 };

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t n)
{
    for (const unsigned char *b = bytes; n > 0; n--, b++)
        hash = (hash ^ *b) * UINT64_C(0x100000001b3);
    return stc_mix64(hash);
}

static int mix_weight(uint64_t *hash, const stc_weight *weight)
{
    int64_t rows = weight->shape.ndim ? weight->shape.dim[0] : 1, row = stc_weight_row_size(weight);
    int64_t piece = row >= PIECE ? 1 : PIECE / row;
    float *values = stc_alloc((piece < rows ? piece : rows) * row, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    *hash = mix_bytes(*hash, &weight->shape, sizeof(weight->shape));
    for (int64_t first = 0; first < rows && rc == 0; first += piece) {
        int64_t count = rows - first < piece ? rows - first : piece;
        rc = weight->read(weight, first, count, values);
        if (rc == 0) *hash = mix_bytes(*hash, values, (size_t)(count * row) * sizeof(*values));
    }
    stc_free(values);
    return rc;
}

/* What a node is by itself. */
static int own_colour(const stc_node *node, uint64_t *colour)
{
    uint64_t hash = mix_bytes(UINT64_C(0xcbf29ce484222325), node->op->name, strlen(node->op->name));
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_attr *attr = &node->attrs[a];
        hash = mix_bytes(hash, attr->i, sizeof(attr->i));
        hash = mix_bytes(hash, &attr->r, sizeof(attr->r));
        if (attr->weight) STC_TRY(mix_weight(&hash, attr->weight));
    }
    *colour = hash;
    return 0;
}

/* Colours of neighbours are added up, so that their order does not matter. */
static void refine(const stc_graph *graph, uint64_t *colour, uint64_t *around)
{
    memset(around, 0, (size_t)graph->nnodes * sizeof(*around));
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++) {
            around[i] += stc_mix64(colour[node->inputs[k]] + 1);
            around[node->inputs[k]] += stc_mix64(colour[i] + 2);
        }
    }
    for (int32_t i = 0; i < graph->nnodes; i++)
        colour[i] = stc_mix64(colour[i] + around[i]);
}

typedef struct {
    uint64_t colour;
    const char *name;
    int32_t node;
} term;

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->colour != y->colour) return x->colour < y->colour ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int sort_operands(const stc_graph *graph, stc_node *node, const uint64_t *colour)
{
    term *terms = stc_alloc(node->ninputs, sizeof(*terms));
    if (!terms) return STC_ERR_NOMEM;
    for (int k = 0; k < node->ninputs; k++) {
        int32_t i = node->inputs[k];
        terms[k] = (term){colour[i], graph->nodes[i]->name, i};
    }
    qsort(terms, (size_t)node->ninputs, sizeof(*terms), compare_terms);
    for (int k = 0; k < node->ninputs; k++)
        node->inputs[k] = terms[k].node;
    stc_free(terms);
    return 0;
}

int stc_nir_order_sums(stc_graph *graph)
{
    bool needed = false;
    for (int32_t i = 0; i < graph->nnodes; i++)
        needed = needed || graph->nodes[i]->ninputs > 2;
    if (!needed) return 0;
    uint64_t *colour = stc_alloc(2 * (int64_t)graph->nnodes, sizeof(*colour));
    int rc = colour ? 0 : STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes && rc == 0; i++)
        rc = own_colour(graph->nodes[i], &colour[i]);
    for (int r = 0; r < ROUNDS && rc == 0; r++)
        refine(graph, colour, colour + graph->nnodes);
    for (int32_t i = 0; i < graph->nnodes && rc == 0; i++)
        if (graph->nodes[i]->ninputs > 2) rc = sort_operands(graph, graph->nodes[i], colour);
    stc_free(colour);
    return rc;
}
