/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c: the one file that knows libfyaml: parses, copies into weir's nodes, frees libfyaml at once.
 *
 * What libfyaml does: syntax, scalar text, byte offsets. What is done here, because it must be limited,
 * located or reported all at once: duplicate keys, aliases, merge keys, depth and number of nodes, tags, many
 * documents.
 *
 * Places: libfyaml gives the byte offset of each scalar; line and column in characters follow from the file's
 * bytes by a cursor that only moves forward in the usual case.
 *
 * ${...} in flow style: YAML does not allow braces, `: ` or commas in a plain text inside {...}, yet
 * `{brokers: ${B:-localhost:9092}}` reads well. So libfyaml is given a copy of the file in which such
 * characters between `${` and `}` are control characters, one byte for one byte, and they are put back in
 * each text. The file itself cannot contain control characters (document.c), and an escape in double quotes
 * that makes one is refused.
 */
#include "config/yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/interpolate.h"
#include "weir/error.h"

#define NODE_MAX 50000
#define KEY_MAX 4096
#define DEPTH_MAX 64
#define NO_OFFSET ((size_t)-1)

/* mask[i] stands for the i-th character while libfyaml reads; values 1.. are control characters. */
static const char masked[] = "{}:,[]#";
#define MASK_FIRST 1
#define MASK_LAST ((char)(MASK_FIRST + sizeof masked - 2))

struct builder {
    struct weir_document *document;
    struct weir_diags *diags;
    char *bytes; /* what libfyaml reads: the masked copy, after a byte order mark */
    size_t len;
    struct {
        size_t offset;
        struct weir_mark mark;
    } cursor;
    uint32_t node_count;
    uint32_t depth;
    struct fy_node *open[DEPTH_MAX + 1]; /* nodes being built: an alias to one of them is a cycle */
    bool full;
    int result;
};

/* A node under construction and the byte where it begins. */
struct built {
    struct weir_node *node; /* NULL: not kept */
    size_t offset;
};

static void mask_interpolations(char *bytes, size_t len) {
    for (size_t i = 0; i + 1 < len; i++) {
        if (bytes[i] != '$' || bytes[i + 1] != '{') continue;
        size_t end = i + 2;
        while (end < len && bytes[end] != '}' && bytes[end] != '\n') end++;
        if (end == len || bytes[end] != '}') continue;
        for (i++; i <= end; i++) {
            const char *at = memchr(masked, bytes[i], sizeof masked - 1);
            if (at) bytes[i] = (char)(MASK_FIRST + (at - masked));
        }
        i--;
    }
}

static bool is_mask(char c) { return c >= MASK_FIRST && c <= MASK_LAST; }

static size_t count_masks(const char *bytes, size_t len) {
    size_t count = 0;
    for (size_t i = 0; i < len; i++) count += is_mask(bytes[i]);
    return count;
}

static void unmask(char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (is_mask(text[i])) text[i] = masked[text[i] - MASK_FIRST];
}

static struct weir_mark mark_at(struct builder *b, size_t offset, uint32_t length) {
    if (offset < b->cursor.offset) {
        b->cursor.offset = 0;
        b->cursor.mark = (struct weir_mark){1, 1, 0};
    }
    while (b->cursor.offset < offset && b->cursor.offset < b->len) {
        size_t size = weir_utf8_next(b->bytes + b->cursor.offset, b->len - b->cursor.offset, NULL);
        if (b->bytes[b->cursor.offset] == '\n') {
            b->cursor.mark.line++;
            b->cursor.mark.column = 1;
        } else {
            b->cursor.mark.column++;
        }
        b->cursor.offset += size ? size : 1;
    }
    struct weir_mark mark = b->cursor.mark;
    mark.length = length;
    return mark;
}

static void *allocate(struct builder *b, size_t bytes) {
    void *memory = weir_arena_alloc(&b->document->arena, bytes);
    if (!memory)
        b->result = WEIR_NOMEM;
    else
        memset(memory, 0, bytes);
    return memory;
}

static struct weir_node *new_node(struct builder *b, enum weir_node_kind kind, struct weir_mark mark) {
    if (++b->node_count > NODE_MAX) {
        if (!b->full) weir_diag_add(b->diags, "E117", mark, "the file has more than %d nodes", NODE_MAX);
        b->full = true;
        return NULL;
    }
    struct weir_node *node = allocate(b, sizeof *node);
    if (!node) return NULL;
    node->kind = kind;
    node->mark = mark;
    return node;
}

static void check_tag(struct builder *b, struct fy_node *source) {
    struct fy_token *token = fy_node_get_tag_token(source);
    const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
    if (!token) return;
    struct weir_mark mark = start ? mark_at(b, start->input_pos, 1) : (struct weir_mark){0};
    weir_diag_add(b->diags, "E120", mark, "tags are not used in pipeline files");
    weir_diag_help(b->diags, "remove it: every value is typed by the key it belongs to");
}

static struct built build_scalar(struct builder *b, struct fy_node *source, struct weir_mark place) {
    struct fy_token *token = fy_node_get_scalar_token(source);
    const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
    const struct fy_mark *end = token ? fy_token_end_mark(token) : NULL;
    enum fy_node_style style = fy_node_get_style(source);
    size_t len = 0;
    const char *text = fy_node_get_scalar(source, &len);
    size_t offset = start ? start->input_pos : NO_OFFSET;
    struct weir_mark mark = place;
    if (start) mark = mark_at(b, offset, 0);

    struct weir_node *node = new_node(b, WEIR_NODE_SCALAR, mark);
    char *copy = node ? weir_arena_copy(&b->document->arena, text ? text : "", text ? len : 0) : NULL;
    if (node && !copy) b->result = WEIR_NOMEM;
    if (!copy) return (struct built){NULL, offset};
    bool escaped = text && memchr(text, 0, len);
    if (start && end && end->input_pos <= b->len && end->input_pos >= offset)
        escaped =
            escaped || count_masks(b->bytes + offset, end->input_pos - offset) != count_masks(copy, len);
    if (escaped) {
        weir_diag_add(b->diags, "E103", mark, "an escape makes a control character");
        node->unknown = true;
    }
    node->text = copy;
    node->quoted = style != FYNS_PLAIN && style != FYNS_ANY;
    node->verbatim = start && len && offset + len <= b->len && !memcmp(b->bytes + offset, copy, len) &&
                     !memchr(copy, '\n', len);
    unmask(copy, len);
    if (start) node->mark.length = node->verbatim ? (uint32_t)weir_utf8_count(copy, len) : 0;
    return (struct built){node, offset};
}

/* A flow collection begins at its bracket, which libfyaml does not tell: look left from its first child. */
static size_t collection_offset(const struct builder *b, struct fy_node *source, size_t first) {
    if (first == NO_OFFSET || fy_node_get_style(source) != FYNS_FLOW) return first;
    char opener = fy_node_is_mapping(source) ? '{' : '[';
    for (size_t i = first; i-- > 0;)
        if (b->bytes[i] == opener) return i;
    return first;
}

static struct built build(struct builder *b, struct fy_node *source, struct weir_mark place);

static struct built build_sequence(struct builder *b, struct fy_node *source, struct weir_mark place) {
    struct weir_node *node = new_node(b, WEIR_NODE_SEQUENCE, place);
    if (!node) return (struct built){NULL, NO_OFFSET};
    int count = fy_node_sequence_item_count(source);
    node->items = allocate(b, ((size_t)(count > 0 ? count : 0) + 1) * sizeof *node->items);
    size_t first = NO_OFFSET;
    struct fy_node *item;
    void *iterator = NULL;
    while (node->items && (item = fy_node_sequence_iterate(source, &iterator)) && !b->full && !b->result) {
        struct built made = build(b, item, place);
        if (first == NO_OFFSET && !node->count) first = made.offset;
        if (made.node) node->items[node->count++] = made.node;
    }
    size_t offset = collection_offset(b, source, first);
    if (offset != NO_OFFSET) node->mark = mark_at(b, offset, 0);
    return (struct built){node, offset};
}

static const struct weir_node *find_key(const struct weir_node *map, const char *text) {
    for (uint32_t i = 0; i < map->count; i++)
        if (!strcmp(map->keys[i]->text, text)) return map->keys[i];
    return NULL;
}

/* `<<: *defaults` or `<<: [*a, *b]`: keys of the map itself win, then those of earlier maps. */
static void merge(struct builder *b, struct weir_node *into, const struct weir_node *from) {
    if (from->kind == WEIR_NODE_SEQUENCE) {
        for (uint32_t i = 0; i < from->count; i++) merge(b, into, from->items[i]);
        return;
    }
    if (from->kind != WEIR_NODE_MAP) {
        weir_diag_add(b->diags, "E106", from->mark, "'<<' merges maps, this is a single value");
        return;
    }
    uint32_t count = into->count + from->count;
    struct weir_node **keys = allocate(b, (count + 1) * sizeof *keys);
    struct weir_node **values = allocate(b, (count + 1) * sizeof *values);
    if (!keys || !values) return;
    memcpy(keys, into->keys, into->count * sizeof *keys);
    memcpy(values, into->values, into->count * sizeof *values);
    into->keys = keys;
    into->values = values;
    for (uint32_t i = 0; i < from->count; i++) {
        if (find_key(into, from->keys[i]->text)) continue;
        keys[into->count] = from->keys[i];
        values[into->count++] = from->values[i];
    }
}

/* Builds one key; NULL after a finding. */
static struct weir_node *build_key(struct builder *b, struct fy_node *source, struct weir_mark place,
                                   size_t *offset) {
    struct built key = build(b, source, place);
    if (key.node && key.node->kind != WEIR_NODE_SCALAR) {
        weir_diag_add(b->diags, "E120", key.node->mark, "a key must be text");
        weir_diag_help(b->diags, "keys that are lists or maps are not used in pipeline files");
        key.node = NULL;
    }
    *offset = key.offset;
    return key.node;
}

static void add_entry(struct builder *b, struct weir_node *map, struct weir_node *key,
                      struct weir_node *value) {
    const struct weir_node *first = find_key(map, key->text);
    if (first) {
        weir_diag_add(b->diags, "E105", key->mark, "key '%s' stands twice", key->text);
        weir_diag_help(b->diags, "the first one is in line %u", first->mark.line);
        return;
    }
    map->keys[map->count] = key;
    map->values[map->count++] = value;
}

static struct built build_map(struct builder *b, struct fy_node *source, struct weir_mark place) {
    struct weir_node *node = new_node(b, WEIR_NODE_MAP, place);
    if (!node) return (struct built){NULL, NO_OFFSET};
    int count = fy_node_mapping_item_count(source);
    size_t room = (size_t)(count > 0 ? count : 0) + 1;
    size_t first = NO_OFFSET;
    node->keys = allocate(b, room * sizeof *node->keys);
    node->values = allocate(b, room * sizeof *node->values);
    if (!node->keys || !node->values) return (struct built){NULL, NO_OFFSET};
    struct weir_node *merged = NULL;
    struct fy_node_pair *pair;
    void *iterator = NULL;
    while ((pair = fy_node_mapping_iterate(source, &iterator)) && !b->full && !b->result) {
        size_t offset;
        struct weir_node *key = build_key(b, fy_node_pair_key(pair), place, &offset);
        if (first == NO_OFFSET && !node->count) first = offset;
        if (!key) continue;
        struct built value = build(b, fy_node_pair_value(pair), key->mark);
        if (!value.node) continue;
        if (!strcmp(key->text, "<<") && !key->quoted)
            merged = value.node;
        else
            add_entry(b, node, key, value.node);
        if (node->count > KEY_MAX) {
            weir_diag_add(b->diags, "E117", key->mark, "a map has more than %d keys", KEY_MAX);
            b->full = true;
        }
    }
    if (merged) merge(b, node, merged);
    size_t offset = collection_offset(b, source, first);
    if (offset != NO_OFFSET) node->mark = mark_at(b, offset, 0);
    return (struct built){node, offset};
}

/* Follows an alias. NULL after a finding. */
static struct fy_node *resolve(struct builder *b, struct fy_node *alias, struct weir_mark place) {
    struct fy_token *token = fy_node_get_scalar_token(alias);
    const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
    size_t len = 0;
    const char *name = fy_node_get_scalar(alias, &len);
    if (start) place = mark_at(b, start->input_pos, (uint32_t)len);
    struct fy_node *target = fy_node_resolve_alias(alias);
    if (!target) {
        weir_diag_add(b->diags, "E106", place, "alias '*%.*s' has no anchor", (int)len, name ? name : "");
        weir_diag_help(b->diags, "define it before with &%.*s, or put text that begins with * into quotes",
                       (int)len, name ? name : "");
        return NULL;
    }
    for (uint32_t i = 0; i < b->depth; i++) {
        if (b->open[i] != target) continue;
        weir_diag_add(b->diags, "E106", place, "alias '*%.*s' contains itself", (int)len, name ? name : "");
        return NULL;
    }
    return target;
}

static struct built build(struct builder *b, struct fy_node *source, struct weir_mark place) {
    struct built made = {NULL, NO_OFFSET};
    if (!source) return build_scalar(b, NULL, place);
    if (b->depth >= DEPTH_MAX) {
        weir_diag_add(b->diags, "E117", place, "nested deeper than %d", DEPTH_MAX);
        return made;
    }
    if (fy_node_is_alias(source) && !(source = resolve(b, source, place))) return made;
    check_tag(b, source);
    b->open[b->depth++] = source;
    if (fy_node_is_alias(source))
        weir_diag_add(b->diags, "E106", place, "an alias refers to an alias");
    else if (fy_node_is_mapping(source))
        made = build_map(b, source, place);
    else if (fy_node_is_sequence(source))
        made = build_sequence(b, source, place);
    else
        made = build_scalar(b, source, place);
    b->depth--;
    return made;
}

/* Values are interpolated after the tree stands: keys are not, and what is merged is not done twice. */
static int interpolate_values(struct builder *b, struct weir_node *node) {
    int result = WEIR_OK;
    if (node->kind == WEIR_NODE_SCALAR) return weir_interpolate(node, &b->document->arena, b->diags);
    struct weir_node **children = node->kind == WEIR_NODE_MAP ? node->values : node->items;
    for (uint32_t i = 0; i < node->count && !result; i++) result = interpolate_values(b, children[i]);
    return result;
}

static void report_syntax(struct builder *b, const struct fy_diag_error *error) {
    const struct fy_mark *start = error->fyt ? fy_token_start_mark(error->fyt) : NULL;
    const struct weir_yaml_problem *problem = weir_yaml_problem_find(error->msg ? error->msg : "");
    struct weir_mark mark = {error->line > 0 ? (uint32_t)error->line : 1,
                             error->column > 0 ? (uint32_t)error->column : 1, 1};
    if (start && start->input_pos <= b->len) mark = mark_at(b, start->input_pos, 1);
    if (problem->opener) {
        size_t end = start && start->input_pos <= b->len ? start->input_pos : b->len;
        size_t at = weir_yaml_open_bracket(b->bytes, end, problem->opener);
        if (at < end) mark = mark_at(b, at, 1);
    }
    weir_diag_add(b->diags, "E104", mark, "YAML syntax: %s",
                  problem->text ? problem->text
                  : error->msg  ? error->msg
                                : "not readable");
    if (problem->help) weir_diag_help(b->diags, "%s", problem->help);
}

/* Everything libfyaml found; one finding at least when it failed without saying why. */
static void report_all(struct builder *b, struct fy_diag *diag, bool failed) {
    uint32_t before = b->diags->error_count;
    void *iterator = NULL;
    struct fy_diag_error *error;
    while ((error = fy_diag_errors_iterate(diag, &iterator)))
        if (error->type == FYET_ERROR) report_syntax(b, error);
    if (failed && b->diags->error_count == before) {
        bool directive = b->len && b->bytes[0] == '%';
        weir_diag_add(b->diags, "E104", (struct weir_mark){1, 1, 1}, "YAML syntax: the file is not readable");
        if (directive) weir_diag_help(b->diags, "remove the line that begins with %%");
    }
}

static void build_documents(struct builder *b, struct fy_parser *parser, struct fy_diag *diag) {
    struct fy_document *first = fy_parse_load_document(parser);
    bool failed = fy_parser_get_stream_error(parser);
    struct fy_node *root = first && !failed ? fy_document_root(first) : NULL;
    if (root && !failed) {
        struct built made = build(b, root, (struct weir_mark){1, 1, 1});
        struct fy_document *second = fy_parse_load_document(parser);
        failed = fy_parser_get_stream_error(parser);
        if (second) {
            weir_diag_add(b->diags, "E120", (struct weir_mark){0},
                          "the file has more than one YAML document");
            weir_diag_help(b->diags, "a pipeline file is one document: remove what follows the second `---`");
            fy_parse_document_destroy(parser, second);
        }
        if (!b->full && !b->result) b->document->root = made.node;
    }
    report_all(b, diag, failed);
    if (failed) b->document->root = NULL;
    if (first) fy_parse_document_destroy(parser, first);
    if (!failed && !root) weir_diag_add(b->diags, "E116", (struct weir_mark){0}, "the file is empty");
}

int weir_yaml_build(struct weir_document *document, struct weir_diags *diags) {
    assert(document->source && !document->root);
    struct builder b = {.document = document, .diags = diags};
    b.cursor.mark = (struct weir_mark){1, 1, 0};
    size_t skipped = document->source_len >= 3 && !memcmp(document->source, "\xef\xbb\xbf", 3) ? 3 : 0;
    b.len = document->source_len - skipped;
    b.bytes = malloc(b.len + 1);
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    struct fy_parser *parser = NULL;
    if (b.bytes && diag) {
        memcpy(b.bytes, document->source + skipped, b.len);
        b.bytes[b.len] = '\0';
        mask_interpolations(b.bytes, b.len);
        fy_diag_set_collect_errors(diag, true);
        struct fy_parse_cfg config = {
            .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE,
            .diag = diag};
        parser = fy_parser_create(&config);
    }
    if (!parser || fy_parser_set_string(parser, b.bytes, b.len))
        b.result = WEIR_NOMEM;
    else
        build_documents(&b, parser, diag);
    if (parser) fy_parser_destroy(parser);
    if (diag) fy_diag_destroy(diag);
    free(b.bytes);
    if (!b.result && document->root) b.result = interpolate_values(&b, document->root);
    return b.result;
}
