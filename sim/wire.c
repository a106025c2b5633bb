/* wire.c - see wire.h. */
#include "wire.h"

#include <string.h>

enum { PIECE = 65536, SHORTEST = PIECE / 8 }; /* a bitmap is never longer than that */
enum { BITMAP, LIST, GAPS };
enum { MANY = 63, WIDE_GAP = 255 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t bitmap_bytes(int64_t n)
{
    return (n + 7) / 8;
}

int64_t stc_wire_most(int64_t n)
{
    return (n + PIECE - 1) / PIECE + n / PIECE * bitmap_bytes(PIECE) + bitmap_bytes(n % PIECE);
}

/* ---- writing a piece ---- */

static unsigned char *put_head(int format, int64_t count, unsigned char *out)
{
    const uint16_t wide = (uint16_t)count;
    *out++ = (unsigned char)(format << 6 | (int)least(count, MANY));
    if (count < MANY) return out;
    memcpy(out, &wide, sizeof wide);
    return out + sizeof wide;
}

static unsigned char *put_list(const uint32_t *index, int64_t count, uint32_t first,
                               unsigned char *out)
{
    out = put_head(LIST, count, out);
    for (int64_t i = 0; i < count; i++, out += 2) {
        const uint16_t at = (uint16_t)(index[i] - first);
        memcpy(out, &at, sizeof at);
    }
    return out;
}

static unsigned char *put_gaps(const uint32_t *index, int64_t count, uint32_t first,
                               unsigned char *out)
{
    out = put_head(GAPS, count, out);
    for (int64_t i = 0; i < count; i++) {
        uint32_t gap = index[i] - first;
        for (; gap >= WIDE_GAP; gap -= WIDE_GAP)
            *out++ = WIDE_GAP;
        *out++ = (unsigned char)gap;
        first = index[i] + 1;
    }
    return out;
}

/* A list or gaps, whichever is shorter; NULL where a bitmap is at most as long. */
static unsigned char *put_sparse(int64_t n, const uint32_t *index, int64_t count, uint32_t first,
                                 unsigned char *out)
{
    int64_t wide = 0;
    const int64_t head = count < MANY ? 0 : 2, room = bitmap_bytes(n) - head;
    uint32_t next = first;
    if (count >= room) return NULL;
    for (int64_t i = 0; i < count; i++) {
        wide += (index[i] - next) / WIDE_GAP;
        next = index[i] + 1;
    }
    if (count + least(count, wide) >= room) return NULL;
    return wide < count ? put_gaps(index, count, first, out) : put_list(index, count, first, out);
}

unsigned char *stc_wire_put_indices(int64_t n, const uint32_t *index, int64_t count,
                                    unsigned char *out)
{
    for (int64_t first = 0; first < n; first += PIECE) {
        const int64_t size = least(n - first, PIECE);
        int64_t here = 0;
        while (here < count && index[here] < first + size)
            here++;
        unsigned char *end = put_sparse(size, index, here, (uint32_t)first, out);
        if (!end) {
            *out = BITMAP << 6;
            end = out + 1 + bitmap_bytes(size);
            memset(out + 1, 0, (size_t)bitmap_bytes(size));
            for (int64_t i = 0; i < here; i++) {
                const int64_t at = index[i] - first;
                out[1 + at / 8] |= (unsigned char)(1 << at % 8);
            }
        }
        index += here;
        count -= here;
        out = end;
    }
    return out;
}

/* ---- from values ---- */

static int64_t pack_bits(const unsigned char *in, int64_t n, unsigned char *out)
{
    int64_t set = 0;
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t eight;
        memcpy(&eight, in + i, sizeof eight);
        if (n - i < 8) eight &= (UINT64_C(1) << 8 * (n - i)) - 1;
        /* gathers bit 0 of byte k into bit k of the top byte */
        out[i / 8] = (unsigned char)((eight * UINT64_C(0x0102040810204080)) >> 56);
        set += __builtin_popcount(out[i / 8]);
    }
    return set;
}

static int64_t list_bits(const unsigned char *bits, int64_t n, uint32_t first, uint32_t *index)
{
    int64_t count = 0;
    for (int64_t i = 0; i < bitmap_bytes(n); i++)
        for (unsigned rest = bits[i]; rest; rest &= rest - 1)
            index[count++] = first + (uint32_t)(8 * i + __builtin_ctz(rest));
    return count;
}

unsigned char *stc_wire_put_values(int64_t n, const unsigned char *value, unsigned char *out,
                                   int64_t *count)
{
    uint32_t index[SHORTEST];
    *count = 0;
    for (int64_t first = 0; first < n; first += PIECE, value += PIECE) {
        const int64_t size = least(n - first, PIECE), set = pack_bits(value, size, out + 1);
        unsigned char *end = NULL;
        if (set < bitmap_bytes(size)) {
            list_bits(out + 1, size, 0, index);
            end = put_sparse(size, index, set, 0, out);
        }
        if (!end) {
            *out = BITMAP << 6;
            end = out + 1 + bitmap_bytes(size);
        }
        out = end;
        *count += set;
    }
    return out;
}

/* ---- reading ---- */

static const unsigned char *get_head(const unsigned char *in, int *format, int64_t *count)
{
    uint16_t wide;
    *format = *in >> 6;
    *count = *in++ & MANY;
    if (*count < MANY) return in;
    memcpy(&wide, in, sizeof wide);
    *count = wide;
    return in + sizeof wide;
}

/* The next index of a list or of gaps. */
static const unsigned char *get_next(int format, const unsigned char *in, uint32_t *next,
                                     uint32_t *index)
{
    if (format == LIST) {
        uint16_t at;
        memcpy(&at, in, sizeof at);
        *index = at;
        return in + sizeof at;
    }
    for (; *in == WIDE_GAP; in++)
        *next += WIDE_GAP;
    *index = *next + *in++;
    *next = *index + 1;
    return in;
}

const unsigned char *stc_wire_get_indices(int64_t n, const unsigned char *in, uint32_t *index,
                                          int64_t *count)
{
    *count = 0;
    for (int64_t first = 0; first < n; first += PIECE) {
        const int64_t size = least(n - first, PIECE);
        int format;
        int64_t here;
        uint32_t next = 0, at;
        in = get_head(in, &format, &here);
        if (format == BITMAP) {
            *count += list_bits(in, size, (uint32_t)first, index + *count);
            in += bitmap_bytes(size);
            continue;
        }
        for (; here > 0; here--) {
            in = get_next(format, in, &next, &at);
            if (at < size) index[(*count)++] = (uint32_t)first + at;
        }
    }
    return in;
}

static void unpack_bits(const unsigned char *in, int64_t n, unsigned char *out)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (int64_t i = 0; i < n; i += 8) {
        /* bit k stays in byte k of eight copies; carries into its top bit wherever it is set */
        const uint64_t own = in[i / 8] * ones & UINT64_C(0x8040201008040201);
        const uint64_t eight = (own + 0x7f * ones) >> 7 & ones;
        memcpy(out + i, &eight, sizeof eight);
    }
}

const unsigned char *stc_wire_get_values(int64_t n, const unsigned char *in, unsigned char *value)
{
    for (int64_t first = 0; first < n; first += PIECE, value += PIECE) {
        const int64_t size = least(n - first, PIECE);
        int format;
        int64_t here;
        uint32_t next = 0, at;
        in = get_head(in, &format, &here);
        if (format == BITMAP) {
            unpack_bits(in, size, value);
            in += bitmap_bytes(size);
            continue;
        }
        memset(value, 0, (size_t)size);
        for (; here > 0; here--) {
            in = get_next(format, in, &next, &at);
            if (at < size) value[at] = 1;
        }
    }
    return in;
}
