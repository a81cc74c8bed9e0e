/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letters.h: tells of bad records in the log: the first, then each time their number has doubled. */
#ifndef WEIR_RUNTIME_DEAD_LETTERS_H
#define WEIR_RUNTIME_DEAD_LETTERS_H

#include "core/task.h"

struct weir_dead_letters {
    uint64_t next_told; /* the count from which one is told again; 1 at first */
};

/* Looks at what a task answered. False when it held a bad record, which error then puts in words. */
bool weir_dead_letters_see(struct weir_dead_letters *letters, const struct weir_task *task,
                           const struct weir_outputs *outputs, bool kept, struct weir_error *error);

#endif
