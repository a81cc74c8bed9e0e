/* SPDX-License-Identifier: Apache-2.0 */
/* ADWIN: MOA's alarm positions, direction, what the report says, and the window's bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/drift_alarms.h"

extern const struct weir_detector weir_detector_adwin;
static const struct weir_detector *const adwin = &weir_detector_adwin;

static void compare(const char *settings, const char *label) {
    int wrong, compared = drift_alarms_compare(adwin, settings, label, &wrong);
    if (compared < 0) skip();
    assert_int_equal(compared, 60);
    assert_int_equal(wrong, 0);
}

static void test_adwin_direction_up_alarms_where_moa_does(void **state) {
    (void)state;
    compare("direction=up", "ADWIN(moa up)");
}

static void test_adwin_direction_both_alarms_where_moa_does(void **state) {
    (void)state;
    compare("direction=both", "ADWIN(moa 2s)");
}

/* Feeds count samples that are 1 with probability p; returns the number of alarms, the last report and
 * sample. */
struct fed {
    int alarm_count, first_alarm;
    struct weir_drift_report report; /* at the first alarm */
};
static struct fed feed(const struct weir_binding *binding, void *state, struct java_random *random, double p,
                       int count) {
    struct fed fed = {0};
    for (int i = 1; i <= count; i++) {
        if (adwin->update(binding, state, java_random_double(random) < p) != WEIR_DRIFT) continue;
        if (fed.alarm_count++ == 0) {
            fed.first_alarm = i;
            adwin->report(binding, state, &fed.report);
        }
    }
    return fed;
}

static void test_adwin_when_rate_rises_report_holds_both_rates(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&adwin->op, 1);
    void *state = state_create(&adwin->op, &binding);
    struct java_random random = java_random_seed(11);
    assert_int_equal(feed(&binding, state, &random, 0.2, 2000).alarm_count, 0);
    struct fed fed = feed(&binding, state, &random, 0.8, 500);
    assert_true(fed.alarm_count >= 1);
    assert_true(fed.first_alarm <= 96);
    assert_true(fabs(fed.report.mean_before - 0.2) < 0.05);
    assert_true(fabs(fed.report.mean_after - 0.8) < 0.15);
    assert_true(fed.report.count_before > 1800 && fed.report.count_before <= 2100);
    assert_true(fed.report.count_after > 6);
    assert_true(fed.report.statistic > fed.report.threshold);
    assert_true(fabs(fed.report.statistic - (fed.report.mean_after - fed.report.mean_before)) < 1e-12);
    free(state);
}

static void test_adwin_when_rate_falls_up_is_silent_and_both_alarms(void **unused) {
    (void)unused;
    for (int up = 0; up < 2; up++) {
        struct weir_binding binding = bind_settings(&adwin->op, 1, up ? "direction=up" : "direction=both");
        void *state = state_create(&adwin->op, &binding);
        struct java_random random = java_random_seed(12);
        assert_int_equal(feed(&binding, state, &random, 0.8, 2000).alarm_count, 0);
        struct fed fed = feed(&binding, state, &random, 0.2, 500);
        if (up)
            assert_int_equal(fed.alarm_count, 0);
        else {
            assert_true(fed.alarm_count >= 1);
            assert_true(fed.report.mean_after < fed.report.mean_before);
        }
        free(state);
    }
}

/* The definition, slowly: all samples of the window are kept and every sum is taken afresh. */
#define ORACLE_MAX 4000
struct oracle {
    double samples[ORACLE_MAX]; /* of the window, oldest first */
    int sizes[ORACLE_MAX];      /* of the buckets, oldest first */
    int width, bucket_count;
};

static double oracle_mean(const double *samples, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += samples[i];
    return sum / count;
}

/* More than five buckets of one size: the two oldest become one of twice the size. */
static void oracle_compress(struct oracle *o) {
    for (int size = 1; size <= o->width; size *= 2) {
        int count = 0, oldest = -1;
        for (int b = 0; b < o->bucket_count; b++) {
            if (o->sizes[b] != size) continue;
            if (count++ == 0) oldest = b;
        }
        if (count <= 5) return;
        o->sizes[oldest] = 2 * size;
        o->bucket_count--;
        memmove(o->sizes + oldest + 1, o->sizes + oldest + 2,
                (size_t)(o->bucket_count - oldest - 1) * sizeof *o->sizes);
    }
}

static bool oracle_differs(const struct oracle *o, double delta) {
    const double mean = oracle_mean(o->samples, o->width), log_term = log(2 * log(o->width) / delta);
    double variance = 0;
    for (int i = 0; i < o->width; i++) variance += (o->samples[i] - mean) * (o->samples[i] - mean) / o->width;
    for (int b = 0, n0 = 0; b < o->bucket_count; b++) {
        n0 += o->sizes[b];
        const int n1 = o->width - n0;
        if (n0 < 7 || n1 < 7) continue;
        const double h = 1.0 / (n0 - 4) + 1.0 / (n1 - 4);
        const double bound = sqrt(2 * h * variance * log_term) + 2 * h * log_term / 3;
        if (fabs(oracle_mean(o->samples, n0) - oracle_mean(o->samples + n0, n1)) > bound) return true;
    }
    return false;
}

static bool oracle_update(struct oracle *o, double delta, double x) {
    bool changed = false;
    o->samples[o->width++] = x;
    o->sizes[o->bucket_count++] = 1;
    oracle_compress(o);
    while (o->width > 10 && oracle_differs(o, delta)) {
        changed = true;
        o->width -= o->sizes[0];
        memmove(o->samples, o->samples + o->sizes[0], (size_t)o->width * sizeof *o->samples);
        memmove(o->sizes, o->sizes + 1, (size_t)--o->bucket_count * sizeof *o->sizes);
    }
    return changed;
}

/* A loose delta and a search at every sample: the small cuts decide here, which the published lists hardly
 * see. */
static void test_adwin_searching_at_every_sample_agrees_with_the_definition(void **unused) {
    (void)unused;
    static struct oracle oracle;
    int alarm_count = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct weir_binding binding = bind_settings(&adwin->op, 1, "delta=0.7 clock=1");
        void *state = state_create(&adwin->op, &binding);
        struct java_random random = java_random_seed(seed);
        memset(&oracle, 0, sizeof oracle);
        for (int i = 0; i < 600; i++) {
            double x = (i % 60 < 30 ? 0 : 20) + 10 * java_random_double(&random);
            bool drift = adwin->update(&binding, state, x) == WEIR_DRIFT;
            assert_int_equal(drift, oracle_update(&oracle, 0.7, x));
            alarm_count += drift;
        }
        free(state);
    }
    assert_true(alarm_count > 100);
}

static void test_adwin_when_window_max_is_reached_forgets_and_stays_sound(void **unused) {
    (void)unused;
    struct weir_binding small = bind_settings(&adwin->op, 1, "window_max=100 direction=both");
    struct weir_binding large = bind_settings(&adwin->op, 1, "window_max=1000000");
    assert_true(small.state_bytes < large.state_bytes);
    void *state = state_create(&adwin->op, &small);
    struct java_random random = java_random_seed(13);
    for (int i = 0; i < 20000; i++) {
        adwin->update(&small, state, java_random_double(&random) < 0.3);
        assert_true(adwin->op.check(&small, state));
    }
    assert_true(feed(&small, state, &random, 0.9, 200).alarm_count >= 1);
    free(state);
}

static void test_adwin_after_an_extreme_value_recovers(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&adwin->op, 1);
    void *state = state_create(&adwin->op, &binding);
    struct java_random random = java_random_seed(14);
    feed(&binding, state, &random, 0.2, 100);
    adwin->update(&binding, state, 1e308);
    adwin->update(&binding, state, -1e308);
    assert_true(adwin->op.check(&binding, state));
    feed(&binding, state, &random, 0.2, 20000);
    assert_true(adwin->op.check(&binding, state));
    free(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adwin_direction_up_alarms_where_moa_does),
        cmocka_unit_test(test_adwin_direction_both_alarms_where_moa_does),
        cmocka_unit_test(test_adwin_when_rate_rises_report_holds_both_rates),
        cmocka_unit_test(test_adwin_when_rate_falls_up_is_silent_and_both_alarms),
        cmocka_unit_test(test_adwin_searching_at_every_sample_agrees_with_the_definition),
        cmocka_unit_test(test_adwin_when_window_max_is_reached_forgets_and_stays_sound),
        cmocka_unit_test(test_adwin_after_an_extreme_value_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
