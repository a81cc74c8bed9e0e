/* SPDX-License-Identifier: Apache-2.0 */
/* min.c: smallest value in the window; null when empty. */
#include "partials.h"

static struct weir_value value(const void *partial) {
    uint64_t rank = ((const struct weir_partial_extreme *)partial)->rank;
    return rank ? weir_value_float(weir_partial_extreme_number(~rank)) : weir_value_null(WEIR_FLOAT64);
}

WEIR_AGGREGATE_READ

const struct weir_aggregate weir_aggregate_min = {
    .op = {.name = "min",
           .summary = "smallest value in the window; null when empty",
           .family = WEIR_FAMILY_AGGREGATE,
           .version = 1,
           .options = weir_no_options},
    .takes_argument = true,
    .type = WEIR_FLOAT64,
    .partial = &weir_partial_min,
    .value = value,
    .read = read,
};
