/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c: rows of RFC 4180.
 *
 * A row is fields between commas; a field in quotes may hold commas, line ends and doubled quotes. The line
 * end (LF or CR LF) is no part of a row but accepted behind one. With a header the row's fields are found by
 * its names, which may hold names that no column has; without one they are the schema's columns in order.
 *
 *   null        an empty field without quotes ("" in quotes is the empty text)
 *   bool        true, false, 1, 0
 *   int64, ...  an integer, or a float without fraction; no blanks, no plus sign
 *   float64     a decimal number; NaN, inf and -inf are values here, because a writer of CSV has no other way
 *   timestamp   integer ms, or RFC 3339 text
 *   text        the field as it is; UTF-8
 *
 * A row of one column whose value is null is an empty line: readable as a record, but in a file a blank line.
 * Text cells point into the row, or into the arena when a doubled quote had to be undone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "cell.h"
#include "json_simdjson.h"
#include "lines.h"
#include "refusal.h"
#include "weir/codec.h"
#include "weir/number.h"

#define NO_COLUMN UINT32_MAX

struct weir_coder {
    const struct weir_schema *schema;
    uint32_t *column_of; /* of each field of a row: index in the schema or NO_COLUMN */
    uint32_t width;      /* fields in a row */
};

/* --- fields of a row ---------------------------------------------------------------------------------- */

struct csv_row {
    const char *at, *end; /* at: begin of the next field; NULL behind the last */
};

struct csv_field {
    const char *text;
    size_t len;
    bool quoted, doubled; /* doubled: text still has "" for each quote */
};

static struct csv_row begin_row(struct weir_bytes value) {
    size_t len = value.len;
    if (len && value.data[len - 1] == '\n') len--;
    if (len && value.data[len - 1] == '\r') len--;
    return (struct csv_row){value.data, value.data + len};
}

/* Takes the next field; false: a quote in the wrong place. */
static bool take_field(struct csv_row *row, struct csv_field *field) {
    const char *at = row->at;
    *field = (struct csv_field){.text = at};
    if (at < row->end && *at == '"') {
        field->quoted = true;
        field->text = ++at;
        for (;; at += 2) {
            at = memchr(at, '"', (size_t)(row->end - at));
            if (!at) return false;
            if (at + 1 == row->end || at[1] != '"') break;
            field->doubled = true;
        }
        field->len = (size_t)(at - field->text);
        at++;
        if (at < row->end && *at != ',') return false;
    } else {
        for (; at < row->end && *at != ','; at++)
            if (*at == '"') return false;
        field->len = (size_t)(at - field->text);
    }
    row->at = at < row->end ? at + 1 : NULL;
    return true;
}

/* Undoes doubled quotes in the arena. False: no memory. */
static bool undouble(struct csv_field *field, struct weir_arena *arena) {
    char *copy = weir_arena_alloc(arena, field->len);
    size_t len = 0;
    if (!copy) return false;
    for (size_t i = 0; i < field->len; i++) {
        copy[len++] = field->text[i];
        if (field->text[i] == '"') i++;
    }
    field->text = copy;
    field->len = len;
    field->doubled = false;
    return true;
}

/* --- cells -------------------------------------------------------------------------------------------- */

/* What a field's text says, as a token, so that cell.h's rules hold here too. WEIR_OK, WEIR_DATA, WEIR_LIMIT.
 */
static int tokenize(enum weir_type type, const struct csv_field *field, struct weir_token *token) {
    const char *text = field->text;
    size_t len = field->len;
    int result;
    switch (type) {
        case WEIR_BOOL:
            token->kind = WEIR_TOKEN_BOOL;
            token->as.b = (len == 4 && !memcmp(text, "true", 4)) || (len == 1 && *text == '1');
            return token->as.b || (len == 5 && !memcmp(text, "false", 5)) || (len == 1 && *text == '0')
                       ? WEIR_OK
                       : WEIR_DATA;
        case WEIR_STRING:
        case WEIR_CATEGORY:
            token->kind = WEIR_TOKEN_TEXT;
            token->as.bytes = text;
            token->len = (uint32_t)len;
            return WEIR_OK;
        case WEIR_FLOAT64:
            token->kind = WEIR_TOKEN_FLOAT;
            return weir_number_parse(text, len, &token->as.f);
        default:
            break;
    }
    result = weir_integer_parse(text, len, &token->as.i);
    token->kind = result == WEIR_OK && token->as.i >= 0 ? WEIR_TOKEN_UINT : WEIR_TOKEN_INT; /* same bits */
    if (result != WEIR_DATA) return result;
    token->kind = WEIR_TOKEN_FLOAT;
    if (weir_number_parse(text, len, &token->as.f) == WEIR_OK) return WEIR_OK;
    token->kind = WEIR_TOKEN_TEXT;
    token->as.bytes = text;
    token->len = (uint32_t)len;
    return type == WEIR_TIMESTAMP ? WEIR_OK : WEIR_DATA;
}

static int read_cell(const struct weir_field *column, struct csv_field *field, struct weir_arena *arena,
                     struct weir_value *cell, struct weir_data_error *error) {
    struct weir_token token;
    char shown[41];
    bool text = weir_type_is_text((uint8_t)column->type);
    if (field->len == 0 && !(field->quoted && text)) return weir_cell_absent(column, cell, error);
    if (field->doubled && !undouble(field, arena)) return WEIR_NOMEM;
    if (text && !weir_utf8_valid(field->text, field->len))
        return weir_codec_refuse(error, WEIR_REFUSE_UTF8, column->name, "column '%.80s' is not UTF-8",
                                 column->name);
    int result = tokenize(column->type, field, &token);
    if (result == WEIR_OK) return weir_cell_from_token(column, &token, cell, error);
    return weir_codec_refuse(
        error, result == WEIR_LIMIT ? WEIR_REFUSE_RANGE : WEIR_REFUSE_TYPE, column->name,
        result == WEIR_LIMIT ? "column '%.60s': '%s' does not fit %s" : "column '%.60s': '%s' is no %s",
        column->name, weir_codec_quote(field->text, field->len, shown, sizeof shown),
        weir_type_name(column->type));
}

static int refuse_width(const struct weir_coder *coder, uint32_t count, struct weir_data_error *error) {
    return weir_codec_refuse(error, WEIR_REFUSE_COLUMNS, NULL, "row has %s%u fields, expected %u",
                             count > coder->width ? "more than " : "",
                             count > coder->width ? coder->width : count, coder->width);
}

static int csv_decode(struct weir_coder *coder, struct weir_bytes value, struct weir_arena *arena,
                      struct weir_value *cells, struct weir_data_error *error) {
    struct csv_field field;
    uint32_t count = 0;
    bool null_row = value.data && value.len == 0 && coder->width == 1;
    int result = null_row ? WEIR_OK : weir_codec_check_size(value, error);
    if (result) return result;
    for (uint32_t i = 0; i < coder->schema->count; i++)
        cells[i] = weir_value_null(coder->schema->fields[i].type);
    for (struct csv_row row = begin_row(value); row.at; count++) {
        if (!take_field(&row, &field))
            return weir_codec_refuse(error, WEIR_REFUSE_COLUMNS, NULL,
                                     "a quote in the wrong place in field %u", count + 1);
        if (count >= coder->width) return refuse_width(coder, count + 1, error);
        uint32_t column = coder->column_of[count];
        if (column == NO_COLUMN) continue;
        result = read_cell(&coder->schema->fields[column], &field, arena, &cells[column], error);
        if (result) return result;
    }
    return count == coder->width ? WEIR_OK : refuse_width(coder, count, error);
}

/* --- header ------------------------------------------------------------------------------------------- */

static uint32_t find_column(const struct weir_schema *schema, const char *name, size_t len) {
    for (uint32_t i = 0; i < schema->count; i++)
        if (strlen(schema->fields[i].name) == len && !memcmp(schema->fields[i].name, name, len)) return i;
    return NO_COLUMN;
}

/* Fills column_of with one entry per name of the row. */
static int map_names(const struct weir_schema *schema, struct csv_row row, struct weir_arena *arena,
                     uint32_t *column_of, struct weir_error *error) {
    struct csv_field field;
    for (uint32_t count = 0; row.at; count++) {
        if (!take_field(&row, &field))
            return weir_error_set(error, WEIR_DATA, "header has a quote in the wrong place");
        if (field.doubled && !undouble(&field, arena)) return weir_error_set(error, WEIR_NOMEM, "no memory");
        uint32_t column = find_column(schema, field.text, field.len);
        for (uint32_t i = 0; i < count && column != NO_COLUMN; i++)
            if (column_of[i] == column)
                return weir_error_set(error, WEIR_DATA, "header names column '%s' twice",
                                      schema->fields[column].name);
        column_of[count] = column;
    }
    return WEIR_OK;
}

static int check_names(const struct weir_schema *schema, const uint32_t *column_of, uint32_t width,
                       struct weir_error *error) {
    for (uint32_t column = 0; column < schema->count; column++) {
        bool found = schema->fields[column].optional;
        for (uint32_t i = 0; i < width && !found; i++) found = column_of[i] == column;
        if (!found)
            return weir_error_set(error, WEIR_DATA, "header has no column '%s'", schema->fields[column].name);
    }
    return WEIR_OK;
}

/* Fields of a row whose quotes are all right or not; at most its commas + 1. */
static uint32_t count_fields(struct csv_row row) {
    struct csv_field field;
    uint32_t count = 0;
    while (row.at && take_field(&row, &field)) count++;
    return count;
}

static int csv_decode_header(struct weir_coder *coder, struct weir_bytes row, struct weir_error *error) {
    struct weir_arena arena;
    if (row.len >= 3 &&
        !memcmp(row.data, "\xef\xbb\xbf", 3)) { /* spreadsheets begin with a byte order mark */
        row.data += 3;
        row.len -= 3;
    }
    if (row.len == 0 || row.len > WEIR_RECORD_BYTES_MAX)
        return weir_error_set(error, WEIR_DATA, "header is empty or longer than %u bytes",
                              WEIR_RECORD_BYTES_MAX);
    uint32_t width = count_fields(begin_row(row));
    uint32_t *column_of = malloc((width + 1) * sizeof *column_of);
    if (!column_of) return weir_error_set(error, WEIR_NOMEM, "no memory for a header of %u names", width);
    weir_arena_init(&arena);
    int result = map_names(coder->schema, begin_row(row), &arena, column_of, error);
    weir_arena_deinit(&arena);
    if (result == WEIR_OK) result = check_names(coder->schema, column_of, width, error);
    if (result != WEIR_OK) { /* the coder stays as it was */
        free(column_of);
        return result;
    }
    free(coder->column_of);
    coder->column_of = column_of;
    coder->width = width;
    return WEIR_OK;
}

/* --- writing ------------------------------------------------------------------------------------------ */

/* In quotes when the text would read as something else. */
static int append_text(struct weir_buffer *out, const char *text, size_t len) {
    bool quotes = len == 0;
    for (size_t i = 0; i < len && !quotes; i++)
        quotes = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    if (!quotes) return weir_buffer_append(out, text, len);
    if (weir_buffer_reserve(out, 2 * len + 2)) return WEIR_NOMEM;
    char *to = out->data + out->len;
    *to++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') *to++ = '"';
        *to++ = text[i];
    }
    *to++ = '"';
    out->len = (size_t)(to - out->data);
    return WEIR_OK;
}

static int append_value(struct weir_buffer *out, const struct weir_value *cell) {
    if (cell->null) return WEIR_OK;
    if (weir_type_is_text(cell->type)) return append_text(out, cell->as.s, cell->len);
    if (cell->type == WEIR_BOOL) return weir_buffer_append_text(out, cell->as.b ? "true" : "false");
    if (weir_buffer_reserve(out, WEIR_NUMBER_TEXT_MAX)) return WEIR_NOMEM;
    char *to = out->data + out->len;
    out->len +=
        cell->type == WEIR_FLOAT64 ? weir_number_format(cell->as.f, to) : weir_integer_format(cell->as.i, to);
    return WEIR_OK;
}

static int csv_encode(struct weir_coder *coder, const struct weir_value *cells, struct weir_buffer *out) {
    size_t before = out->len;
    int result = WEIR_OK;
    for (uint32_t i = 0; i < coder->schema->count && result == WEIR_OK; i++) {
        if (i) result = weir_buffer_append_char(out, ',');
        if (result == WEIR_OK) result = append_value(out, &cells[i]);
    }
    if (result) out->len = before;
    return result;
}

static int csv_encode_header(struct weir_coder *coder, struct weir_buffer *out) {
    for (uint32_t i = 0; i < coder->schema->count; i++) {
        const char *name = coder->schema->fields[i].name;
        if (i && weir_buffer_append_char(out, ',')) return WEIR_NOMEM;
        if (append_text(out, name, strlen(name))) return WEIR_NOMEM;
    }
    return WEIR_OK;
}

/* --- the codec ---------------------------------------------------------------------------------------- */

/* A line end inside quotes is text. A quote that does not close within the longest record or
 * the file is broken: then the
 * record ends with its line, and the rows behind it are not lost. */
static size_t csv_frame(const char *data, size_t len, bool at_end) {
    size_t line = weir_line_frame(data, len, at_end);
    if (line == 0 || !memchr(data, '"', line)) return line;
    bool quoted = false;
    for (size_t i = 0; i < len && i <= WEIR_RECORD_BYTES_MAX; i++) {
        if (data[i] == '"') quoted = !quoted;
        if (data[i] == '\n' && !quoted) return i + 1;
    }
    if (len > WEIR_RECORD_BYTES_MAX) return line;
    return at_end ? (quoted ? line : len) : 0;
}

static void csv_close(struct weir_coder *coder) {
    if (!coder) return;
    free(coder->column_of);
    free(coder);
}

static int csv_open(const struct weir_schema *schema, struct weir_coder **coder, struct weir_error *error) {
    struct weir_coder *made = calloc(1, sizeof *made);
    if (made) made->column_of = malloc((schema->count + 1) * sizeof *made->column_of);
    if (!made || !made->column_of) {
        csv_close(made);
        return weir_error_set(error, WEIR_NOMEM, "no memory for a csv coder");
    }
    made->schema = schema;
    made->width = schema->count;
    for (uint32_t i = 0; i < schema->count; i++) made->column_of[i] = i;
    *coder = made;
    return WEIR_OK;
}

static int csv_bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = 0;
    binding->output_count = 0;
    return WEIR_OK;
}

const struct weir_codec weir_codec_csv = {
    .op = {.name = "csv",
           .summary = "comma-separated values (RFC 4180); in files the first row names the columns",
           .family = WEIR_FAMILY_CODEC,
           .version = 1,
           .options = weir_no_options,
           .bind = csv_bind},
    .content_type = "text/csv",
    .open = csv_open,
    .close = csv_close,
    .decode = csv_decode,
    .encode = csv_encode,
    .lines = true,
    .frame = csv_frame,
    .decode_header = csv_decode_header,
    .encode_header = csv_encode_header,
};
