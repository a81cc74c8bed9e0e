/* SPDX-License-Identifier: Apache-2.0 */
/* stddev.c: sample standard deviation, divisor n - 1 as in SQL; null for fewer than two values and while an
 * infinity is in the window. */
#include "partials.h"

static struct weir_value value(const void *partial) {
    const struct weir_partial_moments *p = partial;
    if (p->n < 2) return weir_value_null(WEIR_FLOAT64);
    double deviation = sqrt(p->m2 / (double)(p->n - 1));
    return isfinite(deviation) ? weir_value_float(deviation) : weir_value_null(WEIR_FLOAT64);
}

WEIR_AGGREGATE_READ

const struct weir_aggregate weir_aggregate_stddev = {
    .op = {.name = "stddev",
           .summary = "sample standard deviation (n - 1) over the window; null for fewer than two values",
           .family = WEIR_FAMILY_AGGREGATE,
           .version = 1,
           .options = weir_no_options},
    .takes_argument = true,
    .type = WEIR_FLOAT64,
    .partial = &weir_partial_moments,
    .value = value,
    .read = read,
};
