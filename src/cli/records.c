/* records.c - see records.h. */
#include "records.h"

#include "stc/error.h"
#include "stc/neuron.h"
#include "stc/population.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDS = 256, MAX_VARIABLES = 256 };
static const char HELP[] =
    "expected none, spikes, or a variable as v, v:NODE or v:NODE[A:B], separated by commas";

/* ---- words ---- */

typedef struct {
    int n;
    const char *names[MAX_VARIABLES];
} variables;

static bool is_known(const variables *known, const char *name)
{
    for (int i = 0; i < known->n; i++)
        if (strcmp(known->names[i], name) == 0) return true;
    return false;
}

static void add_states(variables *known, const char *const *states, int nstate)
{
    for (int s = 0; s < nstate && known->n < MAX_VARIABLES; s++)
        if (!is_known(known, states[s])) known->names[known->n++] = states[s];
}

/* A variable must be a state of some model. */
static int check_variable(const char *word)
{
    variables known = {2, {"spikes", "none"}};
    int n;
    const stc_neuron_model *const *neurons = stc_neuron_models("scalar", &n);
    for (int m = 0; m < n; m++)
        add_states(&known, neurons[m]->states, neurons[m]->nstate);
    const stc_population_model *const *populations = stc_population_models("scalar", false, &n);
    for (int m = 0; m < n; m++)
        add_states(&known, populations[m]->states, populations[m]->nstate);
    if (is_known(&known, word)) return 0;
    const char *near = stc_nearest(word, known.names, known.n);
    STC_FAIL(STC_ERR_USAGE, "--record: '%s' is no variable of any neuron; %s%s%s%s", word, HELP,
             near ? "\nhint: did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool read_index(const char *digits, const char *end, int64_t *out)
{
    char *stop;
    if (digits == end || *digits < '0' || *digits > '9') return false;
    errno = 0;
    *out = strtoll(digits, &stop, 10);
    return errno == 0 && stop == end;
}

/* Cut a range "[A:B]" off the end of a name; without one, nothing happens. A node may be called
 * x[0], so other brackets belong to the name. */
static int cut_range(char *name, stc_record *record)
{
    size_t length = strlen(name);
    char *open = strrchr(name, '['), *colon = open ? strchr(open, ':') : NULL;
    if (!colon || name[length - 1] != ']') return 0;
    char *end = name + length - 1;
    int64_t last = -1;
    bool good = colon == open + 1 || read_index(open + 1, colon, &record->first);
    good = good && (colon + 1 == end || read_index(colon + 1, end, &last));
    STC_CHECK(good && (last < 0 || record->first < last), STC_ERR_USAGE,
              "--record: found '%s', expected NODE[A:B], for example lif1[0:10] (0 <= A < B)",
              name);
    record->count = last < 0 ? -1 : last - record->first;
    *open = '\0';
    return 0;
}

/* One word of the list; it is cut into pieces. */
static int add_record(char *word, stc_records *out, bool *none)
{
    stc_record record = {.variable = word};
    char *colon = strchr(word, ':');
    STC_CHECK(word[0], STC_ERR_USAGE, "--record: a word is empty; %s", HELP);
    if (colon) {
        *colon = '\0';
        record.node = colon + 1;
        STC_TRY(cut_range(colon + 1, &record));
        STC_CHECK(colon[1], STC_ERR_USAGE, "--record: there is no node after '%s:'; %s", word,
                  HELP);
    }
    STC_TRY(check_variable(word));
    bool plain = strcmp(word, "spikes") == 0 || strcmp(word, "none") == 0;
    STC_CHECK(!plain || !colon, STC_ERR_USAGE,
              "--record: '%s' is for all neurons and takes no node; %s", word, HELP);
    if (plain) {
        *(strcmp(word, "spikes") == 0 ? &out->spikes : none) = true;
        return 0;
    }
    STC_CHECK(out->nrecords < MAX_RECORDS, STC_ERR_USAGE, "--record: more than %d records",
              MAX_RECORDS);
    out->records[out->nrecords++] = record;
    return 0;
}

int stc_records_parse(const stc_option_list *words, stc_arena *arena, stc_records *out)
{
    bool none = false;
    *out = (stc_records){.spikes = words->n == 0};
    out->records = stc_arena_alloc(arena, MAX_RECORDS, sizeof(*out->records));
    if (!out->records) return STC_ERR_NOMEM;
    for (int i = 0; i < words->n; i++) {
        char *word = stc_arena_strdup(arena, words->words[i]), *comma;
        if (!word) return STC_ERR_NOMEM;
        for (; (comma = strchr(word, ',')) != NULL; word = comma + 1) {
            *comma = '\0';
            STC_TRY(add_record(word, out, &none));
        }
        STC_TRY(add_record(word, out, &none));
    }
    STC_CHECK(!none || (!out->spikes && out->nrecords == 0), STC_ERR_USAGE,
              "--record: 'none' beside other words");
    return 0;
}

/* ---- ranges ---- */

int stc_records_fit(stc_records *records, const stc_program *program)
{
    for (int r = 0; r < records->nrecords; r++) {
        stc_record *record = &records->records[r];
        for (int32_t s = 0; record->node && s < program->nstages; s++) {
            if (strcmp(program->stages[s].name, record->node) != 0) continue;
            int64_t size = stc_shape_size(&program->stages[s].shape);
            int64_t end = record->count > 0 ? record->first + record->count : record->first + 1;
            STC_CHECK(end <= size, STC_ERR_USAGE,
                      "--record: %s has %lld neurons, indices 0 to %lld; neuron %lld is asked for",
                      record->node, (long long)size, (long long)(size - 1), (long long)(end - 1));
            if (record->count < 0) record->count = size - record->first;
        }
        if (record->count < 0) record->count = 0;
    }
    return 0;
}
