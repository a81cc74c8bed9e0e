/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: names and types of an expression's tree.
 *
 * idea:   one walk, children first. A node in error gets the type BAD, which every rule accepts in silence,
 *         so one mistake gives one finding and the rest of the expression is still checked.
 * rules:  no silent conversion except int64 -> float64 where both meet. A bool is not a number; text is
 *         compared with == and != only; a timestamp minus a timestamp is a duration.
 */
#include "expr/check.h"

#include <stdio.h>
#include <string.h>

#include "expr/functions.h"
#include "weir/registry.h"

#define LENGTH_MAX_MS ((int64_t)400 * 24 * 60 * 60 * 1000)
#define BAD WEIR_AST_TYPE_BAD
_Static_assert((int)WEIR_EXPR_TYPE_UNKNOWN == WEIR_AST_TYPE_BAD, "one unknown type");

struct checker {
    struct weir_expr_place *place;
    struct weir_arena *arena;
    const struct weir_expr_scope *scope;
    const char *inside; /* name of the aggregate whose argument this is, or NULL */
};

static void check(struct checker *checker, struct weir_ast *ast);

static const char *type_name(uint8_t type) {
    return type < WEIR_TYPE_COUNT ? weir_type_name((enum weir_type)type) : "null";
}
static bool is_number(uint8_t type) { return type == WEIR_INT64 || type == WEIR_FLOAT64; }
static bool is_text(uint8_t type) { return type == WEIR_STRING || type == WEIR_CATEGORY; }

#define REPORT(checker, code, ast, ...) \
    weir_expr_place_report((checker)->place, code, (ast)->begin, (ast)->end, __VA_ARGS__)
#define HELP(checker, ...) weir_diag_help((checker)->place->diags, __VA_ARGS__)

/* What to do about a value of a type that an operator of numbers cannot take. */
static void help_number(struct checker *checker, uint8_t type) {
    if (type == WEIR_BOOL) HELP(checker, "write if(x, 1, 0) to count with a bool");
    if (type == WEIR_DURATION) HELP(checker, "seconds(d) is the number of seconds");
    if (type == WEIR_AST_TYPE_NULL) HELP(checker, "coalesce(x, 0) replaces null, is_null(x) tests for it");
}

/* --- names ------------------------------------------------------------------------------------------------
 */

static void help_columns(struct checker *checker, const char *near) {
    const struct weir_expr_scope *scope = checker->scope;
    char from[256] = "";
    if (scope->columns_from) {
        const char *file = checker->place->diags->file ? checker->place->diags->file : "";
        if (scope->columns_mark.line)
            snprintf(from, sizeof from, "columns come from %s (%s:%u)", scope->columns_from, file,
                     (unsigned)scope->columns_mark.line);
        else
            snprintf(from, sizeof from, "columns come from %s", scope->columns_from);
    }
    if (near)
        HELP(checker, "did you mean '%s'?%s%s", near, from[0] ? "  " : "", from);
    else if (from[0])
        HELP(checker, "%s", from);
}

static bool is_aggregate(const char *name) { return weir_registry_find(WEIR_FAMILY_AGGREGATE, name) != NULL; }

static void check_name(struct checker *checker, struct weir_ast *ast) {
    const struct weir_expr_scope *scope = checker->scope;
    ast->type = BAD;
    for (uint32_t i = 0; i < scope->column_count; i++) {
        if (strcmp(scope->columns[i].name, ast->name) != 0) continue;
        if (checker->inside && i >= scope->argument_column_count) {
            REPORT(checker, "E210", ast, "'%s' is not known yet when %s takes its argument", ast->name,
                   checker->inside);
            HELP(checker, "an aggregate's argument may use source columns and features of groups above");
            return;
        }
        ast->column = i;
        ast->type = (uint8_t)scope->columns[i].type;
        if (ast->type == BAD) checker->place->error_count++; /* its definition has been reported */
        return;
    }
    for (uint32_t i = 0; i < scope->later_count; i++) {
        if (strcmp(scope->later[i], ast->name) != 0) continue;
        REPORT(checker, "E210", ast, "'%s' is used before its definition", ast->name);
        HELP(checker, "a feature may use the features above it");
        return;
    }
    REPORT(checker, "E204", ast, "unknown column '%s'", ast->name);
    if (is_aggregate(ast->name) || weir_expr_function_find(ast->name)) {
        HELP(checker, "'%s' is a function: write %s(...)", ast->name, ast->name);
        return;
    }
    const char **names = weir_arena_alloc(checker->arena, (scope->column_count + 1) * sizeof(char *));
    const char *near = NULL;
    if (names) {
        for (uint32_t i = 0; i < scope->column_count; i++) names[i] = scope->columns[i].name;
        near = weir_suggest(ast->name, names, scope->column_count);
    }
    help_columns(checker, near);
}

/* --- operators --------------------------------------------------------------------------------------------
 */

static const char *sign_of(enum weir_expr_token_kind op) {
    static const char *const signs[] = {
        [WEIR_EXPR_TOKEN_EQ] = "==", [WEIR_EXPR_TOKEN_NE] = "!=",   [WEIR_EXPR_TOKEN_LT] = "<",
        [WEIR_EXPR_TOKEN_LE] = "<=", [WEIR_EXPR_TOKEN_GT] = ">",    [WEIR_EXPR_TOKEN_GE] = ">=",
        [WEIR_EXPR_TOKEN_ADD] = "+", [WEIR_EXPR_TOKEN_SUB] = "-",   [WEIR_EXPR_TOKEN_MUL] = "*",
        [WEIR_EXPR_TOKEN_DIV] = "/", [WEIR_EXPR_TOKEN_MOD] = "%",   [WEIR_EXPR_TOKEN_AND] = "and",
        [WEIR_EXPR_TOKEN_OR] = "or", [WEIR_EXPR_TOKEN_NOT] = "not",
    };
    return signs[op];
}

/* Marks each operand that no arithmetic takes, or the whole when neither alone is wrong. */
static uint8_t no_arithmetic(struct checker *checker, const struct weir_ast *ast, uint8_t a, uint8_t b) {
    bool marked = false;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t type = ast->items[i]->type;
        if (is_number(type) || type == WEIR_TIMESTAMP || type == WEIR_DURATION) continue;
        REPORT(checker, "E205", ast->items[i], "'%s' needs numbers, this is %s", sign_of(ast->op),
               type_name(type));
        help_number(checker, type);
        marked = true;
    }
    if (marked) return BAD;
    REPORT(checker, "E205", ast, "no '%s' between %s and %s", sign_of(ast->op), type_name(a), type_name(b));
    if (a == WEIR_DURATION || b == WEIR_DURATION) HELP(checker, "seconds(d) is the number of seconds");
    return BAD;
}

static uint8_t arithmetic(struct checker *checker, const struct weir_ast *ast, uint8_t a, uint8_t b) {
    if (a == BAD || b == BAD) return BAD;
    bool add = ast->op == WEIR_EXPR_TOKEN_ADD, sub = ast->op == WEIR_EXPR_TOKEN_SUB,
         div = ast->op == WEIR_EXPR_TOKEN_DIV;
    if (is_number(a) && is_number(b)) return div ? (uint8_t)WEIR_FLOAT64 : weir_expr_common_type(a, b);
    if (sub && a == WEIR_TIMESTAMP && b == WEIR_TIMESTAMP) return WEIR_DURATION;
    if ((add || sub) && a == WEIR_TIMESTAMP && b == WEIR_DURATION) return WEIR_TIMESTAMP;
    if (add && a == WEIR_DURATION && b == WEIR_TIMESTAMP) return WEIR_TIMESTAMP;
    if (a == WEIR_DURATION && b == WEIR_DURATION)
        return div                              ? WEIR_FLOAT64
               : ast->op == WEIR_EXPR_TOKEN_MUL ? no_arithmetic(checker, ast, a, b)
                                                : WEIR_DURATION;
    return no_arithmetic(checker, ast, a, b);
}

static uint8_t comparison(struct checker *checker, const struct weir_ast *ast, uint8_t a, uint8_t b) {
    if (a == BAD || b == BAD) return WEIR_BOOL; /* what it would be is known, so go on checking above */
    bool equality = ast->op == WEIR_EXPR_TOKEN_EQ || ast->op == WEIR_EXPR_TOKEN_NE;
    if (a == WEIR_AST_TYPE_NULL || b == WEIR_AST_TYPE_NULL) {
        REPORT(checker, "E205", ast, "a comparison with null is always null");
        HELP(checker, ast->op == WEIR_EXPR_TOKEN_NE ? "write not is_null(x)" : "write is_null(x)");
        return BAD;
    }
    if (weir_expr_common_type(a, b) == BAD) {
        REPORT(checker, "E205", ast, "cannot compare %s with %s", type_name(a), type_name(b));
        return BAD;
    }
    if (!equality && (is_text(a) || a == WEIR_BOOL)) {
        REPORT(checker, "E205", ast, "%s has no order: only == and != compare it", type_name(a));
        return BAD;
    }
    return WEIR_BOOL;
}

static void want_bool(struct checker *checker, const struct weir_ast *item, const char *who) {
    if (item->type == WEIR_BOOL || item->type == BAD || item->type == WEIR_AST_TYPE_NULL) return;
    REPORT(checker, "E205", item, "%s needs bool, this is %s", who, type_name(item->type));
    if (is_number(item->type)) HELP(checker, "compare it: x != 0");
}

static void check_operator(struct checker *checker, struct weir_ast *ast) {
    for (uint32_t i = 0; i < ast->count; i++) check(checker, ast->items[i]);
    uint8_t a = ast->items[0]->type, b = ast->items[ast->count - 1]->type;
    switch (ast->op) {
        case WEIR_EXPR_TOKEN_NOT:
        case WEIR_EXPR_TOKEN_AND:
        case WEIR_EXPR_TOKEN_OR:
            for (uint32_t i = 0; i < ast->count; i++) {
                char who[16];
                snprintf(who, sizeof who, "`%s`", sign_of(ast->op));
                want_bool(checker, ast->items[i], who);
            }
            ast->type = WEIR_BOOL;
            return;
        case WEIR_EXPR_TOKEN_EQ:
        case WEIR_EXPR_TOKEN_NE:
        case WEIR_EXPR_TOKEN_LT:
        case WEIR_EXPR_TOKEN_LE:
        case WEIR_EXPR_TOKEN_GT:
        case WEIR_EXPR_TOKEN_GE:
            ast->type = comparison(checker, ast, a, b);
            return;
        default:
            break;
    }
    if (ast->count == 2) {
        ast->type = arithmetic(checker, ast, a, b);
        return;
    }
    ast->type = a;
    if (is_number(a) || a == WEIR_DURATION || a == BAD) return;
    REPORT(checker, "E205", ast->items[0], "'-' needs a number, this is %s", type_name(a));
    help_number(checker, a);
    ast->type = BAD;
}

/* --- calls ------------------------------------------------------------------------------------------------
 */

/* The common type of the arguments from `from` on; BAD after reporting the first that does not fit. */
static uint8_t common(struct checker *checker, const struct weir_ast *ast, uint32_t from) {
    uint8_t type = ast->items[from]->type;
    for (uint32_t i = from + 1; i < ast->count; i++) {
        uint8_t item = ast->items[i]->type, both = weir_expr_common_type(type, item);
        if (type == BAD || item == BAD) return BAD;
        if (both == BAD) {
            REPORT(checker, "E205", ast->items[i], "%s needs arguments of one type: %s before, %s here",
                   ast->name, type_name(type), type_name(item));
            return BAD;
        }
        type = both;
    }
    if (type == WEIR_AST_TYPE_NULL) {
        REPORT(checker, "E205", ast, "%s has only null to choose from", ast->name);
        return BAD;
    }
    return type;
}

/* Are all arguments of one of the types in the set (bit i = enum weir_type i)? Reports each that is not. */
static bool all_of(struct checker *checker, const struct weir_ast *ast, unsigned set, const char *what) {
    bool fine = true;
    for (uint32_t i = 0; i < ast->count; i++) {
        uint8_t type = ast->items[i]->type;
        if (type < WEIR_TYPE_COUNT && set >> type & 1) continue;
        fine = false;
        if (type == BAD) continue;
        REPORT(checker, "E205", ast->items[i], "%s needs %s, this is %s", ast->name, what, type_name(type));
        if (set >> WEIR_INT64 & 1) help_number(checker, type);
    }
    return fine;
}

#define BIT(type) (1u << (type))
#define NUMBERS (BIT(WEIR_INT64) | BIT(WEIR_FLOAT64))
#define TEXTS (BIT(WEIR_STRING) | BIT(WEIR_CATEGORY))

static uint8_t function_type(struct checker *checker, const struct weir_ast *ast) {
    switch (ast->function->rule) {
        case WEIR_RULE_IF:
            want_bool(checker, ast->items[0], "the condition of if");
            return common(checker, ast, 1);
        case WEIR_RULE_COALESCE:
            return common(checker, ast, 0);
        case WEIR_RULE_ANY_BOOL:
            return WEIR_BOOL;
        case WEIR_RULE_SAME:
            if (!all_of(checker, ast, NUMBERS | BIT(WEIR_DURATION), "numbers or durations")) return BAD;
            return common(checker, ast, 0);
        case WEIR_RULE_WHOLE:
            return all_of(checker, ast, NUMBERS, "a number") ? ast->items[0]->type : BAD;
        case WEIR_RULE_FLOAT:
            all_of(checker, ast, NUMBERS, "a number");
            return WEIR_FLOAT64;
        case WEIR_RULE_SECONDS:
            all_of(checker, ast, BIT(WEIR_DURATION) | BIT(WEIR_INT64), "a duration or int64 milliseconds");
            return WEIR_FLOAT64;
        case WEIR_RULE_TIME:
            all_of(checker, ast, BIT(WEIR_TIMESTAMP) | BIT(WEIR_INT64), "a timestamp or int64 milliseconds");
            return WEIR_INT64;
        case WEIR_RULE_TEXT_INT:
            all_of(checker, ast, TEXTS, "text");
            return WEIR_INT64;
        default:
            all_of(checker, ast, TEXTS, "text");
            return WEIR_BOOL;
    }
}

static bool is_length(const struct weir_ast *ast) {
    return ast->kind == WEIR_AST_LITERAL && ast->value.type == WEIR_DURATION;
}

static void check_length(struct checker *checker, const struct weir_ast *aggregate) {
    const struct weir_ast *length = aggregate->items[aggregate->count - 1];
    if (length->kind == WEIR_AST_BAD) return;
    if (!is_length(length)) {
        REPORT(checker, "E207", length, "the last argument of %s is the window's length, a duration",
               aggregate->name);
        HELP(checker, "write it as a literal: 30s, 10m, 24h or 7d");
    } else if (length->value.as.i < 1) {
        REPORT(checker, "E207", length, "a window must be longer than 0");
    } else if (length->value.as.i > LENGTH_MAX_MS) {
        REPORT(checker, "E207", length, "a window is at most 400d long");
    }
}

static void check_aggregate(struct checker *checker, struct weir_ast *ast) {
    const struct weir_aggregate *aggregate = ast->aggregate;
    ast->type = (uint8_t)aggregate->type;
    if (checker->inside) {
        REPORT(checker, "E206", ast, "%s inside the argument of %s: aggregates do not nest", ast->name,
               checker->inside);
        HELP(checker, "compute it in a feature of a group above and use that");
    } else if (!checker->scope->aggregates) {
        REPORT(checker, "E206", ast, "aggregates are not allowed here");
    }
    const char *outer = checker->inside;
    checker->inside = ast->name;
    for (uint32_t i = 0; i < ast->count; i++) check(checker, ast->items[i]);
    checker->inside = outer;

    if (ast->cut) return;
    uint32_t least = aggregate->takes_argument ? 2 : 1;
    if (ast->count < least || ast->count > 2) {
        REPORT(checker, "E203", ast, "%s takes %s, not %u argument%s", ast->name,
               aggregate->takes_argument ? "a value and a window length" : "a window length", ast->count,
               ast->count == 1 ? "" : "s");
        HELP(checker,
             aggregate->takes_argument ? "write %s(x, 24h)"
                                       : "write %s(24h), or %s(x, 24h) to count non-null x",
             ast->name, ast->name);
        return;
    }
    check_length(checker, ast);
    if (ast->count == 1) return;
    const struct weir_ast *argument = ast->items[0];
    uint8_t type = argument->type;
    if (type == BAD || is_number(type) || type == WEIR_BOOL) return;
    if (!aggregate->takes_argument && type != WEIR_AST_TYPE_NULL) return; /* count(x, 24h) of any x */
    REPORT(checker, "E205", argument, "%s needs a number or bool, this is %s", ast->name, type_name(type));
    help_number(checker, type);
}

static void unknown_function(struct checker *checker, const struct weir_ast *ast) {
    const char *names[128], *near;
    size_t count = 0;
    for (const struct weir_expr_function *f = weir_expr_functions(); f->name && count < 64; f++)
        names[count++] = f->name;
    const struct weir_operator *op = NULL;
    while ((op = weir_registry_next(WEIR_FAMILY_AGGREGATE, op)) && count < 128) names[count++] = op->name;
    weir_expr_place_report(checker->place, "E202", ast->begin, ast->name_end, "unknown function '%s'",
                           ast->name);
    for (uint32_t i = 0; i < checker->scope->column_count; i++)
        if (!strcmp(checker->scope->columns[i].name, ast->name)) {
            HELP(checker, "'%s' is a column, not a function", ast->name);
            return;
        }
    near = weir_suggest(ast->name, names, count);
    if (near) HELP(checker, "did you mean '%s'?", near);
}

static void check_call(struct checker *checker, struct weir_ast *ast) {
    ast->type = BAD;
    ast->aggregate = (const struct weir_aggregate *)weir_registry_find(WEIR_FAMILY_AGGREGATE, ast->name);
    if (ast->aggregate) {
        check_aggregate(checker, ast);
        return;
    }
    for (uint32_t i = 0; i < ast->count; i++) check(checker, ast->items[i]);
    ast->function = weir_expr_function_find(ast->name);
    if (!ast->function) {
        unknown_function(checker, ast);
        return;
    }
    if (ast->cut) return;
    const struct weir_expr_function_entry *function = ast->function;
    if (ast->count >= function->least && ast->count <= function->most) {
        ast->type = function_type(checker, ast);
        return;
    }
    REPORT(checker, "E203", ast, "%s takes %s%u argument%s, not %u", ast->name,
           function->most > function->least ? "at least " : "", function->least,
           function->least == 1 ? "" : "s", ast->count);
    HELP(checker, "%s: %s", function->signature, function->summary);
}

/* --- the walk ---------------------------------------------------------------------------------------------
 */

uint8_t weir_expr_common_type(uint8_t a, uint8_t b) {
    if (a == b) return a;
    if (a == BAD || b == BAD) return BAD;
    if (a == WEIR_AST_TYPE_NULL) return b;
    if (b == WEIR_AST_TYPE_NULL) return a;
    if (is_number(a) && is_number(b)) return WEIR_FLOAT64;
    if (is_text(a) && is_text(b)) return WEIR_STRING;
    return BAD;
}

static void check(struct checker *checker, struct weir_ast *ast) {
    switch (ast->kind) {
        case WEIR_AST_BAD:
            ast->type = BAD;
            break;
        case WEIR_AST_LITERAL:
            ast->type = ast->value.type;
            break;
        case WEIR_AST_NULL:
            ast->type = WEIR_AST_TYPE_NULL;
            break;
        case WEIR_AST_NAME:
            check_name(checker, ast);
            break;
        case WEIR_AST_UNARY:
        case WEIR_AST_BINARY:
            check_operator(checker, ast);
            break;
        case WEIR_AST_CALL:
            check_call(checker, ast);
            break;
    }
}

void weir_expr_check(struct weir_expr_place *place, struct weir_arena *arena,
                     const struct weir_expr_scope *scope, struct weir_ast *ast) {
    struct checker checker = {.place = place, .arena = arena, .scope = scope};
    check(&checker, ast);
    if (ast->type == WEIR_AST_TYPE_NULL)
        weir_expr_place_report(place, "E205", ast->begin, ast->end, "the expression is always null");
}
