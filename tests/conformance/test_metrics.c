/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every metric, for every target it declares. */
#include "support/laws.h"

static const enum weir_target targets[] = {WEIR_BINARY, WEIR_MULTICLASS, WEIR_REGRESSION};

static const struct weir_metric *metric_of(const struct weir_operator *op) {
    return (const struct weir_metric *)op;
}

#define for_each_metric_and_target(op, target)                                                             \
    for_each_operator(                                                                                     \
        op, WEIR_FAMILY_METRIC) for (int t_ = 0; t_ < 3;                                                   \
                                     t_++) for (enum weir_target target = targets[t_]; target;             \
                                                target = (enum weir_target)0) if (metric_of(op)->targets & \
                                                                                  target)

/* A row predicted perfectly, or as wrongly as can be. */
static struct weir_outcome row(enum weir_target target, bool right, struct java_random *random) {
    struct weir_outcome outcome = {.label = law_label(target, random), .hit = right};
    if (target == WEIR_BINARY) {
        outcome.score = right ? outcome.label : 1 - outcome.label;
        outcome.decided = outcome.score > 0.5;
    } else if (target == WEIR_MULTICLASS) {
        outcome.score = right;
    } else {
        outcome.score = right ? outcome.label : outcome.label + 5;
    }
    return outcome;
}

/* The metric over 1,000 rows of which right_count are right. */
static double value_of(const struct weir_operator *op, enum weir_target target, int right_count) {
    struct weir_binding binding = bind_defaults(op, 1);
    void *state = state_create(op, &binding);
    struct java_random random = java_random_seed(61);
    for (int i = 0; i < 1000; i++) {
        struct weir_outcome outcome = row(target, i < right_count, &random);
        metric_of(op)->add(&binding, state, &outcome);
    }
    double value = metric_of(op)->value(&binding, state);
    free(state);
    return value;
}

static void test_metric_without_rows_is_undefined(void **unused) {
    (void)unused;
    for_each_operator(op, WEIR_FAMILY_METRIC) {
        law(op, metric_of(op)->targets != 0);
        struct weir_binding binding = bind_defaults(op, 1);
        void *state = state_create(op, &binding);
        law(op, isnan(metric_of(op)->value(&binding, state)));
        free(state);
    }
}

/* Perfect is 0 (losses) or 1 (shares); half right lies strictly between perfect and all wrong. */
static void test_metric_orders_perfect_mixed_and_wrong(void **unused) {
    (void)unused;
    for_each_metric_and_target(op, target) {
        double perfect = value_of(op, target, 1000), mixed = value_of(op, target, 500),
               wrong = value_of(op, target, 0);
        law(op, fabs(perfect) < 1e-12 || fabs(perfect - 1) < 1e-12);
        law(op, fabs(perfect) < 1e-12 ? perfect < mixed && mixed < wrong : perfect > mixed && mixed > wrong);
    }
}

static void test_metric_value_changes_nothing_and_order_of_rows_is_irrelevant(void **unused) {
    (void)unused;
    for_each_metric_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, 1);
        void *forward = state_create(op, &binding), *backward = state_create(op, &binding);
        void *before = malloc(binding.state_bytes);
        struct java_random random = java_random_seed(62);
        struct weir_outcome outcomes[300];
        if (!before) abort();
        for (int i = 0; i < 300; i++) outcomes[i] = row(target, i % 3 == 0, &random);
        for (int i = 0; i < 300; i++) {
            metric_of(op)->add(&binding, forward, &outcomes[i]);
            metric_of(op)->add(&binding, backward, &outcomes[299 - i]);
            memcpy(before, forward, binding.state_bytes);
            double first = metric_of(op)->value(&binding, forward);
            law(op, law_same_bits(first, metric_of(op)->value(&binding, forward)));
            law(op, memcmp(before, forward, binding.state_bytes) == 0);
        }
        double a = metric_of(op)->value(&binding, forward), b = metric_of(op)->value(&binding, backward);
        law(op, fabs(a - b) <= 1e-12 * fabs(a));
        free(before);
        free(forward);
        free(backward);
    }
}

static void test_metric_after_extreme_rows_is_finite_and_survives_a_restart(void **unused) {
    (void)unused;
    for_each_metric_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, 1);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(63);
        for (int i = 0; i < 20000; i++) {
            struct weir_outcome outcome = row(target, i % 2, &random);
            double extreme = law_extremes[java_random_bits(&random, 16) % LAW_EXTREME_COUNT];
            if (target == WEIR_REGRESSION && !isnan(extreme)) outcome.score = extreme;
            if (target == WEIR_REGRESSION && i % 3 == 0) outcome.label = -outcome.score;
            metric_of(op)->add(&binding, state, &outcome);
            law(op, op->check(&binding, state));
            if (i > 10) law(op, isfinite(metric_of(op)->value(&binding, state)));
        }
        void *copy = law_restored(op, &binding, state);
        law(op, law_same_bits(metric_of(op)->value(&binding, state), metric_of(op)->value(&binding, copy)));
        free(copy);
        free(state);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metric_without_rows_is_undefined),
        cmocka_unit_test(test_metric_orders_perfect_mixed_and_wrong),
        cmocka_unit_test(test_metric_value_changes_nothing_and_order_of_rows_is_irrelevant),
        cmocka_unit_test(test_metric_after_extreme_rows_is_finite_and_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
