/* test_places.c - which neuron-steps of the test vectors are listed as near their threshold.
 * Checked and sorted when the vectors are opened; see test_vectors.c. */
#include "test_file.h"

#include "stc/error.h"

#include <stdlib.h>

enum { NEAR_ROWS = 1 << 14 /* rows of a list that are read at once */ };

/* A row of the list is (step, row, C-order index), or has the indices along the axes of the node.
 */
static bool place_of(const stc_test_file *f, const stc_test_layer *layer, const int64_t *row,
                     int64_t columns, int64_t *place)
{
    const stc_test_vectors *v = &f->vectors;
    const stc_shape *shape = &f->graph->nodes[layer->node]->shape;
    int64_t index = row[STC_TEST_AXES];
    bool good = row[0] >= 0 && row[0] < v->steps && row[1] >= 0 && row[1] < v->rows;
    if (columns == STC_TEST_AXES + 1) {
        good = good && index >= 0 && index < layer->size;
    } else {
        index = 0;
        for (int d = 0; d < shape->ndim && good; d++) {
            int64_t i = row[STC_TEST_AXES + d];
            good = i >= 0 && i < shape->dim[d];
            index = index * shape->dim[d] + i;
        }
    }
    *place = good ? (row[0] * v->rows + row[1]) * layer->size + index : -1;
    return good;
}

static int bad_place(const stc_h5_data *data, const stc_test_file *f, const stc_test_layer *layer,
                     int64_t at)
{
    char shape[128];
    stc_shape_text(&f->graph->nodes[layer->node]->shape, shape, sizeof(shape));
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "row %lld is out of range: expected step below %lld, row of the samples "
                       "below %lld, index of one of %lld neurons %s",
                       (long long)at, (long long)f->vectors.steps, (long long)f->vectors.rows,
                       (long long)layer->size, shape);
}

static int read_near(const stc_test_file *f, const stc_h5_data *data, stc_test_layer *layer)
{
    int64_t columns = data->dim[1];
    int64_t *rows = stc_alloc(NEAR_ROWS * columns, sizeof(*rows));
    layer->near = stc_arena_alloc(f->arena, data->dim[0], sizeof(*layer->near));
    int rc = rows && layer->near ? 0 : STC_ERR_NOMEM;
    for (int64_t at = 0; at < data->dim[0] && rc == 0; at += NEAR_ROWS) {
        int64_t n = data->dim[0] - at < NEAR_ROWS ? data->dim[0] - at : NEAR_ROWS;
        const int64_t start[2] = {at, 0}, count[2] = {n, columns};
        rc = stc_h5_data_read(data, start, count, H5T_NATIVE_INT64, rows);
        for (int64_t i = 0; i < n && rc == 0; i++) {
            int64_t *place = &layer->near[layer->nnear++];
            if (!place_of(f, layer, rows + i * columns, columns, place)) {
                rc = bad_place(data, f, layer, at + i);
            }
        }
    }
    stc_free(rows);
    return rc;
}

static int by_place(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int open_near(stc_test_file *f, stc_test_layer *layer)
{
    stc_h5_data data;
    const char *link = stc_test_link(f, "near_threshold", layer->name);
    int axes = f->graph->nodes[layer->node]->shape.ndim;
    if (!link) return STC_ERR_NOMEM;
    if (!stc_h5_has(f->test, link)) return 0;
    STC_TRY(stc_h5_data_open(f->test, link, &data));
    int rc = 0;
    if (data.size > 0 &&
        (data.kind != H5T_INTEGER || data.ndim != 2 ||
         (data.dim[1] != STC_TEST_AXES + 1 && data.dim[1] != STC_TEST_AXES + axes))) {
        char found[128];
        H5Eclear2(H5E_DEFAULT);
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has shape %s, expected (places, 3) integers: step, row of the samples, "
                         "C-order index",
                         stc_h5_data_shape_text(&data, found, sizeof(found)));
    }
    if (rc == 0 && data.size > 0) rc = read_near(f, &data, layer);
    if (layer->nnear > 0) qsort(layer->near, (size_t)layer->nnear, sizeof(int64_t), by_place);
    stc_h5_close(&data.id);
    return rc;
}

int stc_test_open_places(stc_test_file *f)
{
    hid_t group;
    if (!stc_h5_has(f->test, "near_threshold")) return 0;
    STC_TRY(stc_test_check_names(f, "near_threshold", stc_test_is_neuron, "neuron"));
    STC_TRY(stc_h5_group(f->test, "near_threshold", &group));
    int rc = stc_h5_has_attr(group, "band") ? stc_h5_attr_real(group, "band", &f->vectors.band) : 0;
    for (int i = 0; i < f->vectors.nlayers && rc == 0; i++)
        rc = open_near(f, &f->vectors.layers[i]);
    stc_h5_close(&group);
    return rc;
}
