/* SPDX-License-Identifier: Apache-2.0 */
/* f1.c: harmonic mean of precision and recall of the positive class (label 1); 0 to 1.
 *
 *   F1 = 2 tp / (2 tp + fp + fn)
 *
 * "Positive" is the decision (score > decide_at), not score > 0.5. True negatives do not enter. Undefined
 * (NaN) until a row was positive by label or by decision. */
#include <math.h>

#include "weir/metric.h"

#define CHUNK "metric/f1"
#define VERSION 1

struct state {
    uint64_t true_positive_count;
    uint64_t false_positive_count;
    uint64_t false_negative_count;
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
    return (s->true_positive_count | s->false_positive_count | s->false_negative_count) >> 63 == 0;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->true_positive_count);
    weir_state_write_u64(writer, s->false_positive_count);
    weir_state_write_u64(writer, s->false_negative_count);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->true_positive_count = weir_state_read_u64(reader, INT64_MAX);
    s->false_positive_count = weir_state_read_u64(reader, INT64_MAX);
    s->false_negative_count = weir_state_read_u64(reader, INT64_MAX);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "a count is out of range");
    return weir_state_reader_result(reader);
}

static void add(const struct weir_binding *binding, void *state, const struct weir_outcome *outcome) {
    (void)binding;
    struct state *s = state;
    const bool positive = outcome->label == 1;
    s->true_positive_count += positive && outcome->decided;
    s->false_positive_count += !positive && outcome->decided;
    s->false_negative_count += positive && !outcome->decided;
}

static double value(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    const double twice = 2 * (double)s->true_positive_count;
    const double all = twice + (double)s->false_positive_count + (double)s->false_negative_count;
    return all > 0 ? twice / all : (double)NAN;
}

const struct weir_metric weir_metric_f1 = {
    .op = {.name = "f1",
           .summary = "Harmonic mean of precision and recall of label 1.",
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
