/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack.c: one MessagePack map per record, with the keys and rules of JSON (json.c) in fewer bytes.
 *
 * Reading is one walk over tokens (base/token.h), which allocates nothing: a map or array announces a count,
 * and the walk visits what is really there. The same things are refused as in JSON: keys that occur twice at
 * any level, text that is not UTF-8, more than 64 levels, bytes behind the map. Keys must be text. Floats
 * keep all their bits, NaN and infinities included. Binary fits no column; an extension fits none either, but
 * both may stand where no column looks.
 *
 * Writing uses msgpack-c's packer. The tree of columns (shape.h) gives the maps; times are integers (ms).
 */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "cell.h"
#include "json_simdjson.h"
#include "names.h"
#include "refusal.h"
#include "shape.h"
#include "weir/codec.h"

#define DEPTH_MAX 64

struct weir_coder {
    const struct weir_schema *schema;
    struct weir_shape shape;
    struct weir_names names;
};

/* One decode. */
struct reading {
    struct weir_coder *coder;
    struct weir_token_reader tokens;
    struct weir_value *cells;
    struct weir_data_error *error;
    unsigned depth;
};

/* --- reading ------------------------------------------------------------------------------------------ */

static bool is_unicode(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80) return weir_utf8_valid(text, len);
    return true; /* ASCII: the common case, and no call */
}

static int next(struct reading *r, struct weir_token *token) {
    size_t at = r->tokens.pos;
    if (!weir_token_next(&r->tokens, token)) {
        const char *why = at < r->tokens.len && r->tokens.bytes[at] == 0xc1 ? "byte 0xc1 is never used"
                                                                            : "value is cut off";
        return weir_codec_refuse(r->error, WEIR_REFUSE_MSGPACK, NULL, "not valid msgpack at byte %zu: %s", at,
                                 why);
    }
    if (token->kind == WEIR_TOKEN_TEXT && !is_unicode(token->as.bytes, token->len))
        return weir_codec_refuse(r->error, WEIR_REFUSE_UTF8, NULL, "text at byte %zu is not UTF-8", at);
    return WEIR_OK;
}

static int read_map(struct reading *r, uint32_t count, uint32_t node);

static int enter(struct reading *r) {
    if (r->depth++ < DEPTH_MAX) return WEIR_OK;
    return weir_codec_refuse(r->error, WEIR_REFUSE_DEPTH, NULL, "nested in more than %d levels", DEPTH_MAX);
}

static int read_unknown(struct reading *r) {
    struct weir_token token;
    int result = next(r, &token);
    if (result) return result;
    if (token.kind == WEIR_TOKEN_MAP) return read_map(r, token.len, WEIR_SHAPE_NONE);
    if (token.kind != WEIR_TOKEN_ARRAY) return WEIR_OK;
    result = enter(r);
    for (uint32_t i = 0; i < token.len && result == WEIR_OK; i++) result = read_unknown(r);
    r->depth--;
    return result;
}

static int refuse_duplicate(struct reading *r, const char *key, uint32_t len) {
    char shown[61];
    return weir_codec_refuse(r->error, WEIR_REFUSE_DUPLICATE, NULL, "key '%s' occurs twice in one map",
                             weir_codec_quote(key, len, shown, sizeof shown));
}

/* The first column below a node, to name it in a message. */
static const struct weir_field *column_below(const struct weir_coder *coder, uint32_t node) {
    while (coder->shape.nodes[node].field == WEIR_SHAPE_NONE) node = coder->shape.nodes[node].first_child;
    return &coder->schema->fields[coder->shape.nodes[node].field];
}

static int read_known(struct reading *r, uint32_t node) {
    const struct weir_coder *coder = r->coder;
    const struct weir_shape_node *known = &coder->shape.nodes[node];
    struct weir_token token;
    if (!weir_shape_meet(&r->coder->shape, node)) return refuse_duplicate(r, known->name, known->len);
    int result = next(r, &token);
    if (result) return result;
    if (known->field != WEIR_SHAPE_NONE)
        return weir_cell_from_token(&coder->schema->fields[known->field], &token, &r->cells[known->field],
                                    r->error);
    if (token.kind == WEIR_TOKEN_MAP) return read_map(r, token.len, node);
    if (token.kind == WEIR_TOKEN_NIL) return WEIR_OK; /* its columns are missing */
    const struct weir_field *field = column_below(coder, node);
    return weir_codec_refuse(r->error, WEIR_REFUSE_TYPE, field->name, "column '%.80s' wants a map around it",
                             field->name);
}

static int read_pair(struct reading *r, uint32_t node, struct weir_shape_cursor *cursor) {
    struct weir_coder *coder = r->coder;
    struct weir_token key;
    uint32_t child = WEIR_SHAPE_NONE;
    int result = next(r, &key);
    if (result) return result;
    if (key.kind != WEIR_TOKEN_TEXT)
        return weir_codec_refuse(r->error, WEIR_REFUSE_MSGPACK, NULL,
                                 "a map has %s as key, only text is allowed", weir_token_kind_name(key.kind));
    if (node != WEIR_SHAPE_NONE) child = weir_shape_child(&coder->shape, cursor, key.as.bytes, key.len);
    if (child != WEIR_SHAPE_NONE) return read_known(r, child);
    if (!weir_names_push(&coder->names, key.as.bytes, key.len)) return WEIR_NOMEM;
    return read_unknown(r);
}

/* node: what the shape has for this map, or NONE. Recursion ends at 64 levels. */
static int read_map(struct reading *r, uint32_t count, uint32_t node) {
    struct weir_coder *coder = r->coder;
    struct weir_shape_cursor cursor = {0};
    size_t base = coder->names.count;
    int result = enter(r);
    if (node != WEIR_SHAPE_NONE) cursor = weir_shape_enter(&coder->shape, node);
    for (uint32_t i = 0; i < count && result == WEIR_OK; i++) result = read_pair(r, node, &cursor);
    r->depth--;
    const struct weir_name *twice = weir_names_close(&coder->names, base);
    if (result == WEIR_OK && twice) result = refuse_duplicate(r, twice->text, twice->len);
    return result;
}

static int msgpack_decode(struct weir_coder *coder, struct weir_bytes value, struct weir_arena *arena,
                          struct weir_value *cells, struct weir_data_error *error) {
    struct reading r = {.coder = coder,
                        .tokens = {.bytes = (const unsigned char *)value.data, .len = value.len},
                        .cells = cells,
                        .error = error};
    struct weir_token token;
    (void)arena; /* text cells point into the value */
    int result = weir_codec_check_size(value, error);
    if (result == WEIR_OK) result = next(&r, &token);
    if (result) return result;
    if (token.kind != WEIR_TOKEN_MAP)
        return weir_codec_refuse(error, WEIR_REFUSE_NO_OBJECT, NULL, "the value is %s, not a map",
                                 weir_token_kind_name(token.kind));
    coder->names.count = 0;
    weir_shape_begin(&coder->shape);
    result = read_map(&r, token.len, WEIR_SHAPE_ROOT);
    if (result == WEIR_OK && r.tokens.pos < r.tokens.len)
        return weir_codec_refuse(error, WEIR_REFUSE_MSGPACK, NULL, "bytes behind the map, from byte %zu",
                                 r.tokens.pos);
    for (uint32_t i = 1; i < coder->shape.count && result == WEIR_OK; i++) {
        const struct weir_shape_node *node = &coder->shape.nodes[i];
        if (node->field == WEIR_SHAPE_NONE || node->stamp == coder->shape.stamp) continue;
        result = weir_cell_absent(&coder->schema->fields[node->field], &cells[node->field], error);
    }
    return result;
}

/* One whole value, of any kind. What is no msgpack has no end that could be found: all of it is one record.
 */
static size_t msgpack_frame(const char *data, size_t len, bool at_end) {
    struct weir_token_reader tokens = {.bytes = (const unsigned char *)data, .len = len};
    struct weir_token token;
    for (uint64_t due = 1; due > 0; due--) {
        if (!weir_token_next(&tokens, &token)) {
            bool broken = tokens.pos < len && tokens.bytes[tokens.pos] == 0xc1;
            return broken || at_end ? len : 0;
        }
        if (token.kind == WEIR_TOKEN_ARRAY) due += token.len;
        if (token.kind == WEIR_TOKEN_MAP) due += 2 * (uint64_t)token.len;
        if (due > UINT64_MAX / 2) return len;
    }
    return tokens.pos;
}

/* --- writing ------------------------------------------------------------------------------------------ */

static int append_packed(void *out, const char *bytes, size_t len) {
    return weir_buffer_append(out, bytes, len) == WEIR_OK ? 0 : -1;
}

static int pack_text(msgpack_packer *packer, const char *text, size_t len) {
    if (msgpack_pack_str(packer, len)) return -1;
    return len ? msgpack_pack_str_body(packer, text, len) : 0;
}

static int pack_value(msgpack_packer *packer, const struct weir_value *cell) {
    if (cell->null) return msgpack_pack_nil(packer);
    switch (cell->type) {
        case WEIR_BOOL:
            return cell->as.b ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
        case WEIR_FLOAT64:
            return msgpack_pack_double(packer, cell->as.f);
        case WEIR_STRING:
        case WEIR_CATEGORY:
            return pack_text(packer, cell->as.s, cell->len);
        default:
            return msgpack_pack_int64(packer, cell->as.i);
    }
}

/* Depth first over the tree of columns, without recursion: names may hold any number of dots. */
static int msgpack_encode(struct weir_coder *coder, const struct weir_value *cells, struct weir_buffer *out) {
    const struct weir_shape_node *nodes = coder->shape.nodes;
    msgpack_packer packer;
    size_t before = out->len;
    msgpack_packer_init(&packer, out, append_packed);
    int failed = msgpack_pack_map(&packer, nodes[WEIR_SHAPE_ROOT].child_count);
    uint32_t node = nodes[WEIR_SHAPE_ROOT].first_child;
    while (node != WEIR_SHAPE_NONE && !failed) {
        failed = pack_text(&packer, nodes[node].name, nodes[node].len);
        if (failed) break;
        if (nodes[node].field == WEIR_SHAPE_NONE) {
            failed = msgpack_pack_map(&packer, nodes[node].child_count);
            node = nodes[node].first_child;
            continue;
        }
        failed = pack_value(&packer, &cells[nodes[node].field]);
        while (node != WEIR_SHAPE_ROOT && nodes[node].next_sibling == WEIR_SHAPE_NONE)
            node = nodes[node].parent;
        node = nodes[node].next_sibling; /* the root has none */
    }
    if (failed) out->len = before;
    return failed ? WEIR_NOMEM : WEIR_OK;
}

/* --- the codec ---------------------------------------------------------------------------------------- */

static void msgpack_close(struct weir_coder *coder) {
    if (!coder) return;
    weir_shape_deinit(&coder->shape);
    weir_names_deinit(&coder->names);
    free(coder);
}

static int msgpack_open(const struct weir_schema *schema, struct weir_coder **coder,
                        struct weir_error *error) {
    struct weir_coder *made = calloc(1, sizeof *made);
    if (!made) return weir_error_set(error, WEIR_NOMEM, "no memory for a msgpack coder");
    made->schema = schema;
    int result = weir_shape_init(&made->shape, schema, error);
    if (result != WEIR_OK) {
        msgpack_close(made);
        return result;
    }
    *coder = made;
    return WEIR_OK;
}

static int msgpack_bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = 0;
    binding->output_count = 0;
    return WEIR_OK;
}

const struct weir_codec weir_codec_msgpack = {
    .op = {.name = "msgpack",
           .summary = "one MessagePack map per record; in files one after the other",
           .family = WEIR_FAMILY_CODEC,
           .version = 1,
           .options = weir_no_options,
           .bind = msgpack_bind},
    .content_type = "application/msgpack",
    .open = msgpack_open,
    .close = msgpack_close,
    .decode = msgpack_decode,
    .encode = msgpack_encode,
    .frame = msgpack_frame,
};
