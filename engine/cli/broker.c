/* SPDX-License-Identifier: Apache-2.0 */
/* broker.c: `weir broker`: the embedded Kafka cluster alone, to try clients and pipelines against. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/stop_signal.h"
#include "kafka/kafka.h"

#define PARTITION_MAX 1024

static const struct weir_flag flags[] = {
    {"topic", "NAME,...", "create these topics; others appear on first use"},
    {"partitions", "N", "of the topics named (default 1)"},
    {NULL, NULL, NULL}};

/* Names are separated by commas, which no topic can hold. */
static int create_topics(struct weir_kafka_embedded *embedded, const char *names, int32_t partitions) {
    char name[250];
    while (names && *names) {
        size_t len = strcspn(names, ",");
        if (len >= sizeof name) {
            fprintf(stderr, "weir broker: a topic's name has at most 249 characters\n");
            return WEIR_EXIT_USAGE;
        }
        memcpy(name, names, len);
        name[len] = '\0';
        names += len + (names[len] == ',');
        if (len && weir_kafka_embedded_create_topic(embedded, name, partitions)) {
            fprintf(stderr, "weir broker: topic '%s' cannot be created\n", name);
            return WEIR_EXIT_IO;
        }
    }
    return WEIR_EXIT_OK;
}

static int run(const struct weir_args *args) {
    struct weir_error error = {0};
    int64_t partitions = weir_args_count(args, "partitions", 1);
    if (partitions < 1 || partitions > PARTITION_MAX) {
        if (partitions >= 0)
            fprintf(stderr, "weir broker: --partitions is 1 to %d, not %lld\n", PARTITION_MAX,
                    (long long)partitions);
        return WEIR_EXIT_USAGE;
    }
    weir_stop_signal_block();
    struct weir_kafka_embedded *embedded = weir_kafka_embedded_open((int32_t)partitions, &error);
    if (!embedded) {
        fprintf(stderr, "weir broker: %s\n", error.text);
        return WEIR_EXIT_UNAVAILABLE;
    }
    int code = create_topics(embedded, weir_args_get(args, "topic"), (int32_t)partitions);
    if (!code) {
        printf("bootstrap=%s\n", weir_kafka_embedded_brokers(embedded));
        fflush(stdout);
        fprintf(stderr, "in memory, keeps the last 5 MiB of a partition; stops with Ctrl-C\n");
        weir_stop_signal_wait();
    }
    weir_kafka_embedded_close(embedded);
    return code;
}

const struct weir_verb weir_verb_broker = {"broker",
                                           "[--topic NAME,...] [--partitions N]",
                                           "keeps an embedded Kafka cluster up, in memory, at a port it is "
                                           "given by the system (it cannot be chosen)",
                                           0,
                                           0,
                                           flags,
                                           run};
