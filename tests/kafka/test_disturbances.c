/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what happens to a running engine loses nothing: a graceful stop repeats nothing either; a second
 * member comes and goes; the broker goes away and comes back; the engine sleeps past its session and is
 * thrown out of the group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/answers.h"

#define PARTITIONS 2
#define PER_PARTITION 20000L

struct stage {
    char input[128], output[160], pipeline[600];
    rd_kafka_t *producer;
    long sent; /* per partition */
};

static void open_stage(struct stage *stage, const char *name) {
    char yaml[1500], file[64];
    snprintf(stage->input, sizeof stage->input, "%s", broker_topic(name, PARTITIONS));
    snprintf(stage->output, sizeof stage->output, "%s.answers", stage->input);
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: %s\n"
             "kafka: {brokers: '%s', properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}}\n"
             "source: {topic: %s, schema: {n: int64, x: float64, label: int64}}\n"
             "labels: {field: label}\nmodel: {learner: logistic_regression, inputs: [x]}\n"
             "commit: {interval: 100ms}\nsinks: {predictions: {topic: %s, fields: [n, score]}}\n",
             stage->input, broker_address(), stage->input, stage->output);
    snprintf(file, sizeof file, "%s.yaml", name);
    snprintf(stage->pipeline, sizeof stage->pipeline, "%s", process_write_text(file, yaml));
    stage->producer = broker_producer();
    stage->sent = 0;
}

/* Up to so many records in each partition. */
static void send_until(struct stage *stage, long count) {
    for (; stage->sent < count; stage->sent++)
        for (int p = 0; p < PARTITIONS; p++) {
            char value[100];
            int len = snprintf(value, sizeof value, "{\"n\":%ld,\"x\":%ld.5,\"label\":%d}", stage->sent,
                               stage->sent % 97, stage->sent % 3 == 0);
            broker_produce(stage->producer, stage->input, p, NULL, 0, value, (size_t)len, 0);
        }
    assert_int_equal(rd_kafka_flush(stage->producer, 60000), 0);
}

static pid_t start_engine(const struct stage *stage, const char *log) {
    return process_start((const char *const[]){"weir", "run", stage->pipeline, NULL}, "/dev/null", log);
}

static int stop_engine(pid_t pid) {
    kill(pid, SIGTERM);
    return process_wait(pid, 30);
}

/* How often a text stands in a growing log. */
static int count_in(const char *log, const char *text) {
    char *bytes = process_read(log, NULL);
    int count = 0;
    for (const char *at = bytes; at && (at = strstr(at, text)); at++) count++;
    free(bytes);
    return count;
}

static void wait_for(const char *log, const char *text, int times) {
    double deadline = process_now_s() + 60;
    while (count_in(log, text) < times) {
        if (process_now_s() > deadline) {
            char *bytes = process_read(log, NULL);
            fail_msg("%s: '%s' did not come %d times:\n%s", log, text, times, bytes ? bytes : "");
        }
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

/* Waits until the output topic holds at least so many records. */
static void wait_for_answers(const struct stage *stage, long count) {
    double deadline = process_now_s() + 60;
    for (long there = 0; there < count;) {
        there = 0;
        for (int p = 0; p < PARTITIONS; p++) {
            int64_t low, high = 0;
            rd_kafka_query_watermark_offsets(stage->producer, stage->output, p, &low, &high, 5000);
            there += (long)high;
        }
        if (process_now_s() > deadline) fail_msg("%ld answers instead of %ld after a minute", there, count);
    }
}

/* The rest is answered by a last run; then every record has an answer. Returns how many are repeated. */
static long close_stage(struct stage *stage) {
    struct process_result last = process_weir_run("run", stage->pipeline, "--until-end");
    if (last.code) print_message("%s\n", last.err);
    assert_int_equal(last.code, 0);
    process_free(&last);
    rd_kafka_destroy(stage->producer);
    struct answers answers = answers_read(stage->input, stage->output, PARTITIONS, stage->sent);
    assert_int_equal(answers.distinct, PARTITIONS * stage->sent);
    answers_free(&answers);
    return answers.total - answers.distinct;
}

static void test_run_when_it_is_stopped_at_work_then_two_runs_answer_each_record_once(void **state) {
    (void)state;
    struct stage stage;
    char name[32], log[600];
    open_stage(&stage, "graceful");
    send_until(&stage, PER_PARTITION);
    for (int i = 1; i <= 3; i++) { /* more and more input; stopped while it arrives */
        snprintf(name, sizeof name, "graceful.%d.log", i);
        snprintf(log, sizeof log, "%s", process_path(name));
        pid_t pid = start_engine(&stage, log);
        wait_for(log, "reading from offset", PARTITIONS);
        wait_for_answers(&stage, i * 1000);
        send_until(&stage, PER_PARTITION + i * 500);
        assert_int_equal(stop_engine(pid), 0);
        assert_int_equal(count_in(log, "finishing what is in flight"), 1);
    }
    assert_int_equal(close_stage(&stage), 0);
}

static void test_run_when_it_is_stopped_before_it_reads_then_0(void **state) {
    (void)state;
    struct stage stage;
    char log[600];
    open_stage(&stage, "early");
    snprintf(log, sizeof log, "%s", process_path("early.log"));
    const char *const unreachable[] = {"weir", "run", stage.pipeline, "--set", "kafka.brokers=127.0.0.1:1",
                                       NULL};
    pid_t pid = process_start(unreachable, "/dev/null", log);
    wait_for(log, "asking 127.0.0.1:1 for its topics", 1);
    double start = process_now_s();
    assert_int_equal(stop_engine(pid), 0);
    assert_true(process_now_s() - start < 2);
    rd_kafka_destroy(stage.producer);
}

static void test_run_when_one_of_two_members_is_stopped_then_nothing_is_lost(void **state) {
    (void)state;
    struct stage stage;
    char first_log[600], second_log[600];
    open_stage(&stage, "members");
    snprintf(first_log, sizeof first_log, "%s", process_path("first.log"));
    snprintf(second_log, sizeof second_log, "%s", process_path("second.log"));
    send_until(&stage, PER_PARTITION / 2);
    pid_t first = start_engine(&stage, first_log);
    wait_for(first_log, "reading from offset", PARTITIONS);
    pid_t second = start_engine(&stage, second_log);
    wait_for(first_log, "given back", 1);
    wait_for(second_log, "reading from offset", 1);
    send_until(&stage, PER_PARTITION);
    assert_int_equal(stop_engine(first), 0);
    wait_for(second_log, "reading from offset", PARTITIONS); /* it takes over */
    send_until(&stage, PER_PARTITION + 1000);
    wait_for_answers(&stage, PARTITIONS * stage.sent);
    assert_int_equal(stop_engine(second), 0);
    assert_int_equal(close_stage(&stage), 0); /* both went gracefully: nothing is repeated */
}

static void run_script(const char *verb) {
    char script[600], port[16];
    const char *folder = getenv("WEIR_BROKER_DIR");
    snprintf(script, sizeof script, "%s/script/broker", WEIR_SOURCE_DIR);
    snprintf(port, sizeof port, "%s", strrchr(broker_address(), ':') + 1);
    bool stop = strcmp(verb, "stop") == 0;
    pid_t pid = process_start((const char *const[]){script, verb, "--dir", folder, stop ? "--keep" : "--port",
                                                    stop ? NULL : port, NULL},
                              process_path("broker.out"), process_path("broker.err"));
    assert_int_equal(process_wait(pid, 90), 0);
}

static void test_run_when_the_broker_goes_and_comes_then_it_goes_on_and_says_so(void **state) {
    (void)state;
    if (!getenv("WEIR_BROKER_DIR")) {
        print_message("no WEIR_BROKER_DIR: skipped (script/test kafka starts a broker of its own)\n");
        skip();
    }
    struct stage stage;
    char log[600];
    open_stage(&stage, "outage");
    snprintf(log, sizeof log, "%s", process_path("outage.log"));
    send_until(&stage, PER_PARTITION);
    pid_t pid = start_engine(&stage, log);
    wait_for(log, "reading from offset", PARTITIONS);
    wait_for_answers(&stage, 1000);
    run_script("stop");
    wait_for(log, "no broker answers, trying on", 1);
    run_script("start");
    wait_for(log, "the brokers answer again", 1);
    send_until(&stage, PER_PARTITION + 1000);
    wait_for_answers(&stage, PARTITIONS * stage.sent);
    assert_int_equal(stop_engine(pid), 0);
    print_message("%ld answers repeated\n", close_stage(&stage));
}

static void test_run_when_it_sleeps_past_its_session_then_it_joins_again(void **state) {
    (void)state;
    struct stage stage;
    char log[600], other_log[600];
    open_stage(&stage, "asleep");
    snprintf(log, sizeof log, "%s", process_path("asleep.log"));
    snprintf(other_log, sizeof other_log, "%s", process_path("awake.log"));
    send_until(&stage, PER_PARTITION / 2);
    pid_t sleeper = start_engine(&stage, log);
    wait_for(log, "reading from offset", PARTITIONS);
    wait_for_answers(&stage, 1000);
    kill(sleeper, SIGSTOP);
    pid_t other = start_engine(&stage, other_log); /* gets the partitions when the session is over */
    wait_for(other_log, "reading from offset", PARTITIONS);
    send_until(&stage, PER_PARTITION);
    kill(sleeper, SIGCONT);
    wait_for(log, " lost", PARTITIONS);
    wait_for(log, "reading from offset", PARTITIONS + 1); /* one partition comes back */
    send_until(&stage, PER_PARTITION + 1000);
    assert_int_equal(stop_engine(other), 0);
    assert_int_equal(stop_engine(sleeper), 0);
    print_message("%ld answers repeated\n", close_stage(&stage));
}

static void test_run_when_a_named_member_changes_its_topic_then_it_is_refused_until_it_may_read_all(
    void **state) {
    (void)state;
    struct stage before, after;
    char group[200], other[200];
    const char *const name = "kafka.properties.group.instance.id=only";
    open_stage(&before, "named.before");
    open_stage(&after, "named.after");
    send_until(&before, 100);
    send_until(&after, 150);
    snprintf(group, sizeof group, "source.group=%s", before.input);
    snprintf(other, sizeof other, "source.group=%s", after.input);
    struct process_result ran =
        process_weir_run("run", before.pipeline, "--until-end", "--set", group, "--set", name);
    assert_int_equal(ran.code, 0);
    process_free(&ran);
    ran = process_weir_run("run", after.pipeline, "--until-end", "--set", group, "--set", name);
    assert_int_equal(ran.code, 74);
    assert_non_null(strstr(ran.err, "still holds topic"));
    process_free(&ran);
    ran = process_weir_run("run", after.pipeline, "--until-end", "--summary", "json", "--set", other, "--set",
                           name);
    assert_int_equal(ran.code, 0);
    assert_non_null(strstr(ran.out, "\"read\":300,"));
    process_free(&ran);
    rd_kafka_destroy(before.producer);
    rd_kafka_destroy(after.producer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_it_is_stopped_at_work_then_two_runs_answer_each_record_once),
        cmocka_unit_test(test_run_when_it_is_stopped_before_it_reads_then_0),
        cmocka_unit_test(test_run_when_one_of_two_members_is_stopped_then_nothing_is_lost),
        cmocka_unit_test(test_run_when_the_broker_goes_and_comes_then_it_goes_on_and_says_so),
        cmocka_unit_test(test_run_when_it_sleeps_past_its_session_then_it_joins_again),
        cmocka_unit_test(
            test_run_when_a_named_member_changes_its_topic_then_it_is_refused_until_it_may_read_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
