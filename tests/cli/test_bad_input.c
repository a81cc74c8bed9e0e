/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every kind of bad input gets its class, its code and its exit code, and the counts add up: bad
 * records (replay --strict-data names the row and the code), mistakes in the pipeline file, words on the
 * command line, files that are missing, broken or cannot be written, brokers that do not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/process.h"

/* ---- records ---- */

static const char record_pipeline[] =
    "weir: 1\nname: bad\n"
    "source:\n  topic: t\n  key: id\n"
    "  event_time: {field: ts, lateness: 1h}\n"
    "  schema: {id: string, ts: int64, x: float64, n: int64?, b: bool?, kind: category?, deep.er: float64?, "
    "label: int64?}\n"
    "labels: {field: label}\n"
    "model: {learner: logistic_regression, inputs: [x, n, b], evaluate: {metrics: [accuracy]}}\n"
    "drift: [{name: d, watch: x, detector: ddm}]\n";

#define GOOD "{\"id\":\"a\",\"ts\":1700000000000,\"x\":1.5,\"label\":1}"
#define WITH(fields) "{\"id\":\"a\",\"ts\":1700000000000,\"x\":1.5," fields "}"
#define X(value) "{\"id\":\"a\",\"ts\":1700000000000,\"x\":" value "}"
#define TS(value) "{\"id\":\"a\",\"ts\":" value ",\"x\":1}"

static const struct {
    const char *name, *value, *code;
} bad_records[] = {
    /* not JSON */
    {"truncated object", "{\"id\":\"a\",\"ts\":17", "D101"},
    {"truncated string", "{\"id\":\"a", "D101"},
    {"trailing comma", "{\"id\":\"a\",\"ts\":1700000000000,\"x\":1,}", "D101"},
    {"trailing text", GOOD " x", "D101"},
    {"two objects", GOOD GOOD, "D101"},
    {"single quotes", "{'id':'a'}", "D101"},
    {"bare key", "{id:1}", "D101"},
    {"comment", "{/* */\"id\":\"a\"}", "D101"},
    {"missing colon", "{\"id\" \"a\"}", "D101"},
    {"missing comma", "{\"id\":\"a\" \"ts\":1}", "D101"},
    {"unknown word", X("nil"), "D101"},
    {"capital True", WITH("\"b\":True"), "D101"},
    {"NaN", X("NaN"), "D101"},
    {"Infinity", X("Infinity"), "D101"},
    {"minus Infinity", X("-Infinity"), "D101"},
    {"plus sign", X("+1"), "D101"},
    {"leading zero", X("01"), "D101"},
    {"bare point", X(".5"), "D101"},
    {"point without digits", X("1."), "D101"},
    {"exponent without digits", X("1e"), "D101"},
    {"hex", X("0x10"), "D101"},
    {"only minus", X("-"), "D101"},
    {"control character in string", "{\"id\":\"a\tb\",\"ts\":1700000000000,\"x\":1}", "D101"},
    {"bad escape", "{\"id\":\"\\q\",\"ts\":1700000000000,\"x\":1}", "D101"},
    {"cut unicode escape", "{\"id\":\"\\u12\",\"ts\":1700000000000,\"x\":1}", "D101"},
    {"unclosed array", WITH("\"y\":[1,2"), "D101"},
    {"wrong bracket", WITH("\"y\":[1,2}"), "D101"},
    {"only a comma", ",", "D101"},
    {"text", "hello", "D101"},
    {"csv row", "a,1700000000000,1.5", "D101"},
    {"xml", "<id>a</id>", "D101"},
    {"byte order mark of UTF-16", "\xff\xfe{}", NULL},
    /* shape */
    {"array", "[1,2]", "D108"},
    {"string", "\"a\"", "D108"},
    {"number", "42", "D108"},
    {"true", "true", "D108"},
    {"null", "null", "D108"},
    /* duplicate keys */
    {"duplicate column", "{\"id\":\"a\",\"id\":\"b\",\"ts\":1700000000000,\"x\":1}", "D102"},
    {"duplicate equal column", "{\"id\":\"a\",\"ts\":1,\"ts\":1,\"x\":1}", "D102"},
    {"duplicate unknown key", WITH("\"u\":1,\"u\":2"), "D102"},
    {"duplicate nested key", WITH("\"deep\":{\"er\":1,\"er\":2}"), "D102"},
    {"duplicate in unknown object", WITH("\"u\":{\"v\":1,\"v\":2}"), "D102"},
    /* UTF-8 */
    {"bare continuation byte", "{\"id\":\"\x80\",\"ts\":1700000000000,\"x\":1}", "D103"},
    {"overlong slash", "{\"id\":\"\xc0\xaf\",\"ts\":1700000000000,\"x\":1}", "D103"},
    {"surrogate", "{\"id\":\"\xed\xa0\x80\",\"ts\":1700000000000,\"x\":1}", "D103"},
    {"above the last plane", "{\"id\":\"\xf5\x80\x80\x80\",\"ts\":1700000000000,\"x\":1}", "D103"},
    {"cut sequence", "{\"id\":\"\xe2\x82\",\"ts\":1700000000000,\"x\":1}", "D103"},
    {"latin-1", "{\"id\":\"caf\xe9\",\"ts\":1700000000000,\"x\":1}", "D103"},
    /* numbers out of range */
    {"1e400", X("1e400"), "D105"},
    {"-1e400", X("-1e400"), "D105"},
    {"int64 overflow", TS("9223372036854775808"), "D105"},
    {"int64 underflow", TS("-9223372036854775809"), "D105"},
    {"integer of 40 digits", WITH("\"n\":1234567890123456789012345678901234567890"), "D105"},
    /* types */
    {"string for float", X("\"1.5\""), "D106"},
    {"bool for float", X("true"), "D106"},
    {"object for float", X("{}"), "D106"},
    {"array for float", X("[1]"), "D106"},
    {"number for string", "{\"id\":1,\"ts\":1700000000000,\"x\":1}", "D106"},
    {"bool for string", "{\"id\":true,\"ts\":1700000000000,\"x\":1}", "D106"},
    {"string for int", TS("\"1700000000000\""), "D106"},
    {"fraction for int", WITH("\"n\":1.5"), "D106"},
    {"string for bool", WITH("\"b\":\"true\""), "D106"},
    {"number for bool", WITH("\"b\":1"), "D106"},
    {"number for category", WITH("\"kind\":1"), "D106"},
    {"scalar where a path goes on", WITH("\"deep\":1"), "D106"},
    {"string at the end of a path", WITH("\"deep\":{\"er\":\"x\"}"), "D106"},
    /* missing */
    {"missing string", "{\"ts\":1700000000000,\"x\":1}", "D107"},
    {"missing float", "{\"id\":\"a\",\"ts\":1700000000000}", "D107"},
    {"null float", X("null"), "D107"},
    {"null string", "{\"id\":null,\"ts\":1700000000000,\"x\":1}", "D107"},
    {"missing time", "{\"id\":\"a\",\"x\":1}", "D107"},
    {"empty object", "{}", "D107"},
    {"misspelt column", "{\"ID\":\"a\",\"ts\":1700000000000,\"x\":1}", "D107"},
    /* time */
    {"time of year 10000", TS("253402300800000"), "D121"},
    {"time in microseconds", TS("1700000000000000"), "D121"},
    {"time in nanoseconds", TS("1700000000000000000"), "D121"},
    {"greatest int64", TS("9223372036854775807"), "D121"},
    {"smallest int64", TS("-9223372036854775808"), "D121"},
    {"a day ahead", TS("1700086400000"), "D121"},
    /* labels */
    {"label 2 of two classes", WITH("\"label\":2"), "D123"},
    {"label -1 of two classes", WITH("\"label\":-1"), "D123"},
    {"label as text", WITH("\"label\":\"1\""), "D106"},
    {"label as bool", WITH("\"label\":true"), "D106"},
};
#define BAD_RECORD_COUNT (sizeof bad_records / sizeof bad_records[0])

/* A minute after the good record's time, so that "the future" is the same on every day. */
#define NOW "1700000060000"

static void test_replay_when_a_record_is_bad_then_it_names_row_and_code(void **state) {
    (void)state;
    char pipeline[600], rows[600];
    snprintf(pipeline, sizeof pipeline, "%s", process_write_text("bad.yaml", record_pipeline));
    for (size_t i = 0; i < BAD_RECORD_COUNT; i++) {
        char text[1024];
        int len = snprintf(text, sizeof text, GOOD "\n%s\n" GOOD "\n", bad_records[i].value);
        snprintf(rows, sizeof rows, "%s", process_write("bad.ndjson", text, (size_t)len));
        struct process_result result =
            process_weir_run("replay", pipeline, "--source", rows, "--strict-data", "--now", NOW);
        char code[16];
        snprintf(code, sizeof code, "[%s]", bad_records[i].code ? bad_records[i].code : "D10");
        if (!bad_records[i].code) code[4] = '\0';
        if (result.code != 65 || !strstr(result.err, "row 2: ") || !strstr(result.err, code))
            fail_msg("%s: exit %d, expected 65 and row 2 %s, got: %s", bad_records[i].name, result.code, code,
                     result.err);
        process_free(&result);
    }
}

static void test_replay_when_all_bad_records_come_at_once_then_the_counts_add_up(void **state) {
    (void)state;
    char pipeline[600], dead[600], expected[200];
    struct process_result result;
    snprintf(pipeline, sizeof pipeline, "%s", process_write_text("bad.yaml", record_pipeline));
    FILE *file = fopen(process_path("all.ndjson"), "w");
    assert_non_null(file);
    size_t bytes = 0;
    for (size_t i = 0; i < BAD_RECORD_COUNT; i++) {
        fprintf(file, GOOD "\n%s\n", bad_records[i].value);
        bytes += strlen(bad_records[i].value) + 1;
    }
    fputs(TS("1699990000000") "\n", file); /* over an hour behind: late */
    fclose(file);
    snprintf(dead, sizeof dead, "%s", process_path("dead.ndjson"));
    result = process_weir_run("replay", pipeline, "--source", process_path("all.ndjson"), "--dead-letters",
                              dead, "--summary", "json", "--now", NOW);
    assert_int_equal(result.code, 0);
    snprintf(expected, sizeof expected,
             "\"records\":{\"read\":%zu,\"applied\":%zu,\"late\":1,\"dead_lettered\":%zu,\"dropped\":0}",
             2 * BAD_RECORD_COUNT + 1, BAD_RECORD_COUNT, BAD_RECORD_COUNT);
    if (!strstr(result.out, expected)) fail_msg("expected %s in %s", expected, result.out);
    size_t kept;
    char *letters = process_read(dead, &kept); /* every byte of them is kept */
    assert_int_equal(kept, bytes);
    free(letters);
    process_free(&result);
}

static void test_replay_when_csv_rows_are_bad_then_they_name_row_and_code(void **state) {
    (void)state;
    static const struct {
        const char *row, *code;
    } cases[] = {{"a,1,2,3", "D111"}, {"a", "D111"},           {"a,x", "D106"},     {"a,1.5.2", "D106"},
                 {"a,", "D107"},      {"\"a,1", NULL},         {"a,1e999", "D105"}, {"a,0x1p3", "D106"},
                 {"a,1 ", "D106"},    {"a,\"1\"\"\"", "D106"}, {"\xff,1", "D103"},  {"a,--1", "D106"}};
    char pipeline[600], text[256];
    snprintf(pipeline, sizeof pipeline, "%s",
             process_write_text("csv.yaml",
                                "weir: 1\nname: c\nsource: {topic: t, schema: {id: string, x: float64}}\n"
                                "drift: [{name: d, watch: x, detector: ddm}]\n"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "id,x\na,1\n%s\n", cases[i].row);
        const char *rows = process_write_text("bad.csv", text);
        struct process_result result =
            process_weir_run("replay", pipeline, "--source", rows, "--strict-data");
        if (result.code != 65 || !strstr(result.err, "row 2") ||
            !strstr(result.err, cases[i].code ? cases[i].code : "D1"))
            fail_msg("csv row '%s': exit %d: %s", cases[i].row, result.code, result.err);
        process_free(&result);
    }
}

/* ---- pipeline files ---- */

#define HEAD "weir: 1\nname: p\n"
#define SOURCE                                                                                       \
    "source: {topic: t, schema: {x: float64, y: float64, k: string, c: category, label: int64, ts: " \
    "int64}}\n"
#define LABELS "labels: {field: label}\n"
#define DRIFT "drift: [{name: d, watch: x, detector: ddm}]\n"
#define MODEL(text) HEAD SOURCE LABELS "model: {" text "}\n"
#define LR "learner: logistic_regression, inputs: [x, y]"
#define FEATURE(text) HEAD SOURCE "features:\n  - by: k\n    columns:\n      f: " text "\n" DRIFT
#define WATCH(text) HEAD SOURCE "drift: [{" text "}]\n"

static const struct {
    const char *name, *file, *code;
} bad_files[] = {
    {"empty file", "", NULL},
    {"only a comment", "# nothing\n", NULL},
    {"a list", "- a\n- b\n", NULL},
    {"unclosed bracket", HEAD "source: {topic: t\n", NULL},
    {"tab indentation", HEAD "source:\n\ttopic: t\n", NULL},
    {"duplicate key", HEAD "name: q\n" SOURCE DRIFT, NULL},
    {"no weir version", "name: p\n" SOURCE DRIFT, NULL},
    {"weir: 2", "weir: 2\nname: p\n" SOURCE DRIFT, NULL},
    {"no name", "weir: 1\n" SOURCE DRIFT, NULL},
    {"name with blanks", "weir: 1\nname: a b\n" SOURCE DRIFT, NULL},
    {"no source", HEAD DRIFT, NULL},
    {"source without topic", HEAD "source: {schema: {x: float64}}\n" DRIFT, NULL},
    {"misspelt top key", HEAD "sorce: {topic: t}\n", NULL},
    {"misspelt inner key", HEAD "source: {topik: t, schema: {x: float64}}\n" DRIFT, NULL},
    {"scalar for a map", HEAD "source: t\n" DRIFT, NULL},
    {"map for a scalar", HEAD "source: {topic: {a: b}, schema: {x: float64}}\n" DRIFT, NULL},
    {"unknown column type", HEAD "source: {topic: t, schema: {x: float46}}\n" DRIFT, NULL},
    {"unknown format", HEAD "source: {topic: t, format: jsom, schema: {x: float64}}\n" DRIFT, "E301"},
    {"unknown start", HEAD "source: {topic: t, start: begin, schema: {x: float64}}\n" DRIFT, NULL},
    {"lateness without unit",
     HEAD
     "source: {topic: t, event_time: {field: ts, lateness: 30}, schema: {x: float64, ts: int64}}\n" DRIFT,
     NULL},
    {"unknown time unit",
     HEAD "source: {topic: t, event_time: {field: ts, unit: h}, schema: {x: float64, ts: int64}}\n" DRIFT,
     NULL},
    {"unknown time column",
     HEAD "source: {topic: t, event_time: {field: tz}, schema: {x: float64, ts: int64}}\n" DRIFT, "E204"},
    {"text as event time",
     HEAD "source: {topic: t, event_time: {field: k}, schema: {x: float64, k: string}}\n" DRIFT, "E205"},
    {"unknown key column", HEAD "source: {topic: t, key: kk, schema: {x: float64, k: string}}\n" DRIFT,
     "E204"},
    {"keep is a number", HEAD "source: {topic: t, keep: x + 1, schema: {x: float64}}\n" DRIFT, "E205"},
    {"keep has a window", HEAD "source: {topic: t, keep: count(10m) > 1, schema: {x: float64}}\n" DRIFT,
     "E206"},
    {"nothing to do", HEAD SOURCE, "E315"},
    {"avro is for later", HEAD "source: {topic: t, format: avro, schema: {x: float64}}\n" DRIFT, NULL},
    {"http is for later", HEAD SOURCE DRIFT "http: {listen: 127.0.0.1:1}\n", "E320"},
    {"labels topic is for later", HEAD SOURCE "labels: {topic: l, field: label}\n" DRIFT, "E320"},
    {"unset variable", HEAD "source: {topic: ${WEIR_NO_SUCH_VARIABLE}, schema: {x: float64}}\n" DRIFT, NULL},
    {"unreadable secret", HEAD "kafka: {security: {password: ${file:/no/such/file}}}\n" SOURCE DRIFT, NULL},
    /* model */
    {"unknown learner", MODEL("learner: logistic_regresion, inputs: [x]"), "E301"},
    {"unknown transform", MODEL("transform: [scaler], " LR), "E301"},
    {"unknown metric", MODEL(LR ", evaluate: {metrics: [acuracy]}"), "E301"},
    {"unknown option", MODEL(LR ", options: {rte: 0.1}"), "E302"},
    {"option of the wrong type", MODEL(LR ", options: {rate: fast}"), "E303"},
    {"option out of range", MODEL(LR ", options: {rate: -1}"), "E304"},
    {"unknown choice", MODEL(LR ", options: {optimizer: sdg}"), NULL},
    {"l1 and l2 together", MODEL(LR ", options: {l1: 0.1, l2: 0.1}"), "E306"},
    {"unknown input", MODEL("learner: logistic_regression, inputs: [x, z]"), "E204"},
    {"text input", MODEL("learner: logistic_regression, inputs: [x, k]"), "E311"},
    {"category input", MODEL("learner: logistic_regression, inputs: [x, c]"), "E311"},
    {"no inputs", MODEL("learner: logistic_regression"), NULL},
    {"no learner", MODEL("inputs: [x]"), NULL},
    {"no labels", HEAD SOURCE "model: {" LR "}\n", "E310"},
    {"unknown label column", HEAD SOURCE "labels: {field: lable}\nmodel: {" LR "}\n", "E204"},
    {"regression of a category",
     HEAD SOURCE "labels: {field: c}\nmodel: {learner: linear_regression, inputs: [x]}\n", "E312"},
    {"logistic on many classes", HEAD SOURCE "labels: {field: c}\nmodel: {" LR "}\n", "E312"},
    {"accuracy of a regression",
     MODEL("learner: linear_regression, inputs: [x], evaluate: {metrics: [accuracy]}"), "E313"},
    {"rmse of classes", MODEL(LR ", evaluate: {metrics: [rmse]}"), "E313"},
    {"decide_at out of range", MODEL(LR ", decide_at: 2"), NULL},
    {"negative warm_up", MODEL(LR ", warm_up: -5"), NULL},
    {"positive is no number", HEAD SOURCE "labels: {field: label, positive: yes!}\nmodel: {" LR "}\n",
     "E205"},
    /* features */
    {"unknown column in expression", FEATURE("sum(z, 10m)"), "E204"},
    {"unknown function", FEATURE("summ(x, 10m)"), "E202"},
    {"missing argument", FEATURE("sum(x)"), "E203"},
    {"too many arguments", FEATURE("sum(x, 10m, 3)"), NULL},
    {"unclosed parenthesis", FEATURE("(x + 1"), "E201"},
    {"two operators", FEATURE("x + * y"), "E201"},
    {"text plus number", FEATURE("k + 1"), "E205"},
    {"number compared with text", FEATURE("x == 'a'"), "E205"},
    {"category ordered", FEATURE("c < 'a'"), "E205"},
    {"not of a number", FEATURE("not x"), "E205"},
    {"if without condition", FEATURE("if(x, 1, 2)"), "E205"},
    {"nested aggregates", FEATURE("sum(mean(x, 1h), 10m)"), "E206"},
    {"window of no unit", FEATURE("sum(x, 10)"), NULL},
    {"window of zero", FEATURE("sum(x, 0s)"), "E207"},
    {"sum of text", FEATURE("sum(k, 10m)"), "E205"},
    {"feature named like a column", HEAD SOURCE "features:\n  - columns: {x: y + 1}\n" DRIFT, "E209"},
    {"feature used before it is made", HEAD SOURCE "features:\n  - columns: {f: g + 1, g: x}\n" DRIFT,
     "E210"},
    {"unknown by column", HEAD SOURCE "features:\n  - by: kk\n    columns: {f: count(10m)}\n" DRIFT, "E204"},
    {"panes out of range",
     HEAD SOURCE "features:\n  - by: k\n    panes: 0\n    columns: {f: count(10m)}\n" DRIFT, NULL},
    /* drift */
    {"unknown detector", WATCH("name: d, watch: x, detector: adwn"), "E301"},
    {"unknown watch", WATCH("name: d, watch: z, detector: adwin"), "E314"},
    {"error without a model", WATCH("name: d, watch: model.error, detector: adwin"), "E314"},
    {"text is watched", WATCH("name: d, watch: k, detector: adwin"), "E314"},
    {"reset without a model", WATCH("name: d, watch: x, detector: adwin, then: [reset]"), "E318"},
    {"unknown action", WATCH("name: d, watch: x, detector: adwin, then: [page]"), NULL},
    {"delta out of range", WATCH("name: d, watch: x, detector: adwin, options: {delta: 2}"), "E304"},
    {"unknown direction", WATCH("name: d, watch: x, detector: adwin, options: {direction: left}"), NULL},
    {"same name twice",
     HEAD SOURCE "drift: [{name: d, watch: x, detector: ddm}, {name: d, watch: y, detector: ddm}]\n", "E319"},
    {"drift without a name", WATCH("watch: x, detector: ddm"), NULL},
    /* sinks */
    {"sink is the source", HEAD SOURCE LABELS "model: {" LR "}\nsinks: {predictions: {topic: t}}\n", "E316"},
    {"dead letters to the source", HEAD SOURCE DRIFT "dead_letter: {topic: t}\n", "E316"},
    {"unknown field",
     HEAD SOURCE LABELS "model: {" LR "}\nsinks: {predictions: {topic: p, fields: [scor]}}\n", "E317"},
    {"predictions without a model", HEAD SOURCE DRIFT "sinks: {predictions: {topic: p}}\n", "E310"},
    {"unknown sink", HEAD SOURCE DRIFT "sinks: {alarms: {topic: p}}\n", NULL},
    {"unknown librdkafka property", HEAD "kafka: {properties: {fetch.wait.max.mss: 5}}\n" SOURCE DRIFT,
     "E401"},
    {"property weir owns", HEAD "kafka: {properties: {enable.auto.commit: true}}\n" SOURCE DRIFT, "E402"},
    {"property refused", HEAD "kafka: {properties: {fetch.wait.max.ms: never}}\n" SOURCE DRIFT, "E403"},
};
#define BAD_FILE_COUNT (sizeof bad_files / sizeof bad_files[0])

static void test_check_when_a_file_is_wrong_then_it_names_place_and_code(void **state) {
    (void)state;
    for (size_t i = 0; i < BAD_FILE_COUNT; i++) {
        const char *file = process_write_text("wrong.yaml", bad_files[i].file);
        struct process_result result = process_weir_run("check", file);
        bool coded = strstr(result.out, "error[E") != NULL;
        bool right = !bad_files[i].code || strstr(result.out, bad_files[i].code);
        if (result.code != 78 || !coded || !right)
            fail_msg("%s: exit %d, expected 78 and %s: %s%s", bad_files[i].name, result.code,
                     bad_files[i].code ? bad_files[i].code : "a code", result.out, result.err);
        if (!strstr(result.out, "wrong.yaml"))
            fail_msg("%s: the file is not named: %s", bad_files[i].name, result.out);
        process_free(&result);
        /* and the engine does not start */
        result = process_weir_run("run", process_path("wrong.yaml"));
        assert_int_equal(result.code, 78);
        process_free(&result);
    }
}

/* ---- command line and files ---- */

static void expect(int code, const char *says, const char *const *argv) {
    struct process_result result = process_run(argv);
    if (result.code != code || !strstr(result.err, says))
        fail_msg("weir %s %s: exit %d, expected %d and '%s': %s", argv[1], argv[2] ? argv[2] : "",
                 result.code, code, says, result.err);
    process_free(&result);
}
#define EXPECT(code, says, ...) expect(code, says, (const char *const[]){"weir", __VA_ARGS__, NULL})

static void test_command_line_when_words_are_wrong_then_it_says_so(void **state) {
    (void)state;
    EXPECT(64, "unknown verb", "rum");
    EXPECT(64, "did you mean 'replay'", "reply");
    EXPECT(64, "unknown option", "check", "--fast", "x.yaml");
    EXPECT(64, "did you mean --limit", "run", "--limt", "5", "x.yaml");
    EXPECT(64, "something is missing", "check");
    EXPECT(64, "something is missing", "run");
    EXPECT(64, "unexpected argument", "check", "a.yaml", "b.yaml");
    EXPECT(64, "needs a value", "run", "x.yaml", "--limit");
    EXPECT(64, "whole number", "run", "x.yaml", "--limit", "ten");
    EXPECT(64, "whole number", "replay", "x.yaml", "--source", "a.csv", "--limit", "-3");
    EXPECT(64, "text or json", "check", "x.yaml", "--format", "xml");
    EXPECT(64, "takes no value", "run", "x.yaml", "--until-end=yes");
    EXPECT(64, "--source", "replay", "x.yaml");
    EXPECT(64, "there is no code", "explain", "E999");
    EXPECT(64, "there is no verb", "help", "nothing");
    EXPECT(64, "--log-level", "run", "x.yaml", "--log-level", "loud");
    EXPECT(78, "no-such-file.yaml", "run", "no-such-file.yaml");
}

static void test_files_when_they_cannot_be_used_then_it_names_them(void **state) {
    (void)state;
    char good[600], rows[600];
    snprintf(good, sizeof good, "%s", process_write_text("good.yaml", HEAD SOURCE DRIFT));
    snprintf(rows, sizeof rows, "%s", process_write_text("rows.csv", "x,y,k,c,label,ts\n1,2,a,b,1,5\n"));
    EXPECT(74, "no-such.csv", "replay", good, "--source", "no-such.csv");
    EXPECT(74, "/no/such/folder", "replay", good, "--source", rows, "--alerts", "/no/such/folder/a.ndjson");
    EXPECT(65, "no column 'y'", "replay", good, "--source",
           process_write_text("h.csv", "x,k,c,label,ts\n1,a,b,1,5\n"));
    EXPECT(74, "", "replay", good, "--source", process_write("cut.csv.gz", "\x1f\x8b\x08\x00\x00\x00", 6));
    EXPECT(74, "/", "replay", good, "--source", "/");
    struct process_result result = process_weir_run("replay", good, "--source", rows, "--features",
                                                    "/dev/full", "--set", "sinks.features.topic=f");
    assert_int_equal(result.code, 74);
    assert_non_null(strstr(result.err, "/dev/full"));
    process_free(&result);
    EXPECT(69, "127.0.0.1:1", "run", good, "--set", "kafka.brokers=127.0.0.1:1");
}

static void test_bad_input_when_counted_then_there_are_over_two_hundred_cases(void **state) {
    (void)state;
    assert_true(BAD_RECORD_COUNT + 12 + BAD_FILE_COUNT + 17 + 7 >= 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_when_a_record_is_bad_then_it_names_row_and_code),
        cmocka_unit_test(test_replay_when_all_bad_records_come_at_once_then_the_counts_add_up),
        cmocka_unit_test(test_replay_when_csv_rows_are_bad_then_they_name_row_and_code),
        cmocka_unit_test(test_check_when_a_file_is_wrong_then_it_names_place_and_code),
        cmocka_unit_test(test_command_line_when_words_are_wrong_then_it_says_so),
        cmocka_unit_test(test_files_when_they_cannot_be_used_then_it_names_them),
        cmocka_unit_test(test_bad_input_when_counted_then_there_are_over_two_hundred_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
