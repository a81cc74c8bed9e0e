/* SPDX-License-Identifier: Apache-2.0 */
/* learner.h: an online model: predict, then learn, one event at a time.
 *
 * place:   transformed vector -> learner -> prediction; the task, not the learner, keeps the order
 *          "predict first, then learn".
 * labels:  binary 0 or 1; multiclass a class index < WEIR_CLASS_MAX; regression the value.
 * missing: NaN inputs are missing: they contribute nothing and are not learned from. The task never
 *          passes an infinity (it is made missing before).
 * laws:    predict changes nothing; same order of calls, same bytes; save, load, continue =
 *          uninterrupted; loss falls on a separable stream; parameters stay finite after extreme input.
 */
#ifndef WEIR_LEARNER_H
#define WEIR_LEARNER_H

#include "weir/operator.h"

enum weir_target { WEIR_BINARY = 1, WEIR_MULTICLASS = 2, WEIR_REGRESSION = 4 };
#define WEIR_CLASS_MAX 64

struct weir_prediction {
    bool valid;           /* false: nothing learned yet that a prediction could rest on */
    double score;         /* binary: P(label = 1); regression: the value; multiclass: P(class) */
    uint32_t class_index; /* multiclass: the predicted class; binary: score > 0.5 */
    uint32_t class_count; /* multiclass: scores[0..class_count) are filled */
    double scores[WEIR_CLASS_MAX];
};

struct weir_learner {
    struct weir_operator op;
    unsigned targets; /* enum weir_target, or-ed */
    void (*predict)(const struct weir_binding *binding, const void *state, enum weir_target target,
                    const double *x, struct weir_prediction *prediction);
    void (*learn)(const struct weir_binding *binding, void *state, enum weir_target target, const double *x,
                  double label, double weight);
};

#endif
