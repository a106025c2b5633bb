/* test_vectors.c - the group /test of a model's file: spikes and outputs that the model should
 * give.
 *
 * Everything but spikes and outputs is checked and read when the vectors are opened; those come in
 * windows of the packed data, so that a layer is never expanded as a whole. Reading order:
 * open_all, spikes of a layer, test_places.c, outputs, reading.
 */
#include "network.h"
#include "test_file.h"

#include "stc/error.h"
#include "stc/op.h"

#include <string.h>

enum {
    MOST_LINKS = 100000,
    WINDOW = 1 << 20 /* bytes of a layer that are read at once */
};

/* ---- names ---- */

bool stc_test_is_neuron(const stc_node *node)
{
    return node->first_id >= 0;
}

static bool is_output(const stc_node *node)
{
    return node->op->op_class == STC_CLASS_OUTPUT;
}

const char *stc_test_link(stc_test_file *f, const char *group, const char *name)
{
    const char *link = stc_h5_escape(name, f->arena);
    return link ? stc_arena_printf(f->arena, "%s/%s", group, link) : NULL;
}

/* Everything in a group of /test must belong to a node of this kind. */
int stc_test_check_names(stc_test_file *f, const char *group, bool (*wanted)(const stc_node *),
                         const char *what)
{
    hid_t id;
    const char **links;
    int64_t n;
    STC_TRY(stc_h5_group(f->test, group, &id));
    int rc = stc_h5_names(id, MOST_LINKS, f->arena, &links, &n);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        const char *name = stc_h5_unescape(links[i], f->arena);
        int32_t node = name ? stc_graph_find(f->graph, name) : -1;
        if (!name) rc = STC_ERR_NOMEM;
        if (rc < 0 || (node >= 0 && wanted(f->graph->nodes[node]))) continue;
        H5Eclear2(H5E_DEFAULT);
        rc = stc_h5_fail(STC_ERR_INPUT, id, links[i],
                         "the model has no %s node of this name; the vectors are those of another "
                         "model: export both again",
                         what);
    }
    stc_h5_close(&id);
    return rc;
}

/* Nodes of a kind must have a dataset each. */
static int check_missing(stc_test_file *f, const char *group, bool (*wanted)(const stc_node *),
                         const char *what)
{
    const char *first = NULL;
    int64_t missing = 0;
    for (int32_t i = 0; i < f->graph->nnodes; i++) {
        const stc_node *node = f->graph->nodes[i];
        if (!wanted(node)) continue;
        const char *link = stc_test_link(f, group, node->name);
        if (!link) return STC_ERR_NOMEM;
        if (stc_h5_has(f->test, link)) continue;
        if (!first) first = node->name;
        missing++;
    }
    if (missing == 0) return 0;
    STC_FAIL(STC_ERR_INPUT,
             "%s:/test/%s: %lld %s node%s of the model %s no vectors, the first is %s\n"
             "hint: export the model again, so that the vectors are complete",
             f->path, group, (long long)missing, what, missing == 1 ? "" : "s",
             missing == 1 ? "has" : "have", first);
}

/* ---- spikes of a layer ---- */

/* The attribute shape: (steps, rows, shape of the node). */
static int read_shape(const stc_h5_data *data, int64_t dim[STC_H5_MAX_NDIM], int *ndim)
{
    *ndim = 0;
    hid_t attr = stc_h5_has_attr(data->id, "shape") ? H5Aopen(data->id, "shape", H5P_DEFAULT) : -1;
    hid_t space = attr < 0 ? -1 : H5Aget_space(attr), type = attr < 0 ? -1 : H5Aget_type(attr);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    bool good = n >= STC_TEST_AXES && n <= STC_H5_MAX_NDIM && type >= 0 &&
                H5Tget_class(type) == H5T_INTEGER && H5Aread(attr, H5T_NATIVE_INT64, dim) >= 0;
    if (good) *ndim = (int)n;
    stc_h5_close(&type);
    stc_h5_close(&space);
    stc_h5_close(&attr);
    if (good) return 0;
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "attribute shape: expected integers (steps, samples, shape of the node)");
}

static int wrong_shape(const stc_h5_data *data, const int64_t *dim, int ndim, const stc_node *node)
{
    char found[128], one[128];
    stc_h5_data as = {.ndim = ndim};
    memcpy(as.dim, dim, (size_t)ndim * sizeof(*dim));
    stc_shape_text(&node->shape, one, sizeof(one));
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "attribute shape is %s, expected (steps, samples) and then %s, the shape of "
                       "the node",
                       stc_h5_data_shape_text(&as, found, sizeof(found)), one);
}

/* All layers have the steps and rows of the first one. */
static int take_steps(stc_test_file *f, const stc_h5_data *data, int64_t steps, int64_t rows)
{
    stc_test_vectors *v = &f->vectors;
    if (v->steps == 0) {
        v->steps = steps;
        v->rows = rows;
    }
    if (v->steps == steps && v->rows == rows) return 0;
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "has %lld steps of %lld samples, layer %s has %lld of %lld",
                       (long long)steps, (long long)rows, v->layers[0].name, (long long)v->steps,
                       (long long)v->rows);
}

static int check_spikes(stc_test_file *f, const stc_h5_data *data, const stc_test_layer *layer)
{
    const stc_node *node = f->graph->nodes[layer->node];
    int64_t dim[STC_H5_MAX_NDIM], places;
    int ndim;
    STC_TRY(read_shape(data, dim, &ndim));
    bool fits = ndim == node->shape.ndim + STC_TEST_AXES && dim[0] > 0 && dim[1] > 0;
    for (int d = 0; fits && d < node->shape.ndim; d++)
        fits = dim[STC_TEST_AXES + d] == node->shape.dim[d];
    if (!fits) return wrong_shape(data, dim, ndim, node);
    STC_TRY(take_steps(f, data, dim[0], dim[1]));
    if (__builtin_mul_overflow(dim[0], dim[1], &places) ||
        __builtin_mul_overflow(places, layer->size, &places) || places > INT64_MAX / 16) {
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "claims more than 2^59 neuron-steps");
    }
    bool bits = layer->max == 1;
    int64_t bytes = bits ? (places + 7) / 8 : places;
    if (data->kind != H5T_INTEGER || data->ndim != 1 || data->size != bytes) {
        char found[128];
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                           "has shape %s, expected (%lld): one %s for each of the %lld "
                           "neuron-steps, as integers",
                           stc_h5_data_shape_text(data, found, sizeof(found)), (long long)bytes,
                           bits ? "bit" : "uint8", (long long)places);
    }
    return 0;
}

static int open_layer(stc_test_file *f, stc_test_layer *layer, const char **link)
{
    stc_h5_data data;
    *link = stc_test_link(f, "spikes", layer->name);
    if (!*link) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_open(f->test, *link, &data));
    int rc = check_spikes(f, &data, layer);
    stc_h5_close(&data.id);
    return rc;
}

static int open_layers(stc_test_file *f)
{
    stc_test_vectors *v = &f->vectors;
    int n = 0;
    for (int32_t i = 0; i < f->graph->nnodes; i++)
        n += stc_test_is_neuron(f->graph->nodes[i]);
    v->layers = stc_arena_alloc(f->arena, n, sizeof(*v->layers));
    f->layer_links = stc_arena_alloc(f->arena, n, sizeof(*f->layer_links));
    if (!v->layers || !f->layer_links) return STC_ERR_NOMEM;
    if (stc_h5_has(f->test, "spikes"))
        STC_TRY(stc_test_check_names(f, "spikes", stc_test_is_neuron, "neuron"));
    STC_TRY(check_missing(f, "spikes", stc_test_is_neuron, "neuron"));
    for (int32_t i = 0; i < f->graph->nnodes; i++) {
        const stc_node *node = f->graph->nodes[i];
        if (!stc_test_is_neuron(node)) continue;
        stc_test_layer *layer = &v->layers[v->nlayers];
        *layer = (stc_test_layer){.name = node->name,
                                  .node = i,
                                  .size = stc_shape_size(&node->shape),
                                  .max = node->kind.max};
        STC_TRY(open_layer(f, layer, &f->layer_links[v->nlayers++]));
    }
    return 0;
}

/* Numbers of the samples: /test/spike_sample, or all from 0 on. */
static int open_samples(stc_test_file *f)
{
    stc_test_vectors *v = &f->vectors;
    stc_h5_data data = {.id = -1};
    int64_t *sample = stc_arena_alloc(f->arena, v->rows, sizeof(*sample));
    if (!sample) return STC_ERR_NOMEM;
    v->sample = sample;
    for (int64_t r = 0; r < v->rows; r++)
        sample[r] = r;
    if (v->rows == 0 || !stc_h5_has(f->test, "spike_sample")) return 0;
    STC_TRY(stc_h5_data_open(f->test, "spike_sample", &data));
    int rc = 0;
    if (data.kind != H5T_INTEGER || data.ndim != 1 || data.size != v->rows) {
        char found[128];
        H5Eclear2(H5E_DEFAULT);
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has shape %s, expected (%lld) integers: the number of each sample that "
                         "there are spikes of",
                         stc_h5_data_shape_text(&data, found, sizeof(found)), (long long)v->rows);
    }
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_INT64, sample);
    for (int64_t r = 0; r < v->rows && rc == 0; r++) {
        if (sample[r] >= 0) continue;
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "entry %lld is %lld, expected the number of "
                         "a sample, 0 or more",
                         (long long)r, (long long)sample[r]);
    }
    stc_h5_close(&data.id);
    return rc;
}

/* ---- outputs ---- */

/* (samples, (steps,) shape...); samples and steps as those of the spikes, where there are any. */
static int check_values(stc_test_file *f, const stc_h5_data *data, const stc_node *node, bool all,
                        stc_test_output *out)
{
    const stc_test_vectors *v = &f->vectors;
    bool once = node->timing == STC_TIME_SAMPLE;
    int ahead = once ? 1 : 2;
    STC_TRY(stc_h5_data_numeric(data));
    bool fits = data->ndim == node->shape.ndim + ahead && data->size > 0;
    for (int d = 0; fits && d < node->shape.ndim; d++)
        fits = data->dim[ahead + d] == node->shape.dim[d];
    if (fits && !once) fits = v->steps == 0 || data->dim[1] == v->steps;
    if (fits && !all) fits = v->rows == 0 || data->dim[0] == v->rows;
    if (!fits) {
        char found[128], one[128];
        stc_shape_text(&node->shape, one, sizeof(one));
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                           "has shape %s, expected (samples%s) and then %s, the shape of output "
                           "%s, for the samples%s of the spikes",
                           stc_h5_data_shape_text(data, found, sizeof(found)),
                           once ? "" : ", steps", one, node->name, once ? "" : " and steps");
    }
    *out = (stc_test_output){.name = node->name,
                             .size = stc_shape_size(&node->shape),
                             .steps = once ? 0 : data->dim[1],
                             .rows = data->dim[0]};
    return 0;
}

/* all: rows are all samples of the input, not those of the spikes. */
static int open_output(stc_test_file *f, const stc_node *node, const char *link, bool all)
{
    stc_test_vectors *v = &f->vectors;
    stc_test_output *out = &v->outputs[v->noutputs];
    stc_h5_data data;
    if (!link) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_open(f->test, link, &data));
    int rc = check_values(f, &data, node, all, out);
    stc_h5_close(&data.id);
    if (rc < 0) return rc;
    f->output_links[v->noutputs++] = link;
    if (v->steps == 0) v->steps = out->steps;
    if (!all && v->rows > 0) {
        out->sample = v->sample;
        return 0;
    }
    int64_t *sample = stc_arena_alloc(f->arena, out->rows, sizeof(*sample));
    if (!sample) return STC_ERR_NOMEM;
    for (int64_t r = 0; r < out->rows; r++)
        sample[r] = r;
    out->sample = sample;
    return 0;
}

/* /test/outputs has all of them; /test/logits is the only output, for all samples of the input. */
static int open_outputs(stc_test_file *f)
{
    stc_test_vectors *v = &f->vectors;
    const stc_graph *graph = f->graph;
    int n = 0;
    for (int32_t i = 0; i < graph->nnodes; i++)
        n += is_output(graph->nodes[i]);
    v->outputs = stc_arena_alloc(f->arena, n, sizeof(*v->outputs));
    f->output_links = stc_arena_alloc(f->arena, n, sizeof(*f->output_links));
    if (!v->outputs || !f->output_links) return STC_ERR_NOMEM;
    bool logits = !stc_h5_has(f->test, "outputs");
    if (logits && (n != 1 || !stc_h5_has(f->test, "logits"))) return 0;
    if (!logits) {
        STC_TRY(stc_test_check_names(f, "outputs", is_output, "output"));
        STC_TRY(check_missing(f, "outputs", is_output, "output"));
    }
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (!is_output(node)) continue;
        const char *link = logits ? "logits" : stc_test_link(f, "outputs", node->name);
        STC_TRY(open_output(f, node, link, logits));
    }
    return 0;
}

/* ---- opening ---- */

static int open_all(stc_test_file *f)
{
    stc_test_vectors *v = &f->vectors;
    static const char none[] = "the model brings no test vectors\n"
                               "hint: export it with test inputs (docs/formats.md, Test vectors); "
                               "or give a result to stc diff";
    STC_CHECK(stc_network_kind_of(f->path) == STC_NETWORK_NONE, STC_ERR_INPUT, "%s: %s", f->path,
              none);
    STC_TRY(stc_h5_open(f->path, &f->file));
    STC_CHECK(stc_h5_has(f->file, "test"), STC_ERR_INPUT, "%s:/test: %s", f->path, none);
    STC_TRY(stc_h5_group(f->file, "test", &f->test));
    v->has_input = stc_h5_has(f->test, "inputs");
    STC_TRY(open_layers(f));
    STC_TRY(open_samples(f));
    STC_TRY(stc_test_open_places(f));
    STC_TRY(open_outputs(f));
    STC_CHECK(v->nlayers + v->noutputs > 0, STC_ERR_INPUT,
              "%s:/test: holds neither spikes nor outputs, so there is nothing to compare",
              f->path);
    return 0;
}

int stc_test_vectors_open(const char *path, const stc_graph *graph, stc_test_vectors **out)
{
    stc_arena *arena;
    *out = NULL;
    STC_TRY(stc_arena_create(&arena));
    stc_test_file *f = stc_arena_alloc(arena, 1, sizeof(*f));
    if (!f) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    *f = (stc_test_file){.arena = arena,
                         .path = path,
                         .graph = graph,
                         .file = -1,
                         .test = -1,
                         .open = {.id = -1},
                         .vectors = {.source = f}};
    stc_test_vectors *vectors = &f->vectors;
    int rc = open_all(f);
    if (rc < 0) {
        stc_test_vectors_close(&vectors);
        return rc;
    }
    *out = vectors;
    return 0;
}

void stc_test_vectors_close(stc_test_vectors **vectors)
{
    if (!*vectors) return;
    stc_test_file *f = (*vectors)->source;
    stc_arena *arena = f->arena;
    *vectors = NULL;
    stc_free(f->window);
    stc_h5_close(&f->open.id);
    stc_h5_close(&f->test);
    stc_h5_close(&f->file);
    stc_arena_destroy(&arena);
}

/* ---- reading ---- */

static int open_data(stc_test_file *f, const char *link)
{
    if (f->open_link == link) return 0;
    stc_h5_close(&f->open.id);
    f->open_link = NULL;
    f->window_count = 0;
    STC_TRY(stc_h5_data_open(f->test, link, &f->open));
    f->open_link = link;
    return 0;
}

/* Have bytes first .. end of the open dataset in the window. */
static int load_window(stc_test_file *f, int64_t first, int64_t end)
{
    if (first >= f->window_first && end <= f->window_first + f->window_count) return 0;
    int64_t count = end - first > WINDOW ? end - first : WINDOW;
    if (count > f->open.size - first) count = f->open.size - first;
    f->window_count = 0;
    if (count > f->window_capacity) {
        stc_free(f->window);
        f->window_capacity = 0;
        f->window = stc_alloc(count, 1);
        if (!f->window) return STC_ERR_NOMEM;
        f->window_capacity = count;
    }
    STC_TRY(stc_h5_data_read(&f->open, &first, &count, H5T_NATIVE_UINT8, f->window));
    f->window_first = first;
    f->window_count = count;
    return 0;
}

int stc_test_vectors_spikes(stc_test_vectors *vectors, int layer, int64_t first, int64_t count,
                            uint8_t *out)
{
    stc_test_file *f = vectors->source;
    bool bits = vectors->layers[layer].max == 1;
    STC_TRY(open_data(f, f->layer_links[layer]));
    int64_t begin = bits ? first / 8 : first, end = bits ? (first + count + 7) / 8 : first + count;
    STC_TRY(load_window(f, begin, end));
    const uint8_t *bytes = f->window + (begin - f->window_first);
    if (!bits) {
        memcpy(out, bytes, (size_t)count);
        return 0;
    }
    int64_t skipped = first % 8;
    for (int64_t i = 0; i < count; i++)
        out[i] = bytes[(i + skipped) >> 3] >> ((i + skipped) & 7) & 1;
    return 0;
}

int stc_test_vectors_output(stc_test_vectors *vectors, int output, int64_t row, float *out)
{
    stc_test_file *f = vectors->source;
    int64_t start[STC_H5_MAX_NDIM] = {row}, count[STC_H5_MAX_NDIM] = {1};
    STC_TRY(open_data(f, f->output_links[output]));
    for (int d = 1; d < f->open.ndim; d++)
        count[d] = f->open.dim[d];
    return stc_h5_data_read(&f->open, start, count, H5T_NATIVE_FLOAT, out);
}
