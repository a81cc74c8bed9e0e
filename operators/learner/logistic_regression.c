/* SPDX-License-Identifier: Apache-2.0 */
/* logistic_regression.c: P(label = 1) = sigmoid(z) of a linear score z, trained on the log loss.
 *
 *   sigmoid(z) = 1 / (1 + exp(-z)),   loss = -ln P(label),   d loss / d z = sigmoid(z) - label
 *
 * exp is only ever taken of a negative number, so it cannot overflow; |z| beyond 745 gives exactly 0 or 1.
 * libm's exp may differ in its last bit between CPUs with and without fused multiply-add; everything else
 * here is the same on all.
 */
#include <math.h>

#include "linear_model.h"

#define CHUNK "learner/logistic_regression"

static double sigmoid(double z) {
    double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static void predict(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction) {
    (void)target;
    prediction->valid = true;
    prediction->score = sigmoid(weir_linear_score(binding, state, x));
    prediction->class_index = prediction->score > 0.5;
    prediction->class_count = 0;
}

static void learn(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight) {
    (void)target;
    double p = sigmoid(weir_linear_score(binding, state, x));
    weir_linear_step(binding, state, x, weight * (p - label));
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    weir_linear_save(binding, state, CHUNK, writer);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    return weir_linear_load(binding, state, CHUNK, reader);
}

const struct weir_learner weir_learner_logistic_regression = {
    .op = {.name = "logistic_regression",
           .summary = "Linear score through a sigmoid, trained on the log loss by SGD.",
           .family = WEIR_FAMILY_LEARNER,
           .version = WEIR_LINEAR_VERSION,
           .options = weir_linear_options,
           .bind = weir_linear_bind,
           .init = weir_linear_init,
           .save = save,
           .load = load,
           .check = weir_linear_check},
    .targets = WEIR_BINARY,
    .predict = predict,
    .learn = learn,
};
