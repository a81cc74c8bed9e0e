/* SPDX-License-Identifier: Apache-2.0 */
/* Published accuracies and errors of River on public files, reproduced to 1e-6 (or to the digits published).
 * A difference in any rule (order of observe and learn, factor of a gradient, who is penalised) shows here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/prequential.h"

extern const struct weir_transform weir_transform_standard_scaler;
extern const struct weir_learner weir_learner_logistic_regression, weir_learner_linear_regression,
    weir_learner_last_class, weir_learner_majority, weir_learner_mean;
extern const struct weir_metric weir_metric_accuracy, weir_metric_f1, weir_metric_mae, weir_metric_rmse;

static const size_t first_columns[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

#define assert_near(value, expected, tolerance)                                           \
    do {                                                                                  \
        double got_ = (value);                                                            \
        if (!(fabs(got_ - (expected)) <= (tolerance))) {                                  \
            print_error("%s is %.9f, expected %.9f\n", #value, got_, (double)(expected)); \
            fail();                                                                       \
        }                                                                                 \
    } while (0)

static void load(struct dataset *data, const char *name, const char *positive) {
    if (!dataset_load(data, name, positive)) skip();
}

static struct prequential binary_run(const struct weir_learner *learner, const char *settings,
                                     uint32_t inputs) {
    return (struct prequential){.learner = learner,
                                .settings = settings,
                                .target = WEIR_BINARY,
                                .label = inputs,
                                .inputs = first_columns,
                                .input_count = inputs,
                                .metrics = {&weir_metric_accuracy, &weir_metric_f1}};
}

static void test_logistic_regression_on_phishing_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "phishing.csv.gz", "");
    assert_int_equal(data.row_count, 1250);
    struct prequential run = binary_run(&weir_learner_logistic_regression, "rate=0.005", 9);
    run.transform = &weir_transform_standard_scaler;
    prequential_run(&run, &data);
    assert_int_equal(run.scored_count, 1250);
    assert_near(run.values[0], 0.8872, 1e-9);
    assert_near(run.values[1], 0.871, 5e-4);
    run.settings = "rate=0.1";
    prequential_run(&run, &data);
    assert_near(run.values[0], 0.8896, 1e-9);
    dataset_free(&data);
}

static void test_logistic_regression_on_elec2_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "electricity.csv.gz", "UP");
    assert_int_equal(data.row_count, 45312);
    struct prequential run = binary_run(&weir_learner_logistic_regression, "rate=0.005", 8);
    run.transform = &weir_transform_standard_scaler;
    prequential_run(&run, &data);
    assert_int_equal(run.scored_count, 45312);
    assert_near(run.values[0], 0.8221442, 1e-7);
    assert_near(run.values[1], 0.777, 5e-4);
    dataset_free(&data);
}

static void test_last_class_on_elec2_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "electricity.csv.gz", "UP");
    struct prequential run = binary_run(&weir_learner_last_class, "", 8);
    prequential_run(&run, &data);
    assert_int_equal(run.scored_count, 45311); /* the first row has no prediction */
    assert_near(run.values[0], 0.8533027, 1e-7);
    assert_near(run.values[1], 0.827, 5e-4);
    run.target = WEIR_MULTICLASS;
    run.metrics[1] = NULL;
    prequential_run(&run, &data);
    assert_near(run.values[0], 0.8533027, 1e-7);
    dataset_free(&data);
}

static void test_majority_on_elec2_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "electricity.csv.gz", "UP");
    struct prequential run = binary_run(&weir_learner_majority, "", 8);
    prequential_run(&run, &data);
    assert_near(run.values[0], 0.5753, 1e-4);
    dataset_free(&data);
}

/* Trump approval: the target is column 1. */
static const size_t trump_inputs[] = {0, 2, 3, 4, 5, 6};
static struct prequential trump_run(const struct weir_learner *learner, const char *settings) {
    return (struct prequential){.transform = &weir_transform_standard_scaler,
                                .learner = learner,
                                .settings = settings,
                                .target = WEIR_REGRESSION,
                                .label = 1,
                                .inputs = trump_inputs,
                                .input_count = 6,
                                .metrics = {&weir_metric_mae, &weir_metric_rmse}};
}

static void test_linear_regression_on_trump_approval_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "trump_approval.csv.gz", "");
    assert_int_equal(data.row_count, 1001);
    struct prequential run = trump_run(&weir_learner_linear_regression, "");
    prequential_run(&run, &data);
    assert_near(run.values[0], 1.3145482, 1e-6);
    assert_near(run.values[1], 3.9119809, 1e-6);
    run.settings = "intercept_rate=0.1";
    prequential_run(&run, &data);
    assert_near(run.values[0], 0.5587350, 1e-6);
    dataset_free(&data);
}

static void test_linear_regression_with_penalties_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "trump_approval.csv.gz", "");
    struct prequential run = trump_run(&weir_learner_linear_regression, "l1=1");
    prequential_run(&run, &data);
    assert_near(run.values[0], 1.154, 5e-4);
    assert_near(run.values[1], 3.829, 5e-4);
    run.settings = "l2=1";
    prequential_run(&run, &data);
    assert_near(run.values[0], 1.872, 5e-4);
    assert_near(run.values[1], 4.131, 5e-4);
    dataset_free(&data);
}

static void test_linear_regression_on_chick_weights_scores_as_published(void **unused) {
    (void)unused;
    static const size_t inputs[] = {1, 2, 3};
    struct dataset data;
    load(&data, "chick_weights.csv.gz", "");
    assert_int_equal(data.row_count, 578);
    struct prequential run = trump_run(&weir_learner_linear_regression, "");
    run.label = 0;
    run.inputs = inputs;
    run.input_count = 3;
    prequential_run(&run, &data);
    assert_near(run.values[0], 23.758657, 1e-6);
    assert_near(run.values[1], 37.037671, 1e-6);
    dataset_free(&data);
}

static void test_mean_on_chick_weights_scores_as_published(void **unused) {
    (void)unused;
    struct dataset data;
    load(&data, "chick_weights.csv.gz", "");
    struct prequential run = trump_run(&weir_learner_mean, "");
    run.transform = NULL;
    run.label = 0;
    run.inputs = first_columns;
    run.input_count = 1;
    prequential_run(&run, &data);
    assert_int_equal(run.scored_count, 577);
    /* Published 50.25 / 71.11 counts the first row (weight 42) with a prediction of 0. */
    assert_near((run.values[0] * 577 + 42) / 578, 50.25, 5e-3);
    assert_near(sqrt((run.values[1] * run.values[1] * 577 + 42 * 42) / 578), 71.11, 5e-3);
    dataset_free(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic_regression_on_phishing_scores_as_published),
        cmocka_unit_test(test_logistic_regression_on_elec2_scores_as_published),
        cmocka_unit_test(test_last_class_on_elec2_scores_as_published),
        cmocka_unit_test(test_majority_on_elec2_scores_as_published),
        cmocka_unit_test(test_linear_regression_on_trump_approval_scores_as_published),
        cmocka_unit_test(test_linear_regression_with_penalties_scores_as_published),
        cmocka_unit_test(test_linear_regression_on_chick_weights_scores_as_published),
        cmocka_unit_test(test_mean_on_chick_weights_scores_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
