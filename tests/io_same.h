/* io_same.h - for tests of io: are two programs equal in all that a file holds? */
#ifndef STC_TESTS_IO_SAME_H
#define STC_TESTS_IO_SAME_H

#include <stdbool.h>
#include <string.h>

#include "../io/program_table.h"

/* Are n structs equal in all columns of the table? */
static inline bool same_structs(const stc_table *table, const void *a, const void *b,
                                const int32_t *select, int64_t n)
{
    stc_rows x, y;
    if (stc_rows_pack(table, a, select, n, &x) < 0 || stc_rows_pack(table, b, select, n, &y) < 0) {
        return false;
    }
    bool same =
        x.row_bytes == y.row_bytes && memcmp(x.bytes, y.bytes, x.row_bytes * (size_t)n) == 0;
    stc_rows_free(&x);
    stc_rows_free(&y);
    return same;
}

static inline bool same_kernels(const stc_program *a, const stc_program *b)
{
    bool same = same_structs(&stc_kernel_table, a->kernels, b->kernels, NULL, a->nkernels);
    for (int i = 0; same && i < STC_NPART_TABLES; i++) {
        for (int32_t k = 0; same && k < a->nkernels; k++) {
            if (a->kernels[k].kind != stc_part_tables[i].kind) continue;
            if (a->kernels[k].kind == STC_KERNEL_NEURON) {
                same = a->kernels[k].u.neuron.model == b->kernels[k].u.neuron.model &&
                       memcmp(a->kernels[k].u.neuron.params, b->kernels[k].u.neuron.params,
                              sizeof(a->kernels[k].u.neuron.params)) == 0;
            } else if (a->kernels[k].kind == STC_KERNEL_CODE) {
                same = memcmp(&a->kernels[k].u.code, &b->kernels[k].u.code,
                              sizeof(a->kernels[k].u.code)) == 0;
            } else {
                same = same_structs(&stc_part_tables[i].table, a->kernels, b->kernels, &k, 1);
            }
        }
    }
    return same;
}

static inline bool same_program(const stc_program *a, const stc_program *b)
{
    bool same = a->nstages == b->nstages && a->nkernels == b->nkernels && a->ntiles == b->ntiles &&
                a->nblobs == b->nblobs && a->chips == b->chips && a->levels == b->levels &&
                a->seed == b->seed && a->time_steps == b->time_steps && a->nneurons == b->nneurons;
    same = same && strcmp(a->name, b->name) == 0 && strcmp(a->model_path, b->model_path) == 0;
    same = same && same_structs(&stc_tile_table, a->tiles, b->tiles, NULL, a->ntiles) &&
           same_structs(&stc_stage_table, a->stages, b->stages, NULL, a->nstages) &&
           same_kernels(a, b) && a->nets.n == b->nets.n && a->nets.nroutes == b->nets.nroutes;
    if (!same || a->nets.n == 0) return same;
    int64_t pins = a->nets.first[a->nets.nroutes];
    size_t n = (size_t)a->nets.n, nroutes = (size_t)a->nets.nroutes;
    return memcmp(a->nets.first, b->nets.first, (nroutes + 1) * sizeof(int64_t)) == 0 &&
           memcmp(a->nets.route, b->nets.route, n * sizeof(int32_t)) == 0 &&
           memcmp(a->nets.source, b->nets.source, n * sizeof(int32_t)) == 0 &&
           memcmp(a->nets.pin, b->nets.pin, (size_t)pins * sizeof(int32_t)) == 0 &&
           memcmp(a->nets.spikes, b->nets.spikes, n * sizeof(float)) == 0;
}

#endif
