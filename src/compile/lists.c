/* lists.c - a hash table of lists of numbers. */
#include "lists.h"

#include "stc/base.h"
#include "stc/error.h"

#include <string.h>

enum { FEW = 256, FEW_ITEMS = 4096 };

static uint64_t hash_of(const int32_t *items, int64_t n)
{
    uint64_t hash = stc_mix64((uint64_t)n);
    for (int64_t i = 0; i < n; i++)
        hash = stc_mix64(hash + (uint64_t)items[i]);
    return hash;
}

static int32_t *slot_of(const stc_lists *lists, const int32_t *items, int64_t n)
{
    uint64_t at = hash_of(items, n) & lists->mask;
    for (; lists->table[at] != 0; at = (at + 1) & lists->mask) {
        const int32_t i = lists->table[at] - 1;
        if (lists->first[i + 1] - lists->first[i] == n &&
            memcmp(lists->item + lists->first[i], items, (size_t)n * sizeof *items) == 0)
            break;
    }
    return &lists->table[at];
}

/* Room for one more list. */
static int grow(stc_lists *lists)
{
    if (lists->n < lists->room) return 0;
    const int64_t room = lists->room ? 2 * lists->room : FEW;
    int64_t *first = stc_alloc(room + 1, sizeof *first);
    int32_t *table = stc_alloc(4 * room, sizeof *table);
    if (!first || !table) {
        stc_free(first);
        stc_free(table);
        return STC_ERR_NOMEM;
    }
    if (lists->n) memcpy(first, lists->first, ((size_t)lists->n + 1) * sizeof *first);
    stc_free(lists->first);
    stc_free(lists->table);
    lists->first = first;
    lists->table = table;
    lists->room = room;
    lists->mask = 4 * (uint64_t)room - 1;
    for (int32_t i = 0; i < lists->n; i++)
        *slot_of(lists, lists->item + first[i], first[i + 1] - first[i]) = i + 1;
    return 0;
}

static int grow_items(stc_lists *lists, int64_t n)
{
    const int64_t used = lists->first[lists->n], room = 2 * (used + n) + FEW_ITEMS;
    if (used + n <= lists->room_for_items) return 0;
    int32_t *item = stc_alloc(room, sizeof *item);
    if (!item) return STC_ERR_NOMEM;
    if (used) memcpy(item, lists->item, (size_t)used * sizeof *item);
    stc_free(lists->item);
    lists->item = item;
    lists->room_for_items = room;
    return 0;
}

int32_t stc_lists_add(stc_lists *lists, const int32_t *items, int64_t n)
{
    STC_TRY(grow(lists));
    int32_t *slot = slot_of(lists, items, n);
    if (*slot != 0) return *slot - 1;
    STC_TRY(grow_items(lists, n));
    memcpy(lists->item + lists->first[lists->n], items, (size_t)n * sizeof *items);
    lists->first[lists->n + 1] = lists->first[lists->n] + n;
    *slot = ++lists->n;
    return *slot - 1;
}

void stc_lists_release(stc_lists *lists)
{
    stc_free(lists->first);
    stc_free(lists->item);
    stc_free(lists->table);
    *lists = (stc_lists){0};
}
