/* SPDX-License-Identifier: Apache-2.0 */
/* java_random.h: the generator of java.util.Random, as its documentation defines it: a 48-bit linear
 * congruential sequence. Published drift streams are made with it; tests also use it as their seeded source.
 */
#ifndef TESTS_SUPPORT_JAVA_RANDOM_H
#define TESTS_SUPPORT_JAVA_RANDOM_H

#include <stdint.h>

struct java_random {
    uint64_t state;
};

#define JAVA_RANDOM_MASK ((UINT64_C(1) << 48) - 1)

static inline struct java_random java_random_seed(uint64_t seed) {
    return (struct java_random){(seed ^ UINT64_C(0x5DEECE66D)) & JAVA_RANDOM_MASK};
}

static inline uint64_t java_random_bits(struct java_random *random, unsigned bits) {
    random->state = (random->state * UINT64_C(0x5DEECE66D) + 11) & JAVA_RANDOM_MASK;
    return random->state >> (48 - bits);
}

/* Uniform in [0, 1) */
static inline double java_random_double(struct java_random *random) {
    uint64_t high = java_random_bits(random, 26) << 27;
    return (double)(high + java_random_bits(random, 27)) * 0x1p-53;
}

#endif
