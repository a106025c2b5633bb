/* text.c - numbers as people read them. */
#include "commands.h"

const char *stc_text_count(int64_t n, char buffer[STC_TEXT_SIZE])
{
    char digits[STC_TEXT_SIZE];
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
    char *out = buffer;
    if (n < 0) *out++ = '-';
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *out++ = ',';
        *out++ = digits[i];
    }
    *out = 0;
    return buffer;
}

const char *stc_text_bytes(int64_t n, char buffer[STC_TEXT_SIZE])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)n;
    int unit = 0;
    while (value >= 1000.0 && unit < 5) {
        value /= 1000.0;
        unit++;
    }
    snprintf(buffer, STC_TEXT_SIZE, unit ? "%.3g %s" : "%.0f %s", value, units[unit]);
    return buffer;
}

const char *stc_text_seconds(double seconds, char buffer[STC_TEXT_SIZE])
{
    if (seconds < 1e-3) {
        snprintf(buffer, STC_TEXT_SIZE, "%.1f us", seconds * 1e6);
    } else if (seconds < 1.0) {
        snprintf(buffer, STC_TEXT_SIZE, "%.3g ms", seconds * 1e3);
    } else if (seconds < 100.0) {
        snprintf(buffer, STC_TEXT_SIZE, "%.3g s", seconds);
    } else {
        snprintf(buffer, STC_TEXT_SIZE, "%.0f s", seconds);
    }
    return buffer;
}
