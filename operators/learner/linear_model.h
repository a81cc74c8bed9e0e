/* SPDX-License-Identifier: Apache-2.0 */
/* linear_model.h: what linear and logistic regression share: weights, an intercept, one SGD step.
 *
 * place:  learner/<name>.c turns the score into a prediction and a residual; everything else is here.
 * state:  a flat struct weir_linear_state; a weight per input, and with l1 a paid penalty per input.
 * limits: an input beyond +-1e30 counts as +-1e30; parameters then stay below 1e60 for longer than any
 *         stream lasts (linear_model.c), so every prediction is finite.
 */
#ifndef WEIR_OPERATORS_LEARNER_LINEAR_MODEL_H
#define WEIR_OPERATORS_LEARNER_LINEAR_MODEL_H

#include "weir/learner.h"

extern const struct weir_option weir_linear_options[];

/* What bind leaves in binding->params. */
struct weir_linear_params {
    double rate, l2, l1, intercept_rate, intercept_init, clip_gradient;
};

struct weir_linear_state {
    double intercept;
    double l1_due;    /* total l1 penalty that every weight could have received so far */
    double weights[]; /* input_count; with l1 followed by input_count penalties already applied */
};

int weir_linear_bind(struct weir_binding *binding, struct weir_error *error);
void weir_linear_init(const struct weir_binding *binding, void *state);
bool weir_linear_check(const struct weir_binding *binding, const void *state);

/* chunk is the learner's own name in the snapshot: "learner/<name>". */
#define WEIR_LINEAR_VERSION 1
void weir_linear_save(const struct weir_binding *binding, const void *state, const char *chunk,
                      struct weir_state_writer *writer);
int weir_linear_load(const struct weir_binding *binding, void *state, const char *chunk,
                     struct weir_state_reader *reader);

/* intercept + sum of w[i] x[i] over the inputs that are not missing. Finite. */
double weir_linear_score(const struct weir_binding *binding, const void *state, const double *x);

/* One SGD step against the loss gradient d loss / d score, already multiplied by the row's weight. */
void weir_linear_step(const struct weir_binding *binding, void *state, const double *x, double gradient);

#endif
