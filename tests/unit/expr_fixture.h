/* SPDX-License-Identifier: Apache-2.0 */
/* expr_fixture.h: a scope with one column of every type, and checks of findings, for the tests of
 * engine/expr. */
#ifndef WEIR_TESTS_EXPR_FIXTURE_H
#define WEIR_TESTS_EXPR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "expr/expr.h"

enum {
    COL_I,
    COL_J,
    COL_F,
    COL_G,
    COL_B,
    COL_C,
    COL_S,
    COL_K,
    COL_MCC,
    COL_T,
    COL_U,
    COL_D,
    COL_LATE,
    COL_COUNT
};

static const struct weir_field columns[COL_COUNT] = {
    [COL_I] = {"i", WEIR_INT64, true},
    [COL_J] = {"j", WEIR_INT64, true},
    [COL_F] = {"amount", WEIR_FLOAT64, true},
    [COL_G] = {"g", WEIR_FLOAT64, true},
    [COL_B] = {"b", WEIR_BOOL, true},
    [COL_C] = {"c", WEIR_BOOL, true},
    [COL_S] = {"s", WEIR_STRING, true},
    [COL_K] = {"channel", WEIR_CATEGORY, true},
    [COL_MCC] = {"merchant.mcc", WEIR_CATEGORY, true},
    [COL_T] = {"t", WEIR_TIMESTAMP, true},
    [COL_U] = {"u", WEIR_TIMESTAMP, true},
    [COL_D] = {"d", WEIR_DURATION, true},
    [COL_LATE] = {"feature", WEIR_FLOAT64, true},
};
static const char *const later_names[] = {"below"};

struct compiled {
    struct weir_diags diags;
    struct weir_expr_aggregates aggregates;
    struct weir_expr *expr;
};

/* Compiles at line 7, column 10. */
static inline void compile_with(struct compiled *c, const char *text, bool aggregates) {
    memset(c, 0, sizeof *c);
    weir_diags_init(&c->diags, "test.yaml", NULL, 0);
    struct weir_expr_scope scope = {.columns = columns,
                                    .column_count = COL_COUNT,
                                    .argument_column_count = COL_LATE,
                                    .aggregates = aggregates ? &c->aggregates : NULL,
                                    .columns_from = "source.schema",
                                    .columns_mark = {3, 1, 0},
                                    .later = later_names,
                                    .later_count = 1};
    struct weir_mark mark = {7, 10, (uint32_t)strlen(text)};
    c->expr = weir_expr_compile(text, mark, true, &scope, &c->diags);
    if (c->expr) {
        assert_int_equal(c->diags.error_count, 0);
    } else {
        assert_int_not_equal(c->diags.error_count, 0); /* a refusal says why */
    }
}
static inline void compile(struct compiled *c, const char *text) { compile_with(c, text, true); }

static inline void release(struct compiled *c) {
    weir_expr_destroy(c->expr);
    weir_expr_aggregates_deinit(&c->aggregates);
    weir_diags_deinit(&c->diags);
}

/* An expected finding: its code and the very characters it marks. */
struct finding {
    const char *code, *marked;
};

/* `marked` is looked for from the place of the finding on: the mark must be exactly there. */
static inline void assert_findings(const char *text, const struct finding *expected, uint32_t count) {
    struct compiled c;
    compile(&c, text);
    if (c.diags.count != count)
        for (uint32_t i = 0; i < c.diags.count; i++)
            print_message("%s: %s: %s\n", text, c.diags.items[i].code, c.diags.items[i].text);
    assert_null(c.expr);
    assert_int_equal(c.diags.count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_diag *found = &c.diags.items[i];
        assert_string_equal(found->code, expected[i].code);
        assert_int_equal(found->mark.line, 7);
        uint32_t at = found->mark.column - 10, len = (uint32_t)strlen(expected[i].marked);
        assert_true(at + len <= strlen(text));
        if (strncmp(text + at, expected[i].marked, len) != 0 || found->mark.length != (len ? len : 1))
            fail_msg("%s: %s marks '%.*s', not '%s'", text, found->code, (int)found->mark.length, text + at,
                     expected[i].marked);
    }
    release(&c);
}
#define ASSERT_FINDINGS(text, ...)                               \
    assert_findings(text, (const struct finding[]){__VA_ARGS__}, \
                    sizeof((const struct finding[]){__VA_ARGS__}) / sizeof(struct finding))

#endif
