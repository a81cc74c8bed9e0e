/* SPDX-License-Identifier: Apache-2.0 */
#include "partials.h"

static void add(void *partial, double x) {
    struct weir_partial_sum *p = partial;
    p->n++;
    p->sum += x;
}

static void merge(void *into, const void *first, size_t stride, uint32_t count) {
    struct weir_partial_sum all = *(struct weir_partial_sum *)into;
    const char *pane = first;
    for (uint32_t i = 0; i < count; i++, pane += stride) {
        const struct weir_partial_sum *p = (const struct weir_partial_sum *)pane;
        all.n += p->n;
        all.sum += p->sum;
    }
    *(struct weir_partial_sum *)into = all;
}

WEIR_PARTIAL_STEP(struct weir_partial_sum)

const struct weir_partial weir_partial_sum = {
    .name = "sum",
    .bytes = sizeof(struct weir_partial_sum),
    .prefix = &weir_partial_count,
    .add = add,
    .merge = merge,
    .step = step,
};
