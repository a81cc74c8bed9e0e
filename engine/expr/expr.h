/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h: the expression language: text -> typed, compact register code -> value of a row.
 *
 * place:    pipeline file -> expr -> features (columns) and the source's `keep` rule.
 * lifetime: an expression is pipeline-lifetime and immutable; evaluation needs no allocation except text
 *           results in the batch arena.
 * nulls:    null propagates through every operator and function unless stated (coalesce, is_null, and/or by
 *           three-valued logic); x / 0 and NaN results are null.
 * limits:   WEIR_EXPR_REGISTER_MAX registers, nesting depth 64, 4,096 characters.
 * why:      aggregates are lifted out at compile time: expression code never sees a window. Equal aggregates
 *           (same function, argument and length) share one slot of the list.
 */
#ifndef WEIR_EXPR_EXPR_H
#define WEIR_EXPR_EXPR_H

#include "base/arena.h"
#include "base/diag.h"
#include "weir/aggregate.h"
#include "weir/value.h"

#define WEIR_EXPR_REGISTER_MAX 64

struct weir_expr;

/* One aggregate call found in an expression: `mean(amount, 7d)`. */
struct weir_expr_aggregate {
    const struct weir_aggregate *aggregate;
    struct weir_expr *argument; /* NULL for count(10m); owned by the list */
    int64_t length_ms;
    struct weir_mark mark;
};
/* Grows while the expressions of one feature group are compiled; owned by the group. */
struct weir_expr_aggregates {
    struct weir_expr_aggregate *items;
    uint32_t count, capacity;
};

/* Type of a column whose own definition has errors: expressions that use it fail without more findings. */
#define WEIR_EXPR_TYPE_UNKNOWN ((enum weir_type)8)

/* What an expression may name. Column i of `columns` is cell i of the row at evaluation. */
struct weir_expr_scope {
    const struct weir_field *columns;
    uint32_t column_count;
    uint32_t argument_column_count;          /* aggregate arguments may use only the first so many */
    struct weir_expr_aggregates *aggregates; /* NULL: aggregates are not allowed here */
    const char *columns_from;                /* for help: "source.schema" */
    struct weir_mark columns_mark;           /* where that stands; line 0 = unknown */
    const char *const *later;                /* names defined further down: E210 instead of E204 */
    uint32_t later_count;
};

/* Compiles `text`, whose first character stands at `mark` (verbatim: character i at column + i). Findings,
 * each marking its own characters, go to diags. NULL when there were errors or no memory. */
struct weir_expr *weir_expr_compile(const char *text, struct weir_mark mark, bool verbatim,
                                    const struct weir_expr_scope *scope, struct weir_diags *diags);
void weir_expr_destroy(struct weir_expr *expr);
void weir_expr_aggregates_deinit(struct weir_expr_aggregates *aggregates);

enum weir_type weir_expr_type(const struct weir_expr *expr);
/* The expression as written, without outer blanks; an aggregate's argument likewise. */
const char *weir_expr_text(const struct weir_expr *expr);
/* Equal code: the same value for every row. */
bool weir_expr_equal(const struct weir_expr *a, const struct weir_expr *b);

/* The column (aggregate) that the expression is and nothing more, or -1: its value can be taken from there.
 */
int32_t weir_expr_bare_column(const struct weir_expr *expr);
int32_t weir_expr_bare_aggregate(const struct weir_expr *expr);

/* False: its value does not depend on this aggregate. */
bool weir_expr_uses_aggregate(const struct weir_expr *expr, uint32_t aggregate);

/* The value for one row: `columns` as in the scope, `aggregates` one value per item of the list. */
struct weir_value weir_expr_eval(const struct weir_expr *expr, const struct weir_value *columns,
                                 const struct weir_value *aggregates, struct weir_arena *arena);

/* The functions of the language, for help, docs and suggestions: name, signature, summary; ends with NULL
 * name. Aggregates are operators: weir_registry_next(WEIR_FAMILY_AGGREGATE, ...) lists them. */
struct weir_expr_function {
    const char *name, *signature, *summary;
};
const struct weir_expr_function *weir_expr_functions(void);

#endif
