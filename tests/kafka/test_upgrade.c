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

#include "support/broker_admin.h"

#define PARTITIONS 2
#define ROWS_MAX 20000
#define WAIT_S 40

struct file { /* the parts that change */
    const char *more_columns, *more_groups, *learner, *delta, *extra, *tasks;
};
static const struct file plain = {"", "", "logistic_regression", "0.002", "", "per_partition"};

struct answer {
    int count;
    double n10, mean60, all10;
    long version, n300;
};

struct stage {
    const char *name;
    char input[128], output[128], yaml[600], log[600];
    bool single; /* all rows in one partition: their order is one */
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
             "state: {dir: %s-%s-%s, snapshot: {every: 500ms}}\ntasks: %s\n"
             "sinks:\n  predictions: {topic: %s, delivery: %s, fields: [n, n10, mean60, all10, "
             "score, model.version%s]}\n",
             broker_address(), stage->input, group, (long)getpid(), parts->more_columns, parts->more_groups,
             parts->learner, parts->delta, process_path("state"), group, file, parts->tasks, output, delivery,
             parts->extra);
    return process_write_text(file, yaml);
}

static uint64_t random_of(long row) {
    uint64_t random = ((uint64_t)row + 1) * UINT64_C(6364136223846793005) + 1;
    return random ^ random >> 33;
}

static long card_of(long row) { return (long)(random_of(row) >> 20) % 100; }

static void produce(const struct stage *stage, long from, long to) {
    rd_kafka_t *producer = broker_producer();
    for (long i = from; i < to; i++) {
        char value[200];
        long x = (long)(random_of(i) >> 40) % 1000;
        int len = snprintf(value, sizeof value,
                           "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                           card_of(i), 1700000000000 + i * 5, x, x > 500);
        broker_produce(producer, stage->input, stage->single ? 0 : (int)(i % PARTITIONS), NULL, 0, value,
                       (size_t)len, 0);
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

static const struct file changed = {", n300: 'count(5m)'",
                                    "  - by: label\n    columns: {per: 'count(5m)'}\n",
                                    "logistic_regression\n  options: {rate: 0.5}",
                                    "0.5",
                                    ", n300",
                                    "per_partition"};

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
    *strchr(stage.output, '.') = '_'; /* Kafka refuses a name that differs from another in that only */
    upgrade(&stage, pid, "exactly_once", &plain);
    *strchr(stage.output, '_') = '.';
    wait_for_log(&stage, "the new file cannot be started; goes on as it was", 1);
    produce(&stage, 3000, 4000);
    wait_for_answers(&stage, 4000);
    end_by_signal(&stage, pid);
    expect_windows_of_plain_run(&stage, 4000);
}

/* ---- `tasks: single` ---- */

struct life { /* of a process with a pipeline file of its own */
    struct stage *stage;
    const char *name;
    char yaml[600], log[600];
    int number;
    pid_t pid;
};

static struct file single(const struct file *parts) {
    struct file file = *parts;
    file.tasks = "single";
    return file;
}

static void give(struct life *life, struct file file, const char *group) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s.yaml", life->stage->name, life->name);
    snprintf(life->yaml, sizeof life->yaml, "%s",
             write_file(life->stage, name, group, life->stage->output, "exactly_once", &file));
}

static void hang_up(struct life *life, struct file file) {
    give(life, file, life->stage->name);
    kill(life->pid, SIGHUP);
}

static void live(struct life *life, struct file file) {
    char log[64];
    struct stage *stage = life->stage;
    give(life, file, stage->name);
    snprintf(log, sizeof log, "%s.%s.err%d", stage->name, life->name, ++life->number);
    snprintf(stage->yaml, sizeof stage->yaml, "%s", life->yaml);
    life->pid = start(stage, log);
    snprintf(life->log, sizeof life->log, "%s", stage->log);
}

static void die(struct life *life) {
    kill(life->pid, SIGKILL);
    process_wait(life->pid, 10);
}

static void must_say(const struct life *life, const char *words, int times) {
    snprintf(life->stage->log, sizeof life->stage->log, "%s", life->log);
    wait_for_log(life->stage, words, times);
}

static void must_not_say(const struct life *life, const char *words) {
    char *log = process_read(life->log, NULL);
    if (strstr(log, words)) fail_msg("'%s' is in: %s", words, log);
    free(log);
}

static void end(struct life *life) {
    snprintf(life->stage->log, sizeof life->stage->log, "%s", life->log);
    end_by_signal(life->stage, life->pid);
}

/* Until they are answered and committed. */
static void answer_rows(struct stage *stage, long from, long to) {
    char group[160];
    int64_t next = 0;
    snprintf(group, sizeof group, "%s-%ld", stage->name, (long)getpid());
    produce(stage, from, to);
    for (double until = process_now_s() + WAIT_S; next < to && process_now_s() < until; pause_ms(20)) {
        rd_kafka_topic_partition_list_t *list = admin_committed(group, stage->input, 1);
        next = list->elems[0].offset;
        rd_kafka_topic_partition_list_destroy(list);
    }
    if (next < to) fail_with_log(stage, "rows are not answered");
}

/* The window that was added counts the rows of its card since this one, whoever led meanwhile. */
static void expect_counted_since(const struct stage *stage, long cold, long to) {
    long counts[100] = {0};
    for (long i = cold; i < to; i++) {
        long wanted = ++counts[card_of(i)], got = stage->answers[i].n300;
        if (got != wanted) fail_msg("row %ld: n300 is %ld, wanted %ld", i, got, wanted);
    }
}

static void open_lives(struct stage *stage, const char *name, struct life *a, struct life *b) {
    open_stage(stage, name, "exactly_once");
    stage->single = true;
    *a = (struct life){.stage = stage, .name = "a"};
    *b = (struct life){.stage = stage, .name = "b"};
}

static void expect_refusals(struct life *life, const char *after) {
    struct stage *stage = life->stage;
    struct file broken = single(&plain);
    broken.learner = "logistic_regresion";
    hang_up(life, broken);
    must_say(life, "the file has errors; goes on as it was", 1);
    give(life, single(&plain), "elsewhere");
    kill(life->pid, SIGHUP);
    must_say(life, "SIGHUP: source.group, state.dir cannot change while it runs", 1);
    hang_up(life, changed);
    must_say(life, "SIGHUP: tasks cannot change while it runs", 1);
    *strchr(stage->output, '.') = '_';
    hang_up(life, single(&plain));
    *strchr(stage->output, '_') = '.';
    must_say(life, "the new file cannot be started; goes on as it was", 1);
    must_say(life, after, 2);
}

/* The leader first, the standby after it; then its lead goes over to the standby, which was warm. */
static void leader_changes_first(struct life *a, struct life *b) {
    struct stage *stage = a->stage;
    double began = process_now_s();
    hang_up(a, single(&changed));
    must_say(a, "leading from unit", 3);
    print_message("the leader changed in %.2f s\n", process_now_s() - began);
    must_say(a, "starts cold: count() over 300000 ms, by card:string", 1);
    must_say(b, "the leader has changed its pipeline file: give the new one to this process too", 1);
    answer_rows(stage, 1500, 3000);
    hang_up(b, single(&changed));
    must_say(b, "standing by at unit", 3);
    must_not_say(b, "leading from unit");
    kill(a->pid, SIGSTOP);
    must_say(b, "leading from unit", 1);
    must_not_say(b, "starts cold");
    kill(a->pid, SIGCONT);
    must_say(a, "not leading any more: another process has taken the lead", 1);
    must_say(a, "standing by at unit", 1);
    answer_rows(stage, 3000, 4500);
    die(a);
}

/* A standby with the file of before has to take over. What it publishes must be what any process makes that
 * begins at the newest snapshot, though it stood by before that was made; and none is made after it. */
static void old_file_takes_over(struct life *a, struct life *b) {
    struct stage *stage = a->stage;
    char snapshots[160];
    snprintf(snapshots, sizeof snapshots, "%s-%ld.snapshots", stage->name, (long)getpid());
    live(a, single(&plain));
    must_say(a, "at unit", 1); /* it waits, or it would stand by */
    answer_rows(stage, 4500, 5000);
    pause_ms(1100); /* a snapshot or two */
    admin_set(snapshots, "max.message.bytes", "100");
    die(b);
    must_say(a, "leading from unit", 1);
    must_say(a, "dropped: count() over 300000 ms, by card:string", 1);
    answer_rows(stage, 5000, 6000);
    must_say(a, "snapshots fail, processing goes on", 1);
    die(a);
    live(a, single(&plain));
    must_say(a, "leading from unit", 1);
    must_not_say(a, "DIVERGED");
    admin_set(snapshots, "max.message.bytes", "1000000");
}

/* A standby that sleeps until what it reads next is trimmed. Returns the next row. */
static long standby_is_overtaken(struct life *b, long row) {
    char journal[160];
    int64_t low, high, slept_at;
    snprintf(journal, sizeof journal, "%s-%ld.journal", b->stage->name, (long)getpid());
    kill(b->pid, SIGSTOP);
    slept_at = admin_end(journal, 0);
    double until = process_now_s() + WAIT_S;
    do {
        answer_rows(b->stage, row, row + 10);
        row += 10;
        admin_edges(journal, 0, &low, &high);
    } while (low <= slept_at && process_now_s() < until);
    kill(b->pid, SIGCONT);
    must_say(b, "overtaken by the leader, standing by anew", 1);
    must_say(b, "standing by at unit", 2);
    return row;
}

/* Returns the first row under the new file. */
static long standby_changes_first(struct life *a, struct life *b) {
    struct stage *stage = a->stage;
    live(b, single(&plain));
    must_say(b, "standing by at unit", 1);
    end(b); /* it never led */
    live(b, single(&plain));
    must_say(b, "standing by at unit", 1);
    long row = standby_is_overtaken(b, 6000);
    hang_up(b, single(&changed));
    must_say(b, "if this process has the new one, send the leader SIGHUP", 1);
    hang_up(a, single(&changed));
    must_say(a, "leading from unit", 2);
    must_say(b, "the leader has the same pipeline file now", 1);
    answer_rows(stage, row, row + 1000);
    must_not_say(b, "leading from unit");
    return row;
}

static void test_upgrade_when_tasks_single_then_leader_and_standby_change_in_any_order(void **state) {
    (void)state;
    static struct stage stage;
    struct life a, b;
    struct file third = single(&changed);
    open_lives(&stage, "lead", &a, &b);
    live(&a, single(&plain));
    must_say(&a, "leading from unit 0", 1);
    answer_rows(&stage, 0, 1500);
    live(&b, single(&plain));
    must_say(&b, "standing by at unit", 1);
    expect_refusals(&a, "leading from unit");
    expect_refusals(&b, "standing by at unit");
    leader_changes_first(&a, &b);
    old_file_takes_over(&a, &b);
    long row = standby_changes_first(&a, &b);
    /* The leader is killed somewhere in its change. */
    third.delta = "0.1";
    hang_up(&a, third);
    must_say(&a, "at the next unit boundary", 2);
    pause_ms(150);
    die(&a);
    must_say(&b, "leading from unit", 1);
    answer_rows(&stage, row + 1000, row + 2000);
    end(&b);
    expect_windows_of_plain_run(&stage, row + 2000);
    expect_counted_since(&stage, 1500, 5000);
    for (long i = 5000; i < row; i++) assert_int_equal(stage.answers[i].n300, -1);
    expect_counted_since(&stage, row, row + 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upgrade_when_the_file_changes_then_the_same_goes_on_and_the_new_starts_cold),
        cmocka_unit_test(test_upgrade_when_restarted_with_another_file_then_state_is_carried_over),
        cmocka_unit_test(test_upgrade_when_at_least_once_then_state_is_carried_over_too),
        cmocka_unit_test(test_upgrade_when_the_file_cannot_be_taken_then_nothing_is_disturbed),
        cmocka_unit_test(test_upgrade_when_tasks_single_then_leader_and_standby_change_in_any_order),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
