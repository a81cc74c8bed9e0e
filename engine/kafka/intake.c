/* SPDX-License-Identifier: Apache-2.0 */
/* intake.c: cursors by partition number, grown when a partition is first assigned. */
#include "kafka/intake.h"

#include <stdlib.h>
#include <string.h>

#include "weir/error.h"

void weir_kafka_intake_deinit(struct weir_kafka_intake *intake) {
    free(intake->cursors);
    memset(intake, 0, sizeof *intake);
}

int weir_kafka_intake_assign(struct weir_kafka_intake *intake, int32_t partition, int64_t offset) {
    if (partition >= intake->count) {
        int32_t count = partition + 1;
        struct weir_kafka_cursor *cursors = realloc(intake->cursors, (size_t)count * sizeof *cursors);
        if (!cursors) return WEIR_NOMEM;
        memset(cursors + intake->count, 0, (size_t)(count - intake->count) * sizeof *cursors);
        intake->cursors = cursors;
        intake->count = count;
    }
    intake->cursors[partition] = (struct weir_kafka_cursor){
        .next = offset, .stored = WEIR_KAFKA_UNSET, .sent = WEIR_KAFKA_UNSET, .assigned = true};
    return WEIR_OK;
}

void weir_kafka_intake_revoke(struct weir_kafka_intake *intake, int32_t partition) {
    struct weir_kafka_cursor *cursor = weir_kafka_intake_find(intake, partition);
    if (cursor) cursor->assigned = false;
}
