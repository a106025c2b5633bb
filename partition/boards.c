/* boards.c - chips on boards: a partition over the boards, then one inside each board.
 *
 * The costs fall apart exactly. Let a copy inside a board cost 1 and one to another board cost r.
 * Inside a board a net then costs its weight for every chip beyond the first, r times that when its
 * source is elsewhere; what is left is r per other board that it reaches, which is what the
 * partition over the boards lowers. So every board is a hypergraph of its own, and boards are dealt
 * over the ranks: with more ranks than boards each gets a sub-communicator. What a board's
 * partition is does not depend on who makes it.
 *
 * Where parts are so many that searches among all of them take long, boards are assumed although
 * there are none: with r = 1 the sum is the volume.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

typedef struct {
    int32_t n;       /* boards */
    int32_t *share;  /* [n] chips of each */
    int32_t *board;  /* [nvertices] */
    int32_t *number; /* [nvertices] of a vertex on its board */
} boards;

static int open_boards(const stc_partition_job *job, boards *b)
{
    const int32_t size = job->cost.board;
    b->n = (job->nparts - 1) / size + 1;
    b->share = stc_alloc(b->n, sizeof *b->share);
    b->board = stc_alloc(job->graph->nvertices, sizeof *b->board);
    b->number = stc_alloc(job->graph->nvertices, sizeof *b->number);
    if (!b->share || !b->board || !b->number) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < b->n; i++)
        b->share[i] = i < b->n - 1 ? size : job->nparts - i * size;
    return 0;
}

static void close_boards(boards *b)
{
    stc_free(b->share);
    stc_free(b->board);
    stc_free(b->number);
}

enum { MANY = 512 }; /* parts */
/* Boards hold many vertices and are easily balanced: most of the slack is left for the chips. */
static const double SLACK_OF_BOARDS = 0.2; /* of its logarithm */

static stc_partition_job job_of_boards(const stc_partition_job *job, const boards *b)
{
    stc_partition_job top = *job;
    top.nparts = top.limits.nparts = b->n;
    top.limits.share = b->share;
    top.cost.board = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double average = job->limits.total[c] / job->nparts;
        const double allowed = fmin(job->limits.soft[c], job->limits.hard[c]);
        if (isfinite(allowed) && average > 0)
            top.limits.soft[c] = average * pow(fmax(allowed / average, 1), SLACK_OF_BOARDS);
    }
    return top;
}

/* ---- one board ---- */

typedef struct {
    stc_hypergraph g;
    double *weight;
    int32_t *vertex; /* [g.nvertices] of the whole graph */
    int32_t *source, *list, *pin, *outputs, *output_bytes, *stream;
    float *spikes;
    int64_t *first;
} piece;

static void release_piece(piece *p)
{
    void *arrays[] = {p->weight,  p->vertex,       p->source, p->list,   p->pin,
                      p->outputs, p->output_bytes, p->stream, p->spikes, p->first};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
}

/* What is left of the lists on a board: all of them keep their numbers. */
static int make_lists(const stc_hypergraph *g, const boards *b, int32_t which, piece *p)
{
    const int32_t nlists = stc_hypergraph_lists(g);
    int64_t pins = 0;
    for (int64_t i = 0; i < g->first[nlists]; i++)
        pins += b->board[g->pin[i]] == which;
    p->first = stc_alloc((int64_t)nlists + 1, sizeof *p->first);
    p->pin = stc_alloc(pins, sizeof *p->pin);
    if (!p->first || !p->pin) return STC_ERR_NOMEM;
    int64_t n = 0;
    for (int32_t l = 0; l < nlists; l++) {
        for (int64_t i = g->first[l]; i < g->first[l + 1]; i++)
            if (b->board[g->pin[i]] == which) p->pin[n++] = b->number[g->pin[i]];
        p->first[l + 1] = n;
    }
    return 0;
}

/* Room for the nets that a board can have at most. */
static int open_piece(const stc_hypergraph *g, const boards *b, int32_t which, piece *p)
{
    int64_t nets = 0, n = 0;
    for (int32_t v = 0; v < g->nvertices; v++)
        n += b->board[v] == which;
    STC_TRY(make_lists(g, b, which, p));
    for (int32_t e = 0; e < g->nnets; e++) {
        const int32_t l = stc_hypergraph_list(g, e);
        nets += p->first[l + 1] > p->first[l];
    }
    p->weight = stc_alloc(n * STC_NCONSTRAINTS, sizeof *p->weight);
    p->vertex = stc_alloc(n, sizeof *p->vertex);
    p->source = stc_alloc(nets, sizeof *p->source);
    p->list = stc_alloc(nets, sizeof *p->list);
    p->spikes = stc_alloc(nets, sizeof *p->spikes);
    p->outputs = g->outputs ? stc_alloc(nets, sizeof *p->outputs) : NULL;
    p->output_bytes = g->output_bytes ? stc_alloc(nets, sizeof *p->output_bytes) : NULL;
    p->stream = g->stream ? stc_alloc(nets, sizeof *p->stream) : NULL;
    const bool ok = p->weight && p->vertex && p->source && p->list && p->spikes &&
                    (p->outputs || !g->outputs) && (p->output_bytes || !g->output_bytes) &&
                    (p->stream || !g->stream);
    p->g = (stc_hypergraph){.weight = p->weight,
                            .source = p->source,
                            .spikes = p->spikes,
                            .nlists = stc_hypergraph_lists(g),
                            .list = p->list,
                            .first = p->first,
                            .pin = p->pin,
                            .outputs = p->outputs,
                            .output_bytes = p->output_bytes,
                            .stream = p->stream};
    return ok ? 0 : STC_ERR_NOMEM;
}

/* What is left of a net on a board. A net from elsewhere starts at its first pin. */
static void add_net(const stc_partition_job *job, const boards *b, int32_t which, int32_t e,
                    piece *p)
{
    const stc_hypergraph *g = job->graph;
    const bool own = b->board[g->source[e]] == which;
    const int32_t to = p->g.nnets, l = stc_hypergraph_list(g, e);
    if (!own && job->cost.unit == STC_COST_CORES) return; /* costs the same wherever pins are */
    if (p->first[l + 1] == p->first[l]) return;
    p->source[to] = own ? b->number[g->source[e]] : p->pin[p->first[l]];
    p->list[to] = l;
    p->spikes[to] = own ? g->spikes[e] : (float)(stc_cost_board_ratio(&job->cost) * g->spikes[e]);
    if (p->outputs) p->outputs[to] = g->outputs[e];
    if (p->output_bytes) p->output_bytes[to] = g->output_bytes[e];
    if (p->stream) p->stream[to] = g->stream[e];
    p->g.nnets++;
}

static int make_piece(const stc_partition_job *job, const boards *b, int32_t which, piece *p)
{
    const stc_hypergraph *g = job->graph;
    int32_t n = 0;
    for (int32_t v = 0; v < g->nvertices; v++)
        if (b->board[v] == which) b->number[v] = n++;
    STC_TRY(open_piece(g, b, which, p));
    for (int32_t v = 0; v < g->nvertices; v++) {
        if (b->board[v] != which) continue;
        p->vertex[p->g.nvertices] = v;
        memcpy(p->weight + (int64_t)p->g.nvertices++ * STC_NCONSTRAINTS,
               g->weight + (int64_t)v * STC_NCONSTRAINTS, STC_NCONSTRAINTS * sizeof *g->weight);
    }
    for (int32_t e = 0; e < g->nnets; e++)
        add_net(job, b, which, e, p);
    return 0;
}

/* Limits are those of the whole: a board that is fuller has less room to move. */
static int job_of_board(const stc_partition_job *job, const boards *b, int32_t which,
                        const piece *p, stc_partition_job *sub)
{
    stc_partition_options options = {.nparts = b->share[which],
                                     .seed = stc_mix64(job->seed + (uint64_t)which + 1),
                                     .imbalance = job->imbalance,
                                     .cost = job->cost};
    options.cost.board = 0;
    STC_TRY(stc_job_prepare(&p->g, &options, sub));
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        sub->limits.hard[c] = job->limits.hard[c];
        sub->limits.soft[c] = job->limits.soft[c];
    }
    return 0;
}

/* Fill the chips of the vertices of a board. Collective over the ranks of comm. */
static int split_board(const stc_comm *comm, const stc_partition_job *job, const boards *b,
                       const stc_partition_method *method, int32_t which, int32_t *part)
{
    piece p = {0};
    stc_partition_job sub = {0};
    stc_partition_quality made = {0};
    int rc = make_piece(job, b, which, &p);
    int32_t *chip = rc == 0 ? stc_alloc(p.g.nvertices, sizeof *chip) : NULL;
    if (rc == 0 && !chip) rc = STC_ERR_NOMEM;
    if (rc == 0) rc = job_of_board(job, b, which, &p, &sub);
    rc = stc_agree(comm, rc);
    if (rc == 0) rc = method->run(comm, &sub, chip, &made);
    for (int32_t v = 0; v < p.g.nvertices && rc == 0; v++)
        part[p.vertex[v]] = which * job->cost.board + chip[v];
    stc_job_release(&sub);
    release_piece(&p);
    stc_free(chip);
    return rc;
}

/* ---- all boards ---- */

/* Everyone learns what was filled by one rank at least; -1 elsewhere. Collective. */
static void join_parts(const stc_comm *comm, int32_t n, int32_t *part)
{
    enum { PIECE = 1 << 28 };
    for (int32_t i = 0; i < n; i += PIECE)
        MPI_Allreduce(MPI_IN_PLACE, part + i, n - i < PIECE ? n - i : PIECE, MPI_INT32_T, MPI_MAX,
                      comm->mpi);
}

static int split_boards(const stc_comm *comm, const stc_partition_job *job, const boards *b,
                        const stc_partition_method *method, int32_t *part)
{
    const int groups = comm->size < b->n ? comm->size : b->n;
    const int own = (int)((int64_t)comm->rank * groups / comm->size);
    MPI_Comm mpi;
    int rc = 0;
    MPI_Comm_split(comm->mpi, own, comm->rank, &mpi);
    const stc_comm group = stc_comm_of(mpi);
    for (int32_t v = 0; v < job->graph->nvertices; v++)
        part[v] = -1;
    for (int32_t which = own; which < b->n && rc == 0; which += groups)
        rc = split_board(&group, job, b, method, which, part);
    MPI_Comm_free(&mpi);
    rc = stc_agree(comm, rc);
    if (rc == 0) join_parts(comm, job->graph->nvertices, part);
    return rc;
}

/* Every board has a vertex for each of its chips? */
static int check_boards(const stc_partition_job *job, const boards *b)
{
    int32_t *size = stc_alloc(b->n, sizeof *size), which = 0;
    if (!size) return STC_ERR_NOMEM;
    for (int32_t v = 0; v < job->graph->nvertices; v++)
        size[b->board[v]]++;
    while (which < b->n && size[which] >= b->share[which])
        which++;
    stc_free(size);
    STC_CHECK(which == b->n, STC_ERR_INTERNAL,
              "partition: too few vertices for the chips of board %d; take another method", which);
    return 0;
}

static int keep_better(const stc_partition_job *job, const int32_t *other, const char *name,
                       int32_t *part, stc_partition_quality *made)
{
    const int32_t *both[2] = {part, other};
    stc_partition_quality q[2];
    double capacity[STC_NCONSTRAINTS], excess[2];
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        capacity[c] = isfinite(job->limits.hard[c]) ? job->limits.hard[c] : 0;
    for (int i = 0; i < 2; i++) {
        STC_TRY(stc_measure_volume(job->graph, job->nparts, both[i], capacity, &q[i]));
        STC_TRY(stc_partition_measure_cost(job->graph, job->nparts, both[i], &job->cost, &q[i]));
        excess[i] = stc_job_excess(job, &q[i]);
    }
    if (q[0].feasible != q[1].feasible) {
        if (q[0].feasible) return 0;
    } else if (excess[0] != excess[1]) {
        if (excess[0] < excess[1]) return 0;
    } else if (q[0].cost < q[1].cost) {
        return 0;
    }
    memcpy(part, other, (size_t)job->graph->nvertices * sizeof *part);
    made->method = name;
    return 0;
}

/* Loads that a board cannot balance by itself are balanced over all chips. Local. */
static int balance(const stc_partition_job *job, int32_t *part)
{
    stc_partition_quality q;
    STC_TRY(stc_measure_volume(job->graph, job->nparts, part, NULL, &q));
    return stc_job_excess(job, &q) > 0 ? stc_partition_repair(job, true, part) : 0;
}

/* auto never does worse than a contiguous cut. Local. */
static int try_contiguous(const stc_partition_job *job, int32_t *part, stc_partition_quality *made)
{
    int32_t *other = stc_alloc(job->graph->nvertices, sizeof *other);
    int rc = other ? stc_cut_chain(job, other) : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_partition_repair(job, false, other);
    if (rc == 0) rc = keep_better(job, other, "auto: contiguous", part, made);
    stc_free(other);
    return rc;
}

static int partition(const stc_comm *comm, const stc_partition_job *job,
                     const stc_partition_method *method, int32_t *part, stc_partition_quality *made)
{
    boards b = {0};
    int rc = stc_agree(comm, open_boards(job, &b));
    if (rc == 0) {
        const stc_partition_job top = job_of_boards(job, &b);
        rc = method->run(comm, &top, b.board, made);
    }
    if (rc == 0) rc = stc_agree(comm, check_boards(job, &b));
    if (rc == 0) rc = split_boards(comm, job, &b, method, part);
    if (rc == 0) rc = stc_agree(comm, balance(job, part));
    close_boards(&b);
    return rc;
}

int stc_partition_boards(const stc_comm *comm, const stc_partition_job *job,
                         const stc_partition_method *method, int32_t *part,
                         stc_partition_quality *made)
{
    stc_partition_job inner = *job;
    if (job->cost.unit == STC_COST_LINKS) inner.cost.unit = STC_COST_CHIPS;
    if (job->cost.board == 0) {
        inner.cost.board = (int32_t)ceil(sqrt((double)job->nparts));
        inner.cost.board_ratio = 1;
    }
    STC_TRY(partition(comm, &inner, method, part, made));
    int rc = job->cost.unit == STC_COST_LINKS ? stc_place_parts(job, part) : 0;
    if (rc == 0 && method == &stc_partition_auto) rc = try_contiguous(job, part, made);
    return stc_agree(comm, rc);
}

bool stc_partition_has_boards(const stc_partition_job *job)
{
    if (job->nparts >= MANY && job->cost.board == 0) return true;
    return job->cost.board > 0 && job->cost.board < job->nparts;
}
