/* SPDX-License-Identifier: Apache-2.0 */
/* partial_extreme.c: the largest (smallest) value in eight bytes, all-zero when empty.
 *
 * idea: map a double to an unsigned rank that orders as the numbers do: flip all bits of a negative, only the
 *       sign bit of a positive one. NaN never arrives, so no number has rank 0 (-infinity is 0x000f...f), and
 * the complement of a rank is never 0 either (+infinity). Hence 0 is "empty" and also the identity of "larger
 *       of two": merging needs no test for empty panes and no flag beside the number. The minimum is the
 * maximum of the complements. -0.0 ranks just under 0.0, so the order of events cannot show in the result.
 */
#include "partials.h"

#define SIGN ((uint64_t)1 << 63)

static uint64_t rank_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static void keep_larger(struct weir_partial_extreme *p, uint64_t rank) {
    if (rank > p->rank) p->rank = rank;
}
static void add_max(void *partial, double x) { keep_larger(partial, rank_of(x)); }
static void add_min(void *partial, double x) { keep_larger(partial, ~rank_of(x)); }

static void merge(void *into, const void *first, size_t stride, uint32_t count) {
    uint64_t rank = ((struct weir_partial_extreme *)into)->rank;
    const char *pane = first;
    for (uint32_t i = 0; i < count; i++, pane += stride) {
        uint64_t other = ((const struct weir_partial_extreme *)pane)->rank;
        rank = other > rank ? other : rank;
    }
    ((struct weir_partial_extreme *)into)->rank = rank;
}

/* The larger of two ranks, so one body serves for both. */
static void step_ranks(struct weir_partial_extreme *pane, uint64_t rank, const void *tail, void *out) {
    keep_larger(pane, rank);
    struct weir_partial_extreme window = *(const struct weir_partial_extreme *)tail;
    keep_larger(&window, pane->rank);
    *(struct weir_partial_extreme *)out = window;
}
static void step_max(void *pane, double x, const void *tail, void *out) {
    step_ranks(pane, isnan(x) ? 0 : rank_of(x), tail, out);
}
static void step_min(void *pane, double x, const void *tail, void *out) {
    step_ranks(pane, isnan(x) ? 0 : ~rank_of(x), tail, out);
}

const struct weir_partial weir_partial_max = {
    .name = "max",
    .bytes = sizeof(struct weir_partial_extreme),
    .add = add_max,
    .merge = merge,
    .step = step_max,
};
const struct weir_partial weir_partial_min = {
    .name = "min",
    .bytes = sizeof(struct weir_partial_extreme),
    .add = add_min,
    .merge = merge,
    .step = step_min,
};
