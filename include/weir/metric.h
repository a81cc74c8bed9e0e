/* SPDX-License-Identifier: Apache-2.0 */
/* metric.h: how good the predictions are, prequentially: each row is scored before it is learned from.
 *
 * place:  prediction + label -> metric -> summary, status.
 * state:  a few sums; a windowed metric is the same fold over the last N outcomes, done at read.
 * rows:   rows without a valid prediction are not scored (River's convention).
 */
#ifndef WEIR_METRIC_H
#define WEIR_METRIC_H

#include "weir/learner.h"
#include "weir/operator.h"

/* One scored row, small enough to keep the last 10,000 of. */
struct weir_outcome {
    double label; /* as in learner.h */
    double score; /* binary P(1); regression value; multiclass P(true class) */
    bool hit;     /* classification: predicted class = label (binary: (score > decide_at) = label) */
    bool decided; /* binary: score > decide_at */
};

struct weir_metric {
    struct weir_operator op;
    unsigned targets; /* enum weir_target, or-ed */
    void (*add)(const struct weir_binding *binding, void *state, const struct weir_outcome *outcome);
    double (*value)(const struct weir_binding *binding, const void *state); /* NaN: undefined so far */
};

#endif
