/* Rows that several sources share: every source finds its own words, however they are laid out. */
#include "../sim/assembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NROWS = 40, NCELLS = 3, MOST = 70, STEP_BITS = 2, NEURON_BITS = 5 };

/* Synapse i of a table: which source of its row it has, and the rest of its word. */
static uint32_t source_of(const pathway *p, uint64_t i)
{
    return (uint32_t)(stc_mix64(i) >> 40) & ((1u << p->source_bits) - 1);
}
static uint64_t rest_of(uint64_t i)
{
    return stc_mix64(i) & 0xffff;
}

/* Cells of no words, a few and many, in the order in which they are made. */
static int64_t fill(const pathway *p, row_table *t)
{
    const int shift = (p->format.wide_word ? 64 : 32) - p->format.source_bits;
    uint32_t at = 0;
    for (int64_t row = 0; row < t->nrows; row++) {
        uint32_t *start = stc_row_start(p, t, row), in_row = 0;
        *start = at;
        for (int c = 0; c < NCELLS; c++) {
            const uint32_t n = (uint32_t)(stc_mix64((uint64_t)(row * NCELLS + c)) % MOST);
            for (uint32_t i = 0; i < n; i++, at++) {
                const uint64_t source = source_of(p, at);
                const uint64_t word = rest_of(at) | (p->format.source_bits ? source << shift : 0);
                if (p->format.wide_word)
                    ((uint64_t *)t->word)[at] = word;
                else
                    ((uint32_t *)t->word)[at] = (uint32_t)word;
                if (t->extra) t->extra[at] = (uint8_t)(source >> p->format.source_bits);
            }
            in_row += n;
            if (p->wide_cells)
                (start + 1)[c] = in_row;
            else
                ((uint16_t *)(start + 1))[c] = (uint16_t)in_row;
        }
    }
    return at;
}

/* Number and sum of the words of a source among those from `first` to `end`. */
static uint64_t expected_sum(const pathway *p, uint32_t first, uint32_t end, uint32_t source,
                             int64_t *n)
{
    uint64_t sum = 0;
    *n = 0;
    for (uint32_t i = first; i < end; i++) {
        if (source_of(p, i) != source) continue;
        sum += rest_of(i);
        ++*n;
    }
    return sum;
}

static void check_cell(const pathway *p, const row_table *t, uint32_t first, uint32_t end)
{
    for (uint32_t source = 0; source < 1u << p->source_bits; source++) {
        int64_t expected;
        uint64_t sum = expected_sum(p, first, end, source, &expected);
        uint32_t found = first;
        assert_int_equal(stc_rows_find(p, t, source, end - first, &found), expected);
        for (int64_t i = found; i < found + expected; i++) {
            sum -= 0xffff & (p->format.wide_word ? ((const uint64_t *)t->word)[i]
                                                 : ((const uint32_t *)t->word)[i]);
        }
        assert_int_equal(sum, 0);
    }
}

static void check(int source_bits, int extra_bits, bool wide_word, bool wide_cells)
{
    pathway p = {.source_bits = source_bits, .extra_bits = extra_bits, .wide_cells = wide_cells};
    p.format = (stc_synapse_format){.neuron_bits = NEURON_BITS,
                                    .step_bits = STEP_BITS,
                                    .wide_word = wide_word,
                                    .source_bits = source_bits - extra_bits};
    p.ncells = NCELLS;
    p.head_bytes = stc_round_up(4 + NCELLS * (wide_cells ? 4 : 2), 4);
    row_table t = {.nrows = NROWS};
    t.head = stc_alloc(NROWS, p.head_bytes);
    t.word = stc_alloc(NROWS * NCELLS * MOST, stc_word_size(&p));
    t.extra = extra_bits ? stc_alloc(NROWS * NCELLS * MOST, 1) : NULL;
    t.nwords = fill(&p, &t);
    assert_int_equal(stc_rows_sort(&p, &t), 0);
    for (int64_t source = 0; source < NROWS << source_bits; source += INT64_C(1) << source_bits) {
        const uint32_t *start = stc_row_of(&p, &t, source);
        uint32_t from = 0;
        for (int c = 0; c < NCELLS; c++) {
            const uint32_t end = stc_cell_end(&p, start + 1, c);
            check_cell(&p, &t, *start + from, *start + end);
            from = end;
        }
    }
    stc_free(t.head);
    stc_free(t.word);
    stc_free(t.extra);
}

static void every_source_finds_its_words(void **state)
{
    (void)state;
    const int bits[][2] = {{1, 0}, {5, 0}, {11, 0}, {3, 3}, {8, 8}, {9, 8}, {10, 4}};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (int wide = 0; wide < 4; wide++)
            check(bits[i][0], bits[i][1], wide & 1, wide & 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_source_finds_its_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
