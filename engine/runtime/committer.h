/* SPDX-License-Identifier: Apache-2.0 */
/* committer.h: brings one bundle of units after the other into Kafka, and finds out what became of it.
 *
 * place:    lane -> bundle -> committer -> engine/kafka/transaction.h. Driven by the commit thread
 *           (engine/runtime/commit_thread.h), or by the simulator, one call to the cluster a step.
 * threads:  one at a time. Steps block as long as the cluster lets them.
 * promise:  a bundle is either committed as a whole by a transaction in which nothing was in doubt, or what
 * became of each of its units is read from the group's stable offsets (R5). Never guessed. why: KAFKA-17754:
 * a late EndTxn can decide the next transaction of a producer. So a producer whose call was retried, failed
 * or took over a second, or that lost a connection meanwhile, never begins again: a new one with the same
 * transactional.id fences what is late, and the offsets with their metadata "unit:digest" say what was done.
 */
#ifndef WEIR_RUNTIME_COMMITTER_H
#define WEIR_RUNTIME_COMMITTER_H

#include "kafka/transaction.h"
#include "runtime/unit.h"

enum weir_verdict {
    WEIR_UNIT_COMMITTED,
    WEIR_UNIT_AGAIN, /* not committed: the same bytes are to be sent again, if the task is still owned (R4) */
    WEIR_UNIT_GONE,  /* the group stands elsewhere: someone else has the task */
};

/* What goes into one transaction. Borrowed by the committer from submit until decided. */
struct weir_bundle {
    struct weir_unit **units;
    enum weir_verdict *verdicts; /* by unit, once decided */
    uint32_t count, capacity;
    struct weir_kafka_offset *offsets; /* next offsets of all inputs of the units' tasks, with metadata */
    uint32_t *offset_units;            /* by offset: the index of its unit */
    uint32_t offset_count, offset_capacity;
    struct weir_kafka_membership
        *membership; /* as of submit: another generation refuses the offsets (R3, R7) */
    /* once decided: */
    int64_t *journaled; /* by unit: journal offset of its record, -1 = not known */
    int64_t commit_us;  /* from submit until decided, as measured by the commit thread */
};

struct weir_committer_options {
    struct weir_kafka_txn_options txn;
    const char *topic; /* of the source */
    bool lease;        /* being fenced once is the end: the lead was taken over */
    struct weir_kafka_source *source;
    void *owner;
    int64_t (*clock)(void *owner); /* monotonic, ms */
};

struct weir_committer;

int weir_committer_create(const struct weir_committer_options *options, struct weir_committer **committer,
                          struct weir_error *error);
/* Closes the producer: what was under way is left to the broker. */
void weir_committer_destroy(struct weir_committer *committer);

/* Only while nothing is under way. count > 0, offset_count > 0. */
void weir_committer_submit(struct weir_committer *committer, struct weir_bundle *bundle);
/* Opens the producer (fencing a former self) or moves the bundle on by one call. Returns the time to wait
 * before the next step; 0 = at once; WEIR_COMMITTER_REST = nothing to do: the bundle, if there was one, is
 * decided. A negative result is an end: WEIR_IO (broken for good), WEIR_LIMIT (a record is too large),
 * WEIR_AGAIN (fenced twice within 30 s: another process has this slot). */
#define WEIR_COMMITTER_REST INT64_MAX
int64_t weir_committer_step(struct weir_committer *committer);
/* Why the newest step waits or ended. */
const struct weir_error *weir_committer_why(const struct weir_committer *committer);

#endif
