/* components.c - strongly connected components of a directed graph: Tarjan's algorithm (SIAM J.
 * Comput. 1, 1972) with a stack of its own, as paths may be as long as the graph. */
#include "stc/base.h"
#include "stc/error.h"

typedef struct {
    const int64_t *first;
    const int32_t *target;
    int32_t *component;
    int64_t *next;           /* edge that is looked at next, of every vertex */
    int32_t *number, *low;   /* order of discovery from 1 on, 0: new; smallest number reachable */
    int32_t *path, *waiting; /* vertices from the root; those without a component yet */
    int32_t npath, nwaiting, nnumbers, ncomponents;
} search;

static void enter(search *s, int32_t v)
{
    s->number[v] = s->low[v] = ++s->nnumbers;
    s->next[v] = s->first[v];
    s->path[s->npath++] = v;
    s->waiting[s->nwaiting++] = v;
}

static void leave(search *s, int32_t v)
{
    s->npath--;
    if (s->npath > 0 && s->low[v] < s->low[s->path[s->npath - 1]]) {
        s->low[s->path[s->npath - 1]] = s->low[v];
    }
    if (s->low[v] != s->number[v]) return;
    int32_t member;
    do {
        member = s->waiting[--s->nwaiting];
        s->component[member] = s->ncomponents;
    } while (member != v);
    s->ncomponents++;
}

static void visit(search *s, int32_t root)
{
    enter(s, root);
    while (s->npath > 0) {
        int32_t v = s->path[s->npath - 1];
        if (s->next[v] == s->first[v + 1]) {
            leave(s, v);
            continue;
        }
        int32_t w = s->target[s->next[v]++];
        if (s->number[w] == 0) {
            enter(s, w);
        } else if (s->component[w] < 0 && s->number[w] < s->low[v]) {
            s->low[v] = s->number[w];
        }
    }
}

int32_t stc_components(int32_t n, const int64_t *first, const int32_t *target, int32_t *component)
{
    search s = {.first = first, .target = target, .component = component};
    s.next = stc_alloc(n, sizeof *s.next);
    s.number = stc_alloc(4 * (int64_t)n, sizeof *s.number);
    int32_t found = STC_ERR_NOMEM;
    if (s.next && s.number) {
        s.low = s.number + n;
        s.path = s.number + 2 * (int64_t)n;
        s.waiting = s.number + 3 * (int64_t)n;
        for (int32_t v = 0; v < n; v++)
            component[v] = -1;
        for (int32_t v = 0; v < n; v++)
            if (s.number[v] == 0) visit(&s, v);
        found = s.ncomponents;
    }
    stc_free(s.next);
    stc_free(s.number);
    return found;
}
