/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a record that ends the process is found by the second start and set aside by the third, which goes on
 * (R15); readers see what a run shows that could not read that record, and a replay agrees with the skip:
 * under either delivery. Needs WEIR_FAULTS_BINARY, a build that can be made to crash on a record
 * (engine/base/faults.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact_lives.h"

#define RECORDS 20000
#define BROKEN_EVERY 997 /* of exact_stream.h */
#define DEAD_LETTERS (1 + (RECORDS - 1) / BROKEN_EVERY)
/* One of the records that no run can read, so that an uninterrupted run has it as a dead letter too: record
 * 4985 lies in partition 1 at offset 1246. */
#define POISON "{broken 4985"

static int different;

/* The dead letter itself says another reason. */
static bool differs(const struct exact_lines *got, const struct exact_lines *wanted) {
    const char *a = got->text ? got->text : "", *b = wanted->text ? wanted->text : "";
    while (*a && *b) {
        size_t m = strcspn(a, "\n"), n = strcspn(b, "\n");
        if (m != n || memcmp(a, b, m) != 0) {
            const char *line = strndupa(a, m), *plain = strndupa(b, n);
            if (!strstr(line, POISON) || !strstr(line, "D130") || !strstr(plain, POISON)) return true;
            different++;
        }
        a += m + 1;
        b += n + 1;
    }
    return *a || *b;
}

static void ignore(void *owner, const rd_kafka_message_t *message) { (void)owner, (void)message; }

static void test_run_when_a_record_crashes_twice_then_the_third_start_sets_it_aside(void **state) {
    (void)state;
    struct exact_stage stage;
    const char *faults = getenv("WEIR_FAULTS_BINARY");
    broker_address();
    if (!faults) {
        print_message("no WEIR_FAULTS_BINARY: skipped (script/test kafka builds one)\n");
        skip();
    }
    exact_open(&stage, "poison", RECORDS, RECORDS, "");
    exact_wait_for_producer(&stage);
    setenv("WEIR_POISON", POISON, 1);
    for (int life = 0; life < 2; life++) {
        pid_t pid = life_start_with(&stage, faults, life, "state.snapshot.every=1h", false);
        if (process_wait(pid, 60) != 128 + SIGABRT) life_fail("poison", life, "did not abort");
    }
    assert_int_equal(life_said("poison", 1, "taken one by one"), 1);

    /* The third start goes on; killed when all is committed, so that the fourth has to do it again. */
    pid_t pid = life_start_with(&stage, faults, 2, "state.snapshot.every=1h", false);
    life_must_say("poison", 2, "partition 1 offset 1246 has ended the process twice", 1);
    double deadline = process_now_s() + 60;
    while (broker_read(stage.outputs[2], 1, NULL, ignore) < DEAD_LETTERS)
        if (process_now_s() > deadline) life_fail("poison", 2, "does not go on");
    life_kill(pid);
    pid = life_start_with(&stage, faults, 3, "state.snapshot.every=1h", true);
    if (process_wait(pid, 60)) life_fail("poison", 3, "did not come to the end");
    if (life_said("poison", 3, "partition 1: state restored") != 1 || life_said("poison", 3, "DIVERGED") ||
        life_said("poison", 3, "(snapshot of unit 0,") != PARTITIONS ||
        life_said("poison", 3, "set aside unread"))
        life_fail("poison", 3, "has not done it all again");
    unsetenv("WEIR_POISON");

    struct process_result plain = process_weir_run("run", stage.plain_pipeline, "--until-end");
    assert_int_equal(plain.code, 0);
    process_free(&plain);
    long total = exact_compare(&stage, 0, NULL) + exact_compare(&stage, 1, NULL);
    assert_int_equal(exact_compare(&stage, 2, differs), DEAD_LETTERS);
    assert_int_equal(different, 1);
    print_message("%ld records of output, byte for byte those of a run that cannot read the record\n", total);
}

/* ---- at least once ---- */

#define AT_LEAST_ONCE "sinks.predictions.delivery=at_least_once"
#define ONLY "group.instance.id: only" /* a killed process comes back to its partitions at once */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The lines, each once: what came twice has the same bytes. */
static long distinct(const struct exact_lines *lines, char **out) {
    long count = 0, kept = 0;
    for (char *line = lines->len ? strtok(lines->text, "\n") : NULL; line; line = strtok(NULL, "\n"))
        out[count++] = line;
    qsort(out, (size_t)count, sizeof *out, by_text);
    for (long i = 0; i < count; i++)
        if (!kept || strcmp(out[kept - 1], out[i]) != 0) out[kept++] = out[i];
    return kept;
}

/* What readers see of a stream when they drop what comes twice, beside an uninterrupted run. Returns how many
 * differ as a record does that was set aside and one that cannot be read. */
static int compare_distinct(const struct exact_stage *stage, int stream, long *total) {
    struct exact_seen *got = calloc(2, sizeof *got), *wanted = got + 1;
    int set_aside = 0;
    got->input = wanted->input = stage->input;
    broker_read(stage->outputs[stream], exact_widths[stream], got, exact_see);
    broker_read(stage->plain[stream], exact_widths[stream], wanted, exact_see);
    for (int k = 0; k < PARTITIONS * PARTITIONS; k++) {
        struct exact_lines *a = &got->lines[k / PARTITIONS][k % PARTITIONS],
                           *b = &wanted->lines[k / PARTITIONS][k % PARTITIONS];
        char **mine = calloc((size_t)a->count + 1, sizeof *mine),
             **plain = calloc((size_t)b->count + 1, sizeof *plain);
        long count = distinct(a, mine);
        assert_int_equal(count, distinct(b, plain));
        for (long i = 0; i < count; i++) {
            if (!strcmp(mine[i], plain[i])) continue;
            if (!strstr(mine[i], POISON) || !strstr(mine[i], "D130") || !strstr(plain[i], POISON))
                fail_msg("got    %s\nwanted %s", mine[i], plain[i]);
            set_aside++;
        }
        *total += count;
        free(mine);
        free(plain);
    }
    exact_free(got);
    exact_free(wanted);
    free(got);
    return set_aside;
}

static pid_t start_at_least_once(const struct exact_stage *stage, const char *program, int number,
                                 const char *until, const char *records) {
    char out[600], err[600];
    snprintf(out, sizeof out, "%s", process_path("out"));
    snprintf(err, sizeof err, "%s", life_log(stage->name, number));
    return process_start((const char *const[]){program, "run", stage->pipeline, "--set", AT_LEAST_ONCE,
                                               "--set", "state.snapshot.every=1h", until, records, NULL},
                         out, err);
}

/* Only the state of the beginning is left: all that followed must be done again. */
static void lose_newer_states(const char *group) {
    char command[1000];
    snprintf(command, sizeof command,
             "cd '%s-%s/exact' && ls p*.segment | grep -v -- '-00000000000000000000.segment' | xargs rm",
             process_path("state"), group);
    assert_int_equal(system(command), 0);
}

static void test_run_when_a_record_crashes_twice_at_least_once_then_it_is_set_aside_also_when_done_again(
    void **state) {
    (void)state;
    struct exact_stage stage;
    const char *faults = getenv("WEIR_FAULTS_BINARY");
    long total = 0;
    broker_address();
    if (!faults) skip();
    exact_open(&stage, "once", RECORDS, RECORDS, ONLY);
    exact_wait_for_producer(&stage);
    setenv("WEIR_POISON", POISON, 1);
    for (int life = 0; life < 2; life++)
        if (process_wait(start_at_least_once(&stage, faults, life, NULL, NULL), 60) != 128 + SIGABRT)
            life_fail("once", life, "did not abort");
    assert_int_equal(life_said("once", 1, "taken one by one"), 1);

    /* The third start goes on and stops behind the record, whichever partitions it reads first. */
    if (process_wait(start_at_least_once(&stage, faults, 2, "--limit", "17000"), 60) ||
        life_said("once", 2, "partition 1 offset 1246 has ended the process twice: it is set aside unread") !=
            1)
        life_fail("once", 2, "does not go on");
    lose_newer_states("once");
    if (process_wait(start_at_least_once(&stage, faults, 3, "--until-end", NULL), 60))
        life_fail("once", 3, "did not come to the end");
    if (life_said("once", 3, "partition 1: state restored as of offset 0, ") != 1 ||
        life_said("once", 3, "partition 1 offset 1246 has ended the process twice: it was set aside") != 1)
        life_fail("once", 3, "has not done it all again");
    unsetenv("WEIR_POISON");

    struct process_result plain = process_weir_run("run", stage.plain_pipeline, "--until-end");
    assert_int_equal(plain.code, 0);
    process_free(&plain);
    assert_int_equal(compare_distinct(&stage, 0, &total), 0);
    assert_int_equal(compare_distinct(&stage, 1, &total), 0);
    assert_true(total > RECORDS / 2); /* the rest came late */
    total = 0;
    assert_int_equal(compare_distinct(&stage, 2, &total), 1);
    assert_int_equal(total, DEAD_LETTERS);
}

/* ---- the breaker ---- */

#define EACH 2600 /* records of a partition */

/* Partition 1 has every tenth record broken, 0 every hundredth; 2 and 3 none. */
static void produce_rejects(const struct exact_stage *stage) {
    rd_kafka_t *producer = broker_producer();
    for (int i = 0; i < EACH * PARTITIONS; i++) {
        char value[200];
        int p = i % PARTITIONS, n = i / PARTITIONS;
        bool bad = (p == 1 && n % 10 == 3) || (p == 0 && n % 100 == 3);
        int len =
            snprintf(value, sizeof value, "%s{\"n\":%d,\"card\":\"c%d\",\"ts\":%ld,\"x\":%d.25,\"label\":%d}",
                     bad ? "!" : "", i, n % 50, 1700000000000 + i * 2L, n % 997, n % 3 == 0);
        broker_produce(producer, stage->input, p, NULL, 0, value, (size_t)len, 0);
    }
    broker_flush(producer);
}

static void pause_and_go_on(const char *name, const char *set) {
    static const int ends[] = {65, 65, 0}; /* the third start has 600 left */
    struct exact_stage stage;
    broker_address();
    exact_open(&stage, name, 0, 1, set ? ONLY : "");
    exact_wait_for_producer(&stage);
    produce_rejects(&stage);
    for (int life = 0; life < 3; life++) {
        char from[80];
        pid_t pid = life_start_with(&stage, "weir", life, set, true);
        int code = process_wait(pid, 60);
        if (code != ends[life]) {
            print_message("exit code %d\n", code);
            life_fail(name, life, "another end than expected");
        }
        snprintf(from, sizeof from, "partition 1 offset %d to partition 1 offset %d", life * 1000,
                 life * 1000 + 999);
        if (life_said(name, life, "partition 1 stops, the others go on: 100 of 1000 records") != !!code ||
            (code && !life_said(name, life, from)) || life_said(name, life, "partition 0 stops"))
            life_fail(name, life, "says something else");
    }
    struct process_result plain =
        process_weir_run("run", stage.plain_pipeline, "--until-end", "--set", "dead_letter.pause_above=100");
    assert_int_equal(plain.code, 0);
    process_free(&plain);
    if (set) { /* nothing was interrupted, but a commit may come to nothing */
        long answers = 0, letters = 0;
        assert_int_equal(compare_distinct(&stage, 0, &answers) + compare_distinct(&stage, 2, &letters), 0);
        assert_true(answers > 0);
        assert_int_equal(letters, EACH / 10 + EACH / 100);
        return;
    }
    assert_true(exact_compare(&stage, 0, NULL) > 0);
    assert_int_equal(exact_compare(&stage, 2, NULL), EACH / 10 + EACH / 100);
}

static void test_run_when_many_records_are_bad_then_their_task_pauses_and_a_restart_goes_on(void **state) {
    (void)state;
    pause_and_go_on("breaker", NULL);
}

static void test_run_when_many_records_are_bad_at_least_once_then_it_is_the_same(void **state) {
    (void)state;
    pause_and_go_on("breaker1", AT_LEAST_ONCE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_a_record_crashes_twice_then_the_third_start_sets_it_aside),
        cmocka_unit_test(
            test_run_when_a_record_crashes_twice_at_least_once_then_it_is_set_aside_also_when_done_again),
        cmocka_unit_test(test_run_when_many_records_are_bad_at_least_once_then_it_is_the_same),
        cmocka_unit_test(test_run_when_many_records_are_bad_then_their_task_pauses_and_a_restart_goes_on),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
