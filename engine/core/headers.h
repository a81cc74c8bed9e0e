/* SPDX-License-Identifier: Apache-2.0 */
/* headers.h: the Kafka headers of output records (command-line.md, "Kafka outputs"; CloudEvents 1.0 Kafka
 * binding, binary mode; Kafka Connect's dead-letter names).
 *
 * lifetime: batch: all text in the arena or borrowed from record and plan.
 * errors:   a count of 0 and *headers NULL when there is no memory.
 */
#ifndef WEIR_CORE_HEADERS_H
#define WEIR_CORE_HEADERS_H

#include "base/arena.h"
#include "core/watch.h"
#include "weir/codec.h"

uint32_t weir_headers_answer(struct weir_arena *arena, const char *pipeline, const struct weir_record *record,
                             uint64_t model_version, const struct weir_header **headers);
uint32_t weir_headers_alert(struct weir_arena *arena, const char *pipeline, const struct weir_alert *alert,
                            const char *content_type, const struct weir_header **headers);
uint32_t weir_headers_dead_letter(struct weir_arena *arena, const struct weir_record *record,
                                  const struct weir_data_error *error, const struct weir_header **headers);

#endif
