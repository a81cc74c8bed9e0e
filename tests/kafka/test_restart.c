/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: nothing is forgotten. With state.dir the engine is killed 20 times while it works; windows, model,
 * detector and counts go on as if nothing had happened: every answer, first or repeated, has the very bytes
 * of an uninterrupted run. A broken newest snapshot makes way for the one before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>

#include "support/broker.h"

#define PARTITIONS 4
#define RECORDS 200000
#define KILLS 20
#define ANSWER_BYTES 128

static const char *write_pipeline(const char *file, const char *group, const char *input, const char *output,
                                  const char *alerts, bool keep) {
    static char paths[2][600];
    static int next;
    char yaml[2400], dir[700];
    snprintf(dir, sizeof dir, "state: {dir: %s, snapshot: {every: 300ms, keep: 3}}\n", process_path("state"));
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: restart\n"
             "kafka: {brokers: '%s', properties: {group.instance.id: only}}\n"
             "source:\n  topic: %s\n  group: %s\n  event_time: {field: ts, lateness: 2s}\n"
             "  schema: {n: int64, card: string, ts: int64, x: float64, label: int64}\n"
             "labels: {field: label}\n"
             "features:\n"
             "  - by: card\n    columns: {n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)'}\n"
             "  - columns: {all10: 'sum(x, 10s)'}\n"
             "model:\n  transform: [standard_scaler]\n  learner: logistic_regression\n"
             "  inputs: [x, n10, mean60, sd, all10]\n"
             "drift:\n  - {name: e, watch: model.error, detector: adwin, options: {direction: up}, then: "
             "[alert, reset]}\n"
             "commit: {interval: 100ms}\n%s"
             "sinks:\n  predictions: {topic: %s, fields: [n, n10, all10, score, model.version]}\n"
             "  alerts: {topic: %s}\n",
             broker_address(), input, group, keep ? dir : "", output, alerts);
    char *path = paths[next++ & 1];
    snprintf(path, sizeof paths[0], "%s", process_write_text(file, yaml));
    return path;
}

struct load {
    const char *topic;
};

static void *produce_load(void *owner) {
    const struct load *load = owner;
    rd_kafka_t *producer = broker_producer();
    double start = process_now_s();
    uint64_t random = 9;
    for (long i = 0; i < RECORDS; i++) {
        char value[200];
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        long x = (long)(random >> 40) % 1000, late = (long)(random >> 20) % 1500;
        bool label = (x > 500) != (i > RECORDS / 2);
        int len = snprintf(value, sizeof value,
                           "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                           (long)(random >> 50) % 200, 1700000000000 + i * 2 - late, x, label);
        if (i % 997 == 0) len = snprintf(value, sizeof value, "{broken");
        broker_produce(producer, load->topic, (int)(i % PARTITIONS), NULL, 0, value, (size_t)len, 0);
        while (i % 100 == 0 && process_now_s() - start < (double)i / 10000) rd_kafka_poll(producer, 2);
    }
    broker_flush(producer);
    return NULL;
}

struct answers {
    const char *input;
    char (*first[PARTITIONS])[ANSWER_BYTES]; /* by input offset */
    long distinct, total, different;
};

static void see_answer(void *owner, const rd_kafka_message_t *message) {
    struct answers *answers = owner;
    rd_kafka_headers_t *headers;
    const void *id;
    size_t id_len;
    char text[200];
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &id, &id_len), 0);
    snprintf(text, sizeof text, "%.*s", (int)id_len, (const char *)id);
    int partition;
    long offset;
    assert_int_equal(sscanf(text + strlen(answers->input), "-%d-%ld", &partition, &offset), 2);
    char *first = answers->first[partition][offset];
    assert_true(message->len < ANSWER_BYTES);
    if (!first[0]) {
        memcpy(first, message->payload, message->len);
        answers->distinct++;
    } else if (strlen(first) != message->len || memcmp(first, message->payload, message->len)) {
        if (answers->different++ == 0)
            print_message("%s: %s, then %.*s\n", text, first, (int)message->len,
                          (const char *)message->payload);
    }
    answers->total++;
}

static void answers_init(struct answers *answers, const char *input) {
    memset(answers, 0, sizeof *answers);
    answers->input = input;
    for (int i = 0; i < PARTITIONS; i++) answers->first[i] = calloc(RECORDS / PARTITIONS, ANSWER_BYTES);
}

/* Flips a byte in the middle of the newest snapshot of each partition. */
static void break_newest_snapshots(void) {
    char folder[600];
    snprintf(folder, sizeof folder, "%s", process_path("state/restart"));
    for (int p = 0; p < PARTITIONS; p++) {
        char newest[300] = "", path[1000], stem[16];
        snprintf(stem, sizeof stem, "p%d-", p);
        DIR *listing = opendir(folder);
        assert_non_null(listing);
        for (struct dirent *entry; (entry = readdir(listing));)
            if (!strncmp(entry->d_name, stem, strlen(stem)) && strcmp(entry->d_name, newest) > 0)
                snprintf(newest, sizeof newest, "%s", entry->d_name);
        closedir(listing);
        assert_true(newest[0]);
        snprintf(path, sizeof path, "%s/%s", folder, newest);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, 2000, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, 2000, SEEK_SET);
        fputc(byte ^ 4, file);
        fclose(file);
    }
}

static void test_run_when_killed_with_state_on_disk_then_answers_equal_an_uninterrupted_run(void **state) {
    (void)state;
    char input[128], output[128], alerts[128], plain_output[128], plain_alerts[128];
    snprintf(input, sizeof input, "%s", broker_topic("restart", PARTITIONS));
    snprintf(output, sizeof output, "%s", broker_topic("restart.p", PARTITIONS));
    snprintf(alerts, sizeof alerts, "%s", broker_topic("restart.a", 1));
    snprintf(plain_output, sizeof plain_output, "%s", broker_topic("restart.plain", PARTITIONS));
    snprintf(plain_alerts, sizeof plain_alerts, "%s", broker_topic("restart.plain.a", 1));
    const char *pipeline = write_pipeline("restart.yaml", "killed", input, output, alerts, true);
    struct load load = {input};
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce_load, &load), 0);

    unsigned random = 777;
    int restored = 0;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = process_start((const char *const[]){"weir", "run", pipeline, NULL}, process_path("out"),
                                  process_path("err"));
        random = random * 1103515245u + 12345u;
        long ms = 400 + (long)(random >> 16) % 900;
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000},
                  NULL); /* the random moment of the kill */
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
        if (i == KILLS / 2) break_newest_snapshots();
        char *log = process_read(process_path("err"), NULL);
        restored += strstr(log, "state restored") != NULL;
        if (i == KILLS / 2 + 1) assert_non_null(strstr(log, "is passed over"));
        free(log);
    }
    pthread_join(producer, NULL);
    assert_true(restored >= KILLS / 2); /* else the kills proved nothing */
    struct process_result last = process_weir_run("run", pipeline, "--until-end", "--summary", "json");
    if (last.code) print_message("%s\n", last.err);
    assert_int_equal(last.code, 0);
    process_free(&last);

    last = process_weir_run("run",
                            write_pipeline("plain.yaml", "plain", input, plain_output, plain_alerts, false),
                            "--until-end");
    assert_int_equal(last.code, 0);
    process_free(&last);

    struct answers answers;
    answers_init(&answers, input);
    long plain = broker_read(plain_output, PARTITIONS, &answers, see_answer);
    assert_true(plain > RECORDS * 9 / 10);
    assert_int_equal(answers.distinct, plain);
    long answered = broker_read(output, PARTITIONS, &answers, see_answer);
    print_message("%d of %d starts restored state; %ld answers for %ld, %ld differ\n", restored, KILLS,
                  answered, plain, answers.different);
    assert_int_equal(answers.distinct, plain); /* none beyond those of the plain run */
    assert_int_equal(answers.different, 0);
    assert_true(answered >= plain);
    for (int i = 0; i < PARTITIONS; i++) free(answers.first[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_killed_with_state_on_disk_then_answers_equal_an_uninterrupted_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
