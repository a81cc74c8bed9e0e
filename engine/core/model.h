/* SPDX-License-Identifier: Apache-2.0 */
/* model.h: transforms and learner with their state: predict, score what was predicted, learn.
 *
 * place:    event (features filled) -> model -> prediction, error -> drift. The order "predict first, then
 *           learn" is the task's; a reset asked for during one event takes effect before the next.
 * missing:  null, NaN and infinite inputs reach operators as NaN.
 */
#ifndef WEIR_CORE_MODEL_H
#define WEIR_CORE_MODEL_H

#include "core/carry.h"
#include "core/event.h"
#include "core/plan.h"

struct weir_model {
    const struct weir_plan_model *plan;
    void *learner_state;
    void *transform_states[WEIR_TRANSFORM_MAX];
    void *metric_states[WEIR_METRIC_MAX];
    double *x, *work[2];               /* raw inputs; vectors between transforms */
    struct weir_prediction prediction; /* of the event in hand */
    struct weir_outcome *window;       /* ring of the last window_rows outcomes */
    uint32_t window_count, window_next;
    uint64_t labelled_rows;
    uint64_t version; /* 1, plus 1 per reset */
    bool reset_pending;
};

int weir_model_init(struct weir_model *model, const struct weir_plan_model *plan);
void weir_model_deinit(struct weir_model *model);

/* Between events: if a reset was asked for, the learner starts afresh. True when it did. */
bool weir_model_apply_reset(struct weir_model *model);
/* Fills model->prediction for the event. */
void weir_model_predict(struct weir_model *model, const struct weir_event *event);
/* Compares the prediction with the label, updates the metrics. The error that drift detectors watch: 0 or 1
 * for classes, |label - score| for numbers; NaN when there was no valid prediction. */
double weir_model_score(struct weir_model *model, const struct weir_event *event);
void weir_model_learn(struct weir_model *model, const struct weir_event *event);
/* The learner starts afresh at the next event; scalers keep what they know of the inputs. */
void weir_model_ask_reset(struct weir_model *model);

double weir_model_metric(const struct weir_model *model, uint32_t metric);
double weir_model_metric_window(const struct weir_model *model, uint32_t metric);

void weir_model_save(const struct weir_model *model, struct weir_state_writer *writer);
/* carry NULL: the state must be of the very same model. *replaced: the learner is another one, it starts
 * cold.
 */
int weir_model_load(struct weir_model *model, struct weir_carry *carry, bool *replaced,
                    struct weir_state_reader *reader);
bool weir_model_check(const struct weir_model *model);

#endif
