/* SPDX-License-Identifier: Apache-2.0 */
/* Standard scaler: population moments, inputs without variance, missing values, far offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "support/bind_defaults.h"
#include "support/java_random.h"
#include "weir/transform.h"

extern const struct weir_transform weir_transform_standard_scaler;
static const struct weir_transform *const scaler = &weir_transform_standard_scaler;

static void test_standard_scaler_scales_by_mean_and_population_deviation(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&scaler->op, 2);
    assert_int_equal(binding.output_count, 2);
    void *state = state_create(&scaler->op, &binding);
    static const double rows[][2] = {{2, 10}, {4, 20}, {4, 30}, {4, 40}, {5, 50}, {5, 60}, {7, 70}, {9, 80}};
    double out[2];
    for (int i = 0; i < 8; i++) scaler->observe(&binding, state, rows[i]);
    /* first column: mean 5, variance 4 (the population's); second: mean 45, variance 525 */
    scaler->apply(&binding, state, (const double[]){9, 45}, out);
    assert_true(fabs(out[0] - 2) < 1e-12);
    assert_true(fabs(out[1]) < 1e-12);
    scaler->apply(&binding, state, (const double[]){3, 80}, out);
    assert_true(fabs(out[0] + 1) < 1e-12);
    assert_true(fabs(out[1] - 35 / sqrt(525)) < 1e-12);
    free(state);
}

static void test_standard_scaler_unseen_or_constant_input_comes_out_as_zero(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&scaler->op, 2);
    void *state = state_create(&scaler->op, &binding);
    double out[2] = {9, 9};
    scaler->apply(&binding, state, (const double[]){123, -5}, out);
    assert_true(out[0] == 0 && out[1] == 0);
    for (int i = 0; i < 10; i++) scaler->observe(&binding, state, (const double[]){0.1, i});
    scaler->apply(&binding, state, (const double[]){7, 4.5}, out);
    assert_true(out[0] == 0);
    free(state);
}

static void test_standard_scaler_missing_value_is_not_observed_and_comes_out_as_zero(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&scaler->op, 2);
    void *with = state_create(&scaler->op, &binding), *without = state_create(&scaler->op, &binding);
    double a[2], b[2];
    for (int i = 0; i < 100; i++) {
        scaler->observe(&binding, with, (const double[]){i, i % 3 ? (double)NAN : i});
        scaler->observe(&binding, without, (const double[]){i, i - i % 3});
    }
    scaler->apply(&binding, with, (const double[]){50, (double)NAN}, a);
    assert_true(a[1] == 0 && a[0] != 0);
    /* 34 of 100 were observed: mean 49.5 and variance of 0, 3, .. 99 */
    scaler->apply(&binding, with, (const double[]){50, 99}, a);
    assert_true(fabs(a[1] - (99 - 49.5) / sqrt(9 * (34 * 34 - 1) / 12.0)) < 1e-9);
    scaler->apply(&binding, without, (const double[]){50, 99}, b);
    assert_true(a[0] == b[0]); /* the other input has its own count */
    free(with);
    free(without);
}

static void test_standard_scaler_far_from_zero_keeps_its_digits(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&scaler->op, 1);
    void *state = state_create(&scaler->op, &binding);
    struct java_random random = java_random_seed(8);
    double out;
    for (int i = 0; i < 100000; i++) {
        /* milliseconds since 1970, uniform within ten seconds: their squares agree in all 16 digits */
        double x = 1.7e12 + 1e4 * java_random_double(&random);
        scaler->observe(&binding, state, &x);
    }
    double x = 1.7e12 + 1e4;
    scaler->apply(&binding, state, &x, &out);
    assert_true(fabs(out - sqrt(3)) < 0.02); /* half the range over range / sqrt(12) */
    free(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_scaler_scales_by_mean_and_population_deviation),
        cmocka_unit_test(test_standard_scaler_unseen_or_constant_input_comes_out_as_zero),
        cmocka_unit_test(test_standard_scaler_missing_value_is_not_observed_and_comes_out_as_zero),
        cmocka_unit_test(test_standard_scaler_far_from_zero_keeps_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
