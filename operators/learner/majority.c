/* SPDX-License-Identifier: Apache-2.0 */
/* majority.c: predicts the class seen most often; its scores are the classes' shares.
 *
 * Ties go to the lower class. Rows count with their weight. A sum of weights beyond 2^53 stops growing
 * by one per row, which no stream of rows reaches.
 */
#include <math.h>

#include "weir/learner.h"

#define CHUNK "learner/majority"
#define VERSION 1
#define SUM_MAX 1e300 /* weights are added up to here and no further, so shares stay finite */

struct state {
    double sums[WEIR_CLASS_MAX]; /* of weights, by class */
    double total;
    uint64_t seen_count; /* 1 + the highest class learned so far */
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
    bool sound = s->seen_count <= WEIR_CLASS_MAX && s->total >= 0 && isfinite(s->total);
    /* Rounding may lift a class's sum above the total by parts in 1e10, never by more. */
    for (uint32_t c = 0; sound && c < WEIR_CLASS_MAX; c++)
        sound =
            s->sums[c] >= 0 && s->sums[c] <= s->total * (1 + 1e-6) && (c < s->seen_count || s->sums[c] == 0);
    return sound;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->seen_count);
    weir_state_write_f64(writer, s->total);
    weir_state_write_f64s(writer, s->sums, s->seen_count);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->seen_count = weir_state_read_u64(reader, WEIR_CLASS_MAX);
    s->total = weir_state_read_f64(reader);
    weir_state_read_f64s(reader, s->sums, s->seen_count);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "class sums do not fit their total");
    return weir_state_reader_result(reader);
}

static double share_of(const struct state *s, uint32_t class_index) {
    return fmin(1, s->sums[class_index] / s->total);
}

static void predict(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction) {
    (void)binding;
    (void)x;
    const struct state *s = state;
    prediction->valid = s->total > 0;
    prediction->score = 0;
    prediction->class_index = 0;
    prediction->class_count = 0;
    if (!prediction->valid) return;
    uint32_t top = 0;
    for (uint32_t c = 1; c < s->seen_count; c++)
        if (s->sums[c] > s->sums[top]) top = c;
    prediction->class_index = top;
    if (target == WEIR_BINARY) {
        prediction->score = share_of(s, 1);
        return;
    }
    prediction->score = share_of(s, top);
    prediction->class_count = (uint32_t)s->seen_count;
    for (uint32_t c = 0; c < s->seen_count; c++) prediction->scores[c] = share_of(s, c);
}

static void learn(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight) {
    (void)binding;
    (void)target;
    (void)x;
    struct state *s = state;
    if (!(weight > 0) || s->total + weight > SUM_MAX) return;
    uint32_t c = (uint32_t)label;
    s->sums[c] += weight;
    s->total += weight;
    if (c >= s->seen_count) s->seen_count = c + 1;
}

const struct weir_learner weir_learner_majority = {
    .op = {.name = "majority",
           .summary = "Baseline: the class seen most often, with the classes' shares as scores.",
           .family = WEIR_FAMILY_LEARNER,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .targets = WEIR_BINARY | WEIR_MULTICLASS,
    .predict = predict,
    .learn = learn,
};
