/* SPDX-License-Identifier: Apache-2.0 */
/* code.h: register code of one expression.
 *
 * place:    emit -> code -> eval.
 * lifetime: pipeline, immutable.
 * layout:   an operand names its place in two bits and an index: a register, a cell of the row, an
 * aggregate's value or a constant. So `amount / mean(amount, 7d)` is one instruction and a bare column none.
 *           Operations are typed at compile time; eval never looks at a value's type.
 */
#ifndef WEIR_EXPR_CODE_H
#define WEIR_EXPR_CODE_H

#include "expr/expr.h"

enum weir_expr_opcode {
    WEIR_OP_FLOAT, /* int64 or duration -> float64 */
    WEIR_OP_ADD_I,
    WEIR_OP_SUB_I,
    WEIR_OP_MUL_I,
    WEIR_OP_MOD_I,
    WEIR_OP_NEG_I,
    WEIR_OP_ADD_F,
    WEIR_OP_SUB_F,
    WEIR_OP_MUL_F,
    WEIR_OP_DIV_F,
    WEIR_OP_MOD_F,
    WEIR_OP_NEG_F,
    WEIR_OP_EQ_I,
    WEIR_OP_NE_I,
    WEIR_OP_LT_I,
    WEIR_OP_LE_I, /* GT, GE: operands swapped */
    WEIR_OP_EQ_F,
    WEIR_OP_NE_F,
    WEIR_OP_LT_F,
    WEIR_OP_LE_F,
    WEIR_OP_EQ_B,
    WEIR_OP_NE_B,
    WEIR_OP_EQ_T,
    WEIR_OP_NE_T,
    WEIR_OP_AND,
    WEIR_OP_OR,
    WEIR_OP_NOT,
    WEIR_OP_IS_NULL,
    WEIR_OP_COALESCE,
    WEIR_OP_IF,
    WEIR_OP_ABS_I,
    WEIR_OP_ABS_F,
    WEIR_OP_LEAST_I,
    WEIR_OP_LEAST_F,
    WEIR_OP_GREATEST_I,
    WEIR_OP_GREATEST_F,
    WEIR_OP_LOG,
    WEIR_OP_EXP,
    WEIR_OP_SQRT,
    WEIR_OP_POW,
    WEIR_OP_FLOOR,
    WEIR_OP_CEIL,
    WEIR_OP_ROUND,
    WEIR_OP_SECONDS,
    WEIR_OP_HOUR,
    WEIR_OP_WEEKDAY,
    WEIR_OP_LENGTH,
    WEIR_OP_CONTAINS,
    WEIR_OP_STARTS_WITH,
    WEIR_OP_ENDS_WITH,
    WEIR_OP_KEEP, /* no operation: the argument is the result */
};

enum weir_expr_place_of { WEIR_IN_REGISTER, WEIR_IN_COLUMN, WEIR_IN_AGGREGATE, WEIR_IN_CONSTANT };
#define WEIR_OPERAND_BITS 14
#define WEIR_OPERAND_INDEX_MAX ((1u << WEIR_OPERAND_BITS) - 1)
#define WEIR_OPERAND(place, index) ((uint16_t)((unsigned)(place) << WEIR_OPERAND_BITS | (index)))

struct weir_expr_instruction {
    uint8_t op;   /* enum weir_expr_opcode */
    uint8_t type; /* enum weir_type of the result */
    uint16_t to;  /* register */
    uint16_t a, b, c;
};

struct weir_expr {
    enum weir_type type;
    uint16_t result; /* operand */
    uint32_t instruction_count, constant_count;
    struct weir_expr_instruction *code; /* all in the expression's own allocation */
    struct weir_value *constants;
    const char *text;
};

#endif
