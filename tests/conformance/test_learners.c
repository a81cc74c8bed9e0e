/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every learner, for every target it declares. */
#include "support/laws.h"

static const enum weir_target targets[] = {WEIR_BINARY, WEIR_MULTICLASS, WEIR_REGRESSION};

static const struct weir_learner *learner_of(const struct weir_operator *op) {
    return (const struct weir_learner *)op;
}

#define for_each_learner_and_target(op, target)                                                              \
    for_each_operator(                                                                                       \
        op, WEIR_FAMILY_LEARNER) for (int t_ = 0; t_ < 3;                                                    \
                                      t_++) for (enum weir_target target = targets[t_]; target;              \
                                                 target = (enum weir_target)0) if (learner_of(op)->targets & \
                                                                                   target)

/* A learner without inputs is a baseline and says so: it need not separate anything. */
static bool is_baseline(const struct weir_operator *op) { return strncmp(op->summary, "Baseline", 8) == 0; }

/* Rows that a linear rule separates. */
static double separable_row(enum weir_target target, struct java_random *random, double *x) {
    for (int c = 0; c < LAW_WIDTH; c++) x[c] = law_number(random, false);
    if (target == WEIR_REGRESSION) return 2 * x[0] - x[1] + 3;
    if (target == WEIR_BINARY) return x[0] + 0.5 * x[1] - x[2] > 0;
    return x[0] > x[1] ? (x[0] > x[2] ? 0 : 2) : (x[1] > x[2] ? 1 : 2);
}

static struct weir_prediction predict(const struct weir_operator *op, const struct weir_binding *binding,
                                      const void *state, enum weir_target target, const double *x) {
    struct weir_prediction prediction;
    memset(&prediction, 0xa5, sizeof prediction); /* what is not filled must not look filled */
    prediction.valid = false;
    learner_of(op)->predict(binding, state, target, x, &prediction);
    if (!prediction.valid) return prediction;
    law(op, isfinite(prediction.score));
    if (target == WEIR_BINARY) {
        law(op, prediction.score >= 0 && prediction.score <= 1);
        law(op, prediction.class_index == (prediction.score > 0.5));
    } else if (target == WEIR_MULTICLASS) {
        law(op, prediction.class_count >= 1 && prediction.class_count <= WEIR_CLASS_MAX);
        law(op, prediction.class_index < prediction.class_count);
        double sum = 0, top = prediction.scores[prediction.class_index];
        for (uint32_t c = 0; c < prediction.class_count; c++) {
            law(op, prediction.scores[c] >= 0 && prediction.scores[c] <= top);
            sum += prediction.scores[c];
        }
        law(op, fabs(sum - 1) < 1e-9);
        law(op, law_same_bits(prediction.score, top));
    }
    return prediction;
}

static bool same_prediction(const struct weir_prediction *a, const struct weir_prediction *b,
                            enum weir_target target) {
    if (a->valid != b->valid) return false;
    if (!a->valid) return true;
    if (!law_same_bits(a->score, b->score) || a->class_index != b->class_index) return false;
    if (target != WEIR_MULTICLASS) return true;
    return a->class_count == b->class_count &&
           !memcmp(a->scores, b->scores, a->class_count * sizeof *a->scores);
}

static double loss_of(enum weir_target target, const struct weir_prediction *p, double label) {
    if (target == WEIR_REGRESSION) return (p->score - label) * (p->score - label);
    if (target == WEIR_BINARY) return -log(fmax(1e-15, label == 1 ? p->score : 1 - p->score));
    return p->class_index != (uint32_t)label;
}

static void test_learner_declares_targets_and_is_valid_after_one_row(void **unused) {
    (void)unused;
    for_each_operator(op, WEIR_FAMILY_LEARNER) {
        law(op, learner_of(op)->targets != 0);
        law(op,
            (learner_of(op)->targets & ~(unsigned)(WEIR_BINARY | WEIR_MULTICLASS | WEIR_REGRESSION)) == 0);
    }
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding);
        double x[LAW_WIDTH] = {0.5, -0.5, 1, 0, 2};
        predict(op, &binding, state, target, x); /* may be invalid, may not crash */
        learner_of(op)->learn(&binding, state, target, x, 1, 1);
        law(op, predict(op, &binding, state, target, x).valid);
        free(state);
    }
}

static void test_learner_predict_changes_nothing(void **unused) {
    (void)unused;
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *before = malloc(binding.state_bytes);
        struct java_random random = java_random_seed(41);
        double x[LAW_WIDTH];
        if (!before) abort();
        for (int i = 0; i < 500; i++) {
            double label = separable_row(target, &random, x);
            if (i % 7 == 0) x[i % LAW_WIDTH] = (double)NAN;
            memcpy(before, state, binding.state_bytes);
            struct weir_prediction first = predict(op, &binding, state, target, x);
            struct weir_prediction second = predict(op, &binding, state, target, x);
            law(op, memcmp(before, state, binding.state_bytes) == 0);
            law(op, same_prediction(&first, &second, target));
            learner_of(op)->learn(&binding, state, target, x, label, 1);
        }
        free(before);
        free(state);
    }
}

static void test_learner_restored_at_every_row_equals_uninterrupted(void **unused) {
    (void)unused;
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *restarted = state_create(op, &binding);
        struct java_random random = java_random_seed(42);
        double x[LAW_WIDTH];
        for (int i = 0; i < 1000; i++) {
            void *copy = law_restored(op, &binding, restarted);
            free(restarted);
            restarted = copy;
            double label = separable_row(target, &random, x);
            struct weir_prediction a = predict(op, &binding, state, target, x);
            struct weir_prediction b = predict(op, &binding, restarted, target, x);
            law(op, same_prediction(&a, &b, target));
            learner_of(op)->learn(&binding, state, target, x, label, 1 + i % 2);
            learner_of(op)->learn(&binding, restarted, target, x, label, 1 + i % 2);
        }
        law(op, memcmp(state, restarted, binding.state_bytes) == 0);
        free(state);
        free(restarted);
    }
}

/* Mean loss of the last fifth of 10,000 rows against the first 500; for baselines on labels all alike. */
static void test_learner_loss_falls_on_a_separable_stream(void **unused) {
    (void)unused;
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(43);
        double x[LAW_WIDTH], first = 0, last = 0;
        for (int i = 0; i < 10000; i++) {
            double label = separable_row(target, &random, x);
            if (is_baseline(op)) label = 1;
            struct weir_prediction prediction = predict(op, &binding, state, target, x);
            if (!prediction.valid)
                prediction = (struct weir_prediction){.score = 0, .class_index = WEIR_CLASS_MAX};
            double loss = loss_of(target, &prediction, label);
            if (i < 500) first += loss / 500;
            if (i >= 8000) last += loss / 2000;
            learner_of(op)->learn(&binding, state, target, x, label, 1);
        }
        law(op, last < 0.6 * first);
        law(op, !is_baseline(op) || last < 1e-9);
        free(state);
    }
}

static void test_learner_after_extreme_input_is_sound_and_finite(void **unused) {
    (void)unused;
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(44);
        double x[LAW_WIDTH];
        for (int i = 0; i < 20000; i++) {
            for (int c = 0; c < LAW_WIDTH; c++)
                x[c] = law_extremes[java_random_bits(&random, 16) % LAW_EXTREME_COUNT];
            double label = law_label(target, &random);
            double extreme = law_extremes[java_random_bits(&random, 16) % LAW_EXTREME_COUNT];
            if (target == WEIR_REGRESSION && !isnan(extreme)) label = extreme;
            predict(op, &binding, state, target, x); /* checks that it is finite */
            learner_of(op)->learn(&binding, state, target, x, label, 1);
            if (i % 100 == 0) law(op, op->check(&binding, state));
        }
        law(op, op->check(&binding, state));
        free(law_restored(op, &binding, state));
        free(state);
    }
}

static void test_learner_leaves_what_belongs_to_missing_inputs_alone(void **unused) {
    (void)unused;
    /* A learner that has never seen input 2 must not care about its value... unless it learned from it. */
    for_each_learner_and_target(op, target) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(45);
        double x[LAW_WIDTH];
        for (int i = 0; i < 1000; i++) {
            double label = separable_row(target, &random, x);
            x[2] = (double)NAN;
            learner_of(op)->learn(&binding, state, target, x, label, 1);
        }
        struct weir_prediction missing = predict(op, &binding, state, target, x);
        x[2] = 1000;
        struct weir_prediction present = predict(op, &binding, state, target, x);
        law(op, same_prediction(&missing, &present, target));
        free(state);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learner_declares_targets_and_is_valid_after_one_row),
        cmocka_unit_test(test_learner_predict_changes_nothing),
        cmocka_unit_test(test_learner_restored_at_every_row_equals_uninterrupted),
        cmocka_unit_test(test_learner_loss_falls_on_a_separable_stream),
        cmocka_unit_test(test_learner_after_extreme_input_is_sound_and_finite),
        cmocka_unit_test(test_learner_leaves_what_belongs_to_missing_inputs_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
