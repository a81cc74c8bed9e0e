/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every mistake of an author of a pipeline file is found at its place, under its code, all at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codes.h"
#include "config/fields.h"
#include "config/pipeline.h"

struct loaded {
    struct weir_diags diags;
    struct weir_document document;
    struct weir_pipeline pipeline;
    int result;
};

static void load_bytes(struct loaded *loaded, const char *text, size_t len) {
    weir_diags_init(&loaded->diags, "f.yaml", NULL, 0);
    assert_int_equal(weir_document_parse("f.yaml", text, len, &loaded->document, &loaded->diags), WEIR_OK);
    loaded->result = weir_pipeline_load(&loaded->document, &loaded->diags, &loaded->pipeline);
}
static void load(struct loaded *loaded, const char *text) { load_bytes(loaded, text, strlen(text)); }

static void unload(struct loaded *loaded) {
    weir_diags_deinit(&loaded->diags);
    weir_document_deinit(&loaded->document);
}

/* H: a head without faults; a fault in M is in line 4 of the file, so that only one thing is wrong. */
#define H "weir: 1\nname: p\nsource: {topic: t, schema: {a: float64, c: category}}\n"
#define S "weir: 1\nname: p\nsource:\n  topic: t\n  schema: {a: float64}\n"

static const struct mistake {
    const char *text, *code;
    uint32_t line, column, length;
} mistakes[] = {
    /* the file and its syntax */
    {"", "E116", 0, 0, 0},
    {"# only a comment\n", "E116", 0, 0, 0},
    {"- weir: 1\n", "E116", 1, 3, 0},
    {"weir\n", "E116", 1, 1, 4},
    {"~\n", "E116", 1, 1, 1},
    {"weir: 1\nname: \xff\n", "E103", 2, 7, 1},
    {"weir: 1\nname: a\x01\n", "E103", 2, 8, 1},
    {"\xff\xfew\0e\0", "E103", 1, 1, 1},
    {H "labels: {field: \"\\x01\"}\n", "E103", 4, 18, 0},
    {H "labels: {field: \"a\\0b\"}\n", "E103", 4, 18, 0},
    {"weir: 1\nsource:\n\ttopic: t\n", "E104", 3, 1, 1},
    {"weir: 1\nname: \"p\nsource: 1\n", "E104", 2, 7, 1},
    {"weir: 1\nname p\nsource: 1\n", "E104", 2, 1, 1},
    {"weir: 1\nfeatures: [a, b\nname: p\n", "E104", 2, 11, 1},
    {"weir: 1\nname: a: b\n", "E104", 2, 8, 1},
    {"weir: 1\nname: @p\n", "E104", 2, 7, 1},
    {"weir: 1\nname: a]\nx: [1, 2]]\n", "E104", 3, 10, 1},
    {"weir: 1\nname: 'a' b\n", "E104", 2, 11, 1},
    {"weir: 1\nsource:\n    topic: t\n  format: json\n", "E104", 4, 3, 1},
    {"%YAML 3.0\n---\nweir: 1\n", "E104", 1, 1, 1},
    {H "name: q\n", "E105", 4, 1, 4},
    {"weir: 1\nname: p\nsource: {topic: t, topic: u, schema: {a: bool}}\n", "E105", 3, 20, 5},
    {H "labels: *nowhere\n", "E106", 4, 10, 7},
    {H "model: &m\n  learner: x\n  inputs: [a]\n  options: *m\n", "E106", 7, 13, 1},
    {H "labels:\n  <<: 3\n  field: c\n", "E106", 5, 7, 1},
    {H "labels: {field: !!str c}\n", "E120", 4, 17, 1},
    {H "---\nweir: 1\n", "E120", 0, 0, 0},
    {H "? [a]\n: 1\n", "E120", 4, 3, 0},
    /* interpolation */
    {H "kafka: {brokers: \"${WEIR_TEST_UNSET}\"}\n", "E107", 4, 19, 18},
    {H "kafka: {brokers: ${WEIR_TEST_UNSET:?set the brokers}}\n", "E107", 4, 18, 35},
    {H "kafka: {brokers: h:1${WEIR_TEST_UNSET}}\n", "E107", 4, 21, 18},
    {H "kafka:\n  brokers: ${WEIR-TEST}\n", "E108", 5, 12, 12},
    {H "kafka:\n  brokers: ${WEIR\n", "E108", 5, 12, 6},
    {H "kafka:\n  brokers: ${A:-${B}}\n", "E108", 5, 12, 9},
    {H "kafka:\n  brokers: ${}\n", "E108", 5, 12, 3},
    {H "kafka:\n  brokers: ${file:/nowhere/at/all}\n", "E109", 5, 12, 23},
    {H "kafka:\n  brokers: ${file:/}\n", "E109", 5, 12, 9},
    {H "kafka:\n  brokers: ${file:/dev/null}\n", "E109", 5, 12, 17},
    /* unknown and missing keys */
    {H "modle: {}\n", "E110", 4, 1, 5},
    {H "frobnicate: 1\n", "E110", 4, 1, 10},
    {S "  tpoic: t\n", "E110", 6, 3, 5},
    {S "  lateness: 30s\n", "E110", 6, 3, 8},
    {H "sinks: {prediction: {topic: x}}\n", "E110", 4, 9, 10},
    {H "drift:\n  - {name: n, watch: a, detector: d, optoins: {}}\n", "E110", 5, 38, 7},
    {H "kafka: {security: {pasword: x}}\n", "E110", 4, 20, 7},
    {"name: p\nsource: {topic: t, schema: {a: bool}}\n", "E115", 1, 1, 4},
    {"weir: 1\nsource: {topic: t, schema: {a: bool}}\n", "E115", 1, 1, 4},
    {"weir: 1\nname: p\n", "E115", 1, 1, 4},
    {"weir: 1\nname:\nsource: {topic: t, schema: {a: bool}}\n", "E115", 2, 1, 4},
    {"weir: 1\nname: p\nsource: {schema: {a: bool}}\n", "E115", 3, 1, 6},
    {"weir: 1\nname: p\nsource: {topic: t}\n", "E115", 3, 1, 6},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {}}\n", "E115", 3, 20, 6},
    {H "labels: {positive: UP}\n", "E115", 4, 1, 6},
    {H "model: {inputs: [a]}\n", "E115", 4, 1, 5},
    {H "model: {learner: l}\n", "E115", 4, 1, 5},
    {H "drift:\n  - {name: n, detector: d}\n", "E115", 5, 5, 0},
    {H "features:\n  - by: a\n", "E115", 5, 5, 0},
    {H "dead_letter: {}\n", "E115", 4, 1, 11},
    {S "  event_time: {unit: s}\n", "E115", 6, 3, 10},
    /* kinds */
    {"weir: 1\nname: p\nsource: elec2\n", "E111", 3, 9, 5},
    {"weir: 1\nname: p\nsource: [elec2]\n", "E111", 3, 9, 0},
    {"weir: 1\nname: [p]\nsource: {topic: t, schema: {a: bool}}\n", "E111", 2, 7, 0},
    {H "drift: {name: n}\n", "E111", 4, 8, 0},
    {H "drift: [n]\n", "E111", 4, 9, 1},
    {H "features: {a: b}\n", "E111", 4, 11, 0},
    {H "model: {learner: l, inputs: {a: 1}}\n", "E111", 4, 29, 0},
    {H "model: {learner: l, inputs: [a, [b]]}\n", "E111", 4, 33, 0},
    {H "model: {learner: l, inputs: a, options: 3}\n", "E111", 4, 41, 1},
    {H "model: {learner: l, inputs: a, transform: [{x: {}, y: {}}]}\n", "E111", 4, 44, 0},
    {H "kafka: {properties: {fetch: {wait: 20}}}\n", "E111", 4, 29, 0},
    {H "features: [{columns: {x: [a]}}]\n", "E111", 4, 26, 0},
    {"weir: 1\nname: p\nsource: {topic: t, schema: [a, b]}\n", "E111", 3, 28, 0},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: [bool]}}\n", "E111", 3, 32, 0},
    /* values */
    {H "model: {learner: l, inputs: a, decide_at: high}\n", "E112", 4, 43, 4},
    {H "model: {learner: l, inputs: a, decide_at: nan}\n", "E112", 4, 43, 3},
    {H "model: {learner: l, inputs: a, warm_up: 5.5}\n", "E112", 4, 41, 3},
    {H "commit: {interval: 30}\n", "E112", 4, 20, 2},
    {H "commit: {interval: 1.5s}\n", "E112", 4, 20, 4},
    {H "commit: {interval: 99999999999999999999s}\n", "E112", 4, 20, 21},
    {H "state: {memory: 2GB}\n", "E112", 4, 17, 3},
    {H "kafka: {brokers: }\n", "E112", 4, 9, 7},
    {H "model: {learner: l, inputs: [a, '']}\n", "E112", 4, 34, 0},
    {H "features: [{columns: {x: }}]\n", "E112", 4, 23, 1},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: }}\n", "E112", 3, 29, 1},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: {type: bool, optional: 1}}}\n", "E112", 3, 55, 1},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: {optional: true}}}\n", "E115", 3, 29, 1},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: {type: bool, opt: true}}}\n", "E110", 3, 45, 3},
    {H "model: {learner: l, inputs: a, decide_at: 80}\n", "E113", 4, 43, 2},
    {H "features: [{panes: 0, columns: {x: a}}]\n", "E113", 4, 20, 1},
    {H "features: [{panes: 257, columns: {x: a}}]\n", "E113", 4, 20, 3},
    {H "state: {memory: 1KiB}\n", "E113", 4, 17, 4},
    {H "commit: {interval: 2h}\n", "E113", 4, 20, 2},
    {S "  start: earlist\n", "E114", 6, 10, 7},
    {S "  event_time: {field: a, unit: sec}\n", "E114", 6, 32, 3},
    {H "tasks: one\n", "E114", 4, 8, 3},
    {H "drift: [{name: n, watch: a, detector: d, then: [alert, restart]}]\n", "E114", 4, 56, 7},
    {H "kafka: {security: {protocol: tls}}\n", "E114", 4, 30, 3},
    {H "sinks: {features: {topic: x, envelope: half}}\n", "E114", 4, 40, 4},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: float}}\n", "E114", 3, 32, 5},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: flaot64?}}\n", "E114", 3, 32, 7},
    {"weir: 1\nname: p\nsource: {topic: t, schema: {a: duration}}\n", "E114", 3, 32, 8},
    {"weir: 1\nname: Card Fraud\nsource: {topic: t, schema: {a: bool}}\n", "E118", 2, 7, 10},
    {"weir: 1\nname: -p\nsource: {topic: t, schema: {a: bool}}\n", "E118", 2, 7, 2},
    {"weir: 1\nname: p\nsource: {topic: a b, schema: {a: bool}}\n", "E118", 3, 17, 3},
    {H "dead_letter: {topic: ..}\n", "E118", 4, 22, 2},
    {H "features: [{columns: {2x: a}}]\n", "E118", 4, 23, 2},
    {"weir: 2\nname: p\nsource: {topic: t, schema: {a: bool}}\n", "E119", 1, 7, 1},
    {H "model: {learner: l, inputs: [a, c, a]}\n", "E319", 4, 36, 1},
    {H "drift:\n  - {name: n, watch: a, detector: d}\n  - {name: n, watch: c, detector: d}\n", "E319", 6, 12,
     1},
    /* later versions */
    {H "labels: {field: c, topic: l}\n", "E320", 4, 20, 5},
    {H "labels: {field: c, join: {by: a}}\n", "E320", 4, 20, 4},
    {H "labels: {field: c, value: l}\n", "E320", 4, 20, 5},
    {H "labels: {field: c, if_missing: skip}\n", "E320", 4, 20, 10},
    {H "labels: {field: c, max_pending: 3}\n", "E320", 4, 20, 11},
    {H "http: {listen: 127.0.0.1:1}\n", "E320", 4, 1, 4},
    {H "workers: 0\n", "E113", 4, 10, 1},
    {H "tests: []\n", "E320", 4, 1, 5},
    {H "state: {snapshot: {every: 1ms}}\n", "E113", 4, 27, 3},
    {H "state: {snapshot: {keep: 1}}\n", "E113", 4, 26, 1},
    {H "state: {forget_keys_after: 30d}\n", "E320", 4, 9, 17},
    {H "sinks: {windows: {}}\n", "E320", 4, 9, 7},
    {H "sinks: {features: {topic: x, delivery: exactly_one}}\n", "E114", 4, 40, 11},
    {H "model: {learner: l, inputs: a, class_weight: {x: 1}}\n", "E320", 4, 32, 12},
    {S "  format: avro\n", "E320", 6, 11, 4},
    {S "  event_time: {field: a, idle: 10s}\n", "E320", 6, 26, 4},
};
#define MISTAKE_COUNT (sizeof mistakes / sizeof mistakes[0])

static void test_load_when_one_thing_is_wrong_then_exactly_that_is_found_at_its_place(void **state) {
    (void)state;
    unsetenv("WEIR_TEST_UNSET");
    assert_true(MISTAKE_COUNT >= 70);
    int bad = 0;
    for (size_t i = 0; i < MISTAKE_COUNT; i++) {
        const struct mistake *m = &mistakes[i];
        struct loaded loaded;
        load_bytes(&loaded, m->text, m->text[0] == '\xff' ? 6 : strlen(m->text));
        const struct weir_diag *first = loaded.diags.count ? &loaded.diags.items[0] : NULL;
        if (loaded.diags.count != 1 || loaded.result != WEIR_CONFIG || strcmp(first->code, m->code) != 0 ||
            first->mark.line != m->line || first->mark.column != m->column ||
            first->mark.length != m->length) {
            struct weir_buffer out;
            weir_buffer_init(&out);
            weir_diags_render_text(&loaded.diags, false, &out);
            print_error("mistake %zu: want %s %u:%u+%u (+%u), result %d, of\n%s--- got\n%s", i, m->code,
                        m->line, m->column, m->length, first ? first->mark.length : 0, loaded.result, m->text,
                        weir_buffer_text(&out));
            weir_buffer_deinit(&out);
            bad++;
        }
        if (first && !weir_code_find(first->code)) fail_msg("%s is not in the table", first->code);
        unload(&loaded);
    }
    assert_int_equal(bad, 0);
}

static void expect_rendering(const char *text, const char *rendering) {
    struct loaded loaded;
    struct weir_buffer out;
    weir_buffer_init(&out);
    load(&loaded, text);
    assert_int_equal(weir_diags_render_text(&loaded.diags, false, &out), WEIR_OK);
    assert_string_equal(weir_buffer_text(&out), rendering);
    weir_buffer_deinit(&out);
    unload(&loaded);
}

static void test_load_when_many_things_are_wrong_then_all_are_shown_in_order(void **state) {
    (void)state;
    expect_rendering(
        "weir: 1\n"
        "name: elec2\n"
        "source:\n"
        "  tpoic: elec2\n"
        "  start: earlist\n"
        "  schema: {price: flaot64, class: text}\n"
        "modle: {}\n"
        "commit: {interval: 30}\n",
        "f.yaml:3:1: error[E115]: 'source.topic' is missing\n"
        "    3 | source:\n"
        "      | ^^^^^^\n"
        "      = help: topic: the Kafka topic to read\n"
        "f.yaml:4:3: error[E110]: unknown key 'tpoic' in source\n"
        "    4 |   tpoic: elec2\n"
        "      |   ^^^^^\n"
        "      = help: did you mean 'topic'?\n"
        "f.yaml:5:10: error[E114]: 'start' cannot be 'earlist'\n"
        "    5 |   start: earlist\n"
        "      |          ^^^^^^^\n"
        "      = help: did you mean 'earliest'?\n"
        "f.yaml:6:19: error[E114]: unknown type 'flaot64'\n"
        "    6 |   schema: {price: flaot64, class: text}\n"
        "      |                   ^^^^^^^\n"
        "      = help: did you mean 'float64'?\n"
        "f.yaml:6:35: error[E114]: unknown type 'text'\n"
        "    6 |   schema: {price: flaot64, class: text}\n"
        "      |                                   ^^^^\n"
        "      = help: weir calls it 'string'\n"
        "f.yaml:7:1: error[E110]: unknown key 'modle'\n"
        "    7 | modle: {}\n"
        "      | ^^^^^\n"
        "      = help: did you mean 'model'?\n"
        "f.yaml:8:20: error[E112]: 'interval' is a duration such as 30s or 10m, not '30'\n"
        "    8 | commit: {interval: 30}\n"
        "      |                    ^^\n"
        "      = help: a whole number and a unit: ms, s, m, h, d, w\n"
        "7 errors.  `weir explain E115` says more\n");
}

static void test_load_when_the_syntax_is_broken_then_says_so_in_plain_words(void **state) {
    (void)state;
    expect_rendering(
        "weir: 1\nsource:\n  topic:elec2\n  format: json\n",
        "f.yaml:3:3: error[E104]: YAML syntax: this looks like a key, but no ': ' follows on its line\n"
        "    3 |   topic:elec2\n"
        "      |   ^\n"
        "      = help: write `key: value` with a blank after the colon, and indent the lines of one map "
        "equally\n"
        "1 error.  `weir explain E104` says more\n");
    expect_rendering(H "drift: [{name: n, watch: a}\ntasks: single\n",
                     "f.yaml:4:8: error[E104]: YAML syntax: this '[' is not closed\n"
                     "    4 | drift: [{name: n, watch: a}\n"
                     "      |        ^\n"
                     "      = help: close it with ], and indent the lines that belong to it\n"
                     "1 error.  `weir explain E104` says more\n");
}

static void test_load_when_a_key_stands_in_the_wrong_section_then_says_where_it_belongs(void **state) {
    (void)state;
    expect_rendering(H "lateness: 30s\n",
                     "f.yaml:4:1: error[E110]: unknown key 'lateness'\n"
                     "    4 | lateness: 30s\n"
                     "      | ^^^^^^^^\n"
                     "      = help: 'lateness' belongs into source.event_time\n"
                     "1 error.  `weir explain E110` says more\n");
    expect_rendering("weir: 1\nname: p\nsource: {topic: t, schema: {a: bool}, sinks: {}}\n",
                     "f.yaml:3:39: error[E110]: unknown key 'sinks' in source\n"
                     "    3 | source: {topic: t, schema: {a: bool}, sinks: {}}\n"
                     "      |                                       ^^^^^\n"
                     "      = help: 'sinks' belongs to the top level\n"
                     "1 error.  `weir explain E110` says more\n");
}

static void test_load_when_characters_are_wide_then_columns_count_characters(void **state) {
    (void)state;
    expect_rendering("weir: 1\nname: p\nsource: {topic: t, schema: {größe: float64, \"日本\": flaot64}}\n",
                     "f.yaml:3:51: error[E114]: unknown type 'flaot64'\n"
                     "    3 | source: {topic: t, schema: {größe: float64, \"日本\": flaot64}}\n"
                     "      |                                                   ^^^^^^^\n"
                     "      = help: did you mean 'float64'?\n"
                     "1 error.  `weir explain E114` says more\n");
}

static void test_load_when_a_secret_is_wrong_then_it_is_not_shown(void **state) {
    (void)state;
    char path[] = "/tmp/weir_secret_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs("hunter2\n", file);
    fclose(file);
    char text[400];
    snprintf(text, sizeof text, H "kafka: {security: {protocol: ${file:%s}, password: ${file:%s}}}\n", path,
             path);
    struct loaded loaded;
    load(&loaded, text);
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_render_text(&loaded.diags, false, &out);
    weir_diags_render_json(&loaded.diags, &out);
    assert_null(strstr(weir_buffer_text(&out), "hunter2"));
    assert_non_null(strstr(weir_buffer_text(&out), "'protocol' cannot be '(secret)'"));
    assert_int_equal(loaded.pipeline.kafka.property_count, 1);
    assert_string_equal(loaded.pipeline.kafka.properties[0].name, "sasl.password");
    assert_string_equal(loaded.pipeline.kafka.properties[0].value, "hunter2"); /* without the line end */
    assert_true(loaded.pipeline.kafka.properties[0].secret);
    weir_buffer_deinit(&out);
    unload(&loaded);
    remove(path);
}

static void test_load_when_the_file_is_small_then_defaults_are_set(void **state) {
    (void)state;
    struct loaded loaded;
    load(&loaded, H);
    const struct weir_pipeline *p = &loaded.pipeline;
    assert_int_equal(loaded.result, WEIR_OK);
    assert_int_equal(loaded.diags.count, 0);
    assert_string_equal(p->name, "p");
    assert_string_equal(p->kafka.brokers, "localhost:9092");
    assert_string_equal(p->source.topic.text, "t");
    assert_string_equal(p->source.group, "weir-p");
    assert_int_equal(p->source.start, WEIR_START_EARLIEST);
    assert_string_equal(p->source.format.text, "json");
    assert_null(p->source.key.text);
    assert_null(p->source.event_time.field.text);
    assert_true(p->source.event_time.lateness_ms == WEIR_NOT_GIVEN);
    assert_int_equal(p->source.column_count, 2);
    assert_int_equal(p->source.columns[1].type, WEIR_CATEGORY);
    assert_null(p->labels.field.text);
    assert_null(p->model.learner.name.text);
    assert_true(p->model.decide_at > 0.499 && p->model.decide_at < 0.501);
    assert_int_equal(p->model.warm_up_rows, 0);
    assert_null(p->predictions.node);
    assert_int_equal(p->memory_bytes, INT64_C(1) << 30);
    assert_int_equal(p->commit_ms, 1000);
    assert_int_equal(p->tasks, WEIR_TASKS_PER_PARTITION);
    unload(&loaded);
}

static void test_load_when_every_key_is_given_then_all_reach_the_pipeline(void **state) {
    (void)state;
    struct loaded loaded;
    setenv("WEIR_TEST_BROKERS", "b1:9092,b2:9092", 1);
    load(&loaded,
         "weir: 1\n"
         "name: full.pipe_line-1\n"
         "kafka: {brokers: ${WEIR_TEST_BROKERS:-x}, properties: {fetch.wait.max.ms: 20},\n"
         "        security: {protocol: SASL_SSL, mechanism: scram-sha-256, username: u, ca: /ca, password: "
         "''}}\n"
         "source:\n"
         "  topic: in\n"
         "  group: g\n"
         "  start: latest\n"
         "  format: csv\n"
         "  key: id\n"
         "  event_time: {field: ts, unit: s, lateness: 30s}\n"
         "  schema: {id: string, ts: int64, x: float64?, y: {type: bool, optional: true}}\n"
         "  keep: 'x > 0 and id != \"a: b\"'\n"
         "labels: {field: y, positive: 'true'}\n"
         "features:\n"
         "  - by: id\n"
         "    panes: 16\n"
         "    columns: {n: count(10m)}\n"
         "  - {by: [id, y], columns: {m: \"mean(x, 1h)\"}}\n"
         "  - columns:\n"
         "      z: x * 2\n"
         "model:\n"
         "  learner: logistic_regression\n"
         "  options: {rate: 0.1}\n"
         "  transform: [standard_scaler, {clip: {max: 3}}]\n"
         "  inputs: [x, n]\n"
         "  decide_at: 0.8\n"
         "  warm_up: 100\n"
         "  evaluate: {metrics: accuracy, window: 1000}\n"
         "drift:\n"
         "  - {name: d1, watch: model.error, detector: adwin, options: {delta: 0.01}, then: [alert, reset]}\n"
         "  - {name: d2, watch: x, detector: ddm, then: reset}\n"
         "  - {name: d3, watch: x, detector: ddm}\n"
         "sinks:\n"
         "  predictions: {topic: out, key: id, format: msgpack, envelope: none, delivery: at_least_once,\n"
         "                fields: [id, score]}\n"
         "  features: {topic: feat, format: raw}\n"
         "dead_letter: {topic: dlq}\n"
         "state: {memory: 512MiB}\n"
         "commit: {interval: 250ms}\n"
         "tasks: single\n");
    const struct weir_pipeline *p = &loaded.pipeline;
    assert_int_equal(loaded.diags.count, 0);
    assert_int_equal(loaded.result, WEIR_OK);
    assert_string_equal(p->kafka.brokers, "b1:9092,b2:9092");
    static const char *const properties[][2] = {{"security.protocol", "sasl_ssl"},
                                                {"sasl.mechanism", "SCRAM-SHA-256"},
                                                {"sasl.username", "u"},
                                                {"ssl.ca.location", "/ca"},
                                                {"fetch.wait.max.ms", "20"}};
    assert_int_equal(p->kafka.property_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(p->kafka.properties[i].name, properties[i][0]);
        assert_string_equal(p->kafka.properties[i].value, properties[i][1]);
    }
    assert_int_equal(p->kafka.properties[4].name_mark.line, 3);
    assert_string_equal(p->source.group, "g");
    assert_int_equal(p->source.start, WEIR_START_LATEST);
    assert_string_equal(p->source.format.text, "csv");
    assert_string_equal(p->source.key.text, "id");
    assert_int_equal(p->source.event_time.unit, WEIR_TIME_S);
    assert_int_equal(p->source.event_time.lateness_ms, 30000);
    assert_true(p->source.columns[2].optional && p->source.columns[2].type == WEIR_FLOAT64);
    assert_true(p->source.columns[3].optional && p->source.columns[3].type == WEIR_BOOL);
    assert_string_equal(p->source.keep.text, "x > 0 and id != \"a: b\"");
    assert_string_equal(p->labels.positive.text, "true");
    assert_int_equal(p->feature_group_count, 3);
    assert_int_equal(p->features[0].by_count, 1);
    assert_int_equal(p->features[0].panes, 16);
    assert_string_equal(p->features[0].columns[0].expression.text, "count(10m)");
    assert_true(p->features[0].columns[0].expression.node->verbatim);
    assert_int_equal(p->features[1].by_count, 2);
    assert_int_equal(p->features[1].panes, 8);
    assert_int_equal(p->features[2].by_count, 0);
    assert_string_equal(p->model.learner.name.text, "logistic_regression");
    assert_string_equal(weir_node_get(p->model.learner.options, "rate")->text, "0.1");
    assert_int_equal(p->model.transform_count, 2);
    assert_string_equal(p->model.transforms[1].name.text, "clip");
    assert_string_equal(weir_node_get(p->model.transforms[1].options, "max")->text, "3");
    assert_int_equal(p->model.input_count, 2);
    assert_true(p->model.decide_at > 0.79 && p->model.decide_at < 0.81);
    assert_int_equal(p->model.warm_up_rows, 100);
    assert_int_equal(p->model.metric_count, 1);
    assert_int_equal(p->model.window_rows, 1000);
    assert_int_equal(p->drift_count, 3);
    assert_int_equal(p->drift[0].actions, WEIR_ACTION_ALERT | WEIR_ACTION_RESET);
    assert_int_equal(p->drift[1].actions, WEIR_ACTION_RESET);
    assert_non_null(p->drift[1].then);
    assert_int_equal(p->drift[2].actions, WEIR_ACTION_ALERT);
    assert_null(p->drift[2].then);
    assert_non_null(p->predictions.node);
    assert_int_equal(p->predictions.envelope, WEIR_ENVELOPE_NONE);
    assert_string_equal(p->predictions.format.text, "msgpack");
    assert_int_equal(p->predictions.field_count, 2);
    assert_string_equal(p->feature_sink.format.text, "raw");
    assert_null(p->alerts.node);
    assert_string_equal(p->dead_letter.topic.text, "dlq");
    assert_int_equal(p->memory_bytes, INT64_C(512) << 20);
    assert_int_equal(p->commit_ms, 250);
    assert_int_equal(p->tasks, WEIR_TASKS_SINGLE);
    unload(&loaded);
}

static void test_load_when_format_is_raw_then_a_schema_is_not_needed(void **state) {
    (void)state;
    struct loaded loaded;
    load(&loaded, "weir: 1\nname: p\nsource: {topic: t, format: raw}\ndrift:\n  # - nothing yet\n");
    assert_int_equal(loaded.result, WEIR_OK);
    assert_int_equal(loaded.diags.count, 0);
    unload(&loaded);
}

static void test_set_when_path_is_legal_then_the_value_is_loaded(void **state) {
    (void)state;
    struct loaded l;
    static const char text[] = H "kafka: {properties: {a.b: 1}}\ndrift: [{name: n, watch: a, detector: d}]\n";
    weir_diags_init(&l.diags, "f.yaml", NULL, 0);
    assert_int_equal(weir_document_parse("f.yaml", text, sizeof text - 1, &l.document, &l.diags), WEIR_OK);
    static const char *const sets[] = {
        "drift[0].options.delta=0.01", "sinks.predictions.topic=x",
        "kafka.properties.a.b=2",      "kafka.properties.fetch.wait.max=3",
        "source.schema.m.c=int64",     "kafka.properties.\"q.r\"=a=b",
        "commit.interval=5s",
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        assert_int_equal(weir_document_set(&l.document, sets[i], &l.diags), WEIR_OK);
    assert_int_equal(weir_pipeline_load(&l.document, &l.diags, &l.pipeline), WEIR_OK);
    assert_string_equal(weir_node_get(l.pipeline.drift[0].detector.options, "delta")->text, "0.01");
    assert_string_equal(l.pipeline.predictions.topic.text, "x");
    assert_int_equal(l.pipeline.kafka.property_count, 3);
    assert_string_equal(l.pipeline.kafka.properties[0].value, "2");
    assert_string_equal(l.pipeline.kafka.properties[1].name, "fetch.wait.max");
    assert_string_equal(l.pipeline.kafka.properties[2].name, "q.r");
    assert_string_equal(l.pipeline.kafka.properties[2].value, "a=b");
    assert_int_equal(l.pipeline.source.column_count, 3);
    assert_string_equal(l.pipeline.source.columns[2].name.text, "m.c");
    assert_int_equal(l.pipeline.commit_ms, 5000);
    unload(&l);
}

static void test_set_when_path_is_wrong_then_says_why(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"nothing", "--set nothing: this is no path=value"},
        {"=1", "--set : this is no path=value"},
        {"drift[3].name=x", "--set drift[3].name: there is no [3], the list has 1 item"},
        {"drift.name=x", "--set drift.name: this is a list: name an item, as in drift[0]"},
        {"drift[x]=1", "--set drift[x]: an index is written [0]"},
        {"drift[0=1", "--set drift[0: an index is written [0]"},
        {"drift[0]name=1", "--set drift[0]name: a '.' is missing"},
        {"source[0]=1", "--set source[0]: [...] needs a list, this is a map"},
        {"source=1", "--set source: this is a map; name one of its keys"},
        {"drift=1", "--set drift: this is a list; name one of its items"},
        {"name.x=1", "--set name.x: the path runs through a single value"},
        {"source..x=1", "--set source..x: a key is empty"},
        {"source.=1", "--set source.: a key is empty"},
        {"source.\"x=1", "--set source.\"x: the quoted key is not closed"},
        {"[0]=1", "--set [0]: [...] needs a list, this is a map"},
    };
    struct loaded l;
    load(&l, H "drift: [{name: n, watch: a, detector: d}]\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(weir_document_set(&l.document, wrong[i][0], &l.diags), WEIR_CONFIG);
        assert_int_equal(l.diags.count, i + 1);
        assert_string_equal(l.diags.items[i].code, "E121");
        assert_string_equal(l.diags.items[i].text, wrong[i][1]);
    }
    unload(&l);
}

static void check_defaults(const struct weir_key *keys) {
    for (const struct weir_key *key = keys; key->name; key++) {
        if (key->keys) check_defaults(key->keys);
        if (!key->help || !key->help[0]) fail_msg("%s has no help", key->name);
        if (key->kind == WEIR_KEY_CHOICE && !key->choices) fail_msg("%s has no choices", key->name);
    }
}

static void test_fields_table_is_complete_and_renders_every_key(void **state) {
    (void)state;
    check_defaults(weir_pipeline_keys);
    struct weir_buffer out;
    weir_buffer_init(&out);
    assert_int_equal(weir_fields_render_reference(&out), WEIR_OK);
    const char *text = weir_buffer_text(&out);
    assert_non_null(strstr(text, "## source.event_time\n"));
    assert_non_null(strstr(text, "| `decide_at` | a number, 0 to 1 | `0.5` | score above which"));
    assert_non_null(strstr(text, "| `memory` | a size such as 512MiB, 64KiB to 1TiB | `1GiB` |"));
    assert_non_null(strstr(text, "- `labels.topic`: labels that arrive later"));
    weir_buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_when_one_thing_is_wrong_then_exactly_that_is_found_at_its_place),
        cmocka_unit_test(test_load_when_many_things_are_wrong_then_all_are_shown_in_order),
        cmocka_unit_test(test_load_when_the_syntax_is_broken_then_says_so_in_plain_words),
        cmocka_unit_test(test_load_when_a_key_stands_in_the_wrong_section_then_says_where_it_belongs),
        cmocka_unit_test(test_load_when_characters_are_wide_then_columns_count_characters),
        cmocka_unit_test(test_load_when_a_secret_is_wrong_then_it_is_not_shown),
        cmocka_unit_test(test_load_when_the_file_is_small_then_defaults_are_set),
        cmocka_unit_test(test_load_when_every_key_is_given_then_all_reach_the_pipeline),
        cmocka_unit_test(test_load_when_format_is_raw_then_a_schema_is_not_needed),
        cmocka_unit_test(test_set_when_path_is_legal_then_the_value_is_loaded),
        cmocka_unit_test(test_set_when_path_is_wrong_then_says_why),
        cmocka_unit_test(test_fields_table_is_complete_and_renders_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
