/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the breaker of the exactly-once lane (R15): a task stops at the thousandth record that shows too many
 * rejects, whatever batches they came in, while the others go on; a few rejects stop nobody. And a copy of a
 * state belongs to the task it was taken of (R9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "runtime/exact.h"
#include "support/pipeline.h"

#define GOOD "{\"x\":1.5}"
#define BAD "{broken"

struct bench {
    struct test_pipeline pipeline;
    struct weir_exact *lane;
    struct weir_pause pause;
    int32_t paused_task;
    int pauses;
    struct weir_copy copies[2];
    int copy_count;
};

static struct weir_kafka_membership *membership(void *owner) {
    (void)owner;
    return NULL; /* nothing is ever submitted */
}

static void paused(void *owner, int32_t task, const struct weir_pause *pause) {
    struct bench *bench = owner;
    bench->pause = *pause;
    bench->paused_task = task;
    bench->pauses++;
}

static void copied(void *owner, struct weir_copy copy) {
    struct bench *bench = owner;
    assert_in_range(bench->copy_count, 0, 1);
    bench->copies[bench->copy_count++] = copy;
}

static void adopt(struct bench *bench, int32_t id, int64_t next) {
    struct weir_task *task;
    struct weir_error error;
    struct weir_progress progress = {.seed = 1};
    assert_int_equal(weir_task_create(bench->pipeline.plan, 1, &task, &error), WEIR_OK);
    assert_int_equal(weir_exact_adopt(bench->lane, id, task, &progress), WEIR_OK);
    assert_int_equal(weir_exact_set_position(bench->lane, id, id, next), WEIR_OK);
}

static void bench_open(struct bench *bench, uint32_t pause_above) {
    struct weir_error error;
    *bench = (struct bench){0};
    test_pipeline_open(&bench->pipeline,
                       "weir: 1\nname: b\nsource: {topic: t, schema: {x: float64}}\n"
                       "features: [{columns: {y: x + 1}}]\nsinks: {features: {topic: f}}\n");
    assert_non_null(bench->pipeline.plan);
    struct weir_exact_options options = {.plan = bench->pipeline.plan,
                                         .commit_ms = 100,
                                         .bytes_max = SIZE_MAX,
                                         .pause_above = pause_above,
                                         .owner = bench,
                                         .membership = membership,
                                         .paused = paused,
                                         .copied = copied};
    assert_int_equal(weir_exact_create(&options, &bench->lane, &error), WEIR_OK);
}

static void bench_close(struct bench *bench) {
    weir_exact_destroy(bench->lane);
    test_pipeline_close(&bench->pipeline);
}

/* Record `offset` of a partition is bad when `bad` says so; they come in batches of that size. */
static void feed(struct bench *bench, int32_t partition, int64_t from, int64_t to, uint32_t batch,
                 bool (*bad)(int64_t offset)) {
    struct weir_record *records = calloc(batch, sizeof *records);
    for (int64_t at = from; at < to;) {
        uint32_t count = 0;
        for (; count < batch && at < to; count++, at++) {
            records[count] = test_record(bad(at) ? BAD : GOOD, at);
            records[count].partition = partition;
        }
        assert_int_equal(weir_exact_process(bench->lane, records, count), WEIR_OK);
    }
    free(records);
}

static bool one_in_twenty(int64_t offset) { return offset % 20 == 0; }
static bool more_from_2000_on(int64_t offset) { return one_in_twenty(offset) || offset == 2001; }
static bool all(int64_t offset) { return offset >= 0; }

static void test_task_when_more_than_its_share_is_bad_then_it_stops_at_the_thousandth_record(void **state) {
    (void)state;
    const uint32_t batches[] = {1, 7, 1000, 1024, WEIR_BATCH_MAX};
    for (int i = 0; i < 5; i++) {
        struct bench bench;
        bench_open(&bench, 5);
        adopt(&bench, 3, 0);
        adopt(&bench, 4, 0);
        feed(&bench, 3, 0, 5000, batches[i], more_from_2000_on);
        assert_int_equal(bench.pauses, 1);
        assert_int_equal(bench.paused_task, 3);
        assert_int_equal(bench.pause.rejects, 51);
        assert_true(bench.pause.first.partition == 3 && bench.pause.first.offset == 2000);
        assert_true(bench.pause.last.partition == 3 && bench.pause.last.offset == 2999);
        assert_int_equal(weir_exact_position(bench.lane, 3), 3000); /* what is committed: it goes on there */
        feed(&bench, 4, 0, 5000, batches[i], one_in_twenty);
        assert_int_equal(weir_exact_position(bench.lane, 4), 5000);
        assert_int_equal(bench.pauses, 1);
        bench_close(&bench);
    }
}

static void test_task_when_told_never_to_pause_then_it_takes_anything(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, 100);
    adopt(&bench, 0, 0);
    feed(&bench, 0, 0, 5000, 512, all);
    assert_int_equal(bench.pauses, 0);
    assert_int_equal(weir_exact_position(bench.lane, 0), 5000);
    bench_close(&bench);
}

static void test_task_when_taken_again_after_a_pause_then_it_goes_on(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, 5);
    adopt(&bench, 0, 0);
    feed(&bench, 0, 0, 2000, 300, all);
    assert_int_equal(weir_exact_position(bench.lane, 0), 1000);
    struct weir_progress progress = {0};
    struct weir_task *task = weir_exact_release(bench.lane, 0, &progress);
    progress.seed = 1;
    assert_int_equal(weir_exact_adopt(bench.lane, 0, task, &progress), WEIR_OK);
    assert_int_equal(weir_exact_set_position(bench.lane, 0, 0, 1000), WEIR_OK);
    feed(&bench, 0, 1000, 5000, 300, one_in_twenty);
    assert_int_equal(weir_exact_position(bench.lane, 0), 5000);
    assert_int_equal(bench.pauses, 1);
    bench_close(&bench);
}

static void test_copy_when_its_task_came_back_to_the_same_unit_then_it_is_not_that_of_the_new_one(
    void **state) {
    (void)state;
    struct bench bench;
    struct weir_error error;
    struct weir_progress progress = {.unit = 7, .chain = 77, .seed = 1}, left;
    bench_open(&bench, 100);
    for (int i = 0; i < 2; i++) {
        struct weir_task *task;
        assert_int_equal(weir_task_create(bench.pipeline.plan, 1, &task, &error), WEIR_OK);
        assert_int_equal(weir_exact_adopt(bench.lane, 0, task, &progress), WEIR_OK);
        weir_exact_save_anew(bench.lane, 0);
        assert_int_equal(bench.copy_count, i + 1);
        assert_non_null(weir_exact_copied(bench.lane, &bench.copies[i]));
        if (i == 0) weir_task_destroy(weir_exact_release(bench.lane, 0, &left));
    }
    assert_null(weir_exact_copied(bench.lane, &bench.copies[0]));
    weir_exact_publish(bench.lane, &bench.copies[0], true);
    assert_non_null(weir_exact_copied(bench.lane, &bench.copies[1]));
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_when_more_than_its_share_is_bad_then_it_stops_at_the_thousandth_record),
        cmocka_unit_test(test_task_when_told_never_to_pause_then_it_takes_anything),
        cmocka_unit_test(test_task_when_taken_again_after_a_pause_then_it_goes_on),
        cmocka_unit_test(
            test_copy_when_its_task_came_back_to_the_same_unit_then_it_is_not_that_of_the_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
