/* heap.h - vertices by gain, the largest first; ties by vertex, so that the order is one. Local. */
#ifndef STC_PARTITION_HEAP_H
#define STC_PARTITION_HEAP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int32_t n;
    int32_t *vertex; /* [n], a binary heap */
    int32_t *place;  /* [vertices] index in vertex, or -1 */
    int32_t *gain;   /* [vertices] */
} stc_heap;

static inline bool stc_heap_before(const stc_heap *h, int32_t a, int32_t b)
{
    return h->gain[a] != h->gain[b] ? h->gain[a] > h->gain[b] : a < b;
}

static inline void stc_heap_put(stc_heap *h, int32_t at, int32_t vertex)
{
    h->vertex[at] = vertex;
    h->place[vertex] = at;
}

static inline void stc_heap_rise(stc_heap *h, int32_t at)
{
    const int32_t v = h->vertex[at];
    while (at > 0 && stc_heap_before(h, v, h->vertex[(at - 1) / 2])) {
        stc_heap_put(h, at, h->vertex[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    stc_heap_put(h, at, v);
}

static inline void stc_heap_sink(stc_heap *h, int32_t at)
{
    const int32_t v = h->vertex[at];
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= h->n) break;
        if (child + 1 < h->n && stc_heap_before(h, h->vertex[child + 1], h->vertex[child])) child++;
        if (!stc_heap_before(h, h->vertex[child], v)) break;
        stc_heap_put(h, at, h->vertex[child]);
        at = child;
    }
    stc_heap_put(h, at, v);
}

/* Add a vertex, or change the gain of one that is in. */
static inline void stc_heap_set(stc_heap *h, int32_t vertex, int32_t gain)
{
    const int32_t before = h->gain[vertex];
    h->gain[vertex] = gain;
    if (h->place[vertex] < 0) {
        stc_heap_put(h, h->n++, vertex);
        stc_heap_rise(h, h->n - 1);
    } else if (gain > before) {
        stc_heap_rise(h, h->place[vertex]);
    } else if (gain < before) {
        stc_heap_sink(h, h->place[vertex]);
    }
}

static inline void stc_heap_remove(stc_heap *h, int32_t vertex)
{
    const int32_t at = h->place[vertex], last = h->vertex[--h->n];
    h->place[vertex] = -1;
    if (at == h->n) return;
    stc_heap_put(h, at, last);
    stc_heap_rise(h, at);
    stc_heap_sink(h, h->place[last]);
}

#endif
