/* SPDX-License-Identifier: Apache-2.0 */
/* diag_text.c: findings for people.
 *
 *   fraud.yaml:44:22: error[E204]: unknown column 'amout'
 *      44 |       spend_24h: sum(amout, 24h)
 *         |                      ^^^^^
 *         = help: did you mean 'amount'?
 *   1 error.  `weir explain E204` says more
 *
 * Columns count characters, so the marker line has one blank per character of the source line before the
 * mark; a tab there is repeated as a tab, which keeps the two lines aligned at any tab width. A line longer
 * than SHOWN_MAX characters is shown as a window around the mark.
 */
#include <stdlib.h>

#include "base/diag.h"
#include "base/diag_order.h"
#include "base/utf8.h"

#define SHOWN_MAX 160
#define SHOWN_BEFORE 60 /* characters kept before the mark when a line is cut */

struct palette {
    const char *place, *error, *warning, *gutter, *help, *off;
};
static const struct palette plain = {"", "", "", "", "", ""};
static const struct palette ansi = {"\033[1m", "\033[1;31m", "\033[1;33m", "\033[34m", "\033[36m", "\033[0m"};

/* Text of the file or of a finding is data: no control character of it may reach the terminal. */
static int append_printable(struct weir_buffer *out, const char *s, size_t len) {
    int result = WEIR_OK;
    for (size_t i = 0; i < len && !result;) {
        uint32_t point = 0;
        size_t bytes = weir_utf8_next(s + i, len - i, &point);
        if (!bytes || (point < 0x20 && point != '\t') || (point >= 0x7f && point < 0xa0))
            result = weir_buffer_append_char(out, '?');
        else
            result = weir_buffer_append(out, s + i, bytes);
        i += bytes ? bytes : 1;
    }
    return result;
}

/* The line's bytes without its end. False when the source has no such line. */
static bool find_line(const struct weir_diags *diags, uint32_t line, const char **text, size_t *len) {
    if (!diags->source || !line) return false;
    const char *at = diags->source, *end = diags->source + diags->source_len;
    for (uint32_t i = 1; i < line; i++) {
        const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (!newline) return false;
        at = newline + 1;
    }
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    const char *stop = newline ? newline : end;
    if (stop > at && stop[-1] == '\r') stop--;
    if (line == 1 && stop - at >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
        at += 3; /* a byte order mark has no column */
    *text = at;
    *len = (size_t)(stop - at);
    return true;
}

/* Byte offset of the character with this 0-based index; the length when the line is shorter. */
static size_t offset_of(const char *text, size_t len, size_t index) {
    size_t at = 0;
    while (at < len && index--) {
        size_t bytes = weir_utf8_next(text + at, len - at, NULL);
        at += bytes ? bytes : 1;
    }
    return at;
}

static void append_source(const struct weir_diags *diags, const struct weir_diag *item,
                          const struct palette *colors, struct weir_buffer *out) {
    const char *text;
    size_t len;
    if (!find_line(diags, item->mark.line, &text, &len)) return;
    size_t total = weir_utf8_count(text, len);
    size_t before = item->mark.column ? item->mark.column - 1 : 0;
    if (before > total) before = total;
    size_t marked = item->mark.length ? item->mark.length : 1;

    size_t first = 0, shown = total;
    if (total > SHOWN_MAX) {
        if (before > SHOWN_BEFORE * 2) first = before - SHOWN_BEFORE;
        shown = total - first < SHOWN_MAX ? total - first : SHOWN_MAX;
    }
    size_t from = offset_of(text, len, first);
    size_t till = from + offset_of(text + from, len - from, shown);
    size_t mark_at = from + offset_of(text + from, len - from, before - first);
    if (before + marked > first + shown) marked = first + shown > before ? first + shown - before : 1;
    const char *lead = first ? "..." : "";

    weir_buffer_format(out, "%s%5u |%s %s", colors->gutter, item->mark.line, colors->off, lead);
    append_printable(out, text + from, till - from);
    weir_buffer_append_text(out, first + shown < total ? "...\n" : "\n");
    weir_buffer_format(out, "%s      |%s %s", colors->gutter, colors->off, first ? "   " : "");
    for (size_t i = from; i < mark_at;) {
        size_t bytes = weir_utf8_next(text + i, len - i, NULL);
        weir_buffer_append_char(out, text[i] == '\t' ? '\t' : ' ');
        i += bytes ? bytes : 1;
    }
    weir_buffer_append_text(out, item->severity == WEIR_DIAG_ERROR ? colors->error : colors->warning);
    for (size_t i = 0; i < marked; i++) weir_buffer_append_char(out, '^');
    weir_buffer_format(out, "%s\n", colors->off);
}

static void append_finding(const struct weir_diags *diags, const struct weir_diag *item,
                           const struct palette *colors, struct weir_buffer *out) {
    bool error = item->severity == WEIR_DIAG_ERROR;
    weir_buffer_append_text(out, colors->place);
    const char *file = diags->file ? diags->file : "";
    append_printable(out, file, strlen(file));
    if (item->mark.line) weir_buffer_format(out, ":%u:%u", item->mark.line, item->mark.column);
    weir_buffer_format(out, "%s%s%s%s[%s]%s: ", diags->file || item->mark.line ? ": " : "", colors->off,
                       error ? colors->error : colors->warning, error ? "error" : "warning", item->code,
                       colors->off);
    append_printable(out, item->text, strlen(item->text));
    weir_buffer_append_char(out, '\n');
    append_source(diags, item, colors, out);
    if (item->help) {
        weir_buffer_format(out, "      %s= help:%s ", colors->help, colors->off);
        append_printable(out, item->help, strlen(item->help));
        weir_buffer_append_char(out, '\n');
    }
}

/* "2 errors, 1 warning.  `weir explain E204` says more", for the first error, else the first warning. */
static int append_closing(const struct weir_diags *diags, const struct weir_diag *const *order,
                          struct weir_buffer *out) {
    const char *code = order[0]->code;
    for (uint32_t i = diags->count; i-- > 0;)
        if (order[i]->severity == WEIR_DIAG_ERROR) code = order[i]->code;
    uint32_t errors = diags->error_count, warnings = diags->warning_count;
    if (errors) weir_buffer_format(out, "%u error%s", errors, errors == 1 ? "" : "s");
    if (warnings)
        weir_buffer_format(out, "%s%u warning%s", errors ? ", " : "", warnings, warnings == 1 ? "" : "s");
    if (errors + warnings > diags->count)
        weir_buffer_format(out, " (%u not shown)", errors + warnings - diags->count);
    return weir_buffer_format(out, ".  `weir explain %s` says more\n", code);
}

int weir_diags_render_text(const struct weir_diags *diags, bool color, struct weir_buffer *out) {
    if (!diags->count) return WEIR_OK;
    const struct weir_diag **order = weir_diags_order(diags);
    if (!order) return WEIR_NOMEM;
    const struct palette *colors = color ? &ansi : &plain;
    for (uint32_t i = 0; i < diags->count; i++) append_finding(diags, order[i], colors, out);
    int result = append_closing(diags, order, out);
    free(order);
    return result;
}
