/* partition_zoltan.c - the volume that Zoltan's hypergraph partitioner (PHG, Debian package
 * libtrilinos-zoltan-dev) reaches on an hMETIS hypergraph, next to which `stc partition` is judged.
 *
 *     mpicc -O2 -D_GNU_SOURCE -Iinclude -I/usr/include/trilinos bench/compare/partition_zoltan.c \
 *           partition/hgr.c partition/measure.c src/base/alloc.c src/base/error.c src/base/text.c \
 *           -ltrilinos_zoltan -lm -o partition_zoltan
 *     ./partition_zoltan graph.hgr CHIPS [SEEDS]
 *
 * One constraint, the work, within 5 %; the best of the seeds. One process. Prints one JSON object.
 */
#include "stc/base.h"
#include "stc/partition.h"

#include <stdlib.h>
#include <string.h>
#include <zoltan.h>

static stc_hgr hgr;

static int count(void *data, int *rc)
{
    (void)data;
    *rc = ZOLTAN_OK;
    return hgr.graph.nvertices;
}

static void list(void *data, int ng, int nl, ZOLTAN_ID_PTR gid, ZOLTAN_ID_PTR lid, int dim,
                 float *weight, int *rc)
{
    (void)data, (void)ng, (void)nl, (void)dim;
    for (int32_t v = 0; v < hgr.graph.nvertices; v++) {
        gid[v] = lid[v] = (ZOLTAN_ID_TYPE)v;
        weight[v] = (float)hgr.graph.weight[v * STC_NCONSTRAINTS + 2];
    }
    *rc = ZOLTAN_OK;
}

static void size_nets(void *data, int *nets, int *pins, int *format, int *rc)
{
    (void)data;
    *nets = hgr.graph.nnets;
    *pins = (int)hgr.graph.first[hgr.graph.nnets] + hgr.graph.nnets;
    *format = ZOLTAN_COMPRESSED_EDGE;
    *rc = ZOLTAN_OK;
}

static void list_nets(void *data, int ng, int nets, int pins, int format, ZOLTAN_ID_PTR gid,
                      int *first, ZOLTAN_ID_PTR pin, int *rc)
{
    (void)data, (void)ng, (void)pins, (void)format;
    int n = 0;
    for (int e = 0; e < nets; e++) {
        gid[e] = (ZOLTAN_ID_TYPE)e;
        first[e] = n;
        pin[n++] = (ZOLTAN_ID_TYPE)hgr.graph.source[e];
        for (int64_t i = hgr.graph.first[e]; i < hgr.graph.first[e + 1]; i++)
            pin[n++] = (ZOLTAN_ID_TYPE)hgr.graph.pin[i];
    }
    *rc = ZOLTAN_OK;
}

static void size_weights(void *data, int *n, int *rc)
{
    (void)data;
    *n = hgr.graph.nnets;
    *rc = ZOLTAN_OK;
}

static void list_weights(void *data, int ng, int nl, int n, int dim, ZOLTAN_ID_PTR gid,
                         ZOLTAN_ID_PTR lid, float *weight, int *rc)
{
    (void)data, (void)ng, (void)nl, (void)dim;
    for (int e = 0; e < n; e++) {
        gid[e] = lid[e] = (ZOLTAN_ID_TYPE)e;
        weight[e] = hgr.graph.spikes[e];
    }
    *rc = ZOLTAN_OK;
}

static void run(const char *chips, int seed, int32_t *part)
{
    struct Zoltan_Struct *z = Zoltan_Create(MPI_COMM_WORLD);
    char text[16];
    snprintf(text, sizeof text, "%d", 1000 + seed);
    const char *const options[][2] = {{"LB_METHOD", "HYPERGRAPH"},  {"HYPERGRAPH_PACKAGE", "PHG"},
                                      {"LB_APPROACH", "PARTITION"}, {"OBJ_WEIGHT_DIM", "1"},
                                      {"EDGE_WEIGHT_DIM", "1"},     {"IMBALANCE_TOL", "1.05"},
                                      {"DEBUG_LEVEL", "0"},         {"RETURN_LISTS", "PARTS"},
                                      {"NUM_GLOBAL_PARTS", chips},  {"SEED", text}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        Zoltan_Set_Param(z, options[i][0], options[i][1]);
    Zoltan_Set_Num_Obj_Fn(z, count, NULL);
    Zoltan_Set_Obj_List_Fn(z, list, NULL);
    Zoltan_Set_HG_Size_CS_Fn(z, size_nets, NULL);
    Zoltan_Set_HG_CS_Fn(z, list_nets, NULL);
    Zoltan_Set_HG_Size_Edge_Wts_Fn(z, size_weights, NULL);
    Zoltan_Set_HG_Edge_Wts_Fn(z, list_weights, NULL);
    int changes, ng, nl, imports, exports, *iproc, *ipart, *eproc, *epart;
    ZOLTAN_ID_PTR igid, ilid, egid, elid;
    if (Zoltan_LB_Partition(z, &changes, &ng, &nl, &imports, &igid, &ilid, &iproc, &ipart, &exports,
                            &egid, &elid, &eproc, &epart) != ZOLTAN_OK)
        exit(3);
    for (int i = 0; i < exports; i++)
        part[egid[i]] = epart[i];
    Zoltan_LB_Free_Part(&igid, &ilid, &iproc, &ipart);
    Zoltan_LB_Free_Part(&egid, &elid, &eproc, &epart);
    Zoltan_Destroy(&z);
}

int main(int argc, char **argv)
{
    float version;
    if (argc < 3) return 2;
    MPI_Init(&argc, &argv);
    Zoltan_Initialize(argc, argv, &version);
    if (stc_hgr_read(argv[1], &hgr) < 0) return 1;
    int32_t *part = stc_alloc(hgr.graph.nvertices, sizeof *part);
    const int seeds = argc > 3 ? atoi(argv[3]) : 3, chips = atoi(argv[2]);
    stc_partition_quality best = {.multicast_volume = 0}, q;
    const double start = stc_seconds();
    for (int seed = 0; seed < seeds; seed++) {
        run(argv[2], seed, part);
        if (stc_partition_measure(&hgr.graph, chips, part, NULL, &q) < 0) return 3;
        if (seed == 0 || q.multicast_volume < best.multicast_volume) best = q;
    }
    printf("{\"partitioner\": \"zoltan phg\", \"chips\": %d, \"multicast_volume\": %.1f, "
           "\"imbalance\": %.4f, \"seeds\": %d, \"seconds\": %.3f}\n",
           chips, best.multicast_volume, best.imbalance[2], seeds, (stc_seconds() - start) / seeds);
    stc_free(part);
    stc_hgr_release(&hgr);
    MPI_Finalize();
    return 0;
}
