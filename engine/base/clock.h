/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: what time it is. Never called by the core or by operators: they are told (exactly-once.md R13).
 *
 * threads: any.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Since some moment, never backwards: for deadlines and durations. */
static inline int64_t weir_clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static inline int64_t weir_clock_ms(void) { return weir_clock_us() / 1000; }
static inline double weir_clock_s(void) { return (double)weir_clock_us() * 1e-6; }

/* Since 1970, as people set it. */
static inline int64_t weir_clock_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
