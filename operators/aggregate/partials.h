/* SPDX-License-Identifier: Apache-2.0 */
/* partials.h: what a pane keeps, shared by the aggregates that can be read from it.
 *
 * place: events of a pane -> partial -> merged over panes -> count, sum, mean, stddev, min, max.
 * why:   count, sum and moments each begin with the smaller one, so a group that asks for the mean and the
 *        standard deviation of one column keeps 24 bytes per pane, not 40.
 */
#ifndef WEIR_OPERATORS_AGGREGATE_PARTIALS_H
#define WEIR_OPERATORS_AGGREGATE_PARTIALS_H

#include <string.h>

#include "weir/aggregate.h"

struct weir_partial_count {
    uint64_t n;
};
struct weir_partial_sum {
    uint64_t n;
    double sum;
};
struct weir_partial_moments {
    uint64_t n;
    double sum;
    double m2; /* sum of squared distances from the mean */
};
struct weir_partial_extreme {
    uint64_t rank; /* partial_extreme.c; 0 = empty */
};

extern const struct weir_partial weir_partial_count;
extern const struct weir_partial weir_partial_sum;
extern const struct weir_partial weir_partial_moments;
extern const struct weir_partial weir_partial_min;
extern const struct weir_partial weir_partial_max;

/* The number behind a rank of weir_partial_max; ~rank for weir_partial_min. */
static inline double weir_partial_extreme_number(uint64_t rank) {
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t bits = rank & sign ? rank & ~sign : ~rank;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
