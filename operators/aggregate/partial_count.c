/* SPDX-License-Identifier: Apache-2.0 */
#include "partials.h"

static void add(void *partial, double x) {
    (void)x;
    ((struct weir_partial_count *)partial)->n++;
}

static void merge(void *into, const void *first, size_t stride, uint32_t count) {
    const char *pane = first;
    uint64_t n = ((struct weir_partial_count *)into)->n;
    for (uint32_t i = 0; i < count; i++, pane += stride) n += ((const struct weir_partial_count *)pane)->n;
    ((struct weir_partial_count *)into)->n = n;
}

WEIR_PARTIAL_STEP(struct weir_partial_count)

const struct weir_partial weir_partial_count = {
    .name = "count",
    .bytes = sizeof(struct weir_partial_count),
    .add = add,
    .merge = merge,
    .step = step,
};
