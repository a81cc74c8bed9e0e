/* SPDX-License-Identifier: Apache-2.0 */
/* publish.h: predictions, features, alerts and dead letters -> output records.
 *
 * place:    task -> publish -> door out. Every stream that the plan has active is encoded by its codec.
 * lifetime: output records and all they point to live until the next weir_publisher_begin; raw values, keys
 *           and dead letters point into the input records.
 * headers:  full envelope: weir-pipeline, weir-model-version (predictions), weir-id = topic-partition-offset
 * of the input record, and its traceparent. Alerts are CloudEvents in binary mode. Dead letters: see docs of
 * command-line.md, "Kafka outputs".
 */
#ifndef WEIR_CORE_PUBLISH_H
#define WEIR_CORE_PUBLISH_H

#include "base/buffer.h"
#include "core/classes.h"
#include "core/plan.h"
#include "core/watch.h"

struct weir_publisher {
    const struct weir_plan *plan;
    struct weir_coder *coders[WEIR_STREAM_COUNT];
    struct weir_value *row;   /* scratch, as wide as the widest stream */
    struct weir_buffer bytes; /* keys and values of the batch */
    struct weir_arena *arena; /* the task's batch arena: headers */
    struct weir_output_record *records;
    /* Offsets into `bytes` until it stops moving; NO_PLACE: the record points elsewhere. */
    struct weir_output_place {
        size_t key, value;
    } * places;
    uint32_t count, capacity;
    int result; /* first failure of the batch: WEIR_NOMEM */
};

int weir_publisher_init(struct weir_publisher *publisher, const struct weir_plan *plan,
                        struct weir_arena *arena, struct weir_error *error);
void weir_publisher_deinit(struct weir_publisher *publisher);

void weir_publisher_begin(struct weir_publisher *publisher);
void weir_publish_prediction(struct weir_publisher *publisher, const struct weir_event *event,
                             const struct weir_prediction *prediction, uint64_t model_version,
                             const struct weir_classes *classes);
void weir_publish_features(struct weir_publisher *publisher, const struct weir_event *event);
void weir_publish_alert(struct weir_publisher *publisher, const struct weir_alert *alert);
/* now_ms: INT64_MIN = not known. */
void weir_publish_dead_letter(struct weir_publisher *publisher, const struct weir_record *record,
                              uint32_t input_index, int64_t now_ms, const struct weir_data_error *error);
/* Settles all pointers. WEIR_OK or WEIR_NOMEM: then nothing of the batch may be used. */
int weir_publisher_finish(struct weir_publisher *publisher);

#endif
