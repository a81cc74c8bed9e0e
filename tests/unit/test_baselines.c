/* SPDX-License-Identifier: Apache-2.0 */
/* Baselines (last_class, majority, mean): nothing before the first label, then exactly what their names say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "support/bind_defaults.h"
#include "weir/learner.h"

extern const struct weir_learner weir_learner_last_class, weir_learner_majority, weir_learner_mean;

/* Learns the labels in order, all with the given weight, and returns the prediction after the last. */
static struct weir_prediction after(const struct weir_learner *learner, enum weir_target target,
                                    const double *labels, size_t count, double weight) {
    struct weir_binding binding = bind_defaults(&learner->op, 1);
    void *state = state_create(&learner->op, &binding);
    const double x = (double)NAN; /* baselines never look at inputs */
    struct weir_prediction prediction;
    for (size_t i = 0; i < count; i++) learner->learn(&binding, state, target, &x, labels[i], weight);
    learner->predict(&binding, state, target, &x, &prediction);
    free(state);
    return prediction;
}

static void test_baselines_before_the_first_label_predict_nothing(void **unused) {
    (void)unused;
    assert_false(after(&weir_learner_last_class, WEIR_BINARY, NULL, 0, 1).valid);
    assert_false(after(&weir_learner_last_class, WEIR_MULTICLASS, NULL, 0, 1).valid);
    assert_false(after(&weir_learner_majority, WEIR_BINARY, NULL, 0, 1).valid);
    assert_false(after(&weir_learner_majority, WEIR_MULTICLASS, NULL, 0, 1).valid);
    assert_false(after(&weir_learner_mean, WEIR_REGRESSION, NULL, 0, 1).valid);
}

static void test_last_class_repeats_the_label_before(void **unused) {
    (void)unused;
    const double labels[] = {1, 0, 5, 63, 2};
    struct weir_prediction p = after(&weir_learner_last_class, WEIR_BINARY, labels, 1, 1);
    assert_true(p.valid && p.score == 1 && p.class_index == 1);
    p = after(&weir_learner_last_class, WEIR_BINARY, labels, 2, 1);
    assert_true(p.valid && p.score == 0 && p.class_index == 0);
    p = after(&weir_learner_last_class, WEIR_MULTICLASS, labels, 3, 1);
    assert_true(p.valid && p.class_index == 5 && p.class_count == 6 && p.scores[5] == 1 && p.scores[1] == 0);
    p = after(&weir_learner_last_class, WEIR_MULTICLASS, labels, 5, 1);
    assert_true(p.class_index == 2 && p.class_count == WEIR_CLASS_MAX && p.scores[2] == 1 &&
                p.scores[63] == 0);
}

static void test_majority_predicts_the_most_frequent_and_ties_go_to_the_lower(void **unused) {
    (void)unused;
    const double labels[] = {3, 1, 1, 3, 3};
    struct weir_prediction p = after(&weir_learner_majority, WEIR_MULTICLASS, labels, 4, 1);
    assert_true(p.class_index == 1 && p.class_count == 4);
    assert_true(p.scores[1] == 0.5 && p.scores[3] == 0.5 && p.scores[0] == 0);
    p = after(&weir_learner_majority, WEIR_MULTICLASS, labels, 5, 2.5);
    assert_true(p.class_index == 3 && fabs(p.scores[3] - 0.6) < 1e-15);
    const double binary[] = {1, 0, 1, 1};
    p = after(&weir_learner_majority, WEIR_BINARY, binary, 4, 1);
    assert_true(p.valid && p.score == 0.75 && p.class_index == 1);
    p = after(&weir_learner_majority, WEIR_BINARY, binary, 2, 1);
    assert_true(p.score == 0.5 && p.class_index == 0);
}

static void test_mean_is_the_weighted_mean_and_does_not_overflow(void **unused) {
    (void)unused;
    const double labels[] = {1, 2, 6};
    assert_true(fabs(after(&weir_learner_mean, WEIR_REGRESSION, labels, 3, 0.3).score - 3) < 1e-12);
    const double extreme[] = {1.7e308, -1.7e308, 1.7e308, -1.7e308};
    assert_true(fabs(after(&weir_learner_mean, WEIR_REGRESSION, extreme, 4, 1).score) < 1e293);
    struct weir_binding binding = bind_defaults(&weir_learner_mean.op, 1);
    void *state = state_create(&weir_learner_mean.op, &binding);
    struct weir_prediction p;
    const double x = 0;
    weir_learner_mean.learn(&binding, state, WEIR_REGRESSION, &x, 10, 3);
    weir_learner_mean.learn(&binding, state, WEIR_REGRESSION, &x, 2, 1);
    weir_learner_mean.learn(&binding, state, WEIR_REGRESSION, &x, 1e9, 0); /* weight 0: as if not there */
    weir_learner_mean.predict(&binding, state, WEIR_REGRESSION, &x, &p);
    assert_true(p.score == 8);
    free(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_baselines_before_the_first_label_predict_nothing),
        cmocka_unit_test(test_last_class_repeats_the_label_before),
        cmocka_unit_test(test_majority_predicts_the_most_frequent_and_ties_go_to_the_lower),
        cmocka_unit_test(test_mean_is_the_weighted_mean_and_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
