/* SPDX-License-Identifier: Apache-2.0 */
/* partial_moments.c: count, sum and squared distances from the mean, in one pass and mergeable.
 *
 * idea:  never subtract two large sums of squares. With n values, sum T and M2 = sum of (x - T/n)^2
 *          add x:  n += 1, T += x, M2 += (n x - T)^2 / (n (n - 1))                        Youngs & Cramer
 * 1971 merge:  with the common mean m = T / n of all parts i: M2 = sum over i of  M2_i + (T_i - n_i m)^2 /
 * n_i                       Chan, Golub, LeVeque 1979 The update is Welford's (1962) written with the sum in
 * place of the mean: as accurate, and the sum stays exact for integers, so the same bytes serve `sum`. speed:
 * merging k panes with the common mean needs k independent divisions, which overlap, where the pairwise form
 * needs a chain of them. limits: an infinity makes M2 infinite or NaN until its pane leaves; readers answer
 * null then.
 */
#include "partials.h"

static void add(void *partial, double x) {
    struct weir_partial_moments *p = partial;
    p->n++;
    p->sum += x;
    if (p->n == 1) return;
    double n = (double)p->n;
    double t = n * x - p->sum;
    p->m2 += t * t / (n * (n - 1));
}

static double around(const struct weir_partial_moments *p, double mean) {
    if (!p->n) return 0;
    double n = (double)p->n;
    double t = p->sum - n * mean;
    return p->m2 + t * t / n;
}

static void merge(void *into, const void *first, size_t stride, uint32_t count) {
    const struct weir_partial_moments before = *(struct weir_partial_moments *)into;
    struct weir_partial_moments all = {.n = before.n, .sum = before.sum};
    const char *pane = first;
    for (uint32_t i = 0; i < count; i++, pane += stride) {
        const struct weir_partial_moments *p = (const struct weir_partial_moments *)pane;
        all.n += p->n;
        all.sum += p->sum;
    }
    if (!all.n) return;
    double mean = all.sum / (double)all.n;
    all.m2 = around(&before, mean);
    pane = first;
    for (uint32_t i = 0; i < count; i++, pane += stride)
        all.m2 += around((const struct weir_partial_moments *)pane, mean);
    *(struct weir_partial_moments *)into = all;
}

WEIR_PARTIAL_STEP(struct weir_partial_moments)

const struct weir_partial weir_partial_moments = {
    .name = "moments",
    .bytes = sizeof(struct weir_partial_moments),
    .prefix = &weir_partial_sum,
    .add = add,
    .merge = merge,
    .step = step,
};
