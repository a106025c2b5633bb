/* input_sonata.c - inputs that are SONATA spike files: /spikes/<population>/{node_ids, timestamps},
 * or the older /spikes/{gids, timestamps} without populations. A population is an input node, a
 * node id the C-order index of an element. Our own results are such files; their `sample` and
 * `value` columns are understood. */
#include "input_file.h"

#include "stc/error.h"

#include <string.h>

/* Are times the ends of steps? The file may say; else a network of populations wants it so. */
static int read_stamp(const stc_input_file *f, const stc_h5_data *times, bool *ends)
{
    const char *stamp;
    *ends = stc_program_stamps_end(f->program);
    if (!stc_h5_has_attr(times->id, "stamp")) return 0;
    STC_TRY(stc_h5_attr_text(times->id, "stamp", f->arena, &stamp));
    *ends = strcmp(stamp, "end") == 0;
    if (*ends || strcmp(stamp, "start") == 0) return 0;
    return stc_h5_fail(STC_ERR_INPUT, times->id, NULL,
                       "attribute stamp is \"%.40s\", expected start or end", stamp);
}

static int open_columns(const stc_input_file *f, hid_t group, const char *ids,
                        stc_event_columns *columns)
{
    STC_TRY(stc_event_column(group, ids, true, true, &columns->ids));
    STC_TRY(stc_event_column(group, "timestamps", true, false, &columns->times));
    STC_TRY(stc_event_column(group, "sample", false, true, &columns->samples));
    STC_TRY(stc_event_column(group, "value", false, false, &columns->values));
    STC_TRY(read_stamp(f, &columns->times, &columns->ends));
    STC_TRY(stc_h5_time_unit(&columns->times, f->arena, &columns->unit));
    columns->unit /= 1e3; /* seconds */
    return 0;
}

static int read_population(stc_input_file *f, const stc_stage *stage, hid_t group, const char *ids,
                           int64_t samples)
{
    stc_event_columns columns = {{.id = -1}, {.id = -1}, {.id = -1}, {.id = -1}, 0, false, false};
    int rc = open_columns(f, group, ids, &columns);
    if (rc == 0) rc = stc_input_add_events(f, stage, samples, &columns);
    stc_event_columns_close(&columns);
    return rc;
}

static int read_populations(stc_input_file *f, hid_t spikes, int64_t samples)
{
    const char **links;
    int64_t nlinks;
    STC_TRY(stc_h5_names(spikes, 100000, f->arena, &links, &nlinks));
    STC_TRY(stc_input_match(f, spikes, links, nlinks));
    for (int32_t s = 0; s < f->program->nstages; s++) {
        const stc_stage *stage = &f->program->stages[s];
        hid_t group;
        if (!stage->is_input) continue;
        const char *link = stc_input_link(f, stage, links, nlinks);
        if (!link) return STC_ERR_NOMEM;
        STC_TRY(stc_h5_group(spikes, link, &group));
        int rc = read_population(f, stage, group, "node_ids", samples);
        stc_h5_close(&group);
        STC_TRY(rc);
    }
    return 0;
}

/* A file without populations speaks of one input. */
static int read_old(stc_input_file *f, hid_t spikes, int64_t samples)
{
    const char *ids = stc_h5_has(spikes, "gids") ? "gids" : "node_ids";
    if (f->ninputs != 1) {
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, spikes, NULL,
                           "has no populations, but the program has %d inputs; give each a group "
                           "/spikes/<input>",
                           f->ninputs);
    }
    for (int32_t s = 0; s < f->program->nstages; s++) {
        if (f->program->stages[s].is_input) {
            return read_population(f, &f->program->stages[s], spikes, ids, samples);
        }
    }
    return 0;
}

/* Samples that nobody counted: up to the last that has an event. */
static void count_samples(stc_input_file *f)
{
    f->input.samples = 1;
    for (int i = 0; i < f->input.narrays; i++) {
        const stc_input_values *values = f->input.arrays[i].handle;
        if (values->nevents == 0) continue;
        int64_t last = values->events[values->nevents - 1].sample;
        if (last >= f->input.samples) f->input.samples = last + 1;
    }
}

int stc_input_open_sonata(stc_input_file *f)
{
    hid_t spikes;
    int64_t samples = 0;
    STC_TRY(stc_h5_group(f->file, "spikes", &spikes));
    int rc = 0;
    if (stc_h5_has_attr(spikes, "samples")) {
        rc = stc_h5_attr_int(spikes, "samples", &samples);
        if (rc == 0 && (samples < 1 || samples > INT32_MAX)) {
            rc = stc_h5_fail(STC_ERR_INPUT, spikes, NULL,
                             "attribute samples is %lld, expected 1 to %d", (long long)samples,
                             INT32_MAX);
        }
    }
    if (rc == 0 && stc_h5_has(spikes, "timestamps")) {
        rc = read_old(f, spikes, samples);
    } else if (rc == 0) {
        rc = read_populations(f, spikes, samples);
    }
    if (rc == 0 && samples == 0) count_samples(f);
    stc_h5_close(&spikes);
    return rc;
}
