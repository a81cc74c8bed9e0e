/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a snapshot file is read back whole or refused by the number of its broken chunk; the older generation
 * stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "file/snapshot.h"
#include "support/process.h"
#include "support/units.h"

static char payload[3 * 1024 * 1024 + 77]; /* four pieces */

static int fill(void **state) {
    (void)state;
    uint32_t random = 3;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)((random = random * 1664525u + 1013904223u) >> 24);
    return 0;
}

static struct weir_snapshot_head head_at(int64_t position) {
    struct weir_snapshot_head head = {
        .pipeline = "cards", .topic = "t", .partition = 2, .position = position};
    return head;
}

static void write_at(const char *dir, int64_t position, size_t len) {
    struct weir_snapshot_head head = head_at(position);
    struct weir_error error;
    if (whole_write(dir, &head, payload, len, &error)) fail_msg("%s", error.text);
}

static void test_snapshot_when_written_then_it_is_read_back(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 1 << 20, (1 << 20) + 1, sizeof payload};
    struct weir_buffer got;
    weir_buffer_init(&got);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct weir_snapshot_head head;
        struct weir_error error;
        write_at(process_path("s"), 1000 + (int64_t)i, sizes[i]);
        assert_int_equal(
            weir_snapshot_read(process_path("s"), "cards", 2, 1000 + (int64_t)i, &head, &got, &error), 0);
        assert_string_equal(head.topic, "t");
        assert_int_equal(got.len, sizes[i]);
        assert_memory_equal(got.data, payload, got.len);
    }
    weir_buffer_deinit(&got);
}

static void test_snapshot_when_any_byte_is_flipped_or_cut_then_it_is_refused(void **state) {
    (void)state;
    write_at(process_path("f"), 5, 3000);
    size_t len;
    char *bytes = process_read(process_path("f/cards/p2-00000000000000000005.snapshot"), &len);
    assert_non_null(bytes);
    struct weir_buffer got;
    struct weir_snapshot_head head;
    struct weir_error error;
    weir_buffer_init(&got);
    assert_int_equal(weir_snapshot_parse(bytes, len, &head, &got, &error), WEIR_OK);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
        assert_int_not_equal(weir_snapshot_parse(bytes, len, &head, &got, &error), WEIR_OK);
        assert_non_null(strstr(error.text, "chunk "));
        bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(weir_snapshot_parse(bytes, cut, &head, &got, &error), WEIR_OK);
    weir_buffer_deinit(&got);
    free(bytes);
}

static void test_snapshot_when_a_chunk_comes_from_another_file_then_the_root_refuses_it(void **state) {
    (void)state;
    const size_t len = (2 << 20);
    write_at(process_path("x"), 7, len);
    payload[0] ^= 1;
    write_at(process_path("y"), 7, len);
    payload[0] ^= 1;
    size_t a_len, b_len;
    char *a = process_read(process_path("x/cards/p2-00000000000000000007.snapshot"), &a_len);
    char *b = process_read(process_path("y/cards/p2-00000000000000000007.snapshot"), &b_len);
    assert_int_equal(a_len, b_len);
    memcpy(a, b, a_len / 2); /* head and most of the first piece: at least one whole chunk differs */
    struct weir_buffer got;
    struct weir_snapshot_head head;
    struct weir_error error;
    weir_buffer_init(&got);
    assert_int_equal(weir_snapshot_parse(a, a_len, &head, &got, &error), WEIR_DATA);
    weir_buffer_deinit(&got);
    free(a), free(b);
}

static void test_files_when_listed_then_the_newest_below_the_bound_come_first(void **state) {
    (void)state;
    int64_t found[16];
    const char *dir = process_path("k");
    for (int64_t i = 1; i <= 6; i++) write_at(dir, i * 10, 10);
    process_write_text("k/cards/p2-junk.snapshot", "x");
    process_write_text("k/cards/p2-00000000000000000099.snapshot.new", "x");
    assert_int_equal(weir_numbered_list(dir, "cards", WEIR_SNAPSHOT_ENDING, 2, INT64_MAX, found, 16), 6);
    assert_int_equal(found[0], 60);
    assert_int_equal(found[5], 10);
    assert_int_equal(weir_numbered_list(dir, "cards", WEIR_SNAPSHOT_ENDING, 2, 50, found, 2), 2);
    assert_int_equal(found[0], 40);
    assert_int_equal(found[1], 30);
    assert_int_equal(weir_numbered_list(dir, "cards", WEIR_SNAPSHOT_ENDING, 3, INT64_MAX, found, 16), 0);
    assert_int_equal(
        weir_numbered_list(process_path("none"), "cards", WEIR_SNAPSHOT_ENDING, 2, INT64_MAX, found, 16), 0);
}

static void test_snapshot_when_the_folder_cannot_be_made_then_it_says_which(void **state) {
    (void)state;
    struct weir_snapshot_head head = head_at(1);
    struct weir_error error;
    assert_int_equal(whole_write("/proc/none", &head, "x", 1, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "/proc/none"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_when_written_then_it_is_read_back),
        cmocka_unit_test(test_snapshot_when_any_byte_is_flipped_or_cut_then_it_is_refused),
        cmocka_unit_test(test_snapshot_when_a_chunk_comes_from_another_file_then_the_root_refuses_it),
        cmocka_unit_test(test_files_when_listed_then_the_newest_below_the_bound_come_first),
        cmocka_unit_test(test_snapshot_when_the_folder_cannot_be_made_then_it_says_which),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
