/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every detector: silence on constants, direction, restart, and the stated bound on false alarms. */
#include "support/laws.h"

static const struct weir_detector *detector_of(const struct weir_operator *op) {
    return (const struct weir_detector *)op;
}

#define for_each_detector(op) for_each_operator(op, WEIR_FAMILY_DETECTOR)

static void test_detector_on_a_constant_never_speaks(void **unused) {
    (void)unused;
    static const double constants[] = {0, 1, 0.1, 0.3};
    for_each_detector(op) {
        struct weir_binding binding = bind_defaults(op, 1);
        for (size_t c = 0; c < sizeof constants / sizeof constants[0]; c++) {
            void *state = state_create(op, &binding);
            for (int i = 0; i < 100000; i++)
                law(op, detector_of(op)->update(&binding, state, constants[c]) == WEIR_STABLE);
            law(op, op->check(&binding, state));
            free(state);
        }
    }
}

/* 0/1 samples with an exact rate of 0.2 or 0.8: no chance in it. */
static double regular(int i, bool high) { return high ? i % 5 != 0 : i % 5 == 0; }

struct heard {
    int before_count, after_count, first_after;
    struct weir_drift_report report; /* at the first drift after the change */
};

/* 2,000 samples at one rate, 3,000 at the other. */
static struct heard listen(const struct weir_operator *op, const char *settings, bool rise) {
    struct weir_binding binding = bind_settings(op, 1, settings);
    void *state = state_create(op, &binding);
    struct heard heard = {0};
    for (int i = 1; i <= 5000; i++) {
        if (detector_of(op)->update(&binding, state, regular(i, (i > 2000) == rise)) != WEIR_DRIFT) continue;
        if (i <= 2000) {
            heard.before_count++;
        } else if (heard.after_count++ == 0) {
            heard.first_after = i - 2000;
            detector_of(op)->report(&binding, state, &heard.report);
        }
    }
    free(state);
    return heard;
}

static void expect(const struct weir_operator *op, const char *settings, bool rise, bool alarm) {
    struct heard heard = listen(op, settings, rise);
    law(op, heard.before_count == 0);
    if (!alarm) {
        law(op, heard.after_count == 0);
        return;
    }
    law(op, heard.after_count >= 1 && heard.first_after <= 300);
    law(op, heard.report.count_before > 0 && heard.report.count_after > 0);
    law(op, heard.report.count_before + heard.report.count_after <= 5000);
    law(op, heard.report.statistic > heard.report.threshold);
    law(op, rise ? heard.report.mean_after > heard.report.mean_before + 0.05
                 : heard.report.mean_after < heard.report.mean_before - 0.05);
}

/* An option `direction` means what it says; a detector without one watches errors: rises only. */
static void test_detector_rise_and_fall_behave_as_the_direction_says(void **unused) {
    (void)unused;
    for_each_detector(op) {
        const struct weir_option *direction = op->options;
        while (direction->name && strcmp(direction->name, "direction") != 0) direction++;
        if (!direction->name) {
            expect(op, "", true, true);
            expect(op, "", false, false);
            continue;
        }
        law(op, direction->type == WEIR_OPTION_CHOICE);
        for (const char *const *choice = direction->choices; *choice; choice++) {
            char settings[64];
            snprintf(settings, sizeof settings, "direction=%s", *choice);
            law(op, !strcmp(*choice, "both") || !strcmp(*choice, "up") || !strcmp(*choice, "down"));
            expect(op, settings, true, strcmp(*choice, "down") != 0);
            expect(op, settings, false, strcmp(*choice, "up") != 0);
        }
    }
}

static void test_detector_restored_at_every_sample_equals_uninterrupted(void **unused) {
    (void)unused;
    for_each_detector(op) {
        struct weir_binding binding = bind_defaults(op, 1);
        void *state = state_create(op, &binding), *restarted = state_create(op, &binding);
        struct java_random random = java_random_seed(51);
        int drift_count = 0;
        for (int i = 0; i < 5000; i++) {
            void *copy = law_restored(op, &binding, restarted);
            free(restarted);
            restarted = copy;
            double x = java_random_double(&random) < (i % 2000 < 1000 ? 0.2 : 0.8);
            enum weir_drift verdict = detector_of(op)->update(&binding, state, x);
            law(op, detector_of(op)->update(&binding, restarted, x) == verdict);
            drift_count += verdict == WEIR_DRIFT;
        }
        law(op, drift_count >= 2); /* the stream did exercise the reset */
        law(op, memcmp(state, restarted, binding.state_bytes) == 0);
        free(state);
        free(restarted);
    }
}

static void test_detector_report_changes_nothing(void **unused) {
    (void)unused;
    for_each_detector(op) {
        struct weir_binding binding = bind_defaults(op, 1);
        void *state = state_create(op, &binding), *before = malloc(binding.state_bytes);
        struct java_random random = java_random_seed(52);
        struct weir_drift_report report;
        if (!before) abort();
        for (int i = 0; i < 500; i++) {
            detector_of(op)->update(&binding, state, java_random_double(&random) < 0.4);
            memcpy(before, state, binding.state_bytes);
            detector_of(op)->report(&binding, state, &report);
            law(op, memcmp(before, state, binding.state_bytes) == 0);
        }
        free(before);
        free(state);
    }
}

static void test_detector_given_extreme_values_stays_sound(void **unused) {
    (void)unused;
    for_each_detector(op) {
        struct weir_binding binding = bind_defaults(op, 1);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(53);
        for (int i = 0; i < 20000; i++) {
            double x = law_extremes[java_random_bits(&random, 16) % LAW_EXTREME_COUNT];
            if (isnan(x)) continue;
            detector_of(op)->update(&binding, state, x);
            law(op, op->check(&binding, state));
        }
        free(law_restored(op, &binding, state));
        free(state);
    }
}

/* The bound on false alarms per 10,000 samples of Bernoulli(p) that a detector's own file states at its top:
 * "bound: ... at most N per 10,000 samples". -1: it states none. */
static double stated_bound(const struct weir_operator *op) {
    char path[512], text[8192];
    snprintf(path, sizeof path, "%s/operators/detector/%s.c", WEIR_SOURCE_DIR, op->name);
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *statement = strstr(text, " * bound:");
    const char *figure = statement ? strstr(statement, "at most ") : NULL;
    if (!figure) return -1;
    char *end;
    double bound = strtod(figure + strlen("at most "), &end);
    return strncmp(end, " per 10,000 samples", 19) ? -1 : bound;
}

static void test_detector_false_alarms_stay_within_the_stated_bound(void **unused) {
    (void)unused;
    static const double rates[] = {0.05, 0.2, 0.4};
    enum { SEEDS = 20, SAMPLES = 100000 };
    for_each_detector(op) {
        double bound = stated_bound(op);
        law(op, bound > 0); /* stated in its file, in these words */
        for (size_t r = 0; r < 3; r++) {
            int alarm_count = 0;
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                struct weir_binding binding = bind_defaults(op, 1);
                void *state = state_create(op, &binding);
                struct java_random random = java_random_seed(seed);
                for (int i = 0; i < SAMPLES; i++)
                    alarm_count +=
                        detector_of(op)->update(&binding, state, java_random_double(&random) <= rates[r]) ==
                        WEIR_DRIFT;
                free(state);
            }
            double per_10k = alarm_count * 1e4 / ((double)SEEDS * SAMPLES);
            print_message("%-14s p=%.2f: %.3f false alarms per 10,000 (bound %g)\n", op->name, rates[r],
                          per_10k, bound);
            law(op, per_10k <= bound);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detector_on_a_constant_never_speaks),
        cmocka_unit_test(test_detector_rise_and_fall_behave_as_the_direction_says),
        cmocka_unit_test(test_detector_restored_at_every_sample_equals_uninterrupted),
        cmocka_unit_test(test_detector_report_changes_nothing),
        cmocka_unit_test(test_detector_given_extreme_values_stays_sound),
        cmocka_unit_test(test_detector_false_alarms_stay_within_the_stated_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
