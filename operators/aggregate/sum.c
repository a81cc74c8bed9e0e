/* SPDX-License-Identifier: Apache-2.0 */
/* sum.c: sum over the window; 0 when empty (counts and sums of nothing are 0), null while both infinities are
 * in it. */
#include "partials.h"

static struct weir_value value(const void *partial) {
    double sum = ((const struct weir_partial_sum *)partial)->sum;
    return isnan(sum) ? weir_value_null(WEIR_FLOAT64) : weir_value_float(sum);
}

WEIR_AGGREGATE_READ

const struct weir_aggregate weir_aggregate_sum = {
    .op = {.name = "sum",
           .summary = "sum over the window; 0 when empty",
           .family = WEIR_FAMILY_AGGREGATE,
           .version = 1,
           .options = weir_no_options},
    .takes_argument = true,
    .type = WEIR_FLOAT64,
    .partial = &weir_partial_sum,
    .value = value,
    .read = read,
};
