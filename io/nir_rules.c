/* nir_rules.c - the rules that NIR files leave open: their words, what the simulators that read NIR
 * do, and giving them to the nodes of a graph.
 *
 * A preset says what a simulator makes of a .nir file by its own importer; names with -live stand
 * for what its own layers do. Settings are "attribute=word" for all nodes that have the attribute,
 * or "op.attribute=word" for one op.
 */
#include "model.h"

#include "stc/error.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { UNLIMITED = 255 }; /* spikes in one step */

const stc_nir_rules STC_NIR_RULES_OPEN = {.integrator = -1,
                                          .compare = -1,
                                          .reset = -1,
                                          .reset_time = -1,
                                          .fire = -1,
                                          .clip = -1,
                                          .gain = -1,
                                          .recurrent_start = -1,
                                          .start = -1,
                                          .max_count = -1,
                                          .recurrent_delay = -1};

static const struct {
    const char *name, *words;
    size_t offset;
} choices[] = {
    {"integrator", "euler exact decay", offsetof(stc_nir_rules, integrator)},
    {"compare", "gt ge", offsetof(stc_nir_rules, compare)},
    {"reset", "value zero subtract", offsetof(stc_nir_rules, reset)},
    {"reset_time", "same next carry", offsetof(stc_nir_rules, reset_time)},
    {"fire", "after before", offsetof(stc_nir_rules, fire)},
    {"clip", "none threshold", offsetof(stc_nir_rules, clip)},
    {"gain", "ode unit no_r decayed", offsetof(stc_nir_rules, gain)},
    {"recurrent_start", "bias silent", offsetof(stc_nir_rules, recurrent_start)},
    {"start", "zero leak reset", offsetof(stc_nir_rules, start)},
};
enum { NCHOICES = sizeof(choices) / sizeof(choices[0]), ALWAYS_TOLD = 3 };

static const struct {
    const char *name, *help;
    const char *settings; /* NULL: cannot be expressed, help says why */
} presets[] = {
    {"norse", "Norse, from_nir: 1 ms, reset to 0, r of LIF ignored",
     "dt=1e-3 integrator=euler compare=gt reset=zero recurrent_start=silent start=leak "
     "lif.gain=no_r li.gain=no_r if.gain=unit i.gain=unit"},
    {"snntorch", "snnTorch, import_from_nir: 0.1 ms, reset to 0; but not IF, which it makes leaky",
     "dt=1e-4 integrator=euler compare=gt reset=zero if.gain=unit"},
    {"snntorch-live", "snnTorch's layers as they are by default: subtract in the next step",
     "dt=1e-4 integrator=euler compare=gt reset=subtract reset_time=next if.gain=unit"},
    {"sinabs", "Sinabs' layers by default, tau in steps: several spikes in a step, subtract",
     "dt=1 integrator=exact compare=ge reset=subtract max_count=255 recurrent_start=silent "
     "if.gain=unit i.gain=unit"},
    {"sinabs-import", "Sinabs, from_nir, tau in steps: input not scaled, IF clipped below",
     "dt=1 integrator=decay compare=ge reset=subtract max_count=255 recurrent_start=silent "
     "gain=unit if.clip=threshold"},
    {"spikingjelly", "SpikingJelly, import_from_nir: 0.1 ms, >=, reset to v_reset",
     "dt=1e-4 integrator=euler compare=ge reset=value recurrent_start=silent "
     "start=reset"},
    {"spyx", "Spyx, tau in steps: fires one step late; but in cycles it takes no step more",
     "dt=1 integrator=euler compare=gt reset=subtract fire=before recurrent_start=silent gain=unit "
     "lif.reset_time=next if.reset_time=next"},
    {"rockpool", "Rockpool, tau in steps; but biases act in cycles",
     "dt=1 integrator=decay compare=ge reset=subtract max_count=255 recurrent_start=silent "
     "gain=unit cuba_lif.gain=decayed cuba_li.gain=decayed"},
    {"lava", "Lava, floating point: 0.1 ms, reset to 0; but weights take no step of delay",
     "dt=1e-4 integrator=euler compare=gt reset=zero"},
    {"nengo",
     "not possible: it fires between steps, crossing times are interpolated and the rest of a step "
     "carries over",
     NULL},
};
enum { NPRESETS = sizeof(presets) / sizeof(presets[0]) };

/* ---- words ---- */

/* Index of a word of length n in a list, or -1. */
static int word_index(const char *words, const char *word, size_t n)
{
    int index = 0;
    for (; *words; index++) {
        size_t size = strcspn(words, " ");
        if (size == n && strncmp(words, word, n) == 0) return index;
        words += size;
        words += strspn(words, " ");
    }
    return -1;
}

/* Word number `index` of a list and its length. */
static const char *word_of(const char *words, int index, int *n)
{
    for (; index > 0 && *words; index--) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    *n = (int)strcspn(words, " ");
    return words;
}

static int *choice_of(stc_nir_rules *rules, int i)
{
    return (int *)(void *)((char *)rules + choices[i].offset);
}

const char *stc_nir_rule(int i, const char **words)
{
    if (i < 0 || i >= NCHOICES) return NULL;
    *words = choices[i].words;
    return choices[i].name;
}

bool stc_nir_rule_set(stc_nir_rules *rules, int i, const char *word)
{
    int index = word_index(choices[i].words, word, strlen(word));
    if (index >= 0) *choice_of(rules, i) = index;
    return index >= 0;
}

const char *stc_nir_rule_word(const stc_nir_rules *rules, int i)
{
    static _Thread_local char buffer[32];
    stc_nir_rules copy = *rules;
    int n;
    if (*choice_of(&copy, i) < 0) return NULL;
    const char *word = word_of(choices[i].words, *choice_of(&copy, i), &n);
    snprintf(buffer, sizeof(buffer), "%.*s", n, word);
    return buffer;
}

const char *stc_nir_rules_given(const stc_nir_rules *rules)
{
    stc_nir_rules copy = *rules;
    for (int i = 0; i < NCHOICES; i++)
        if (*choice_of(&copy, i) >= 0) return choices[i].name;
    if (rules->dt != 0) return "dt";
    if (rules->max_count >= 0) return "max_count";
    if (rules->recurrent_delay >= 0) return "recurrent_delay";
    return rules->preset ? "as" : NULL;
}

const char *stc_nir_preset(int i, const char **help)
{
    if (i < 0 || i >= NPRESETS) return NULL;
    *help = presets[i].help;
    return presets[i].name;
}

/* ---- settings: "name=value name=value" ---- */

/* The value that settings give a name, and its length; NULL: none. */
static const char *find_setting(const char *settings, const char *name, int *n)
{
    size_t length = strlen(name);
    for (const char *s = settings; s && *s;) {
        const char *equal = strchr(s, '=');
        *n = (int)strcspn(equal, " ") - 1;
        if ((size_t)(equal - s) == length && strncmp(s, name, length) == 0) return equal + 1;
        s = equal + 1 + *n;
        s += strspn(s, " ");
    }
    return NULL;
}

static void take_settings(stc_nir_rules *rules, const char *settings)
{
    int n;
    const char *value;
    for (int i = 0; i < NCHOICES; i++) {
        value = find_setting(settings, choices[i].name, &n);
        if (*choice_of(rules, i) < 0 && value) {
            *choice_of(rules, i) = word_index(choices[i].words, value, (size_t)n);
        }
    }
    value = find_setting(settings, "dt", &n);
    if (rules->dt == 0 && value) rules->dt = strtod(value, NULL);
    value = find_setting(settings, "max_count", &n);
    if (rules->max_count < 0 && value) rules->max_count = strtol(value, NULL, 10);
}

/* Was the rule that a setting of an op is for ("lif.gain=unit") given by hand? */
static bool is_fixed(const stc_nir_rules *rules, const char *attribute)
{
    for (int i = 0; i < NCHOICES; i++) {
        size_t n = strlen(choices[i].name);
        if (strncmp(attribute, choices[i].name, n) == 0 && strchr("=", attribute[n])) {
            return rules->fixed >> i & 1;
        }
    }
    return false;
}

static int take_preset(stc_nir_rules *rules)
{
    const char *names[NPRESETS];
    char list[256] = "";
    size_t used = 0;
    for (int i = 0; i < NPRESETS; i++) {
        names[i] = presets[i].name;
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
        if (strcmp(names[i], rules->preset) != 0) continue;
        STC_CHECK(presets[i].settings, STC_ERR_USAGE, "--as %s: %s", names[i], presets[i].help);
        rules->settings = presets[i].settings;
        take_settings(rules, presets[i].settings);
        return 0;
    }
    const char *nearest = stc_nearest(rules->preset, names, NPRESETS);
    STC_FAIL(STC_ERR_USAGE, "--as %.60s: there is no such preset, expected one of: %s%s%s%s",
             rules->preset, list, nearest ? "\nhint: did you mean " : "", nearest ? nearest : "",
             nearest ? "?" : "");
}

int stc_nir_rules_complete(stc_nir_rules *rules)
{
    for (int i = 0; i < NCHOICES; i++)
        rules->fixed |= (unsigned)(*choice_of(rules, i) >= 0) << i;
    if (rules->preset) STC_TRY(take_preset(rules));
    take_settings(rules, "dt=1e-4 max_count=1");
    for (int i = 0; i < NCHOICES; i++)
        if (*choice_of(rules, i) < 0) *choice_of(rules, i) = 0;
    if (rules->recurrent_delay < 0) rules->recurrent_delay = 1;
    STC_CHECK(rules->dt > 0 && rules->dt <= 1e6, STC_ERR_USAGE,
              "--dt: a step of %g s, expected more than 0 and at most 1e6", rules->dt);
    STC_CHECK(rules->max_count >= 1 && rules->max_count <= UNLIMITED, STC_ERR_USAGE,
              "--max-count: %lld spikes in a step, expected 1 to %d", (long long)rules->max_count,
              UNLIMITED);
    STC_CHECK(rules->recurrent_delay >= 1 && rules->recurrent_delay <= 1 << 20, STC_ERR_USAGE,
              "--recurrent-delay: %lld steps, expected 1 to %d: a cycle needs a step",
              (long long)rules->recurrent_delay, 1 << 20);
    return 0;
}

const char *stc_nir_rules_text(const stc_nir_rules *rules, char *buffer, size_t size)
{
    stc_nir_rules copy = *rules;
    int used = snprintf(buffer, size, "dt %.9g s", rules->dt);
    for (int i = 0; i < NCHOICES && used >= 0 && (size_t)used < size; i++) {
        int n, index = *choice_of(&copy, i);
        if (index < 1 && i >= ALWAYS_TOLD) continue;
        const char *word = word_of(choices[i].words, index, &n);
        used += snprintf(buffer + used, size - (size_t)used, ", %s %.*s", choices[i].name, n, word);
    }
    if ((size_t)used < size && rules->max_count > 1) {
        used += snprintf(buffer + used, size - (size_t)used, ", max_count %lld",
                         (long long)rules->max_count);
    }
    if ((size_t)used < size) {
        used += snprintf(buffer + used, size - (size_t)used, ", recurrent_delay %lld",
                         (long long)rules->recurrent_delay);
    }
    for (const char *c = rules->settings; c && *c && (size_t)used < size;) {
        size_t n = strcspn(c, " ");
        const char *dot = memchr(c, '.', strcspn(c, "="));
        if (dot && !is_fixed(rules, dot + 1)) {
            used += snprintf(buffer + used, size - (size_t)used, ", %.*s", (int)n, c);
        }
        c += n;
        c += strspn(c, " ");
    }
    return buffer;
}

/* ---- giving them to the nodes ---- */

/* Set a CHOICE attribute to a word if it has it. */
static void set_word(const stc_attr_spec *spec, stc_attr *attr, const char *word, int n)
{
    int index = word_index(spec->choices, word, (size_t)n);
    if (index < 0) return;
    attr->i[0] = index;
    attr->given = true;
}

static void set_number(stc_attr *attr, double value)
{
    attr->r = value;
    attr->i[0] = (int64_t)value;
    attr->given = true;
}

/* What the settings of a preset say of this attribute of this op. */
static bool apply_setting(const stc_nir_rules *rules, stc_node *node, int a)
{
    char name[96];
    int n;
    const stc_attr_spec *spec = &node->op->attrs[a];
    snprintf(name, sizeof(name), "%s.%s", node->op->name, spec->name);
    const char *value = find_setting(rules->settings, name, &n);
    if (!value || is_fixed(rules, spec->name) || spec->kind != STC_ATTR_CHOICE) return false;
    set_word(spec, &node->attrs[a], value, n);
    return true;
}

/* Where v begins: as another attribute says, for all neurons or for each. */
static void set_start(const stc_nir_rules *rules, stc_node *node, int a)
{
    static const char *const from[] = {NULL, "v_leak", "v_reset"};
    const char *name = from[rules->start];
    int other = name ? stc_op_attr(node->op, name) : -1;
    if (other >= 0) node->attrs[a] = node->attrs[other];
    node->attrs[a].given = other >= 0;
}

static void apply_rule(stc_nir_rules *rules, stc_node *node, int a)
{
    const stc_attr_spec *spec = &node->op->attrs[a];
    stc_attr *attr = &node->attrs[a];
    if (apply_setting(rules, node, a)) return;
    if (strcmp(spec->name, "v0") == 0) set_start(rules, node, a);
    if (strcmp(spec->name, "dt") == 0) set_number(attr, rules->dt);
    if (strcmp(spec->name, "max_count") == 0) set_number(attr, (double)rules->max_count);
    for (int i = 0; i < NCHOICES; i++) {
        int n;
        if (spec->kind != STC_ATTR_CHOICE || strcmp(spec->name, choices[i].name) != 0) continue;
        const char *word = word_of(choices[i].words, *choice_of(rules, i), &n);
        set_word(spec, attr, word, n);
    }
}

int stc_nir_apply_rules(stc_model *m)
{
    stc_nir_rules rules = *m->rules;
    m->graph->dt = rules.dt;
    for (int32_t i = 0; i < m->graph->nnodes; i++) {
        stc_node *node = m->graph->nodes[i];
        bool timed =
            node->op->op_class == STC_CLASS_NEURON || node->op->op_class == STC_CLASS_DELAY;
        for (int a = 0; timed && a < node->op->nattrs; a++)
            if (!node->attrs[a].given) apply_rule(&rules, node, a);
    }
    return 0;
}
