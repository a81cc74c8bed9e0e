/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: the producer: takes output records in order, reports their delivery by flight.
 *
 * How records get into librdkafka's queue is produce.c's; here they get their flight number and their limits
 * back. A delivery report is a callback per record: it only counts. Runs of equal flight numbers become one
 * call of watch.delivered.
 */
#include <stdlib.h>
#include <unistd.h>

#include "kafka/produce.h"

struct weir_kafka_sink {
    struct weir_kafka_outlet outlet;
    rd_kafka_queue_t *reports;
    struct weir_kafka_sink_watch watch;
    int wake_fd;
    bool closing;
    struct weir_kafka_health health;
    /* the run of equal flight numbers being counted */
    uint64_t run_flight;
    uint32_t run_count;
    uint32_t served; /* reports since poll began */
};

/* ---- reports: run inside poll, on its thread ---- */

static void end_run(struct weir_kafka_sink *sink) {
    uint32_t count = sink->run_count;
    sink->run_count = 0;
    if (count && !sink->closing) sink->watch.delivered(sink->watch.owner, sink->run_flight, count);
}

static void fail(struct weir_kafka_sink *sink, uint64_t flight, const struct weir_error *why) {
    if (sink->health.broken.result) return; /* told once; what follows is the rest of the same end */
    sink->health.broken = *why;
    if (!sink->closing) sink->watch.failed(sink->watch.owner, flight, why);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    struct weir_kafka_sink *sink = opaque;
    uint64_t flight = (uint64_t)(uintptr_t)message->_private;
    weir_kafka_outlet_reported(&sink->outlet, message);
    sink->served++;
    if (message->err) {
        struct weir_error why;
        weir_kafka_outlet_refused(message->rkt, rd_kafka_err2str(message->err), &why);
        fail(sink, flight, &why);
        return;
    }
    if (flight != sink->run_flight) {
        end_run(sink);
        sink->run_flight = flight;
    }
    sink->run_count++;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    struct weir_kafka_sink *sink = opaque;
    weir_kafka_health_trouble(&sink->health, rk, (rd_kafka_resp_err_t)code, reason);
}

/* ---- open and close ---- */

static int create_client(struct weir_kafka_sink *sink, const struct weir_kafka_client *client,
                         struct weir_error *error) {
    rd_kafka_conf_t *conf =
        weir_kafka_conf_create(client, weir_kafka_producer_defaults, weir_kafka_producer_owned, error);
    if (!conf) return WEIR_CONFIG;
    rd_kafka_conf_set_opaque(conf, sink);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    int result = weir_kafka_outlet_open(&sink->outlet, conf, error);
    if (result) return result;
    sink->reports = rd_kafka_queue_get_main(sink->outlet.rk);
    weir_kafka_wake_enable(sink->wake_fd, sink->reports);
    return WEIR_OK;
}

int weir_kafka_sink_open(const struct weir_kafka_sink_options *options, struct weir_kafka_sink **out,
                         struct weir_error *error) {
    *out = NULL;
    struct weir_kafka_sink *sink = calloc(1, sizeof *sink);
    if (!sink) return weir_error_set(error, WEIR_NOMEM, "no memory for a Kafka sink");
    sink->watch = options->watch;
    sink->outlet.flags = RD_KAFKA_MSG_F_COPY;
    int result = WEIR_OK;
    bool answers = true; /* a cluster that does not answer yet is no error: records wait for it */
    sink->wake_fd = weir_kafka_wake_open(error);
    if (sink->wake_fd < 0) result = WEIR_IO;
    if (result == WEIR_OK) result = create_client(sink, &options->client, error);
    if (result == WEIR_OK)
        result = weir_kafka_outlet_streams(&sink->outlet, options->topics, options->bare, &answers, error);
    if (result)
        weir_kafka_sink_close(sink);
    else
        *out = sink;
    return result;
}

/* Records still in flight are given up: whoever needs them delivered flushes first. */
void weir_kafka_sink_close(struct weir_kafka_sink *sink) {
    if (!sink) return;
    sink->closing = true;
    if (sink->reports) {
        rd_kafka_queue_io_event_enable(sink->reports, -1, NULL, 0);
        rd_kafka_queue_destroy(sink->reports);
    }
    weir_kafka_outlet_close(&sink->outlet);
    if (sink->wake_fd >= 0) close(sink->wake_fd);
    free(sink);
}

/* ---- writing ---- */

int weir_kafka_sink_write(struct weir_kafka_sink *sink, const struct weir_output_record *records,
                          uint32_t count, uint64_t flight, struct weir_error *error) {
    uint32_t taken = 0;
    while (taken < count && !sink->health.broken.result) {
        int admitted = weir_kafka_outlet_admit(&sink->outlet, records + taken, count - taken, error);
        if (admitted < 0 && !taken) return admitted;
        if (admitted <= 0) break;
        struct weir_error why;
        if (weir_kafka_outlet_put(&sink->outlet, records + taken, (uint32_t)admitted,
                                  (void *)(uintptr_t)flight, &why))
            fail(sink, flight, &why);
        else
            taken += (uint32_t)admitted;
    }
    if (sink->health.broken.result) {
        if (error) *error = sink->health.broken;
        return sink->health.broken.result;
    }
    return (int)taken;
}

/* ---- waiting ---- */

int weir_kafka_sink_fd(const struct weir_kafka_sink *sink) { return sink->wake_fd; }

int weir_kafka_sink_poll(struct weir_kafka_sink *sink) {
    sink->served = 0;
    weir_kafka_wake_clear(sink->wake_fd); /* before looking, so that what arrives later raises it again */
    rd_kafka_poll(sink->outlet.rk, 0);
    end_run(sink);
    return (int)sink->served;
}

uint32_t weir_kafka_sink_in_flight(const struct weir_kafka_sink *sink) {
    return (uint32_t)sink->outlet.in_flight;
}

int weir_kafka_sink_flush(struct weir_kafka_sink *sink, int64_t timeout_ms) {
    int64_t deadline_ms = weir_clock_ms() + timeout_ms;
    rd_kafka_flush(sink->outlet.rk, weir_kafka_left_ms(deadline_ms)); /* ignores linger.ms, serves reports */
    end_run(sink);
    return sink->outlet.in_flight ? WEIR_AGAIN : WEIR_OK;
}
