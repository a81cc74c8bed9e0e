/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c: the table of keys as Markdown, for docs and `weir help`. */
#include <stdio.h>
#include <string.h>

#include "config/fields.h"
#include "config/measures.h"

static void append_bound(struct weir_buffer *out, const struct weir_key *key, double bound) {
    char text[WEIR_MEASURE_TEXT_MAX];
    if (key->kind == WEIR_KEY_DURATION)
        weir_buffer_append_text(out, weir_duration_format((int64_t)bound, text));
    else if (key->kind == WEIR_KEY_SIZE)
        weir_buffer_append_text(out, weir_size_format((int64_t)bound, text));
    else
        weir_buffer_format(out, "%.15g", bound);
}

static void append_values(struct weir_buffer *out, const struct weir_key *key) {
    if (key->choices) {
        for (size_t i = 0; key->choices[i]; i++)
            weir_buffer_format(out, "%s`%s`", i ? ", " : "", key->choices[i]);
        return;
    }
    weir_buffer_append_text(out, weir_key_kind_text(key));
    if (key->max > key->min) {
        weir_buffer_append_text(out, ", ");
        append_bound(out, key, key->min);
        weir_buffer_append_text(out, " to ");
        append_bound(out, key, key->max);
    }
}

static void append_section(struct weir_buffer *out, const struct weir_key *keys, const char *path) {
    weir_buffer_format(out, "## %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
                       path[0] ? path : "top level");
    for (const struct weir_key *key = keys; key->name; key++) {
        if (key->kind == WEIR_KEY_LATER) continue;
        weir_buffer_format(out, "| `%s` | ", key->name);
        append_values(out, key);
        weir_buffer_format(out, " | %s%s%s | %s |\n", key->fallback ? "`" : "",
                           key->fallback   ? key->fallback
                           : key->required ? "required"
                                           : "",
                           key->fallback ? "`" : "", key->help);
    }
    weir_buffer_append_char(out, '\n');
    for (const struct weir_key *key = keys; key->name; key++) {
        char below[96];
        if (!key->keys) continue;
        snprintf(below, sizeof below, "%.60s%s%.30s", path, path[0] ? "." : "", key->name);
        append_section(out, key->keys, below);
    }
}

static void append_later(struct weir_buffer *out, const struct weir_key *keys, const char *path) {
    for (const struct weir_key *key = keys; key->name; key++) {
        char below[96];
        snprintf(below, sizeof below, "%.60s%s%.30s", path, path[0] ? "." : "", key->name);
        if (key->kind == WEIR_KEY_LATER) weir_buffer_format(out, "- `%s`: %s\n", below, key->help);
        if (key->later) weir_buffer_format(out, "- `%s: %s`\n", below, key->later);
        if (key->keys) append_later(out, key->keys, below);
    }
}

int weir_fields_render_reference(struct weir_buffer *out) {
    weir_buffer_append_text(out, "# Keys of a pipeline file\n\n");
    append_section(out, weir_pipeline_keys, "");
    weir_buffer_append_text(out, "## Not in this version (E320)\n\n");
    append_later(out, weir_pipeline_keys, "");
    return weir_buffer_append_char(out, '\n');
}
