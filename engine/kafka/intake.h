/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h: where reading stands in each partition: what may still be taken, what is stored, what is
 * committed.
 *
 * place:    librdkafka's queue -> intake -> records of a poll; inside engine/kafka only.
 * threads:  the source's thread.
 * why:      rule R6: librdkafka may hand a record over twice (a rebalance or a retry refetches an old
 * position) or after its partition was given back. An own cursor for each partition makes both harmless. A
 * gap is legal under read_committed (markers, aborted records) and says nothing about loss.
 */
#ifndef WEIR_KAFKA_INTAKE_H
#define WEIR_KAFKA_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_KAFKA_UNSET INT64_MIN

struct weir_kafka_cursor {
    int64_t next;   /* smallest offset that may still be taken */
    int64_t stored; /* next offset to read after a restart, as the owner said; WEIR_KAFKA_UNSET = not yet */
    int64_t sent;   /* the last one sent to the group and not refused */
    bool assigned, held; /* held: its records wait in a queue that is not read yet */
};

struct weir_kafka_intake {
    struct weir_kafka_cursor *cursors; /* by partition */
    int32_t count;
};

void weir_kafka_intake_deinit(struct weir_kafka_intake *intake);
int weir_kafka_intake_assign(struct weir_kafka_intake *intake, int32_t partition, int64_t offset); /* NOMEM */
void weir_kafka_intake_revoke(struct weir_kafka_intake *intake, int32_t partition);

/* NULL: not assigned. */
static inline struct weir_kafka_cursor *weir_kafka_intake_find(struct weir_kafka_intake *intake,
                                                               int32_t partition) {
    if (partition < 0 || partition >= intake->count || !intake->cursors[partition].assigned) return 0;
    return &intake->cursors[partition];
}

/* True when this record is the next of its partition: then the cursor stands behind it. */
static inline bool weir_kafka_intake_take(struct weir_kafka_intake *intake, int32_t partition,
                                          int64_t offset) {
    struct weir_kafka_cursor *cursor = weir_kafka_intake_find(intake, partition);
    if (!cursor || offset < cursor->next) return false;
    cursor->next = offset + 1;
    return true;
}

#endif
