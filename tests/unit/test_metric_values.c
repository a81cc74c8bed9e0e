/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: values by hand, the clamp of log loss, when F1 is undefined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "support/bind_defaults.h"
#include "weir/metric.h"

extern const struct weir_metric weir_metric_accuracy, weir_metric_log_loss, weir_metric_f1, weir_metric_mae,
    weir_metric_rmse;

static double value_over(const struct weir_metric *metric, const struct weir_outcome *outcomes,
                         size_t count) {
    struct weir_binding binding = bind_defaults(&metric->op, 1);
    void *state = state_create(&metric->op, &binding);
    for (size_t i = 0; i < count; i++) metric->add(&binding, state, &outcomes[i]);
    double value = metric->value(&binding, state);
    free(state);
    return value;
}

/* label, score, hit, decided: 2 true positives, 1 false positive, 1 false negative, 1 true negative; the
 * second row is decided at a threshold above its score of 0.55, so `decided` and score > 0.5 differ. */
static const struct weir_outcome binary[] = {{1, 0.9, true, true},
                                             {1, 0.55, false, false},
                                             {0, 0.2, true, false},
                                             {0, 0.7, false, true},
                                             {1, 0.8, true, true}};

static void test_accuracy_is_the_share_of_hits(void **unused) {
    (void)unused;
    assert_true(fabs(value_over(&weir_metric_accuracy, binary, 5) - 0.6) < 1e-15);
}

static void test_f1_counts_decisions_not_scores(void **unused) {
    (void)unused;
    assert_true(fabs(value_over(&weir_metric_f1, binary, 5) - 4.0 / 6) < 1e-15);
}

static void test_f1_when_nothing_was_positive_is_undefined(void **unused) {
    (void)unused;
    assert_true(isnan(value_over(&weir_metric_f1, &binary[2], 1)));
    assert_true(value_over(&weir_metric_f1, &binary[3], 1) == 0);
}

static void test_log_loss_is_the_mean_surprise_in_nats(void **unused) {
    (void)unused;
    double expected = -(log(0.9) + log(0.55) + log(0.8) + log(1 - 0.7) + log(0.8)) / 5;
    assert_true(fabs(value_over(&weir_metric_log_loss, binary, 5) - expected) < 1e-12);
}

static void test_log_loss_when_sure_and_wrong_is_clamped(void **unused) {
    (void)unused;
    const struct weir_outcome wrong[] = {{1, 0, false, false}, {0, 1, false, true}};
    double each = -log(1e-15);
    assert_true(fabs(value_over(&weir_metric_log_loss, &wrong[0], 1) - each) < 1e-9);
    assert_true(fabs(value_over(&weir_metric_log_loss, &wrong[1], 1) - each) < 1e-9);
    const struct weir_outcome right[] = {{1, 1, true, true}, {0, 0, true, false}};
    assert_true(value_over(&weir_metric_log_loss, right, 2) < 1e-14);
}

static void test_mae_and_rmse_weigh_errors_once_and_squared(void **unused) {
    (void)unused;
    const struct weir_outcome rows[] = {
        {.label = 1, .score = 4}, {.label = -2, .score = 2}, {.label = 5, .score = 5}};
    assert_true(fabs(value_over(&weir_metric_mae, rows, 3) - 7.0 / 3) < 1e-15);
    assert_true(fabs(value_over(&weir_metric_rmse, rows, 3) - sqrt(25.0 / 3)) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy_is_the_share_of_hits),
        cmocka_unit_test(test_f1_counts_decisions_not_scores),
        cmocka_unit_test(test_f1_when_nothing_was_positive_is_undefined),
        cmocka_unit_test(test_log_loss_is_the_mean_surprise_in_nats),
        cmocka_unit_test(test_log_loss_when_sure_and_wrong_is_clamped),
        cmocka_unit_test(test_mae_and_rmse_weigh_errors_once_and_squared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
