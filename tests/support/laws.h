/* SPDX-License-Identifier: Apache-2.0 */
/* laws.h: what conformance tests share: naming the breaker of a law, walking the registry, using an operator
 * of any stateful family, and moving a state through a snapshot.
 */
#ifndef TESTS_SUPPORT_LAWS_H
#define TESTS_SUPPORT_LAWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "support/bind_defaults.h"
#include "support/java_random.h"
#include "weir/detector.h"
#include "weir/learner.h"
#include "weir/metric.h"
#include "weir/registry.h"
#include "weir/transform.h"

/* A law that does not hold names the operator. */
#define law(op, condition)                                                       \
    do {                                                                         \
        if (!(condition)) {                                                      \
            print_error("%s:%d: %s %s breaks the law: %s\n", __FILE__, __LINE__, \
                        weir_family_name((op)->family), (op)->name, #condition); \
            fail();                                                              \
        }                                                                        \
    } while (0)

#define for_each_operator(op, family)                                           \
    for (const struct weir_operator *op = weir_registry_next(family, NULL); op; \
         op = weir_registry_next(family, op))

#define LAW_WIDTH 5 /* inputs of transforms and learners under test */

/* A number in [-1, 1); one in eight is missing when `missing`. */
static inline double law_number(struct java_random *random, bool missing) {
    double number = 2 * java_random_double(random) - 1;
    return missing && java_random_bits(random, 3) == 0 ? (double)NAN : number;
}

/* Numbers that break careless arithmetic; all are finite or missing. */
static const double law_extremes[] = {1e308,  -1e308, 1.7e308, -1.7e308, 1e154, -1e154, 1e-308, -1e-308,
                                      5e-324, 0,      -0.0,    1e30,     -1e31, 1e100,  1,      (double)NAN};
#define LAW_EXTREME_COUNT (sizeof law_extremes / sizeof law_extremes[0])

static inline enum weir_target law_first_target(unsigned targets) {
    return targets & WEIR_BINARY       ? WEIR_BINARY
           : targets & WEIR_MULTICLASS ? WEIR_MULTICLASS
                                       : WEIR_REGRESSION;
}

static inline double law_label(enum weir_target target, struct java_random *random) {
    if (target == WEIR_BINARY) return (double)java_random_bits(random, 1);
    if (target == WEIR_MULTICLASS) return (double)java_random_bits(random, 2);
    return 10 * law_number(random, false);
}

/* Uses a stateful operator `steps` times with seeded, ordinary data. */
static inline void law_use(const struct weir_operator *op, const struct weir_binding *binding, void *state,
                           struct java_random *random, int steps) {
    double x[LAW_WIDTH];
    for (int i = 0; i < steps; i++) {
        for (int c = 0; c < LAW_WIDTH; c++) x[c] = law_number(random, true);
        if (op->family == WEIR_FAMILY_TRANSFORM) {
            ((const struct weir_transform *)op)->observe(binding, state, x);
        } else if (op->family == WEIR_FAMILY_LEARNER) {
            const struct weir_learner *learner = (const struct weir_learner *)op;
            enum weir_target target = law_first_target(learner->targets);
            learner->learn(binding, state, target, x, law_label(target, random), 1 + (double)(i % 3));
        } else if (op->family == WEIR_FAMILY_DETECTOR) {
            double p = i % 400 < 200 ? 0.1 : 0.9;
            ((const struct weir_detector *)op)->update(binding, state, java_random_double(random) < p);
        } else if (op->family == WEIR_FAMILY_METRIC) {
            const struct weir_metric *metric = (const struct weir_metric *)op;
            enum weir_target target = law_first_target(metric->targets);
            struct weir_outcome outcome = {.label = law_label(target, random)};
            outcome.score =
                target == WEIR_REGRESSION ? law_label(target, random) : java_random_double(random);
            outcome.decided = outcome.score > 0.5;
            outcome.hit = outcome.decided == (outcome.label == 1);
            metric->add(binding, state, &outcome);
        }
    }
}

static inline struct weir_state_writer *law_save(const struct weir_operator *op,
                                                 const struct weir_binding *binding, const void *state) {
    struct weir_state_writer *writer = weir_state_writer_create();
    if (!writer) abort();
    op->save(binding, state, writer);
    law(op, weir_state_writer_result(writer) == WEIR_OK);
    return writer;
}

/* Loads bytes into a fresh state of *state; returns load's result. */
static inline int law_load(const struct weir_operator *op, const struct weir_binding *binding, void *state,
                           const void *bytes, size_t len, bool *at_end) {
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) abort();
    op->init(binding, state);
    int result = op->load(binding, state, reader);
    law(op, result == weir_state_reader_result(reader));
    if (at_end) *at_end = weir_state_reader_at_end(reader);
    weir_state_reader_destroy(reader);
    return result;
}

/* A copy that went through a snapshot, as a restart makes it. */
static inline void *law_restored(const struct weir_operator *op, const struct weir_binding *binding,
                                 const void *state) {
    struct weir_state_writer *writer = law_save(op, binding, state);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    void *copy = state_create(op, binding);
    law(op, law_load(op, binding, copy, bytes, len, NULL) == WEIR_OK);
    weir_state_writer_destroy(writer);
    return copy;
}

static inline bool law_same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

#endif
