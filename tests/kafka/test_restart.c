/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: nothing is forgotten. With state.dir the engine is killed 20 times while it works; windows, model,
 * detector and counts go on as if nothing had happened: every answer, first or repeated, has the very bytes
 * of an uninterrupted run. A broken newest snapshot makes way for the one before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "file/numbered.h"
#include "file/segments.h"

#include "support/card_stream.h"

#define KILLS 20
#define ONLY "group.instance.id: only"

/* Flips a byte in the middle of the newest snapshot of each partition that has an older one; returns how
 * many. */
static int break_newest_snapshots(void) {
    char folder[600];
    int broken = 0;
    snprintf(folder, sizeof folder, "%s", process_path("state/restart"));
    for (int p = 0; p < PARTITIONS; p++) {
        int64_t positions[16];
        char path[1000];
        if (weir_numbered_list(process_path("state"), "restart", WEIR_SEGMENT_ENDING, p, INT64_MAX, positions,
                               16) < 2)
            continue;
        snprintf(path, sizeof path, "%s/p%d-%020lld.segment", folder, p, (long long)positions[0]);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, 2000, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, 2000, SEEK_SET);
        fputc(byte ^ 4, file);
        fclose(file);
        broken++;
    }
    return broken;
}

static const char *numbered(const char *stem, int i) {
    static char names[4][32];
    static int next;
    char *name = names[next++ & 3];
    snprintf(name, sizeof names[0], "%s%d", stem, i);
    return name;
}

/* What each start said about the state it found. */
static void tell_restores(void) {
    for (int i = 0; i < KILLS; i++) {
        char *log = process_read(process_path(numbered("err", i)), NULL);
        for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
            if (strstr(line, "partition ")) print_message("start %d: %s\n", i, line);
        free(log);
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
    const char *pipeline = write_pipeline("restart.yaml", "killed", input, output, alerts, ONLY, true);
    struct load load = {input, 10000};
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce_load, &load), 0);

    unsigned random = 777;
    int restored = 0, broken = 0;
    bool passed_over = false;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = process_start((const char *const[]){"weir", "run", pipeline, NULL}, process_path("out"),
                                  process_path(numbered("err", i)));
        random = random * 1103515245u + 12345u;
        long ms = 400 + (long)(random >> 16) % 900;
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000},
                  NULL); /* the random moment of the kill */
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
        if (i == KILLS / 2) broken = break_newest_snapshots();
        char *log = process_read(process_path(numbered("err", i)), NULL);
        restored += strstr(log, "state restored") != NULL;
        if (broken && strstr(log, "is passed over")) passed_over = true;
        free(log);
    }
    pthread_join(producer, NULL);
    assert_true(restored >= KILLS / 2); /* else the kills proved nothing */
    assert_true(!broken || passed_over);
    struct process_result last = process_weir_run("run", pipeline, "--until-end", "--summary", "json");
    if (last.code) print_message("%s\n", last.err);
    assert_int_equal(last.code, 0);
    process_free(&last);
    last = process_weir_run("run", pipeline, "--until-end", "--summary", "json");
    assert_int_equal(last.code, 0);
    assert_non_null(strstr(last.out, "\"records\":{\"read\":0,")); /* of this run, not of the state's life */
    process_free(&last);

    last = process_weir_run(
        "run", write_pipeline("plain.yaml", "plain", input, plain_output, plain_alerts, ONLY, false),
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
    if (answers.different) tell_restores();
    assert_int_equal(answers.distinct, plain); /* none beyond those of the plain run */
    assert_int_equal(answers.different, 0);
    assert_true(answered >= plain);
    answers_free(&answers);
}

static void test_run_when_the_state_folder_cannot_be_used_then_it_does_not_start(void **state) {
    (void)state;
    char input[128];
    snprintf(input, sizeof input, "%s", broker_topic("restart.none", 1));
    struct process_result result = process_weir_run(
        "run", write_pipeline("none.yaml", "none", input, "restart.o", "restart.oa", ONLY, true),
        "--until-end", "--set", "state.dir=/proc/none");
    assert_int_equal(result.code, 78);
    assert_non_null(strstr(result.err, "cannot create /proc/none"));
    process_free(&result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_the_state_folder_cannot_be_used_then_it_does_not_start),
        cmocka_unit_test(test_run_when_killed_with_state_on_disk_then_answers_equal_an_uninterrupted_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
