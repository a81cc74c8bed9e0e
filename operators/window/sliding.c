/* SPDX-License-Identifier: Apache-2.0 */
/* sliding.c: the last `length` of event time, in panes.
 *
 * idea:   time is cut into panes of width d = ceil(length / panes), pane p = [p d, (p + 1) d). A window read
 * at time t is the run of k = ceil(length / d) panes that ends with t's own pane. So it reaches back k d at
 *         most and (k - 1) d at least: between length - d and length when d divides length. Rounding always
 *         errs on the young side by less than a pane; more panes make it finer and cost memory.
 *         k <= panes; short windows get fewer panes of 1 ms.
 * source: panes, Li et al., "No pane, no gain", SIGMOD Record 2005.
 * limits: times before 1970 use floor division; all results saturate at the ends of int64.
 */
#include "weir/window.h"

#define LENGTH_MAX_MS (400.0 * 24 * 60 * 60 * 1000)

struct params {
    int64_t pane_ms;
    int64_t panes; /* k */
};
_Static_assert(sizeof(struct params) <= WEIR_BINDING_PARAMS, "params fit");

enum { OPTION_LENGTH, OPTION_PANES };
static const struct weir_option options[] = {
    {.name = "length",
     .type = WEIR_OPTION_DURATION,
     .unit = "",
     .min = 1,
     .max = LENGTH_MAX_MS,
     .help = "how far back the window reaches"},
    {.name = "panes",
     .type = WEIR_OPTION_INT,
     .unit = "panes",
     .min = 1,
     .max = 256,
     .fallback = "8",
     .help = "into how many parts the window is cut; its length is rounded to these"},
    WEIR_OPTION_END,
};

static int bind(struct weir_binding *binding, struct weir_error *error) {
    int64_t length = binding->options[OPTION_LENGTH].i, panes = binding->options[OPTION_PANES].i;
    if (length < 1 || (double)length > LENGTH_MAX_MS)
        return weir_error_set(error, WEIR_CONFIG, "a window is at least 1 ms and at most 400d long");
    if (panes < 1 || panes > 256) return weir_error_set(error, WEIR_CONFIG, "panes must be 1 to 256");
    struct params *params = (struct params *)binding->params.bytes;
    params->pane_ms = (length + panes - 1) / panes;
    params->panes = (length + params->pane_ms - 1) / params->pane_ms;
    binding->state_bytes = 0;
    binding->output_count = 0;
    return WEIR_OK;
}

static int64_t pane_of(const struct weir_binding *binding, int64_t time_ms) {
    int64_t d = ((const struct params *)binding->params.bytes)->pane_ms;
    return time_ms / d - (time_ms % d < 0);
}

static void live(const struct weir_binding *binding, int64_t time_ms, int64_t *first, int64_t *last) {
    int64_t before = ((const struct params *)binding->params.bytes)->panes - 1;
    *last = pane_of(binding, time_ms);
    if (__builtin_sub_overflow(*last, before, first)) *first = INT64_MIN;
}

static int64_t next_close(const struct weir_binding *binding, int64_t time_ms) {
    int64_t d = ((const struct params *)binding->params.bytes)->pane_ms;
    int64_t next, time;
    if (__builtin_add_overflow(pane_of(binding, time_ms), 1, &next) || __builtin_mul_overflow(next, d, &time))
        return INT64_MAX;
    return time;
}

const struct weir_window weir_window_sliding = {
    .op = {.name = "sliding",
           .summary = "the last length of event time, moving with every event, in panes",
           .family = WEIR_FAMILY_WINDOW,
           .version = 1,
           .options = options,
           .bind = bind},
    .pane_of = pane_of,
    .live = live,
    .next_close = next_close,
};
