/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h: reads ranges of a topic's partitions from a given offset, outside of any group: journal,
 * snapshots, and the input that recovery processes again.
 *
 * place:    recover, state verb -> reader -> broker; committed records only, in order per partition.
 * threads:  one owner; calls block up to their timeout.
 * errors:   WEIR_IO: the cluster does not answer; WEIR_DATA: the log no longer holds the offset, with the
 * range that is lost.
 */
#ifndef WEIR_KAFKA_READER_H
#define WEIR_KAFKA_READER_H

#include "kafka/kafka.h"

struct weir_kafka_reader;

int weir_kafka_reader_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_reader **reader, struct weir_error *error);
void weir_kafka_reader_close(struct weir_kafka_reader *reader);
/* Reads on from `offset` (a partition may be sought as often as wanted; others are not disturbed). -1: from
 * the oldest record there is. */
int weir_kafka_reader_seek(struct weir_kafka_reader *reader, int32_t partition, int64_t offset,
                           struct weir_error *error);
/* The next records, borrowed until the next call: at least one and at most max. 0: none lies before the
 * partition's end of committed records. Negative: error; WEIR_AGAIN when the cluster did not answer within
 * timeout_ms. */
int weir_kafka_reader_read(struct weir_kafka_reader *reader, int32_t partition, struct weir_record *records,
                           uint32_t max, int64_t timeout_ms, struct weir_error *error);

/* Appends records to one partition outside of any transaction and waits for their acknowledgement: snapshot
 * chunks. *first and *last are the offsets they got (in order, others may stand between). */
struct weir_kafka_writer;
int weir_kafka_writer_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_writer **writer, struct weir_error *error);
int weir_kafka_writer_write(struct weir_kafka_writer *writer, int32_t partition,
                            const struct weir_bytes *keys, const struct weir_bytes *values, uint32_t count,
                            int64_t *first, int64_t *last, struct weir_error *error);
void weir_kafka_writer_close(struct weir_kafka_writer *writer);

#endif
