/* SPDX-License-Identifier: Apache-2.0 */
/* functions.h: the table of functions as check and emit see it. */
#ifndef WEIR_EXPR_FUNCTIONS_H
#define WEIR_EXPR_FUNCTIONS_H

#include "expr/code.h"

/* Which arguments a function takes and what it gives. */
enum weir_expr_rule {
    WEIR_RULE_IF,         /* bool, T, T -> T */
    WEIR_RULE_COALESCE,   /* T... -> T */
    WEIR_RULE_ANY_BOOL,   /* any -> bool */
    WEIR_RULE_SAME,       /* int64, float64 or duration, all alike -> the same */
    WEIR_RULE_WHOLE,      /* int64 or float64 -> the same; int64 is left as it is */
    WEIR_RULE_FLOAT,      /* numbers -> float64 */
    WEIR_RULE_SECONDS,    /* duration or int64 -> float64 */
    WEIR_RULE_TIME,       /* timestamp or int64 -> int64 */
    WEIR_RULE_TEXT_INT,   /* text -> int64 */
    WEIR_RULE_TEXTS_BOOL, /* text, text -> bool */
};

struct weir_expr_function_entry {
    const char *name, *signature, *summary;
    uint32_t least, most; /* number of arguments */
    enum weir_expr_rule rule;
    enum weir_expr_opcode op_int, op_float; /* by the type of the arguments; equal where there is one form */
};

/* NULL when there is none. */
const struct weir_expr_function_entry *weir_expr_function_find(const char *name);

#endif
