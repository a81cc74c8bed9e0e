/* SPDX-License-Identifier: Apache-2.0 */
/* mean.c: arithmetic mean over the window; null when empty. */
#include "partials.h"

static struct weir_value value(const void *partial) {
    const struct weir_partial_sum *p = partial;
    double mean = p->n ? p->sum / (double)p->n : (double)NAN;
    return isnan(mean) ? weir_value_null(WEIR_FLOAT64) : weir_value_float(mean);
}

WEIR_AGGREGATE_READ

const struct weir_aggregate weir_aggregate_mean = {
    .op = {.name = "mean",
           .summary = "arithmetic mean over the window; null when empty",
           .family = WEIR_FAMILY_AGGREGATE,
           .version = 1,
           .options = weir_no_options},
    .takes_argument = true,
    .type = WEIR_FLOAT64,
    .partial = &weir_partial_sum,
    .value = value,
    .read = read,
};
