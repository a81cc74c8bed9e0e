/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the demo keeps its promise for any seed: its pipeline (configs/demo.yaml) finds both injected drifts
 * and rings at nothing else. The core alone, without Kafka, so that many seeds take seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/demo_stream.h"
#include "cli/templates.h"
#include "core/task.h"
#include "weir/math.h"

#define BATCH 500
#define FOUND_MAX 8

struct found {
    uint64_t rows[FOUND_MAX];
    uint32_t count;
    struct weir_task_counts counts;
};

static struct weir_demo_row made[BATCH];

static void process(struct weir_task *task, const struct weir_record *records, uint32_t count,
                    struct found *found) {
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, records, count, &outputs), WEIR_OK);
    for (uint32_t i = 0; i < outputs.alert_count && found->count < FOUND_MAX; i++)
        found->rows[found->count++] = outputs.alerts[i].row;
}

static struct found play(const struct weir_plan *plan, uint64_t seed, uint64_t row_count) {
    struct found found = {0};
    struct weir_demo_stream stream;
    struct weir_task *task;
    struct weir_error error = {0};
    struct weir_record records[BATCH];
    assert_int_equal(weir_task_create(plan, 0, &task, &error), WEIR_OK);
    weir_demo_stream_init(&stream, seed, row_count);
    uint32_t count = 0;
    for (uint64_t row = 0; row < row_count; row++) {
        weir_demo_stream_next(&stream, &made[count]);
        records[count] = (struct weir_record){.topic = WEIR_DEMO_TOPIC,
                                              .offset = (int64_t)row,
                                              .timestamp_ms = made[count].ts_ms,
                                              .key = made[count].key_bytes,
                                              .value = made[count].value_bytes};
        if (++count < BATCH && row + 1 < row_count) continue;
        process(task, records, count, &found);
        count = 0;
    }
    found.counts = *weir_task_counts(task);
    weir_task_destroy(task);
    return found;
}

static void load(struct weir_loaded *loaded) {
    const char *text = weir_template_find("demo")->text;
    memset(loaded, 0, sizeof *loaded);
    assert_int_equal(weir_document_parse("demo.yaml", text, strlen(text), &loaded->document, &loaded->diags),
                     WEIR_OK);
    assert_int_equal(weir_pipeline_load(&loaded->document, &loaded->diags, &loaded->pipeline), WEIR_OK);
    loaded->plan = weir_plan_create(&loaded->pipeline, NULL, &loaded->diags);
    assert_non_null(loaded->plan);
    assert_int_equal(loaded->diags.warning_count, 0);
}

/* Row counts differ too: a drift may fall anywhere between two looks of the detector. */
static void expect_both_drifts(uint64_t row_count, int seeds) {
    struct weir_loaded loaded;
    load(&loaded);
    for (int seed = 1; seed <= seeds; seed++) {
        uint64_t rows = row_count + (uint64_t)seed * 37;
        struct found found = play(loaded.plan, (uint64_t)seed, rows);
        assert_int_equal(found.counts.applied, rows);
        if (found.count != WEIR_DEMO_DRIFT_COUNT)
            fail_msg("seed %d, %llu rows: %u alarms, the last at row %llu", seed, (unsigned long long)rows,
                     found.count, found.count ? (unsigned long long)found.rows[found.count - 1] : 0ULL);
        for (int i = 0; i < WEIR_DEMO_DRIFT_COUNT; i++) {
            uint64_t began = weir_demo_stream_drift_row(rows, i);
            assert_in_range(found.rows[i], began, began + 1200);
        }
    }
    weir_loaded_deinit(&loaded);
}

static void test_demo_when_it_is_short_then_any_seed_finds_both_drifts_and_nothing_else(void **state) {
    (void)state;
    expect_both_drifts(10000, 100);
    expect_both_drifts(20000, 30);
}

static void test_demo_when_it_is_whole_then_both_drifts_and_nothing_else_are_found(void **state) {
    (void)state;
    expect_both_drifts(300000, 2);
}

int main(void) {
    weir_math_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demo_when_it_is_short_then_any_seed_finds_both_drifts_and_nothing_else),
        cmocka_unit_test(test_demo_when_it_is_whole_then_both_drifts_and_nothing_else_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
