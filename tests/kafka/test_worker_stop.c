/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a worker that is asked to stop, again and again and also while it ends, ends once and cleanly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "kafka/door.h"
#include "runtime/worker.h"
#include "support/pipeline.h"

static const char *const yaml =
    "weir: 1\nname: stopped\nkafka: {brokers: embedded}\n"
    "source: {topic: in, group: g, schema: {x: float64, label: int64}}\nlabels: {field: label}\n"
    "model: {learner: logistic_regression, inputs: [x]}\n"
    "sinks: {predictions: {topic: out}}\n";

struct asker {
    struct weir_worker *worker;
    atomic_bool works, done;
};

static void on_batch(void *owner, const struct weir_task *task, const struct weir_outputs *outputs) {
    (void)task, (void)outputs;
    ((struct asker *)owner)->works = true;
}

static void *ask_on_and_on(void *owner) {
    struct asker *asker = owner;
    while (!asker->done)
        if (asker->works) weir_worker_stop(asker->worker);
    return NULL;
}

static void test_stop_when_asked_while_it_ends_then_it_ends_once(void **state) {
    (void)state;
    struct test_pipeline test;
    struct weir_error error = {0};
    test_pipeline_open(&test, yaml);
    assert_non_null(test.plan);
    struct weir_kafka_embedded *embedded = weir_kafka_embedded_open(1, &error);
    assert_non_null(embedded);
    assert_int_equal(weir_kafka_embedded_create_topic(embedded, "in", 1), WEIR_OK);
    struct asker asker = {0};
    struct door_sink sink = {0};
    const struct weir_output_record record = {.stream = WEIR_PREDICTIONS,
                                              .timestamp_ms = WEIR_NO_TIMESTAMP,
                                              .value = {"{\"x\":1,\"label\":1}", 17}};
    const struct weir_worker_options options = {
        .watch = {.owner = &asker, .batch = on_batch},
        .plan = test.plan,
        .pipeline = &test.pipeline,
        .client = {.brokers = weir_kafka_embedded_brokers(embedded), .embedded = true}};
    pthread_t thread;
    assert_int_equal(door_sink_open(&sink, &options.client, "in", false), WEIR_OK);
    assert_int_equal(weir_kafka_sink_write(sink.sink, &record, 1, 0, &sink.error), 1);
    assert_int_equal(weir_kafka_sink_flush(sink.sink, 10000), WEIR_OK);
    weir_kafka_sink_close(sink.sink);
    alarm(60); /* one that does not end is killed */
    assert_int_equal(weir_worker_create(&options, &asker.worker, &error), WEIR_OK);
    assert_int_equal(pthread_create(&thread, NULL, ask_on_and_on, &asker), 0);
    int result = weir_worker_run(asker.worker, &error);
    asker.done = true;
    pthread_join(thread, NULL);
    alarm(0);
    assert_int_equal(result, WEIR_OK);
    weir_worker_destroy(asker.worker);
    weir_kafka_embedded_close(embedded);
    test_pipeline_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_when_asked_while_it_ends_then_it_ends_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
