/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a state of the at-least-once lane can be seen only when its offset is committed, whatever happens
 * while it is being written; it comes back as it was; a broken one makes way for the one before it, and what
 * is kept is never less than asked for (R16). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "file/segments.h"
#include "runtime/snapshots.h"
#include "support/pipeline.h"
#include "support/process.h"
#include "support/units.h"

#define ENGINE 77
#define KEYS 3000 /* some hundred pages */

struct bench {
    char dir[600], yaml[900];
    struct test_pipeline pipeline;
    uv_loop_t loop;
    struct weir_snapshots *snapshots;
    int wakes;
};

static void on_wake(void *owner) { ((struct bench *)owner)->wakes++; }

static void bench_open(struct bench *bench, const char *name, uint64_t engine_id, const char *columns) {
    struct weir_error error;
    *bench = (struct bench){0};
    snprintf(bench->dir, sizeof bench->dir, "%s", process_path(name));
    snprintf(
        bench->yaml, sizeof bench->yaml,
        "weir: 1\nname: kept\n"
        "source: {topic: t, key: k, event_time: {field: ts, lateness: 0s}, schema: {k: int64, ts: int64, x: "
        "float64}}\n"
        "features: [{by: k, columns: {%s}}]\nstate: {dir: %s, snapshot: {keep: 2}}\n"
        "sinks: {features: {topic: o}}\n",
        columns, bench->dir);
    test_pipeline_open(&bench->pipeline, bench->yaml);
    assert_non_null(bench->pipeline.plan);
    uv_loop_init(&bench->loop);
    const struct weir_snapshots_options options = {bench->pipeline.plan, engine_id, &bench->loop, bench,
                                                   on_wake};
    assert_int_equal(weir_snapshots_open(&options, &bench->snapshots, &error), WEIR_OK);
}

static void bench_close(struct bench *bench) {
    weir_snapshots_stop(bench->snapshots);
    weir_snapshots_destroy(bench->snapshots);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    test_pipeline_close(&bench->pipeline);
}

#define SUM "s: 'sum(x, 1h)'"

static void feed(struct weir_task *task, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        char row[80];
        struct weir_outputs outputs;
        snprintf(row, sizeof row, "{\"k\":%d,\"ts\":%lld,\"x\":1}", (int)(i % KEYS),
                 1700000000000 + (long long)i);
        struct weir_record record = test_record(row, i);
        assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
    }
}

static struct weir_task *task_at(struct bench *bench, int64_t position) {
    struct weir_task *task;
    struct weir_error error;
    assert_int_equal(weir_task_create(bench->pipeline.plan, 5, &task, &error), WEIR_OK);
    feed(task, 0, position);
    return task;
}

static uint64_t digest_of(struct weir_task *task) {
    uint64_t digest;
    assert_int_equal(weir_task_digest(task, &digest), WEIR_OK);
    return digest;
}

/* The loop until nothing moves any more without being told. */
static void settle(struct bench *bench) {
    do {
        while (weir_snapshots_turn(bench->snapshots)) {
        }
    } while (uv_run(&bench->loop, UV_RUN_ONCE) || weir_snapshots_turn(bench->snapshots));
}

static int listed(const struct bench *bench, int64_t *positions) {
    return weir_numbered_list(bench->dir, "kept", WEIR_SEGMENT_ENDING, 3, INT64_MAX, positions, 16);
}

static void save_at(struct bench *bench, struct weir_task *task, int64_t position) {
    weir_snapshots_take(bench->snapshots, task, 3, position);
    weir_snapshots_committed(bench->snapshots, 3, position);
    settle(bench);
}

static int64_t restore(struct bench *bench, int64_t committed, uint64_t *digest) {
    struct weir_task *task = NULL;
    int64_t position = weir_snapshots_restore(bench->snapshots, 3, committed, &task);
    if (position >= 0) *digest = digest_of(task);
    weir_task_destroy(task);
    weir_snapshots_drop(bench->snapshots, 3);
    return position;
}

static void test_state_when_its_offset_is_not_committed_then_it_cannot_be_seen(void **state) {
    (void)state;
    struct bench bench;
    int64_t positions[16];
    uint64_t digest = 0;
    bench_open(&bench, "due", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, 5000);
    uint64_t then = digest_of(task);
    weir_snapshots_take(bench.snapshots, task, 3, 5000);
    assert_true(weir_snapshots_waiting(bench.snapshots));
    feed(task, 5000, 5200); /* before its pages are taken, and between */
    for (int64_t at = 5200; weir_snapshots_turn(bench.snapshots); at++) feed(task, at, at + 1);
    weir_snapshots_committed(bench.snapshots, 3, 4999);
    settle(&bench);
    assert_int_equal(listed(&bench, positions), 0);
    int wakes = bench.wakes;
    weir_snapshots_committed(bench.snapshots, 3, 5000);
    assert_true(bench.wakes > wakes);
    settle(&bench);
    assert_int_equal(listed(&bench, positions), 1);
    assert_int_equal(positions[0], 5000);
    weir_snapshots_drop(bench.snapshots, 3);
    assert_int_equal(restore(&bench, 4999, &digest), -1);
    assert_int_equal(restore(&bench, 6000, &digest), 5000);
    assert_true(digest == then);
    assert_true(digest != digest_of(task)); /* which has gone on */
    weir_task_destroy(task);
    bench_close(&bench);
}

static void test_state_when_only_some_has_changed_then_only_that_is_written_and_needed_files_stay(
    void **state) {
    (void)state;
    struct bench bench;
    int64_t positions[16];
    uint64_t digest = 0;
    bench_open(&bench, "chain", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, KEYS);
    save_at(&bench, task, KEYS);
    size_t full = weir_snapshots_base(bench.snapshots, 3).base_bytes;
    for (int64_t at = KEYS; at < KEYS + 50; at += 10) { /* keep: 2, and all stand on the first */
        feed(task, at, at + 10);
        save_at(&bench, task, at + 10);
    }
    assert_int_equal(listed(&bench, positions), 6);
    struct weir_manifest base = weir_snapshots_base(bench.snapshots, 3);
    assert_int_equal(base.base_unit, KEYS);
    assert_true(base.added_bytes < full / 4);
    uint64_t then = digest_of(task);
    assert_int_equal(restore(&bench, KEYS + 50, &digest), KEYS + 50);
    assert_true(digest == then);

    /* Taken over by another worker it goes on from there; when more was added than the base holds, anew. */
    weir_snapshots_set_base(bench.snapshots, 3, &base);
    int64_t at = KEYS + 50;
    for (; base.base_unit == KEYS; at += KEYS) {
        feed(task, at, at + KEYS);
        save_at(&bench, task, at + KEYS);
        base = weir_snapshots_base(bench.snapshots, 3);
    }
    assert_true(listed(&bench, positions) >= 2); /* the one before still stands on the first */
    assert_int_equal(positions[listed(&bench, positions) - 1], KEYS);
    save_at(&bench, task, at); /* nothing new: nothing is written */
    assert_int_equal(positions[0], at);
    feed(task, at, at + 1);
    save_at(&bench, task, at + 1);
    assert_int_equal(listed(&bench, positions), 2);
    assert_int_equal(restore(&bench, at, &digest), at);
    weir_task_destroy(task);
    bench_close(&bench);
}

static void test_state_when_the_partition_leaves_then_it_is_saved_before_or_not_at_all(void **state) {
    (void)state;
    struct bench bench;
    int64_t positions[16];
    uint64_t digest = 0;
    bench_open(&bench, "leaves", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, 5000);
    weir_snapshots_take(bench.snapshots, task, 3, 5000);
    while (weir_snapshots_turn(bench.snapshots)) {
    } /* its pages are on their way */
    weir_snapshots_drop(bench.snapshots, 3);
    assert_null(weir_task_snapshot(task));
    settle(&bench);
    assert_int_equal(listed(&bench, positions), 0);

    weir_snapshots_take(bench.snapshots, task, 3, 5000);
    weir_snapshots_turn(bench.snapshots);
    feed(task, 5000, 5001);
    weir_snapshots_save(bench.snapshots, task, 3, 5001); /* the loop does not run */
    assert_int_equal(listed(&bench, positions), 1);
    assert_int_equal(positions[0], 5001);
    weir_snapshots_take(bench.snapshots, task, 3, 5001);
    assert_null(weir_task_snapshot(task)); /* saved already */
    feed(task, 5001, 5002);
    weir_snapshots_take(bench.snapshots, task, 3, 5002);
    weir_snapshots_turn(bench.snapshots);
    weir_snapshots_save(bench.snapshots, task, 3, 5002); /* the one under way comes to its end */
    assert_int_equal(listed(&bench, positions), 2);
    uint64_t then = digest_of(task);
    weir_snapshots_drop(bench.snapshots, 3);
    settle(&bench);
    assert_int_equal(restore(&bench, 5002, &digest), 5002);
    assert_true(digest == then);
    weir_task_destroy(task);
    bench_close(&bench);
}

static void test_state_when_a_task_has_no_past_then_it_is_saved_at_its_beginning(void **state) {
    (void)state;
    struct bench bench;
    uint64_t digest = 0;
    bench_open(&bench, "birth", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, 0);
    weir_snapshots_save(bench.snapshots, task, 3, 0);
    weir_snapshots_take(bench.snapshots, task, 3, 0);
    assert_null(weir_task_snapshot(task));
    feed(task, 0, 10);
    save_at(&bench, task, 10);
    assert_int_equal(weir_snapshots_base(bench.snapshots, 3).base_unit, 10); /* nothing stands on offset 0 */
    weir_snapshots_drop(bench.snapshots, 3);
    assert_int_equal(restore(&bench, 9, &digest), 0);
    assert_int_equal(restore(&bench, 10, &digest), 10);
    assert_true(digest == digest_of(task));
    weir_task_destroy(task);
    bench_close(&bench);
}

static void test_state_when_any_byte_of_the_file_is_flipped_then_the_one_before_is_taken(void **state) {
    (void)state;
    struct bench bench;
    struct weir_manifest manifest;
    bench_open(&bench, "flipped", ENGINE, SUM);
    const struct weir_generation_place place = {
        .dir = bench.dir, .pipeline = "kept", .input = "t", .keep = 2};
    struct weir_task *task = task_at(&bench, 20);
    save_at(&bench, task, 20);
    feed(task, 20, 30);
    save_at(&bench, task, 30);
    weir_snapshots_drop(bench.snapshots, 3);
    weir_task_destroy(task);
    size_t len;
    char *bytes = process_read(process_path("flipped/kept/p3-00000000000000000030.segment"), &len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += i < len - 2000 ? 7 : 1) {
        struct weir_error error = {0};
        bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
        process_write("flipped/kept/p3-00000000000000000030.segment", bytes, len);
        bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
        task = NULL;
        int result = weir_generation_manifest(&place, 3, 30, &manifest, &error);
        if (!result) result = weir_generation_read(&place, 3, &manifest, bench.pipeline.plan, &task, &error);
        if (!result) fail_msg("byte %zu of %zu may be flipped", i, len);
        assert_true(error.text[0] != 0);
        assert_null(task);
    }
    uint64_t digest;
    weir_log_set_level(WEIR_LOG_ERROR); /* it tells that one is passed over */
    assert_int_equal(restore(&bench, 30, &digest), 20);
    free(bytes);
    bench_close(&bench);
}

static void test_state_of_an_older_weir_when_it_is_the_newest_then_it_loads_and_goes_when_replaced(
    void **state) {
    (void)state;
    struct bench bench;
    struct weir_error error;
    int64_t positions[16];
    uint64_t digest = 0;
    size_t len;
    bench_open(&bench, "older", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, 100);
    save_at(&bench, task, 100);
    struct weir_state_writer *writer = weir_state_writer_create();
    struct weir_snapshot_head head = {.pipeline = "kept", .topic = "t", .partition = 3, .position = 150};
    feed(task, 100, 150);
    weir_task_save(task, writer);
    const void *bytes = weir_state_writer_bytes(writer, &len);
    assert_int_equal(whole_write(bench.dir, &head, bytes, len, &error), WEIR_OK);
    weir_state_writer_destroy(writer);
    weir_task_destroy(task);
    weir_snapshots_drop(bench.snapshots, 3);
    assert_int_equal(restore(&bench, 149, &digest), 100);
    task = NULL;
    assert_int_equal(weir_snapshots_restore(bench.snapshots, 3, 150, &task), 150);
    assert_int_equal(weir_task_counts(task)->read, 150);
    for (int64_t at = 150; at < 170; at += 10) {
        feed(task, at, at + 10);
        save_at(&bench, task, at + 10);
    }
    assert_int_equal(weir_numbered_list(bench.dir, "kept", WEIR_SNAPSHOT_ENDING, 3, INT64_MAX, positions, 16),
                     0);
    assert_int_equal(listed(&bench, positions), 2);
    weir_task_destroy(task);
    weir_snapshots_drop(bench.snapshots, 3);
    bench_close(&bench);
}

static void test_state_of_another_pipeline_file_when_restored_then_what_fits_goes_on_and_the_next_is_full(
    void **state) {
    (void)state;
    struct bench bench;
    uint64_t digest = 0;
    bench_open(&bench, "other", ENGINE, SUM);
    struct weir_task *task = task_at(&bench, 5000);
    save_at(&bench, task, 5000);
    weir_task_destroy(task);
    weir_snapshots_drop(bench.snapshots, 3);
    bench_close(&bench);
    bench_open(&bench, "other", ENGINE + 1, SUM ", m: 'max(x, 1h)'");
    task = NULL;
    assert_int_equal(weir_snapshots_restore(bench.snapshots, 3, 5000, &task), 5000);
    assert_int_equal(weir_task_counts(task)->read, 5000);
    feed(task, 5000, 5001);
    save_at(&bench, task, 5001);
    assert_int_equal(weir_snapshots_base(bench.snapshots, 3).base_unit, 5001);
    uint64_t then = digest_of(task);
    weir_task_destroy(task);
    weir_snapshots_drop(bench.snapshots, 3);
    assert_int_equal(restore(&bench, 5001, &digest), 5001);
    assert_true(digest == then);
    bench_close(&bench);
}

int main(void) {
    weir_log_set_level(WEIR_LOG_WARNING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_when_its_offset_is_not_committed_then_it_cannot_be_seen),
        cmocka_unit_test(
            test_state_when_only_some_has_changed_then_only_that_is_written_and_needed_files_stay),
        cmocka_unit_test(test_state_when_the_partition_leaves_then_it_is_saved_before_or_not_at_all),
        cmocka_unit_test(test_state_when_a_task_has_no_past_then_it_is_saved_at_its_beginning),
        cmocka_unit_test(
            test_state_of_an_older_weir_when_it_is_the_newest_then_it_loads_and_goes_when_replaced),
        cmocka_unit_test(
            test_state_of_another_pipeline_file_when_restored_then_what_fits_goes_on_and_the_next_is_full),
        cmocka_unit_test(test_state_when_any_byte_of_the_file_is_flipped_then_the_one_before_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
