/* SPDX-License-Identifier: Apache-2.0 */
/* Page-Hinkley: the textbook form with a tracked minimum as oracle, both directions, the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/bind_defaults.h"
#include "support/java_random.h"
#include "weir/detector.h"

#include <math.h>

extern const struct weir_detector weir_detector_page_hinkley;
static const struct weir_detector *const ph = &weir_detector_page_hinkley;

/* Page's test as written down: two sums that sink for ever and their minima. */
struct textbook {
    double n, mean, up, up_min, down, down_min;
};
static bool textbook_update(struct textbook *t, double x) {
    t->n++;
    t->mean += (x - t->mean) / t->n;
    t->up += x - t->mean - 0.005;
    t->down += t->mean - x - 0.005;
    t->up_min = fmin(t->up_min, t->up);
    t->down_min = fmin(t->down_min, t->down);
    bool drift = t->n >= 30 && (t->up - t->up_min > 50 || t->down - t->down_min > 50);
    if (drift) *t = (struct textbook){0};
    return drift;
}

static void test_page_hinkley_alarms_where_the_textbook_form_does(void **unused) {
    (void)unused;
    int alarm_count = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct weir_binding binding = bind_defaults(&ph->op, 1);
        void *state = state_create(&ph->op, &binding);
        struct textbook textbook = {0};
        struct java_random random = java_random_seed(seed);
        for (int i = 0; i < 10000; i++) {
            double x = java_random_double(&random) < (i % 2000 < 1000 ? 0.2 : 0.8);
            bool drift = ph->update(&binding, state, x) == WEIR_DRIFT;
            assert_int_equal(drift, textbook_update(&textbook, x));
            alarm_count += drift;
        }
        free(state);
    }
    assert_true(alarm_count > 100);
}

/* 1,000 samples around 10, then around `level`. Returns the sample of the first alarm after the change, or 0.
 */
static int first_alarm(const char *settings, double level, struct weir_drift_report *report) {
    struct weir_binding binding = bind_settings(&ph->op, 1, settings);
    void *state = state_create(&ph->op, &binding);
    struct java_random random = java_random_seed(3);
    int alarm = 0;
    for (int i = 1; !alarm && i <= 2000; i++) {
        double x = (i <= 1000 ? 10 : level) + java_random_double(&random) - 0.5;
        if (ph->update(&binding, state, x) == WEIR_DRIFT) alarm = i;
    }
    if (alarm) ph->report(&binding, state, report);
    free(state);
    return alarm;
}

static void test_page_hinkley_direction_decides_which_changes_alarm(void **unused) {
    (void)unused;
    struct weir_drift_report report;
    assert_in_range(first_alarm("direction=up", 12, &report), 1001, 1100);
    assert_in_range(first_alarm("direction=both", 12, &report), 1001, 1100);
    assert_int_equal(first_alarm("direction=down", 12, &report), 0);
    assert_in_range(first_alarm("direction=down", 8, &report), 1001, 1100);
    assert_in_range(first_alarm("direction=both", 8, &report), 1001, 1100);
    assert_int_equal(first_alarm("direction=up", 8, &report), 0);
}

static void test_page_hinkley_report_splits_at_the_change(void **unused) {
    (void)unused;
    struct weir_drift_report report;
    int alarm = first_alarm("delta=0.5", 12, &report);
    assert_int_equal(report.count_before + report.count_after, alarm);
    assert_in_range(report.count_before, 990, 1001);
    assert_true(fabs(report.mean_before - 10) < 0.05);
    assert_true(fabs(report.mean_after - 12) < 0.1);
    assert_true(report.statistic > report.threshold && report.threshold == 50);
    alarm = first_alarm("delta=0.5", 8, &report);
    assert_int_equal(report.count_before + report.count_after, alarm);
    assert_true(report.mean_after < report.mean_before);
}

static void test_page_hinkley_with_fading_forgets_small_persistent_rises(void **unused) {
    (void)unused;
    struct weir_drift_report report;
    assert_int_not_equal(first_alarm("alpha=1", 10.2, &report), 0);
    assert_int_equal(first_alarm("alpha=0.9", 10.2, &report), 0);
}

static void test_page_hinkley_sensitivity_does_not_change_with_age(void **unused) {
    /* Trap of the form without a minimum: after 20,000 stable samples its delay is three times as long. */
    (void)unused;
    int delay[2];
    for (int old = 0; old < 2; old++) {
        struct weir_binding binding = bind_settings(&ph->op, 1, "direction=up");
        void *state = state_create(&ph->op, &binding);
        int stable = old ? 20000 : 1000;
        for (int i = 0; i < stable; i++) ph->update(&binding, state, i % 5 == 0);
        delay[old] = 0;
        for (int i = 1; !delay[old] && i < 1000; i++)
            if (ph->update(&binding, state, i % 5 != 0) == WEIR_DRIFT) delay[old] = i;
        free(state);
    }
    assert_in_range(delay[0], 60, 120);
    assert_in_range(delay[1], 60, 120);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_hinkley_alarms_where_the_textbook_form_does),
        cmocka_unit_test(test_page_hinkley_direction_decides_which_changes_alarm),
        cmocka_unit_test(test_page_hinkley_report_splits_at_the_change),
        cmocka_unit_test(test_page_hinkley_with_fading_forgets_small_persistent_rises),
        cmocka_unit_test(test_page_hinkley_sensitivity_does_not_change_with_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
