/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: names and types of an expression's tree, before code is made of it.
 *
 * place:    parser -> check -> emit; memory is the arena of one compilation (expr.c).
 * errors:   findings only: E202 to E207 and E210, each at the characters it is about.
 */
#ifndef WEIR_EXPR_CHECK_H
#define WEIR_EXPR_CHECK_H

#include "expr/ast.h"
#include "expr/expr.h"

/* Fills in the types of the tree and what its names mean; reports every violation once, at its own
 * characters. The tree may be emitted when place->error_count is still 0. */
void weir_expr_check(struct weir_expr_place *place, struct weir_arena *arena,
                     const struct weir_expr_scope *scope, struct weir_ast *ast);

/* The type two branches share: equal types, float64 for int64 with float64, string for string with category,
 * the other for null. WEIR_AST_TYPE_BAD when there is none. */
uint8_t weir_expr_common_type(uint8_t a, uint8_t b);

#endif
