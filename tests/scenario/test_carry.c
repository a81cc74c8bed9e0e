/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: state saved under one pipeline file, loaded under another (R12): what is the same goes on bit for
 * bit, what is new or changed starts cold, and the report names exactly that. Both forms: portable, and
 * pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/task_snapshot.h"
#include "support/pipeline.h"

#define BEFORE 600
#define AFTER 600

struct file { /* the parts of a pipeline file that tests change */
    const char *card, *more, *learner, *drift, *fields;
};
static const char card[] = "{n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)'}";
static const char learner[] = "logistic_regression";
static const char drift[] =
    "  - {name: e, watch: model.error, detector: ddm}\n"
    "  - {name: level, watch: all10, detector: adwin}\n";
static const char fields[] = "n, n10, mean60, sd, all10, model.version, score";
static const struct file plain = {card, "", learner, drift, fields};

static void open_file(struct test_pipeline *test, const struct file *file) {
    char yaml[3000];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: c\nsource:\n  topic: t\n  key: card\n  event_time: {field: ts, lateness: 2s}\n"
             "  schema: {n: int64, card: string, ts: int64, x: float64, label: int64}\n"
             "labels: {field: label}\nfeatures:\n  - by: card\n    columns: %s\n"
             "  - columns: {all10: 'sum(x, 10s)'}\n%s"
             "model:\n  transform: [standard_scaler]\n  learner: %s\n  inputs: [x, n10, mean60, sd, all10]\n"
             "  warm_up: 50\n  evaluate: {metrics: [accuracy], window: 50}\ndrift:\n%s"
             "sinks:\n  predictions: {topic: p, fields: [%s]}\n  alerts: {topic: a}\n",
             file->card, file->more, file->learner, file->drift, file->fields);
    test_pipeline_open(test, yaml);
    assert_non_null(test->plan);
}

/* Rows from..to; their outputs, a line each. */
static void run(struct weir_task *task, long from, long to, struct weir_buffer *lines) {
    for (long i = from; i < to; i++) {
        char text[200];
        struct weir_outputs outputs;
        uint64_t random = ((uint64_t)i + 1) * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        random ^= random >> 33;
        long x = (long)(random >> 40) % 1000;
        snprintf(text, sizeof text, "{\"n\":%ld,\"card\":\"c%ld\",\"ts\":%ld,\"x\":%ld.25,\"label\":%d}", i,
                 (long)(random >> 20) % 300, 1700000000000 + i * 20 - (long)(random >> 12) % 1500, x,
                 x > 500);
        struct weir_record record = test_record(text, i);
        assert_int_equal(weir_task_process(task, &record, 1, &outputs), WEIR_OK);
        for (uint32_t k = 0; lines && k < outputs.record_count; k++)
            weir_buffer_format(lines, "%d %.*s\n", outputs.records[k].stream,
                               (int)outputs.records[k].value.len, outputs.records[k].value.data);
    }
}

/* ---- from one file to another ---- */

struct page {
    uint32_t group, index;
    size_t len;
    void *bytes;
};
struct pages {
    struct page items[256];
    int count;
};

static int keep_page(void *owner, const struct weir_task_page *page) {
    struct pages *pages = owner;
    assert_in_range(pages->count, 0, 255);
    struct page *kept = &pages->items[pages->count++];
    *kept = (struct page){page->group, page->index, page->len, malloc(page->len)};
    memcpy(kept->bytes, page->bytes, page->len);
    return WEIR_OK;
}

static int carry_pages(struct weir_task *from, const struct weir_plan *plan, struct weir_carry *carry,
                       struct weir_task **to, struct weir_error *error) {
    struct pages pages = {.count = 0};
    struct weir_task_restore *restore;
    assert_int_equal(weir_task_snapshot_begin(from, true), WEIR_OK);
    assert_int_equal(weir_task_snapshot_step(from, SIZE_MAX / 2, keep_page, &pages), WEIR_OK);
    assert_in_range(pages.count, 10, 256);
    int result =
        weir_task_restore_begin_carrying(plan, &weir_task_snapshot(from)->manifest, carry, &restore, error);
    for (int i = pages.count; i-- > 0 && !result;) /* in any order */
        result = weir_task_restore_page(restore, pages.items[i].group, pages.items[i].index,
                                        pages.items[i].bytes, pages.items[i].len, error);
    if (!result) result = weir_task_restore_end(restore, to, error);
    weir_task_snapshot_end(from, false);
    for (int i = 0; i < pages.count; i++) free(pages.items[i].bytes);
    return result;
}

static int carry_portable(struct weir_task *from, const struct weir_plan *plan, struct weir_carry *carry,
                          struct weir_task **to, struct weir_error *error) {
    size_t len;
    struct weir_state_writer *writer = weir_state_writer_create();
    assert_int_equal(weir_task_save(from, writer), WEIR_OK);
    const void *bytes = weir_state_writer_bytes(writer, &len);
    int result = weir_task_carry(plan, bytes, len, carry, to, error);
    weir_state_writer_destroy(writer);
    return result;
}

typedef int carry_form(struct weir_task *from, const struct weir_plan *plan, struct weir_carry *carry,
                       struct weir_task **to, struct weir_error *error);
static carry_form *const forms[] = {carry_portable, carry_pages};

struct scene {
    struct test_pipeline old, new;
    struct weir_task *stays, *moves; /* under the old file, under the new one */
    struct weir_carry carry;
    struct weir_buffer wanted, got;
};

/* Both have seen BEFORE rows; then each goes on for AFTER more. */
static void play(struct scene *scene, carry_form *form, const struct file *old, const struct file *new) {
    struct weir_error error = {0};
    memset(scene, 0, sizeof *scene);
    open_file(&scene->old, old);
    open_file(&scene->new, new);
    weir_carry_init(&scene->carry, 99);
    weir_buffer_init(&scene->wanted);
    weir_buffer_init(&scene->got);
    assert_int_equal(weir_task_create(scene->old.plan, 7, &scene->stays, &error), WEIR_OK);
    run(scene->stays, 0, BEFORE, NULL);
    if (form(scene->stays, scene->new.plan, &scene->carry, &scene->moves, &error)) fail_msg("%s", error.text);
    assert_true(weir_task_check(scene->moves));
    run(scene->stays, BEFORE, BEFORE + AFTER, &scene->wanted);
    run(scene->moves, BEFORE, BEFORE + AFTER, &scene->got);
}

static void expect_report(struct scene *scene, const char *wanted) {
    const char *got = scene->carry.report.len ? weir_buffer_text(&scene->carry.report) : "";
    if (strcmp(got, wanted) != 0) fail_msg("got\n%swanted\n%s", got, wanted);
}

static void expect_equal_outputs(struct scene *scene) {
    assert_true(scene->wanted.len > 10000);
    assert_string_equal(weir_buffer_text(&scene->got), weir_buffer_text(&scene->wanted));
}

static void end(struct scene *scene) {
    weir_task_destroy(scene->stays);
    weir_task_destroy(scene->moves);
    test_pipeline_close(&scene->old);
    test_pipeline_close(&scene->new);
    weir_carry_deinit(&scene->carry);
    weir_buffer_deinit(&scene->wanted);
    weir_buffer_deinit(&scene->got);
}

static const char *first_line(struct scene *scene) {
    static char line[600];
    const char *text = weir_buffer_text(&scene->got);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    return line;
}

/* ---- what is the same goes on ---- */

static void test_carry_when_only_order_changes_then_all_goes_on(void **state) {
    (void)state;
    struct file other = plain;
    other.card = "{sd: 'stddev(x, 1m)', mean60: 'mean(x, 1m)', n10: 'count(10s)'}";
    other.drift =
        "  - {name: level, watch: all10, detector: adwin, options: {delta: 0.002}}\n" /* its default */
        "  - {name: e, watch: model.error, detector: ddm}\n";
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        play(&scene, forms[i], &plain, &other);
        expect_report(&scene, "");
        expect_equal_outputs(&scene);
        end(&scene);
    }
}

/* A window in a group that is there, and a group that is not: the others do not notice. */
static void test_carry_when_features_are_added_then_they_alone_start_cold(void **state) {
    (void)state;
    struct file more = plain;
    more.card =
        "{n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)', top: 'max(x, 1m)', "
        "n300: 'count(5m)'}";
    more.more = "  - by: label\n    columns: {per: 'count(5m)'}\n";
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        play(&scene, forms[i], &plain, &more);
        expect_report(&scene,
                      "starts cold: max(x) over 60000 ms, by card:string\n"
                      "starts cold: count() over 300000 ms, by card:string\n"
                      "starts cold: count() over 300000 ms, by label:int64\n");
        expect_equal_outputs(&scene);
        end(&scene);
        more.fields = "n, n300, per, top, x";
        play(&scene, forms[i], &plain,
             &more); /* the first row after the change is the first they have seen */
        assert_non_null(strstr(first_line(&scene), "\"n300\":1,\"per\":1,"));
        more.fields = fields;
        end(&scene);
    }
}

/* What goes is told; the rest goes on. And back again. */
static void test_carry_when_features_are_removed_then_the_others_go_on(void **state) {
    (void)state;
    struct file more = plain;
    more.card = "{n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 1m)', n300: 'count(5m)'}";
    more.more = "  - by: label\n    columns: {per: 'count(5m)'}\n";
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        play(&scene, forms[i], &more, &plain);
        expect_report(&scene,
                      "dropped: count() over 300000 ms, by card:string\n"
                      "dropped: by label:int64;window 300000/37500x9: count()\n");
        expect_equal_outputs(&scene);
        end(&scene);
    }
}

static void test_carry_when_a_threshold_changes_then_that_detector_starts_cold(void **state) {
    (void)state;
    struct file other = plain;
    other.drift =
        "  - {name: e, watch: model.error, detector: ddm}\n"
        "  - {name: level, watch: all10, detector: adwin, options: {delta: 0.5}}\n";
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        play(&scene, forms[i], &plain, &other);
        const char *report = weir_buffer_text(&scene.carry.report);
        assert_non_null(strstr(report, "dropped: drift level: adwin(delta=0.002"));
        assert_non_null(strstr(report, "starts cold: drift level: adwin(delta=0.5"));
        assert_null(strstr(report, "drift e"));
        assert_null(strstr(report, " ms, by"));
        end(&scene);
    }
}

static void test_carry_when_the_learner_is_replaced_then_it_warms_up_anew_on_old_windows(void **state) {
    (void)state;
    struct file other = plain, seen = plain;
    other.learner = "logistic_regression\n  options: {rate: 0.5}";
    other.fields = seen.fields = "n, n10, mean60, sd, all10";
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        play(&scene, forms[i], &seen, &other);
        const char *report = weir_buffer_text(&scene.carry.report);
        assert_non_null(strstr(report, "dropped: learner logistic_regression("));
        assert_non_null(strstr(report, "starts cold: learner logistic_regression("));
        assert_null(strstr(report, ": transform")); /* what the scaler knows of the inputs stays */
        assert_int_equal(weir_task_model_version(scene.moves), weir_task_model_version(scene.stays) + 1);
        /* 50 rows warm up; from the next on windows are those of the run that went on. */
        const char *tail = strstr(weir_buffer_text(&scene.wanted), first_line(&scene));
        assert_non_null(tail);
        assert_true(strstr(first_line(&scene), "\"n\":65") != NULL);
        end(&scene);
    }
}

/* ---- what must not be ---- */

static void test_carry_when_strict_then_another_file_is_refused(void **state) {
    (void)state;
    struct file others[4] = {plain, plain, plain, plain};
    others[0].card = "{n10: 'count(10s)', mean60: 'mean(x, 1m)', sd: 'stddev(x, 2m)'}";
    others[1].learner = "logistic_regression\n  options: {rate: 0.5}";
    others[2].drift = "  - {name: e, watch: model.error, detector: ddm}\n";
    others[3].more = "  - by: label\n    columns: {per: 'count(5m)'}\n";
    struct test_pipeline test;
    struct weir_task *task, *other = NULL;
    struct weir_error error;
    open_file(&test, &plain);
    assert_int_equal(weir_task_create(test.plan, 7, &task, &error), WEIR_OK);
    run(task, 0, BEFORE, NULL);
    for (int i = 0; i < 8; i++) {
        struct test_pipeline changed;
        open_file(&changed, &others[i / 2]);
        assert_int_equal(forms[i % 2](task, changed.plan, NULL, &other, &error), WEIR_DATA);
        assert_null(other);
        assert_non_null(strstr(error.text, "it does not fit this pipeline"));
        test_pipeline_close(&changed);
    }
    weir_task_destroy(task);
    test_pipeline_close(&test);
}

/* Bytes flipped anywhere in the portable form: refused or loaded, never a crash (run it under a sanitizer).
 */
static void test_carry_when_bytes_are_flipped_then_nothing_breaks(void **state) {
    (void)state;
    struct file more = plain;
    more.card = "{n10: 'count(10s)', mean60: 'mean(x, 1m)', n300: 'count(5m)', sd: 'stddev(x, 2m)'}";
    struct test_pipeline old, new;
    struct weir_task *task;
    struct weir_error error;
    size_t len;
    int refused = 0, tried = 0;
    open_file(&old, &plain);
    open_file(&new, &more);
    assert_int_equal(weir_task_create(old.plan, 7, &task, &error), WEIR_OK);
    run(task, 0, 60, NULL);
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_task_save(task, writer);
    const void *saved = weir_state_writer_bytes(writer, &len);
    char *bytes = malloc(len);
    for (size_t at = 0; at < len; at += at < 4000 ? 1 : 97, tried++) {
        struct weir_task *other = NULL;
        struct weir_carry carry;
        memcpy(bytes, saved, len);
        bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
        weir_carry_init(&carry, 1);
        refused += weir_task_carry(new.plan, bytes, len, &carry, &other, &error) != WEIR_OK;
        if (other) run(other, 60, 70, NULL);
        weir_task_destroy(other);
        weir_carry_deinit(&carry);
    }
    assert_in_range(refused, 50, tried);
    free(bytes);
    weir_state_writer_destroy(writer);
    weir_task_destroy(task);
    test_pipeline_close(&old);
    test_pipeline_close(&new);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carry_when_only_order_changes_then_all_goes_on),
        cmocka_unit_test(test_carry_when_features_are_added_then_they_alone_start_cold),
        cmocka_unit_test(test_carry_when_features_are_removed_then_the_others_go_on),
        cmocka_unit_test(test_carry_when_a_threshold_changes_then_that_detector_starts_cold),
        cmocka_unit_test(test_carry_when_the_learner_is_replaced_then_it_warms_up_anew_on_old_windows),
        cmocka_unit_test(test_carry_when_strict_then_another_file_is_refused),
        cmocka_unit_test(test_carry_when_bytes_are_flipped_then_nothing_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
