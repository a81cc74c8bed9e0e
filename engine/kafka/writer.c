/* SPDX-License-Identifier: Apache-2.0 */
/* writer.c: appends a few large records to one partition and says where they stand (reader.h).
 *
 * Bytes are sent in place, so a call returns only when every record is reported; message.timeout.ms, which is
 * ours here, bounds that.
 */
#include <stdlib.h>

#include "kafka/produce.h"
#include "kafka/reader.h"

#define POLL_MS 100

static const struct weir_kafka_setting writer_defaults[] = {
    {"message.max.bytes", WEIR_KAFKA_RECORD_BYTES_MAX},
    {NULL, NULL},
};
static const struct weir_kafka_setting writer_owned[] = {
    {"enable.idempotence", "true"},
    {"delivery.report.only.error", "false"},
    {"linger.ms", "0"},
    {"message.timeout.ms", "30000"},
    {NULL, NULL},
};

struct weir_kafka_writer {
    struct weir_kafka_outlet outlet;
    rd_kafka_topic_t *topic;
    int64_t first, last;      /* of the call under way; -1 = none yet */
    struct weir_error failed; /* of the call under way */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    struct weir_kafka_writer *writer = opaque;
    weir_kafka_outlet_reported(&writer->outlet, message);
    if (message->err)
        weir_kafka_outlet_refused(message->rkt, rd_kafka_err2str(message->err), &writer->failed);
    else if (message->offset < 0) /* a repeated request whose first answer was lost */
        weir_kafka_outlet_refused(message->rkt, "delivered, but at an unknown offset", &writer->failed);
    if (message->offset > writer->last) writer->last = message->offset;
    if (writer->first < 0 || message->offset < writer->first) writer->first = message->offset;
}

int weir_kafka_writer_open(const struct weir_kafka_client *client, const char *topic,
                           struct weir_kafka_writer **out, struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka writer");
    rd_kafka_conf_t *conf = weir_kafka_conf_create(client, writer_defaults, writer_owned, error);
    int result = WEIR_CONFIG;
    bool answers = true;
    if (conf) {
        rd_kafka_conf_set_opaque(conf, writer);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        result = weir_kafka_outlet_open(&writer->outlet, conf, error);
    }
    if (result == WEIR_OK) {
        writer->topic = weir_kafka_outlet_topic(&writer->outlet, topic, &answers, error);
        if (!writer->topic) result = WEIR_CONFIG;
    }
    if (result)
        weir_kafka_writer_close(writer);
    else
        *out = writer;
    return result;
}

void weir_kafka_writer_close(struct weir_kafka_writer *writer) {
    if (!writer) return;
    if (writer->topic) rd_kafka_topic_destroy(writer->topic);
    weir_kafka_outlet_close(&writer->outlet);
    free(writer);
}

int weir_kafka_writer_write(struct weir_kafka_writer *writer, int32_t partition,
                            const struct weir_bytes *keys, const struct weir_bytes *values, uint32_t count,
                            int64_t *first, int64_t *last, struct weir_error *error) {
    writer->failed.result = WEIR_OK;
    writer->first = writer->last = -1;
    for (uint32_t done = 0; done < count && !writer->failed.result;) {
        rd_kafka_message_t *messages = writer->outlet.chunk[0];
        int taken = 0;
        for (; taken < WEIR_KAFKA_CHUNK && done < count; taken++, done++)
            messages[taken] = weir_kafka_outlet_message(keys[done], values[done], NULL);
        struct weir_error why; /* apart, since polls in here may report another */
        if (weir_kafka_outlet_batch(&writer->outlet, writer->topic, partition, messages, taken, &why))
            writer->failed = why;
    }
    while (writer->outlet.in_flight) rd_kafka_poll(writer->outlet.rk, POLL_MS);
    *first = writer->first;
    *last = writer->last;
    if (writer->failed.result && error) *error = writer->failed;
    return writer->failed.result;
}
