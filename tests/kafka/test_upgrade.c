/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a pipeline file that changes while it runs (SIGHUP, R12): what is the same goes on as if nothing had
 * happened, what is new starts cold and is told, no row is answered twice or not at all, also when the
 * process is killed afterwards; and a file that may not or cannot be taken disturbs nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "support/broker.h"

#define PARTITIONS 2
#define ROWS_MAX 20000
#define WAIT_S 40

struct file { /* the parts that change */
    const char *more_columns, *more_groups, *learner, *delta, *extra;
};
static const struct file plain = {"", "", "logistic_regression", "0.002", ""};

struct answer {
    int count;
    double n10, mean60, all10;
    long version, n300;
};

struct stage {
    const char *name;
    char input[128], output[128], yaml[600], log[600];
    struct answer answers[ROWS_MAX];
    long seen;
};

static const char *write_file(const struct stage *stage, const char *file, const char *group,
                              const char *output, const char *delivery, const struct file *parts) {
    char yaml[3000];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: upgrade\nkafka: {brokers: '%s'}\n"
             "source:\n  topic: %s\n  group: %s-%ld\n  key: card\n  event_time: {field: ts, lateness: 2s}\n"
             "  schema: {n: int64, card: string, ts: int64, x: float64, label: int64}\n"
             "labels: {field: label}\n"
             "features:\n  - by: card\n    columns: {n10: 'count(10s)', mean60: 'mean(x, 1m)'%s}\n"
             "  - columns: {all10: 'sum(x, 10s)'}\n%s"
             "model:\n  transform: [standard_scaler]\n  learner: %s\n  inputs: [x, n10, mean60]\n"
             "drift:\n  - {name: level, watch: all10, detector: adwin, options: {delta: %s}}\n"
             "state: {dir: %s-%s, snapshot: {every: 500ms}}\n"
             "sinks:\n  predictions: {topic: %s, delivery: %s, fields: [n, n10, mean60, all10, "
             "model.version%s]}\n",
             broker_address(), stage->input, group, (long)getpid(), parts->more_columns, parts->more_groups,
             parts->learner, parts->delta, process_path("state"), group, output, delivery, parts->extra);
    return process_write_text(file, yaml);
}

static void produce(const struct stage *stage, long from, long to) {
    rd_kafka_t *producer = broker_producer();
    for (long i = from; i < to; i++) {
        char value[200];
        uint64_t random = ((uint64_t)i + 1) * UINT64_C(6364136223846793005) + 1;
        random ^= random >> 33;
        long x = (long)(random >> 40) % 1000;
        int len = snprintf(value, sizeof value,
                           "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                           (long)(random >> 20) % 100, 1700000000000 + i * 5, x, x > 500);
        broker_produce(producer, stage->input, (int)(i % PARTITIONS), NULL, 0, value, (size_t)len, 0);
    }
    broker_flush(producer);
}

static double number(const char *text, const char *name) {
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : -1;
}

static void see(void *owner, const rd_kafka_message_t *message) {
    struct stage *stage = owner;
    char text[400];
    snprintf(text, sizeof text, "%.*s", (int)message->len, (const char *)message->payload);
    long n = (long)number(text, "n");
    assert_in_range(n, 0, ROWS_MAX - 1);
    struct answer *answer = &stage->answers[n];
    answer->count++;
    answer->n10 = number(text, "n10");
    answer->mean60 = number(text, "mean60");
    answer->all10 = number(text, "all10");
    answer->n300 = (long)number(text, "n300");
    answer->version = (long)number(strstr(text, "\"model\""), "version");
    stage->seen++;
}

static void read_answers(struct stage *stage, const char *output) {
    memset(stage->answers, 0, sizeof stage->answers);
    stage->seen = 0;
    broker_read(output, PARTITIONS, stage, see);
}

static char *log_of(const struct stage *stage) { return process_read(stage->log, NULL); }

static void fail_with_log(const struct stage *stage, const char *what) {
    char *log = log_of(stage);
    fputs(log, stderr);
    fail_msg("%s", what);
}

static void wait_for_answers(struct stage *stage, long count) {
    for (double until = process_now_s() + WAIT_S; process_now_s() < until; pause_ms(200)) {
        read_answers(stage, stage->output);
        if (stage->seen >= count) return;
    }
    print_message("%ld answers of %ld\n", stage->seen, count);
    fail_with_log(stage, "answers are missing");
}

static void wait_for_log(struct stage *stage, const char *words, int times) {
    for (double until = process_now_s() + WAIT_S; process_now_s() < until; pause_ms(50)) {
        char *log = log_of(stage);
        int found = 0;
        for (char *at = log; at && (at = strstr(at, words)); at++) found++;
        free(log);
        if (found >= times) return;
    }
    fail_with_log(stage, words);
}

static pid_t start(struct stage *stage, const char *log) {
    snprintf(stage->log, sizeof stage->log, "%s", process_path(log));
    return process_start((const char *const[]){"weir", "run", stage->yaml, NULL}, process_path("out"),
                         stage->log);
}

static void open_stage(struct stage *stage, const char *name, const char *delivery) {
    char stem[64], file[64];
    memset(stage, 0, sizeof *stage);
    stage->name = name;
    snprintf(stage->input, sizeof stage->input, "%s", broker_topic(name, PARTITIONS));
    snprintf(stem, sizeof stem, "%s.out", name);
    snprintf(stage->output, sizeof stage->output, "%s", broker_topic(stem, PARTITIONS));
    snprintf(file, sizeof file, "%s.yaml", name);
    snprintf(stage->yaml, sizeof stage->yaml, "%s",
             write_file(stage, file, name, stage->output, delivery, &plain));
}

static void expect_log(const struct stage *stage, const char *words) {
    char *log = log_of(stage);
    if (!strstr(log, words)) fail_msg("'%s' is not in: %s", words, log);
    free(log);
}

/* Windows of every row are those of a run that was never changed; each row is answered once. */
static void expect_windows_of_plain_run(struct stage *stage, long rows) {
    static struct stage other;
    char stem[64], output[128];
    snprintf(stem, sizeof stem, "%s.plain", stage->name);
    snprintf(output, sizeof output, "%s", broker_topic(stem, PARTITIONS));
    other = *stage;
    struct process_result result = process_weir_run(
        "run", write_file(stage, "plain.yaml", stem, output, "exactly_once", &plain), "--until-end");
    if (result.code) fail_msg("%s", result.err);
    process_free(&result);
    read_answers(&other, output);
    read_answers(stage, stage->output);
    assert_int_equal(other.seen, rows);
    for (long i = 0; i < rows; i++) {
        const struct answer *got = &stage->answers[i], *wanted = &other.answers[i];
        if (got->count != 1 || got->n10 != wanted->n10 || got->mean60 != wanted->mean60 ||
            got->all10 != wanted->all10)
            fail_msg("row %ld: %d answers, n10 %g mean60 %g all10 %g, wanted %g %g %g", i, got->count,
                     got->n10, got->mean60, got->all10, wanted->n10, wanted->mean60, wanted->all10);
    }
}

static const struct file changed = {", n300: 'count(5m)'", "  - by: label\n    columns: {per: 'count(5m)'}\n",
                                    "logistic_regression\n  options: {rate: 0.5}", "0.5", ", n300"};

static void upgrade(struct stage *stage, pid_t pid, const char *delivery, const struct file *parts) {
    char file[64];
    snprintf(file, sizeof file, "%s.yaml", stage->name);
    write_file(stage, file, stage->name, stage->output, delivery, parts);
    kill(pid, SIGHUP);
}

static void end_by_signal(const struct stage *stage, pid_t pid) {
    kill(pid, SIGTERM);
    if (process_wait(pid, 30)) fail_with_log(stage, "it ended badly");
}

/* A feature in a group, a group, a threshold and a learner, all at once, then a kill. */
static void test_upgrade_when_the_file_changes_then_the_same_goes_on_and_the_new_starts_cold(void **state) {
    (void)state;
    static struct stage stage;
    open_stage(&stage, "change", "exactly_once");
    pid_t pid = start(&stage, "change.err1");
    produce(&stage, 0, 4000);
    wait_for_answers(&stage, 4000);
    assert_int_equal(stage.answers[3999].version, 1);
    double began = process_now_s();
    upgrade(&stage, pid, "exactly_once", &changed);
    wait_for_log(&stage, "state restored", PARTITIONS);
    print_message("changed in %.2f s\n", process_now_s() - began);
    produce(&stage, 4000, 8000);
    wait_for_answers(&stage, 8000);
    expect_log(&stage, "changes features, model, drift, sinks at the next unit boundary");
    expect_log(&stage, "starts cold: count() over 300000 ms, by card:string");
    expect_log(&stage, "starts cold: count() over 300000 ms, by label:int64");
    expect_log(&stage, "starts cold: learner logistic_regression(");
    expect_log(&stage, "starts cold: drift level: adwin(delta=0.5");
    long first = stage.answers[4000].n300; /* nothing of what came before the change */
    assert_int_equal(first, 1);
    assert_int_equal(stage.answers[3999].n300, -1);
    assert_int_equal(stage.answers[4000].version, 2);
    assert_true(stage.answers[7999].n300 > 1);

    kill(pid, SIGKILL);
    process_wait(pid, 10);
    produce(&stage, 8000, 10000);
    pid = start(&stage, "change.err2");
    wait_for_answers(&stage, 10000);
    expect_log(&stage, "state restored");
    assert_true(stage.answers[9999].n300 > stage.answers[4001].n300);
    assert_int_equal(stage.answers[9999].version, 2);
    end_by_signal(&stage, pid);
    expect_windows_of_plain_run(&stage, 10000);
}

/* Killed under one file, started with another: the state fits as far as it does. */
static void test_upgrade_when_restarted_with_another_file_then_state_is_carried_over(void **state) {
    (void)state;
    static struct stage stage;
    open_stage(&stage, "restart", "exactly_once");
    pid_t pid = start(&stage, "restart.err1");
    produce(&stage, 0, 4000);
    wait_for_answers(&stage, 4000);
    pause_ms(1500); /* a snapshot or two */
    kill(pid, SIGKILL);
    process_wait(pid, 10);
    write_file(&stage, "restart.yaml", "restart", stage.output, "exactly_once", &changed);
    pid = start(&stage, "restart.err2");
    produce(&stage, 4000, 6000);
    wait_for_answers(&stage, 6000);
    expect_log(&stage, "was made by another pipeline file or program; what is not carried over:");
    expect_log(&stage, "starts cold: learner logistic_regression(");
    kill(pid, SIGKILL);
    process_wait(pid, 10);
    pid = start(&stage, "restart.err3");
    produce(&stage, 6000, 8000);
    wait_for_answers(&stage, 8000);
    end_by_signal(&stage, pid);
    expect_windows_of_plain_run(&stage, 8000);
}

static void test_upgrade_when_at_least_once_then_state_is_carried_over_too(void **state) {
    (void)state;
    static struct stage stage;
    open_stage(&stage, "alo", "at_least_once");
    pid_t pid = start(&stage, "alo.err1");
    produce(&stage, 0, 4000);
    wait_for_answers(&stage, 4000);
    upgrade(&stage, pid, "at_least_once", &changed);
    wait_for_log(&stage, "starts cold: learner", PARTITIONS);
    produce(&stage, 4000, 8000);
    wait_for_answers(&stage, 8000);
    assert_int_equal(stage.answers[4000].n300, 1);
    end_by_signal(&stage, pid);
    expect_windows_of_plain_run(&stage, 8000);
}

/* Errors, what may not change, a topic that the cluster refuses, and no change at all. */
static void test_upgrade_when_the_file_cannot_be_taken_then_nothing_is_disturbed(void **state) {
    (void)state;
    static struct stage stage;
    struct file broken = plain;
    char output[128];
    open_stage(&stage, "refused", "exactly_once");
    pid_t pid = start(&stage, "refused.err");
    produce(&stage, 0, 2000);
    wait_for_answers(&stage, 2000);
    broken.learner = "logistic_regresion";
    upgrade(&stage, pid, "exactly_once", &broken);
    wait_for_log(&stage, "the file has errors; goes on as it was", 1);
    expect_log(&stage, "did you mean 'logistic_regression'");
    upgrade(&stage, pid, "exactly_once", &plain);
    wait_for_log(&stage, "nothing changes", 1);
    upgrade(&stage, pid, "at_least_once", &changed);
    wait_for_log(&stage, "SIGHUP: delivery cannot change while it runs", 1);
    produce(&stage, 2000, 3000);
    wait_for_answers(&stage, 3000);
    snprintf(output, sizeof output, "%s", stage.output);
    *strchr(stage.output, '.') = '_'; /* Kafka refuses a name that differs from another in that only */
    upgrade(&stage, pid, "exactly_once", &plain);
    snprintf(stage.output, sizeof stage.output, "%s", output);
    wait_for_log(&stage, "the new file cannot be started; goes on as it was", 1);
    produce(&stage, 3000, 4000);
    wait_for_answers(&stage, 4000);
    end_by_signal(&stage, pid);
    expect_windows_of_plain_run(&stage, 4000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upgrade_when_the_file_changes_then_the_same_goes_on_and_the_new_starts_cold),
        cmocka_unit_test(test_upgrade_when_restarted_with_another_file_then_state_is_carried_over),
        cmocka_unit_test(test_upgrade_when_at_least_once_then_state_is_carried_over_too),
        cmocka_unit_test(test_upgrade_when_the_file_cannot_be_taken_then_nothing_is_disturbed),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
