/* SPDX-License-Identifier: Apache-2.0 */
/* log_loss.c: mean of -ln P(label): how surprised the model was, in nats; 0 is certain and right.
 *
 * P is kept within [1e-15, 1 - 1e-15] (the usual clamp), so one sure and wrong row costs 34.5, not infinity.
 * Binary only: an outcome does not say whether its score is P(1) or P(true class). */
#include <math.h>

#include "weir/metric.h"

#define CHUNK "metric/log_loss"
#define VERSION 1
#define P_MIN 1e-15

struct state {
    uint64_t row_count;
    double loss_sum;
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
    return s->loss_sum >= 0 && s->loss_sum <= 35.0 * (double)s->row_count;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->row_count);
    weir_state_write_f64(writer, s->loss_sum);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->row_count = weir_state_read_u64(reader, INT64_MAX);
    s->loss_sum = weir_state_read_f64(reader);
    if (!check(binding, state))
        weir_state_reader_refuse(reader, "the sum of losses does not fit the number of rows");
    return weir_state_reader_result(reader);
}

static void add(const struct weir_binding *binding, void *state, const struct weir_outcome *outcome) {
    (void)binding;
    struct state *s = state;
    const double p = outcome->label == 1 ? outcome->score : 1 - outcome->score;
    s->row_count++;
    s->loss_sum -= log(fmax(P_MIN, fmin(1 - P_MIN, p)));
}

static double value(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return s->row_count ? s->loss_sum / (double)s->row_count : (double)NAN;
}

const struct weir_metric weir_metric_log_loss = {
    .op = {.name = "log_loss",
           .summary = "Mean of -ln P(label), in nats.",
           .family = WEIR_FAMILY_METRIC,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .targets = WEIR_BINARY,
    .add = add,
    .value = value,
};
