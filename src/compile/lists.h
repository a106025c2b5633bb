/* lists.h - lists of numbers of which each is kept once. Local. */
#ifndef STC_COMPILE_LISTS_H
#define STC_COMPILE_LISTS_H

#include <stdint.h>

/* Zero: none yet. */
typedef struct {
    int32_t n;
    int64_t *first; /* [n + 1] */
    int32_t *item;  /* [first[n]] */
    int64_t room, room_for_items;
    int32_t *table; /* [mask + 1] list + 1 */
    uint64_t mask;
} stc_lists;

/* The number of the list that equals this one; it is added when there is none. items must not
 * belong to the lists. STC_ERR_NOMEM. */
int32_t stc_lists_add(stc_lists *lists, const int32_t *items, int64_t n);
void stc_lists_release(stc_lists *lists);

#endif
