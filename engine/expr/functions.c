/* SPDX-License-Identifier: Apache-2.0 */
/* functions.c: the functions of the language, one line each.
 *
 * A new function: its line here; a new operation also needs its opcode in code.h and its case in eval.c.
 * Functions of more than two arguments are folded from the left (coalesce, least, greatest, clamp).
 */
#include "expr/functions.h"

#include <string.h>

#define MANY 255

/* clang-format off */
#define FUNCTIONS(F) \
    F("if", "if(condition, a, b)", "a where the condition holds, b where it does not, null where it is null", \
      3, 3, IF, IF, IF) \
    F("coalesce", "coalesce(a, b, ...)", "the first argument that is not null", 2, MANY, COALESCE, COALESCE, COALESCE) \
    F("is_null", "is_null(x)", "true where x is null or NaN, else false", 1, 1, ANY_BOOL, IS_NULL, IS_NULL) \
    F("abs", "abs(x)", "x without its sign", 1, 1, SAME, ABS_I, ABS_F) \
    F("clamp", "clamp(x, low, high)", "x, but at least low and at most high", 3, 3, SAME, LEAST_I, LEAST_F) \
    F("least", "least(a, b, ...)", "the smallest argument; null when any is null", 2, MANY, SAME, LEAST_I, LEAST_F) \
    F("greatest", "greatest(a, b, ...)", "the largest argument; null when any is null", \
      2, MANY, SAME, GREATEST_I, GREATEST_F) \
    F("floor", "floor(x)", "the largest whole number not above x", 1, 1, WHOLE, KEEP, FLOOR) \
    F("ceil", "ceil(x)", "the smallest whole number not below x", 1, 1, WHOLE, KEEP, CEIL) \
    F("round", "round(x)", "the nearest whole number, halves away from zero", 1, 1, WHOLE, KEEP, ROUND) \
    F("float64", "float64(x)", "an int64 as float64, to the nearest double", 1, 1, FLOAT, KEEP, KEEP) \
    F("log", "log(x)", "natural logarithm; null unless x > 0", 1, 1, FLOAT, LOG, LOG) \
    F("exp", "exp(x)", "e to the power of x", 1, 1, FLOAT, EXP, EXP) \
    F("sqrt", "sqrt(x)", "square root; null for x < 0", 1, 1, FLOAT, SQRT, SQRT) \
    F("pow", "pow(x, y)", "x to the power of y; null where that is no real number", 2, 2, FLOAT, POW, POW) \
    F("seconds", "seconds(d)", "a duration, or an int64 of milliseconds, in seconds", \
      1, 1, SECONDS, SECONDS, SECONDS) \
    F("hour", "hour(t)", "hour of day 0-23 in UTC, of a timestamp or of int64 milliseconds since 1970", \
      1, 1, TIME, HOUR, HOUR) \
    F("weekday", "weekday(t)", "day of the week in UTC, 0 = Monday to 6 = Sunday", 1, 1, TIME, WEEKDAY, WEEKDAY) \
    F("length", "length(s)", "number of characters of a text", 1, 1, TEXT_INT, LENGTH, LENGTH) \
    F("contains", "contains(s, part)", "whether the text holds the part", 2, 2, TEXTS_BOOL, CONTAINS, CONTAINS) \
    F("starts_with", "starts_with(s, part)", "whether the text begins with the part", \
      2, 2, TEXTS_BOOL, STARTS_WITH, STARTS_WITH) \
    F("ends_with", "ends_with(s, part)", "whether the text ends with the part", \
      2, 2, TEXTS_BOOL, ENDS_WITH, ENDS_WITH)
/* clang-format on */

static const struct weir_expr_function_entry entries[] = {
#define ENTRY(name, signature, summary, least, most, rule, op_int, op_float) \
    {name, signature, summary, least, most, WEIR_RULE_##rule, WEIR_OP_##op_int, WEIR_OP_##op_float},
    FUNCTIONS(ENTRY)
#undef ENTRY
};

static const struct weir_expr_function shown[] = {
#define ENTRY(name, signature, summary, least, most, rule, op_int, op_float) {name, signature, summary},
    FUNCTIONS(ENTRY)
#undef ENTRY
        {0}};

const struct weir_expr_function *weir_expr_functions(void) { return shown; }

const struct weir_expr_function_entry *weir_expr_function_find(const char *name) {
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if (!strcmp(entries[i].name, name)) return &entries[i];
    return NULL;
}
