/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* First bytes and their allowed second bytes follow table 3-7 of the Unicode Standard. */
size_t weir_utf8_next(const char *s, size_t len, uint32_t *point) {
    if (!len) return 0;
    unsigned char first = (unsigned char)s[0];
    size_t bytes = first < 0x80   ? 1
                   : first < 0xc2 ? 0
                   : first < 0xe0 ? 2
                   : first < 0xf0 ? 3
                   : first < 0xf5 ? 4
                                  : 0;
    if (!bytes || bytes > len) return 0;
    uint32_t value = bytes == 1 ? first : first & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        unsigned char next = (unsigned char)s[i];
        unsigned char low = 0x80, high = 0xbf;
        if (i == 1 && first == 0xe0) low = 0xa0;
        if (i == 1 && first == 0xed) high = 0x9f;
        if (i == 1 && first == 0xf0) low = 0x90;
        if (i == 1 && first == 0xf4) high = 0x8f;
        if (next < low || next > high) return 0;
        value = value << 6 | (next & 0x3fu);
    }
    if (point) *point = value;
    return bytes;
}

size_t weir_utf8_count(const char *s, size_t len) {
    size_t count = 0;
    for (size_t i = 0; i < len; count++) {
        size_t bytes = weir_utf8_next(s + i, len - i, NULL);
        i += bytes ? bytes : 1;
    }
    return count;
}
