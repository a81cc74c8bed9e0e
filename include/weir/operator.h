/* SPDX-License-Identifier: Apache-2.0 */
/* operator.h: the head every operator shares, its option table and its binding.
 *
 * place:    operators/<family>/<name>.c defines one `const struct weir_<family> weir_<family>_<name>`;
 *           operators/registry.c lists it; the engine reaches it through the registry only.
 * lifetime: operators are constants (process). A binding is made once per use in a pipeline
 *           (pipeline lifetime, immutable after bind). State is flat bytes the engine owns (task).
 * threads:  verbs are pure functions of (binding, state, data); no globals, so any thread that owns
 *           the state may call them.
 * limits:   no I/O, clock, thread or allocation in any verb except a codec's open.
 *
 * "Engine loops, operators compute." bind is the only verb that can fail with a message: it checks the
 * options against each other and against the input width, and fixes state_bytes and output_count.
 */
#ifndef WEIR_OPERATOR_H
#define WEIR_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/error.h"
#include "weir/state.h"
#include "weir/value.h"

enum weir_family {
    WEIR_FAMILY_CODEC,
    WEIR_FAMILY_AGGREGATE,
    WEIR_FAMILY_WINDOW,
    WEIR_FAMILY_TRANSFORM,
    WEIR_FAMILY_LEARNER,
    WEIR_FAMILY_DETECTOR,
    WEIR_FAMILY_METRIC,
};
#define WEIR_FAMILY_COUNT 7

enum weir_option_type {
    WEIR_OPTION_FLOAT,
    WEIR_OPTION_INT,
    WEIR_OPTION_BOOL,
    WEIR_OPTION_CHOICE,   /* one of `choices`; the value is its index */
    WEIR_OPTION_DURATION, /* "30s", "10m": the value is ms */
};

/* One row of an option table: everything `weir check`, `weir help` and the docs say about it. */
struct weir_option {
    const char *name;
    enum weir_option_type type;
    const char *unit;           /* "" or what the number counts: "samples", "rows" */
    double min, max;            /* inclusive range of numbers and durations (ms) */
    const char *fallback;       /* default, as written in a file; NULL = required */
    const char *const *choices; /* NULL-terminated, for WEIR_OPTION_CHOICE */
    const char *help;           /* one sentence */
};

union weir_option_value {
    double f;
    int64_t i; /* INT, DURATION (ms), CHOICE (index) */
    bool b;
};

#define WEIR_BINDING_PARAMS 192

struct weir_binding {
    /* in: filled by the engine before bind */
    const union weir_option_value *options; /* one per row of the option table; valid during bind only */
    uint32_t input_count;                   /* width of the input vector (transform, learner), else 1 */
    /* out: filled by bind */
    size_t state_bytes;    /* size of the flat state, 8-byte aligned; 0 = stateless */
    uint32_t output_count; /* width of the output vector (transform) */
    union {                /* the operator's own immutable parameters */
        max_align_t align;
        unsigned char bytes[WEIR_BINDING_PARAMS];
    } params;
};

/* The head. `save` writes all that a continued run needs and `load` restores it into state that init
 * has set; both begin with weir_state_{write,read}_head. `check` is false when an invariant of the
 * state is broken: such a state is not loaded. Verbs that do not apply to a stateless
 * operator are NULL together (init, save, load, check). */
struct weir_operator {
    const char *name;    /* file, symbol, config value, metric and test carry this one name */
    const char *summary; /* one sentence for help and docs */
    enum weir_family family;
    uint32_t version;                  /* of the saved state, from 1 */
    const struct weir_option *options; /* ends with a row whose name is NULL; never NULL itself */
    int (*bind)(struct weir_binding *binding, struct weir_error *error);
    void (*init)(const struct weir_binding *binding, void *state); /* also "reset" */
    void (*save)(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer);
    int (*load)(const struct weir_binding *binding, void *state, struct weir_state_reader *reader);
    bool (*check)(const struct weir_binding *binding, const void *state);
};

extern const struct weir_option weir_no_options[]; /* the empty table */

#define WEIR_OPTION_END \
    { .name = NULL }

#endif
