/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions evaluate to, nulls and limits first. */
#include "unit/expr_fixture.h"

#define NONE (-424242.0) /* null */

static struct weir_value row[COL_COUNT];

static int setup(void **state) {
    (void)state;
    for (int i = 0; i < COL_COUNT; i++) row[i] = weir_value_null(columns[i].type);
    row[COL_I] = weir_value_int(7);
    row[COL_F] = weir_value_float(2.5);
    row[COL_B] = weir_value_bool(true);
    row[COL_S] = weir_value_text("grün", 5);
    row[COL_K] = weir_value_text("ecom", 4);
    row[COL_K].type = WEIR_CATEGORY;
    row[COL_MCC] = weir_value_text("ecom", 4);
    row[COL_MCC].type = WEIR_CATEGORY;
    row[COL_T] = weir_value_int(1714557600000); /* Wednesday 2024-05-01 10:00:00 UTC */
    row[COL_T].type = WEIR_TIMESTAMP;
    row[COL_U] = weir_value_int(1714557600000 - 90000);
    row[COL_U].type = WEIR_TIMESTAMP;
    return 0;
}

static struct weir_value eval(const char *text, enum weir_type *type) {
    struct compiled c;
    struct weir_arena arena;
    weir_arena_init(&arena);
    compile(&c, text);
    if (!c.expr) fail_msg("%s: %s", text, c.diags.items[0].text);
    struct weir_value aggregates[4] = {weir_value_float(10), weir_value_float(20)};
    struct weir_value value = weir_expr_eval(c.expr, row, aggregates, &arena);
    *type = weir_expr_type(c.expr);
    assert_int_equal(value.type, *type);
    release(&c);
    weir_arena_deinit(&arena);
    return value;
}

static void assert_number(const char *text, enum weir_type type, double expected) {
    enum weir_type found;
    struct weir_value value = eval(text, &found);
    if (found != type) fail_msg("%s has type %s", text, weir_type_name(found));
    double number = value.null ? NONE : weir_value_number(&value);
    if (number != expected) fail_msg("%s is %.17g, not %.17g", text, number, expected);
}
#define FLOAT(text, x) assert_number(text, WEIR_FLOAT64, x)
#define INT(text, x) assert_number(text, WEIR_INT64, x)
#define BOOL(text, x) assert_number(text, WEIR_BOOL, x)

static void test_eval_when_operators_mix_then_precedence_holds(void **state) {
    (void)state;
    INT("1 + 2 * 3", 7);
    INT("(1 + 2) * 3", 9);
    INT("10 - 3 - 2", 5);
    INT("-2 * -3", 6);
    INT("7 % 4 * 2", 6);
    INT("-7 % 4", -3);
    BOOL("not 1 == 2", 1);
    BOOL("1 == 1 or 1 == 2 and 1 == 3", 1);
    BOOL("not false and false", 0);
    FLOAT("1 / 4", 0.25);
    FLOAT("8 / 2 / 2", 2);
    FLOAT("i + amount", 9.5);
    FLOAT("1e3 + 0.5", 1000.5);
}

static void test_eval_when_int64_overflows_then_null(void **state) {
    (void)state;
    INT("9223372036854775807 + 1", NONE);
    INT("-9223372036854775807 - 2", NONE);
    INT("9223372036854775807 * 2", NONE);
    INT("-(-9223372036854775807 - 1)", NONE);
    INT("abs(-9223372036854775807 - 1)", NONE);
    INT("(-9223372036854775807 - 1) % -1", 0);
    INT("i % 0", NONE);
}

static void test_eval_when_result_is_no_number_then_null(void **state) {
    (void)state;
    FLOAT("i / 0", NONE);
    FLOAT("amount / 0.0", NONE);
    FLOAT("0 / 0", NONE);
    FLOAT("log(0)", NONE);
    FLOAT("log(-1)", NONE);
    FLOAT("sqrt(-1)", NONE);
    FLOAT("pow(-8, 0.5)", NONE);
    FLOAT("pow(0, -1)", NONE);
    FLOAT("amount % 0.0", NONE);
    FLOAT("exp(1000) - exp(1000)", NONE);
    FLOAT("exp(1000)", (double)INFINITY);
    row[COL_G] = weir_value_float((double)NAN);
    FLOAT("g", NONE);
    FLOAT("g + 1", NONE);
    BOOL("g == g", NONE);
    BOOL("is_null(g)", 1);
    FLOAT("coalesce(g, 3)", 3);
}

static void test_eval_when_null_then_it_propagates(void **state) {
    (void)state;
    INT("i + j", NONE);
    BOOL("i > j", NONE);
    BOOL("not c", NONE);
    INT("least(i, j)", NONE);
    INT("if(c, 1, 2)", NONE);
    INT("if(b, 1, j)", 1);
    INT("if(b, j, 1)", NONE);
    INT("coalesce(j, null, i)", 7);
    BOOL("is_null(j)", 1);
    BOOL("is_null(i)", 0);
    BOOL("is_null(null)", 1);
    INT("length(coalesce(null, s))", 4);
}

static void test_eval_when_and_or_see_null_then_three_valued(void **state) {
    (void)state;
    BOOL("b and c", NONE);
    BOOL("c and b", NONE);
    BOOL("c and false", 0);
    BOOL("false and c", 0);
    BOOL("b or c", 1);
    BOOL("c or b", 1);
    BOOL("c or false", NONE);
    BOOL("null or false", NONE);
    BOOL("null and false", 0);
}

static void test_eval_when_text_then_equality_and_parts(void **state) {
    (void)state;
    BOOL("channel == \"ecom\"", 1);
    BOOL("channel != 'ecom'", 0);
    BOOL("channel == merchant.mcc", 1);
    BOOL("s == 'gr\xc3\xbcn'", 1);
    INT("length(s)", 4);
    BOOL("contains(s, 'r\xc3\xbc')", 1);
    BOOL("starts_with(s, 'gr')", 1);
    BOOL("ends_with(s, 'gr')", 0);
    BOOL("contains(s, '')", 1);
    BOOL("'it\\'s' == \"it's\"", 1);
    BOOL("coalesce(merchant.mcc, 'none') == 'ecom'", 1);
}

static void test_eval_when_time_then_durations_and_calendar(void **state) {
    (void)state;
    assert_number("t - u", WEIR_DURATION, 90000);
    assert_number("u + 90s", WEIR_TIMESTAMP, 1714557600000);
    assert_number("-(t - u)", WEIR_DURATION, -90000);
    BOOL("u + 90s == t", 1);
    BOOL("t - u > 1m", 1);
    FLOAT("(t - u) / 1m", 1.5);
    FLOAT("seconds(t - u)", 90);
    FLOAT("seconds(i)", 0.007);
    INT("hour(t)", 10);
    INT("weekday(t)", 2);
    INT("hour(-1)", 23);
    INT("weekday(-1)", 2);
    INT("weekday(0)", 3);
    BOOL("1d == 24h and 1h == 60m and 1m == 60s and 1s == 1000ms", 1);
}

static void test_eval_when_functions_then_their_values(void **state) {
    (void)state;
    INT("abs(-3)", 3);
    FLOAT("abs(-amount)", 2.5);
    INT("clamp(i, 1, 5)", 5);
    INT("clamp(-i, 1, 5)", 1);
    FLOAT("clamp(i, 1, 7.5)", 7);
    INT("least(3, 1, 2)", 1);
    FLOAT("greatest(3, 1.5, 2)", 3);
    INT("floor(i)", 7);
    FLOAT("floor(-2.5)", -3);
    FLOAT("ceil(amount)", 3);
    FLOAT("round(amount)", 3);
    FLOAT("float64(i)", 7);
    FLOAT("sqrt(16)", 4);
    FLOAT("pow(2, 10)", 1024);
    FLOAT("exp(0)", 1);
    FLOAT("log(1)", 0);
}

static void test_compile_when_aggregates_are_equal_then_they_share_one_item(void **state) {
    (void)state;
    struct compiled c;
    compile(
        &c,
        "(amount - mean(amount, 7d)) / stddev( amount,168h ) + mean(amount, 7d) + count(1h) + count(s, 1h)");
    assert_non_null(c.expr);
    assert_int_equal(c.aggregates.count, 4);
    assert_string_equal(c.aggregates.items[0].aggregate->op.name, "mean");
    assert_int_equal(c.aggregates.items[0].length_ms, 604800000);
    assert_int_equal(c.aggregates.items[0].mark.column, 10 + 10);
    assert_int_equal(c.aggregates.items[0].mark.length, 16);
    assert_null(c.aggregates.items[2].argument);
    assert_string_equal(weir_expr_text(c.aggregates.items[1].argument), "amount");
    assert_true(weir_expr_equal(c.aggregates.items[0].argument, c.aggregates.items[1].argument));
    release(&c);
    INT("if(b, 1, 0)", 1);
    FLOAT("mean(amount, 1h) + max(amount, 1h)", 30);
    FLOAT("sum(b, 1h)", 10);
}

static void test_functions_table_when_walked_then_every_signature_begins_with_its_name(void **state) {
    (void)state;
    uint32_t count = 0;
    for (const struct weir_expr_function *f = weir_expr_functions(); f->name; f++, count++) {
        assert_true(!strncmp(f->signature, f->name, strlen(f->name)));
        assert_true(strlen(f->summary) > 10);
    }
    assert_true(count > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_eval_when_operators_mix_then_precedence_holds, setup),
        cmocka_unit_test_setup(test_eval_when_int64_overflows_then_null, setup),
        cmocka_unit_test_setup(test_eval_when_result_is_no_number_then_null, setup),
        cmocka_unit_test_setup(test_eval_when_null_then_it_propagates, setup),
        cmocka_unit_test_setup(test_eval_when_and_or_see_null_then_three_valued, setup),
        cmocka_unit_test_setup(test_eval_when_text_then_equality_and_parts, setup),
        cmocka_unit_test_setup(test_eval_when_time_then_durations_and_calendar, setup),
        cmocka_unit_test_setup(test_eval_when_functions_then_their_values, setup),
        cmocka_unit_test_setup(test_compile_when_aggregates_are_equal_then_they_share_one_item, setup),
        cmocka_unit_test(test_functions_table_when_walked_then_every_signature_begins_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
