/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an options map is read against its table: values, defaults and every kind of mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "config/measures.h"
#include "config/pipeline.h"

static const char *const directions[] = {"up", "down", "both", NULL};
static const struct weir_option table[] = {
    {.name = "rate",
     .type = WEIR_OPTION_FLOAT,
     .unit = "",
     .min = 0,
     .max = 1,
     .fallback = "0.25",
     .help = "step"},
    {.name = "trees",
     .type = WEIR_OPTION_INT,
     .unit = "trees",
     .min = 1,
     .max = 100,
     .fallback = "10",
     .help = "n"},
    {.name = "fast", .type = WEIR_OPTION_BOOL, .unit = "", .fallback = "true", .help = "b"},
    {.name = "direction",
     .type = WEIR_OPTION_CHOICE,
     .unit = "",
     .fallback = "both",
     .choices = directions,
     .help = "d"},
    {.name = "wait",
     .type = WEIR_OPTION_DURATION,
     .unit = "",
     .min = 1000,
     .max = 86400000,
     .fallback = "10m",
     .help = "w"},
    {.name = "seed",
     .type = WEIR_OPTION_INT,
     .unit = "",
     .min = 0,
     .max = 1e18,
     .fallback = NULL,
     .help = "start of the dice"},
    WEIR_OPTION_END,
};

struct read {
    struct weir_diags diags;
    struct weir_document document;
    union weir_option_value values[6];
    int result;
};

static void read_options(struct read *read, const char *text, const struct weir_option *rows) {
    weir_diags_init(&read->diags, "f", NULL, 0);
    assert_int_equal(weir_document_parse("f", text, strlen(text), &read->document, &read->diags), WEIR_OK);
    read->result = weir_options_read(weir_node_get(read->document.root, "o"), rows,
                                     (struct weir_mark){9, 9, 9}, &read->diags, read->values);
}

static void done(struct read *read) {
    weir_diags_deinit(&read->diags);
    weir_document_deinit(&read->document);
}

static void test_options_when_given_then_values_are_typed_and_defaults_fill_the_rest(void **state) {
    (void)state;
    struct read r;
    read_options(&r, "o: {seed: 7, rate: 0.5, direction: down, wait: 30s, fast: false, trees: '3'}\n", table);
    assert_int_equal(r.result, WEIR_OK);
    assert_int_equal(r.diags.count, 0);
    assert_true(fabs(r.values[0].f - 0.5) < 1e-12);
    assert_int_equal(r.values[1].i, 3);
    assert_false(r.values[2].b);
    assert_int_equal(r.values[3].i, 1);
    assert_int_equal(r.values[4].i, 30000);
    assert_int_equal(r.values[5].i, 7);
    done(&r);
    read_options(&r, "o: {seed: 0}\n", table);
    assert_int_equal(r.result, WEIR_OK);
    assert_true(fabs(r.values[0].f - 0.25) < 1e-12);
    assert_int_equal(r.values[1].i, 10);
    assert_true(r.values[2].b);
    assert_int_equal(r.values[3].i, 2);
    assert_int_equal(r.values[4].i, 600000);
    done(&r);
}

static const struct {
    const char *text, *code, *message, *help;
    uint32_t column;
} mistakes[] = {
    {"o: {seed: 1, rat: 0.5}", "E302", "unknown option 'rat'", "did you mean 'rate'?", 14},
    {"o: {seed: 1, zzzz: 0.5}", "E302", "unknown option 'zzzz'",
     "the options are rate, trees, fast, direction, wait, seed", 14},
    {"o: {seed: 1, rate: high}", "E303", "option 'rate' is a number, not 'high'", "step", 20},
    {"o: {seed: 1, rate: inf}", "E303", "option 'rate' is a number, not 'inf'", "step", 20},
    {"o: {seed: 1, rate: }", "E303", "option 'rate' has no value", "step", 14},
    {"o: {seed: 1, rate: [1]}", "E303", "option 'rate' is a number, not a list", "step", 20},
    {"o: {seed: 1, trees: 2.5}", "E303", "option 'trees' is a whole number, not '2.5'", "n", 21},
    {"o: {seed: 1, fast: yes}", "E303", "option 'fast' is true or false, not 'yes'", "write true or false",
     20},
    {"o: {seed: 1, direction: dwon}", "E303", "option 'direction' is one of its words, not 'dwon'",
     "did you mean 'down'?", 25},
    {"o: {seed: 1, direction: sideways}", "E303", "option 'direction' is one of its words, not 'sideways'",
     "one of up, down, both", 25},
    {"o: {seed: 1, wait: 30}", "E303", "option 'wait' is a duration such as 30s or 10m, not '30'",
     "a whole number and a unit: ms, s, m, h, d, w", 20},
    {"o: {seed: 1, rate: 1.5}", "E304", "option 'rate' must be between 0 and 1, it is 1.5", "step", 20},
    {"o: {seed: 1, trees: 0}", "E304", "option 'trees' must be between 1 and 100 trees, it is 0", "n", 21},
    {"o: {seed: 1, wait: 2d}", "E304", "option 'wait' must be between 1s and 1d, it is 2d", "w", 20},
    {"o: {seed: -1}", "E304", "option 'seed' must be at least 0, it is -1", "start of the dice", 11},
    {"o: {}", "E305", "option 'seed' is missing", "start of the dice", 9},
    {"o:", "E305", "option 'seed' is missing", "start of the dice", 9},
    {"x: 1", "E305", "option 'seed' is missing", "start of the dice", 9},
};

static void test_options_when_one_is_wrong_then_is_found_at_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct read r;
        read_options(&r, mistakes[i].text, table);
        assert_int_equal(r.result, WEIR_CONFIG);
        assert_int_equal(r.diags.count, 1);
        assert_string_equal(r.diags.items[0].code, mistakes[i].code);
        assert_string_equal(r.diags.items[0].text, mistakes[i].message);
        assert_string_equal(r.diags.items[0].help, mistakes[i].help);
        assert_int_equal(r.diags.items[0].mark.column, mistakes[i].column);
        done(&r);
    }
}

static void test_options_when_many_are_wrong_then_all_are_found(void **state) {
    (void)state;
    struct read r;
    read_options(&r, "o: {a: 1, rate: 9, fast: 1}\n", table);
    assert_int_equal(r.diags.count, 4); /* unknown, range, type, missing */
    done(&r);
    read_options(&r, "o: 3\n", table);
    assert_string_equal(r.diags.items[0].text, "options are a map, not a single value");
    done(&r);
    static const struct weir_option nothing[] = {WEIR_OPTION_END};
    read_options(&r, "o: {a: 1}\n", nothing);
    assert_string_equal(r.diags.items[0].help, "this operator has no options");
    done(&r);
    read_options(&r, "x: {a: 1}\n", nothing);
    assert_int_equal(r.result, WEIR_OK);
    done(&r);
}

static void test_duration_when_parsed_then_units_and_limits_hold(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0s", 0},         {"1ms", 1},        {"30s", 30000},     {"10m", 600000},
        {"24h", 86400000}, {"7d", 604800000}, {"2w", 1209600000}, {"9223372036854775807ms", INT64_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = -1;
        assert_int_equal(weir_duration_parse(good[i].text, strlen(good[i].text), &ms), WEIR_OK);
        assert_true(ms == good[i].ms);
    }
    static const char *const bad[] = {"",
                                      "s",
                                      "30",
                                      "-1s",
                                      "+1s",
                                      "1.5h",
                                      "1 s",
                                      " 1s",
                                      "1s ",
                                      "1S",
                                      "1y",
                                      "1h30m",
                                      "9223372036854775808ms",
                                      "9223372036854775807s",
                                      "1sec"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        assert_int_equal(weir_duration_parse(bad[i], strlen(bad[i]), &ms), WEIR_DATA);
        assert_int_equal(ms, 42);
    }
}

static void test_measures_when_formatted_then_the_largest_exact_unit_is_used(void **state) {
    (void)state;
    char out[WEIR_MEASURE_TEXT_MAX];
    int64_t bytes = 0;
    assert_string_equal(weir_duration_format(0, out), "0ms");
    assert_string_equal(weir_duration_format(90000, out), "90s");
    assert_string_equal(weir_duration_format(86400000, out), "1d");
    assert_string_equal(weir_duration_format(1500, out), "1500ms");
    assert_string_equal(weir_size_format(65536, out), "64KiB");
    assert_string_equal(weir_size_format(1000, out), "1000");
    assert_int_equal(weir_size_parse("2GiB", 4, &bytes), WEIR_OK);
    assert_true(bytes == INT64_C(2) << 30);
    assert_int_equal(weir_size_parse("4096", 4, &bytes), WEIR_OK);
    assert_int_equal(bytes, 4096);
    static const char *const bad[] = {"2GB", "GiB", "1.5GiB", "9000000TiB", "2 GiB", "-1", "2gib"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(weir_size_parse(bad[i], strlen(bad[i]), &bytes), WEIR_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_when_given_then_values_are_typed_and_defaults_fill_the_rest),
        cmocka_unit_test(test_options_when_one_is_wrong_then_is_found_at_its_place),
        cmocka_unit_test(test_options_when_many_are_wrong_then_all_are_found),
        cmocka_unit_test(test_duration_when_parsed_then_units_and_limits_hold),
        cmocka_unit_test(test_measures_when_formatted_then_the_largest_exact_unit_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
