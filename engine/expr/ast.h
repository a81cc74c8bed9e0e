/* SPDX-License-Identifier: Apache-2.0 */
/* ast.h: the tree between parser and emitter; check fills in types and what names mean.
 *
 * place:    parser -> tree -> check -> emit.
 * lifetime: one call of weir_expr_compile (its arena).
 */
#ifndef WEIR_EXPR_AST_H
#define WEIR_EXPR_AST_H

#include "expr/lexer.h"
#include "weir/aggregate.h"

enum weir_ast_kind {
    WEIR_AST_BAD, /* reported; stands for an operand */
    WEIR_AST_LITERAL,
    WEIR_AST_NULL,
    WEIR_AST_NAME,
    WEIR_AST_UNARY,
    WEIR_AST_BINARY,
    WEIR_AST_CALL,
};

/* enum weir_type, and two that exist only here. */
#define WEIR_AST_TYPE_NULL 7 /* the literal null, until its neighbours give it a type */
#define WEIR_AST_TYPE_BAD 8  /* an error was reported inside: say no more about it */

struct weir_expr_function_entry;

struct weir_ast {
    enum weir_ast_kind kind;
    uint32_t begin, end;          /* bytes of the text, parentheses included */
    enum weir_expr_token_kind op; /* UNARY, BINARY */
    const char *name;             /* NAME, CALL: terminated */
    uint32_t name_end;            /* CALL: end of the name */
    struct weir_ast **items;      /* operands or arguments */
    uint32_t count;
    bool cut; /* CALL: a syntax error ended the arguments early; their number says nothing */
    /* filled by check */
    uint8_t type;
    struct weir_value value;                         /* LITERAL: filled by the parser */
    uint32_t column;                                 /* NAME */
    const struct weir_expr_function_entry *function; /* CALL of a function */
    const struct weir_aggregate *aggregate;          /* CALL of an aggregate, length in the last argument */
};

#endif
