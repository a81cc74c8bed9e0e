/* SPDX-License-Identifier: Apache-2.0 */
/* parser.c: operator precedence by binding powers (Pratt, "Top down operator precedence", POPL 1973).
 *
 * grammar, loosest first:
 *   or | and | not x | == != < <= > >= (do not chain) | + - | * / % | -x | literal, name, name(args), (x)
 * errors:  the first syntax error ends the reading: `failed` makes every level close its node and return.
 *          Malformed literals do not (the lexer reported them and they are operands).
 * limits:  recursion is bounded by WEIR_EXPR_DEPTH_MAX; chains of one operator are loops.
 */
#include "expr/parser.h"

#include <string.h>

struct parser {
    struct weir_lexer lexer;
    struct weir_expr_place *place;
    struct weir_arena *arena;
    struct weir_expr_token token; /* the next, not yet taken */
    uint32_t taken_end;           /* end of the last taken token */
    uint32_t depth;
    bool failed, no_memory;
};

enum power { POWER_NONE, POWER_OR, POWER_AND, POWER_NOT, POWER_COMPARE, POWER_ADD, POWER_MUL, POWER_NEGATE };

static enum power binary_power(enum weir_expr_token_kind kind) {
    switch (kind) {
        case WEIR_EXPR_TOKEN_OR:
            return POWER_OR;
        case WEIR_EXPR_TOKEN_AND:
            return POWER_AND;
        case WEIR_EXPR_TOKEN_EQ:
        case WEIR_EXPR_TOKEN_NE:
        case WEIR_EXPR_TOKEN_LT:
        case WEIR_EXPR_TOKEN_LE:
        case WEIR_EXPR_TOKEN_GT:
        case WEIR_EXPR_TOKEN_GE:
            return POWER_COMPARE;
        case WEIR_EXPR_TOKEN_ADD:
        case WEIR_EXPR_TOKEN_SUB:
            return POWER_ADD;
        case WEIR_EXPR_TOKEN_MUL:
        case WEIR_EXPR_TOKEN_DIV:
        case WEIR_EXPR_TOKEN_MOD:
            return POWER_MUL;
        default:
            return POWER_NONE;
    }
}

static void take(struct parser *parser) {
    parser->taken_end = parser->token.end;
    parser->token = weir_lexer_next(&parser->lexer);
}

static struct weir_ast *node(struct parser *parser, enum weir_ast_kind kind, uint32_t begin, uint32_t end) {
    struct weir_ast *ast = weir_arena_alloc(parser->arena, sizeof *ast);
    if (!ast) {
        parser->failed = parser->no_memory = true;
        return NULL;
    }
    memset(ast, 0, sizeof *ast);
    ast->kind = kind;
    ast->begin = begin;
    ast->end = end;
    return ast;
}

/* Reports the first syntax error and returns a BAD operand at the current token. */
static struct weir_ast *fail(struct parser *parser, const char *code, const char *text) {
    const struct weir_expr_token *token = &parser->token;
    if (!parser->failed && token->kind != WEIR_EXPR_TOKEN_BAD) { /* the lexer has reported a BAD one */
        uint32_t end = token->end;
        if (token->kind == WEIR_EXPR_TOKEN_END)
            weir_expr_place_report(parser->place, code, token->begin, end, "%s, but the expression ends",
                                   text);
        else
            weir_expr_place_report(parser->place, code, token->begin, end, "%s, not '%.*s'", text,
                                   (int)(end - token->begin > 40 ? 40 : end - token->begin),
                                   parser->place->text + token->begin);
    }
    parser->failed = true;
    return node(parser, WEIR_AST_BAD, token->begin, token->end);
}

static struct weir_ast *with_items(struct parser *parser, struct weir_ast *ast, struct weir_ast *a,
                                   struct weir_ast *b) {
    if (!ast || !a) return NULL;
    ast->count = b ? 2 : 1;
    ast->items = weir_arena_alloc(parser->arena, ast->count * sizeof *ast->items);
    if (!ast->items) {
        parser->failed = parser->no_memory = true;
        return NULL;
    }
    ast->items[0] = a;
    if (b) ast->items[1] = b;
    return ast;
}

static struct weir_ast *expression(struct parser *parser, enum power least);

static struct weir_ast *literal(struct parser *parser) {
    const struct weir_expr_token *token = &parser->token;
    struct weir_ast *ast = node(parser, WEIR_AST_LITERAL, token->begin, token->end);
    if (!ast) return NULL;
    switch (token->kind) {
        case WEIR_EXPR_TOKEN_INTEGER:
            ast->value = weir_value_int(token->i);
            break;
        case WEIR_EXPR_TOKEN_FLOAT:
            ast->value = weir_value_float(token->f);
            break;
        case WEIR_EXPR_TOKEN_STRING:
            ast->value = weir_value_text(token->s, token->len);
            break;
        case WEIR_EXPR_TOKEN_DURATION:
            ast->value = weir_value_int(token->i);
            ast->value.type = WEIR_DURATION;
            break;
        case WEIR_EXPR_TOKEN_TRUE:
        case WEIR_EXPR_TOKEN_FALSE:
            ast->value = weir_value_bool(token->kind == WEIR_EXPR_TOKEN_TRUE);
            break;
        case WEIR_EXPR_TOKEN_NULL:
            ast->kind = WEIR_AST_NULL;
            break;
        default:
            ast->kind = WEIR_AST_BAD;
            break;
    }
    take(parser);
    return ast;
}

static bool append(struct parser *parser, struct weir_ast *call, uint32_t *capacity, struct weir_ast *item) {
    if (!item) return false;
    if (call->count == *capacity) {
        uint32_t more = *capacity ? *capacity * 2 : 4;
        struct weir_ast **items = weir_arena_alloc(parser->arena, more * sizeof(struct weir_ast *));
        if (!items) {
            parser->failed = parser->no_memory = true;
            return false;
        }
        if (call->count) memcpy(items, call->items, call->count * sizeof(struct weir_ast *));
        call->items = items;
        *capacity = more;
    }
    call->items[call->count++] = item;
    return true;
}

static struct weir_ast *arguments(struct parser *parser, struct weir_ast *call) {
    uint32_t capacity = 0;
    take(parser); /* ( */
    while (!parser->failed && parser->token.kind != WEIR_EXPR_TOKEN_CLOSE) {
        if (!append(parser, call, &capacity, expression(parser, POWER_OR))) return NULL;
        if (parser->failed || parser->token.kind == WEIR_EXPR_TOKEN_CLOSE) break;
        if (parser->token.kind == WEIR_EXPR_TOKEN_COMMA) {
            take(parser);
            if (parser->token.kind != WEIR_EXPR_TOKEN_CLOSE) continue;
            fail(parser, "E201", "expected an argument after ','");
        } else {
            bool end = !parser->failed && parser->token.kind == WEIR_EXPR_TOKEN_END;
            fail(parser, "E201", "expected ',' or ')'");
            if (end)
                weir_diag_help(parser->place->diags,
                               "inside { } a comma ends the value: put the expression "
                               "in quotes or on a line of its own");
        }
    }
    call->cut = parser->failed;
    if (!parser->failed) take(parser); /* ) */
    call->end = parser->taken_end;
    return call;
}

static struct weir_ast *name_or_call(struct parser *parser) {
    struct weir_expr_token token = parser->token;
    struct weir_ast *ast = node(parser, WEIR_AST_NAME, token.begin, token.end);
    if (ast) ast->name = weir_arena_copy(parser->arena, token.s, token.len);
    if (!ast || !ast->name) {
        parser->failed = parser->no_memory = true;
        return NULL;
    }
    take(parser);
    if (parser->token.kind != WEIR_EXPR_TOKEN_OPEN) return ast;
    ast->kind = WEIR_AST_CALL;
    ast->name_end = token.end;
    return arguments(parser, ast);
}

static struct weir_ast *parenthesised(struct parser *parser) {
    uint32_t begin = parser->token.begin;
    take(parser);
    struct weir_ast *inner = expression(parser, POWER_OR);
    if (!inner) return NULL;
    if (parser->token.kind == WEIR_EXPR_TOKEN_CLOSE && !parser->failed)
        take(parser);
    else
        fail(parser, "E201", "expected ')'");
    inner->begin = begin;
    inner->end = parser->taken_end;
    return inner;
}

static struct weir_ast *prefix(struct parser *parser) {
    struct weir_expr_token token = parser->token;
    switch (token.kind) {
        case WEIR_EXPR_TOKEN_BAD:
        case WEIR_EXPR_TOKEN_INTEGER:
        case WEIR_EXPR_TOKEN_FLOAT:
        case WEIR_EXPR_TOKEN_STRING:
        case WEIR_EXPR_TOKEN_DURATION:
        case WEIR_EXPR_TOKEN_TRUE:
        case WEIR_EXPR_TOKEN_FALSE:
        case WEIR_EXPR_TOKEN_NULL:
            return literal(parser);
        case WEIR_EXPR_TOKEN_NAME:
            return name_or_call(parser);
        case WEIR_EXPR_TOKEN_OPEN:
            return parenthesised(parser);
        case WEIR_EXPR_TOKEN_SUB:
        case WEIR_EXPR_TOKEN_NOT: {
            take(parser);
            struct weir_ast *operand =
                expression(parser, token.kind == WEIR_EXPR_TOKEN_SUB ? POWER_NEGATE : POWER_NOT);
            if (!operand) return NULL;
            struct weir_ast *ast = node(parser, WEIR_AST_UNARY, token.begin, operand->end);
            if (ast) ast->op = token.kind;
            return with_items(parser, ast, operand, NULL);
        }
        default:
            return fail(parser, "E201", "expected a value, a column or '('");
    }
}

/* Reads an operand and all following operators that bind at least as tightly as `least`. */
static struct weir_ast *expression(struct parser *parser, enum power least) {
    if (parser->depth == WEIR_EXPR_DEPTH_MAX) {
        if (!parser->failed)
            weir_expr_place_report(parser->place, "E208", parser->token.begin, parser->token.end,
                                   "expression is nested more than %d deep", WEIR_EXPR_DEPTH_MAX);
        parser->failed = true;
        return node(parser, WEIR_AST_BAD, parser->token.begin, parser->token.end);
    }
    parser->depth++;
    struct weir_ast *left = prefix(parser);
    bool compared = false;
    while (left && !parser->failed) {
        enum weir_expr_token_kind op = parser->token.kind;
        enum power power = binary_power(op);
        if (power == POWER_NONE || power < least) break;
        if (power == POWER_COMPARE && compared) {
            fail(parser, "E201", "comparisons do not chain: expected `and` or `or`");
            if (op != WEIR_EXPR_TOKEN_BAD) weir_diag_help(parser->place->diags, "write a < b and b < c");
            break;
        }
        compared = power == POWER_COMPARE;
        take(parser);
        struct weir_ast *right = expression(parser, (enum power)(power + 1));
        if (!right) return NULL;
        struct weir_ast *ast = node(parser, WEIR_AST_BINARY, left->begin, right->end);
        if (ast) ast->op = op;
        left = with_items(parser, ast, left, right);
    }
    parser->depth--;
    return left;
}

struct weir_ast *weir_expr_parse(struct weir_expr_place *place, struct weir_arena *arena) {
    struct parser parser = {.lexer = {.place = place, .arena = arena}, .place = place, .arena = arena};
    parser.token = weir_lexer_next(&parser.lexer);
    struct weir_ast *ast = expression(&parser, POWER_OR);
    if (ast && !parser.failed && parser.token.kind != WEIR_EXPR_TOKEN_END)
        fail(&parser, "E201", "expected an operator or the end");
    return parser.no_memory ? NULL : ast;
}
