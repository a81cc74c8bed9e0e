/* SPDX-License-Identifier: Apache-2.0 */
/* message.h: a message of librdkafka's as a record of weir's.
 *
 * place:    source | reader -> message; inside engine/kafka only.
 * lifetime: the record borrows from the message, its headers from the arena.
 */
#ifndef WEIR_KAFKA_MESSAGE_H
#define WEIR_KAFKA_MESSAGE_H

#include "base/arena.h"
#include "kafka/client.h"

/* False: no memory for its headers. */
bool weir_kafka_message_record(rd_kafka_message_t *message, const char *topic, struct weir_arena *headers,
                               struct weir_record *record);

#endif
