/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.h: a value computed over the events of a window.
 *
 * place:  expression argument -> partial of a pane -> merged over panes -> value in the expression.
 * state:  a partial of fixed size; aggregates with the same partial over the same argument and window
 *         share it (mean and sum keep one {n, sum}).
 * null:   null and NaN arguments are not added. An infinity is a number like any other: panes are
 *         merged at read, so it leaves with its pane.
 * laws:   merging partials = adding all their values (exactly for count, min, max); value twice is
 *         equal; an empty window's value is defined (`value` of a fresh partial); order inside a pane
 *         is irrelevant up to rounding.
 */
#ifndef WEIR_AGGREGATE_H
#define WEIR_AGGREGATE_H

#include "weir/operator.h"

/* What is kept per pane. Flat bytes, all-zero = empty. */
struct weir_partial {
    const char *name;
    uint32_t bytes; /* multiple of 8 */
    /* NULL, or a smaller partial whose bytes and meaning this one begins with: where both are kept over the
     * same argument and window, this one serves for both (count < sum < moments). */
    const struct weir_partial *prefix;
    /* x is neither null nor NaN. */
    void (*add)(void *partial, double x);
    /* into += count partials that lie stride bytes apart: one call per contiguous run of panes. */
    void (*merge)(void *into, const void *first, size_t stride, uint32_t count);
    /* Both for one event in one call: adds x to the pane unless it is NaN, then *out = *tail merged with the
     * pane; out may be the tail. The same bits as add and merge: WEIR_PARTIAL_STEP makes it of them. */
    void (*step)(void *pane, double x, const void *tail, void *out);
};

/* Defines `step` from a file's own `add` and `merge`, which the compiler then works into it. */
#define WEIR_PARTIAL_STEP(type)                                           \
    static void step(void *pane, double x, const void *tail, void *out) { \
        type window = *(const type *)tail;                                \
        if (!isnan(x)) add(pane, x);                                      \
        merge(&window, pane, 0, 1);                                       \
        *(type *)out = window;                                            \
    }

struct weir_aggregate {
    struct weir_operator op; /* stateless head: the partial is the state, saved by the keyspace */
    bool takes_argument;     /* true: sum(amount, 10m); false: count(10m), or count(x, 10m) of any type */
    enum weir_type type;     /* of the value */
    const struct weir_partial *partial;
    struct weir_value (*value)(const void *partial);
    /* value of each of count partials that lie stride bytes apart, into rows[i][column]: WEIR_AGGREGATE_READ.
     */
    void (*read)(const void *first, size_t stride, uint32_t count, struct weir_value *const *rows,
                 uint32_t column);
};

/* Defines `read` from a file's own `value`, which the compiler then works into the loop. */
#define WEIR_AGGREGATE_READ                                                                             \
    static void read(const void *first, size_t stride, uint32_t count, struct weir_value *const *rows,  \
                     uint32_t column) {                                                                 \
        for (uint32_t i = 0; i < count; i++) rows[i][column] = value((const char *)first + i * stride); \
    }

#endif
