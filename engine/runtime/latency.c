/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/latency.h"

/* Below 8 a bucket for each value; then the three bits after the leading one say which eighth of the octave.
 */
static uint32_t bucket_of(uint64_t us) {
    if (us < 8) return (uint32_t)us;
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(us);
    uint32_t bucket = (octave - 2) * 8 + (uint32_t)(us >> (octave - 3) & 7);
    return bucket < WEIR_LATENCY_BUCKETS ? bucket : WEIR_LATENCY_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t top_of(uint32_t bucket) {
    if (bucket < 8) return bucket;
    uint32_t octave = bucket / 8 + 2;
    return ((UINT64_C(8) + bucket % 8 + 1) << (octave - 3)) - 1;
}

void weir_latency_add(struct weir_latency *latency, uint64_t us) {
    latency->count++;
    latency->buckets[bucket_of(us)]++;
    if (us > latency->max_us) latency->max_us = us;
}

void weir_latency_merge(struct weir_latency *sum, const struct weir_latency *latency) {
    sum->count += latency->count;
    if (latency->max_us > sum->max_us) sum->max_us = latency->max_us;
    for (uint32_t i = 0; i < WEIR_LATENCY_BUCKETS; i++) sum->buckets[i] += latency->buckets[i];
}

uint64_t weir_latency_quantile_us(const struct weir_latency *latency, double share) {
    uint64_t seen = 0;
    for (uint32_t i = 0; i < WEIR_LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (latency->buckets[i] && (double)seen >= share * (double)latency->count)
            return top_of(i) < latency->max_us ? top_of(i) : latency->max_us;
    }
    return latency->max_us;
}
