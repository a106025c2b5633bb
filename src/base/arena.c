/* arena.c - memory that is freed all at once: a list of blocks, filled from the front. */

#include "stc/base.h"
#include "stc/error.h"

#include <stdarg.h>
#include <string.h>

enum { ALIGNMENT = 16, BLOCK_BYTES = 1 << 16 };

typedef struct block {
    struct block *next;
    int64_t used, bytes; /* of data */
    _Alignas(64) char data[];
} block;

struct stc_arena {
    block *first; /* the one being filled */
};

int stc_arena_create(stc_arena **out)
{
    *out = stc_alloc(1, sizeof **out);
    return *out ? 0 : STC_ERR_NOMEM;
}

void stc_arena_destroy(stc_arena **arena)
{
    if (!*arena) return;
    for (block *b = (*arena)->first, *next; b; b = next) {
        next = b->next;
        stc_free(b);
    }
    stc_free(*arena);
    *arena = NULL;
}

/* A block with room for bytes, or NULL. Large requests get their own block behind the first, so
 * that the rest of the first stays in use. */
static block *block_for(stc_arena *arena, int64_t bytes)
{
    block *first = arena->first;
    if (first && first->bytes - first->used >= bytes) return first;
    bool large = bytes > BLOCK_BYTES / 4;
    int64_t data = large ? bytes : BLOCK_BYTES;
    block *fresh = stc_alloc(1, (int64_t)sizeof(block) + data);
    if (!fresh) return NULL;
    fresh->bytes = data;
    if (large && first) {
        fresh->next = first->next;
        first->next = fresh;
    } else {
        fresh->next = first;
        arena->first = fresh;
    }
    return fresh;
}

void *stc_arena_alloc(stc_arena *arena, int64_t count, int64_t size)
{
    int64_t bytes;
    if (count < 0 || size < 0 || __builtin_mul_overflow(count, size, &bytes) ||
        bytes > INT64_MAX / 2) {
        stc_fail(STC_ERR_NOMEM, "cannot allocate %lld elements of %lld bytes", (long long)count,
                 (long long)size);
        return NULL;
    }
    bytes = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    block *b = block_for(arena, bytes);
    if (!b) return NULL;
    void *result = b->data + b->used;
    b->used += bytes;
    return result;
}

char *stc_arena_strdup(stc_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = stc_arena_alloc(arena, (int64_t)size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *stc_arena_printf(stc_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = stc_arena_alloc(arena, (int64_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
