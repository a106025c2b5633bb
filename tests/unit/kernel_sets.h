/* kernel_sets.h - for the tests of kernels: the sets that this processor can run, random numbers.
 */
#ifndef KERNEL_SETS_H
#define KERNEL_SETS_H

#include "stc/base.h"
#include "stc/error.h"
#include "stc/kernels.h"
#include "stc/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_SETS = 8 };

static const stc_kernel_set *sets[MAX_SETS];
static int nsets;

static uint64_t random_state = 1;

static inline uint64_t draw(void)
{
    return stc_mix64(random_state += UINT64_C(0x9e3779b97f4a7c15));
}

static inline int64_t draw_below(int64_t n)
{
    return (int64_t)(draw() >> 11) % n;
}

static inline int64_t draw_between(int64_t low, int64_t high)
{
    return low + draw_below(high - low + 1);
}

static inline float draw_float(void)
{
    return (float)draw_between(-(1 << 23), 1 << 23) * 0x1p-22f;
}

static inline int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static inline void *allocate(int64_t count, size_t size)
{
    void *p = stc_alloc(count, (int64_t)size);
    assert_non_null(p);
    return p;
}

static inline int find_sets(void **state)
{
    (void)state;
    int n;
    const stc_kernel_set *const *all = stc_kernel_sets(&n);
    for (int i = 0; i < n; i++) {
        if (all[i]->supported()) {
            sets[nsets++] = all[i];
        } else {
            print_message("not run on this machine: kernel set %s\n", all[i]->name);
        }
    }
    return nsets > 0 ? 0 : -1;
}

#endif
