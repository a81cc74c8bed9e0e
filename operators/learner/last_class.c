/* SPDX-License-Identifier: Apache-2.0 */
/* last_class.c: predicts the class of the row learned last.
 *
 * The baseline that shows how much a stream's labels repeat themselves (Elec2: 85 %, more than many
 * trained models reach on it). A model is only worth its cost where it beats this one.
 */
#include <string.h>

#include "weir/learner.h"

#define CHUNK "learner/last_class"
#define VERSION 1

struct state {
    uint32_t seen_count; /* 1 + the highest class learned so far; 0 = nothing learned */
    uint32_t last;
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
    return s->seen_count <= WEIR_CLASS_MAX && (s->seen_count ? s->last < s->seen_count : s->last == 0);
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    (void)binding;
    const struct state *s = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->seen_count);
    weir_state_write_u64(writer, s->last);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->seen_count = (uint32_t)weir_state_read_u64(reader, WEIR_CLASS_MAX);
    s->last = (uint32_t)weir_state_read_u64(reader, WEIR_CLASS_MAX - 1);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "the last class was never seen");
    return weir_state_reader_result(reader);
}

static void predict(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction) {
    (void)binding;
    (void)x;
    const struct state *s = state;
    prediction->valid = s->seen_count > 0;
    prediction->score = target == WEIR_BINARY ? (double)s->last : prediction->valid ? 1.0 : 0.0;
    prediction->class_index = s->last;
    prediction->class_count = 0;
    if (target == WEIR_BINARY || !prediction->valid) return;
    prediction->class_count = s->seen_count;
    memset(prediction->scores, 0, s->seen_count * sizeof prediction->scores[0]);
    prediction->scores[s->last] = 1;
}

static void learn(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight) {
    (void)binding;
    (void)target;
    (void)x;
    (void)weight;
    struct state *s = state;
    s->last = (uint32_t)label;
    if (s->last >= s->seen_count) s->seen_count = s->last + 1;
}

const struct weir_learner weir_learner_last_class = {
    .op = {.name = "last_class",
           .summary = "Baseline: the class of the row before.",
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
