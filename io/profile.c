/* profile.c - write and read profiles: /counts/<node>, /totals/<node>, and what was run
 * (docs/formats.md).
 *
 * All ranks make the same datasets; then each writes the boxes that it counted. */
#include "stc/profile.h"

#include "h5.h"
#include "stc/error.h"

#include <string.h>

enum { FORMAT = 1, MAX_NODES = 100000 };

/* ---- writing ---- */

static int set_attributes(hid_t file, const stc_profile *profile, const char *utc)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"program", profile->program},           {"model", profile->model},
                 {"model_sha256", profile->model_sha256}, {"input", profile->input},
                 {"input_sha256", profile->input_sha256}, {"rules", profile->rules},
                 {"command", profile->command},           {"utc", utc}};
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"first_sample", profile->first_sample},
                   {"samples", profile->samples},
                   {"steps", profile->steps},
                   {"seed", (int64_t)profile->seed}};
    STC_TRY(stc_h5_set_format(file, "stc-profile", FORMAT));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        STC_TRY(stc_h5_set_text(file, texts[i].name, texts[i].text));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        STC_TRY(stc_h5_set_int(file, numbers[i].name, numbers[i].value));
    return stc_h5_set_real(file, "dt", profile->dt);
}

/* The datasets of a node. */
typedef struct {
    stc_h5_data counts, totals;
} node_data;

static int create_node(hid_t counts, hid_t totals, const stc_profile *profile,
                       const stc_profile_node *node, stc_arena *arena, node_data *data)
{
    const char *link = stc_h5_escape(node->name, arena);
    const int64_t dim[2] = {profile->samples, node->steps};
    if (!link) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_create(counts, link, H5T_NATIVE_UINT32, node->shape.ndim, node->shape.dim,
                               &data->counts));
    return stc_h5_data_create(totals, link, H5T_NATIVE_INT64, 2, dim, &data->totals);
}

static int create_all(hid_t file, const stc_profile *profile, const char *utc, stc_arena *arena,
                      node_data *data)
{
    hid_t counts = -1, totals = -1;
    STC_TRY(set_attributes(file, profile, utc));
    STC_TRY(stc_h5_group_create(file, "counts", &counts));
    int rc = stc_h5_group_create(file, "totals", &totals);
    for (int i = 0; i < profile->nnodes && rc == 0; i++)
        rc = create_node(counts, totals, profile, &profile->nodes[i], arena, &data[i]);
    stc_h5_close(&counts);
    stc_h5_close(&totals);
    return rc;
}

/* The sums over all ranks, on rank 0. */
static void gather_totals(const stc_comm *comm, const stc_profile *profile)
{
    enum { PIECE = 1 << 24 };
    bool root = comm->rank == 0;
    for (int i = 0; i < profile->nnodes; i++) {
        int64_t n = profile->samples * profile->nodes[i].steps, *totals = profile->nodes[i].totals;
        for (int64_t at = 0; at < n; at += PIECE)
            MPI_Reduce(root ? MPI_IN_PLACE : totals + at, root ? totals + at : NULL,
                       n - at < PIECE ? (int)(n - at) : PIECE, MPI_INT64_T, MPI_SUM, 0, comm->mpi);
    }
}

static int write_node(const stc_comm *comm, const node_data *data, const stc_profile_node *node)
{
    const uint32_t *counts = node->counts;
    if (comm->rank == 0)
        STC_TRY(stc_h5_data_write(&data->totals, NULL, NULL, H5T_NATIVE_INT64, node->totals));
    for (int b = 0; b < node->nboxes; b++) {
        const stc_box *box = &node->boxes[b];
        int64_t count[STC_MAX_NDIM] = {0};
        for (int a = 0; a < box->ndim; a++)
            count[a] = box->hi[a] - box->lo[a];
        STC_TRY(stc_h5_data_write(&data->counts, box->lo, count, H5T_NATIVE_UINT32, counts));
        counts += stc_box_size(box);
    }
    return 0;
}

static int64_t bytes_needed(const stc_profile *profile)
{
    int64_t bytes = stc_h5_overhead(2 * (int64_t)profile->nnodes + 2);
    for (int i = 0; i < profile->nnodes; i++)
        bytes += 4 * stc_shape_size(&profile->nodes[i].shape) +
                 8 * profile->samples * profile->nodes[i].steps;
    return bytes;
}

int stc_profile_write(const stc_comm *comm, const stc_profile *profile, const char *path)
{
    stc_h5_file file;
    stc_arena *arena = NULL;
    char utc[32];
    stc_utc(utc, sizeof utc);
    stc_comm_bcast(comm, utc, sizeof utc, 0);
    int rc = stc_arena_create(&arena);
    node_data *data = rc == 0 ? stc_arena_alloc(arena, profile->nnodes, sizeof *data) : NULL;
    for (int i = 0; data && i < profile->nnodes; i++)
        data[i].counts.id = data[i].totals.id = -1;
    rc = stc_agree(comm, data ? 0 : STC_ERR_NOMEM);
    if (rc == 0) gather_totals(comm, profile);
    if (rc == 0) rc = stc_h5_create(comm, path, bytes_needed(profile), &file);
    if (rc == 0) {
        rc = stc_h5_created(&file, create_all(file.id, profile, utc, arena, data));
        for (int i = 0; i < profile->nnodes && rc == 0; i++)
            rc = write_node(comm, &data[i], &profile->nodes[i]);
        for (int i = 0; i < profile->nnodes; i++) {
            stc_h5_close(&data[i].counts.id);
            stc_h5_close(&data[i].totals.id);
        }
        rc = stc_h5_finish(&file, rc);
    }
    stc_arena_destroy(&arena);
    return rc;
}

/* ---- reading ---- */

static int read_attributes(hid_t file, stc_arena *arena, stc_profile *out)
{
    const struct {
        const char *name, **text;
    } texts[] = {{"program", &out->program},
                 {"model", &out->model},
                 {"model_sha256", &out->model_sha256},
                 {"input", &out->input},
                 {"input_sha256", &out->input_sha256},
                 {"rules", &out->rules},
                 {"command", &out->command}};
    int64_t seed;
    STC_TRY(stc_h5_check_format(file, "stc-profile", FORMAT));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        STC_TRY(stc_h5_attr_text(file, texts[i].name, arena, texts[i].text));
    STC_TRY(stc_h5_attr_int(file, "first_sample", &out->first_sample));
    STC_TRY(stc_h5_attr_int(file, "samples", &out->samples));
    STC_TRY(stc_h5_attr_int(file, "steps", &out->steps));
    STC_TRY(stc_h5_attr_int(file, "seed", &seed));
    STC_TRY(stc_h5_attr_real(file, "dt", &out->dt));
    out->seed = (uint64_t)seed;
    STC_CHECK(out->first_sample >= 0 && out->samples >= 1 && out->steps >= 1 &&
                  out->samples <= UINT32_MAX / out->steps && out->dt >= 0.0,
              STC_ERR_INPUT,
              "attributes first_sample (%lld), samples (%lld), steps (%lld) or dt (%g) are "
              "impossible; make the profile again",
              (long long)out->first_sample, (long long)out->samples, (long long)out->steps,
              out->dt);
    return 0;
}

static int read_counts(const stc_h5_data *data, const stc_profile *profile, stc_arena *arena,
                       stc_profile_node *node)
{
    char shape[128];
    STC_TRY(stc_h5_data_numeric(data));
    STC_CHECK(data->ndim <= STC_MAX_NDIM && data->size > 0, STC_ERR_INPUT,
              "has the shape %s, expected that of a node",
              stc_h5_data_shape_text(data, shape, sizeof shape));
    node->shape.ndim = data->ndim;
    memcpy(node->shape.dim, data->dim, (size_t)data->ndim * sizeof *data->dim);
    node->nboxes = 1;
    node->boxes = stc_arena_alloc(arena, 1, sizeof *node->boxes);
    node->counts = stc_arena_alloc(arena, data->size, sizeof *node->counts);
    if (!node->boxes || !node->counts) return STC_ERR_NOMEM;
    node->boxes[0] = stc_box_all(&node->shape);
    STC_TRY(stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_UINT32, node->counts));
    for (int64_t i = 0; i < data->size; i++)
        STC_CHECK(node->counts[i] <= profile->samples * node->steps, STC_ERR_INPUT,
                  "element %lld counts %u, more than %lld samples of %lld steps", (long long)i,
                  node->counts[i], (long long)profile->samples, (long long)node->steps);
    return 0;
}

static int read_totals(const stc_h5_data *data, const stc_profile *profile, stc_arena *arena,
                       stc_profile_node *node)
{
    char shape[128];
    STC_TRY(stc_h5_data_numeric(data));
    STC_CHECK(data->ndim == 2 && data->dim[0] == profile->samples &&
                  (data->dim[1] == 1 || data->dim[1] == profile->steps),
              STC_ERR_INPUT, "has the shape %s, expected (%lld, %lld) or (%lld, 1)",
              stc_h5_data_shape_text(data, shape, sizeof shape), (long long)profile->samples,
              (long long)profile->steps, (long long)profile->samples);
    node->steps = data->dim[1];
    node->totals = stc_arena_alloc(arena, data->size, sizeof *node->totals);
    if (!node->totals) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_INT64, node->totals));
    for (int64_t i = 0; i < data->size; i++)
        STC_CHECK(node->totals[i] >= 0, STC_ERR_INPUT, "entry %lld is negative", (long long)i);
    return 0;
}

/* One dataset of a node by its reader. */
static int read_data(hid_t file, const char *group, const char *link, stc_arena *arena,
                     const stc_profile *profile, stc_profile_node *node,
                     int (*reader)(const stc_h5_data *, const stc_profile *, stc_arena *,
                                   stc_profile_node *))
{
    stc_h5_data data;
    const char *name = stc_arena_printf(arena, "%s/%s", group, link);
    if (!name) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_open(file, name, &data));
    int rc = reader(&data, profile, arena, node);
    stc_h5_close(&data.id);
    bool named = strncmp(stc_error_text(), profile->path, strlen(profile->path)) == 0;
    return rc == STC_ERR_INPUT && !named ? stc_fail_in(rc, "%s:/%s", profile->path, name) : rc;
}

static int read_node(hid_t file, const char *link, stc_arena *arena, stc_profile *out)
{
    stc_profile_node *node = &out->nodes[out->nnodes];
    node->name = stc_h5_unescape(link, arena);
    if (!node->name) return STC_ERR_NOMEM;
    STC_TRY(read_data(file, "totals", link, arena, out, node, read_totals));
    STC_TRY(read_data(file, "counts", link, arena, out, node, read_counts));
    out->nnodes++;
    return 0;
}

static int read_all(hid_t file, stc_arena *arena, stc_profile *out)
{
    hid_t group;
    const char **links = NULL;
    int64_t n = 0;
    STC_TRY(read_attributes(file, arena, out));
    STC_TRY(stc_h5_group(file, "counts", &group));
    int rc = stc_h5_names(group, MAX_NODES, arena, &links, &n);
    if (rc == 0) out->nodes = stc_arena_alloc(arena, n, sizeof *out->nodes);
    if (rc == 0 && !out->nodes) rc = STC_ERR_NOMEM;
    for (int64_t i = 0; i < n && rc == 0; i++)
        rc = read_node(file, links[i], arena, out);
    stc_h5_close(&group);
    return rc;
}

int stc_profile_read(const char *path, stc_arena *arena, stc_profile *out)
{
    hid_t file;
    *out = (stc_profile){.path = stc_arena_strdup(arena, path), .sha256 = ""};
    if (!out->path) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_open(path, &file));
    int rc = read_all(file, arena, out);
    stc_h5_close(&file);
    if (rc == STC_ERR_INPUT && strncmp(stc_error_text(), path, strlen(path)) != 0)
        rc = stc_fail_in(rc, "%s", path);
    return rc;
}
