/* SPDX-License-Identifier: Apache-2.0 */
/* eval.c: runs an expression's code for one row.
 *
 * nulls:  a value is absent when it is null or a NaN; an absent operand makes an absent result except for
 *         is_null, coalesce, if's branch not taken, and the three-valued and / or. A NaN result is stored as
 * null, so NaN never leaves an expression. int64:  an overflow is null, never a wrapped number. numbers:
 * infinities stay numbers; x / 0, x % 0 and log of 0 are null.
 */
#include <string.h>

#include "expr/code.h"

#define DAY_MS ((int64_t)86400000)

static bool absent(const struct weir_value *value) {
    return value->null || (value->type == WEIR_FLOAT64 && isnan(value->as.f));
}

static bool text_equal(const struct weir_value *a, const struct weir_value *b) {
    return a->len == b->len && (!a->len || !memcmp(a->as.s, b->as.s, a->len));
}

static int64_t floor_mod(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

static int64_t character_count(const struct weir_value *text) {
    int64_t count = 0;
    for (uint32_t i = 0; i < text->len; i++) count += ((unsigned char)text->as.s[i] & 0xc0) != 0x80;
    return count;
}

static bool text_contains(const struct weir_value *text, const struct weir_value *part) {
    return !part->len || (text->len && memmem(text->as.s, text->len, part->as.s, part->len));
}

static bool text_at(const struct weir_value *text, const struct weir_value *part, bool at_end) {
    if (part->len > text->len) return false;
    uint32_t from = at_end ? text->len - part->len : 0;
    return !part->len || !memcmp(text->as.s + from, part->as.s, part->len);
}

/* Operations whose result depends on absent operands. True when `op` is one of them. */
static bool with_absent(const struct weir_expr_instruction *op, const struct weir_value *a,
                        const struct weir_value *b, const struct weir_value *c, struct weir_value *to) {
    switch (op->op) {
        case WEIR_OP_IS_NULL:
            *to = weir_value_bool(absent(a));
            return true;
        case WEIR_OP_COALESCE:
            *to = absent(a) ? *b : *a;
            break;
        case WEIR_OP_IF:
            if (a->null)
                *to = weir_value_null((enum weir_type)op->type);
            else
                *to = a->as.b ? *b : *c;
            break;
        case WEIR_OP_AND:
        case WEIR_OP_OR: {
            bool decides = op->op == WEIR_OP_OR; /* the value that settles the result alone */
            bool settled = (!a->null && a->as.b == decides) || (!b->null && b->as.b == decides);
            *to = weir_value_bool(settled ? decides : !decides);
            to->null = !settled && (a->null || b->null);
            return true;
        }
        default:
            return false;
    }
    to->type = op->type; /* category chosen among strings */
    return true;
}

/* Operations on int64, bool and text; false: none of these. */
static bool exact(const struct weir_expr_instruction *op, const struct weir_value *a,
                  const struct weir_value *b, struct weir_value *to) {
    switch (op->op) {
        case WEIR_OP_ADD_I:
            to->null = __builtin_add_overflow(a->as.i, b->as.i, &to->as.i);
            break;
        case WEIR_OP_SUB_I:
            to->null = __builtin_sub_overflow(a->as.i, b->as.i, &to->as.i);
            break;
        case WEIR_OP_MUL_I:
            to->null = __builtin_mul_overflow(a->as.i, b->as.i, &to->as.i);
            break;
        case WEIR_OP_MOD_I:
            to->null = b->as.i == 0;
            to->as.i = b->as.i == 0 || b->as.i == -1 ? 0 : a->as.i % b->as.i; /* INT64_MIN % -1 traps */
            break;
        case WEIR_OP_NEG_I:
            to->null = __builtin_sub_overflow((int64_t)0, a->as.i, &to->as.i);
            break;
        case WEIR_OP_ABS_I:
            to->as.i = a->as.i;
            if (a->as.i < 0) to->null = __builtin_sub_overflow((int64_t)0, a->as.i, &to->as.i);
            break;
        case WEIR_OP_LEAST_I:
            to->as.i = a->as.i < b->as.i ? a->as.i : b->as.i;
            break;
        case WEIR_OP_GREATEST_I:
            to->as.i = a->as.i > b->as.i ? a->as.i : b->as.i;
            break;
        case WEIR_OP_EQ_I:
            to->as.b = a->as.i == b->as.i;
            break;
        case WEIR_OP_NE_I:
            to->as.b = a->as.i != b->as.i;
            break;
        case WEIR_OP_LT_I:
            to->as.b = a->as.i < b->as.i;
            break;
        case WEIR_OP_LE_I:
            to->as.b = a->as.i <= b->as.i;
            break;
        case WEIR_OP_EQ_B:
            to->as.b = a->as.b == b->as.b;
            break;
        case WEIR_OP_NE_B:
            to->as.b = a->as.b != b->as.b;
            break;
        case WEIR_OP_NOT:
            to->as.b = !a->as.b;
            break;
        case WEIR_OP_EQ_T:
            to->as.b = text_equal(a, b);
            break;
        case WEIR_OP_NE_T:
            to->as.b = !text_equal(a, b);
            break;
        case WEIR_OP_LENGTH:
            to->as.i = character_count(a);
            break;
        case WEIR_OP_CONTAINS:
            to->as.b = text_contains(a, b);
            break;
        case WEIR_OP_STARTS_WITH:
            to->as.b = text_at(a, b, false);
            break;
        case WEIR_OP_ENDS_WITH:
            to->as.b = text_at(a, b, true);
            break;
        case WEIR_OP_HOUR:
            to->as.i = floor_mod(a->as.i, DAY_MS) / 3600000;
            break;
        case WEIR_OP_WEEKDAY: /* 1970-01-01 was a Thursday: day 3 counted from Monday */
            to->as.i = floor_mod(a->as.i / DAY_MS - (a->as.i % DAY_MS < 0) + 3, 7);
            break;
        case WEIR_OP_EQ_F:
            to->as.b = a->as.f == b->as.f;
            break;
        case WEIR_OP_NE_F:
            to->as.b = a->as.f != b->as.f;
            break;
        case WEIR_OP_LT_F:
            to->as.b = a->as.f < b->as.f;
            break;
        case WEIR_OP_LE_F:
            to->as.b = a->as.f <= b->as.f;
            break;
        default:
            return false;
    }
    return true;
}

/* Operations with a float64 result; NaN stands for null. */
static double real(uint8_t op, const struct weir_value *a, const struct weir_value *b) {
    double x = a->as.f, y = b->as.f;
    switch (op) {
        case WEIR_OP_FLOAT:
            return (double)a->as.i;
        case WEIR_OP_SECONDS:
            return (double)a->as.i / 1000.0;
        case WEIR_OP_MOD_F:
            return fmod(x, y);
        case WEIR_OP_NEG_F:
            return -x;
        case WEIR_OP_ABS_F:
            return fabs(x);
        case WEIR_OP_LEAST_F:
            return x < y ? x : y;
        case WEIR_OP_GREATEST_F:
            return x > y ? x : y;
        case WEIR_OP_LOG:
            return x > 0 ? log(x) : (double)NAN;
        case WEIR_OP_EXP:
            return exp(x);
        case WEIR_OP_SQRT:
            return sqrt(x);
        case WEIR_OP_POW:
            return x == 0 && y < 0 ? (double)NAN : pow(x, y);
        case WEIR_OP_FLOOR:
            return floor(x);
        case WEIR_OP_CEIL:
            return ceil(x);
        case WEIR_OP_ROUND:
            return round(x);
        default:
            return (double)NAN;
    }
}

static bool is_arithmetic(uint8_t op) { return op >= WEIR_OP_ADD_F && op <= WEIR_OP_DIV_F; }

/* The operations that most expressions consist of. NaN operands make NaN results, so of those only the result
 * is looked at. */
static inline struct weir_value arithmetic(uint8_t op, const struct weir_value *a,
                                           const struct weir_value *b) {
    double x = a->as.f, y = b->as.f, z;
    switch (op) {
        case WEIR_OP_ADD_F:
            z = x + y;
            break;
        case WEIR_OP_SUB_F:
            z = x - y;
            break;
        case WEIR_OP_MUL_F:
            z = x * y;
            break;
        default:
            z = y == 0 ? (double)NAN : x / y;
            break;
    }
    struct weir_value value = weir_value_float(z);
    value.null = a->null || b->null || isnan(z);
    return value;
}

static bool is_binary(uint8_t op) {
    switch (op) {
        case WEIR_OP_FLOAT:
        case WEIR_OP_NEG_I:
        case WEIR_OP_NEG_F:
        case WEIR_OP_NOT:
        case WEIR_OP_ABS_I:
        case WEIR_OP_ABS_F:
        case WEIR_OP_LOG:
        case WEIR_OP_EXP:
        case WEIR_OP_SQRT:
        case WEIR_OP_FLOOR:
        case WEIR_OP_CEIL:
        case WEIR_OP_ROUND:
        case WEIR_OP_SECONDS:
        case WEIR_OP_HOUR:
        case WEIR_OP_WEEKDAY:
        case WEIR_OP_LENGTH:
            return false;
        default:
            return true;
    }
}

#define AT(operand) (&places[(operand) >> WEIR_OPERAND_BITS][(operand)&WEIR_OPERAND_INDEX_MAX])

static struct weir_value run(const struct weir_expr *expr, const struct weir_value *places[4],
                             struct weir_value *registers) {
    for (uint32_t i = 0; i < expr->instruction_count; i++) {
        const struct weir_expr_instruction *op = &expr->code[i];
        const struct weir_value *a = AT(op->a);
        if (is_arithmetic(op->op)) {
            registers[op->to] = arithmetic(op->op, a, AT(op->b));
            continue;
        }
        const struct weir_value *b = is_binary(op->op) ? AT(op->b) : a;
        /* a local result: an instruction may write the register it reads */
        struct weir_value to = {.type = op->type};
        if (!with_absent(op, a, b, op->op == WEIR_OP_IF ? AT(op->c) : a, &to)) {
            if (absent(a) || absent(b)) {
                to.null = true;
            } else if (!exact(op, a, b, &to)) {
                to.as.f = real(op->op, a, b);
                to.null = isnan(to.as.f);
            }
        }
        registers[op->to] = to;
    }
    return *AT(expr->result);
}

/* Out of line: its registers are a kilobyte of stack, which one quotient should not pay for. */
__attribute__((noinline)) static struct weir_value eval_code(const struct weir_expr *expr,
                                                             const struct weir_value *places[4]) {
#if defined(__has_attribute) && __has_attribute(uninitialized)
    __attribute__((
        uninitialized)) /* written before read by construction; clearing 1 KiB costs more than the rest */
#endif
    struct weir_value registers[WEIR_EXPR_REGISTER_MAX];
    places[WEIR_IN_REGISTER] = registers;
    struct weir_value value = run(expr, places, registers);
    if (absent(&value)) return weir_value_null(expr->type);
    value.type = (uint8_t)expr->type;
    return value;
}

struct weir_value weir_expr_eval(const struct weir_expr *expr, const struct weir_value *columns,
                                 const struct weir_value *aggregates, struct weir_arena *arena) {
    (void)arena; /* no operation makes text yet */
    const struct weir_value *places[4] = {NULL, columns, aggregates, expr->constants};
    if (expr->instruction_count == 1 && is_arithmetic(expr->code->op)) {
        const struct weir_expr_instruction *op = expr->code;
        struct weir_value value = arithmetic(op->op, AT(op->a), AT(op->b));
        return value.null ? weir_value_null(WEIR_FLOAT64) : value;
    }
    return eval_code(expr, places);
}
#undef AT
