/* SPDX-License-Identifier: Apache-2.0 */
/* count.c: events in the window; 0 when empty. */
#include "partials.h"

static struct weir_value value(const void *partial) {
    return weir_value_int((int64_t)((const struct weir_partial_count *)partial)->n);
}

WEIR_AGGREGATE_READ

const struct weir_aggregate weir_aggregate_count = {
    .op = {.name = "count",
           .summary = "number of events in the window; with an argument, of those where it is not null",
           .family = WEIR_FAMILY_AGGREGATE,
           .version = 1,
           .options = weir_no_options},
    .takes_argument = false,
    .type = WEIR_INT64,
    .partial = &weir_partial_count,
    .value = value,
    .read = read,
};
