/* SPDX-License-Identifier: Apache-2.0 */
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
