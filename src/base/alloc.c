/* alloc.c - counted, aligned, zeroed memory, and the peak resident set.
 *
 * In front of every block lies one 64-byte header with the size of the block, so that freeing can
 * count and large blocks come zeroed from the system without being touched.
 */

#include "stc/base.h"
#include "stc/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ALIGNMENT = 64, PAGE = 1 << 21 };

typedef struct {
    void *start;    /* what calloc or mmap returned */
    int64_t bytes;  /* that are counted */
    int64_t mapped; /* by mmap; 0: by calloc */
} header;

static _Atomic int64_t held;

enum { LARGE = 1 << 28 }; /* smaller blocks are not worth a look at what the machine has */

/* Linux promises more memory than there is and ends who uses it, so blocks are refused that do not
 * fit: with all that is held here, the machine; alone, what is free at the moment. */
static bool fits_machine(int64_t bytes)
{
    long long available;
    const int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    if (bytes < LARGE || machine <= 0) return true;
    if (bytes > machine - stc_alloc_bytes()) return false;
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file) return true;
    int found = fscanf(file, "MemTotal: %*d kB MemFree: %*d kB MemAvailable: %lld kB", &available);
    fclose(file);
    return found != 1 || bytes / 1024 <= available;
}

static bool count_bytes(int64_t count, int64_t size, int64_t alignment, int64_t *bytes)
{
    if (count >= 0 && size >= 0 && !__builtin_mul_overflow(count, size, bytes) &&
        *bytes <= INT64_MAX - 2 * alignment)
        return true;
    stc_fail(STC_ERR_NOMEM, "cannot allocate %lld elements of %lld bytes", (long long)count,
             (long long)size);
    return false;
}

static void fail_refused(int64_t bytes)
{
    stc_fail(STC_ERR_NOMEM,
             "out of memory: %lld more bytes were refused, %lld are held; use more ranks or a "
             "machine with more memory",
             (long long)bytes, (long long)stc_alloc_bytes());
}

static char *allocate(int64_t count, int64_t size, int64_t alignment)
{
    int64_t bytes;
    if (!count_bytes(count, size, alignment, &bytes)) return NULL;
    char *start = fits_machine(bytes) ? calloc(1, (size_t)(bytes + 2 * alignment)) : NULL;
    if (!start) {
        fail_refused(bytes);
        return NULL;
    }
    const uintptr_t mask = (uintptr_t)alignment - 1;
    uintptr_t address = ((uintptr_t)start + ALIGNMENT + mask) & ~mask;
    char *block = start + (address - (uintptr_t)start);
    header *head = (header *)(void *)(block - ALIGNMENT);
    head->start = start;
    head->bytes = bytes;
    head->mapped = 0;
    atomic_fetch_add_explicit(&held, bytes, memory_order_relaxed);
    return block;
}

void *stc_alloc(int64_t count, int64_t size)
{
    return allocate(count, size, ALIGNMENT);
}

void *stc_alloc_huge(int64_t count, int64_t size)
{
    enum { SMALL = PAGE / 8 }; /* not worth a page of its own */
    int64_t bytes;
    if (count < 0 || size < 0 || __builtin_mul_overflow(count, size, &bytes) || bytes < SMALL ||
        bytes > INT64_MAX - PAGE)
        return stc_alloc(count, size);
    bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    char *block = allocate(bytes, 1, PAGE);
    if (block) madvise(block, (size_t)bytes, MADV_HUGEPAGE); /* a wish, no more */
    return block;
}

void *stc_alloc_reserved(int64_t count, int64_t size)
{
    int64_t bytes;
    if (!count_bytes(count, size, PAGE, &bytes)) return NULL;
    const int64_t mapped = bytes + ALIGNMENT;
    char *start = mmap(NULL, (size_t)mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        fail_refused(bytes);
        return NULL;
    }
    madvise(start, (size_t)mapped, MADV_NOHUGEPAGE); /* a page for each of a few far apart */
    *(header *)(void *)start = (header){.start = start, .mapped = mapped};
    return start + ALIGNMENT;
}

void stc_free(void *pointer)
{
    if (!pointer) return;
    header *head = (header *)(void *)((char *)pointer - ALIGNMENT);
    atomic_fetch_sub_explicit(&held, head->bytes, memory_order_relaxed);
    if (head->mapped > 0)
        munmap(head->start, (size_t)head->mapped);
    else
        free(head->start);
}

int64_t stc_alloc_bytes(void)
{
    return atomic_load_explicit(&held, memory_order_relaxed);
}

int64_t stc_peak_rss_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * INT64_C(1024) : 0;
}
