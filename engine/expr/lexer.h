/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.h: text -> tokens.
 *
 * place:    text -> lexer -> parser.
 * lifetime: one call of weir_expr_compile; unescaped string bytes live in its arena.
 * errors:   a malformed literal or stray character is reported at once (E201, E207) and becomes a BAD token,
 *           which the parser takes for an operand, so that the rest of the expression is still looked at.
 */
#ifndef WEIR_EXPR_LEXER_H
#define WEIR_EXPR_LEXER_H

#include "base/arena.h"
#include "expr/place.h"

enum weir_expr_token_kind {
    WEIR_EXPR_TOKEN_END,
    WEIR_EXPR_TOKEN_BAD,
    WEIR_EXPR_TOKEN_INTEGER,
    WEIR_EXPR_TOKEN_FLOAT,
    WEIR_EXPR_TOKEN_STRING,
    WEIR_EXPR_TOKEN_DURATION,
    WEIR_EXPR_TOKEN_NAME,
    WEIR_EXPR_TOKEN_TRUE,
    WEIR_EXPR_TOKEN_FALSE,
    WEIR_EXPR_TOKEN_NULL,
    WEIR_EXPR_TOKEN_OR,
    WEIR_EXPR_TOKEN_AND,
    WEIR_EXPR_TOKEN_NOT,
    WEIR_EXPR_TOKEN_EQ,
    WEIR_EXPR_TOKEN_NE,
    WEIR_EXPR_TOKEN_LT,
    WEIR_EXPR_TOKEN_LE,
    WEIR_EXPR_TOKEN_GT,
    WEIR_EXPR_TOKEN_GE,
    WEIR_EXPR_TOKEN_ADD,
    WEIR_EXPR_TOKEN_SUB,
    WEIR_EXPR_TOKEN_MUL,
    WEIR_EXPR_TOKEN_DIV,
    WEIR_EXPR_TOKEN_MOD,
    WEIR_EXPR_TOKEN_OPEN,
    WEIR_EXPR_TOKEN_CLOSE,
    WEIR_EXPR_TOKEN_COMMA,
};

struct weir_expr_token {
    enum weir_expr_token_kind kind;
    uint32_t begin, end;
    int64_t i; /* INTEGER; DURATION in ms */
    double f;
    const char *s; /* STRING, after escapes */
    uint32_t len;
};

struct weir_lexer {
    struct weir_expr_place *place;
    struct weir_arena *arena;
    uint32_t at;
};

struct weir_expr_token weir_lexer_next(struct weir_lexer *lexer);

#endif
