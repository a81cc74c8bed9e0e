/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a journal record says exactly what its unit was, or is refused; offset metadata is ours or is refused
 * (R2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/unit.h"

#define BYTES(text) ((struct weir_bytes){text, sizeof(text) - 1})

static void add(struct weir_unit *unit, int32_t partition, int64_t first, uint32_t count, const char *value) {
    struct weir_record records[8];
    assert_true(count <= 8);
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct weir_record){.partition = partition,
                                          .offset = first + 2 * (int64_t)i, /* gaps are fine */
                                          .timestamp_ms = 1700000000000 + i,
                                          .key = BYTES("k"),
                                          .value = {value, strlen(value)}};
    assert_true(weir_unit_add_records(unit, records, count));
}

static void fill(struct weir_unit *unit) {
    static const struct weir_header headers[] = {{"weir-id", {"t-3-10", 6}}};
    const struct weir_output_record outputs[] = {
        {.stream = WEIR_PREDICTIONS,
         .key = BYTES("k"),
         .value = BYTES("{\"score\":1}"),
         .headers = headers,
         .header_count = 1},
        {.stream = WEIR_ALERTS, .value = BYTES("drift")},
    };
    weir_unit_init(unit);
    unit->task = 3;
    unit->number = 17;
    unit->previous = UINT64_C(0xfedcba9876543210);
    unit->engine_id = 99;
    unit->seed = UINT64_MAX;
    unit->tick_ms = -5;
    add(unit, 3, 10, 4, "a");
    add(unit, 3, 30, 2, "b"); /* goes on: one slice */
    add(unit, 4, 0, 1, "c");
    unit->skips[unit->skip_count++] = (struct weir_skip){3, 12};
    assert_true(weir_unit_add_lost(unit, (struct weir_lost){3, 7, 9}));
    unit->state_digest = 7;
    unit->manifest = (struct weir_manifest){.unit = 12,
                                            .chain = 1,
                                            .engine_id = 2,
                                            .root = 3,
                                            .base_unit = 4,
                                            .base_bytes = 5,
                                            .added_bytes = UINT64_MAX,
                                            .first = -1,
                                            .tail = 6,
                                            .last = INT64_MAX};
    assert_true(weir_unit_add_outputs(unit, outputs, 2));
    assert_int_equal(weir_unit_close(unit), WEIR_OK);
}

static void assert_same_past(const struct weir_unit *a, const struct weir_unit *b) {
    assert_int_equal(a->task, b->task);
    assert_true(a->number == b->number && a->previous == b->previous && a->chain == b->chain);
    assert_true(a->engine_id == b->engine_id && a->seed == b->seed && a->tick_ms == b->tick_ms);
    assert_int_equal(a->slice_count, b->slice_count);
    for (uint32_t i = 0; i < a->slice_count; i++) {
        const struct weir_slice *x = &a->slices[i], *y = &b->slices[i];
        assert_true(x->partition == y->partition && x->count == y->count && x->first == y->first &&
                    x->last == y->last && x->checksum == y->checksum);
    }
    assert_int_equal(a->skip_count, b->skip_count);
    for (uint32_t i = 0; i < a->skip_count; i++)
        assert_true(a->skips[i].partition == b->skips[i].partition &&
                    a->skips[i].offset == b->skips[i].offset);
    assert_int_equal(a->lost_count, b->lost_count);
    for (uint32_t i = 0; i < a->lost_count; i++)
        assert_true(a->lost[i].partition == b->lost[i].partition && a->lost[i].first == b->lost[i].first &&
                    a->lost[i].last == b->lost[i].last);
    assert_memory_equal(&a->answers, &b->answers, sizeof a->answers);
    assert_true(a->state_digest == b->state_digest);
    assert_memory_equal(&a->manifest, &b->manifest, sizeof a->manifest);
}

static void test_unit_when_closed_then_its_record_reads_back_the_same(void **state) {
    (void)state;
    struct weir_unit unit, read;
    struct weir_error error;
    fill(&unit);
    weir_unit_init(&read);
    for (int round = 0; round < 2; round++) { /* the second time over the first */
        assert_int_equal(weir_unit_read(&read, unit.journal.data, unit.journal.len, &error), WEIR_OK);
        assert_same_past(&unit, &read);
    }
    assert_int_equal(read.slice_count, 2);
    assert_int_equal(read.slices[0].count, 6);
    assert_int_equal(read.slices[0].first, 10);
    assert_int_equal(read.slices[0].last, 32);
    assert_int_equal(read.answers.counts[WEIR_PREDICTIONS], 1);
    weir_unit_deinit(&unit);
    weir_unit_deinit(&read);
}

/* Journals outlive programs: a record as it was written before lost input was named. */
static void test_unit_when_its_record_is_of_version_1_then_it_still_reads(void **state) {
    (void)state;
    static const unsigned char record[] =
        "\xa7\x6a\x6f\x75\x72\x6e\x61\x6c\x01\x03\x11\x05\x63\x08\xfb\x01\x03\x0a\x0a\x01\xcf\xbc\xfc\x4d\x48"
        "\xd7\x3b"
        "\x08\x22\x01\x03\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00";
    struct weir_unit unit;
    struct weir_error error;
    weir_unit_init(&unit);
    assert_int_equal(weir_unit_read(&unit, record, sizeof record - 1, &error), WEIR_OK);
    assert_int_equal(unit.task, 3);
    assert_true(unit.number == 17 && unit.previous == 5 && unit.engine_id == 99 && unit.seed == 8);
    assert_true(unit.tick_ms == -5 && unit.state_digest == 7);
    assert_int_equal(unit.slice_count, 1);
    assert_int_equal(unit.skip_count, 1);
    assert_int_equal(unit.skips[0].offset, 12);
    assert_int_equal(unit.lost_count, 0);
    assert_true(unit.chain == UINT64_C(0xa8cce35df9998d76)); /* which the record after it names */
    weir_unit_deinit(&unit);
}

/* Whatever the reader lets pass, the digest in the offsets' metadata does not. */
static void test_unit_when_any_bit_is_flipped_then_it_is_refused_or_its_digest_is_another(void **state) {
    (void)state;
    struct weir_unit unit, read;
    int refused = 0;
    fill(&unit);
    weir_unit_init(&read);
    for (size_t bit = 0; bit < unit.journal.len * 8; bit++) {
        struct weir_error error = {0};
        char *bytes = malloc(unit.journal.len); /* of its own size: a reader that goes too far is seen */
        memcpy(bytes, unit.journal.data, unit.journal.len);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        int result = weir_unit_read(&read, bytes, unit.journal.len, &error);
        assert_true(result == WEIR_OK || result == WEIR_DATA || result == WEIR_VERSION);
        assert_true(read.chain != unit.chain);
        if (result) assert_non_null(strstr(error.text, "journal record"));
        refused += result != WEIR_OK;
        free(bytes);
    }
    assert_true(refused > 0);
    weir_unit_deinit(&unit);
    weir_unit_deinit(&read);
}

static void test_unit_when_cut_or_longer_then_it_is_refused(void **state) {
    (void)state;
    struct weir_unit unit, read;
    struct weir_error error;
    fill(&unit);
    weir_unit_init(&read);
    for (size_t len = 0; len < unit.journal.len; len++) {
        char *bytes = malloc(len + 1);
        memcpy(bytes, unit.journal.data, len);
        assert_int_not_equal(weir_unit_read(&read, bytes, len, &error), WEIR_OK);
        free(bytes);
    }
    char *longer = calloc(1, unit.journal.len + 1);
    memcpy(longer, unit.journal.data, unit.journal.len);
    assert_int_equal(weir_unit_read(&read, longer, unit.journal.len + 1, &error), WEIR_DATA);
    free(longer);
    weir_unit_deinit(&unit);
    weir_unit_deinit(&read);
}

static void close_as(struct weir_unit *unit, struct weir_slice slice) {
    struct weir_unit read;
    struct weir_error error;
    unit->slices[0] = slice;
    assert_int_equal(weir_unit_close(unit), WEIR_OK);
    weir_unit_init(&read);
    assert_int_equal(weir_unit_read(&read, unit->journal.data, unit->journal.len, &error), WEIR_DATA);
    weir_unit_deinit(&read);
}

static void test_unit_when_a_slice_makes_no_sense_then_it_is_refused(void **state) {
    (void)state;
    struct weir_unit unit;
    fill(&unit);
    close_as(&unit, (struct weir_slice){.partition = -1, .count = 1, .first = 1, .last = 1});
    close_as(&unit, (struct weir_slice){.partition = 3, .count = 0, .first = 1, .last = 1});
    close_as(&unit, (struct weir_slice){.partition = 3, .count = 1, .first = 2, .last = 1});
    close_as(&unit, (struct weir_slice){.partition = 3, .count = 3, .first = 1, .last = 2});
    close_as(&unit, (struct weir_slice){.partition = 3, .count = 1, .first = -1, .last = 2});
    close_as(&unit, (struct weir_slice){.partition = 4, .count = 1, .first = 1, .last = 1}); /* as the next */
    weir_unit_deinit(&unit);
}

/* Outputs are kept as they were, though the task's memory is used again (R4). */
static void test_unit_when_the_tasks_memory_is_used_again_then_its_outputs_stay(void **state) {
    (void)state;
    char value[12] = "first", name[] = "header";
    struct weir_header header = {name, {value, 5}};
    struct weir_output_record output = {
        .value = {value, 5}, .key = {NULL, 0}, .headers = &header, .header_count = 1};
    struct weir_unit unit;
    weir_unit_init(&unit);
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof value, "%05d", i);
        assert_true(weir_unit_add_outputs(&unit, &output, 1));
    }
    memset(value, 'x', 5);
    memset(name, 'x', 6);
    assert_int_equal(unit.output_count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        char wanted[8];
        const struct weir_output_record *kept = &unit.outputs[i];
        snprintf(wanted, sizeof wanted, "%05u", i);
        assert_memory_equal(kept->value.data, wanted, 5);
        assert_null(kept->key.data); /* no key is not an empty one */
        assert_string_equal(kept->headers[0].name, "header");
        assert_memory_equal(kept->headers[0].value.data, wanted, 5);
    }
    weir_unit_deinit(&unit);
}

/* The digest of a unit does not depend on how its records came in batches, only on their order. */
static void test_unit_when_batches_are_cut_otherwise_then_its_record_is_the_same(void **state) {
    (void)state;
    struct weir_unit whole, parts, swapped;
    struct weir_record records[3] = {{.offset = 1, .value = BYTES("a")},
                                     {.offset = 2, .value = BYTES("b")},
                                     {.offset = 3, .value = BYTES("c")}};
    weir_unit_init(&whole);
    weir_unit_init(&parts);
    weir_unit_init(&swapped);
    assert_true(weir_unit_add_records(&whole, records, 3));
    for (int i = 0; i < 3; i++) assert_true(weir_unit_add_records(&parts, &records[i], 1));
    records[0].value = BYTES("b");
    records[1].value = BYTES("a");
    assert_true(weir_unit_add_records(&swapped, records, 3));
    weir_unit_close(&whole);
    weir_unit_close(&parts);
    weir_unit_close(&swapped);
    assert_true(whole.chain == parts.chain);
    assert_true(whole.chain != swapped.chain);
    weir_unit_deinit(&whole);
    weir_unit_deinit(&parts);
    weir_unit_deinit(&swapped);
}

static void test_metadata_when_written_then_it_is_read_back(void **state) {
    (void)state;
    static const struct {
        uint64_t number, chain;
        int64_t from;
    } cases[] = {{1, 0, -1}, {UINT64_MAX, UINT64_MAX, INT64_MAX}, {42, 1, 0}, {7, UINT64_C(1) << 63, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        uint64_t number, chain;
        int64_t from;
        weir_unit_metadata(text, sizeof text, cases[i].number, cases[i].chain, cases[i].from);
        assert_true(weir_unit_parse_metadata(text, &number, &chain, &from));
        assert_true(number == cases[i].number && chain == cases[i].chain && from == cases[i].from);
    }
}

static void test_metadata_when_it_is_not_ours_then_it_is_refused(void **state) {
    (void)state;
    static const char *const foreign[] = {
        "x",   "0:0000000000000000:-1", "1",     "1:",        "1:00",  "1:00:",
        ":::", "1:0000000000000000:5x", "flink", "{\"v\":1}", "1:zz:5"};
    uint64_t number, chain;
    int64_t from;
    assert_true(weir_unit_parse_metadata("", &number, &chain, &from)); /* a group without a past */
    assert_true(number == 0 && chain == 0 && from == -1);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (weir_unit_parse_metadata(foreign[i], &number, &chain, &from)) fail_msg("took '%s'", foreign[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unit_when_closed_then_its_record_reads_back_the_same),
        cmocka_unit_test(test_unit_when_its_record_is_of_version_1_then_it_still_reads),
        cmocka_unit_test(test_unit_when_any_bit_is_flipped_then_it_is_refused_or_its_digest_is_another),
        cmocka_unit_test(test_unit_when_cut_or_longer_then_it_is_refused),
        cmocka_unit_test(test_unit_when_a_slice_makes_no_sense_then_it_is_refused),
        cmocka_unit_test(test_unit_when_the_tasks_memory_is_used_again_then_its_outputs_stay),
        cmocka_unit_test(test_unit_when_batches_are_cut_otherwise_then_its_record_is_the_same),
        cmocka_unit_test(test_metadata_when_written_then_it_is_read_back),
        cmocka_unit_test(test_metadata_when_it_is_not_ours_then_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
