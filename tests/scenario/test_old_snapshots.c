/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: state that an older weir saved still loads, and goes on as if nothing had happened.
 *
 * tests/data/snapshot-v<N> holds what the weir of that time wrote: a pipeline file, a state as
 * `weir state export` writes it (at-least-once too, up to v2), two segments as exactly-once writes them (the
 * second stands on the first), from v3 on one as at-least-once does, and the outputs of the rows that
 * followed.
 *
 * When this test fails after a change of a saved format, do not touch the old folders: raise the version in
 * the head of what has changed (weir_state_write_head), read the older version too, and write a folder of the
 * new format beside the old ones:
 *     mkdir tests/data/snapshot-v<N+1>; cp tests/data/snapshot-v<N>/old.yaml tests/data/snapshot-v<N+1>/
 *     WEIR_WRITE_SNAPSHOTS=tests/data/snapshot-v<N+1> build/release/tests/scenario/test_old_snapshots
 * Where state cannot be carried over, raise WEIR_ENGINE_FORMAT (engine/runtime/engine_id.h) as well. Scores
 * may differ in the last bits on another processor; everything else is compared byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "file/snapshot.h"
#include "runtime/generation.h"
#include "support/pipeline.h"
#include "support/process.h"
#include "support/units.h"

#define SAVED_AT 500
#define BASE_AT 400
#define ROWS 800

static const char *const folders[] = {WEIR_SOURCE_DIR "/tests/data/snapshot-v1",
                                      WEIR_SOURCE_DIR "/tests/data/snapshot-v2",
                                      WEIR_SOURCE_DIR "/tests/data/snapshot-v3"};
#define FOLDER_COUNT (sizeof folders / sizeof folders[0])
#define FIRST_WITH_OFFSETS 2 /* of the folders */

/* Between the two segments only the pages of the first cards change. */
static struct weir_record row_at(long i, char text[200]) {
    uint64_t random = ((uint64_t)i + 1) * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    random ^= random >> 33;
    long x = (long)(random >> 40) % 1000, cards = i < 100 || (i >= BASE_AT && i < SAVED_AT) ? 20 : 60;
    snprintf(text, 200, "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
             (long)(random >> 20) % cards, 1700000000000 + i * 200 - (long)(random >> 12) % 300, x,
             (x > 500) != (i > 450));
    return test_record(text, i);
}

/* Outputs of the rows, a line each; NULL: not wanted. */
static void process_rows(struct weir_task *task, long from, long to, struct weir_buffer *lines) {
    for (long i = from; i < to; i++) {
        char text[200];
        struct weir_outputs outputs;
        struct weir_record record = row_at(i, text);
        assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
        for (uint32_t k = 0; lines && k < outputs.record_count; k++) {
            const struct weir_bytes *value = &outputs.records[k].value;
            assert_int_equal(weir_buffer_format(lines, "%d %.*s\n", outputs.records[k].stream,
                                                (int)value->len, value->data),
                             WEIR_OK);
        }
    }
}

static void open_folder(const char *folder, struct test_pipeline *test) {
    char path[600];
    snprintf(path, sizeof path, "%s/old.yaml", folder);
    char *yaml = process_read(path, NULL);
    assert_non_null(yaml);
    test_pipeline_open(test, yaml);
    assert_non_null(test->plan);
    free(yaml);
}

/* ---- writing a folder ---- */

static void write_folder(const char *folder) {
    struct test_pipeline test;
    struct weir_task *task;
    struct weir_error error;
    struct weir_buffer lines;
    struct weir_manifest manifest = {0}, by_offset = {0};
    const struct weir_generation_place place = {.dir = folder, .pipeline = "old", .input = "t", .keep = 3};
    struct weir_snapshot_head head = {.pipeline = "old", .topic = "t", .position = SAVED_AT};
    size_t len;
    char path[600];
    open_folder(folder, &test);
    weir_buffer_init(&lines);
    assert_int_equal(weir_snapshot_prepare(folder, "old.units", &error), WEIR_OK);
    assert_int_equal(weir_snapshot_prepare(folder, "old", &error), WEIR_OK);
    assert_int_equal(weir_task_create(test.plan, 7, &task, &error), WEIR_OK);
    process_rows(task, 0, BASE_AT, NULL);
    units_write(folder, "old", 0, task, 4, &manifest);
    process_rows(task, BASE_AT, SAVED_AT, NULL);
    units_write(folder, "old", 0, task, 5, &manifest);
    segment_write(&place, 0, task, SAVED_AT, &by_offset);
    struct weir_state_writer *writer = weir_state_writer_create();
    assert_int_equal(weir_task_save(task, writer), WEIR_OK);
    const void *bytes = weir_state_writer_bytes(writer, &len);
    assert_int_equal(whole_write(folder, &head, bytes, len, &error), WEIR_OK);
    weir_state_writer_destroy(writer);
    process_rows(task, SAVED_AT, ROWS, &lines);
    snprintf(path, sizeof path, "%s/expected.txt", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(lines.data, 1, lines.len, file), lines.len);
    fclose(file);
    weir_buffer_deinit(&lines);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

/* ---- reading the folders ---- */

/* Equal but for the last bits of the number behind "score":, which stands last in a line. */
static void compare(const char *folder, const char *got, const char *wanted) {
    for (long line = 1; *wanted; line++) {
        size_t m = strcspn(got, "\n"), n = strcspn(wanted, "\n");
        const char *a = memmem(got, m, "\"score\":", 8), *b = memmem(wanted, n, "\"score\":", 8);
        size_t exact = a && b ? (size_t)(b - wanted) : n;
        bool equal =
            !a == !b && (a && b ? (size_t)(a - got) == exact : m == n) && !memcmp(got, wanted, exact);
        if (equal && a) equal = fabs(strtod(a + 8, NULL) - strtod(b + 8, NULL)) < 1e-9;
        if (!equal)
            fail_msg("%s, line %ld of the outputs\ngot    %.*s\nwanted %.*s", folder, line, (int)m, got,
                     (int)n, wanted);
        got += m + (got[m] == '\n');
        wanted += n + (wanted[n] == '\n');
    }
    assert_int_equal(*got, 0);
}

static void goes_on(const char *folder, struct weir_task *task) {
    struct weir_buffer lines;
    char path[600];
    weir_buffer_init(&lines);
    process_rows(task, SAVED_AT, ROWS, &lines);
    snprintf(path, sizeof path, "%s/expected.txt", folder);
    char *wanted = process_read(path, NULL);
    assert_non_null(wanted);
    assert_true(strlen(wanted) > 10000);
    compare(folder, weir_buffer_text(&lines), wanted);
    free(wanted);
    weir_buffer_deinit(&lines);
    weir_task_destroy(task);
}

static void test_old_snapshot_when_loaded_then_outputs_go_on_as_they_did(void **state) {
    (void)state;
    for (size_t i = 0; i < FOLDER_COUNT; i++) {
        struct test_pipeline test;
        struct weir_task *task = NULL;
        struct weir_error error;
        struct weir_snapshot_head head;
        struct weir_buffer payload;
        open_folder(folders[i], &test);
        weir_buffer_init(&payload);
        int result = weir_snapshot_read(folders[i], "old", 0, SAVED_AT, &head, &payload, &error);
        if (!result) result = weir_task_restore(test.plan, payload.data, payload.len, &task, &error);
        if (result) fail_msg("%s: %s", folders[i], error.text);
        goes_on(folders[i], task);
        weir_buffer_deinit(&payload);
        test_pipeline_close(&test);
    }
}

static void test_old_segments_when_put_together_then_outputs_go_on_as_they_did(void **state) {
    (void)state;
    for (size_t i = 0; i < FOLDER_COUNT; i++) {
        struct test_pipeline test;
        struct weir_task *task = NULL;
        struct weir_error error;
        open_folder(folders[i], &test);
        if (weir_generation_read_kept(folders[i], "old", 0, 5, test.plan, &task, &error))
            fail_msg("%s: %s", folders[i], error.text);
        goes_on(folders[i], task);
        test_pipeline_close(&test);
    }
}

static void test_old_segment_by_offset_when_read_then_outputs_go_on_as_they_did(void **state) {
    (void)state;
    for (size_t i = FIRST_WITH_OFFSETS; i < FOLDER_COUNT; i++) {
        struct test_pipeline test;
        struct weir_task *task = NULL;
        struct weir_error error;
        struct weir_manifest manifest;
        const struct weir_generation_place place = {.dir = folders[i], .pipeline = "old", .input = "t"};
        open_folder(folders[i], &test);
        int result = weir_generation_manifest(&place, 0, SAVED_AT, &manifest, &error);
        if (!result) result = weir_generation_read(&place, 0, &manifest, test.plan, &task, &error);
        if (result) fail_msg("%s: %s", folders[i], error.text);
        goes_on(folders[i], task);
        test_pipeline_close(&test);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_snapshot_when_loaded_then_outputs_go_on_as_they_did),
        cmocka_unit_test(test_old_segment_by_offset_when_read_then_outputs_go_on_as_they_did),
        cmocka_unit_test(test_old_segments_when_put_together_then_outputs_go_on_as_they_did),
    };
    if (getenv("WEIR_WRITE_SNAPSHOTS")) {
        write_folder(getenv("WEIR_WRITE_SNAPSHOTS"));
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
