/* SPDX-License-Identifier: Apache-2.0 */
/* diag_json.c: findings for programs: one JSON object on one line. */
#include <stdlib.h>

#include "base/diag.h"
#include "base/diag_order.h"
#include "base/json_text.h"

static int append_string(struct weir_buffer *out, const char *text) {
    return text ? weir_json_text(out, text, strlen(text)) : weir_buffer_append_text(out, "null");
}

static void append_finding(const struct weir_diag *item, struct weir_buffer *out) {
    weir_buffer_format(out, "{\"code\":\"%s\",\"severity\":\"%s\",", item->code,
                       item->severity == WEIR_DIAG_ERROR ? "error" : "warning");
    if (item->mark.line)
        weir_buffer_format(out, "\"line\":%u,\"column\":%u,\"length\":%u,", item->mark.line,
                           item->mark.column, item->mark.length ? item->mark.length : 1);
    else
        weir_buffer_append_text(out, "\"line\":null,\"column\":null,\"length\":null,");
    weir_buffer_append_text(out, "\"text\":");
    append_string(out, item->text);
    weir_buffer_append_text(out, ",\"help\":");
    append_string(out, item->help);
    weir_buffer_append_char(out, '}');
}

int weir_diags_render_json(const struct weir_diags *diags, struct weir_buffer *out) {
    const struct weir_diag **order = weir_diags_order(diags);
    if (diags->count && !order) return WEIR_NOMEM;
    weir_buffer_append_text(out, "{\"file\":");
    append_string(out, diags->file);
    weir_buffer_format(out, ",\"errors\":%u,\"warnings\":%u,\"findings\":[", diags->error_count,
                       diags->warning_count);
    for (uint32_t i = 0; i < diags->count; i++) {
        if (i) weir_buffer_append_char(out, ',');
        append_finding(order[i], out);
    }
    free(order);
    return weir_buffer_append_text(out, "]}\n");
}
