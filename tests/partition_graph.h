/* partition_graph.h - small hypergraphs for the tests of partition/. */
#ifndef STC_TESTS_PARTITION_GRAPH_H
#define STC_TESTS_PARTITION_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stc/base.h"
#include "stc/partition.h"

/* A hypergraph that grows; g points at its arrays. */
typedef struct {
    stc_hypergraph g;
    double *weight;
    int32_t *source, *pin;
    float *spikes;
    int64_t *first;
} test_graph;

/* n vertices that each weigh (1, 10, 100); room for nets and pins. */
static inline test_graph graph_of(int32_t n, int32_t nets, int64_t pins)
{
    test_graph t = {.weight = calloc((size_t)n * STC_NCONSTRAINTS, sizeof(double)),
                    .source = calloc((size_t)nets + 1, sizeof(int32_t)),
                    .spikes = calloc((size_t)nets + 1, sizeof(float)),
                    .first = calloc((size_t)nets + 1, sizeof(int64_t)),
                    .pin = calloc((size_t)pins + 1, sizeof(int32_t))};
    for (int32_t v = 0; v < n; v++) {
        t.weight[v * STC_NCONSTRAINTS] = 1;
        t.weight[v * STC_NCONSTRAINTS + 1] = 10;
        t.weight[v * STC_NCONSTRAINTS + 2] = 100;
    }
    t.g = (stc_hypergraph){.nvertices = n,
                           .weight = t.weight,
                           .source = t.source,
                           .spikes = t.spikes,
                           .first = t.first,
                           .pin = t.pin};
    return t;
}

static inline void graph_free(test_graph *t)
{
    free(t->weight);
    free(t->source);
    free(t->spikes);
    free(t->first);
    free(t->pin);
}

static inline void add_net(test_graph *t, int32_t source, float spikes)
{
    t->source[t->g.nnets] = source;
    t->spikes[t->g.nnets] = spikes;
    t->first[t->g.nnets + 1] = t->first[t->g.nnets];
    t->g.nnets++;
}

static inline void add_pin(test_graph *t, int32_t pin)
{
    t->pin[t->first[t->g.nnets]++] = pin;
}

/* Each vertex tells the next one; the last tells the first. */
static inline test_graph ring_graph(int32_t n)
{
    test_graph t = graph_of(n, n, n);
    for (int32_t v = 0; v < n; v++) {
        add_net(&t, v, 1);
        add_pin(&t, (v + 1) % n);
    }
    return t;
}

/* Vertex 0 tells all others, and each of them tells vertex 0. */
static inline test_graph star_graph(int32_t n)
{
    test_graph t = graph_of(n, n, 2 * (int64_t)n);
    add_net(&t, 0, 5);
    for (int32_t v = 1; v < n; v++)
        add_pin(&t, v);
    for (int32_t v = 1; v < n; v++) {
        add_net(&t, v, 1);
        add_pin(&t, 0);
    }
    return t;
}

/* Drawn nets with self-pins and pins that occur twice; two nets for every third vertex, none for
 * every fifth; uneven weights. */
static inline test_graph drawn_graph(int32_t n, uint64_t seed)
{
    test_graph t = graph_of(n, 2 * n, 16 * (int64_t)n);
    uint64_t draw = 0;
    for (int32_t v = 0; v < n; v++) {
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            t.weight[v * STC_NCONSTRAINTS + c] *= 1 + stc_random_u32(seed, 1, draw++) % 3;
        for (int net = 0; net < (v % 5 == 0 ? 0 : v % 3 == 0 ? 2 : 1); net++) {
            add_net(&t, v, (float)(stc_random_u32(seed, 1, draw++) % 7) / 2);
            const int pins = (int)(stc_random_u32(seed, 1, draw++) % 8);
            for (int i = 0; i < pins; i++) {
                const int64_t near = v - 5 + (int64_t)(stc_random_u32(seed, 1, draw++) % 11);
                add_pin(&t, (int32_t)((near + n) % n));
            }
        }
    }
    return t;
}

/* Groups of vertices that are joined inside, and by nothing to each other; ids are mixed. */
static inline test_graph groups_graph(int32_t groups, int32_t size)
{
    const int32_t n = groups * size;
    test_graph t = graph_of(n, n, (int64_t)n * size);
    for (int32_t v = 0; v < n; v++) {
        add_net(&t, v, 1);
        for (int32_t i = 0; i < size; i++)
            if (i * groups + v % groups != v) add_pin(&t, i * groups + v % groups);
    }
    return t;
}

static inline bool no_part_is_empty(const int32_t *part, int32_t n, int32_t nparts)
{
    bool *used = calloc((size_t)nparts, sizeof *used), all = true;
    for (int32_t v = 0; v < n; v++) {
        if (part[v] < 0 || part[v] >= nparts)
            all = false;
        else
            used[part[v]] = true;
    }
    for (int32_t p = 0; p < nparts; p++)
        all = all && used[p];
    free(used);
    return all;
}

#endif
