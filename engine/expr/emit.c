/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c: checked tree -> register code.
 *
 * idea:   children first; leaves are operands in place and cost nothing; an inner node's result goes to the
 *         lowest register that is free, and its operands' registers are free again after it. Everything is
 *         evaluated (no jumps): the language has no side effects and nothing that can fail, so `if` and `and`
 *         just choose.
 * aggregates: each call becomes one item of the group's list; equal calls share it. Its argument is an
 *         expression of its own.
 */
#include "expr/emit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "expr/check.h"
#include "expr/functions.h"

struct emitter {
    struct weir_expr_place *place;
    struct weir_arena *arena;
    struct weir_expr_aggregates *aggregates;
    struct weir_expr_instruction *code;
    uint32_t count, capacity;
    struct weir_value *constants;
    uint32_t constant_count, constant_capacity;
    uint32_t registers; /* in use */
    bool no_memory, too_complex;
};

/* Doubles an array in the arena when it is full. False: no memory. */
static bool make_room(struct emitter *emitter, void **items, uint32_t count, uint32_t *capacity,
                      size_t bytes) {
    if (count < *capacity) return true;
    uint32_t more = *capacity ? *capacity * 2 : 16;
    void *grown = weir_arena_alloc(emitter->arena, more * bytes);
    if (!grown) {
        emitter->no_memory = true;
        return false;
    }
    if (count) memcpy(grown, *items, count * bytes);
    *items = grown;
    *capacity = more;
    return true;
}

static uint16_t operand(struct emitter *emitter, enum weir_expr_place_of place, uint32_t index) {
    if (index > WEIR_OPERAND_INDEX_MAX) emitter->too_complex = true;
    return WEIR_OPERAND(place, index & WEIR_OPERAND_INDEX_MAX);
}

static uint16_t constant(struct emitter *emitter, struct weir_value value) {
    void *items = emitter->constants;
    if (!make_room(emitter, &items, emitter->constant_count, &emitter->constant_capacity, sizeof value))
        return 0;
    emitter->constants = items;
    emitter->constants[emitter->constant_count] = value;
    return operand(emitter, WEIR_IN_CONSTANT, emitter->constant_count++);
}

/* One instruction; its result goes to register `floor`, and all registers above that are free after it. */
static uint16_t instruction(struct emitter *emitter, enum weir_expr_opcode op, uint8_t type, uint32_t floor,
                            const uint16_t operands[3]) {
    void *items = emitter->code;
    if (floor >= WEIR_EXPR_REGISTER_MAX) {
        emitter->too_complex = true;
        return 0;
    }
    if (!make_room(emitter, &items, emitter->count, &emitter->capacity, sizeof *emitter->code)) return 0;
    emitter->code = items;
    emitter->code[emitter->count++] = (struct weir_expr_instruction){.op = (uint8_t)op,
                                                                     .type = type,
                                                                     .to = (uint16_t)floor,
                                                                     .a = operands[0],
                                                                     .b = operands[1],
                                                                     .c = operands[2]};
    emitter->registers = floor + 1;
    return WEIR_OPERAND(WEIR_IN_REGISTER, floor);
}

static uint16_t emit(struct emitter *emitter, const struct weir_ast *ast);

/* The child's value as `type`: int64 widened to float64, null given its type. */
static uint16_t emit_as(struct emitter *emitter, const struct weir_ast *ast, uint8_t type) {
    if (ast->type == WEIR_AST_TYPE_NULL) return constant(emitter, weir_value_null((enum weir_type)type));
    if (type != WEIR_FLOAT64 || ast->type == WEIR_FLOAT64) return emit(emitter, ast);
    if (ast->kind == WEIR_AST_LITERAL) return constant(emitter, weir_value_float((double)ast->value.as.i));
    uint32_t floor = emitter->registers;
    uint16_t operands[3] = {emit(emitter, ast)};
    return instruction(emitter, WEIR_OP_FLOAT, WEIR_FLOAT64, floor, operands);
}

/* --- aggregates -------------------------------------------------------------------------------------------
 */

static uint16_t emit_aggregate(struct emitter *emitter, const struct weir_ast *ast) {
    struct weir_expr_aggregates *list = emitter->aggregates;
    struct weir_expr_aggregate item = {
        .aggregate = ast->aggregate,
        .length_ms = ast->items[ast->count - 1]->value.as.i,
        .mark = weir_expr_place_mark(emitter->place, ast->begin, ast->end),
    };
    assert(list);
    if (ast->count == 2) {
        item.argument = weir_expr_emit(emitter->place, emitter->arena, NULL, ast->items[0]);
        if (!item.argument) {
            emitter->no_memory = true; /* or reported already: either way nothing comes of it */
            return 0;
        }
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct weir_expr_aggregate *other = &list->items[i];
        if (other->aggregate != item.aggregate || other->length_ms != item.length_ms) continue;
        if (!other->argument != !item.argument) continue;
        if (item.argument && !weir_expr_equal(item.argument, other->argument)) continue;
        weir_expr_destroy(item.argument);
        return operand(emitter, WEIR_IN_AGGREGATE, i);
    }
    if (list->count == list->capacity) {
        uint32_t more = list->capacity ? list->capacity * 2 : 8;
        struct weir_expr_aggregate *items = realloc(list->items, more * sizeof *items);
        if (!items) {
            weir_expr_destroy(item.argument);
            emitter->no_memory = true;
            return 0;
        }
        list->items = items;
        list->capacity = more;
    }
    list->items[list->count] = item;
    return operand(emitter, WEIR_IN_AGGREGATE, list->count++);
}

/* --- inner nodes ------------------------------------------------------------------------------------------
 */

static uint16_t emit_unary(struct emitter *emitter, const struct weir_ast *ast) {
    uint32_t floor = emitter->registers;
    uint16_t operands[3] = {emit_as(emitter, ast->items[0], ast->type)};
    enum weir_expr_opcode op = ast->op == WEIR_EXPR_TOKEN_NOT ? WEIR_OP_NOT
                               : ast->type == WEIR_FLOAT64    ? WEIR_OP_NEG_F
                                                              : WEIR_OP_NEG_I;
    return instruction(emitter, op, ast->type, floor, operands);
}

static enum weir_expr_opcode arithmetic_op(enum weir_expr_token_kind op, bool is_float) {
    switch (op) {
        case WEIR_EXPR_TOKEN_ADD:
            return is_float ? WEIR_OP_ADD_F : WEIR_OP_ADD_I;
        case WEIR_EXPR_TOKEN_SUB:
            return is_float ? WEIR_OP_SUB_F : WEIR_OP_SUB_I;
        case WEIR_EXPR_TOKEN_MUL:
            return is_float ? WEIR_OP_MUL_F : WEIR_OP_MUL_I;
        case WEIR_EXPR_TOKEN_MOD:
            return is_float ? WEIR_OP_MOD_F : WEIR_OP_MOD_I;
        default:
            return WEIR_OP_DIV_F;
    }
}

static enum weir_expr_opcode comparison_op(enum weir_expr_token_kind op, uint8_t type) {
    bool is_float = type == WEIR_FLOAT64, is_text = weir_type_is_text(type);
    switch (op) {
        case WEIR_EXPR_TOKEN_EQ:
            return is_float            ? WEIR_OP_EQ_F
                   : is_text           ? WEIR_OP_EQ_T
                   : type == WEIR_BOOL ? WEIR_OP_EQ_B
                                       : WEIR_OP_EQ_I;
        case WEIR_EXPR_TOKEN_NE:
            return is_float            ? WEIR_OP_NE_F
                   : is_text           ? WEIR_OP_NE_T
                   : type == WEIR_BOOL ? WEIR_OP_NE_B
                                       : WEIR_OP_NE_I;
        case WEIR_EXPR_TOKEN_LT:
        case WEIR_EXPR_TOKEN_GT:
            return is_float ? WEIR_OP_LT_F : WEIR_OP_LT_I;
        default:
            return is_float ? WEIR_OP_LE_F : WEIR_OP_LE_I;
    }
}

static uint16_t emit_binary(struct emitter *emitter, const struct weir_ast *ast) {
    uint32_t floor = emitter->registers;
    const struct weir_ast *left = ast->items[0], *right = ast->items[1];
    enum weir_expr_opcode op;
    uint8_t type;
    switch (ast->op) {
        case WEIR_EXPR_TOKEN_AND:
            op = WEIR_OP_AND, type = WEIR_BOOL;
            break;
        case WEIR_EXPR_TOKEN_OR:
            op = WEIR_OP_OR, type = WEIR_BOOL;
            break;
        case WEIR_EXPR_TOKEN_ADD:
        case WEIR_EXPR_TOKEN_SUB:
        case WEIR_EXPR_TOKEN_MUL:
        case WEIR_EXPR_TOKEN_DIV:
        case WEIR_EXPR_TOKEN_MOD:
            type = ast->type;
            op = arithmetic_op(ast->op, type == WEIR_FLOAT64);
            break;
        default:
            type = weir_expr_common_type(left->type, right->type);
            op = comparison_op(ast->op, type);
    }
    uint16_t a = emit_as(emitter, left, type), b = emit_as(emitter, right, type);
    bool swapped = ast->op == WEIR_EXPR_TOKEN_GT || ast->op == WEIR_EXPR_TOKEN_GE;
    uint16_t operands[3] = {swapped ? b : a, swapped ? a : b};
    return instruction(emitter, op, ast->type, floor, operands);
}

static uint16_t emit_function(struct emitter *emitter, const struct weir_ast *ast) {
    const struct weir_expr_function_entry *function = ast->function;
    uint32_t floor = emitter->registers;
    uint8_t type = ast->type;
    uint8_t argument = function->rule == WEIR_RULE_ANY_BOOL || function->rule == WEIR_RULE_SECONDS ||
                               function->rule == WEIR_RULE_TIME || function->rule >= WEIR_RULE_TEXT_INT
                           ? ast->items[0]->type
                           : type;
    enum weir_expr_opcode op = argument == WEIR_FLOAT64 ? function->op_float : function->op_int;
    if (argument == WEIR_AST_TYPE_NULL) argument = WEIR_INT64; /* is_null(null) */
    if (function->rule == WEIR_RULE_IF) {
        uint16_t operands[3] = {emit_as(emitter, ast->items[0], WEIR_BOOL)};
        operands[1] = emit_as(emitter, ast->items[1], type);
        operands[2] = emit_as(emitter, ast->items[2], type);
        return instruction(emitter, op, type, floor, operands);
    }
    uint16_t so_far = emit_as(emitter, ast->items[0], argument);
    if (op == WEIR_OP_KEEP) return so_far;
    if (ast->count == 1) {
        uint16_t operands[3] = {so_far};
        return instruction(emitter, op, type, floor, operands);
    }
    bool clamp = ast->count == 3 && !strcmp(function->name, "clamp"); /* least(greatest(x, low), high) */
    for (uint32_t i = 1; i < ast->count; i++) {
        enum weir_expr_opcode step = op;
        if (clamp && i == 1) step = op == WEIR_OP_LEAST_F ? WEIR_OP_GREATEST_F : WEIR_OP_GREATEST_I;
        /* texts keep their own type: nothing is widened, so the first argument's does for emit_as */
        uint16_t operands[3] = {so_far, emit_as(emitter, ast->items[i], argument)};
        so_far = instruction(emitter, step, type, floor, operands);
    }
    return so_far;
}

static uint16_t emit(struct emitter *emitter, const struct weir_ast *ast) {
    if (emitter->no_memory || emitter->too_complex) return 0;
    switch (ast->kind) {
        case WEIR_AST_LITERAL:
            return constant(emitter, ast->value);
        case WEIR_AST_NAME:
            return operand(emitter, WEIR_IN_COLUMN, ast->column);
        case WEIR_AST_UNARY:
            return emit_unary(emitter, ast);
        case WEIR_AST_BINARY:
            return emit_binary(emitter, ast);
        case WEIR_AST_CALL:
            return ast->aggregate ? emit_aggregate(emitter, ast) : emit_function(emitter, ast);
        default:
            break; /* BAD, NULL: reported by check, or taken by emit_as */
    }
    assert(ast->kind != WEIR_AST_BAD);
    return 0;
}

/* --- packing: one allocation of head, constants, code, texts ----------------------------------------------
 */

static struct weir_expr *pack(const struct emitter *emitter, const struct weir_ast *ast, uint16_t result) {
    size_t constants = emitter->constant_count * sizeof(struct weir_value);
    size_t code = emitter->count * sizeof(struct weir_expr_instruction);
    size_t texts = 0, text = ast->end - ast->begin;
    for (uint32_t i = 0; i < emitter->constant_count; i++)
        if (weir_type_is_text(emitter->constants[i].type)) texts += emitter->constants[i].len;
    struct weir_expr *expr = malloc(sizeof *expr + constants + code + texts + text + 1);
    if (!expr) return NULL;
    *expr = (struct weir_expr){.type = (enum weir_type)ast->type,
                               .result = result,
                               .instruction_count = emitter->count,
                               .constant_count = emitter->constant_count};
    char *at = (char *)(expr + 1);
    expr->constants = (struct weir_value *)at;
    if (constants) memcpy(at, emitter->constants, constants);
    expr->code = (struct weir_expr_instruction *)(at += constants);
    if (code) memcpy(at, emitter->code, code);
    at += code;
    for (uint32_t i = 0; i < emitter->constant_count; i++) {
        struct weir_value *value = &expr->constants[i];
        if (!weir_type_is_text(value->type) || !value->len) continue;
        memcpy(at, value->as.s, value->len);
        value->as.s = at;
        at += value->len;
    }
    expr->text = at;
    memcpy(at, emitter->place->text + ast->begin, text);
    at[text] = '\0';
    return expr;
}
_Static_assert(sizeof(struct weir_expr) % _Alignof(struct weir_value) == 0, "constants follow the head");
_Static_assert(sizeof(struct weir_value) % _Alignof(struct weir_expr_instruction) == 0, "code follows them");

struct weir_expr *weir_expr_emit(struct weir_expr_place *place, struct weir_arena *arena,
                                 struct weir_expr_aggregates *aggregates, const struct weir_ast *ast) {
    struct emitter emitter = {.place = place, .arena = arena, .aggregates = aggregates};
    uint16_t result = emit(&emitter, ast);
    if (emitter.too_complex)
        weir_expr_place_report(place, "E208", ast->begin, ast->end,
                               "expression needs more than %d intermediate values", WEIR_EXPR_REGISTER_MAX);
    if (emitter.too_complex || emitter.no_memory) return NULL;
    return pack(&emitter, ast, result);
}
