/* SPDX-License-Identifier: Apache-2.0 */
/* mean.c: predicts the mean of the labels learned so far.
 *
 *   W <- W + weight,   r = weight / W,   mean <- (1 - r) mean + r label
 *
 * A convex combination instead of mean + r (label - mean): the difference of two large labels of opposite
 * sign would overflow, the combination cannot.
 */
#include <math.h>

#include "weir/learner.h"

#define CHUNK "learner/mean"
#define VERSION 1
#define SUM_MAX 1e300

struct state {
    double weight_sum, mean;
};

static int bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = sizeof(struct state);
    binding->output_count = 1;
    return WEIR_OK;
}

static void init(const struct weir_binding *binding, void *state) {
    (void)binding;
    *(struct state *)state = (struct state){0};
}

static bool check(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return s->weight_sum >= 0 && isfinite(s->weight_sum) && isfinite(s->mean);
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_f64(writer, s->weight_sum);
    weir_state_write_f64(writer, s->mean);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->weight_sum = weir_state_read_f64(reader);
    s->mean = weir_state_read_f64(reader);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "the mean or its weight is not finite");
    return weir_state_reader_result(reader);
}

static void predict(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction) {
    (void)binding;
    (void)target;
    (void)x;
    const struct state *s = state;
    prediction->valid = s->weight_sum > 0;
    prediction->score = s->mean;
    prediction->class_index = 0;
    prediction->class_count = 0;
}

static void learn(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight) {
    (void)binding;
    (void)target;
    (void)x;
    struct state *s = state;
    if (!(weight > 0) || s->weight_sum + weight > SUM_MAX) return;
    s->weight_sum += weight;
    double share = weight / s->weight_sum;
    s->mean = (1 - share) * s->mean + share * label;
}

const struct weir_learner weir_learner_mean = {
    .op = {.name = "mean",
           .summary = "Baseline: the mean of all labels so far.",
           .family = WEIR_FAMILY_LEARNER,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .targets = WEIR_REGRESSION,
    .predict = predict,
    .learn = learn,
};
