/* SPDX-License-Identifier: Apache-2.0 */
/* generate.c: loads the card workload into a topic: JSON records of about 150 bytes, keyed by card.
 *
 *   bench_generate BROKERS TOPIC EVENTS CARDS [SEED] [PARTITIONS]
 *
 * {"id":"t00000000042","card":"c0001234","ts":1714557600042,"amount":23.45,"channel":"ecom","country":"DE",
 *  "merchant":"m0123","label":0}
 * Time advances 1 ms an event, each event up to 5 s late; amounts are log-normal(3, 1); the label is a coin
 * of a logistic function of log amount and channel, so that there is something to learn. Every event is a
 * function of (seed, its number): a run can be continued or checked. The topic is created with
 * retention.ms=-1 when missing: its records carry times of 2024, which a broker's default retention deletes
 * at once.
 *
 * Random numbers: splitmix64 as a counter (Steele, Lea, Flood, OOPSLA 2014); normal by Box and Muller (1958).
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/kafka.h"

#define FIRST_MS INT64_C(1714557600000)
#define LATE_MAX_MS 5000
#define MERCHANTS 5000

static const char *const channels[] = {"pos", "ecom", "atm"};
static const double channel_risk[] = {0.0, 1.0, 0.5};
static const char *const countries[] = {"DE", "FR", "IT", "ES", "NL", "BE", "AT", "PL", "PT", "SE",
                                        "FI", "DK", "IE", "GR", "CZ", "HU", "RO", "BG", "HR", "SK"};
#define COUNTRIES (sizeof countries / sizeof countries[0])

static uint64_t draw(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static double draw_unit(uint64_t *state) { return (double)(draw(state) >> 11) * 0x1p-53; }

struct event {
    char key[16], value[256];
    size_t key_len, value_len;
    int64_t ts_ms;
};

static void make_event(struct event *event, uint64_t seed, uint64_t number, uint64_t cards) {
    uint64_t state = seed * UINT64_C(0xD1342543DE82EF95) + number * 8 * UINT64_C(0x9E3779B97F4A7C15);
    double u = draw_unit(&state), radius = sqrt(-2 * log(1 - draw_unit(&state)));
    int channel = u < 0.6 ? 0 : u < 0.9 ? 1 : 2;
    double log_amount = 3 + radius * cos(2 * M_PI * draw_unit(&state));
    double logit = -4.2 + 0.8 * (log_amount - 3) + channel_risk[channel];
    int label = draw_unit(&state) < 1 / (1 + exp(-logit));
    uint64_t card = draw(&state) % cards, place = draw(&state);
    event->ts_ms = FIRST_MS + (int64_t)number - (int64_t)(draw(&state) % LATE_MAX_MS);
    event->key_len = (size_t)snprintf(event->key, sizeof event->key, "c%07" PRIu64, card);
    event->value_len =
        (size_t)snprintf(event->value, sizeof event->value,
                         "{\"id\":\"t%011" PRIu64 "\",\"card\":\"%s\",\"ts\":%" PRId64
                         ",\"amount\":%.2f,\"channel\":\"%s\","
                         "\"country\":\"%s\",\"merchant\":\"m%04d\",\"label\":%d}",
                         number, event->key, event->ts_ms, exp(log_amount), channels[channel],
                         countries[place % COUNTRIES], (int)(place / COUNTRIES % MERCHANTS), label);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    uint64_t *failed = opaque;
    if (message->err) ++*failed;
}

static rd_kafka_t *open_producer(const char *brokers, uint64_t *failed) {
    static const char *const settings[][2] = {
        {"linger.ms", "50"}, {"queue.buffering.max.messages", "1000000"}, {"enable.idempotence", "true"}};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t good = rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && !good; i++)
        good = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, failed);
    rd_kafka_t *rk = good ? NULL : rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk) fprintf(stderr, "bench_generate: %s\n", why);
    return rk;
}

/* Waits while the queue is full; anything else is for good. */
static rd_kafka_resp_err_t send_event(rd_kafka_t *rk, rd_kafka_topic_t *topic, struct event *event) {
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(event->key, event->key_len), RD_KAFKA_V_VALUE(event->value, event->value_len),
            RD_KAFKA_V_TIMESTAMP(event->ts_ms), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return code;
        rd_kafka_poll(rk, 10);
    }
}

int main(int argc, char **argv) {
    if (argc < 5 || argc > 7) {
        fprintf(stderr, "bench_generate BROKERS TOPIC EVENTS CARDS [SEED] [PARTITIONS]\n");
        return 64;
    }
    uint64_t events = strtoull(argv[3], NULL, 10), cards = strtoull(argv[4], NULL, 10), failed = 0;
    uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    struct weir_kafka_client client = {.brokers = argv[1]};
    struct weir_error error;
    if (!cards || weir_kafka_topic_create(&client, argv[2], argc > 6 ? atoi(argv[6]) : 4, 15000, &error)) {
        fprintf(stderr, "bench_generate: %s\n", cards ? error.text : "CARDS must be at least 1");
        return 1;
    }
    rd_kafka_t *rk = open_producer(argv[1], &failed);
    rd_kafka_topic_t *topic = rk ? rd_kafka_topic_new(rk, argv[2], NULL) : NULL;
    if (!topic) return 1;
    for (uint64_t i = 0; i < events; i++) {
        struct event event;
        make_event(&event, seed, i, cards);
        rd_kafka_resp_err_t code = send_event(rk, topic, &event);
        if (code) {
            fprintf(stderr, "bench_generate: %s\n", rd_kafka_err2str(code));
            return 1;
        }
        if (i % 1024 == 0) rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 120000);
    uint64_t left = (uint64_t)rd_kafka_outq_len(rk) + failed;
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    printf("{\"bench\":\"generate\",\"topic\":\"%s\",\"events\":%" PRIu64 ",\"undelivered\":%" PRIu64 "}\n",
           argv[2], events, left);
    return left != 0;
}
