/* SPDX-License-Identifier: Apache-2.0 */
/* accuracy.c: share of scored rows whose predicted class was the label; 0 to 1. */
#include <math.h>

#include "weir/metric.h"

#define CHUNK "metric/accuracy"
#define VERSION 1

struct state {
    uint64_t row_count;
    uint64_t hit_count;
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
    return s->hit_count <= s->row_count;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->row_count);
    weir_state_write_u64(writer, s->hit_count);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->row_count = weir_state_read_u64(reader, INT64_MAX);
    s->hit_count = weir_state_read_u64(reader, INT64_MAX);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "more hits than rows");
    return weir_state_reader_result(reader);
}

static void add(const struct weir_binding *binding, void *state, const struct weir_outcome *outcome) {
    (void)binding;
    struct state *s = state;
    s->row_count++;
    s->hit_count += outcome->hit;
}

static double value(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return s->row_count ? (double)s->hit_count / (double)s->row_count : (double)NAN;
}

const struct weir_metric weir_metric_accuracy = {
    .op = {.name = "accuracy",
           .summary = "Share of rows whose predicted class was right.",
           .family = WEIR_FAMILY_METRIC,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .targets = WEIR_BINARY | WEIR_MULTICLASS,
    .add = add,
    .value = value,
};
