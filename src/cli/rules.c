/* rules.c - the options of everything that reads a model: what NIR files leave open. */
#include "commands.h"

#include "stc/error.h"

#include <string.h>

static struct {
    const char *preset, *dt;
    const char *integrator, *compare, *reset, *reset_time, *fire, *clip, *gain, *recurrent_start,
        *start;
    int64_t max_count, recurrent_delay;
} given;

static const stc_option rows[] = {
    {0, "as", STC_OPTION_TEXT, &given.preset, "SIMULATOR", NULL,
     "the rules of norse, snntorch, snntorch-live, sinabs, sinabs-import,\n"
     "spikingjelly, spyx, rockpool or lava (`stc info --presets` explains);\n"
     "the options below go before it",
     0, 0, NULL},
    {0, "dt", STC_OPTION_TEXT, &given.dt, "TIME", NULL,
     "duration of a step, as 0.1ms, 100us or 1e-4s; a number alone:\n"
     "seconds (default 1e-4); also of a SpikeGraph that has none",
     0, 0, NULL},
    {0, "integrator", STC_OPTION_CHOICE, &given.integrator, "HOW", NULL,
     "forward Euler, the exact solution over a step, or exponential decay\n"
     "with the input as in Euler: euler, exact, decay (default euler)",
     0, 0, "euler exact decay"},
    {0, "compare", STC_OPTION_CHOICE, &given.compare, "HOW", NULL,
     "fire only above (gt) or also at (ge) the threshold (default gt)", 0, 0, "gt ge"},
    {0, "reset", STC_OPTION_CHOICE, &given.reset, "TO", NULL,
     "a spike sets v to v_reset (value), to 0 (zero), or takes the\n"
     "threshold off (subtract) (default value)",
     0, 0, "value zero subtract"},
    {0, "reset-time", STC_OPTION_CHOICE, &given.reset_time, "WHEN", NULL,
     "in the step of the spike (same), after the input of the next\n"
     "(next), or as snnTorch without delay (carry) (default same)",
     0, 0, "same next carry"},
    {0, "fire", STC_OPTION_CHOICE, &given.fire, "WHEN", NULL,
     "compare v after or before the update of a step (default after)", 0, 0, "after before"},
    {0, "max-count", STC_OPTION_INT, &given.max_count, "N", NULL,
     "largest number of spikes of a neuron in one step (default 1)", 1, 255, NULL},
    {0, "clip", STC_OPTION_CHOICE, &given.clip, "AT", NULL,
     "lower bound of v: none, or minus the threshold (default none)", 0, 0, "none threshold"},
    {0, "gain", STC_OPTION_CHOICE, &given.gain, "WHAT", NULL,
     "weight of the input in a step: by NIR's equation (ode), 1 (unit),\n"
     "with r taken as 1 (no_r), or 1 before a synapse decays (decayed)\n"
     "(default ode)",
     0, 0, "ode unit no_r decayed"},
    {0, "recurrent-delay", STC_OPTION_INT, &given.recurrent_delay, "N", NULL,
     "steps that spikes take on edges that close cycles (default 1)", 1, 1 << 20, NULL},
    {0, "recurrent-start", STC_OPTION_CHOICE, &given.recurrent_start, "HOW", NULL,
     "in the first steps of a cycle, before spikes arrive: its biases act\n"
     "(bias), or nothing comes (silent) (default bias)",
     0, 0, "bias silent"},
    {0, "start", STC_OPTION_CHOICE, &given.start, "AT", NULL,
     "v before the first step: 0, v_leak or v_reset (default zero)", 0, 0, "zero leak reset"},
};

const stc_option_table stc_rules_table = STC_TABLE("Rules that a NIR model leaves open", rows);

/* The word of a rule as it was given, or NULL. */
static const char *word_of(const char *rule)
{
    char name[64];
    snprintf(name, sizeof name, "%s", rule);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0) return *(const char *const *)rows[i].field;
    return NULL;
}

int stc_rules_options(stc_nir_rules *out)
{
    const char *words, *rule;
    *out = STC_NIR_RULES_OPEN;
    out->preset = given.preset;
    if (given.dt) STC_TRY(stc_parse_seconds("--dt", given.dt, &out->dt));
    if (given.max_count) out->max_count = given.max_count;
    if (given.recurrent_delay) out->recurrent_delay = given.recurrent_delay;
    for (int i = 0; (rule = stc_nir_rule(i, &words)); i++) {
        const char *word = word_of(rule);
        STC_CHECK(!word || stc_nir_rule_set(out, i, word), STC_ERR_INTERNAL,
                  "rule %s has no word %s", rule, word);
    }
    return 0;
}

const char *stc_rules_given(void)
{
    static char option[64];
    stc_nir_rules rules;
    const char *name = stc_rules_options(&rules) < 0 ? "dt" : stc_nir_rules_given(&rules);
    if (!name) return NULL;
    snprintf(option, sizeof option, "--%s", name);
    for (char *c = option; *c; c++)
        if (*c == '_') *c = '-';
    return option;
}
