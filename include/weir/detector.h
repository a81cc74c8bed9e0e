/* SPDX-License-Identifier: Apache-2.0 */
/* detector.h: watches one stream of numbers and says when it has changed.
 *
 * place:    model error or any column -> detector -> drift -> alert.
 * polarity: an error stream has 1 = wrong; a rise is a degradation.
 * reset:    a detector that starts afresh after an alarm does so itself, at its next update.
 * laws:     constant 0 and constant 1 never alarm; rise and fall behave as documented; restored at any
 *           sample = uninterrupted; two instances share nothing; memory is bounded.
 */
#ifndef WEIR_DETECTOR_H
#define WEIR_DETECTOR_H

#include "weir/operator.h"

enum weir_drift { WEIR_STABLE, WEIR_WARNING, WEIR_DRIFT };

/* What the alert says, valid after an update that returned WEIR_DRIFT (or WEIR_WARNING). */
struct weir_drift_report {
    double mean_before, mean_after;     /* NaN where the detector does not know */
    uint64_t count_before, count_after; /* samples behind each mean */
    double statistic, threshold;        /* what was compared with what at the alarm */
};

struct weir_detector {
    struct weir_operator op;
    /* x is finite. */
    enum weir_drift (*update)(const struct weir_binding *binding, void *state, double x);
    void (*report)(const struct weir_binding *binding, const void *state, struct weir_drift_report *report);
};

#endif
