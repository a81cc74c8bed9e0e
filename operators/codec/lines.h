/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h: where the first line of a file's bytes ends; for codecs whose records are lines. */
#ifndef WEIR_CODEC_LINES_H
#define WEIR_CODEC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline size_t weir_line_frame(const char *data, size_t len, bool at_end) {
    const char *end = len ? memchr(data, '\n', len) : NULL;
    if (end) return (size_t)(end - data) + 1;
    return at_end ? len : 0;
}

#endif
