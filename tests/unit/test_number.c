/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: number text is the shortest that reads back as the same bits, and parsing takes numbers only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/error.h"
#include "weir/number.h"

static uint64_t next_random(uint64_t *seed) { /* splitmix64, S. Vigna */
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void assert_round_trip(double value) {
    char text[WEIR_NUMBER_TEXT_MAX];
    size_t len = weir_number_format(value, text);
    double back;
    assert_true(len < WEIR_NUMBER_TEXT_MAX);
    assert_int_equal(strlen(text), len);
    if (weir_number_parse(text, len, &back) != WEIR_OK || memcmp(&back, &value, sizeof value) != 0)
        fail_msg("%.17g became %s", value, text);
    assert_true(strtod(text, NULL) == value); /* an independent reader */
    assert_non_null(strpbrk(text, ".e"));     /* its type survives */
    char digits[64];
    int shorter = snprintf(digits, sizeof digits, "%.*e", 0, value);
    for (int precision = 0; precision < 17 && shorter > 0; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision, value);
        if (strtod(digits, NULL) != value) continue;
        int significant = 0; /* digits of text from its first nonzero to its last nonzero one */
        int pending = 0;
        for (const char *c = text; *c && *c != 'e'; c++) {
            if (*c < '0' || *c > '9' || (*c == '0' && significant + pending == 0)) continue;
            pending++;
            if (*c != '0') significant = pending;
        }
        if (significant > precision + 1) fail_msg("%s is not the shortest for %.17g", text, value);
        break;
    }
}

static void test_number_when_doubles_are_random_then_text_reads_back_equal(void **unused) {
    (void)unused;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) assert_round_trip(value);
        value = (double)(int64_t)(bits >> 40) / 100; /* amounts */
        assert_round_trip(value);
    }
}

static void test_number_when_value_is_special_then_stated_form(void **unused) {
    (void)unused;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0.0"},
                 {-0.0, "-0.0"},
                 {3, "3.0"},
                 {-1.5, "-1.5"},
                 {0.1, "0.1"},
                 {100000, "100000.0"},
                 {1e15, "1000000000000000.0"},
                 {9007199254740993.0, "9007199254740992.0"},
                 {1e16, "1e+16"},
                 {1e22, "1e+22"},
                 {1e-5, "0.00001"},
                 {9.9e-6, "9.9e-06"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {0.000012345678901234567, "0.000012345678901234568"},
                 {-1234567890.1234567, "-1234567890.1234567"},
                 {(double)INFINITY, "inf"},
                 {(double)-INFINITY, "-inf"},
                 {(double)NAN, "NaN"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[WEIR_NUMBER_TEXT_MAX];
        assert_int_equal(weir_number_format(cases[i].value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_number_parse_when_text_is_given_then_number_or_reason(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        int result;
        double value;
    } cases[] = {{"1", WEIR_OK, 1},
                 {"-1.5e3", WEIR_OK, -1500},
                 {"1e400", WEIR_LIMIT, 0},
                 {"-1e400", WEIR_LIMIT, 0},
                 {"1e-400", WEIR_OK, 0},
                 {"0e999999999999", WEIR_OK, 0},
                 {"0.0000001e-330", WEIR_OK, 0},
                 {"123456e-400", WEIR_OK, 0},
                 {"0.001e400", WEIR_LIMIT, 0},
                 {"inf", WEIR_OK, (double)INFINITY},
                 {"-Infinity", WEIR_OK, (double)-INFINITY},
                 {"", WEIR_DATA, 0},
                 {" 1", WEIR_DATA, 0},
                 {"1 ", WEIR_DATA, 0},
                 {"+1", WEIR_DATA, 0},
                 {"0x10", WEIR_DATA, 0},
                 {"1,5", WEIR_DATA, 0},
                 {"nan(1)", WEIR_DATA, 0},
                 {"--1", WEIR_DATA, 0},
                 {"e5", WEIR_DATA, 0},
                 {"1e", WEIR_DATA, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 77;
        int result = weir_number_parse(cases[i].text, strlen(cases[i].text), &value);
        if (result != cases[i].result) fail_msg("'%s' gave %d", cases[i].text, result);
        assert_true(value == (result == WEIR_OK ? cases[i].value : 77));
    }
    double nan = 0;
    assert_int_equal(weir_number_parse("NaN", 3, &nan), WEIR_OK);
    assert_true(isnan(nan));
}

static void test_integer_when_at_the_ends_of_its_range_then_exact(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } cases[] = {{"9223372036854775807", WEIR_OK, INT64_MAX},
                 {"-9223372036854775808", WEIR_OK, INT64_MIN},
                 {"9223372036854775808", WEIR_LIMIT, 0},
                 {"-9223372036854775809", WEIR_LIMIT, 0},
                 {"0", WEIR_OK, 0},
                 {"-0", WEIR_OK, 0},
                 {"007", WEIR_OK, 7},
                 {"", WEIR_DATA, 0},
                 {"1.0", WEIR_DATA, 0},
                 {"+1", WEIR_DATA, 0},
                 {"-", WEIR_DATA, 0},
                 {"1 ", WEIR_DATA, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 77;
        int result = weir_integer_parse(cases[i].text, strlen(cases[i].text), &value);
        if (result != cases[i].result) fail_msg("'%s' gave %d", cases[i].text, result);
        assert_int_equal(value, result == WEIR_OK ? cases[i].value : 77);
    }
    char text[WEIR_NUMBER_TEXT_MAX];
    weir_integer_format(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854775808");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_when_doubles_are_random_then_text_reads_back_equal),
        cmocka_unit_test(test_number_when_value_is_special_then_stated_form),
        cmocka_unit_test(test_number_parse_when_text_is_given_then_number_or_reason),
        cmocka_unit_test(test_integer_when_at_the_ends_of_its_range_then_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
