/* SPDX-License-Identifier: Apache-2.0 */
/* slot.h: a name that stays the same when a process is started again, and that two living processes never
 * share.
 *
 * place:   worker -> slot -> transactional.id and group.instance.id: a restarted worker fences its former
 * self and gets its partitions back at once (exactly-once.md, R5 and R6). how:     files
 * <dir>/<pipeline>/slot-0, slot-1, ... each hold a random name; a worker takes the first it can lock (flock),
 * which the kernel lets go of when the process ends, however it ends. errors:  WEIR_IO with the file and the
 * system's words.
 */
#ifndef WEIR_FILE_SLOT_H
#define WEIR_FILE_SLOT_H

#include "weir/error.h"

#define WEIR_SLOT_NAME_BYTES 32

struct weir_slot_lock {
    int fd; /* -1 = none */
    char name[WEIR_SLOT_NAME_BYTES];
};

/* Makes the folder when it is not there. dir NULL: a random name that nobody will have again. */
int weir_slot_take(const char *dir, const char *pipeline, struct weir_slot_lock *slot,
                   struct weir_error *error);
void weir_slot_release(struct weir_slot_lock *slot);

#endif
