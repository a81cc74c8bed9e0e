/* SPDX-License-Identifier: Apache-2.0 */
/* embedded.c: a Kafka cluster inside the process: librdkafka's mock, for the demo and for tests.
 *
 * limits:   one broker; keeps 5 MiB or 100,000 batches of each partition and silently drops what is older; no
 *           isolation of transactions; topics that nobody created have 4 partitions. It proves nothing about
 *           exactly-once.
 */
#include <stdlib.h>

#include "kafka/client.h"
/* must follow rdkafka.h */
#include <librdkafka/rdkafka_mock.h>

struct weir_kafka_embedded {
    rd_kafka_t *owner; /* the mock lives in a client's threads */
    rd_kafka_mock_cluster_t *cluster;
    int32_t partitions;
};

static const struct weir_kafka_setting no_settings[] = {{NULL, NULL}};

struct weir_kafka_embedded *weir_kafka_embedded_open(int32_t partitions, struct weir_error *error) {
    struct weir_kafka_embedded *embedded = calloc(1, sizeof *embedded);
    if (!embedded) {
        weir_error_set(error, WEIR_NOMEM, "no memory for an embedded cluster");
        return NULL;
    }
    embedded->partitions = partitions > 0 ? partitions : 1;
    struct weir_kafka_client nobody = {0};
    rd_kafka_conf_t *conf = weir_kafka_conf_create(&nobody, no_settings, no_settings, error);
    embedded->owner = conf ? weir_kafka_client_create(RD_KAFKA_PRODUCER, conf, error) : NULL;
    if (embedded->owner) embedded->cluster = rd_kafka_mock_cluster_new(embedded->owner, 1);
    if (embedded->cluster) return embedded;
    if (embedded->owner) weir_error_set(error, WEIR_IO, "the embedded cluster did not start");
    weir_kafka_embedded_close(embedded);
    return NULL;
}

const char *weir_kafka_embedded_brokers(const struct weir_kafka_embedded *embedded) {
    return rd_kafka_mock_cluster_bootstraps(embedded->cluster);
}

int weir_kafka_embedded_create_topic(struct weir_kafka_embedded *embedded, const char *topic,
                                     int32_t partitions) {
    int32_t count = partitions > 0 ? partitions : embedded->partitions;
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(embedded->cluster, topic, count, 1);
    return code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? WEIR_IO : WEIR_OK;
}

void weir_kafka_embedded_close(struct weir_kafka_embedded *embedded) {
    if (!embedded) return;
    if (embedded->cluster) rd_kafka_mock_cluster_destroy(embedded->cluster);
    if (embedded->owner) rd_kafka_destroy(embedded->owner);
    free(embedded);
}
