/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what exactly-once rests on may be unfit, lost, changed or broken: refused before the start, or said
 * with its place while only the task concerned stops, or gone around; never silently skipped (R10, R11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/mount.h>

#include "runtime/unit.h"
#include "support/broker_admin.h"
#include "support/exact_lives.h"

static const char *const never = "state.snapshot.every=1h"; /* all is done again from the first unit */

static const char *group_of(const struct exact_stage *stage) {
    static char group[128];
    snprintf(group, sizeof group, "%s-%ld", stage->name, (long)getpid());
    return group;
}

static void expect_text(const char *log, const char *text) {
    if (!strstr(log, text)) fail_msg("'%s' is missing in:\n%s", text, log);
}

/* ---- unfit topics ---- */

static const char *write_unfit(const char *brokers, const char *input, const char *group) {
    char yaml[1500];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: unfit\nkafka: {brokers: '%s'}\n"
             "source: {topic: %s, group: %s, schema: {n: int64, x: float64, label: int64}}\n"
             "labels: {field: label}\nmodel: {learner: logistic_regression, inputs: [x]}\n"
             "state: {dir: %s}\n"
             "sinks: {predictions: {topic: %s.out, delivery: exactly_once, fields: [n, score]}}\n",
             brokers, input, group, process_path("unfit"), group);
    return process_write_text("unfit.yaml", yaml);
}

static struct process_result run_on(const char *brokers, const char *input, const char *group) {
    return process_weir_run("run", write_unfit(brokers, input, group), "--until-end");
}

static struct process_result check_on(const char *brokers, const char *input, const char *group) {
    return process_weir_run("check", write_unfit(brokers, input, group), "--connect");
}

static void expect_refused(struct process_result result, const char *topic, const char *remedy) {
    if (result.code != 78) fail_msg("exit code %d: %s", result.code, result.err);
    expect_text(result.err, "E413");
    expect_text(result.err, topic);
    expect_text(result.err, remedy);
    assert_null(strstr(result.err, "assigned")); /* before the start */
    process_free(&result);
}

static void test_run_when_a_topic_is_unfit_then_it_is_refused_before_the_start(void **state) {
    (void)state;
    static const struct {
        const char *stem, *key, *value, *remedy;
    } cases[] = {
        {"unfit.compacted", "cleanup.policy", "compact", "cleanup.policy=delete"},
        {"unfit.both", "cleanup.policy", "compact,delete", "cleanup.policy=delete"},
        {"unfit.brief", "retention.ms", "1800000", "raise retention.ms"},
        {"unfit.unclean", "unclean.leader.election.enable", "true", "unclean.leader.election.enable=false"}};
    char name[128];
    broker_address();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(name, sizeof name, "%s", broker_topic(cases[i].stem, 0));
        admin_create(name, 2, cases[i].key, cases[i].value);
        expect_refused(check_on(broker_address(), name, name), name, cases[i].remedy);
        expect_refused(run_on(broker_address(), name, name), name, cases[i].remedy);
    }
    snprintf(name, sizeof name, "%s", broker_topic("fit", 2));
    struct process_result result = check_on(broker_address(), name, name);
    assert_int_equal(result.code, 0);
    expect_text(result.out, "exactly once: a commit each 100 ms; its own topics are fit");
    process_free(&result);
}

static void test_run_when_an_own_topic_is_unfit_then_it_is_refused_before_the_start(void **state) {
    (void)state;
    static const struct {
        const char *stem, *own, *key, *value, *remedy;
        int partitions;
    } cases[] = {
        {"own.wider", "journal", "cleanup.policy", "delete", "source.group", 3},
        {"own.chunks", "snapshots", "cleanup.policy", "delete", "source.group", 1},
        {"own.compacted", "journal", "cleanup.policy", "compact", "cleanup.policy=delete", 2},
        {"own.brief", "snapshots", "retention.ms", "60000", "raise retention.ms", 2},
    };
    broker_address();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char input[128], own[200];
        snprintf(input, sizeof input, "%s", broker_topic(cases[i].stem, 2));
        snprintf(own, sizeof own, "%s.%s", input, cases[i].own);
        admin_create(own, cases[i].partitions, cases[i].key, cases[i].value);
        expect_refused(run_on(broker_address(), input, input), own, cases[i].remedy);
    }
}

static void test_run_when_the_cluster_is_embedded_then_exactly_once_is_refused(void **state) {
    (void)state;
    expect_refused(run_on("embedded", "t", "g"), "embedded cluster", "needs a Kafka broker");
}

/* ---- lost input ---- */

struct answered { /* of one input partition */
    const char *input;
    long counts[PARTITIONS];
    int64_t last[PARTITIONS]; /* highest input offset that was answered */
};

static void see_answer(void *owner, const rd_kafka_message_t *message) {
    struct answered *answered = owner;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    long long offset;
    int partition;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_get_last(headers, "weir-id", &value, &len), 0);
    char *id = strndupa((const char *)value, len), *at = strstr(id, answered->input);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(answered->input), "-%d-%lld", &partition, &offset), 2);
    answered->counts[partition]++;
    if (offset > answered->last[partition]) answered->last[partition] = offset;
}

static struct answered answers_of(const struct exact_stage *stage) {
    struct answered answered = {.input = stage->input, .last = {-1, -1, -1, -1}};
    broker_read(stage->outputs[0], PARTITIONS, &answered, see_answer);
    return answered;
}

static void open_small(struct exact_stage *stage, const char *name, long records, long records_per_s) {
    exact_open(stage, name, records, records_per_s, "session.timeout.ms: 3000, heartbeat.interval.ms: 300");
}

struct journaled { /* what a journal says of lost input */
    struct weir_lost lost;
    int count;
};

static void see_lost(void *owner, const rd_kafka_message_t *message) {
    struct journaled *journaled = owner;
    struct weir_unit unit;
    struct weir_error error;
    weir_unit_init(&unit);
    assert_int_equal(weir_unit_read(&unit, message->payload, message->len, &error), WEIR_OK);
    for (uint32_t i = 0; i < unit.lost_count; i++) journaled->lost = unit.lost[i];
    journaled->count += (int)unit.lost_count;
    weir_unit_deinit(&unit);
}

static struct process_result run_to_end(const struct exact_stage *stage, const char *more) {
    return process_weir_run("run", stage->pipeline, "--until-end", "--summary", "json", "--set", never, more);
}

/* Records that nobody has read are deleted: their task stops with the range, the others go on; an operator's
 * word takes it behind them, once for all. */
static void test_run_when_input_is_deleted_before_it_is_read_then_its_task_waits_for_a_word(void **state) {
    (void)state;
    struct exact_stage stage;
    char range[300];
    broker_address();
    open_small(&stage, "ahead", 8000, 1000000);
    exact_wait_for_producer(&stage);
    struct process_result result = run_to_end(&stage, NULL);
    assert_int_equal(result.code, 0);
    process_free(&result);
    int64_t next[PARTITIONS];
    rd_kafka_t *producer = broker_producer();
    for (int p = 0; p < PARTITIONS; p++) next[p] = admin_end(stage.input, p);
    for (int i = 0; i < 20 * PARTITIONS; i++)
        broker_produce(producer, stage.input, i % PARTITIONS, NULL, 0, "{}", 2, 0);
    broker_flush(producer);
    admin_trim(stage.input, 1, next[1] + 10);
    snprintf(range, sizeof range, "topic '%s' partition 1: offsets %lld to %lld were deleted", stage.input,
             (long long)next[1], (long long)next[1] + 9);
    for (int i = 0; i < 2; i++) { /* and it stays so */
        result = run_to_end(&stage, NULL);
        if (result.code != 74) fail_msg("exit code %d: %s", result.code, result.err);
        expect_text(result.err, range);
        expect_text(result.err, "partition 1 stops, the others go on");
        assert_int_equal(process_number(result.out, "\"dead_lettered\":"), i ? 0 : 20 * (PARTITIONS - 1));
        process_free(&result);
    }
    result = run_to_end(&stage, "--skip-lost");
    if (result.code) fail_msg("exit code %d: %s", result.code, result.err);
    snprintf(range, sizeof range,
             "topic '%s' partition 1: offsets %lld to %lld are gone: going on behind them", stage.input,
             (long long)next[1], (long long)next[1] + 9);
    expect_text(result.err, range);
    assert_int_equal(process_number(result.out, "\"dead_lettered\":"), 10);
    process_free(&result);
    struct journaled journaled = {.count = 0};
    snprintf(range, sizeof range, "%s.journal", group_of(&stage));
    broker_read(range, PARTITIONS, &journaled, see_lost);
    assert_int_equal(journaled.count, 1);
    assert_true(journaled.lost.partition == 1 && journaled.lost.first == next[1] &&
                journaled.lost.last == next[1] + 9);
    result = run_to_end(&stage, NULL);
    if (result.code) fail_msg("exit code %d: %s", result.code, result.err);
    assert_int_equal(process_number(result.out, "\"read\":"), 0);
    process_free(&result);
    /* With nothing left that could go on it ends. */
    producer = broker_producer();
    for (int i = 0; i < 2 * PARTITIONS; i++)
        broker_produce(producer, stage.input, i % PARTITIONS, NULL, 0, "{}", 2, 0);
    broker_flush(producer);
    for (int p = 0; p < PARTITIONS; p++) admin_trim(stage.input, p, admin_end(stage.input, p));
    result = process_weir_run("run", stage.pipeline);
    if (result.code != 74) fail_msg("exit code %d: %s", result.code, result.err);
    process_free(&result);
}

/* One task that sees everything cannot go on without a part of it, and no standby could: the process ends. */
static void test_run_when_a_single_task_loses_input_then_it_ends_and_waits_for_a_word(void **state) {
    (void)state;
    struct exact_stage stage;
    char text[300];
    broker_address();
    open_small(&stage, "alone", 400, 1000000);
    exact_wait_for_producer(&stage);
    assert_int_equal(process_wait(life_start_with(&stage, "weir", 0, "tasks=single", true), 60), 0);
    int64_t next = admin_end(stage.input, 1);
    rd_kafka_t *producer = broker_producer();
    for (int i = 0; i < 20; i++) broker_produce(producer, stage.input, 1, NULL, 0, "{}", 2, 0);
    broker_flush(producer);
    admin_trim(stage.input, 1, next + 10);
    int code = process_wait(life_start_with(&stage, "weir", 1, "tasks=single", true), 60);
    snprintf(text, sizeof text, "offsets %lld to %lld were deleted", (long long)next, (long long)next + 9);
    if (code != 74 || !life_said(stage.name, 1, text)) life_fail(stage.name, 1, "another end than expected");
    struct process_result result =
        process_weir_run("run", stage.pipeline, "--until-end", "--set", "tasks=single", "--skip-lost");
    if (result.code) fail_msg("exit code %d: %s", result.code, result.err);
    process_free(&result);
    struct journaled journaled = {.count = 0};
    snprintf(text, sizeof text, "%s.journal", group_of(&stage));
    broker_read(text, PARTITIONS, &journaled, see_lost);
    assert_int_equal(journaled.count, 1);
    assert_true(journaled.lost.partition == 1 && journaled.lost.first == next &&
                journaled.lost.last == next + 9);
}

/* Kills a process that has made no snapshot; all has to be done again from the first unit. Ends when every
 * partition was at work. */
static void live_without_snapshots(struct exact_stage *stage) {
    pid_t pid = life_start_with(stage, "weir", 0, never, false);
    double deadline = process_now_s() + 60;
    for (bool all = false; !all;) {
        rd_kafka_topic_partition_list_t *offsets = admin_committed(group_of(stage), stage->input, PARTITIONS);
        all = true;
        for (int p = 0; p < PARTITIONS; p++) all = all && offsets->elems[p].offset >= 100;
        rd_kafka_topic_partition_list_destroy(offsets);
        if (process_now_s() > deadline) life_fail(stage->name, 0, "it commits nothing");
    }
    life_kill(pid);
    exact_wait_for_producer(stage); /* there is more to do than to do again */
    struct answered answered = answers_of(stage);
    for (int p = 0; p < PARTITIONS; p++) assert_true(answered.last[p] < admin_end(stage->input, p) - 100);
}

static void expect_others_done(const struct exact_stage *stage, unsigned stopped) {
    struct answered answered = answers_of(stage);
    for (int p = 0; p < PARTITIONS; p++)
        if (!(stopped >> p & 1))
            assert_true(answered.last[p] >= admin_end(stage->input, p) - 30); /* the last may be late ones */
}

static void test_run_when_input_of_a_replay_is_deleted_then_its_task_stops_and_others_run(void **state) {
    (void)state;
    struct exact_stage stage;
    char partition[300];
    broker_address();
    open_small(&stage, "behind", 20000, 2000);
    live_without_snapshots(&stage);
    admin_trim(stage.input, 2, 10);
    struct process_result result = process_weir_run("run", stage.pipeline, "--until-end", "--set", never);
    if (result.code != 65) fail_msg("exit code %d: %s", result.code, result.err);
    snprintf(partition, sizeof partition, "topic '%s' partition 2: offset", stage.input);
    expect_text(result.err, "partition 2 stops, the others go on");
    expect_text(result.err, partition);
    expect_text(result.err, "the log holds 10 to");
    expect_text(result.err, "is gone, its state cannot be rebuilt"); /* the first unit may be empty */
    expect_text(result.err, "[E411]");
    process_free(&result);
    expect_others_done(&stage, 1 << 2);
    /* An operator's word: the state goes on without what is gone, and is saved as it is. */
    result = process_weir_run("run", stage.pipeline, "--until-end", "--set", never, "--skip-lost");
    if (result.code) fail_msg("exit code %d: %s", result.code, result.err);
    expect_text(result.err, "is gone, its state goes on without it");
    process_free(&result);
    expect_others_done(&stage, 0);
    result = process_weir_run("run", stage.pipeline, "--until-end", "--set", never);
    if (result.code) fail_msg("exit code %d: %s", result.code, result.err);
    assert_null(strstr(result.err, "is gone"));
    process_free(&result);
}

/* ---- changed history ---- */

struct copied {
    rd_kafka_t *producer;
    const char *topic;
    int64_t change_at; /* in partition 1 */
};

static void copy_back(void *owner, const rd_kafka_message_t *message) {
    struct copied *copied = owner;
    char value[300];
    int64_t timestamp = rd_kafka_message_timestamp(message, NULL);
    assert_true(message->len < sizeof value);
    memcpy(value, message->payload, message->len);
    if (message->partition == 1 && message->offset == copied->change_at) {
        char *x = memmem(value, message->len, ".25,", 4);
        assert_non_null(x);
        x[1] = '3'; /* .35 instead of .25 */
    }
    broker_produce(copied->producer, copied->topic, message->partition, message->key, message->key_len, value,
                   message->len, timestamp);
}

/* The topic is deleted and made anew with one record changed; the group's offsets, which go with a topic, are
 * written again by another program. */
static void test_run_when_history_was_changed_then_its_task_stops_with_proof_and_others_run(void **state) {
    (void)state;
    struct exact_stage stage;
    char text[300], chain[20], kept[160];
    broker_address();
    open_small(&stage, "history", 20000, 2000);
    live_without_snapshots(&stage);
    rd_kafka_topic_partition_list_t *offsets = admin_committed(group_of(&stage), stage.input, PARTITIONS);
    for (int p = 0; p < PARTITIONS; p++) assert_true(offsets->elems[p].offset > 50); /* what is changed */

    snprintf(kept, sizeof kept, "%s.kept", stage.input);
    admin_create(kept, PARTITIONS, "retention.ms", "-1");
    struct copied copied = {.producer = broker_producer(), .topic = kept, .change_at = 50};
    broker_read(stage.input, PARTITIONS, &copied, copy_back);
    broker_flush(copied.producer);
    admin_delete(stage.input);
    admin_create(stage.input, PARTITIONS, "retention.ms", "-1");
    copied = (struct copied){.producer = broker_producer(), .topic = stage.input, .change_at = -1};
    broker_read(kept, PARTITIONS, &copied, copy_back);
    broker_flush(copied.producer);

    snprintf(text, sizeof text, "%.*s", (int)offsets->elems[2].metadata_size,
             (const char *)offsets->elems[2].metadata); /* unit:chain:journal offset */
    assert_int_equal(sscanf(text, "%*[^:]:%16[^:]", chain), 1);
    char *digit = strstr(text, chain);
    *digit = *digit == '0' ? '1' : '0';
    admin_set_metadata(&offsets->elems[2], text);
    admin_set_metadata(&offsets->elems[3], "somebody else was here");
    admin_commit(group_of(&stage), offsets);
    rd_kafka_topic_partition_list_destroy(offsets);

    struct process_result result = process_weir_run("run", stage.pipeline, "--until-end", "--set", never);
    if (result.code != 65) fail_msg("exit code %d: %s", result.code, result.err);
    for (int p = 1; p < PARTITIONS; p++) {
        snprintf(text, sizeof text, "partition %d stops, the others go on", p);
        expect_text(result.err, text);
    }
    assert_null(strstr(result.err, "partition 0 stops"));
    expect_text(result.err, "DIVERGED: task 1, unit ");
    expect_text(result.err, "[E412]");
    expect_text(result.err, "holds another unit of that number than was committed");
    expect_text(result.err, "[E411]");
    expect_text(result.err, "metadata 'somebody else was here' that is not weir's");
    expect_text(result.err, "[E410]");
    process_free(&result);
    expect_others_done(&stage, 1 << 1 | 1 << 2 | 1 << 3);
}

/* ---- broken snapshots ---- */

/* Flips a byte in the newest file of every task; returns how many. */
static int damage_newest(const struct exact_stage *stage) {
    char folder[600], newest[PARTITIONS][256] = {{0}};
    int damaged = 0;
    snprintf(folder, sizeof folder, "%s-%s/exact.units", process_path("state"), stage->name);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        int task;
        if (sscanf(entry->d_name, "p%d-", &task) == 1 && strstr(entry->d_name, ".segment") &&
            strcmp(entry->d_name, newest[task]) > 0)
            snprintf(newest[task], sizeof newest[task], "%s", entry->d_name);
    }
    closedir(dir);
    for (int task = 0; task < PARTITIONS; task++) {
        char path[1700];
        unsigned char byte;
        if (!newest[task][0]) continue;
        snprintf(path, sizeof path, "%s/%s", folder, newest[task]);
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &byte, 1, 200), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
        close(fd);
        damaged++;
    }
    return damaged;
}

static void test_run_when_the_newest_snapshots_are_broken_then_older_ones_serve_and_output_is_exact(
    void **state) {
    (void)state;
    struct exact_stage stage;
    char topic[200];
    broker_address();
    exact_open(&stage, "damaged", 60000, 6000, "session.timeout.ms: 6000, heartbeat.interval.ms: 500");
    for (int i = 0; i < 2; i++) {
        pid_t pid = life_start(&stage, "weir", i);
        life_must_say("damaged", i, "reading from offset", PARTITIONS);
        if (i == 1) {
            life_must_say("damaged", 1, "is passed over", PARTITIONS);
            life_must_say("damaged", 1, "state restored", PARTITIONS);
        }
        pause_ms(2500);
        life_stop(pid, "damaged", i);
        if (i == 1) break;
        snprintf(topic, sizeof topic, "%s.snapshots", group_of(&stage));
        assert_int_equal(damage_newest(&stage), PARTITIONS);
        for (int p = 0; p < PARTITIONS; p++) admin_trim(topic, p, admin_end(topic, p));
    }
    stage.enough = true;
    exact_close(&stage);
}

/* ---- a disk that cannot be written ---- */

/* Leaves no byte free. */
static void fill_disk(const char *path) {
    static char zeros[4096];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0) continue;
    while (write(fd, zeros, 1) > 0) continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void run_with_bad_disk(struct exact_stage *stage, bool full, const char *folder) {
    char units[600], aside[600], filler[600];
    snprintf(units, sizeof units, "%s/exact.units", folder);
    snprintf(aside, sizeof aside, "%s/aside", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    pid_t pid = life_start(stage, "weir", 0);
    life_must_say(stage->name, 0, "reading from offset", PARTITIONS);
    pause_ms(1000);
    if (full) {
        fill_disk(filler);
    } else { /* the folder gives way to a file */
        assert_int_equal(rename(units, aside), 0);
        close(open(units, O_WRONLY | O_CREAT, 0600));
    }
    life_must_say(stage->name, 0, "snapshots fail, processing goes on", 1);
    int64_t before = admin_end(stage->outputs[0], 0), after = before;
    double deadline = process_now_s() + 20;
    while (after < before + 500 && process_now_s() < deadline) after = admin_end(stage->outputs[0], 0);
    assert_true(after >= before + 500); /* it does go on */
    assert_int_equal(unlink(full ? filler : units), 0);
    if (!full) assert_int_equal(rename(aside, units), 0);
    life_must_say(stage->name, 0, "snapshots work again", 1);
    assert_int_equal(life_said(stage->name, 0, "snapshots fail"), 1); /* not once a snapshot */
    life_stop(pid, stage->name, 0);
    exact_close(stage);
}

static void test_run_when_the_state_disk_fails_then_processing_goes_on(void **state) {
    (void)state;
    struct exact_stage stage;
    char folder[600];
    broker_address();
    snprintf(folder, sizeof folder, "%s-%s", process_path("state"), "baddisk");
    exact_open(&stage, "baddisk", 30000, 5000, "");
    run_with_bad_disk(&stage, false, folder);
}

static void test_run_when_the_state_disk_is_full_then_processing_goes_on(void **state) {
    (void)state;
    struct exact_stage stage;
    char folder[600];
    broker_address();
    snprintf(folder, sizeof folder, "%s-%s", process_path("state"), "fulldisk");
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m")) {
        print_message("no right to mount a small disk here: skipped\n");
        skip();
    }
    exact_open(&stage, "fulldisk", 30000, 5000, "");
    run_with_bad_disk(&stage, true, folder);
}

static int give_disk_back(void **state) { /* also after a failure: the scratch folder has to go */
    char folder[600];
    (void)state;
    snprintf(folder, sizeof folder, "%s-%s", process_path("state"), "fulldisk");
    umount2(folder, MNT_DETACH);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_a_topic_is_unfit_then_it_is_refused_before_the_start),
        cmocka_unit_test(test_run_when_an_own_topic_is_unfit_then_it_is_refused_before_the_start),
        cmocka_unit_test(test_run_when_the_cluster_is_embedded_then_exactly_once_is_refused),
        cmocka_unit_test(test_run_when_input_is_deleted_before_it_is_read_then_its_task_waits_for_a_word),
        cmocka_unit_test(test_run_when_a_single_task_loses_input_then_it_ends_and_waits_for_a_word),
        cmocka_unit_test(test_run_when_input_of_a_replay_is_deleted_then_its_task_stops_and_others_run),
        cmocka_unit_test(test_run_when_history_was_changed_then_its_task_stops_with_proof_and_others_run),
        cmocka_unit_test(
            test_run_when_the_newest_snapshots_are_broken_then_older_ones_serve_and_output_is_exact),
        cmocka_unit_test(test_run_when_the_state_disk_fails_then_processing_goes_on),
        cmocka_unit_test_teardown(test_run_when_the_state_disk_is_full_then_processing_goes_on,
                                  give_disk_back),
    };
    if (getenv("WEIR_ONLY")) cmocka_set_test_filter(getenv("WEIR_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
