/* SPDX-License-Identifier: Apache-2.0 */
/* mae.c: mean absolute error, in units of the label.
 *
 * An error beyond 1e140 counts as 1e140, so that no sum over 1e18 rows overflows. */
#include <math.h>

#include "weir/metric.h"

#define CHUNK "metric/mae"
#define VERSION 1
#define ERROR_MAX 1e140

struct state {
    uint64_t row_count;
    double error_sum;
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
    return s->error_sum >= 0 && s->error_sum <= 1.001 * ERROR_MAX * (double)s->row_count;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->row_count);
    weir_state_write_f64(writer, s->error_sum);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->row_count = weir_state_read_u64(reader, INT64_MAX);
    s->error_sum = weir_state_read_f64(reader);
    if (!check(binding, state))
        weir_state_reader_refuse(reader, "the sum of errors does not fit the number of rows");
    return weir_state_reader_result(reader);
}

static void add(const struct weir_binding *binding, void *state, const struct weir_outcome *outcome) {
    (void)binding;
    struct state *s = state;
    s->row_count++;
    s->error_sum += fmin(fabs(outcome->label - outcome->score), ERROR_MAX);
}

static double value(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return s->row_count ? s->error_sum / (double)s->row_count : (double)NAN;
}

const struct weir_metric weir_metric_mae = {
    .op = {.name = "mae",
           .summary = "Mean absolute error.",
           .family = WEIR_FAMILY_METRIC,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .targets = WEIR_REGRESSION,
    .add = add,
    .value = value,
};
