/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: what source, sink and admin share: building a librdkafka configuration and watching a client's
 * health.
 *
 * place:    inside engine/kafka only; the one header of weir that shows rdkafka.h.
 * threads:  a health belongs to the thread that polls its client; librdkafka's own threads never touch it.
 * order:    a configuration is built in three layers: weir's defaults, then kafka.properties of the pipeline
 *           file, then what weir owns (the group, offset handling, isolation...), which nobody may change.
 */
#ifndef WEIR_KAFKA_CLIENT_H
#define WEIR_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "kafka/kafka.h"

/* The largest record weir sends, and the most that topics it makes take: what hosted Kafkas allow. */
#define WEIR_KAFKA_RECORD_BYTES_MAX "8388608"

/* One librdkafka property as weir sets it. Lists end with a NULL name. */
struct weir_kafka_setting {
    const char *name, *value;
};

/* Names that only weir may set, with the reason told to a user who tries. Ends with a NULL name. */
struct weir_kafka_owned {
    const char *name, *why;
};
extern const struct weir_kafka_owned weir_kafka_owned_names[];
bool weir_kafka_is_owned(const char *name);

/* Defaults that suit a consumer / a producer of weir, and what weir never lets go of. */
extern const struct weir_kafka_setting weir_kafka_consumer_defaults[], weir_kafka_consumer_owned[];
extern const struct weir_kafka_setting weir_kafka_producer_defaults[], weir_kafka_producer_owned[];

/* NULL and WEIR_CONFIG when librdkafka refuses a property; the configuration prints nothing by itself. */
rd_kafka_conf_t *weir_kafka_conf_create(const struct weir_kafka_client *client,
                                        const struct weir_kafka_setting *defaults,
                                        const struct weir_kafka_setting *owned, struct weir_error *error);
/* Sets one more property; false and the error filled when refused. */
bool weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                         struct weir_error *error);
/* Takes conf (also on failure). NULL: error filled. */
rd_kafka_t *weir_kafka_client_create(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct weir_error *error);

/* What the error callback and the statistics said about reaching the cluster. */
struct weir_kafka_health {
    bool down;                /* no broker has answered since the last success */
    int silent_count;         /* statistics in a row without a broker that is up */
    struct weir_error newest; /* text of the newest trouble */
    struct weir_error broken; /* result != 0: the client cannot go on */
};

void weir_kafka_health_alive(struct weir_kafka_health *health);
void weir_kafka_health_trouble(struct weir_kafka_health *health, rd_kafka_t *rk, rd_kafka_resp_err_t code,
                               const char *reason);
/* Statistics JSON: any broker in state UP means alive, none for two seconds means down. librdkafka's own
 * error ALL_BROKERS_DOWN is not enough: it may not come while the group looks for its coordinator. */
void weir_kafka_health_statistics(struct weir_kafka_health *health, const char *json);

/* The topic cannot be read any more, whatever is waited for: gone, forbidden, or its bytes are broken. */
bool weir_kafka_is_final(rd_kafka_resp_err_t code);

/* A non-blocking eventfd that librdkafka writes to when `queue` turns from empty to not empty. */
int weir_kafka_wake_open(struct weir_error *error); /* the fd, or WEIR_IO */
void weir_kafka_wake_enable(int fd, rd_kafka_queue_t *queue);
void weir_kafka_wake_raise(int fd);
void weir_kafka_wake_clear(int fd);

int weir_kafka_left_ms(int64_t deadline_ms); /* >= 0 */

#endif
