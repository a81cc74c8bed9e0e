/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake in an expression is found, under its own code, and marks its own characters. */
#include "unit/expr_fixture.h"

static void test_parse_when_syntax_is_wrong_then_e201_at_the_token(void **state) {
    (void)state;
    ASSERT_FINDINGS("amount +", {"E201", ""});
    ASSERT_FINDINGS("amount amount", {"E201", "amount"});
    ASSERT_FINDINGS("(amount", {"E201", ""});
    ASSERT_FINDINGS("max(amount", {"E201", ""}); /* what { } of YAML leaves of max(amount, 1h) */
    ASSERT_FINDINGS("if(b", {"E201", ""});
    ASSERT_FINDINGS("max(amout", {"E201", ""}, {"E204", "amout"});
    ASSERT_FINDINGS("amount)", {"E201", ")"});
    ASSERT_FINDINGS("amount && b", {"E201", "&&"});
    ASSERT_FINDINGS("amount = 3", {"E201", "="});
    ASSERT_FINDINGS("i < j < 3", {"E201", "<"});
    ASSERT_FINDINGS("abs(amount,)", {"E201", ")"});
    ASSERT_FINDINGS("s == 'abc", {"E201", "'abc"});
    ASSERT_FINDINGS("s == 'a\\q'", {"E201", "\\q"});
    ASSERT_FINDINGS("i + 9223372036854775808", {"E201", "9223372036854775808"});
    ASSERT_FINDINGS("", {"E201", ""});
    ASSERT_FINDINGS("i $ 3", {"E201", "$"});
}

static void test_parse_when_literal_is_wrong_then_the_rest_is_still_checked(void **state) {
    (void)state;
    ASSERT_FINDINGS("mean(amout, 7q) + i", {"E207", "7q"}, {"E204", "amout"});
    ASSERT_FINDINGS("sum(amout, 24h) +", {"E201", ""}, {"E204", "amout"});
}

static void test_parse_when_too_long_or_deep_then_e208(void **state) {
    (void)state;
    char deep[400] = "";
    memset(deep, '(', 70);
    strcpy(deep + 70, "1");
    struct compiled c;
    compile(&c, deep);
    assert_int_equal(c.diags.count, 1);
    assert_string_equal(c.diags.items[0].code, "E208");
    assert_int_equal(c.diags.items[0].mark.column, 10 + 64);
    release(&c);
    char *longest = test_malloc(5000);
    memset(longest, ' ', 4999);
    longest[4999] = '\0';
    longest[0] = 'i';
    compile(&c, longest);
    assert_string_equal(c.diags.items[0].code, "E208");
    release(&c);
    longest[4096] = '\0';
    compile(&c, longest);
    assert_non_null(c.expr);
    release(&c);
    for (size_t i = 0; i < 4096; i += 2) memcpy(longest + i, "i+", 2); /* a long chain is not deep */
    longest[4095] = '\0';
    compile(&c, longest);
    assert_non_null(c.expr);
    release(&c);
    test_free(longest);
}

static void test_check_when_name_is_unknown_then_a_near_one_is_suggested(void **state) {
    (void)state;
    struct compiled c;
    compile(&c, "1 + amout");
    assert_int_equal(c.diags.count, 1);
    assert_string_equal(c.diags.items[0].code, "E204");
    assert_string_equal(c.diags.items[0].text, "unknown column 'amout'");
    assert_string_equal(c.diags.items[0].help,
                        "did you mean 'amount'?  columns come from source.schema (test.yaml:3)");
    assert_int_equal(c.diags.items[0].mark.column, 14);
    assert_int_equal(c.diags.items[0].mark.length, 5);
    release(&c);
    compile(&c, "coalese(i, 1)");
    assert_string_equal(c.diags.items[0].code, "E202");
    assert_string_equal(c.diags.items[0].help, "did you mean 'coalesce'?");
    assert_int_equal(c.diags.items[0].mark.length, 7);
    release(&c);
    compile(&c, "stdev(amount, 1h)");
    assert_string_equal(c.diags.items[0].help, "did you mean 'stddev'?");
    release(&c);
    ASSERT_FINDINGS("below + 1", {"E210", "below"});
    ASSERT_FINDINGS("sum(feature, 1h)", {"E210", "feature"});
    ASSERT_FINDINGS("merchant.mc == 'x'", {"E204", "merchant.mc"});
}

static void test_check_when_types_do_not_fit_then_e205_marks_the_part(void **state) {
    (void)state;
    ASSERT_FINDINGS("1 + (s > 3)", {"E205", "(s > 3)"});
    ASSERT_FINDINGS("amount + s", {"E205", "s"});
    ASSERT_FINDINGS("b + 1", {"E205", "b"});
    ASSERT_FINDINGS("b + s", {"E205", "b"}, {"E205", "s"});
    ASSERT_FINDINGS("channel < 'x'", {"E205", "channel < 'x'"});
    ASSERT_FINDINGS("b < c", {"E205", "b < c"});
    ASSERT_FINDINGS("i == null", {"E205", "i == null"});
    ASSERT_FINDINGS("null + 1", {"E205", "null"});
    ASSERT_FINDINGS("null", {"E205", "null"});
    ASSERT_FINDINGS("t + t", {"E205", "t + t"});
    ASSERT_FINDINGS("t - 5", {"E205", "t - 5"});
    ASSERT_FINDINGS("d * 2", {"E205", "d * 2"});
    ASSERT_FINDINGS("d > 5", {"E205", "d > 5"});
    ASSERT_FINDINGS("-t", {"E205", "t"});
    ASSERT_FINDINGS("not i", {"E205", "i"});
    ASSERT_FINDINGS("i and amount", {"E205", "i"}, {"E205", "amount"});
    ASSERT_FINDINGS("if(i, 1, 2)", {"E205", "i"});
    ASSERT_FINDINGS("if(b, 1, 'x')", {"E205", "'x'"});
    ASSERT_FINDINGS("coalesce(i, s)", {"E205", "s"});
    ASSERT_FINDINGS("coalesce(null, null)", {"E205", "coalesce(null, null)"});
    ASSERT_FINDINGS("abs(s)", {"E205", "s"});
    ASSERT_FINDINGS("log(d)", {"E205", "d"});
    ASSERT_FINDINGS("clamp(d, 1, 2)", {"E205", "1"});
    ASSERT_FINDINGS("seconds(t)", {"E205", "t"});
    ASSERT_FINDINGS("hour(d)", {"E205", "d"});
    ASSERT_FINDINGS("length(i)", {"E205", "i"});
    ASSERT_FINDINGS("sum(s, 1h)", {"E205", "s"});
    ASSERT_FINDINGS("max(t, 1h)", {"E205", "t"});
    ASSERT_FINDINGS("amount % s + t * u", {"E205", "s"}, {"E205", "t * u"});
}

static void test_check_when_calls_are_wrong_then_e203_e206_e207(void **state) {
    (void)state;
    ASSERT_FINDINGS("1 + abs()", {"E203", "abs()"});
    ASSERT_FINDINGS("abs(i, j)", {"E203", "abs(i, j)"});
    ASSERT_FINDINGS("coalesce(i)", {"E203", "coalesce(i)"});
    ASSERT_FINDINGS("if(b, i)", {"E203", "if(b, i)"});
    ASSERT_FINDINGS("sum(amount)", {"E203", "sum(amount)"});
    ASSERT_FINDINGS("sum(1h)", {"E203", "sum(1h)"});
    ASSERT_FINDINGS("count()", {"E203", "count()"});
    ASSERT_FINDINGS("count(i, j, 1h)", {"E203", "count(i, j, 1h)"});
    ASSERT_FINDINGS("hour(t, 'Europe/Berlin')", {"E203", "hour(t, 'Europe/Berlin')"});
    ASSERT_FINDINGS("count(amount)", {"E207", "amount"});
    ASSERT_FINDINGS("sum(amount, 24)", {"E207", "24"});
    ASSERT_FINDINGS("sum(amount, d)", {"E207", "d"});
    ASSERT_FINDINGS("sum(amount, -1h)", {"E207", "-1h"});
    ASSERT_FINDINGS("sum(amount, 0s)", {"E207", "0s"});
    ASSERT_FINDINGS("sum(amount, 401d)", {"E207", "401d"});
    ASSERT_FINDINGS("sum(amount, 1.5h)", {"E207", "1.5h"});
    ASSERT_FINDINGS("d > 99999999999999999d", {"E207", "99999999999999999d"});
    ASSERT_FINDINGS("sum(mean(amount, 1h), 2h)", {"E206", "mean(amount, 1h)"});
    ASSERT_FINDINGS("sum(1 + count(1h) * amout, 2h) + sqr(2)", {"E206", "count(1h)"}, {"E204", "amout"},
                    {"E202", "sqr"});
    struct compiled c;
    compile_with(&c, "amount > mean(amount, 1h)", false);
    assert_null(c.expr);
    assert_string_equal(c.diags.items[0].code, "E206");
    release(&c);
}

static void test_mark_when_text_has_wide_characters_then_columns_count_characters(void **state) {
    (void)state;
    struct compiled c;
    compile(&c, "s == 'größe' and amout > 1");
    assert_int_equal(c.diags.items[0].mark.column, 10 + 17);
    assert_int_equal(c.diags.items[0].mark.length, 5);
    release(&c);
}

static void test_mark_when_text_is_not_verbatim_then_the_whole_scalar_is_marked(void **state) {
    (void)state;
    struct weir_diags diags;
    weir_diags_init(&diags, "test.yaml", NULL, 0);
    struct weir_expr_scope scope = {.columns = columns, .column_count = COL_COUNT};
    struct weir_mark mark = {7, 10, 30};
    assert_null(weir_expr_compile("1 + amout", mark, false, &scope, &diags));
    assert_int_equal(diags.items[0].mark.column, 10);
    assert_int_equal(diags.items[0].mark.length, 30);
    weir_diags_deinit(&diags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_when_syntax_is_wrong_then_e201_at_the_token),
        cmocka_unit_test(test_parse_when_literal_is_wrong_then_the_rest_is_still_checked),
        cmocka_unit_test(test_parse_when_too_long_or_deep_then_e208),
        cmocka_unit_test(test_check_when_name_is_unknown_then_a_near_one_is_suggested),
        cmocka_unit_test(test_check_when_types_do_not_fit_then_e205_marks_the_part),
        cmocka_unit_test(test_check_when_calls_are_wrong_then_e203_e206_e207),
        cmocka_unit_test(test_mark_when_text_has_wide_characters_then_columns_count_characters),
        cmocka_unit_test(test_mark_when_text_is_not_verbatim_then_the_whole_scalar_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
