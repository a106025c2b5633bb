/* shard_quotient.c - clusters in every virtual shard, and the graph of clusters for all ranks.
 *
 * Vertices of a shard are clustered by the nets they share there. The nets between clusters are put
 * together by their owners. Where they have more pins than a rank should hold, drawn ones stand for
 * all: each net is in with the same probability and weighs that much more, so that the volume of a
 * partition is right on average.
 */
#include "hierarchy.h"
#include "shards.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_CLUSTERS = 2048, MOST_CLUSTERS = 1 << 17, PER_PART = 32, VERTICES_PER_CLUSTER = 8 };
enum { MOST_PINS = 1 << 21 };
static const double CLUSTERS_GROW = 1.5;

typedef struct {
    const stc_shards *s;
    int32_t wanted, n;  /* clusters of all ranks: about as many; as many */
    int32_t begin, own; /* those of this rank */
    int32_t *cluster;   /* [shard->n] of all clusters */
    double *weight;     /* [n][STC_NCONSTRAINTS] */
    double share;       /* of the nets that are in */
    uint32_t below;     /* a net is in when its drawn number is at most this */
    /* own nets: those that are in */
    int64_t fragment; /* to be written next */
    int64_t *first;   /* [nnets + 1] room of a net, then its clusters */
    int32_t *n_of;    /* [nnets] */
    int32_t *pin;
    int32_t *list; /* room of the longest fragment */
} quotient;

static void release(quotient *q)
{
    void *arrays[] = {q->cluster, q->weight, q->first, q->n_of, q->pin, q->list};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
}

static int32_t clusters_wanted(const stc_shards *s)
{
    const double some = fmax(LEAST_CLUSTERS, (double)PER_PART * s->nparts);
    const double few = fmax(some, s->shard->nvertices / (double)VERTICES_PER_CLUSTER);
    const double most = fmax(some, MOST_CLUSTERS);
    return (int32_t)fmin(fmin(few, most), s->shard->nvertices);
}

/* ---- clusters of one virtual shard ---- */

/* What the fragments have in vertices begin..end-1 (of this rank). */
static int make_level(const stc_shards *s, int32_t begin, int32_t end, stc_level *level)
{
    int64_t pins = 0, nets = 0;
    const int shift = STC_COST_BITS - 30;
    for (int32_t v = begin; v < end; v++)
        pins += s->first_fragment[v + 1] - s->first_fragment[v];
    for (int64_t f = 0; f < s->nfragments; f++)
        nets += s->member[s->first[f + 1] - 1] >= begin && s->member[s->first[f]] < end;
    STC_TRY(stc_level_open(end - begin, (int32_t)nets, pins, level));
    for (int32_t v = begin; v < end; v++) {
        level->vertices[v - begin] = 1;
        memcpy(level->weight + (int64_t)(v - begin) * STC_NCONSTRAINTS,
               s->shard->weight + (int64_t)v * STC_NCONSTRAINTS,
               STC_NCONSTRAINTS * sizeof *level->weight);
    }
    for (int64_t f = 0; f < s->nfragments; f++) {
        int64_t n = level->first[level->nnets];
        for (int64_t i = s->first[f]; i < s->first[f + 1]; i++)
            if (s->member[i] >= begin && s->member[i] < end)
                level->member[n++] = s->member[i] - begin;
        if (n < level->first[level->nnets] + 2) continue;
        const int64_t cost = s->fragment_cost[f] >> shift;
        level->cost[level->nnets++] = cost > 1 ? (int32_t)cost : 1;
        level->first[level->nnets] = n;
    }
    level->unit = 1;
    return stc_level_finish(level);
}

/* Clusters of a shard are numbered from 0; returns how many, in *n. */
static int cluster_shard(const quotient *q, int32_t shard, int32_t *cluster, int32_t *n)
{
    const stc_shards *s = q->s;
    const int32_t all = s->shard->nvertices, offset = s->shard->begin;
    const int32_t begin = stc_shard_begin(all, s->nshards, shard) - offset;
    const int32_t end = stc_shard_begin(all, s->nshards, shard + 1) - offset;
    const int32_t wanted = (int32_t)ceil((double)q->wanted * (end - begin) / all);
    stc_level level = {0};
    stc_hierarchy h = {0};
    int rc = make_level(s, begin, end, &level);
    if (rc == 0)
        rc = stc_hierarchy_create(&level, wanted, CLUSTERS_GROW, NULL,
                                  stc_mix64(s->seed + (uint64_t)shard), &h);
    if (rc == 0) {
        *n = stc_hierarchy_coarsest(&h)->n;
        for (int32_t v = begin; v < end; v++) {
            int32_t c = v - begin;
            for (int i = 0; i < h.n; i++)
                c = h.cluster[i][c];
            cluster[v] = c;
        }
        /* vertices that share nothing here stay alone: too many are put together as they come */
        const int64_t most = MOST_CLUSTERS * 2LL * (end - begin) / all + wanted;
        for (int32_t v = begin; v<end && * n> most; v++)
            cluster[v] = (int32_t)(cluster[v] * most / *n);
        if (*n > most) *n = (int32_t)most;
    }
    stc_hierarchy_release(&h);
    stc_level_release(&level);
    return rc;
}

static int make_clusters(quotient *q)
{
    const stc_shards *s = q->s;
    int rc = q->cluster ? 0 : STC_ERR_NOMEM;
    for (int32_t i = s->own_first; i < s->own_end && rc == 0; i++) {
        int32_t n = 0;
        rc = cluster_shard(q, i, q->cluster, &n);
        const int32_t begin = stc_shard_begin(s->shard->nvertices, s->nshards, i);
        const int32_t end = stc_shard_begin(s->shard->nvertices, s->nshards, i + 1);
        for (int32_t v = begin - s->shard->begin; v < end - s->shard->begin; v++)
            q->cluster[v] += q->own;
        q->own += n;
    }
    return rc;
}

/* Numbers of clusters among all, and their weights. Collective. */
static int number_clusters(quotient *q)
{
    const stc_shards *s = q->s;
    const stc_comm *comm = s->comm;
    MPI_Exscan(&q->own, &q->begin, 1, MPI_INT32_T, MPI_SUM, comm->mpi);
    if (comm->rank == 0) q->begin = 0;
    MPI_Allreduce(&q->own, &q->n, 1, MPI_INT32_T, MPI_SUM, comm->mpi);
    q->weight = stc_alloc((int64_t)q->n * STC_NCONSTRAINTS, sizeof *q->weight);
    STC_TRY(stc_agree(comm, q->weight ? 0 : STC_ERR_NOMEM));
    for (int32_t v = 0; v < s->shard->n; v++) {
        q->cluster[v] += q->begin;
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            q->weight[(int64_t)q->cluster[v] * STC_NCONSTRAINTS + c] +=
                s->shard->weight[(int64_t)v * STC_NCONSTRAINTS + c];
    }
    MPI_Allreduce(MPI_IN_PLACE, q->weight, q->n * STC_NCONSTRAINTS, MPI_DOUBLE, MPI_SUM, comm->mpi);
    return 0;
}

/* ---- nets between clusters ---- */

/* The clusters of a fragment, rising. */
static int32_t list_clusters(const quotient *q, int64_t f, int32_t *list)
{
    const stc_shards *s = q->s;
    int32_t n = 0;
    for (int64_t i = s->first[f]; i < s->first[f + 1]; i++) {
        const int32_t c = q->cluster[s->member[i]];
        int32_t at = n;
        while (at > 0 && list[at - 1] > c)
            at--;
        if (at > 0 && list[at - 1] == c) continue;
        memmove(list + at + 1, list + at, (size_t)(n - at) * sizeof *list);
        list[at] = c;
        n++;
    }
    return n;
}

/* How many of the nets are in. Collective. */
static int choose_share(quotient *q)
{
    const stc_shards *s = q->s;
    int64_t longest = 0;
    uint64_t pins = 0;
    for (int64_t f = 0; f < s->nfragments; f++)
        if (s->first[f + 1] - s->first[f] > longest) longest = s->first[f + 1] - s->first[f];
    q->list = stc_alloc(longest + 1, sizeof *q->list);
    STC_TRY(stc_agree(s->comm, q->list ? 0 : STC_ERR_NOMEM));
    for (int64_t f = 0; f < s->nfragments; f++)
        pins += (uint64_t)list_clusters(q, f, q->list);
    pins = stc_comm_sum_u64(s->comm, pins);
    q->share = pins > MOST_PINS ? (double)MOST_PINS / (double)pins : 1;
    q->below = q->share < 1 ? (uint32_t)(q->share * UINT32_MAX) : UINT32_MAX;
    return 0;
}

/* Records: net, clusters, number of them first. */
static bool write_fragments(void *context, stc_post *post)
{
    quotient *q = context;
    const stc_shards *s = q->s;
    int owner = 0;
    for (; q->fragment < s->nfragments && !stc_post_full(post); q->fragment++) {
        while (s->of[owner + 1] <= q->fragment)
            owner++;
        if (s->draw[q->fragment] > q->below) continue;
        const int32_t n = list_clusters(q, q->fragment, q->list);
        const int32_t head[2] = {n, s->fragment_net[q->fragment]};
        stc_post_put(post, owner, head, 2);
        stc_post_put(post, owner, q->list, n);
    }
    return q->fragment == s->nfragments;
}

static int read_fragments(void *context, int source, const int32_t *words, int64_t n)
{
    quotient *q = context;
    (void)source;
    for (int64_t i = 0; i < n; i += 2 + words[i]) {
        const int32_t e = words[i + 1];
        memcpy(q->pin + q->first[e] + q->n_of[e], words + i + 2, (size_t)words[i] * sizeof *words);
        q->n_of[e] += words[i];
    }
    return 0;
}

/* Room for what a net can have at most; all nets that are not in have none. */
static int open_nets(quotient *q)
{
    const stc_hypergraph_shard *g = q->s->shard;
    q->first = stc_alloc(g->nnets + 1, sizeof *q->first);
    q->n_of = stc_alloc(g->nnets, sizeof *q->n_of);
    if (!q->first || !q->n_of) return STC_ERR_NOMEM;
    for (int64_t e = 0; e < g->nnets; e++) {
        const bool in = q->s->net_cost[e] > 0 && stc_shards_draw(q->s, e) <= q->below;
        q->first[e + 1] = q->first[e] + (in ? g->first[e + 1] - g->first[e] + 1 : 0);
    }
    q->pin = stc_alloc(q->first[g->nnets], sizeof *q->pin);
    return q->pin ? 0 : STC_ERR_NOMEM;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The graph of clusters of all ranks. */
typedef struct {
    stc_hypergraph g;
    int32_t *source, *pin;
    float *spikes;
    int64_t *first;
} gathered;

/* Gather n elements of each rank; *all: of all ranks together. Collective. */
static int gather(const stc_comm *comm, const void *own, int32_t n, MPI_Datatype type, int64_t size,
                  void **out, int32_t *all)
{
    int *count = stc_alloc(comm->size, sizeof *count),
        *place = stc_alloc(comm->size, sizeof *place);
    STC_TRY(stc_agree(comm, count && place ? 0 : STC_ERR_NOMEM));
    MPI_Allgather(&n, 1, MPI_INT, count, 1, MPI_INT, comm->mpi);
    *all = 0;
    for (int r = 0; r < comm->size; r++) {
        place[r] = *all;
        *all += count[r];
    }
    *out = stc_alloc(*all, size);
    const int rc = stc_agree(comm, *out ? 0 : STC_ERR_NOMEM);
    if (rc == 0) MPI_Allgatherv(own, n, type, *out, count, place, type, comm->mpi);
    stc_free(count);
    stc_free(place);
    return rc;
}

/* The own nets that join clusters, next to each other. Local. */
static int pack_nets(quotient *q, int32_t *nets, int32_t **source, float **spikes, int32_t **size,
                     int32_t *pins)
{
    const stc_shards *s = q->s;
    const int64_t n = s->shard->nnets;
    *source = stc_alloc(n, sizeof **source);
    *spikes = stc_alloc(n, sizeof **spikes);
    *size = stc_alloc(n, sizeof **size);
    if (!*source || !*spikes || !*size) return STC_ERR_NOMEM;
    *nets = *pins = 0;
    for (int64_t e = 0; e < n; e++) {
        if (q->n_of[e] < 2) continue;
        int32_t *pin = q->pin + q->first[e];
        qsort(pin, (size_t)q->n_of[e], sizeof *pin, by_number);
        memmove(q->pin + *pins, pin, (size_t)q->n_of[e] * sizeof *pin);
        *pins += q->n_of[e];
        (*size)[*nets] = q->n_of[e];
        (*spikes)[*nets] = (float)((double)s->net_cost[e] * s->cost_unit / q->share);
        (*source)[(*nets)++] = q->cluster[s->shard->source[e] - s->shard->begin];
    }
    return 0;
}

static int gather_nets(quotient *q, gathered *all)
{
    const stc_comm *comm = q->s->comm;
    int32_t nets = 0, pins = 0, npins, *source = NULL, *size = NULL, *sizes = NULL;
    float *spikes = NULL;
    int rc = stc_agree(comm, pack_nets(q, &nets, &source, &spikes, &size, &pins));
    if (rc == 0)
        rc = gather(comm, source, nets, MPI_INT32_T, sizeof *source, (void **)&all->source,
                    &all->g.nnets);
    if (rc == 0)
        rc = gather(comm, spikes, nets, MPI_FLOAT, sizeof *spikes, (void **)&all->spikes,
                    &all->g.nnets);
    if (rc == 0)
        rc = gather(comm, size, nets, MPI_INT32_T, sizeof *size, (void **)&sizes, &all->g.nnets);
    if (rc == 0)
        rc = gather(comm, q->pin, pins, MPI_INT32_T, sizeof *all->pin, (void **)&all->pin, &npins);
    if (rc == 0) {
        all->first = stc_alloc((int64_t)all->g.nnets + 1, sizeof *all->first);
        rc = stc_agree(comm, all->first ? 0 : STC_ERR_NOMEM);
    }
    for (int32_t e = 0; e < all->g.nnets && rc == 0; e++)
        all->first[e + 1] = all->first[e] + sizes[e];
    stc_free(source);
    stc_free(spikes);
    stc_free(size);
    stc_free(sizes);
    return rc;
}

/* ---- the partition of the clusters ---- */

static int partition_clusters(const quotient *q, gathered *all,
                              const stc_partition_options *options, int32_t *part,
                              stc_partition_quality *made)
{
    stc_partition_options own = *options;
    own.given = NULL;
    all->g.nvertices = q->n;
    all->g.weight = q->weight;
    all->g.source = all->source;
    all->g.spikes = all->spikes;
    all->g.first = all->first;
    all->g.pin = all->pin;
    int32_t *coarse = stc_alloc(q->n, sizeof *coarse);
    int rc = stc_agree(q->s->comm, coarse ? 0 : STC_ERR_NOMEM);
    if (rc == 0) rc = stc_partition(q->s->comm, &all->g, &own, coarse, made, NULL);
    for (int32_t v = 0; v < q->s->shard->n && rc == 0; v++)
        part[v] = coarse[q->cluster[v]];
    stc_free(coarse);
    return rc;
}

int stc_shards_start(const stc_shards *s, const stc_partition_options *options, int32_t *part,
                     stc_partition_quality *made)
{
    quotient q = {
        .s = s, .wanted = clusters_wanted(s), .cluster = stc_alloc(s->shard->n, sizeof *q.cluster)};
    gathered all = {0};
    int rc = stc_agree(s->comm, make_clusters(&q));
    if (rc == 0) rc = number_clusters(&q);
    if (rc == 0) rc = choose_share(&q);
    if (rc == 0) rc = stc_agree(s->comm, open_nets(&q));
    if (rc == 0) rc = stc_post_exchange(s->comm, write_fragments, read_fragments, &q);
    if (rc == 0) rc = gather_nets(&q, &all);
    if (rc == 0) rc = partition_clusters(&q, &all, options, part, made);
    stc_free(all.source);
    stc_free(all.spikes);
    stc_free(all.first);
    stc_free(all.pin);
    release(&q);
    return rc;
}
