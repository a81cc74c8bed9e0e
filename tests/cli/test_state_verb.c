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

static char file[600];

/* A pipeline file and two snapshots of its task, after no rows and after one. */
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
        assert_int_equal(weir_snapshot_write(process_path("state"), &head, bytes, len, &error), WEIR_OK);
        weir_state_writer_destroy(writer);
        struct weir_record record = test_record("{\"x\":1}", position);
        weir_task_process(task, &record, 1, &outputs);
    }
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
    EXPECT(0, "        0             1\n        0             0\n", "", "ls", file);
    EXPECT(0, "good, 1 rows", "", "verify", file);
    EXPECT(0, "2 snapshots, 0 broken", "", "verify", file);
}

static void test_state_when_the_pipeline_differs_then_it_says_what_does_not_fit(void **state) {
    (void)state;
    EXPECT(1, "BROKEN: it does not fit this pipeline", "", "verify", file, "--set", "drift[0].detector=ddm");
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
    EXPECT(1, "2 snapshots, 1 broken", "", "verify", file);
    free(bytes);
}

static void test_state_when_reset_is_meant_then_everything_goes(void **state) {
    (void)state;
    EXPECT(64, "", "would be deleted", "reset", file);
    EXPECT(0, "2 snapshots deleted", "", "reset", file, "--yes");
    EXPECT(0, "0 snapshots, 0 broken", "", "verify", file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_when_all_is_well_then_it_lists_and_verifies),
        cmocka_unit_test(test_state_when_the_pipeline_differs_then_it_says_what_does_not_fit),
        cmocka_unit_test(test_state_when_a_byte_is_flipped_then_verify_names_file_and_chunk),
        cmocka_unit_test(test_state_when_reset_is_meant_then_everything_goes),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
