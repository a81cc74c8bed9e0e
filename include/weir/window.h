/* SPDX-License-Identifier: Apache-2.0 */
/* window.h: which panes an event time belongs to and which panes make up a window.
 *
 * units: event time and lengths in ms; pane indexes are int64, pane p covers [p*pane, (p+1)*pane).
 * laws:  an event lies in exactly one pane; first..last is a contiguous run ending at (or holding) the
 *        asked time; it never moves back as time moves on; order inside a pane is irrelevant.
 */
#ifndef WEIR_WINDOW_H
#define WEIR_WINDOW_H

#include "weir/operator.h"

struct weir_window {
    struct weir_operator op; /* stateless head; bind reads option `length` (ms) and `panes` */
    int64_t (*pane_of)(const struct weir_binding *binding, int64_t time_ms);
    /* The panes live for a read at time_ms, both inclusive. */
    void (*live)(const struct weir_binding *binding, int64_t time_ms, int64_t *first, int64_t *last);
    /* Smallest time > time_ms at which the live set changes. */
    int64_t (*next_close)(const struct weir_binding *binding, int64_t time_ms);
};

#endif
