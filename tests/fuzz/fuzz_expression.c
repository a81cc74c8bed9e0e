/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an expression: compiling reports or succeeds, and what compiles evaluates to its own type over
 * rows of extreme and null cells. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expr/expr.h"

static const struct weir_field columns[] = {
    {"i", WEIR_INT64, true},    {"f", WEIR_FLOAT64, true},    {"b", WEIR_BOOL, true},
    {"s", WEIR_STRING, true},   {"k.x", WEIR_CATEGORY, true}, {"t", WEIR_TIMESTAMP, true},
    {"d", WEIR_DURATION, true},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static void fill(struct weir_value *row, uint32_t variant) {
    static const int64_t integers[] = {0, -1, INT64_MIN, INT64_MAX, 7};
    static const double reals[] = {0, -1.5, (double)NAN, (double)INFINITY, 1e308};
    for (uint32_t i = 0; i < COLUMNS; i++) {
        row[i] = weir_value_null(columns[i].type);
        row[i].null = (variant + i) % 6 == 5;
        if (weir_type_is_text(row[i].type)) {
            row[i].as.s = "a\xc3\xa9z";
            row[i].len = variant % 5;
        } else if (row[i].type == WEIR_FLOAT64) {
            row[i].as.f = reals[(variant + i) % 5];
        } else if (row[i].type == WEIR_BOOL) {
            row[i].as.b = variant & 1;
        } else {
            row[i].as.i = integers[(variant + i) % 5];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    struct weir_diags diags;
    struct weir_expr_aggregates aggregates = {0};
    struct weir_arena arena;
    weir_diags_init(&diags, "fuzz", text, strlen(text));
    weir_arena_init(&arena);
    struct weir_expr_scope scope = {.columns = columns,
                                    .column_count = COLUMNS,
                                    .argument_column_count = COLUMNS - 1,
                                    .aggregates = size % 7 ? &aggregates : NULL,
                                    .columns_from = "source.schema"};
    struct weir_mark mark = {1, 1, 0};
    struct weir_expr *expr = weir_expr_compile(text, mark, true, &scope, &diags);
    assert(!expr == (diags.error_count > 0));
    for (uint32_t i = 0; i < diags.count; i++)
        assert(diags.items[i].mark.column >= 1 && diags.items[i].mark.line == 1);
    for (uint32_t variant = 0; expr && variant < 30; variant++) {
        struct weir_value row[COLUMNS], *values = calloc(aggregates.count + 1, sizeof *values);
        fill(row, variant);
        for (uint32_t i = 0; values && i < aggregates.count; i++) {
            const struct weir_expr_aggregate *item = &aggregates.items[i];
            assert(item->length_ms > 0);
            values[i] = weir_value_null(item->aggregate->type);
            values[i].null = variant % 3 == 0;
            if (item->argument) {
                struct weir_value argument = weir_expr_eval(item->argument, row, NULL, &arena);
                assert(argument.type == weir_expr_type(item->argument));
            }
        }
        if (values) {
            struct weir_value value = weir_expr_eval(expr, row, values, &arena);
            assert(value.type == weir_expr_type(expr));
            assert(value.null || value.type != WEIR_FLOAT64 || !isnan(value.as.f));
        }
        free(values);
    }
    weir_expr_destroy(expr);
    weir_expr_aggregates_deinit(&aggregates);
    weir_arena_deinit(&arena);
    weir_diags_deinit(&diags);
    free(text);
    return 0;
}
