/* SPDX-License-Identifier: Apache-2.0 */
/* prequential.h: "predict first, then learn" over a data set, as the task does it, for operator tests.
 *
 * predict: transform applies, learner predicts;  learn: transform observes, applies again, learner learns.
 */
#ifndef TESTS_SUPPORT_PREQUENTIAL_H
#define TESTS_SUPPORT_PREQUENTIAL_H

#include "support/bind_defaults.h"
#include "support/dataset.h"
#include "weir/learner.h"
#include "weir/metric.h"
#include "weir/transform.h"

struct prequential {
    const struct weir_transform *transform; /* NULL: none */
    const struct weir_learner *learner;
    const char *settings; /* of the learner, "rate=0.005" */
    enum weir_target target;
    size_t label;         /* column */
    const size_t *inputs; /* columns */
    uint32_t input_count;
    const struct weir_metric *metrics[2];
    double values[2];    /* out */
    size_t scored_count; /* out */
};

static inline struct weir_outcome outcome_of(enum weir_target target,
                                             const struct weir_prediction *prediction, double label) {
    struct weir_outcome outcome = {.label = label, .score = prediction->score};
    if (target == WEIR_BINARY) {
        outcome.decided = prediction->score > 0.5;
        outcome.hit = (label == 1) == outcome.decided;
    } else if (target == WEIR_MULTICLASS) {
        outcome.hit = prediction->class_index == (uint32_t)label;
        outcome.score = label < prediction->class_count ? prediction->scores[(uint32_t)label] : 0;
    }
    return outcome;
}

static inline void prequential_run(struct prequential *run, const struct dataset *data) {
    double raw[DATASET_COLUMNS_MAX], scaled[DATASET_COLUMNS_MAX];
    struct weir_binding transform_binding,
        binding = bind_settings(&run->learner->op, run->input_count, run->settings);
    void *transform_state = NULL, *state = state_create(&run->learner->op, &binding);
    if (run->transform) {
        transform_binding = bind_defaults(&run->transform->op, run->input_count);
        transform_state = state_create(&run->transform->op, &transform_binding);
    }
    struct weir_binding metric_bindings[2];
    void *metric_states[2] = {NULL, NULL};
    for (int m = 0; m < 2 && run->metrics[m]; m++) {
        metric_bindings[m] = bind_defaults(&run->metrics[m]->op, 1);
        metric_states[m] = state_create(&run->metrics[m]->op, &metric_bindings[m]);
    }
    run->scored_count = 0;
    for (size_t r = 0; r < data->row_count; r++) {
        const double *row = dataset_row(data, r), label = row[run->label];
        for (uint32_t i = 0; i < run->input_count; i++) raw[i] = row[run->inputs[i]];
        const double *x = run->transform ? scaled : raw;
        if (run->transform) run->transform->apply(&transform_binding, transform_state, raw, scaled);
        struct weir_prediction prediction;
        run->learner->predict(&binding, state, run->target, x, &prediction);
        if (prediction.valid) {
            struct weir_outcome outcome = outcome_of(run->target, &prediction, label);
            for (int m = 0; m < 2 && run->metrics[m]; m++)
                run->metrics[m]->add(&metric_bindings[m], metric_states[m], &outcome);
            run->scored_count++;
        }
        if (run->transform) {
            run->transform->observe(&transform_binding, transform_state, raw);
            run->transform->apply(&transform_binding, transform_state, raw, scaled);
        }
        run->learner->learn(&binding, state, run->target, x, label, 1);
    }
    for (int m = 0; m < 2 && run->metrics[m]; m++) {
        run->values[m] = run->metrics[m]->value(&metric_bindings[m], metric_states[m]);
        free(metric_states[m]);
    }
    free(transform_state);
    free(state);
}

#endif
