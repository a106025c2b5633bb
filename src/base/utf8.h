/* utf8.h - characters of texts that come from anywhere. Private to src/base/. */
#ifndef STC_BASE_UTF8_H
#define STC_BASE_UTF8_H

#include <stdbool.h>

/* Bytes of the well-formed UTF-8 character at text, or 0. */
static inline int stc_utf8_length(const unsigned char *text)
{
    if (text[0] < 0x80) return 1;
    int n = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool surrogate = text[0] == 0xed && text[1] >= 0xa0;
    bool beyond = text[0] == 0xf4 && text[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

static inline bool stc_is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

#endif
