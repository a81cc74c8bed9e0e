/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: odd things that users do neither crash nor hang weir nor lose data silently: files that are not what
 * they are called, outputs that would overwrite something, standard streams that are closed, full or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/process.h"

#define ROWS 20000

static const char pipeline_text[] =
    "weir: 1\nname: odd\nsource: {topic: t, schema: {id: string, x: float64, label: int64}}\n"
    "labels: {field: label}\nmodel: {learner: logistic_regression, inputs: [x]}\n"
    "sinks: {predictions: {topic: o, fields: [id, score]}}\n";

static char pipeline[600], rows[600];

static int set_up(void **state) {
    (void)state;
    snprintf(pipeline, sizeof pipeline, "%s", process_write_text("odd.yaml", pipeline_text));
    snprintf(rows, sizeof rows, "%s", process_path("rows.ndjson"));
    FILE *file = fopen(rows, "w");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "{\"id\":\"a%d\",\"x\":%d,\"label\":%d}\n", i, i % 7, i % 7 > 3);
    return fclose(file);
}

/* A shell line with $W (the binary), $P (the pipeline) and $R (its rows) in the scratch folder. */
static struct process_result shell(const char *line) {
    char command[4000];
    snprintf(command, sizeof command, "cd '%s' && W='%s' P='%s' R='%s' && %s", process_folder, process_weir(),
             pipeline, rows, line);
    return process_run((const char *const[]){"bash", "-c", command, NULL});
}

static void expect(const char *line, int code, const char *words) {
    struct process_result result = shell(line);
    if (result.code != code)
        fail_msg("%s: exit %d, not %d\n%s%s", line, result.code, code, result.out, result.err);
    if (words && !strstr(result.out, words) && !strstr(result.err, words))
        fail_msg("%s: no '%s' in\n%s%s", line, words, result.out, result.err);
    process_free(&result);
}

static void test_check_when_the_file_is_odd_then_78_says_why(void **state) {
    (void)state;
    expect("$W check .", 78, "Is a directory");
    expect("head -c 65536 /dev/urandom > x.yaml; $W check x.yaml", 78, "error[E");
    expect("head -c 1000 /dev/zero > x.yaml; $W check x.yaml", 78, "E103");
    expect("{ cat $P; yes '# more' | head -c 2000000; } > x.yaml; $W check x.yaml", 78, "E102");
    expect("{ printf 'a: '; yes '[' | head -20000 | tr -d '\\n'; } > x.yaml; $W check x.yaml", 78, "E104");
    expect(": > x.yaml; $W check x.yaml", 78, "E116");
    expect("$W check /dev/null", 78, "E116");
    expect("iconv -t UTF-16 $P > x.yaml; $W check x.yaml", 78, "UTF-16");
}

static void test_check_when_lines_end_in_crlf_or_a_mark_begins_the_file_then_0(void **state) {
    (void)state;
    expect("sed 's/$/\\r/' $P > x.yaml; $W check x.yaml", 0, "predictions -> o");
    expect("{ printf '\\xef\\xbb\\xbf'; cat $P; } > x.yaml; $W check x.yaml", 0, "predictions -> o");
    expect("$W check <(cat $P)", 0, "predictions -> o");
    expect("env -i $W check $P", 0, "predictions -> o");
}

static void test_replay_when_an_output_is_the_source_then_64_and_the_rows_stay(void **state) {
    (void)state;
    expect("$W replay $P --source $R --predictions $R", 64, "would overwrite --source");
    expect("ln -sf $R link.ndjson; $W replay $P --source $R --predictions link.ndjson", 64,
           "would overwrite");
    expect("ln -f $R hard.ndjson; $W replay $P --source hard.ndjson --predictions $R", 64, "would overwrite");
    expect("[ $(wc -l < $R) = 20000 ]", 0, NULL);
}

static void test_replay_when_two_outputs_are_one_file_then_64(void **state) {
    (void)state;
    expect("$W replay $P --source $R --predictions new.ndjson --alerts new.ndjson", 64, "both write to");
    expect("$W replay $P --source $R --predictions - --alerts -", 64, "both write to -");
    expect("$W replay $P --source $R --predictions /dev/null --alerts /dev/null", 0, NULL);
}

static void test_replay_when_the_source_is_odd_then_words_and_code_fit(void **state) {
    (void)state;
    expect("$W replay $P --source .", 74, "Is a directory");
    expect("$W replay $P --source nowhere.csv", 74, "nowhere.csv");
    expect(": > e.ndjson; $W replay $P --source e.ndjson --summary json", 0, "\"read\":0,");
    expect("echo id,x,label > h.csv; $W replay $P --source h.csv --summary json", 0, "\"read\":0,");
    expect(": > e.csv; $W replay $P --source e.csv", 65, "no header");
    expect("gzip -c $R | head -c 20000 > cut.ndjson.gz; $W replay $P --source cut.ndjson.gz", 74,
           "too early");
    expect("cp $R no.ndjson.gz; $W replay $P --source no.ndjson.gz", 74, "not gzip");
    expect(
        "{ printf '\\xef\\xbb\\xbf'; cat $R; } > bom.ndjson; $W replay $P --source bom.ndjson --summary json",
        0, "\"applied\":20000,");
    expect("sed 's/$/\\r/' $R | head -c -2 > crlf.ndjson; $W replay $P --source crlf.ndjson --summary json",
           0, "\"applied\":20000,");
    expect("head -c 65536 /dev/zero | $W replay $P --source - --summary json", 0, "\"applied\":0,");
    expect("$W replay $P --source - --summary json < $R", 0, "\"applied\":20000,");
    expect("$W replay $P --source - <&-", 74, "standard input");
}

static void test_replay_when_limit_is_odd_then_it_is_exact_or_refused(void **state) {
    (void)state;
    expect("$W replay $P --source $R --limit 1 --summary json", 0, "\"read\":1,");
    expect("$W replay $P --source $R --limit 0", 64, "starts at 1");
    expect("$W run $P --limit 0", 64, "starts at 1");
    expect("$W replay $P --source $R --limit 1e3", 64, "whole number");
    expect("$W replay $P --source $R --limit -1", 64, "whole number");
    expect("$W replay $P --source $R --limit 99999999999999999999", 64, "whole number");
    expect("$W run $P --summary xml", 64, "text or json");
}

static void test_any_verb_when_stdout_is_full_closed_or_gone_then_74(void **state) {
    (void)state;
    static const char *const lines[] = {"$W replay $P --source $R --summary json",
                                        "$W replay $P --source $R --predictions -",
                                        "$W check $P",
                                        "$W help",
                                        "$W version",
                                        "$W explain E101",
                                        "$W new minimal -"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[300];
        snprintf(line, sizeof line, "%s > /dev/full", lines[i]);
        expect(line, 74, NULL);
        snprintf(line, sizeof line, "%s >&-", lines[i]);
        expect(line, 74, NULL);
    }
    expect("$W replay $P --source $R --predictions - | head -1; exit ${PIPESTATUS[0]}", 74, "Broken pipe");
    expect("$W replay $P --source $R --predictions /dev/full", 74, "No space left");
}

static void test_replay_when_standard_streams_are_closed_then_files_hold_their_own_bytes(void **state) {
    (void)state;
    expect("$W replay $P --source $R --predictions good.ndjson", 0, NULL);
    expect("$W replay $P --source $R --predictions p.ndjson --summary json >&-; [ $? = 74 ]", 0, NULL);
    expect("cmp good.ndjson p.ndjson", 0, NULL);
    expect("$W replay $P --source $R --predictions p.ndjson <&- >&- 2>&-; cmp good.ndjson p.ndjson", 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_when_the_file_is_odd_then_78_says_why),
        cmocka_unit_test(test_check_when_lines_end_in_crlf_or_a_mark_begins_the_file_then_0),
        cmocka_unit_test(test_replay_when_an_output_is_the_source_then_64_and_the_rows_stay),
        cmocka_unit_test(test_replay_when_two_outputs_are_one_file_then_64),
        cmocka_unit_test(test_replay_when_the_source_is_odd_then_words_and_code_fit),
        cmocka_unit_test(test_replay_when_limit_is_odd_then_it_is_exact_or_refused),
        cmocka_unit_test(test_any_verb_when_stdout_is_full_closed_or_gone_then_74),
        cmocka_unit_test(test_replay_when_standard_streams_are_closed_then_files_hold_their_own_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
