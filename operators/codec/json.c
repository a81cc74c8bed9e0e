/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: one JSON object per record.
 *
 * Reading. simdjson's DOM parser (G. Langdale and D. Lemire, "Parsing Gigabytes of JSON per Second", VLDB
 * Journal 28(6), 2019) checks the whole text and leaves a flat tape of 64-bit words, one or two for each
 * value: {  }  [  ]    open: the word behind the matching close (low 32 bits) "             offset into the
 * strings: native uint32 length, then the bytes l  u  d       the next word is the int64, uint64 or double t
 * f  n       true, false, null This file walks the tape once: known keys become cells, all other keys are
 * only compared with each other.
 *
 * Rules. A record is one object in UTF-8 as RFC 8259 has it, at most 1 MiB long and 64 levels deep. A key
 * that occurs twice in any object, at any level, refuses the record: parsers differ in which one they take.
 * Keys that no column knows are ignored. A column "merchant.mcc" is the path mcc inside the object merchant
 * and nothing else: a literal key "merchant.mcc" is an unknown one. A path through null is a missing value, a
 * path through anything else but an object is a wrong type. Which value fits which column: cell.h.
 * Integers beyond 64 bits are read as doubles; NaN and infinities do not exist in JSON and are written null.
 *
 * Memory. The payload is copied once, behind it the padding the parser wants; text cells are copied to the
 * arena, because the parser's strings live until its next document only. (Measured on an event with five
 * texts: 30 of 370 ns.)
 */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "cell.h"
#include "json_diagnose.h"
#include "json_simdjson.h"
#include "json_write.h"
#include "lines.h"
#include "names.h"
#include "refusal.h"
#include "shape.h"
#include "weir/codec.h"

struct weir_coder {
    const struct weir_schema *schema;
    struct weir_shape shape;
    struct weir_json_form form;
    struct weir_json_parser *parser;
    struct weir_names names;
    struct weir_buffer padded;
};

/* One decode. */
struct reading {
    struct weir_coder *coder;
    struct weir_json_tape tape;
    struct weir_arena *arena;
    struct weir_value *cells;
    struct weir_data_error *error;
    unsigned depth; /* containers around the value being read */
};

/* --- the tape ----------------------------------------------------------------------------------------- */

static char letter(uint64_t word) { return (char)(word >> 56); }

static const char *text_at(const struct reading *r, size_t at, uint32_t *len) {
    const uint8_t *entry = r->tape.strings + (r->tape.words[at] & 0x00ffffffffffffffu);
    memcpy(len, entry, sizeof *len);
    return (const char *)entry + sizeof *len;
}

static size_t behind(const struct reading *r, size_t at) {
    switch (letter(r->tape.words[at])) {
        case '{':
        case '[':
            return r->tape.words[at] & 0xffffffffu;
        case 'l':
        case 'u':
        case 'd':
            return at + 2;
        default:
            return at + 1;
    }
}

static struct weir_token token_at(const struct reading *r, size_t at) {
    const uint64_t *word = &r->tape.words[at];
    struct weir_token token = {.kind = WEIR_TOKEN_NIL};
    switch (letter(*word)) {
        case '{':
            token.kind = WEIR_TOKEN_MAP;
            break;
        case '[':
            token.kind = WEIR_TOKEN_ARRAY;
            break;
        case 't':
        case 'f':
            token.kind = WEIR_TOKEN_BOOL;
            token.as.b = letter(*word) == 't';
            break;
        case 'u':
            token.kind = WEIR_TOKEN_UINT;
            token.as.u = word[1];
            break;
        case 'l':
            token.as.i = (int64_t)word[1];
            token.kind = token.as.i < 0 ? WEIR_TOKEN_INT : WEIR_TOKEN_UINT; /* same bits when not negative */
            break;
        case 'd':
            token.kind = WEIR_TOKEN_FLOAT;
            memcpy(&token.as.f, &word[1], sizeof token.as.f);
            break;
        case '"':
            token.kind = WEIR_TOKEN_TEXT;
            token.as.bytes = text_at(r, at, &token.len);
            break;
        default:
            break; /* null */
    }
    return token;
}

/* --- walking ------------------------------------------------------------------------------------------ */

static int read_object(struct reading *r, size_t at, uint32_t node);

/* The parser itself does not count an empty container. */
static int enter(struct reading *r) {
    if (r->depth++ < WEIR_JSON_DEPTH_MAX) return WEIR_OK;
    return weir_codec_refuse(r->error, WEIR_REFUSE_DEPTH, NULL, "nested in more than %d levels",
                             WEIR_JSON_DEPTH_MAX);
}

/* A value that no column wants: only its objects matter, for their keys. */
static int read_unknown(struct reading *r, size_t at) {
    char kind = letter(r->tape.words[at]);
    if (kind == '{') return read_object(r, at, WEIR_SHAPE_NONE);
    if (kind != '[') return WEIR_OK;
    size_t end = behind(r, at) - 1;
    int result = enter(r);
    for (at++; at < end && result == WEIR_OK; at = behind(r, at)) result = read_unknown(r, at);
    r->depth--;
    return result;
}

static int read_cell(struct reading *r, size_t at, uint32_t index) {
    const struct weir_field *field = &r->coder->schema->fields[index];
    struct weir_value *cell = &r->cells[index];
    struct weir_token token = token_at(r, at);
    int result = weir_cell_from_token(field, &token, cell, r->error);
    if (result || cell->null || !weir_type_is_text(cell->type)) return result;
    char *copy = weir_arena_alloc(r->arena, cell->len ? cell->len : 1);
    if (!copy) return WEIR_NOMEM;
    memcpy(copy, cell->as.s, cell->len);
    cell->as.s = copy;
    return WEIR_OK;
}

/* The first column below a node, to name it in a message. */
static const struct weir_field *column_below(const struct weir_coder *coder, uint32_t node) {
    while (coder->shape.nodes[node].field == WEIR_SHAPE_NONE) node = coder->shape.nodes[node].first_child;
    return &coder->schema->fields[coder->shape.nodes[node].field];
}

static int refuse_duplicate(struct reading *r, const char *key, uint32_t len) {
    char shown[61];
    return weir_codec_refuse(r->error, WEIR_REFUSE_DUPLICATE, NULL, "key '%s' occurs twice in one object",
                             weir_codec_quote(key, len, shown, sizeof shown));
}

/* The value of a key that the shape knows. */
static int read_known(struct reading *r, size_t at, uint32_t node) {
    const struct weir_shape_node *known = &r->coder->shape.nodes[node];
    if (!weir_shape_meet(&r->coder->shape, node)) return refuse_duplicate(r, known->name, known->len);
    if (known->field != WEIR_SHAPE_NONE) return read_cell(r, at, known->field);
    switch (letter(r->tape.words[at])) {
        case '{':
            return read_object(r, at, node);
        case 'n':
            return WEIR_OK; /* its columns are missing */
        default: {
            const struct weir_field *field = column_below(r->coder, node);
            return weir_codec_refuse(r->error, WEIR_REFUSE_TYPE, field->name,
                                     "column '%.80s' wants an object around it", field->name);
        }
    }
}

/* node: what the shape has for this object, or NONE. Recursion ends at the parser's 64 levels. */
static int read_object(struct reading *r, size_t at, uint32_t node) {
    struct weir_coder *coder = r->coder;
    struct weir_shape_cursor cursor = {0};
    size_t end = behind(r, at) - 1, base = coder->names.count;
    int result = enter(r);
    if (node != WEIR_SHAPE_NONE) cursor = weir_shape_enter(&coder->shape, node);
    for (at++; at < end && result == WEIR_OK; at = behind(r, at)) {
        uint32_t len;
        const char *key = text_at(r, at++, &len);
        uint32_t child = WEIR_SHAPE_NONE;
        if (node != WEIR_SHAPE_NONE) child = weir_shape_child(&coder->shape, &cursor, key, len);
        if (child != WEIR_SHAPE_NONE)
            result = read_known(r, at, child);
        else if (!weir_names_push(&coder->names, key, len))
            result = WEIR_NOMEM;
        else
            result = read_unknown(r, at);
    }
    r->depth--;
    const struct weir_name *twice = weir_names_close(&coder->names, base);
    if (result == WEIR_OK && twice) result = refuse_duplicate(r, twice->text, twice->len);
    return result;
}

/* --- decode ------------------------------------------------------------------------------------------- */

/* Copies the text behind itself with padding and parses it. */
static int parse(struct weir_coder *coder, const char *text, size_t len, struct weir_json_tape *tape) {
    struct weir_buffer *padded = &coder->padded;
    weir_buffer_clear(padded);
    if (weir_buffer_reserve(padded, len + WEIR_JSON_PADDING)) return WEIR_NOMEM;
    memcpy(padded->data, text, len);
    memset(padded->data + len, ' ', WEIR_JSON_PADDING);
    return weir_json_parse(coder->parser, padded->data, len, tape);
}

/* The parser has said no: find out why; numbers that are only too long for it get a second chance. */
static int parse_again(struct weir_coder *coder, struct weir_bytes value, struct weir_json_tape *tape,
                       struct weir_data_error *error) {
    struct weir_json_fault fault = weir_json_diagnose(value.data, value.len, WEIR_JSON_DEPTH_MAX);
    if (fault.code)
        return weir_codec_refuse(error, fault.code, NULL, "not valid JSON at byte %zu: %s", fault.at,
                                 fault.text);
    struct weir_buffer wide;
    weir_buffer_init(&wide);
    int result = weir_json_widen(value.data, value.len, &wide);
    if (result == WEIR_OK) result = parse(coder, wide.data, wide.len, tape);
    weir_buffer_deinit(&wide);
    if (result == WEIR_DATA) return weir_codec_refuse(error, WEIR_REFUSE_GRAMMAR, NULL, "not valid JSON");
    return result;
}

static int json_decode(struct weir_coder *coder, struct weir_bytes value, struct weir_arena *arena,
                       struct weir_value *cells, struct weir_data_error *error) {
    struct reading r = {.coder = coder, .arena = arena, .cells = cells, .error = error};
    int result = weir_codec_check_size(value, error);
    if (result) return result;
    result = parse(coder, value.data, value.len, &r.tape);
    if (result == WEIR_DATA) result = parse_again(coder, value, &r.tape, error);
    if (result) return result;
    if (letter(r.tape.words[1]) != '{')
        return weir_codec_refuse(error, WEIR_REFUSE_NO_OBJECT, NULL, "the value is JSON but not an object");
    coder->names.count = 0;
    weir_shape_begin(&coder->shape);
    result = read_object(&r, 1, WEIR_SHAPE_ROOT);
    for (uint32_t i = 1; i < coder->shape.count && result == WEIR_OK; i++) {
        const struct weir_shape_node *node = &coder->shape.nodes[i];
        if (node->field == WEIR_SHAPE_NONE || node->stamp == coder->shape.stamp) continue;
        result = weir_cell_absent(&coder->schema->fields[node->field], &cells[node->field], error);
    }
    return result;
}

/* --- the codec ---------------------------------------------------------------------------------------- */

static int json_encode(struct weir_coder *coder, const struct weir_value *cells, struct weir_buffer *out) {
    return weir_json_form_write(&coder->form, cells, out);
}

static void json_close(struct weir_coder *coder) {
    if (!coder) return;
    weir_json_parser_destroy(coder->parser);
    weir_shape_deinit(&coder->shape);
    weir_json_form_deinit(&coder->form);
    weir_names_deinit(&coder->names);
    weir_buffer_deinit(&coder->padded);
    free(coder);
}

static int json_open(const struct weir_schema *schema, struct weir_coder **coder, struct weir_error *error) {
    struct weir_coder *made = calloc(1, sizeof *made);
    if (!made) return weir_error_set(error, WEIR_NOMEM, "no memory for a json coder");
    made->schema = schema;
    weir_buffer_init(&made->padded);
    made->parser = weir_json_parser_create();
    int result = made->parser ? WEIR_OK : weir_error_set(error, WEIR_NOMEM, "no memory for a json parser");
    if (result == WEIR_OK) result = weir_shape_init(&made->shape, schema, error);
    if (result == WEIR_OK) result = weir_json_form_init(&made->form, &made->shape, error);
    if (result != WEIR_OK) {
        json_close(made);
        return result;
    }
    *coder = made;
    return WEIR_OK;
}

static int json_bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = 0;
    binding->output_count = 0;
    return WEIR_OK;
}

const struct weir_codec weir_codec_json = {
    .op = {.name = "json",
           .summary = "one JSON object per record; in files one per line",
           .family = WEIR_FAMILY_CODEC,
           .version = 1,
           .options = weir_no_options,
           .bind = json_bind},
    .content_type = "application/json",
    .open = json_open,
    .close = json_close,
    .decode = json_decode,
    .encode = json_encode,
    .lines = true,
    .frame = weir_line_frame,
};
