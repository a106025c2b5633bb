/* Bits as they travel between ranks: what is written is read again, in the shortest format. */
#include "../sim/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stc/base.h"

enum { MOST = 200000, GUARD = 0xa5 };

static unsigned char value[MOST + 8], again[MOST + 8], wire[MOST / 8 + 64], other[MOST / 8 + 64];
static uint32_t list[MOST], found[MOST];

/* Set elements with probability p, in bursts if asked to; returns how many. */
static int64_t draw(int64_t n, double p, int burst, uint32_t seed)
{
    int64_t count = 0;
    memset(value, 0, sizeof value);
    for (int64_t i = 0; i < n; i++)
        value[i] = stc_random_u32(seed, 1, (uint32_t)(i / burst)) < p * 4294967295.0;
    for (int64_t i = 0; i < n; i++)
        if (value[i]) list[count++] = (uint32_t)i;
    return count;
}

static int64_t put(int64_t n, int64_t count)
{
    memset(wire, GUARD, sizeof wire);
    const int64_t bytes = stc_wire_put_indices(n, list, count, wire) - wire;
    assert_true(bytes <= stc_wire_most(n));
    assert_int_equal(wire[bytes], GUARD);
    return bytes;
}

static void check(int64_t n, int64_t count)
{
    int64_t set, bytes = put(n, count);
    assert_int_equal(stc_wire_put_values(n, value, other, &set) - other, bytes);
    assert_int_equal(set, count);
    assert_memory_equal(wire, other, (size_t)bytes);
    assert_ptr_equal(stc_wire_get_indices(n, wire, found, &set), wire + bytes);
    assert_int_equal(set, count);
    assert_memory_equal(found, list, (size_t)count * sizeof *list);
    memset(again, GUARD, sizeof again);
    assert_ptr_equal(stc_wire_get_values(n, wire, again), wire + bytes);
    assert_memory_equal(again, value, (size_t)n);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    const int64_t sizes[] = {1,   2,    7,     8,     9,     63,     64,    65,
                             255, 256,  257,   1000,  4096,  65535,  65536, 65537,
                             511, 1025, 99999, 65543, 65544, 131072, MOST};
    const double rates[] = {0, 1e-5, 1e-4, 1e-3, 4e-3, 0.02, 0.1, 0.13, 0.5, 1};
    uint32_t seed = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof rates / sizeof *rates; k++)
            for (int burst = 1; burst < 40; burst += 37)
                check(sizes[i], draw(sizes[i], rates[k], burst, seed++));
}

static void one_element_alone_is_found_wherever_it_is(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 2000; i++) {
        memset(value, 0, sizeof value);
        value[i] = 1;
        list[0] = (uint32_t)i;
        check(2000, 1);
    }
}

static void the_shortest_format_is_taken(void **state)
{
    (void)state;
    assert_int_equal(put(65536, 0), 1); /* silence takes a byte */
    assert_int_equal(put(MOST, 0), 4);  /* of each piece */
    for (uint32_t i = 0; i < 64; i++)
        list[i] = 1000 * i;
    assert_int_equal(put(64000, 10), 1 + 20);      /* a list */
    assert_int_equal(put(64000, 63), 1 + 2 + 126); /* of many */
    for (uint32_t i = 0; i < 5000; i++)
        list[i] = 10 * i;
    assert_int_equal(put(50000, 5000), 1 + 2 + 5000); /* gaps */
    assert_int_equal(put(600, 60), 1 + 60);
    for (uint32_t i = 0; i < 5000; i++)
        list[i] = 7 * i;
    assert_int_equal(put(35000, 5000), 1 + 4375); /* a bitmap */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(one_element_alone_is_found_wherever_it_is),
        cmocka_unit_test(the_shortest_format_is_taken),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
