/* sha256.c - hash of a file, for provenance. The algorithm is nettle's. */

#include "stc/base.h"
#include "stc/error.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <string.h>

int stc_file_sha256(const char *path, char hex[65])
{
    unsigned char buffer[1 << 14], digest[SHA256_DIGEST_SIZE];
    FILE *file = fopen(path, "rb");
    if (!file)
        return stc_fail(STC_ERR_INPUT, "%s: cannot be opened: %s; give an existing, readable file",
                        path, strerror(errno));
    struct sha256_ctx context;
    sha256_init(&context);
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        sha256_update(&context, n, buffer);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed)
        return stc_fail(STC_ERR_INPUT, "%s: cannot be read: %s; give a readable file", path,
                        strerror(failed));
    sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return 0;
}
