/* SPDX-License-Identifier: Apache-2.0 */
#include "core/headers.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_HEADER_MAX 4
#define ALERT_HEADER_COUNT 9
#define DEAD_LETTER_HEADER_COUNT 12

static struct weir_bytes text(const char *s) { return (struct weir_bytes){s, strlen(s)}; }

/* Digits from the right; called several times per prediction, hence not snprintf. */
static char *write_int(char *end, int64_t value) {
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--end = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) *--end = '-';
    return end;
}

static struct weir_bytes integer(struct weir_arena *arena, int64_t value) {
    char digits[24], *end = digits + sizeof digits;
    char *start = write_int(end, value);
    size_t len = (size_t)(end - start);
    char *copy = weir_arena_alloc(arena, len);
    if (copy) memcpy(copy, start, len);
    return (struct weir_bytes){copy, copy ? len : 0};
}

/* "topic-partition-offset": names a record everywhere, and makes duplicates of what answers it recognisable.
 */
static struct weir_bytes record_id(struct weir_arena *arena, const struct weir_record *record) {
    char tail[52], *end = tail + sizeof tail;
    char *start = write_int(end, record->offset);
    *--start = '-';
    start = write_int(start, record->partition);
    *--start = '-';
    size_t topic_len = strlen(record->topic), tail_len = (size_t)(end - start);
    char *id = weir_arena_alloc(arena, topic_len + tail_len);
    if (!id) return (struct weir_bytes){NULL, 0};
    memcpy(id, record->topic, topic_len);
    memcpy(id + topic_len, start, tail_len);
    return (struct weir_bytes){id, topic_len + tail_len};
}

uint32_t weir_headers_answer(struct weir_arena *arena, const char *pipeline, const struct weir_record *record,
                             uint64_t model_version, const struct weir_header **headers) {
    struct weir_header *h = weir_arena_alloc(arena, ANSWER_HEADER_MAX * sizeof *h);
    struct weir_bytes id = record_id(arena, record);
    struct weir_bytes version = model_version ? integer(arena, (int64_t)model_version) : text("");
    *headers = h;
    if (!h || !id.data || !version.data) return 0;
    uint32_t n = 0;
    h[n++] = (struct weir_header){"weir-pipeline", text(pipeline)};
    h[n++] = (struct weir_header){"weir-id", id};
    if (model_version) h[n++] = (struct weir_header){"weir-model-version", version};
    for (uint32_t i = 0; i < record->header_count; i++)
        if (!strcmp(record->headers[i].name, "traceparent")) {
            h[n++] = record->headers[i];
            break;
        }
    return n;
}

/* RFC 3339 in UTC, without a clock or a locale: days to civil date after Hinnant, "chrono-compatible
 * low-level date algorithms" (2013). */
static const char *rfc3339(struct weir_arena *arena, int64_t time_ms) {
    int64_t days = time_ms / 86400000, ms = time_ms % 86400000;
    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    return weir_arena_format(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, (int)month, (int)day,
                             (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
                             (int)(ms % 1000));
}

uint32_t weir_headers_alert(struct weir_arena *arena, const char *pipeline, const struct weir_alert *alert,
                            const char *content_type, const struct weir_header **headers) {
    struct weir_header *h = weir_arena_alloc(arena, ALERT_HEADER_COUNT * sizeof *h);
    struct weir_bytes id = record_id(arena, alert->record);
    /* Made of the position alone: a replay after a crash sends the same id, receivers drop the double. */
    const char *ce_id = weir_arena_format(arena, "%s/%s/%.*s", pipeline, alert->drift->name, (int)id.len,
                                          id.data ? id.data : "");
    const char *source = weir_arena_format(arena, "/weir/%s", pipeline);
    const char *time = rfc3339(arena, alert->time_ms);
    *headers = h;
    if (!h || !id.data || !ce_id || !source || !time) return 0;
    uint32_t n = 0;
    h[n++] = (struct weir_header){"ce_specversion", text("1.0")};
    h[n++] = (struct weir_header){"ce_id", text(ce_id)};
    h[n++] = (struct weir_header){"ce_source", text(source)};
    h[n++] = (struct weir_header){"ce_type", text("dev.weir.drift.started")};
    h[n++] = (struct weir_header){"ce_subject", text(alert->drift->name)};
    h[n++] = (struct weir_header){"ce_time", text(time)};
    h[n++] = (struct weir_header){"content-type", text(content_type)};
    h[n++] = (struct weir_header){"weir-pipeline", text(pipeline)};
    h[n++] = (struct weir_header){"weir-id", id};
    return n;
}

uint32_t weir_headers_dead_letter(struct weir_arena *arena, const struct weir_record *record,
                                  const struct weir_data_error *error, const struct weir_header **headers) {
    uint32_t count = record->header_count + DEAD_LETTER_HEADER_COUNT;
    struct weir_header *h = weir_arena_alloc(arena, count * sizeof *h);
    const char *message = error->field ? weir_arena_format(arena, "%s: %s", error->field, error->text)
                                       : weir_arena_copy(arena, error->text, strlen(error->text));
    struct weir_bytes partition = integer(arena, record->partition);
    struct weir_bytes offset = integer(arena, record->offset);
    bool timed = record->timestamp_ms != WEIR_NO_TIMESTAMP;
    struct weir_bytes timestamp = timed ? integer(arena, record->timestamp_ms) : text("");
    *headers = h;
    if (!h || !message || !partition.data || !offset.data || !timestamp.data) return 0;
    const char *stage = strcmp(error->code, "D120") < 0   ? "decode"
                        : strcmp(error->code, "D122") < 0 ? "time"
                        : strcmp(error->code, "D130") < 0 ? "label"
                                                          : "process";
    uint32_t n = record->header_count;
    if (n) memcpy(h, record->headers, n * sizeof *h);
    h[n++] = (struct weir_header){"weir.error.code", text(error->code)};
    h[n++] = (struct weir_header){"weir.error.message", text(message)};
    h[n++] = (struct weir_header){"weir.error.stage", text(stage)};
    h[n++] = (struct weir_header){"weir.source.topic", text(record->topic)};
    h[n++] = (struct weir_header){"weir.source.partition", partition};
    h[n++] = (struct weir_header){"weir.source.offset", offset};
    h[n++] = (struct weir_header){"weir.source.timestamp", timestamp};
    h[n++] = (struct weir_header){"__connect.errors.topic", text(record->topic)};
    h[n++] = (struct weir_header){"__connect.errors.partition", partition};
    h[n++] = (struct weir_header){"__connect.errors.offset", offset};
    h[n++] = (struct weir_header){"__connect.errors.stage", text(stage)};
    h[n++] = (struct weir_header){"__connect.errors.exception.message", text(message)};
    return n;
}
