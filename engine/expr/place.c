/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/place.h"

#include <stdarg.h>
#include <stdio.h>

/* Characters of UTF-8: all bytes but continuation bytes. */
static uint32_t characters(const char *text, uint32_t len) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < len; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

struct weir_mark weir_expr_place_mark(const struct weir_expr_place *place, uint32_t begin, uint32_t end) {
    struct weir_mark mark = place->mark;
    if (!place->verbatim) {
        if (!mark.length) mark.length = characters(place->text, place->len);
        return mark;
    }
    mark.column += characters(place->text, begin);
    mark.length = end > begin ? characters(place->text + begin, end - begin) : 1;
    return mark;
}

void weir_expr_place_report(struct weir_expr_place *place, const char *code, uint32_t begin, uint32_t end,
                            const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    weir_diag_add(place->diags, code, weir_expr_place_mark(place, begin, end), "%s", text);
    place->error_count++;
}
