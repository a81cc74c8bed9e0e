/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"

#include "refusal.h"
#include "rfc3339.h"

int weir_cell_integer(double f, int64_t *i) {
    const double limit = 9223372036854775808.0;       /* 2^63: int64 is [-limit, limit) */
    if (f >= limit || f <= -limit) return WEIR_LIMIT; /* -2^63 may be rounded from what is too small */
    if (f != trunc(f)) return WEIR_DATA;              /* NaN too */
    *i = (int64_t)f;
    return WEIR_OK;
}

int weir_cell_absent(const struct weir_field *field, struct weir_value *cell, struct weir_data_error *error) {
    *cell = weir_value_null(field->type);
    if (field->optional) return WEIR_OK;
    return weir_codec_refuse(error, WEIR_REFUSE_MISSING, field->name, "column '%.100s' is missing or null",
                             field->name);
}

static int wrong_type(const struct weir_field *field, const struct weir_token *token,
                      struct weir_data_error *error) {
    return weir_codec_refuse(
        error, WEIR_REFUSE_TYPE, field->name, "column '%.80s' wants %s and has %s", field->name,
        weir_type_name(field->type),
        token->kind == WEIR_TOKEN_FLOAT ? "a number with a fraction" : weir_token_kind_name(token->kind));
}

static int out_of_range(const struct weir_field *field, struct weir_data_error *error) {
    return weir_codec_refuse(error, WEIR_REFUSE_RANGE, field->name, "column '%.80s': number does not fit %s",
                             field->name, weir_type_name(field->type));
}

static int set_integer(const struct weir_field *field, const struct weir_token *token,
                       struct weir_value *cell, struct weir_data_error *error) {
    int result = WEIR_OK;
    switch (token->kind) {
        case WEIR_TOKEN_UINT:
            if (token->as.u > INT64_MAX) return out_of_range(field, error);
            cell->as.i = (int64_t)token->as.u;
            return WEIR_OK;
        case WEIR_TOKEN_INT:
            cell->as.i = token->as.i;
            return WEIR_OK;
        case WEIR_TOKEN_FLOAT:
            result = weir_cell_integer(token->as.f, &cell->as.i);
            if (result == WEIR_LIMIT) return out_of_range(field, error);
            return result == WEIR_OK ? WEIR_OK : wrong_type(field, token, error);
        default:
            return wrong_type(field, token, error);
    }
}

static int set_timestamp(const struct weir_field *field, const struct weir_token *token,
                         struct weir_value *cell, struct weir_data_error *error) {
    if (token->kind != WEIR_TOKEN_TEXT) return set_integer(field, token, cell, error);
    if (weir_rfc3339_parse(token->as.bytes, token->len, &cell->as.i)) return WEIR_OK;
    char shown[41];
    return weir_codec_refuse(error, WEIR_REFUSE_TYPE, field->name, "column '%.80s': '%s' is no RFC 3339 time",
                             field->name, weir_codec_quote(token->as.bytes, token->len, shown, sizeof shown));
}

static int set_number(const struct weir_field *field, const struct weir_token *token, struct weir_value *cell,
                      struct weir_data_error *error) {
    switch (token->kind) {
        case WEIR_TOKEN_UINT:
            cell->as.f = (double)token->as.u;
            return WEIR_OK;
        case WEIR_TOKEN_INT:
            cell->as.f = (double)token->as.i;
            return WEIR_OK;
        case WEIR_TOKEN_FLOAT:
            cell->as.f = token->as.f;
            return WEIR_OK;
        default:
            return wrong_type(field, token, error);
    }
}

int weir_cell_from_token(const struct weir_field *field, const struct weir_token *token,
                         struct weir_value *cell, struct weir_data_error *error) {
    if (token->kind == WEIR_TOKEN_NIL) return weir_cell_absent(field, cell, error);
    cell->type = (uint8_t)field->type;
    cell->null = false;
    cell->len = 0;
    switch (field->type) {
        case WEIR_BOOL:
            if (token->kind != WEIR_TOKEN_BOOL) return wrong_type(field, token, error);
            cell->as.i = 0; /* the whole union has a value */
            cell->as.b = token->as.b;
            return WEIR_OK;
        case WEIR_FLOAT64:
            return set_number(field, token, cell, error);
        case WEIR_STRING:
        case WEIR_CATEGORY:
            if (token->kind != WEIR_TOKEN_TEXT) return wrong_type(field, token, error);
            cell->as.s = token->as.bytes;
            cell->len = token->len;
            return WEIR_OK;
        case WEIR_TIMESTAMP:
            return set_timestamp(field, token, cell, error);
        default:
            return set_integer(field, token, cell, error);
    }
}
