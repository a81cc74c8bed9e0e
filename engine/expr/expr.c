/* SPDX-License-Identifier: Apache-2.0 */
/* expr.c: text -> parse -> check -> emit, and what remains: an immutable expression. */
#include "expr/expr.h"

#include <stdlib.h>
#include <string.h>

#include "expr/check.h"
#include "expr/code.h"
#include "expr/emit.h"
#include "expr/parser.h"

struct weir_expr *weir_expr_compile(const char *text, struct weir_mark mark, bool verbatim,
                                    const struct weir_expr_scope *scope, struct weir_diags *diags) {
    size_t len = strlen(text);
    struct weir_expr_place place = {.text = text, .mark = mark, .verbatim = verbatim, .diags = diags};
    if (len > WEIR_EXPR_CHARACTERS_MAX) {
        place.len = WEIR_EXPR_CHARACTERS_MAX;
        weir_expr_place_report(&place, "E208", 0, 0, "expression is longer than %d characters",
                               WEIR_EXPR_CHARACTERS_MAX);
        return NULL;
    }
    place.len = (uint32_t)len;
    struct weir_arena arena;
    weir_arena_init(&arena);
    struct weir_expr *expr = NULL;
    struct weir_ast *ast = weir_expr_parse(&place, &arena);
    if (ast) {
        weir_expr_check(&place, &arena, scope, ast);
        if (!place.error_count) expr = weir_expr_emit(&place, &arena, scope->aggregates, ast);
    }
    weir_arena_deinit(&arena);
    return expr;
}

void weir_expr_destroy(struct weir_expr *expr) { free(expr); }

void weir_expr_aggregates_deinit(struct weir_expr_aggregates *aggregates) {
    for (uint32_t i = 0; i < aggregates->count; i++) weir_expr_destroy(aggregates->items[i].argument);
    free(aggregates->items);
    memset(aggregates, 0, sizeof *aggregates);
}

enum weir_type weir_expr_type(const struct weir_expr *expr) { return expr->type; }

const char *weir_expr_text(const struct weir_expr *expr) { return expr->text; }

static int32_t bare(const struct weir_expr *expr, enum weir_expr_place_of place) {
    if (expr->instruction_count || expr->result >> WEIR_OPERAND_BITS != (unsigned)place) return -1;
    return (int32_t)(expr->result & WEIR_OPERAND_INDEX_MAX);
}
int32_t weir_expr_bare_column(const struct weir_expr *expr) { return bare(expr, WEIR_IN_COLUMN); }
int32_t weir_expr_bare_aggregate(const struct weir_expr *expr) { return bare(expr, WEIR_IN_AGGREGATE); }

bool weir_expr_uses_aggregate(const struct weir_expr *expr, uint32_t aggregate) {
    uint16_t wanted = WEIR_OPERAND(WEIR_IN_AGGREGATE, aggregate);
    for (uint32_t i = 0; i < expr->instruction_count; i++)
        if (expr->code[i].a == wanted || expr->code[i].b == wanted || expr->code[i].c == wanted) return true;
    return expr->result == wanted;
}

static bool value_equal(const struct weir_value *a, const struct weir_value *b) {
    if (a->type != b->type || a->null != b->null) return false;
    if (a->null) return true;
    switch (a->type) {
        case WEIR_BOOL:
            return a->as.b == b->as.b;
        case WEIR_STRING:
        case WEIR_CATEGORY:
            return a->len == b->len && (!a->len || !memcmp(a->as.s, b->as.s, a->len));
        default:
            return a->as.i == b->as.i; /* of a double, its bits */
    }
}

bool weir_expr_equal(const struct weir_expr *a, const struct weir_expr *b) {
    if (a->type != b->type || a->result != b->result || a->instruction_count != b->instruction_count ||
        a->constant_count != b->constant_count)
        return false;
    for (uint32_t i = 0; i < a->constant_count; i++)
        if (!value_equal(&a->constants[i], &b->constants[i])) return false;
    return !a->instruction_count || !memcmp(a->code, b->code, a->instruction_count * sizeof *a->code);
}
