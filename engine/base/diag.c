/* SPDX-License-Identifier: Apache-2.0 */
/* diag.c: collects findings; diag_text.c and diag_json.c show them. */
#include "base/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/error.h"

#define FINDING_MAX 100

void weir_diags_init(struct weir_diags *diags, const char *file, const char *source, size_t source_len) {
    *diags = (struct weir_diags){.file = file, .source = source, .source_len = source_len};
}

void weir_diags_deinit(struct weir_diags *diags) {
    for (uint32_t i = 0; i < diags->count; i++) {
        free(diags->items[i].text);
        free(diags->items[i].help);
    }
    free(diags->items);
    memset(diags, 0, sizeof *diags);
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
    char *text = NULL;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

static bool is_known(const struct weir_diags *diags, const char *code, struct weir_mark mark,
                     const char *text) {
    for (uint32_t i = 0; i < diags->count; i++) {
        const struct weir_diag *item = &diags->items[i];
        if (item->mark.line == mark.line && item->mark.column == mark.column && !strcmp(item->code, code) &&
            !strcmp(item->text, text))
            return true;
    }
    return false;
}

/* Room for one more item. False when the limit is reached or memory is short. */
static bool make_room(struct weir_diags *diags) {
    if (diags->count >= FINDING_MAX) return false;
    if (diags->count < diags->capacity) return true;
    uint32_t capacity = diags->capacity ? diags->capacity * 2 : 8;
    struct weir_diag *items = realloc(diags->items, capacity * sizeof *items);
    if (!items) return false;
    diags->items = items;
    diags->capacity = capacity;
    return true;
}

int weir_diag_add(struct weir_diags *diags, const char *code, struct weir_mark mark, const char *format,
                  ...) {
    assert(code[0] == 'E' || code[0] == 'W');
    enum weir_severity severity = code[0] == 'W' ? WEIR_DIAG_WARNING : WEIR_DIAG_ERROR;
    int result = severity == WEIR_DIAG_ERROR ? WEIR_CONFIG : WEIR_OK;
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);

    diags->last_kept = false;
    if (text && is_known(diags, code, mark, text)) {
        free(text);
        return result;
    }
    if (severity == WEIR_DIAG_ERROR)
        diags->error_count++;
    else
        diags->warning_count++;
    if (!text || !make_room(diags)) {
        free(text);
        return result;
    }
    diags->items[diags->count++] =
        (struct weir_diag){.severity = severity, .code = code, .mark = mark, .text = text};
    diags->last_kept = true;
    return result;
}

void weir_diag_help(struct weir_diags *diags, const char *format, ...) {
    if (!diags->last_kept) return;
    struct weir_diag *item = &diags->items[diags->count - 1];
    va_list args;
    va_start(args, format);
    free(item->help);
    item->help = format_text(format, args);
    va_end(args);
}
