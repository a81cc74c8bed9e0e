/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: at least once. The engine is killed 20 times while it works: no input goes unanswered, and whatever
 * is answered twice carries the same weir-id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "support/broker.h"

#define PARTITIONS 4
#define RECORDS 240000
#define KILLS 20

struct load {
    const char *topic;
    volatile bool done;
};

/* Keeps coming while the engine is killed: about 24 s of input, so that every kill finds it at work. */
static void *produce_load(void *owner) {
    struct load *load = owner;
    rd_kafka_t *producer = broker_producer();
    double start = process_now_s();
    for (long i = 0; i < RECORDS; i++) {
        char value[160];
        int len =
            snprintf(value, sizeof value, "{\"n\":%ld,\"x\":%ld.5,\"label\":%d}", i, i % 97, i % 3 == 0);
        broker_produce(producer, load->topic, (int)(i % PARTITIONS), NULL, 0, value, (size_t)len, 0);
        while (i % 100 == 0 && process_now_s() - start < (double)i / 10000) rd_kafka_poll(producer, 2);
    }
    broker_flush(producer);
    load->done = true;
    return NULL;
}

struct answers {
    const char *input;
    uint8_t *seen[PARTITIONS]; /* answers per input offset */
    long *numbers[PARTITIONS]; /* the answer's n, to see that equal ids mean equal answers */
    long answers, distinct;
};

static void see_answer(void *owner, const rd_kafka_message_t *message) {
    struct answers *answers = owner;
    rd_kafka_headers_t *headers;
    const void *id;
    size_t id_len, stem = strlen(answers->input);
    char text[200];
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &id, &id_len), 0);
    assert_true(id_len < sizeof text && id_len > stem);
    memcpy(text, id, id_len);
    text[id_len] = '\0';
    assert_memory_equal(text, answers->input, stem);
    int partition;
    long offset;
    assert_int_equal(sscanf(text + stem, "-%d-%ld", &partition, &offset), 2);
    assert_true(partition >= 0 && partition < PARTITIONS && offset >= 0 && offset < RECORDS / PARTITIONS);
    snprintf(text, sizeof text, "%.*s", (int)message->len, (const char *)message->payload);
    long n = strtol(text + strlen("{\"n\":"), NULL, 10);
    assert_int_equal(n, offset * PARTITIONS + partition);
    if (answers->seen[partition][offset]) assert_int_equal(answers->numbers[partition][offset], n);
    answers->numbers[partition][offset] = n;
    if (!answers->seen[partition][offset]) answers->distinct++;
    if (answers->seen[partition][offset] < 255) answers->seen[partition][offset]++;
    answers->answers++;
}

static void test_run_when_killed_twenty_times_then_no_input_is_lost(void **state) {
    (void)state;
    char input[128], output[128], yaml[1200], pipeline[600];
    snprintf(input, sizeof input, "%s", broker_topic("kill", PARTITIONS));
    snprintf(output, sizeof output, "%s", broker_topic("kill.answers", PARTITIONS));
    /* A named member comes back to its partitions at once instead of waiting for its own dead session. */
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: kill\nkafka: {brokers: '%s', properties: {group.instance.id: only}}\n"
             "source: {topic: %s, schema: {n: int64, x: float64, label: int64}}\n"
             "labels: {field: label}\n"
             "model: {learner: logistic_regression, inputs: [x]}\n"
             "commit: {interval: 100ms}\n"
             "sinks: {predictions: {topic: %s, fields: [n, score]}}\n",
             broker_address(), input, output);
    snprintf(pipeline, sizeof pipeline, "%s", process_write_text("kill.yaml", yaml));
    struct load load = {.topic = input};
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce_load, &load), 0);

    unsigned random = 12345;
    int at_work = 0;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = process_start((const char *const[]){"weir", "run", pipeline, NULL}, process_path("out"),
                                  process_path("err"));
        random = random * 1103515245u + 12345u;
        long ms = 300 + (long)(random >> 16) % 900;
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000},
                  NULL); /* the random moment of the kill */
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
        size_t len;
        char *log = process_read(process_path("err"), &len);
        at_work += strstr(log, "reading from offset") != NULL;
        free(log);
    }
    pthread_join(producer, NULL);
    assert_true(at_work >= KILLS / 2); /* else the kills proved nothing */
    struct process_result last = process_weir_run("run", pipeline, "--until-end");
    if (last.code) print_message("%s\n", last.err);
    assert_int_equal(last.code, 0);
    process_free(&last);

    struct answers answers = {.input = input};
    for (int i = 0; i < PARTITIONS; i++) {
        answers.seen[i] = calloc(RECORDS / PARTITIONS, 1);
        answers.numbers[i] = calloc(RECORDS / PARTITIONS, sizeof(long));
    }
    broker_read(output, PARTITIONS, &answers, see_answer);
    print_message("%d of %d kills hit it at work; %ld answers to %d inputs, %ld repeated\n", at_work, KILLS,
                  answers.answers, RECORDS, answers.answers - answers.distinct);
    assert_int_equal(answers.distinct, RECORDS);
    for (int i = 0; i < PARTITIONS; i++) free(answers.seen[i]), free(answers.numbers[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_killed_twenty_times_then_no_input_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
