/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: `weir state` lists, checks and deletes what a pipeline keeps, and names what is broken or does not
 * fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file/snapshot.h"
#include "support/pipeline.h"
#include "support/process.h"
#include "support/units.h"

static char file[600];

/* A pipeline file and states of its task: after no rows and after one as an older weir wrote them, after two
 * as it is done now. */
static int prepare(void **state) {
    (void)state;
    char yaml[1200];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: kept\nsource: {topic: t, schema: {x: float64}}\n"
             "drift: [{name: d, watch: x, detector: adwin}]\nstate: {dir: %s}\n",
             process_path("state"));
    snprintf(file, sizeof file, "%s", process_write_text("kept.yaml", yaml));
    struct test_pipeline test;
    struct weir_task *task;
    struct weir_error error;
    struct weir_outputs outputs;
    test_pipeline_open(&test, yaml);
    assert_non_null(test.plan);
    assert_int_equal(weir_task_create(test.plan, 0, &task, &error), WEIR_OK);
    for (int64_t position = 0; position < 2; position++) {
        struct weir_state_writer *writer = weir_state_writer_create();
        struct weir_snapshot_head head = {.pipeline = "kept", .topic = "t", .position = position};
        size_t len;
        weir_task_save(task, writer);
        const void *bytes = weir_state_writer_bytes(writer, &len);
        assert_int_equal(whole_write(process_path("state"), &head, bytes, len, &error), WEIR_OK);
        weir_state_writer_destroy(writer);
        struct weir_record record = test_record("{\"x\":1}", position);
        weir_task_process(task, &record, 1, &outputs);
    }
    const struct weir_generation_place place = {
        .dir = process_path("state"), .pipeline = "kept", .input = "t", .keep = 3};
    struct weir_manifest manifest = {0};
    segment_write(&place, 0, task, 2, &manifest);
    weir_task_destroy(task);
    test_pipeline_close(&test);
    return 0;
}

static void expect(int code, const char *out, const char *err, const char *const *argv) {
    struct process_result result = process_run(argv);
    if (result.code != code || !strstr(result.out, out) || !strstr(result.err, err))
        fail_msg("exit %d, expected %d, '%s' and '%s': %s%s", result.code, code, out, err, result.out,
                 result.err);
    process_free(&result);
}
#define EXPECT(code, out, err, ...) \
    expect(code, out, err, (const char *const[]){"weir", "state", __VA_ARGS__, NULL})

static void test_state_when_all_is_well_then_it_lists_and_verifies(void **state) {
    (void)state;
    EXPECT(0,
           "partition        offset\n        0             2\n        0             1\n        0             "
           "0\n",
           "", "ls", file);
    EXPECT(0, "good, 1 rows", "", "verify", file);
    EXPECT(0, "good, 2 rows", "", "verify", file);
    EXPECT(0, "3 snapshots, 0 broken", "", "verify", file);
    EXPECT(0, "partition 0, offset 2, 2 rows", "", "export", file, "--out", process_path("offset.snapshot"));
}

static void test_state_when_the_pipeline_differs_then_it_says_what_does_not_fit(void **state) {
    (void)state;
    EXPECT(1, "3 snapshots, 3 broken", "", "verify", file, "--set", "drift[0].detector=ddm");
    EXPECT(1, "BROKEN: it does not fit this pipeline", "", "verify", file, "--set", "drift[0].detector=ddm");
    EXPECT(1, "BROKEN: it belongs to pipeline kept, topic t, partition 0, offset 2", "", "verify", file,
           "--set", "source.topic=u");
    EXPECT(78, "", "no state.dir", "ls",
           process_write_text("plain.yaml",
                              "weir: 1\nname: kept\n"
                              "source: {topic: t, schema: {x: float64}}\n"
                              "drift: [{name: d, watch: x, detector: adwin}]\n"));
    EXPECT(64, "", "did you mean 'verify'", "verfy", file);
}

static void test_state_when_a_byte_is_flipped_then_verify_names_file_and_chunk(void **state) {
    (void)state;
    char path[700];
    snprintf(path, sizeof path, "%s", process_path("state/kept/p0-00000000000000000001.snapshot"));
    size_t len;
    char *bytes = process_read(path, &len);
    bytes[len / 2] = (char)(bytes[len / 2] ^ 1);
    process_write("state/kept/p0-00000000000000000001.snapshot", bytes, len);
    EXPECT(1, "chunk 1 is damaged", "", "verify", file);
    EXPECT(1, "3 snapshots, 1 broken", "", "verify", file);
    free(bytes);
    bytes = process_read(process_path("state/kept/p0-00000000000000000002.segment"), &len);
    bytes[len - 30] = (char)(bytes[len - 30] ^ 1);
    process_write("state/kept/p0-00000000000000000002.segment", bytes, len);
    EXPECT(1, "its end is damaged", "", "verify", file);
    EXPECT(0, "offset 0, 0 rows", "offset 1 is passed over", "export", file, "--out",
           process_path("offset.snapshot"));
    free(bytes);
}

static void test_state_when_reset_is_meant_then_everything_goes(void **state) {
    (void)state;
    EXPECT(64, "", "would be deleted", "reset", file);
    EXPECT(0, "3 snapshots deleted", "", "reset", file, "--yes");
    EXPECT(0, "0 snapshots, 0 broken", "", "verify", file);
}

/* ---- exactly once: segments by unit ---- */

static char exact_file[600];

/* Unit 5 is full; unit 9 holds what one more key changed, and stands on 5. */
static int prepare_exact(void **state) {
    (void)state;
    char yaml[1200];
    struct test_pipeline test;
    struct weir_task *task;
    struct weir_error error;
    struct weir_outputs outputs;
    struct weir_manifest manifest = {0};
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: kept\n"
             "source: {topic: t, group: g7, key: k, event_time: {field: ts, lateness: 0s}, schema: {k: "
             "int64, ts: int64, x: float64}}\n"
             "features: [{by: k, columns: {s: 'sum(x, 1m)'}}]\n"
             "state: {dir: %s}\n"
             "sinks: {features: {topic: o, delivery: exactly_once}}\n",
             process_path("exact"));
    snprintf(exact_file, sizeof exact_file, "%s", process_write_text("exact.yaml", yaml));
    assert_int_equal(weir_snapshot_prepare(process_path("exact"), "kept.units", &error), WEIR_OK);
    process_write_text("exact/kept.units/slot-0", "");
    test_pipeline_open(&test, yaml);
    assert_non_null(test.plan);
    assert_int_equal(weir_task_create(test.plan, 0, &task, &error), WEIR_OK);
    for (int i = 0; i < 1000; i++) {
        char row[64];
        snprintf(row, sizeof row, "{\"k\":%d,\"ts\":1700000000000,\"x\":1}", i);
        struct weir_record record = test_record(row, i);
        assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
        if (i == 998) units_write(process_path("exact"), "kept", 3, task, 5, &manifest);
    }
    units_write(process_path("exact"), "kept", 3, task, 9, &manifest);
    assert_int_equal(manifest.base_unit, 5);
    weir_task_destroy(task);
    test_pipeline_close(&test);
    return 0;
}

static void test_state_when_units_are_kept_then_they_are_listed_and_put_together(void **state) {
    (void)state;
    EXPECT(0, "partition          unit\n        3             9\n        3             5\n", "", "ls",
           exact_file);
    EXPECT(0, "good, 1000 rows", "", "verify", exact_file);
    EXPECT(0, "good, 999 rows", "", "verify", exact_file);
    EXPECT(0, "2 snapshots, 0 broken", "", "verify", exact_file);
    EXPECT(1, "BROKEN: it does not fit this pipeline", "", "verify", exact_file, "--set",
           "features[0].columns.s=sum(x, 2m)");
}

/* The exported bytes are the portable form of the state: they load, and say the same when saved again. */
static void test_state_when_exported_then_the_file_loads(void **state) {
    (void)state;
    const char *out = process_path("out.snapshot");
    EXPECT(64, "", "--out F", "export", exact_file);
    EXPECT(1, "", "partition 2 has no good state", "export", exact_file, "--partition", "2", "--out", out);
    EXPECT(74, "", "cannot create", "export", exact_file, "--out", process_path("no/such/folder"));
    EXPECT(0, "partition 3, unit 9, 1000 rows", "", "export", exact_file, "--out", out);
    struct weir_snapshot_head head;
    struct weir_buffer payload;
    struct weir_error error;
    struct test_pipeline test;
    struct weir_task *task;
    size_t len, again;
    char *bytes = process_read(out, &len), *yaml = process_read(exact_file, NULL);
    weir_buffer_init(&payload);
    if (weir_snapshot_parse(bytes, len, &head, &payload, &error)) fail_msg("%s", error.text);
    assert_string_equal(head.pipeline, "kept");
    assert_int_equal(head.partition, 3);
    test_pipeline_open(&test, yaml);
    if (weir_task_restore(test.plan, payload.data, payload.len, &task, &error)) fail_msg("%s", error.text);
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_task_save(task, writer);
    const void *saved = weir_state_writer_bytes(writer, &again);
    assert_int_equal(again, payload.len);
    assert_memory_equal(saved, payload.data, again);
    weir_state_writer_destroy(writer);
    weir_task_destroy(task);
    test_pipeline_close(&test);
    weir_buffer_deinit(&payload);
    free(bytes);
    free(yaml);
}

static void test_state_when_a_page_is_broken_then_verify_names_it_and_export_takes_the_older(void **state) {
    (void)state;
    char path[700];
    snprintf(path, sizeof path, "%s", process_path("exact/kept.units/p3-00000000000000000009.segment"));
    size_t len;
    char *bytes = process_read(path, &len);
    bytes[40] = (char)(bytes[40] ^ 1);
    process_write("exact/kept.units/p3-00000000000000000009.segment", bytes, len);
    EXPECT(1, "of group 0 is broken or missing", "", "verify", exact_file);
    EXPECT(1, "2 snapshots, 1 broken", "", "verify", exact_file);
    EXPECT(0, "unit 5, 999 rows", "unit 9 is passed over", "export", exact_file, "--out",
           process_path("out.snapshot"));
    free(bytes);
}

static void test_state_when_units_are_reset_then_it_says_what_remains(void **state) {
    (void)state;
    EXPECT(64, "", "2 snapshots in", "reset", exact_file);
    EXPECT(0, "g7.journal and g7.snapshots and the offsets of group g7 remain", "", "reset", exact_file,
           "--yes");
    EXPECT(0, "0 snapshots, 0 broken", "", "verify", exact_file);
    assert_int_equal(access(process_path("exact/kept.units/slot-0"), F_OK), 0);
}

static int prepare_both(void **state) { return prepare(state) || prepare_exact(state); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_when_all_is_well_then_it_lists_and_verifies),
        cmocka_unit_test(test_state_when_the_pipeline_differs_then_it_says_what_does_not_fit),
        cmocka_unit_test(test_state_when_a_byte_is_flipped_then_verify_names_file_and_chunk),
        cmocka_unit_test(test_state_when_reset_is_meant_then_everything_goes),
        cmocka_unit_test(test_state_when_units_are_kept_then_they_are_listed_and_put_together),
        cmocka_unit_test(test_state_when_exported_then_the_file_loads),
        cmocka_unit_test(test_state_when_a_page_is_broken_then_verify_names_it_and_export_takes_the_older),
        cmocka_unit_test(test_state_when_units_are_reset_then_it_says_what_remains),
    };
    return cmocka_run_group_tests(tests, prepare_both, NULL);
}
