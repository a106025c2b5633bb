/* wire.h - bits of n elements as bytes that travel, in the shortest of three formats.
 *
 * Elements are cut into pieces of 65,536. A piece is a byte that tells the format and how many
 * elements are 1 (63: a 16-bit number follows; a bitmap needs none), then
 *     bitmap   a bit for each element, least significant first
 *     list     a 16-bit index for each element that is 1
 *     gaps     a byte for each of them: how many zeros lie before it; 255: so many, and more follow
 * The formats are those of one machine type: numbers lie as in memory. Local; nothing is checked
 * but that indices stay below n. */
#ifndef STC_SIM_WIRE_H
#define STC_SIM_WIRE_H

#include <stdint.h>

/* Bytes that n elements take at most. */
int64_t stc_wire_most(int64_t n);

/* Write, and return the end: from the indices of those that are 1, increasing; or from values 0 and
 * 1, which are padded by 7 bytes. *count: how many are 1. */
unsigned char *stc_wire_put_indices(int64_t n, const uint32_t *index, int64_t count,
                                    unsigned char *out);
unsigned char *stc_wire_put_values(int64_t n, const unsigned char *value, unsigned char *out,
                                   int64_t *count);

/* Read, and return the end. index has room for n; value, padded by 7 bytes, is filled. */
const unsigned char *stc_wire_get_indices(int64_t n, const unsigned char *in, uint32_t *index,
                                          int64_t *count);
const unsigned char *stc_wire_get_values(int64_t n, const unsigned char *in, unsigned char *value);

#endif
