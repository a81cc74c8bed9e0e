/* SPDX-License-Identifier: Apache-2.0 */
/* linear_regression.c: the linear score z is the prediction, trained on the squared loss.
 *
 *   loss = (z - label)^2,   d loss / d z = 2 (z - label)
 *
 * The factor 2 is kept (River does, other texts halve the loss): a rate means the same in both.
 */
#include "linear_model.h"

#define CHUNK "learner/linear_regression"

static void predict(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction) {
    (void)target;
    prediction->valid = true;
    prediction->score = weir_linear_score(binding, state, x);
    prediction->class_index = 0;
    prediction->class_count = 0;
}

static void learn(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight) {
    (void)target;
    double z = weir_linear_score(binding, state, x);
    weir_linear_step(binding, state, x, weight * 2 * (z - label));
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    weir_linear_save(binding, state, CHUNK, writer);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    return weir_linear_load(binding, state, CHUNK, reader);
}

const struct weir_learner weir_learner_linear_regression = {
    .op = {.name = "linear_regression",
           .summary = "Linear score as the predicted value, trained on the squared loss by SGD.",
           .family = WEIR_FAMILY_LEARNER,
           .version = WEIR_LINEAR_VERSION,
           .options = weir_linear_options,
           .bind = weir_linear_bind,
           .init = weir_linear_init,
           .save = save,
           .load = load,
           .check = weir_linear_check},
    .targets = WEIR_REGRESSION,
    .predict = predict,
    .learn = learn,
};
