/* SPDX-License-Identifier: Apache-2.0 */
/* topics.h: looks at the topics of a pipeline before the first record.
 *
 * A missing source topic is an error; a missing output topic is created, to keep its records for ever
 * (docs/decisions/0003-missing-output-topics.md). What each topic keeps is filled in for retention.h.
 */
#ifndef WEIR_RUNTIME_TOPICS_H
#define WEIR_RUNTIME_TOPICS_H

#include "core/plan.h"
#include "kafka/kafka.h"
#include "runtime/retention.h"

/* create: make those of the outputs and of the engine itself that are not there. WEIR_IO: no broker answers,
 * or the source's topic is not there; WEIR_CONFIG: one is unfit for exactly once (R10). */
int weir_topics_look(const struct weir_kafka_client *client, const struct weir_plan *plan, bool create,
                     struct weir_retention *retention, struct weir_error *error);

/* Where the active streams go, and which of them without headers and times: what a producer is opened with.
 * Others stay as they are. */
void weir_topics_of_streams(const struct weir_plan *plan, const char *topics[WEIR_STREAM_COUNT],
                            bool bare[WEIR_STREAM_COUNT]);

#endif
