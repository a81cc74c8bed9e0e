/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a whole pipeline through the core: fates add up, predictions come before learning, resets wait for
 * the next event, batch sizes and restarts change nothing, and a warm task allocates nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "support/pipeline.h"

static const char pipeline_text[] =
    "weir: 1\n"
    "name: cards\n"
    "source:\n"
    "  topic: t\n"
    "  key: card\n"
    "  event_time: {field: ts, unit: ms, lateness: 5s}\n"
    "  schema: {id: int64, card: string, ts: int64, amount: float64, ecom: bool, label: int64?}\n"
    "  keep: amount > 0\n"
    "labels: {field: label}\n"
    "features:\n"
    "  - by: card\n"
    "    columns:\n"
    "      n10: count(10m)\n"
    "      mean60: mean(amount, 1h)\n"
    "      ratio: amount / mean(amount, 1h)\n"
    "model:\n"
    "  transform: [standard_scaler]\n"
    "  learner: logistic_regression\n"
    "  inputs: [amount, n10, ratio, ecom]\n"
    "  evaluate: {metrics: [accuracy, log_loss], window: 100}\n"
    "drift:\n"
    "  - {name: errors, watch: model.error, detector: adwin, options: {direction: up}, then: [alert, "
    "reset]}\n"
    "  - {name: amounts, watch: amount, detector: page_hinkley, then: alert}\n"
    "sinks:\n"
    "  predictions: {topic: p, fields: [id, card, ts, score, decision, model.version, n10, ratio]}\n"
    "  alerts: {topic: a}\n"
    "dead_letter: {topic: d}\n";

static uint64_t random_state;
static uint64_t random_next(void) {
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A stream with everything in it: out of order, late, broken, dropped, unlabelled, and a concept that flips.
 */
static char *make_value(int64_t i, int64_t total) {
    uint64_t r = random_next();
    double amount = (double)(r % 10000) / 100 + 0.01;
    bool ecom = (r >> 20) % 3 == 0;
    int64_t ts = 1700000000000 + i * 100 - (int64_t)((r >> 32) % 4000);
    if ((r >> 24) % 53 == 0) ts -= 60000;
    if ((r >> 24) % 59 == 0) amount = -amount;
    bool fraud = (amount > 50) != (i > total / 2);
    if (i == total / 2 + 100) fraud = !fraud;
    char text[300];
    if ((r >> 40) % 61 == 0)
        snprintf(text, sizeof text, "{\"id\":%lld,\"card\":\"c\",\"ts\":", (long long)i);
    else
        snprintf(text, sizeof text,
                 "{\"id\":%lld,\"card\":\"c%d\",\"ts\":%lld,\"amount\":%.2f,\"ecom\":%s,\"label\":%s}",
                 (long long)i, (int)((r >> 50) % 50), (long long)ts, amount, ecom ? "true" : "false",
                 (r >> 44) % 47 == 0 ? "null"
                 : fraud             ? "1"
                                     : "0");
    return strdup(text);
}

#define ROWS 20000
static struct weir_record records[ROWS];

static int make_stream(void **state) {
    (void)state;
    random_state = 7;
    for (int64_t i = 0; i < ROWS; i++) records[i] = test_record(make_value(i, ROWS), i);
    return 0;
}

static int free_stream(void **state) {
    (void)state;
    for (int i = 0; i < ROWS; i++) free((void *)(uintptr_t)records[i].value.data);
    return 0;
}

/* Everything a batch put out, as bytes. */
static void keep(struct weir_buffer *out, const struct weir_outputs *outputs) {
    for (uint32_t i = 0; i < outputs->record_count; i++) {
        const struct weir_output_record *record = &outputs->records[i];
        weir_buffer_format(out, "%d %lld %.*s ", record->stream, (long long)record->timestamp_ms,
                           (int)record->key.len, record->key.data ? record->key.data : "");
        weir_buffer_append(out, record->value.data, record->value.len);
        for (uint32_t h = 0; h < record->header_count; h++)
            weir_buffer_format(out, " %s=%.*s", record->headers[h].name, (int)record->headers[h].value.len,
                               record->headers[h].value.data);
        weir_buffer_append_char(out, '\n');
    }
}

/* Runs rows [from, to) in batches of `batch`; 0 = random sizes. */
static void feed(struct weir_task *task, int from, int to, uint32_t batch, struct weir_buffer *out) {
    struct weir_outputs outputs;
    for (int i = from; i < to;) {
        uint32_t count = batch ? batch : (uint32_t)(random_next() % 300) + 1;
        if (count > (uint32_t)(to - i)) count = (uint32_t)(to - i);
        assert_int_equal(weir_task_process(task, &records[i], count, &outputs), WEIR_OK);
        if (out) keep(out, &outputs);
        i += (int)count;
    }
}

static struct weir_task *new_task(const struct test_pipeline *test) {
    struct weir_task *task = NULL;
    struct weir_error error;
    assert_int_equal(weir_task_create(test->plan, 1, &task, &error), WEIR_OK);
    return task;
}

static void test_task_when_fed_everything_then_fates_add_up(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    assert_non_null(test.plan);
    struct weir_task *task = new_task(&test);
    feed(task, 0, ROWS, 500, NULL);
    const struct weir_task_counts *counts = weir_task_counts(task);
    assert_int_equal(counts->read, ROWS);
    assert_int_equal(counts->read, counts->applied + counts->late + counts->dead_lettered + counts->dropped);
    assert_true(counts->late > 100 && counts->dead_lettered > 100 && counts->dropped > 100);
    assert_true(counts->unlabelled > 100);
    assert_int_equal(counts->labelled + counts->unlabelled, counts->applied);
    assert_int_equal(counts->predictions, counts->applied);
    assert_true(counts->alerts >= 1);
    assert_int_equal(weir_task_model_version(task) > 1, 1);
    assert_true(weir_task_check(task));
    assert_true(weir_task_metric(task, 0) > 0.7 && weir_task_metric(task, 0) < 1);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

static void test_task_when_batches_differ_then_the_bytes_do_not(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_buffer one, many, mixed;
    weir_buffer_init(&one), weir_buffer_init(&many), weir_buffer_init(&mixed);
    struct weir_task *a = new_task(&test), *b = new_task(&test), *c = new_task(&test);
    feed(a, 0, ROWS, 1, &one);
    feed(b, 0, ROWS, WEIR_BATCH_MAX, &many);
    feed(c, 0, ROWS, 0, &mixed);
    /* Within a batch dead letters come before predictions, so compare the streams, not their interleaving:
     * sort is not needed when each line starts with its stream: compare per stream. */
    for (char stream = '0'; stream < '4'; stream++) {
        const char *p = weir_buffer_text(&one), *q = weir_buffer_text(&many), *r = weir_buffer_text(&mixed);
        size_t lines = 0;
        for (;;) {
            while (*p && *p != stream) p = strchr(p, '\n') + 1;
            while (*q && *q != stream) q = strchr(q, '\n') + 1;
            while (*r && *r != stream) r = strchr(r, '\n') + 1;
            if (!*p || !*q || !*r) break;
            size_t len = (size_t)(strchr(p, '\n') - p) + 1;
            assert_memory_equal(p, q, len);
            assert_memory_equal(p, r, len);
            p += len, q += len, r += len, lines++;
        }
        assert_true(!*p && !*q && !*r);
        assert_true(stream == '1' || lines > 0);
    }
    weir_task_destroy(a), weir_task_destroy(b), weir_task_destroy(c);
    weir_buffer_deinit(&one), weir_buffer_deinit(&many), weir_buffer_deinit(&mixed);
    test_pipeline_close(&test);
}

static void test_task_when_saved_and_loaded_anywhere_then_it_continues_bit_for_bit(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    for (int round = 0; round < 8; round++) {
        int cut = (int)(random_next() % ROWS);
        struct weir_buffer straight, continued;
        weir_buffer_init(&straight), weir_buffer_init(&continued);
        struct weir_task *first = new_task(&test), *second = new_task(&test);
        feed(first, 0, cut, 777, NULL);
        struct weir_state_writer *writer = weir_state_writer_create();
        assert_int_equal(weir_task_save(first, writer), WEIR_OK);
        size_t len;
        const void *bytes = weir_state_writer_bytes(writer, &len);
        struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
        assert_int_equal(weir_task_load(second, reader), WEIR_OK);
        assert_true(weir_state_reader_at_end(reader));
        feed(first, cut, ROWS, 512, &straight);
        feed(second, cut, ROWS, 512, &continued);
        assert_int_equal(straight.len, continued.len);
        assert_memory_equal(straight.data, continued.data, straight.len);
        /* and the states that follow are equal to the last byte */
        struct weir_state_writer *a = weir_state_writer_create(), *b = weir_state_writer_create();
        size_t a_len, b_len;
        weir_task_save(first, a), weir_task_save(second, b);
        const void *a_bytes = weir_state_writer_bytes(a, &a_len),
                   *b_bytes = weir_state_writer_bytes(b, &b_len);
        assert_int_equal(a_len, b_len);
        assert_memory_equal(a_bytes, b_bytes, a_len);
        weir_state_writer_destroy(a), weir_state_writer_destroy(b), weir_state_writer_destroy(writer);
        weir_state_reader_destroy(reader);
        weir_task_destroy(first), weir_task_destroy(second);
        weir_buffer_deinit(&straight), weir_buffer_deinit(&continued);
    }
    test_pipeline_close(&test);
}

static void test_task_when_a_saved_state_is_cut_then_load_refuses_it(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_task *task = new_task(&test);
    feed(task, 0, 3000, 512, NULL);
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_task_save(task, writer);
    size_t len;
    const char *bytes = weir_state_writer_bytes(writer, &len);
    for (size_t cut = 0; cut < len; cut += 1 + len / 400) {
        struct weir_task *other = new_task(&test);
        struct weir_state_reader *reader = weir_state_reader_create(bytes, cut);
        assert_int_not_equal(weir_task_load(other, reader), WEIR_OK);
        assert_true(weir_state_reader_why(reader)[0] != '\0');
        weir_state_reader_destroy(reader);
        weir_task_destroy(other);
    }
    weir_state_writer_destroy(writer);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

static void test_task_when_an_event_is_the_first_then_it_is_predicted_before_it_is_learned(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_task *task = new_task(&test);
    const struct weir_record record = test_record(
        "{\"id\":1,\"card\":\"a\",\"ts\":1700000000000,\"amount\":5,\"ecom\":true,\"label\":1}", 41);
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
    assert_int_equal(outputs.record_count, 1);
    struct weir_bytes value = outputs.records[0].value;
    static const char expected[] =
        "{\"id\":1,\"card\":\"a\",\"ts\":1700000000000,\"score\":0.5,\"decision\":false,\"model\":{"
        "\"version\":1},"
        "\"n10\":1,\"ratio\":1.0}";
    assert_int_equal(value.len, sizeof expected - 1);
    assert_memory_equal(value.data, expected, value.len);
    assert_memory_equal(outputs.records[0].key.data, "a", 1);
    assert_int_equal(outputs.records[0].timestamp_ms, 1700000000000);
    assert_string_equal(outputs.records[0].headers[1].name, "weir-id");
    assert_memory_equal(outputs.records[0].headers[1].value.data, "t-0-41", 6);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

static void test_task_when_a_record_is_bad_then_its_dead_letter_says_where_and_why(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_task *task = new_task(&test);
    static const struct weir_header original = {"h", {"v", 1}};
    struct weir_record record = test_record("{\"id\":\"x\"}", 9);
    record.key = (struct weir_bytes){"k", 1};
    record.headers = &original;
    record.header_count = 1;
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
    assert_int_equal(outputs.record_count, 1);
    const struct weir_output_record *dead = &outputs.records[0];
    assert_int_equal(dead->stream, WEIR_DEAD_LETTERS);
    assert_int_equal(dead->value.len, record.value.len);
    assert_memory_equal(dead->value.data, record.value.data, record.value.len);
    assert_string_equal(dead->headers[0].name, "h");
    static const char *const names[] = {
        "weir.error.code",         "weir.error.message",     "weir.error.stage",
        "weir.source.topic",       "weir.source.partition",  "weir.source.offset",
        "weir.source.timestamp",   "__connect.errors.topic", "__connect.errors.partition",
        "__connect.errors.offset", "__connect.errors.stage", "__connect.errors.exception.message"};
    assert_int_equal(dead->header_count, 13);
    for (int i = 0; i < 12; i++) assert_string_equal(dead->headers[1 + i].name, names[i]);
    assert_memory_equal(dead->headers[1].value.data, "D106", 4);
    assert_memory_equal(dead->headers[6].value.data, "9", 1);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

static void test_task_when_time_lies_in_the_future_then_the_watermark_stays(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_task *task = new_task(&test);
    weir_task_tick(task, 1700000000000);
    const struct weir_record rows[] = {
        test_record("{\"id\":1,\"card\":\"a\",\"ts\":1700000000000,\"amount\":5,\"ecom\":true,\"label\":1}",
                    0),
        test_record("{\"id\":2,\"card\":\"a\",\"ts\":1700000600001,\"amount\":5,\"ecom\":true,\"label\":1}",
                    1),
        test_record(
            "{\"id\":3,\"card\":\"a\",\"ts\":9000000000000000,\"amount\":5,\"ecom\":true,\"label\":1}", 2),
        test_record("{\"id\":4,\"card\":\"a\",\"ts\":1700000000001,\"amount\":5,\"ecom\":true,\"label\":1}",
                    3),
    };
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, rows, 4, &outputs), WEIR_OK);
    assert_int_equal(weir_task_counts(task)->dead_lettered, 2);
    assert_int_equal(weir_task_counts(task)->applied, 2);
    assert_int_equal(weir_task_watermark(task), 1700000000001);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ /* clang says it this way */
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__)
static uint64_t allocation_count;
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size) {
    allocation_count++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    allocation_count++;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    allocation_count++;
    return __libc_realloc(old, size);
}

static void test_task_when_it_is_warm_then_it_allocates_nothing(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, pipeline_text);
    struct weir_task *task = new_task(&test);
    struct weir_outputs outputs;
    for (int i = 0; i + 500 <= ROWS / 2; i += 500) weir_task_process(task, &records[i], 500, &outputs);
    uint64_t before = allocation_count;
    for (int i = ROWS / 2; i + 500 <= ROWS; i += 500) weir_task_process(task, &records[i], 500, &outputs);
    assert_int_equal(allocation_count - before, 0);
    weir_task_destroy(task);
    test_pipeline_close(&test);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_when_fed_everything_then_fates_add_up),
        cmocka_unit_test(test_task_when_batches_differ_then_the_bytes_do_not),
        cmocka_unit_test(test_task_when_saved_and_loaded_anywhere_then_it_continues_bit_for_bit),
        cmocka_unit_test(test_task_when_a_saved_state_is_cut_then_load_refuses_it),
        cmocka_unit_test(test_task_when_an_event_is_the_first_then_it_is_predicted_before_it_is_learned),
        cmocka_unit_test(test_task_when_a_record_is_bad_then_its_dead_letter_says_where_and_why),
        cmocka_unit_test(test_task_when_time_lies_in_the_future_then_the_watermark_stays),
#if !defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(test_task_when_it_is_warm_then_it_allocates_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, make_stream, free_stream);
}
