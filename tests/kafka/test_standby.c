/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: `tasks: single`: one process leads, another follows the journal; the leader is killed again and
 * again, and within 3 s the other goes on; or it stops and wakes as a zombie. Every input record is answered
 * once, and the history of units still proves itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact_lives.h"

#define KILLS 5

static pid_t start(const struct exact_stage *stage, int number) {
    return life_start_with(stage, "weir", number, "tasks=single", false);
}

/* Seconds until it has said so; fails after the given time. */
static double wait_for(const struct exact_stage *stage, int number, const char *words, double seconds) {
    double begin = process_now_s();
    if (!life_says(stage->name, number, words, 1, seconds)) life_fail(stage->name, number, words);
    return process_now_s() - begin;
}

struct ids {
    char (*seen)[32];
    long count;
};

static void take_id(void *owner, const rd_kafka_message_t *message) {
    struct ids *ids = owner;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &value, &len), 0);
    assert_true(len < sizeof ids->seen[0]);
    memcpy(ids->seen[ids->count++], value, len);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* The rest of the input, a run without the local files (the snapshots and the journal in Kafka, and the
 * proof), and what stands in the output then: returns how many answers, each once. */
static long finish(const struct exact_stage *stage) {
    struct process_result ran =
        process_weir_run("run", stage->pipeline, "--until-end", "--set", "tasks=single");
    if (ran.code) print_message("%s", ran.err);
    assert_int_equal(ran.code, 0);
    process_free(&ran);
    /* The numbers are of this run, not of the state's life. */
    char fresh[700];
    snprintf(fresh, sizeof fresh, "state.dir=%s", process_path("fresh"));
    ran = process_weir_run("run", stage->pipeline, "--until-end", "--set", "tasks=single", "--set", fresh,
                           "--summary", "json");
    if (ran.code) print_message("%s", ran.err);
    assert_int_equal(ran.code, 0);
    assert_null(strstr(ran.err, "DIVERGED"));
    assert_int_equal(process_number(ran.out, "\"read\":"), 0);
    process_free(&ran);
    struct ids ids = {calloc((size_t)stage->records, sizeof ids.seen[0]), 0};
    long total = broker_read(stage->outputs[0], exact_widths[0], &ids, take_id);
    qsort(ids.seen, (size_t)total, sizeof ids.seen[0], by_text);
    for (long i = 1; i < total; i++) assert_string_not_equal(ids.seen[i - 1], ids.seen[i]);
    free(ids.seen);
    /* What the newest state says of its life, under leaders that are gone. */
    ran = process_weir_run("state", "verify", stage->pipeline, "--set", "tasks=single");
    assert_int_equal(ran.code, 0);
    assert_int_equal(process_number(ran.out, " good, "), stage->records);
    assert_int_equal(process_number(ran.out, " rows read, "), total);
    process_free(&ran);
    return total;
}

static void test_run_when_the_leader_is_killed_then_the_standby_goes_on_within_three_seconds(void **state) {
    (void)state;
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "lead", 60000, 3000, "");
    int leader = 0;
    pid_t pids[KILLS + 2];
    pids[0] = start(&stage, 0);
    wait_for(&stage, 0, "leading from unit 0", 10);
    double worst = 0;
    for (int i = 0; i < KILLS; i++) {
        pids[i + 1] = start(&stage, i + 1);
        wait_for(&stage, i + 1, "standing by", 10);
        nanosleep(&(struct timespec){0, 700000000}, NULL); /* the moment of the kill */
        kill(pids[leader], SIGKILL);
        process_wait(pids[leader], 10);
        leader = i + 1;
        double waited = wait_for(&stage, leader, "leading from unit", 3);
        if (waited > worst) worst = waited;
    }
    pthread_join(stage.producer, NULL);
    kill(pids[leader], SIGTERM);
    assert_int_equal(process_wait(pids[leader], 30), 0);
    long total = finish(&stage);
    print_message("%d leaders killed, %ld answers, each once; the slowest standby led after %.2f s\n", KILLS,
                  total, worst);
}

/* A leader that stops for longer than its lease is replaced. When it wakes it stands by, and its successor
 * does not notice; when it was asked to end meanwhile it ends. */
static void test_run_when_a_zombie_leader_wakes_then_it_stands_by_or_ends(void **state) {
    (void)state;
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, "zombie", 30000, 3000, "");
    pid_t pids[2];
    pids[0] = start(&stage, 0);
    wait_for(&stage, 0, "leading from unit 0", 10);
    pids[1] = start(&stage, 1);
    wait_for(&stage, 1, "standing by", 10);
    kill(pids[0], SIGSTOP);
    wait_for(&stage, 1, "leading from unit", 5);
    kill(pids[0], SIGCONT);
    wait_for(&stage, 0, "not leading any more: another process has taken the lead", 5);
    wait_for(&stage, 0, "standing by", 10);
    pthread_join(stage.producer, NULL);
    assert_int_equal(life_said(stage.name, 1, "not leading any more"), 0);
    kill(pids[1], SIGSTOP);
    if (!life_says(stage.name, 0, "leading from unit", 2, 5)) life_fail(stage.name, 0, "does not lead again");
    kill(pids[1], SIGTERM);
    kill(pids[1], SIGCONT);
    assert_int_equal(process_wait(pids[1], 30), 0);
    kill(pids[0], SIGTERM);
    int code = process_wait(pids[0], 30);
    assert_true(code == 0 || code == 128 + SIGTERM); /* it may not have come to its loop yet */
    print_message("%ld answers, each once\n", finish(&stage));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_the_leader_is_killed_then_the_standby_goes_on_within_three_seconds),
        cmocka_unit_test(test_run_when_a_zombie_leader_wakes_then_it_stands_by_or_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
