/* nir_needs.c - the rules that a NIR file needs to mean what a graph does. The file has no place
 * for them, and a reader takes one set for all nodes, so all must agree. */
#include "nir_write.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

static int disagree(const stc_nir_writer *w, const stc_node *node, const char *what)
{
    STC_FAIL(STC_ERR_INPUT,
             "node %s (%s): cannot be written as NIR: its %s differs from that of %s, and a NIR "
             "file is read under one rule for all nodes",
             node->name, node->op->name, what, w->needs.says->name);
}

static int agree_number(const stc_nir_writer *w, const stc_node *node, const char *what,
                        int64_t value, int64_t *rule)
{
    if (*rule >= 0 && *rule != value) return disagree(w, node, what);
    *rule = value;
    return 0;
}

static int agree_word(stc_nir_writer *w, const stc_node *node, int rule, const char *word)
{
    stc_nir_rules now = w->needs.rules;
    const char *words, *name = stc_nir_rule(rule, &words);
    STC_CHECK(stc_nir_rule_set(&now, rule, word), STC_ERR_INTERNAL, "rule %s has no word %s", name,
              word);
    const char *before = stc_nir_rule_word(&w->needs.rules, rule);
    if (before && strcmp(before, word) != 0) return disagree(w, node, name);
    w->needs.rules = now;
    return 0;
}

static int rule_number(const char *name)
{
    const char *words, *rule;
    for (int i = 0; (rule = stc_nir_rule(i, &words)); i++)
        if (strcmp(rule, name) == 0) return i;
    return -1;
}

const char *stc_nir_choice(const stc_node *node, int a, char *buffer, size_t size)
{
    const char *word = node->op->attrs[a].choices;
    for (int64_t k = 0; k < node->attrs[a].i[0] && *word; k++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    snprintf(buffer, size, "%.*s", (int)strcspn(word, " "), word);
    return buffer;
}

static int agree_dt(stc_nir_writer *w, const stc_node *node, double dt)
{
    if (w->needs.rules.dt != 0 && w->needs.rules.dt != dt) return disagree(w, node, "dt");
    w->needs.rules.dt = w->needs.dt = dt;
    return 0;
}

/* The delays that the reader inserts: all of the same number of steps, and in the same place. */
static int inserted_needs(stc_nir_writer *w, const stc_node *node)
{
    int64_t least, most;
    STC_TRY(node->op->delay(node, &least, &most));
    STC_TRY(agree_number(w, node, "delay", least, &w->needs.rules.recurrent_delay));
    bool silent = stc_nir_operand(w, node)->op->op_class != STC_CLASS_NEURON;
    return agree_word(w, node, rule_number("recurrent_start"), silent ? "silent" : "bias");
}

/* ---- where v begins ---- */

enum { START_ZERO = 1, START_LEAK = 2, START_RESET = 4 };

/* Is attribute `a` the number or the attribute `as` (-1: 0) for every neuron? */
static int equals(const stc_node *node, int a, int as, bool *same)
{
    enum { PIECE = 4096 };
    double one[PIECE], other[PIECE] = {0};
    const int64_t size = stc_shape_size(&node->shape);
    *same = true;
    for (int64_t first = 0; first < size && *same; first += PIECE) {
        int64_t n = size - first < PIECE ? size - first : PIECE;
        STC_TRY(stc_node_each(node, a, first, n, one));
        if (as >= 0) STC_TRY(stc_node_each(node, as, first, n, other));
        for (int64_t k = 0; k < n && *same; k++)
            *same = one[k] == other[k];
    }
    return 0;
}

/* Which words of the rule `start` say v0 of this node; the words for which nothing is there to take
 * leave it at 0. */
static int find_starts(const stc_node *node, int *mask)
{
    static const char *const names[] = {NULL, "v_leak", "v_reset"};
    int v0 = stc_op_attr(node->op, "v0");
    *mask = START_ZERO | START_LEAK | START_RESET;
    for (int i = 0; i < 3 && v0 >= 0; i++) {
        bool same;
        int other = names[i] ? stc_op_attr(node->op, names[i]) : -1;
        STC_TRY(equals(node, v0, other, &same));
        if (!same) *mask &= ~(1 << i);
    }
    return 0;
}

static int find_discrete_starts(const stc_node *node, int *mask)
{
    double v0 = stc_node_real(node, "v0");
    double rest = stc_node_int(node, "soft_reset") ? 0.0 : stc_node_real(node, "v_reset");
    *mask = (v0 == 0 ? START_ZERO : 0) | (v0 == rest ? START_LEAK | START_RESET : 0);
    return 0;
}

static int agree_start(stc_nir_writer *w, const stc_node *node)
{
    int mask = 0;
    bool discrete = strcmp(node->op->name, "discrete_lif") == 0;
    STC_TRY((discrete ? find_discrete_starts : find_starts)(node, &mask));
    STC_CHECK(mask, STC_ERR_INPUT,
              "node %s (%s): cannot be written as NIR: it starts at v0, which is neither 0 nor "
              "v_leak nor v_reset",
              node->name, node->op->name);
    w->needs.starts &= mask;
    return w->needs.starts ? 0 : disagree(w, node, "start (v0)");
}

/* ---- all of a node ---- */

static int discrete_needs(stc_nir_writer *w, const stc_node *node)
{
    static const char *const words[][2] = {
        {"integrator", "euler"}, {"reset_time", "same"}, {"fire", "after"}, {"clip", "none"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        STC_TRY(agree_word(w, node, rule_number(words[i][0]), words[i][1]));
    STC_TRY(agree_word(w, node, rule_number("reset"),
                       stc_node_int(node, "soft_reset") ? "subtract" : "value"));
    STC_TRY(agree_word(w, node, rule_number("compare"),
                       stc_node_int(node, "compare") == 0 ? "ge" : "gt"));
    return agree_number(w, node, "max_count", 1, &w->needs.rules.max_count);
}

static int node_needs(stc_nir_writer *w, const stc_node *node)
{
    char word[64];
    bool neuron = node->op->op_class == STC_CLASS_NEURON;
    if (!neuron && node->op->op_class != STC_CLASS_DELAY) return 0;
    if (neuron) STC_TRY(agree_start(w, node));
    if (strcmp(node->op->name, "discrete_lif") == 0) return discrete_needs(w, node);
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_attr_spec *spec = &node->op->attrs[a];
        const stc_attr *attr = &node->attrs[a];
        int rule = rule_number(spec->name);
        if (strcmp(spec->name, "dt") == 0) STC_TRY(agree_dt(w, node, attr->r));
        if (strcmp(spec->name, "max_count") == 0) {
            STC_TRY(agree_number(w, node, spec->name, attr->i[0], &w->needs.rules.max_count));
        }
        /* gains are written into r and w_in */
        if (rule < 0 || spec->kind != STC_ATTR_CHOICE || strcmp(spec->name, "gain") == 0) continue;
        STC_TRY(agree_word(w, node, rule, stc_nir_choice(node, a, word, sizeof(word))));
    }
    return stc_nir_is_inserted(w->graph, node) ? inserted_needs(w, node) : 0;
}

int stc_nir_find_needs(stc_nir_writer *w)
{
    static const char *const words[] = {"zero", "leak", "reset"};
    w->needs = (stc_nir_needs){.dt = w->graph->dt,
                               .rules = STC_NIR_RULES_OPEN,
                               .starts = START_ZERO | START_LEAK | START_RESET};
    for (int32_t i = 0; i < w->graph->nnodes; i++) {
        const stc_node *node = w->graph->nodes[i];
        STC_TRY(node_needs(w, node));
        bool has_rules =
            node->op->op_class == STC_CLASS_NEURON || node->op->op_class == STC_CLASS_DELAY;
        if (has_rules && !w->needs.says) w->needs.says = node;
    }
    if (!(w->needs.dt > 0)) w->needs.dt = 1e-4;
    for (int i = 0; i < 3; i++)
        if (w->needs.starts >> i & 1) return agree_word(w, NULL, rule_number("start"), words[i]);
    return 0;
}

void stc_nir_needs_text(const stc_nir_needs *needs, char *buffer, size_t size)
{
    const char *words, *rule;
    int used = snprintf(buffer, size, "--dt %.17g", needs->dt);
    char shorter[64];
    snprintf(shorter, sizeof(shorter), "--dt %.9g", needs->dt);
    if (strtod(shorter + 5, NULL) == needs->dt) used = snprintf(buffer, size, "%s", shorter);
    for (int i = 0; (rule = stc_nir_rule(i, &words)) && (size_t)used < size; i++) {
        const char *word = stc_nir_rule_word(&needs->rules, i);
        size_t first = strcspn(words, " ");
        bool usual = word && strlen(word) == first && strncmp(word, words, first) == 0;
        if (!word || (usual && i >= 3)) continue;
        char name[64];
        snprintf(name, sizeof(name), "%s", rule);
        for (char *c = name; *c; c++)
            if (*c == '_') *c = '-';
        used += snprintf(buffer + used, size - (size_t)used, " --%s %s", name, word);
    }
    if ((size_t)used < size && needs->rules.max_count > 1) {
        used += snprintf(buffer + used, size - (size_t)used, " --max-count %lld",
                         (long long)needs->rules.max_count);
    }
    if ((size_t)used < size && needs->rules.recurrent_delay > 0) {
        snprintf(buffer + used, size - (size_t)used, " --recurrent-delay %lld",
                 (long long)needs->rules.recurrent_delay);
    }
}
