/* SPDX-License-Identifier: Apache-2.0 */
/* latency.h: how long something took, many times: a histogram of fixed size.
 *
 * place:    exact_host (commits) -> worker -> workers adds them up -> summary.
 * threads:  one owner at a time.
 * limits:   eight buckets for each power of two: what is read back is at most an eighth too high; from an
 * hour on all is one bucket.
 */
#ifndef WEIR_RUNTIME_LATENCY_H
#define WEIR_RUNTIME_LATENCY_H

#include <stdint.h>

#define WEIR_LATENCY_BUCKETS 240

struct weir_latency {
    uint64_t count, max_us;
    uint64_t buckets[WEIR_LATENCY_BUCKETS];
};

void weir_latency_add(struct weir_latency *latency, uint64_t us);
void weir_latency_merge(struct weir_latency *sum, const struct weir_latency *latency);
/* The time that a share of all stayed at or below, 0 < share <= 1; 0 when there was none. */
uint64_t weir_latency_quantile_us(const struct weir_latency *latency, double share);

#endif
