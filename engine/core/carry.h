/* SPDX-License-Identifier: Apache-2.0 */
/* carry.h: a saved state that was made under another pipeline file: what fits is carried over, the rest
 * starts cold, and all of that is told (exactly-once.md R12).
 *
 * place:  features, model and watch load; a pipeline file that has changed is the only time it shows.
 * fits:   parts are found by texts that say what they are (plan_texts.c, descriptions of windows), never by
 *         their place in the file.
 * strict: without a carry a state must have exactly the parts of the plan.
 */
#ifndef WEIR_CORE_CARRY_H
#define WEIR_CORE_CARRY_H

#include "base/buffer.h"
#include "weir/operator.h"

struct weir_carry {
    uint64_t seed;             /* of hashes, for windows that start cold where none is carried over */
    struct weir_buffer report; /* a line for each part: "starts cold: ...", "dropped: ..." */
};
void weir_carry_init(struct weir_carry *carry, uint64_t seed);
void weir_carry_deinit(struct weir_carry *carry);
void weir_carry_tell(struct weir_carry *carry, const char *what, const char *part);

/* An operator and its state. */
struct weir_part {
    const char *text;
    const struct weir_operator *op;
    const struct weir_binding *binding;
    void *state; /* as init left it */
    bool loaded;
};

/* format: number of parts, then of each its text and its state as one byte string. */
void weir_parts_save(const struct weir_part *parts, uint32_t count, struct weir_state_writer *writer);
/* carry NULL: strict. WEIR_OK, WEIR_NOMEM, or what the reader says. */
int weir_parts_load(struct weir_part *parts, uint32_t count, struct weir_carry *carry,
                    struct weir_state_reader *reader);

#endif
