/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/retention.h"

#include <inttypes.h>

#include "base/log.h"

static bool is_finite(const struct weir_retention_topic *topic) {
    return topic->topic && topic->keeps_ms >= 0;
}

static double days(int64_t ms) { return (double)ms / 86400000.0; }

void weir_retention_at_start(const struct weir_retention *retention, bool dated) {
    if (!dated) return;
    for (int i = 0; i < WEIR_STREAM_COUNT; i++)
        if (is_finite(&retention->streams[i]))
            weir_log(WEIR_LOG_WARNING,
                     "topic %s keeps records for %.1f days, and outputs are dated by event time: results for "
                     "older "
                     "events will be deleted by the broker (set retention.ms=-1 on it to keep them)",
                     retention->streams[i].topic, days(retention->streams[i].keeps_ms));
    if (is_finite(&retention->source))
        weir_log(WEIR_LOG_WARNING,
                 "topic %s keeps records for %.1f days: older input may be gone before it is read",
                 retention->source.topic, days(retention->source.keeps_ms));
}

static void see(struct weir_retention_topic *topic, int64_t time_ms, int64_t now_ms, const char *what) {
    if (time_ms == WEIR_NO_TIMESTAMP || now_ms - time_ms <= topic->keeps_ms) return;
    topic->warned = true;
    weir_log(WEIR_LOG_WARNING,
             "%s topic %s: a record is dated %.1f days ago, but the topic keeps only %.1f days: the broker "
             "may delete "
             "it at any moment (retention.ms=-1 keeps it)",
             what, topic->topic, days(now_ms - time_ms), days(topic->keeps_ms));
}

void weir_retention_see_records(struct weir_retention *retention, const struct weir_record *records,
                                uint32_t count, int64_t now_ms) {
    struct weir_retention_topic *topic = &retention->source;
    if (!is_finite(topic)) return;
    for (uint32_t i = 0; i < count && !topic->warned; i++)
        see(topic, records[i].timestamp_ms, now_ms, "source");
}

void weir_retention_see_outputs(struct weir_retention *retention, const struct weir_output_record *records,
                                uint32_t count, int64_t now_ms) {
    for (uint32_t i = 0; i < count; i++) {
        struct weir_retention_topic *topic = &retention->streams[records[i].stream];
        if (is_finite(topic) && !topic->warned) see(topic, records[i].timestamp_ms, now_ms, "output");
    }
}
