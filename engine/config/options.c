/* SPDX-License-Identifier: Apache-2.0 */
/* options.c: an operator's options map against its table. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/measures.h"
#include "config/pipeline.h"
#include "weir/number.h"

#define ROW_MAX 64
#define RANGE_TEXT_MAX 160

struct reader {
    const struct weir_option *table;
    struct weir_diags *diags;
};

static const char *type_text(const struct weir_option *row) {
    switch (row->type) {
        case WEIR_OPTION_FLOAT:
            return "a number";
        case WEIR_OPTION_INT:
            return "a whole number";
        case WEIR_OPTION_BOOL:
            return "true or false";
        case WEIR_OPTION_CHOICE:
            return "one of its words";
        case WEIR_OPTION_DURATION:
            return "a duration such as 30s or 10m";
    }
    return "";
}

/* Index of the word, -1 when it is none. */
static int64_t find_choice(const struct weir_option *row, const char *text) {
    for (int64_t i = 0; row->choices && row->choices[i]; i++)
        if (!strcmp(row->choices[i], text)) return i;
    return -1;
}

/* False when the text is not of the row's type. Nothing is said about the range. */
static bool parse_value(const struct weir_option *row, const char *text, union weir_option_value *value) {
    size_t len = strlen(text);
    double number = 0;
    switch (row->type) {
        case WEIR_OPTION_FLOAT:
            if (weir_number_parse(text, len, &number) || !isfinite(number)) return false;
            value->f = number;
            return true;
        case WEIR_OPTION_INT:
            return weir_integer_parse(text, len, &value->i) == WEIR_OK;
        case WEIR_OPTION_DURATION:
            return weir_duration_parse(text, len, &value->i) == WEIR_OK;
        case WEIR_OPTION_CHOICE:
            value->i = find_choice(row, text);
            if (value->i >= 0) return true;
            value->i = 0;
            return false;
        case WEIR_OPTION_BOOL:
            value->b = !strcmp(text, "true");
            return value->b || !strcmp(text, "false");
    }
    return false;
}

static bool in_range(const struct weir_option *row, const union weir_option_value *value) {
    if (row->type == WEIR_OPTION_FLOAT) return value->f >= row->min && value->f <= row->max;
    if (row->type == WEIR_OPTION_INT || row->type == WEIR_OPTION_DURATION)
        return (double)value->i >= row->min && (double)value->i <= row->max;
    return true;
}

static const char *bound_text(const struct weir_option *row, double bound, char out[WEIR_MEASURE_TEXT_MAX]) {
    if (row->type == WEIR_OPTION_DURATION && fabs(bound) < 9e18)
        return weir_duration_format((int64_t)bound, out);
    snprintf(out, WEIR_MEASURE_TEXT_MAX, "%.15g", bound);
    return out;
}

/* "between 0 and 1", "at least 1": a bound that no one can reach is not worth saying. */
static void range_text(const struct weir_option *row, char out[RANGE_TEXT_MAX]) {
    char low[WEIR_MEASURE_TEXT_MAX], high[WEIR_MEASURE_TEXT_MAX];
    bool has_low = row->min > -1e15, has_high = row->max < 1e15;
    bound_text(row, row->min, low);
    bound_text(row, row->max, high);
    if (has_low && has_high)
        snprintf(out, RANGE_TEXT_MAX, "between %s and %s", low, high);
    else
        snprintf(out, RANGE_TEXT_MAX, "at %s %s", has_low ? "least" : "most", has_low ? low : high);
}

static int unknown_option(const struct reader *reader, const struct weir_node *key) {
    const char *names[ROW_MAX + 1] = {NULL};
    for (size_t i = 0; i < ROW_MAX && reader->table[i].name; i++) names[i] = reader->table[i].name;
    weir_diag_add(reader->diags, "E302", key->mark, "unknown option '%s'", key->text);
    if (names[0])
        weir_diag_help_words(reader->diags, key->text, names, "the options are");
    else
        weir_diag_help(reader->diags, "this operator has no options");
    return WEIR_CONFIG;
}

static int wrong_type(const struct reader *reader, const struct weir_option *row,
                      const struct weir_node *node) {
    bool scalar = node->kind == WEIR_NODE_SCALAR;
    bool choice = row->type == WEIR_OPTION_CHOICE;
    if (!scalar)
        weir_diag_add(reader->diags, "E303", node->mark, "option '%s' is %s, not a %s", row->name,
                      type_text(row), node->kind == WEIR_NODE_MAP ? "map" : "list");
    else if (!node->text[0])
        weir_diag_add(reader->diags, "E303", node->mark, "option '%s' has no value", row->name);
    else
        weir_diag_add(reader->diags, "E303", node->mark, "option '%s' is %s, not '%.80s'", row->name,
                      type_text(row), weir_node_shown(node));
    if (choice)
        weir_diag_help_words(reader->diags, weir_node_shown(node), row->choices, "one of");
    else if (row->type == WEIR_OPTION_DURATION)
        weir_diag_help(reader->diags, "a whole number and a unit: ms, s, m, h, d, w");
    else if (row->type == WEIR_OPTION_BOOL)
        weir_diag_help(reader->diags, "write true or false");
    else if (row->help)
        weir_diag_help(reader->diags, "%s", row->help);
    return WEIR_CONFIG;
}

static int read_value(const struct reader *reader, const struct weir_option *row,
                      const struct weir_node *node, union weir_option_value *value) {
    union weir_option_value given;
    if (node->unknown) return WEIR_CONFIG; /* already a finding */
    if (node->kind != WEIR_NODE_SCALAR || !parse_value(row, node->text, &given))
        return wrong_type(reader, row, node);
    if (!in_range(row, &given)) {
        char range[RANGE_TEXT_MAX];
        range_text(row, range);
        bool has_unit = row->unit && row->unit[0];
        weir_diag_add(reader->diags, "E304", node->mark, "option '%s' must be %s%s%s, it is %.40s", row->name,
                      range, has_unit ? " " : "", has_unit ? row->unit : "", weir_node_shown(node));
        if (row->help) weir_diag_help(reader->diags, "%s", row->help);
        return WEIR_CONFIG;
    }
    *value = given;
    return WEIR_OK;
}

int weir_options_read(const struct weir_node *map, const struct weir_option *table,
                      struct weir_mark fallback_place, struct weir_diags *diags,
                      union weir_option_value *values) {
    struct reader reader = {table, diags};
    int result = WEIR_OK;
    if (map && weir_node_is_null(map)) map = NULL;
    if (map && map->kind != WEIR_NODE_MAP) {
        result = weir_diag_add(diags, "E303", map->mark, "options are a map, not a %s",
                               map->kind == WEIR_NODE_SEQUENCE ? "list" : "single value");
        weir_diag_help(diags, "write `{name: value}`");
        map = NULL;
    }
    for (uint32_t i = 0; map && i < map->count; i++) {
        size_t row = 0;
        while (table[row].name && strcmp(table[row].name, map->keys[i]->text) != 0) row++;
        if (!table[row].name) result = unknown_option(&reader, map->keys[i]);
    }
    for (size_t row = 0; table[row].name; row++) {
        const struct weir_node *node = weir_node_get(map, table[row].name);
        memset(&values[row], 0, sizeof values[row]);
        if (table[row].fallback && !parse_value(&table[row], table[row].fallback, &values[row]))
            return WEIR_BUG;
        if (node) {
            if (read_value(&reader, &table[row], node, &values[row])) result = WEIR_CONFIG;
        } else if (!table[row].fallback) {
            result = weir_diag_add(diags, "E305", fallback_place, "option '%s' is missing", table[row].name);
            if (table[row].help) weir_diag_help(diags, "%s", table[row].help);
        }
    }
    return result;
}
