/* Messages between ranks of one node and of several, of equal and unequal size: whoever is sent a
 * message reads it, whole, in the exchange it is of, however far others are ahead. */
#include "mpi_test.h"

#include "../sim/transport.h"

#include <sched.h>

#include "stc/base.h"

enum { MOST_RANKS = 64, MOST_PARCELS = 3, EXCHANGES = 200 };

static const stc_comm *world;

static uint32_t drawn(uint32_t seed, uint32_t stream, int a, int b)
{
    return stc_random_u32(seed, stream, (uint32_t)(a * 1000 + b));
}

/* Who sends which of its messages to whom: all ranks draw the same. -1: none. */
static int parcel_for(uint32_t seed, int from, int to)
{
    if (from == to || drawn(seed, 1, from, to) % 4 == 0) return -1;
    return (int)(drawn(seed, 2, from, to) % MOST_PARCELS);
}

static int64_t most_bytes(uint32_t seed, int from, int which)
{
    static const int64_t sizes[] = {0, 1, 8, 63, 500, 5000, 40000};
    return sizes[drawn(seed, 3, from, which) % 7];
}

/* -1: it is not sent in this exchange. */
static int64_t bytes_of(uint32_t seed, int from, int which, int exchange)
{
    const uint32_t draw = drawn(seed, 4 + (uint32_t)exchange, from, which);
    if (draw % 5 == 0) return -1;
    return draw % (uint32_t)(most_bytes(seed, from, which) + 1);
}

static unsigned char byte_of(int from, int which, int exchange, int64_t i)
{
    return (unsigned char)(31 * from + 7 * which + 13 * exchange + i);
}

typedef struct {
    uint32_t seed;
    int nparcels, nsources;
    parcel parcels[MOST_PARCELS];
    int number[MOST_PARCELS]; /* of a parcel, as others know it */
    int ranks[MOST_PARCELS][MOST_RANKS], sources[MOST_RANKS];
} plan;

static void make_plan(plan *p, uint32_t seed)
{
    *p = (plan){.seed = seed};
    for (int which = 0; which < MOST_PARCELS; which++) {
        parcel *to = &p->parcels[p->nparcels];
        int *ranks = p->ranks[p->nparcels];
        *to = (parcel){.most_bytes = most_bytes(seed, world->rank, which), .ranks = ranks};
        for (int r = 0; r < world->size; r++)
            if (parcel_for(seed, world->rank, r) == which) ranks[to->nranks++] = r;
        p->number[p->nparcels] = which;
        p->nparcels += to->nranks > 0;
    }
    for (int r = 0; r < world->size; r++)
        if (parcel_for(seed, r, world->rank) >= 0) p->sources[p->nsources++] = r;
}

static void dawdle(uint32_t seed, int exchange)
{
    if (drawn(seed, 5000, world->rank, exchange) % 16 == 0)
        for (int i = 0; i < 20; i++)
            sched_yield();
}

static void send_all(transport *t, const plan *p, int exchange)
{
    stc_transport_open(t);
    for (int i = 0; i < p->nparcels; i++) {
        const int64_t bytes = bytes_of(p->seed, world->rank, p->number[i], exchange);
        unsigned char *place = stc_transport_place(t, i);
        for (int64_t b = 0; b < bytes; b++)
            place[b] = byte_of(world->rank, p->number[i], exchange, b);
        if (bytes >= 0) stc_transport_put(t, i, bytes);
    }
    stc_transport_publish(t);
}

static int64_t wrong_bytes(transport *t, const plan *p, int exchange)
{
    int64_t wrong = 0;
    for (int i = 0; i < p->nsources; i++) {
        const int from = p->sources[i], which = parcel_for(p->seed, from, world->rank);
        const int64_t bytes = bytes_of(p->seed, from, which, exchange);
        if (bytes < 0) continue;
        const unsigned char *message = stc_transport_take(t, i);
        for (int64_t b = 0; b < bytes; b++)
            wrong += message[b] != byte_of(from, which, exchange, b);
    }
    stc_transport_release(t);
    return wrong;
}

static void all_messages_arrive(void **state)
{
    (void)state;
    for (int node_ranks = 0; node_ranks < 6; node_ranks++) {
        for (uint32_t seed = 0; seed < 3; seed++) {
            plan p;
            transport *t;
            int64_t wrong = 0;
            make_plan(&p, seed);
            const int rc = stc_transport_create(world, node_ranks, p.nparcels, p.parcels,
                                                p.nsources, p.sources, &t);
            assert_all(world, rc >= 0);
            for (int exchange = 0; exchange < EXCHANGES; exchange++) {
                send_all(t, &p, exchange);
                dawdle(seed, exchange);
                wrong += wrong_bytes(t, &p, exchange);
            }
            assert_all(world, wrong == 0);
            stc_transport_destroy(&t);
        }
    }
}

/* Rank 0 sends to rank 1, that to rank 2: none of them hears from who comes after it. */
static void a_chain_of_ranks_stays_in_step(void **state)
{
    (void)state;
    const int next = world->rank + 1, before = world->rank - 1;
    for (int node_ranks = 0; node_ranks < 4; node_ranks++) {
        transport *t;
        const parcel to = {.most_bytes = 8, .nranks = 1, .ranks = &next};
        int64_t wrong = 0;
        const int rc = stc_transport_create(world, node_ranks, next < world->size, &to, before >= 0,
                                            &before, &t);
        assert_all(world, rc >= 0);
        for (int64_t exchange = 0, sum = 0; exchange < EXCHANGES; exchange++) {
            stc_transport_open(t);
            if (next < world->size) {
                memcpy(stc_transport_place(t, 0), &sum, sizeof sum);
                stc_transport_put(t, 0, sizeof sum);
            }
            stc_transport_publish(t);
            if (before >= 0) {
                memcpy(&sum, stc_transport_take(t, 0), sizeof sum);
                /* a rank passes on, an exchange later, what it got: rank r has seen r */
                wrong += sum != (exchange < before ? exchange : before);
                sum++;
            }
            stc_transport_release(t);
        }
        assert_all(world, wrong == 0);
        stc_transport_destroy(&t);
    }
}

static int start(void **state)
{
    static stc_comm all;
    (void)state;
    all = stc_comm_of(MPI_COMM_WORLD);
    world = &all;
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_messages_arrive, start, NULL),
        cmocka_unit_test(a_chain_of_ranks_stays_in_step),
    };
    return run_mpi_tests("transport", tests, &argc, &argv);
}
