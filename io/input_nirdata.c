/* input_nirdata.c - inputs that are NIRData (nir.write_data): /nodes/<node>/observables/<name> is
 * TimeGriddedData, EventData or ValuedEventData. A node is an input node, or the only one; nodes
 * that are no inputs are passed over, as such files often hold a whole network. */
#include "input_file.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

static int read_type(const stc_input_file *f, hid_t object, const char **type)
{
    return stc_h5_attr_text(object, "__type__", f->arena, type);
}

/* ---- one observable ---- */

/* Steps of another length than the model's are presented all the same. */
static int check_dt(const stc_input_file *f, hid_t group)
{
    double dt = 0;
    STC_TRY(stc_h5_attr_real(group, "dt", &dt));
    if (!(dt > 0) || isinf(dt)) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL, "attribute dt is %g, expected > 0", dt);
    }
    if ((f->options.dt > 0 || f->program->dt > 0) && fabs(dt - f->dt) > 1e-6 * f->dt) {
        stc_warn("%s: holds steps of %g s, expected are %g s; they are presented one by one "
                 "(--input-dt %g says that this is meant)",
                 f->input.path, dt, f->dt, dt);
    }
    return 0;
}

static int add_gridded(stc_input_file *f, const stc_stage *stage, hid_t group)
{
    stc_h5_data data;
    STC_TRY(check_dt(f, group));
    STC_TRY(stc_h5_data_open(group, "data", &data));
    return stc_input_add_dense(f, stage, &data, true);
}

static int check_events(stc_input_file *f, const stc_stage *stage, hid_t group)
{
    int64_t n = 0, size = stc_shape_size(&stage->shape);
    double t_max = 0;
    STC_TRY(stc_h5_attr_int(group, "n_neurons", &n));
    STC_TRY(stc_h5_attr_real(group, "t_max", &t_max));
    if (n != size) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                           "attribute n_neurons is %lld, but input %s has %lld elements",
                           (long long)n, stage->name, (long long)size);
    }
    double steps = nearbyint(t_max / f->dt);
    if (!(steps >= 0 && steps < ldexp(1, 40))) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                           "attribute t_max is %g, expected the seconds of a sample; a step is %g",
                           t_max, f->dt);
    }
    if ((int64_t)steps > f->longest) f->longest = (int64_t)steps;
    return 0;
}

static int open_columns(hid_t group, bool valued, stc_event_columns *columns)
{
    STC_TRY(stc_event_column(group, "idx", true, true, &columns->ids));
    STC_TRY(stc_event_column(group, "time", true, false, &columns->times));
    if (valued) STC_TRY(stc_event_column(group, "value", true, false, &columns->values));
    return 0;
}

static int add_events(stc_input_file *f, const stc_stage *stage, hid_t group, bool valued)
{
    stc_event_columns columns = {{.id = -1}, {.id = -1}, {.id = -1}, {.id = -1}, 1, true, false};
    STC_TRY(check_events(f, stage, group));
    int rc = open_columns(group, valued, &columns);
    int64_t samples = rc == 0 && columns.ids.ndim == 2 ? columns.ids.dim[0] : 1;
    if (rc == 0 && (samples == 0 || samples > INT32_MAX)) {
        rc = stc_h5_fail(STC_ERR_INPUT, columns.ids.id, NULL,
                         "holds %lld samples, expected 1 to %d", (long long)samples, INT32_MAX);
    }
    if (rc == 0) rc = stc_input_add_events(f, stage, samples, &columns);
    stc_event_columns_close(&columns);
    return rc;
}

static int add_observable(stc_input_file *f, const stc_stage *stage, hid_t group)
{
    const char *type;
    STC_TRY(read_type(f, group, &type));
    if (strcmp(type, "TimeGriddedData") == 0) return add_gridded(f, stage, group);
    if (strcmp(type, "EventData") == 0) return add_events(f, stage, group, false);
    if (strcmp(type, "ValuedEventData") == 0) return add_events(f, stage, group, true);
    return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                       "attribute __type__ is \"%.60s\", expected TimeGriddedData, EventData or "
                       "ValuedEventData",
                       type);
}

/* ---- which observable of which node ---- */

/* "a, b, c", cut when there are many. */
static const char *list_text(const char **links, int64_t n, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "%s", n ? "" : "none");
    for (int64_t i = 0; i < n && used < size; i++) {
        used += (size_t)snprintf(buffer + used, size - used, "%s%.40s", i ? ", " : "", links[i]);
    }
    return buffer;
}

/* The one that was asked for, else `spikes`, else the only one. */
static int choose_observable(const stc_input_file *f, hid_t group, const char **out)
{
    const char **links;
    char list[200];
    int64_t n;
    const char *wish = f->options.observable;
    STC_TRY(stc_h5_names(group, 100000, f->arena, &links, &n));
    *out = wish ? wish : n == 1 ? links[0] : "spikes";
    for (int64_t i = 0; i < n; i++) {
        if (strcmp(links[i], *out) == 0) return 0;
    }
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(wish ? STC_ERR_USAGE : STC_ERR_INPUT, group, NULL,
                       "has no observable %.60s; it has %s%s", *out,
                       list_text(links, n, list, sizeof(list)),
                       wish || !n ? "" : "\nhint: choose one by --observable NAME");
}

static int add_node(stc_input_file *f, const stc_stage *stage, hid_t node)
{
    const char *type, *name;
    hid_t observables, group;
    STC_TRY(read_type(f, node, &type));
    if (strcmp(type, "NIRNodeData") != 0) {
        return stc_h5_fail(STC_ERR_INPUT, node, NULL,
                           "attribute __type__ is \"%.60s\", expected NIRNodeData", type);
    }
    STC_TRY(stc_h5_group(node, "observables", &observables));
    int rc = choose_observable(f, observables, &name);
    if (rc == 0) rc = stc_h5_group(observables, name, &group);
    if (rc == 0) {
        rc = add_observable(f, stage, group);
        stc_h5_close(&group);
    }
    stc_h5_close(&observables);
    return rc;
}

static int no_node(hid_t nodes, const char *name, const char **links, int64_t nlinks)
{
    char list[200];
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, nodes, NULL, "has no data of input %s; it has %s", name,
                       list_text(links, nlinks, list, sizeof(list)));
}

static int add_nodes(stc_input_file *f, hid_t nodes)
{
    const char **links;
    int64_t nlinks;
    STC_TRY(stc_h5_names(nodes, 100000, f->arena, &links, &nlinks));
    for (int32_t s = 0; s < f->program->nstages; s++) {
        const stc_stage *stage = &f->program->stages[s];
        hid_t node;
        if (!stage->is_input) continue;
        const char *link = stc_input_link(f, stage, links, nlinks);
        if (!link) return STC_ERR_NOMEM;
        if (!stc_h5_has(nodes, link)) return no_node(nodes, stage->name, links, nlinks);
        STC_TRY(stc_h5_group(nodes, link, &node));
        int rc = add_node(f, stage, node);
        stc_h5_close(&node);
        STC_TRY(rc);
    }
    return 0;
}

int stc_input_open_nirdata(stc_input_file *f)
{
    const char *type;
    hid_t nodes;
    STC_TRY(read_type(f, f->file, &type));
    if (strcmp(type, "NIRGraphData") != 0) {
        return stc_h5_fail(STC_ERR_INPUT, f->file, NULL,
                           "attribute __type__ is \"%.60s\", expected NIRGraphData", type);
    }
    STC_TRY(stc_h5_group(f->file, "nodes", &nodes));
    int rc = add_nodes(f, nodes);
    stc_h5_close(&nodes);
    return rc;
}
