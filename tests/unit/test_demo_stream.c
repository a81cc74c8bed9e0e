/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the demo's stream is the same for the same seed, has the share of fraud, the disorder and the drifts
 * that it claims, and nothing about its inputs changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/demo_stream.h"

#define ROWS 60000

static bool has(const struct weir_demo_row *row, const char *text) {
    return strstr(row->value, text) != NULL;
}

static void test_stream_when_seed_is_equal_then_bytes_are_equal(void **state) {
    (void)state;
    struct weir_demo_stream a, b, other;
    struct weir_demo_row row_a, row_b, row_other;
    bool differed = false;
    weir_demo_stream_init(&a, 7, ROWS);
    weir_demo_stream_init(&b, 7, ROWS);
    weir_demo_stream_init(&other, 8, ROWS);
    for (int i = 0; i < ROWS; i++) {
        weir_demo_stream_next(&a, &row_a);
        weir_demo_stream_next(&b, &row_b);
        weir_demo_stream_next(&other, &row_other);
        assert_string_equal(row_a.value, row_b.value);
        assert_string_equal(row_a.key, row_b.key);
        differed |= strcmp(row_a.value, row_other.value) != 0;
    }
    assert_true(differed);
}

static void test_stream_when_row_is_made_then_key_value_and_time_agree(void **state) {
    (void)state;
    struct weir_demo_stream stream;
    struct weir_demo_row row;
    int64_t newest = INT64_MIN;
    weir_demo_stream_init(&stream, 42, ROWS);
    for (int i = 0; i < ROWS; i++) {
        char text[64];
        weir_demo_stream_next(&stream, &row);
        assert_int_equal(row.value_bytes.len, strlen(row.value));
        assert_int_equal(row.key_bytes.len, strlen(row.key));
        snprintf(text, sizeof text, "\"card_id\":\"%s\",\"ts\":%lld,", row.key, (long long)row.ts_ms);
        assert_true(has(&row, text));
        assert_true(has(&row, row.is_fraud ? "\"is_fraud\":true}" : "\"is_fraud\":false}"));
        if (newest > row.ts_ms) assert_true(newest - row.ts_ms < WEIR_DEMO_DISORDER_MS);
        if (row.ts_ms > newest) newest = row.ts_ms;
    }
}

/* Shares of one third of the rows. */
struct shares {
    double fraud, ecom_fraud, pos_fraud, atm_fraud, ecom, log_amount;
};

static struct shares shares_of(struct weir_demo_stream *stream, int rows) {
    struct shares s = {0};
    for (int i = 0; i < rows; i++) {
        struct weir_demo_row row;
        weir_demo_stream_next(stream, &row);
        s.fraud += row.is_fraud;
        s.ecom += has(&row, "\"ecom\"");
        s.ecom_fraud += row.is_fraud && has(&row, "\"ecom\"");
        s.pos_fraud += row.is_fraud && has(&row, "\"pos\"");
        s.atm_fraud += row.is_fraud && has(&row, "\"atm\"");
        s.log_amount += log(strtod(strstr(row.value, "\"amount\":") + 9, NULL));
    }
    double *shares[] = {&s.fraud, &s.ecom_fraud, &s.pos_fraud, &s.atm_fraud, &s.ecom, &s.log_amount};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) *shares[i] /= rows;
    return s;
}

static void test_stream_when_pattern_changes_then_only_fraud_moves(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct weir_demo_stream stream;
        struct shares third[3];
        weir_demo_stream_init(&stream, seed, ROWS);
        for (int i = 0; i < 3; i++) {
            if (i) assert_int_equal(stream.row + 1, weir_demo_stream_drift_row(ROWS, i - 1));
            third[i] = shares_of(&stream, ROWS / 3);
            assert_true(third[i].fraud > 0.10 && third[i].fraud < 0.25);
            assert_true(fabs(third[i].ecom - third[0].ecom) < 0.02);
            assert_true(fabs(third[i].log_amount - 3.3) < 0.03);
        }
        assert_true(third[0].ecom_fraud > 0.9 * third[0].fraud);
        assert_true(third[1].pos_fraud > 0.75 * third[1].fraud);
        assert_true(third[2].atm_fraud > 0.9 * third[2].fraud);
    }
}

static void test_drift_row_when_rows_do_not_divide_by_three_then_thirds_are_rounded_down(void **state) {
    (void)state;
    assert_int_equal(weir_demo_stream_drift_row(300000, 0), 100001);
    assert_int_equal(weir_demo_stream_drift_row(300000, 1), 200001);
    assert_int_equal(weir_demo_stream_drift_row(20000, 0), 6667);
    assert_int_equal(weir_demo_stream_drift_row(20000, 1), 13333);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_when_seed_is_equal_then_bytes_are_equal),
        cmocka_unit_test(test_stream_when_row_is_made_then_key_value_and_time_agree),
        cmocka_unit_test(test_stream_when_pattern_changes_then_only_fraud_moves),
        cmocka_unit_test(test_drift_row_when_rows_do_not_divide_by_three_then_thirds_are_rounded_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
