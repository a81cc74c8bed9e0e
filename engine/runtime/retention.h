/* SPDX-License-Identifier: Apache-2.0 */
/* retention.h: warns when a topic deletes what this pipeline reads or writes.
 *
 * why: outputs carry the event time as their Kafka timestamp. A topic with the default seven days of
 * retention deletes records of older events within minutes, silently; replaying history into it loses
 * everything. when: at start for every topic whose retention is finite while event times come from the data,
 * and once more for each when the first record older than that is seen.
 */
#ifndef WEIR_RUNTIME_RETENTION_H
#define WEIR_RUNTIME_RETENTION_H

#include "kafka/kafka.h"
#include "weir/record.h"

struct weir_retention_topic {
    const char *topic; /* NULL = not used */
    int64_t keeps_ms;  /* -1 = for ever, INT64_MIN = not known */
    bool warned;
};
struct weir_retention {
    struct weir_retention_topic source, streams[WEIR_STREAM_COUNT];
};

/* dated: event times come from a column, so they may be old. */
void weir_retention_at_start(const struct weir_retention *retention, bool dated);
void weir_retention_see_records(struct weir_retention *retention, const struct weir_record *records,
                                uint32_t count, int64_t now_ms);
void weir_retention_see_outputs(struct weir_retention *retention, const struct weir_output_record *records,
                                uint32_t count, int64_t now_ms);

#endif
