/* SPDX-License-Identifier: Apache-2.0 */
/* error.h: the small set of results every verb of weir returns, and the error object cold verbs fill.
 *
 * place:   layer 0, used everywhere.
 * threads: plain values; an error object belongs to the caller.
 * why:     hot verbs return at most a code. Cold verbs (bind, open, load) also say in words what is
 *          wrong; whoever handles the error prints it, nobody prints and returns.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

enum weir_result {
    WEIR_OK = 0,
    WEIR_AGAIN = -1,   /* try later: queue full, broker away; intake stops */
    WEIR_END = -2,     /* nothing more will come */
    WEIR_CONFIG = -3,  /* the pipeline file or an option is wrong */
    WEIR_DATA = -4,    /* this record or these bytes are wrong; dead letter */
    WEIR_VERSION = -5, /* written by an incompatible version */
    WEIR_LIMIT = -6,   /* a stated limit was reached */
    WEIR_NOMEM = -7,
    WEIR_IO = -8,  /* the outside world failed: file, socket, broker */
    WEIR_BUG = -9, /* an invariant does not hold: stop */
};

/* What went wrong, in words, without the place in a file: the caller knows that. */
struct weir_error {
    int result;     /* enum weir_result */
    char text[480]; /* one sentence, no newline */
};

/* Fills *error (may be NULL) and returns result, so that `return weir_error_set(...)` reads well. */
int weir_error_set(struct weir_error *error, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The lower-case name of a result: "ok", "data", "io"... Process lifetime. */
const char *weir_result_name(int result);

#endif
