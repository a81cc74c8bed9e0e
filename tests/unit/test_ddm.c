/* SPDX-License-Identifier: Apache-2.0 */
/* DDM: MOA's alarm positions, warnings before drift, the report, what is silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/drift_alarms.h"

extern const struct weir_detector weir_detector_ddm;
static const struct weir_detector *const ddm = &weir_detector_ddm;

static void test_ddm_alarms_where_moa_does(void **unused) {
    (void)unused;
    int wrong, compared = drift_alarms_compare(ddm, "", "DDM(moa)", &wrong);
    if (compared < 0) skip();
    assert_int_equal(compared, 60);
    assert_int_equal(wrong, 0);
}

static void test_ddm_when_errors_rise_warns_then_alarms_with_both_rates(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&ddm->op, 1);
    void *state = state_create(&ddm->op, &binding);
    struct weir_drift_report report;
    /* one error in ten for 1,000 samples, then errors only */
    for (int i = 0; i < 1000; i++) ddm->update(&binding, state, i % 10 == 9);
    int warned_at = 0, alarmed_at = 0;
    for (int i = 1; !alarmed_at && i < 1000; i++) {
        enum weir_drift drift = ddm->update(&binding, state, 1);
        if (drift == WEIR_WARNING && !warned_at) warned_at = i;
        if (drift == WEIR_DRIFT) alarmed_at = i;
    }
    assert_true(warned_at > 0 && alarmed_at > warned_at);
    ddm->report(&binding, state, &report);
    assert_true(fabs(report.mean_before - 0.1) < 0.02);
    assert_true(report.mean_after > 0.5 && report.mean_after <= 1);
    assert_int_equal(report.count_before + report.count_after, 1000 + alarmed_at);
    assert_true(report.statistic > report.threshold);

    /* The next sample starts afresh: one right answer, and nothing can alarm for 29 samples. */
    for (int i = 0; i < 28; i++) assert_int_equal(ddm->update(&binding, state, i % 2), WEIR_STABLE);
    ddm->report(&binding, state, &report);
    assert_int_equal(report.count_before, 0);
    assert_true(isnan(report.mean_before));
    free(state);
}

static void test_ddm_when_errors_fall_is_silent(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&ddm->op, 1);
    void *state = state_create(&ddm->op, &binding);
    struct java_random random = java_random_seed(5);
    for (int i = 0; i < 4000; i++) {
        double p = i < 500 ? 0.6 : 0.1;
        enum weir_drift drift = ddm->update(&binding, state, java_random_double(&random) < p);
        if (i >= 500) assert_int_not_equal(drift, WEIR_DRIFT);
    }
    free(state);
}

static void test_ddm_given_values_outside_0_to_1_takes_the_nearer_end(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&ddm->op, 1);
    void *a = state_create(&ddm->op, &binding), *b = state_create(&ddm->op, &binding);
    for (int i = 0; i < 500; i++) {
        ddm->update(&binding, a, i % 3 ? -1e308 : 1e308);
        ddm->update(&binding, b, i % 3 ? 0 : 1);
    }
    assert_memory_equal(a, b, binding.state_bytes);
    free(a);
    free(b);
}

static void test_ddm_when_warning_is_above_drift_bind_refuses(void **unused) {
    (void)unused;
    struct weir_binding binding;
    struct weir_error error = {0};
    assert_int_equal(bind_with(&ddm->op, 1, "warning=4 drift=3", &binding, &error), WEIR_CONFIG);
    assert_non_null(strstr(error.text, "warning"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ddm_alarms_where_moa_does),
        cmocka_unit_test(test_ddm_when_errors_rise_warns_then_alarms_with_both_rates),
        cmocka_unit_test(test_ddm_when_errors_fall_is_silent),
        cmocka_unit_test(test_ddm_given_values_outside_0_to_1_takes_the_nearer_end),
        cmocka_unit_test(test_ddm_when_warning_is_above_drift_bind_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
