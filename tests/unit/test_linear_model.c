/* SPDX-License-Identifier: Apache-2.0 */
/* Linear and logistic regression: steps by hand, penalties, clipping, missing inputs, wide rows, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "operators/learner/linear_model.h"
#include "operators/math/vector.h"
#include "support/bind_defaults.h"
#include "support/java_random.h"

extern const struct weir_learner weir_learner_linear_regression, weir_learner_logistic_regression;
static const struct weir_learner *const linear = &weir_learner_linear_regression;
static const struct weir_learner *const logistic = &weir_learner_logistic_regression;

#define assert_close(a, b) assert_true(fabs((a) - (b)) <= 1e-12 * (1.0 + fabs((double)(b))))

static void test_linear_regression_one_step_is_the_gradient_by_hand(void **unused) {
    (void)unused;
    struct weir_binding binding =
        bind_settings(&linear->op, 2, "rate=0.1 intercept_rate=0.05 intercept_init=1 l2=0.5");
    struct weir_linear_state *s = state_create(&linear->op, &binding);
    const double x[] = {2, -3};
    struct weir_prediction p;
    linear->predict(&binding, s, WEIR_REGRESSION, x, &p);
    assert_true(p.valid && p.score == 1);
    linear->learn(&binding, s, WEIR_REGRESSION, x, 4, 1); /* gradient 2 (1 - 4) = -6 */
    assert_close(s->weights[0], 0.1 * 6 * 2);
    assert_close(s->weights[1], -0.1 * 6 * 3);
    assert_close(s->intercept, 1 + 0.05 * 6);
    linear->predict(&binding, s, WEIR_REGRESSION, x, &p);
    const double z = 1.3 + 1.2 * 2 + 1.8 * 3;
    assert_close(p.score, z);
    linear->learn(&binding, s, WEIR_REGRESSION, x, 4, 0.5); /* half weight, and now the penalty bites */
    assert_close(s->weights[0], 1.2 - 0.1 * ((z - 4) * 2 + 0.5 * 1.2));
    assert_close(s->weights[1], -1.8 - 0.1 * ((z - 4) * -3 + 0.5 * -1.8));
    free(s);
}

static void test_logistic_regression_one_step_is_the_gradient_by_hand(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_settings(&logistic->op, 2, "rate=0.1 intercept_rate=0.2");
    struct weir_linear_state *s = state_create(&logistic->op, &binding);
    const double x[] = {1, 4};
    struct weir_prediction p;
    logistic->predict(&binding, s, WEIR_BINARY, x, &p);
    assert_true(p.valid && p.score == 0.5 && p.class_index == 0); /* a tie is not positive */
    logistic->learn(&binding, s, WEIR_BINARY, x, 1, 3);           /* gradient 3 (0.5 - 1) = -1.5 */
    assert_close(s->weights[0], 0.15);
    assert_close(s->weights[1], 0.6);
    assert_close(s->intercept, 0.3);
    logistic->predict(&binding, s, WEIR_BINARY, x, &p);
    assert_close(p.score, 1 / (1 + exp(-(0.3 + 0.15 + 2.4))));
    assert_int_equal(p.class_index, 1);
    free(s);
}

static void test_logistic_regression_far_from_zero_saturates_without_overflow(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_settings(&logistic->op, 1, "intercept_init=5000");
    void *s = state_create(&logistic->op, &binding);
    struct weir_prediction p;
    const double x = 0;
    logistic->predict(&binding, s, WEIR_BINARY, &x, &p);
    assert_true(p.score == 1);
    free(s);
    binding = bind_settings(&logistic->op, 1, "intercept_init=-5000");
    s = state_create(&logistic->op, &binding);
    logistic->predict(&binding, s, WEIR_BINARY, &x, &p);
    assert_true(p.score == 0);
    free(s);
}

static void test_linear_model_gradient_beyond_the_clip_is_clipped(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_settings(&linear->op, 1, "rate=1 clip_gradient=10");
    struct weir_linear_state *s = state_create(&linear->op, &binding);
    const double x = 1;
    linear->learn(&binding, s, WEIR_REGRESSION, &x, 1e6, 1);
    assert_close(s->weights[0], 10);
    linear->op.init(&binding, s);
    linear->learn(&binding, s, WEIR_REGRESSION, &x, -1e308, 1e308);
    assert_close(s->weights[0], -10);
    free(s);
}

static void test_linear_model_missing_inputs_contribute_nothing_and_are_not_updated(void **unused) {
    (void)unused;
    const char *settings[] = {"rate=0.1", "rate=0.1 l2=0.5", "rate=0.1 l1=0.01"};
    for (size_t k = 0; k < 3; k++) {
        struct weir_binding binding = bind_settings(&linear->op, 3, settings[k]);
        struct weir_binding narrow = bind_settings(&linear->op, 2, settings[k]);
        struct weir_linear_state *s = state_create(&linear->op, &binding);
        struct weir_linear_state *n = state_create(&linear->op, &narrow);
        struct java_random random = java_random_seed(3);
        s->weights[1] = 0.7; /* as if learned before the input went missing */
        for (int i = 0; i < 200; i++) {
            const double a = java_random_double(&random), b = java_random_double(&random);
            const double x[] = {a, (double)NAN, b}, y[] = {a, b};
            linear->learn(&binding, s, WEIR_REGRESSION, x, 3 * a - b, 1);
            linear->learn(&narrow, n, WEIR_REGRESSION, y, 3 * a - b, 1);
            struct weir_prediction p, q;
            linear->predict(&binding, s, WEIR_REGRESSION, x, &p);
            linear->predict(&narrow, n, WEIR_REGRESSION, y, &q);
            assert_close(p.score, q.score);
        }
        assert_true(s->weights[1] == 0.7);
        assert_close(s->weights[0], n->weights[0]);
        assert_close(s->weights[2], n->weights[1]);
        assert_true(n->weights[0] != 0);
        free(s);
        free(n);
    }
}

/* Inputs 1 and 2 carry no information: the penalty holds their weights at exactly zero. */
static void test_linear_model_l1_keeps_useless_weights_at_zero(void **unused) {
    (void)unused;
    int zero_count[2];
    for (int with = 0; with < 2; with++) {
        struct weir_binding binding = bind_settings(&linear->op, 3, with ? "l1=0.2" : "");
        struct weir_linear_state *s = state_create(&linear->op, &binding);
        struct java_random random = java_random_seed(4);
        zero_count[with] = 0;
        for (int i = 0; i < 5000; i++) {
            double x[3];
            for (int c = 0; c < 3; c++) x[c] = 2 * java_random_double(&random) - 1;
            linear->learn(&binding, s, WEIR_REGRESSION, x,
                          2 * x[0] + 0.1 * (java_random_double(&random) - 0.5), 1);
            if (i >= 4000) zero_count[with] += (s->weights[1] == 0) + (s->weights[2] == 0);
        }
        assert_true(s->weights[0] > 1.5 && s->weights[0] < 2.05);
        if (with) assert_true(s->weights[0] < 1.95); /* shrunk */
        free(s);
    }
    assert_int_equal(zero_count[0], 0);
    assert_true(zero_count[1] > 1900);
}

/* At BLAS widths the fast and the careful loops must agree: a row with one missing input equals the row where
 * that input is zero. */
static void test_linear_model_wide_rows_agree_with_the_careful_loop(void **unused) {
    (void)unused;
    enum { WIDTH = 200 };
    weir_math_init();
    struct weir_binding binding = bind_settings(&linear->op, WIDTH, "rate=0.001");
    struct weir_linear_state *a = state_create(&linear->op, &binding),
                             *b = state_create(&linear->op, &binding);
    struct java_random random = java_random_seed(5);
    double x[WIDTH];
    for (int i = 0; i < 500; i++) {
        for (int c = 0; c < WIDTH; c++) x[c] = java_random_double(&random) - 0.5;
        const double label = x[0] + 2 * x[199];
        x[7] = 0;
        linear->learn(&binding, a, WEIR_REGRESSION, x, label, 1);
        x[7] = (double)NAN;
        linear->learn(&binding, b, WEIR_REGRESSION, x, label, 1);
    }
    for (int c = 0; c < WIDTH; c++) assert_true(fabs(a->weights[c] - b->weights[c]) < 1e-12);
    assert_true(a->weights[199] > 0.05);
    free(a);
    free(b);
}

static void test_linear_model_given_an_enormous_input_recovers_with_ordinary_rows(void **unused) {
    (void)unused;
    struct weir_binding binding = bind_defaults(&logistic->op, 2);
    struct weir_linear_state *s = state_create(&logistic->op, &binding);
    const double enormous[] = {1.7e308, 0}, ordinary[] = {0, 1};
    struct weir_prediction p;
    logistic->learn(&binding, s, WEIR_BINARY, enormous, 1, 1);
    assert_true(logistic->op.check(&binding, s));
    assert_close(s->weights[0], 0.5 * 0.01 * 1e30); /* counts as 1e30 */
    for (int i = 0; i < 2000; i++) logistic->learn(&binding, s, WEIR_BINARY, ordinary, i % 10 != 0, 1);
    logistic->predict(&binding, s, WEIR_BINARY, ordinary, &p);
    assert_true(fabs(p.score - 0.9) < 0.05);
    free(s);
}

static void test_linear_model_bind_refuses_options_that_contradict(void **unused) {
    (void)unused;
    struct weir_binding binding;
    struct weir_error error = {0};
    assert_int_equal(bind_with(&linear->op, 2, "l1=1 l2=1", &binding, &error), WEIR_CONFIG);
    assert_non_null(strstr(error.text, "l1 and l2"));
    assert_int_equal(bind_with(&linear->op, 2, "rate=0.5 l2=3", &binding, &error), WEIR_CONFIG);
    assert_non_null(strstr(error.text, "1.5"));
    assert_int_equal(bind_with(&linear->op, 2, "rate=0.5 l2=2", &binding, &error), WEIR_OK);
}

static void test_linear_model_load_refuses_a_model_of_another_shape(void **unused) {
    (void)unused;
    const char *settings[] = {"", "l1=1"};
    for (int k = 0; k < 2; k++) {
        struct weir_binding saved = bind_settings(&linear->op, 3, settings[k]);
        void *state = state_create(&linear->op, &saved);
        struct weir_state_writer *writer = weir_state_writer_create();
        linear->op.save(&saved, state, writer);
        size_t len;
        const void *bytes = weir_state_writer_bytes(writer, &len);
        for (int other = 0; other < 2; other++) {
            struct weir_binding binding = other ? bind_settings(&linear->op, 3, settings[1 - k])
                                                : bind_settings(&linear->op, 4, settings[k]);
            void *into = state_create(&linear->op, &binding);
            struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
            assert_int_equal(linear->op.load(&binding, into, reader), WEIR_DATA);
            assert_non_null(strstr(weir_state_reader_why(reader), other ? "l1" : "number of inputs"));
            weir_state_reader_destroy(reader);
            free(into);
        }
        weir_state_writer_destroy(writer);
        free(state);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_regression_one_step_is_the_gradient_by_hand),
        cmocka_unit_test(test_logistic_regression_one_step_is_the_gradient_by_hand),
        cmocka_unit_test(test_logistic_regression_far_from_zero_saturates_without_overflow),
        cmocka_unit_test(test_linear_model_gradient_beyond_the_clip_is_clipped),
        cmocka_unit_test(test_linear_model_missing_inputs_contribute_nothing_and_are_not_updated),
        cmocka_unit_test(test_linear_model_l1_keeps_useless_weights_at_zero),
        cmocka_unit_test(test_linear_model_wide_rows_agree_with_the_careful_loop),
        cmocka_unit_test(test_linear_model_given_an_enormous_input_recovers_with_ordinary_rows),
        cmocka_unit_test(test_linear_model_bind_refuses_options_that_contradict),
        cmocka_unit_test(test_linear_model_load_refuses_a_model_of_another_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
