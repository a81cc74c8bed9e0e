/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h: makes the task again that had reached the committed unit, and proves it (R8, R11).
 *
 * place:    group's offsets and their metadata -> journal -> newest good snapshot -> input after it, silently
 * -> task. proof:    journal records form a chain of digests that ends in the metadata; every slice of the
 * input, every unit's outputs and the state digests must be what the journal says. Under another engine id
 * (R12) outputs and states may differ in the last bits and are not compared; nothing is published twice
 * either way. threads:  any; blocks until done. One call for one task, several may run at once. errors:
 * WEIR_AGAIN: the cluster does not answer; call again. WEIR_DATA: what is needed is lost or DIVERGED, in
 *           words; the task must stop until an operator decides. WEIR_NOMEM.
 */
#ifndef WEIR_RUNTIME_RECOVER_H
#define WEIR_RUNTIME_RECOVER_H

#include "runtime/exact.h"
#include "runtime/generation.h"

struct weir_recover_options {
    const struct weir_plan *plan;
    uint64_t engine_id;
    struct weir_generation_place place; /* also says how to reach the cluster */
    const char *topic, *journal;
    int32_t task;
    const struct weir_kafka_offset *committed; /* of all inputs of the task */
    uint32_t count;
    uint64_t seed;  /* for a task without a past */
    bool skip_lost; /* an operator's word: units whose input is gone are not done again (R10) */
};

struct weir_recovered {
    struct weir_task *task;
    struct weir_progress progress;
    uint64_t snapshot_unit;  /* 0 = none was needed or there was none */
    uint64_t units, records; /* done again */
    bool lossy;              /* not all of them could be, and were passed over: to be saved soon */
};

int weir_recover(const struct weir_recover_options *options, struct weir_recovered *recovered,
                 struct weir_error *error);
/* Whether a WEIR_DATA says that something made again is not what was committed, not that something is lost.
 */
bool weir_recover_diverged(const struct weir_error *error);

/* A standby: recovers once, then does each unit that is committed by another process again, with the same
 * proof. That is to be warm. While the units are of another engine id than its own, most often of another
 * pipeline file, it has no task and waits (R12): a state that is carried over begins at the newest snapshot,
 * whoever makes it and whenever, so that every process of this engine id can prove what comes after. */
struct weir_follower;

/* committed and the names of topics are copied, the options' other pointers are borrowed. */
int weir_follower_open(const struct weir_recover_options *options, struct weir_follower **follower,
                       struct weir_error *error);
/* Units seen since the last call, 0: nothing new. WEIR_AGAIN: no answer, call again. After all others only
 * _close is allowed. WEIR_END: it has lost its way, in the middle of a unit or because the log no longer
 * holds what it would read next: open another one. WEIR_DATA: DIVERGED. WEIR_NOMEM. Warm again when the
 * newest unit is of its own engine id. */
int weir_follower_step(struct weir_follower *follower, int64_t timeout_ms, struct weir_error *error);
bool weir_follower_is_warm(const struct weir_follower *follower);
/* One that waits makes its task from the newest snapshot, to lead with it. Errors as weir_recover. */
int weir_follower_warm(struct weir_follower *follower, struct weir_error *error);
/* Goes on to where the group stands and hands the task over; then close, whatever it returns. */
int weir_follower_finish(struct weir_follower *follower, const struct weir_kafka_offset *committed,
                         uint32_t count, struct weir_recovered *recovered, struct weir_error *error);
void weir_follower_close(struct weir_follower *follower);
uint64_t weir_follower_unit(const struct weir_follower *follower); /* the last one seen; 0 = there was none */

#endif
