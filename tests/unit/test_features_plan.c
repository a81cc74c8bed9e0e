/* SPDX-License-Identifier: Apache-2.0 */
/* What the groups of a pipeline compile to: names, order of definition, shared state; and which state is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/features.h"
#include "core/keyspace.h"

static const struct weir_field fields[] = {
    {"card", WEIR_STRING, false}, {"mcc", WEIR_CATEGORY, true}, {"amount", WEIR_FLOAT64, true}};
static const struct weir_schema source = {fields, 3};

struct column {
    const char *name, *expression;
};
struct group {
    const char *by;
    struct column columns[5];
};

/* Compiles groups (ended by one without columns) with 8 panes and `lateness_ms`; diags must be deinited. */
static struct weir_features_plan *compile(const struct group *groups, int64_t lateness_ms,
                                          struct weir_diags *diags) {
    struct weir_feature_group configs[4] = {0};
    struct weir_feature_config columns[4][5] = {0};
    struct weir_name by[4] = {0};
    struct weir_pipeline pipeline = {.features = configs};
    for (uint32_t g = 0; groups[g].columns[0].name; g++) {
        struct weir_feature_group *config = &configs[pipeline.feature_group_count++];
        by[g].text = groups[g].by;
        *config = (struct weir_feature_group){
            .by = &by[g], .by_count = groups[g].by != NULL, .panes = 8, .columns = columns[g]};
        for (; groups[g].columns[config->column_count].name; config->column_count++) {
            columns[g][config->column_count].name.text = groups[g].columns[config->column_count].name;
            columns[g][config->column_count].expression.text =
                groups[g].columns[config->column_count].expression;
        }
    }
    weir_diags_init(diags, "test", NULL, 0);
    return weir_features_plan_create(&pipeline, &source, lateness_ms, diags);
}

static void assert_codes(const struct group *groups, const char *codes) {
    struct weir_diags diags;
    char found[64] = "";
    assert_null(compile(groups, 0, &diags));
    for (uint32_t i = 0; i < diags.count; i++) strcat(strcat(found, i ? " " : ""), diags.items[i].code);
    assert_string_equal(found, codes);
    weir_diags_deinit(&diags);
}

static void test_plan_when_names_clash_or_come_too_late_then_each_is_found(void **state) {
    (void)state;
    assert_codes((struct group[]){{"card", {{"n", "count(1h)"}, {"amount", "1"}, {"n", "2"}}}, {0}},
                 "E209 E209");
    assert_codes((struct group[]){{"card", {{"a", "b + 1"}, {"b", "2"}}}, {0}}, "E210");
    assert_codes((struct group[]){{"card", {{"a", "a + 1"}}}, {0}}, "E210");
    assert_codes((struct group[]){{"card", {{"a", "amount * 2"}, {"b", "sum(a, 1h)"}}}, {0}}, "E210");
    assert_codes((struct group[]){{"crad", {{"a", "1"}}}, {0}}, "E204");
    assert_codes((struct group[]){{"late", {{"a", "1"}}}, {NULL, {{"late", "amount > 3"}}}, {0}}, "E210");
    /* a broken feature is reported once, its users stay silent */
    assert_codes((struct group[]){{"card", {{"a", "amout"}, {"b", "not a"}, {"c", "a + b"}}}, {0}}, "E204");
}

static void test_plan_when_groups_build_on_each_other_then_types_follow(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_features_plan *plan =
        compile((struct group[]){{NULL, {{"big", "amount > 100"}}},
                                 {"card", {{"n", "count(big, 1h)"}, {"share", "sum(big, 1h) / n"}}},
                                 {"big", {{"m", "mean(share, 1h)"}}},
                                 {0}},
                0, &diags);
    assert_non_null(plan);
    const struct weir_schema *columns = weir_features_plan_columns(plan);
    assert_int_equal(columns->count, 4);
    assert_int_equal(columns->fields[0].type, WEIR_BOOL);
    assert_int_equal(columns->fields[1].type, WEIR_INT64);
    assert_int_equal(columns->fields[2].type, WEIR_FLOAT64);
    assert_true(weir_features_plan_has_windows(plan));
    assert_int_equal(weir_features_plan_key_bytes(plan, 0), 0);
    weir_features_plan_destroy(plan);
    weir_diags_deinit(&diags);
}

static void test_plan_when_partials_nest_then_one_serves_for_all(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_features_plan *plan = compile((struct group[]){{"card",
                                                                {{"n", "count(amount, 1h)"},
                                                                 {"m", "mean(amount, 1h)"},
                                                                 {"s", "stddev(amount, 1h)"},
                                                                 {"t", "sum(amount, 1h)"}}},
                                                               {0}},
                                              0, &diags);
    assert_non_null(plan);
    /* head 16, tail 24, 8 + 0 panes of 24 */
    assert_int_equal(weir_features_plan_key_bytes(plan, 0), weir_keyspace_key_bytes(16 + 24 + 8 * 24));
    weir_features_plan_destroy(plan);
    weir_diags_deinit(&diags);
}

static void test_plan_when_lateness_needs_too_many_panes_then_e208(void **state) {
    (void)state;
    struct weir_diags diags;
    assert_null(compile((struct group[]){{"card", {{"n", "count(8s)"}}}, {0}}, 86400000, &diags));
    assert_string_equal(diags.items[0].code, "E208");
    weir_diags_deinit(&diags);
}

static void feed(struct weir_features *features, const char *card, int64_t time_ms, double amount,
                 struct weir_value cells[8]) {
    struct weir_arena arena;
    weir_arena_init(&arena);
    cells[0] = weir_value_text(card, (uint32_t)strlen(card));
    cells[1] = weir_value_null(WEIR_CATEGORY);
    cells[2] = weir_value_float(amount);
    struct weir_event event = {.time_ms = time_ms, .cells = cells}, *pointer = &event;
    assert_int_equal(weir_features_compute(features, &pointer, 1, &arena), WEIR_OK);
    weir_arena_deinit(&arena);
}

static int load(struct weir_features *features, const void *bytes, size_t len) {
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    int result = weir_features_load(features, NULL, reader);
    weir_state_reader_destroy(reader);
    return result;
}

static void test_load_when_file_is_reordered_then_kept_when_changed_then_refused(void **state) {
    (void)state;
    struct weir_diags diags, diags_b, diags_c;
    struct group as_saved[] = {
        {"card", {{"n", "count(1h)"}, {"m", "max(amount, 10m)"}}}, {"mcc", {{"k", "count(1h)"}}}, {0}};
    struct group reordered[] = {
        {"mcc", {{"renamed", "count(1h)"}}}, {"card", {{"m", "max(amount, 10m)"}, {"n", "count(1h)"}}}, {0}};
    struct group changed[] = {
        {"card", {{"n", "count(1h)"}, {"m", "max(amount, 20m)"}}}, {"mcc", {{"k", "count(1h)"}}}, {0}};
    struct weir_features_plan *a = compile(as_saved, 0, &diags), *b = compile(reordered, 0, &diags_b),
                              *c = compile(changed, 0, &diags_c);
    struct weir_features *from = weir_features_create(a, 1, 1 << 20),
                         *to = weir_features_create(b, 2, 1 << 20),
                         *other = weir_features_create(c, 3, 1 << 20);
    struct weir_value cells[8];
    feed(from, "x", 1000, 5, cells);
    feed(from, "x", 2000, 3, cells);
    struct weir_state_writer *writer = weir_state_writer_create();
    weir_features_save(from, writer);
    size_t len;
    const void *bytes = weir_state_writer_bytes(writer, &len);
    assert_int_equal(load(to, bytes, len), WEIR_OK);
    feed(to, "x", 3000, 4, cells);
    assert_true(cells[4].as.f == 5);    /* m */
    assert_int_equal(cells[5].as.i, 3); /* n */
    assert_true(cells[3].null);         /* by mcc, which is null */
    feed(other, "y", 1000, 1, cells);
    assert_int_equal(load(other, bytes, len), WEIR_DATA);
    struct weir_features_stats stats;
    weir_features_stats(other, &stats);
    assert_int_equal(stats.key_count, 0);
    for (size_t cut = 0; cut < len; cut++) assert_int_not_equal(load(to, bytes, cut), WEIR_OK);
    assert_int_equal(load(to, bytes, len), WEIR_OK);
    weir_state_writer_destroy(writer);
    weir_features_destroy(from);
    weir_features_destroy(to);
    weir_features_destroy(other);
    weir_features_plan_destroy(a);
    weir_features_plan_destroy(b);
    weir_features_plan_destroy(c);
    weir_diags_deinit(&diags);
    weir_diags_deinit(&diags_b);
    weir_diags_deinit(&diags_c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_when_names_clash_or_come_too_late_then_each_is_found),
        cmocka_unit_test(test_plan_when_groups_build_on_each_other_then_types_follow),
        cmocka_unit_test(test_plan_when_partials_nest_then_one_serves_for_all),
        cmocka_unit_test(test_plan_when_lateness_needs_too_many_panes_then_e208),
        cmocka_unit_test(test_load_when_file_is_reordered_then_kept_when_changed_then_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
