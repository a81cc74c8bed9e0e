/* SPDX-License-Identifier: Apache-2.0 */
/* emit.h: a checked tree -> code for the evaluator.
 *
 * place:    check -> emit -> struct weir_expr (code.h), one block of its own: weir_expr_destroy.
 * limits:   instructions and registers as code.h states them; beyond is E208.
 */
#ifndef WEIR_EXPR_EMIT_H
#define WEIR_EXPR_EMIT_H

#include "expr/ast.h"
#include "expr/code.h"

/* Code of a tree that check found right. Aggregates become items of `aggregates`. NULL: no memory, or too
 * complex (E208 reported). */
struct weir_expr *weir_expr_emit(struct weir_expr_place *place, struct weir_arena *arena,
                                 struct weir_expr_aggregates *aggregates, const struct weir_ast *ast);

#endif
