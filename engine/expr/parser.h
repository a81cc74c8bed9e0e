/* SPDX-License-Identifier: Apache-2.0 */
/* parser.h: text -> tree, by operator precedence.
 *
 * place:    lexer -> parser -> check; memory is the arena of one compilation (expr.c).
 * limits:   the two below; beyond is E208. Every other syntax error is E201.
 */
#ifndef WEIR_EXPR_PARSER_H
#define WEIR_EXPR_PARSER_H

#include "expr/ast.h"

#define WEIR_EXPR_DEPTH_MAX 64
#define WEIR_EXPR_CHARACTERS_MAX 4096

/* The tree of the whole text. After a syntax error the tree holds what was read up to there, BAD nodes where
 * operands are missing, so that check finds more. NULL: no memory. */
struct weir_ast *weir_expr_parse(struct weir_expr_place *place, struct weir_arena *arena);

#endif
