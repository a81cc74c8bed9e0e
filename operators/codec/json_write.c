/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include <stdlib.h>

#include "weir/number.h"

/* What follows the backslash; 'u' = six bytes; 0 = the byte stands for itself. */
static const char escapes[128] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',         'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

/* The caller has reserved 6 * len + 2 bytes. */
static char *put_text(char *to, const char *text, size_t len) {
    static const char digits[] = "0123456789abcdef";
    *to++ = '"';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape = c < 128 ? escapes[c] : 0;
        if (!escape) {
            *to++ = (char)c;
        } else if (escape != 'u') {
            *to++ = '\\';
            *to++ = escape;
        } else {
            memcpy(to, "\\u00", 4);
            to[4] = digits[c >> 4];
            to[5] = digits[c & 15];
            to += 6;
        }
    }
    *to++ = '"';
    return to;
}

static int append_text(struct weir_buffer *out, const char *text, size_t len) {
    if (weir_buffer_reserve(out, 6 * len + 2)) return WEIR_NOMEM;
    out->len = (size_t)(put_text(out->data + out->len, text, len) - out->data);
    return WEIR_OK;
}

/* `,"name":` of one level, with its brace when it opens an object. */
static int append_key(struct weir_json_form *form, const struct weir_shape_node *node, bool first) {
    struct weir_buffer *text = &form->text;
    if (!first && weir_buffer_append_char(text, ',')) return WEIR_NOMEM;
    if (append_text(text, node->name, node->len)) return WEIR_NOMEM;
    if (weir_buffer_append_char(text, ':')) return WEIR_NOMEM;
    return node->field == WEIR_SHAPE_NONE ? weir_buffer_append_char(text, '{') : WEIR_OK;
}

/* Walks the tree depth first without recursion (names may hold any number of dots). */
static int write_pieces(struct weir_json_form *form, const struct weir_shape *shape) {
    uint32_t node = shape->nodes[WEIR_SHAPE_ROOT].first_child;
    size_t begin = 0;
    bool first = true;
    if (weir_buffer_append_char(&form->text, '{')) return WEIR_NOMEM;
    while (node != WEIR_SHAPE_NONE) {
        const struct weir_shape_node *at = &shape->nodes[node];
        if (append_key(form, at, first)) return WEIR_NOMEM;
        first = at->field == WEIR_SHAPE_NONE;
        if (first) {
            node = at->first_child;
            continue;
        }
        form->pieces[form->count++] = (struct weir_json_piece){begin, form->text.len - begin, at->field};
        begin = form->text.len;
        while (node != WEIR_SHAPE_ROOT && shape->nodes[node].next_sibling == WEIR_SHAPE_NONE) {
            node = shape->nodes[node].parent;
            if (node != WEIR_SHAPE_ROOT && weir_buffer_append_char(&form->text, '}')) return WEIR_NOMEM;
        }
        node = shape->nodes[node].next_sibling; /* the root has none */
    }
    form->tail_begin = begin;
    return weir_buffer_append_char(&form->text, '}');
}

int weir_json_form_init(struct weir_json_form *form, const struct weir_shape *shape,
                        struct weir_error *error) {
    memset(form, 0, sizeof *form);
    weir_buffer_init(&form->text);
    form->pieces = malloc(shape->count * sizeof *form->pieces);
    if (!form->pieces || write_pieces(form, shape))
        return weir_error_set(error, WEIR_NOMEM, "no memory for the schema");
    return WEIR_OK;
}

void weir_json_form_deinit(struct weir_json_form *form) {
    weir_buffer_deinit(&form->text);
    free(form->pieces);
    memset(form, 0, sizeof *form);
}

static char *put(char *to, const char *bytes, size_t len) {
    memcpy(to, bytes, len);
    return to + len;
}

static char *put_value(char *to, const struct weir_value *cell) {
    if (cell->null) return put(to, "null", 4);
    switch (cell->type) {
        case WEIR_BOOL:
            return cell->as.b ? put(to, "true", 4) : put(to, "false", 5);
        case WEIR_FLOAT64:
            if (!isfinite(cell->as.f)) return put(to, "null", 4);
            return to + weir_number_format(cell->as.f, to);
        case WEIR_STRING:
        case WEIR_CATEGORY:
            return put_text(to, cell->as.s, cell->len);
        default:
            return to + weir_integer_format(cell->as.i, to);
    }
}

int weir_json_form_write(const struct weir_json_form *form, const struct weir_value *cells,
                         struct weir_buffer *out) {
    size_t room = form->text.len;
    for (uint32_t i = 0; i < form->count; i++) {
        const struct weir_value *cell = &cells[form->pieces[i].field];
        bool text = !cell->null && weir_type_is_text(cell->type);
        room += text ? 6 * (size_t)cell->len + 2 : WEIR_NUMBER_TEXT_MAX;
    }
    if (weir_buffer_reserve(out, room)) return WEIR_NOMEM;
    char *to = out->data + out->len;
    for (uint32_t i = 0; i < form->count; i++) {
        const struct weir_json_piece *piece = &form->pieces[i];
        to = put(to, form->text.data + piece->begin, piece->len);
        to = put_value(to, &cells[piece->field]);
    }
    to = put(to, form->text.data + form->tail_begin, form->text.len - form->tail_begin);
    out->len = (size_t)(to - out->data);
    return WEIR_OK;
}
