/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: real data over a real broker gives River's accuracy, one prediction for each event, and the same
 * bytes as a replay of the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <zlib.h>

#include "support/broker.h"

#define ROWS 45312

static const char columns[9][10] = {"date",     "day",       "period",   "nswprice", "nswdemand",
                                    "vicprice", "vicdemand", "transfer", "class"};

/* The CSV's fields, as they stand, become JSON; the whole file is produced row by row. */
static void produce_csv(const char *path, const char *topic) {
    gzFile file = gzopen(path, "rb");
    char line[512], json[1024];
    rd_kafka_t *producer = broker_producer();
    assert_non_null(file);
    gzgets(file, line, sizeof line);
    for (int64_t row = 1; gzgets(file, line, sizeof line); row++) {
        size_t len = 0;
        char *field = line;
        for (int i = 0; i < 9; i++) {
            size_t width = strcspn(field, ",\r\n");
            const char *quote = i == 8 ? "\"" : "";
            len += (size_t)snprintf(json + len, sizeof json - len, "%s\"%s\":%s%.*s%s", i ? "," : "{",
                                    columns[i], quote, (int)width, field, quote);
            field += width + 1;
        }
        json[len++] = '}';
        broker_produce(producer, topic, 0, NULL, 0, json, len, row);
    }
    gzclose(file);
    broker_flush(producer);
}

static void test_run_when_electricity_comes_over_kafka_then_predictions_equal_the_replay(void **state) {
    (void)state;
    char data[1024], yaml[2000], input[128], predictions[128], replayed[600], consumed[600];
    const char *folder = getenv("WEIR_DATA");
    snprintf(data, sizeof data, "%s/electricity.csv.gz", folder ? folder : WEIR_SOURCE_DIR "/../shared/data");
    if (access(data, R_OK)) {
        print_message("%s is not there: skipped\n", data);
        skip();
    }
    snprintf(input, sizeof input, "%s", broker_topic("elec2", 1));
    snprintf(predictions, sizeof predictions, "%s", broker_topic("elec2.predictions", 1));
    produce_csv(data, input);
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: elec2\nkafka: {brokers: '%s'}\n"
             "source:\n  topic: %s\n"
             "  schema: {date: float64, day: int64, period: float64, nswprice: float64, nswdemand: float64,\n"
             "           vicprice: float64, vicdemand: float64, transfer: float64, class: category}\n"
             "labels: {field: class, positive: UP}\n"
             "model:\n  transform: [standard_scaler]\n  learner: logistic_regression\n"
             "  options: {optimizer: sgd, rate: 0.005}\n"
             "  inputs: [date, day, period, nswprice, nswdemand, vicprice, vicdemand, transfer]\n"
             "  evaluate: {metrics: [accuracy, f1, log_loss]}\n"
             "drift:\n  - {name: errors, watch: model.error, detector: adwin, options: {delta: 0.002}}\n"
             "sinks:\n  predictions: {topic: %s, fields: [day, period, score, decision, model.version]}\n",
             broker_address(), input, predictions);
    char pipeline[600];
    snprintf(pipeline, sizeof pipeline, "%s", process_write_text("elec2.yaml", yaml));

    struct process_result ran = process_weir_run("run", pipeline, "--until-end", "--summary", "json");
    if (ran.code) print_message("%s\n", ran.err);
    assert_int_equal(ran.code, 0);
    assert_non_null(strstr(
        ran.out,
        "\"records\":{\"read\":45312,\"applied\":45312,\"late\":0,\"dead_lettered\":0,\"dropped\":0}"));
    const char *accuracy = strstr(ran.out, "\"accuracy\":");
    assert_non_null(accuracy);
    assert_true(fabs(strtod(accuracy + 11, NULL) - 0.8221442) < 1e-6);
    process_free(&ran);

    snprintf(replayed, sizeof replayed, "%s", process_path("replayed.ndjson"));
    ran = process_weir_run("replay", pipeline, "--source", data, "--predictions", replayed);
    assert_int_equal(ran.code, 0);
    process_free(&ran);

    snprintf(consumed, sizeof consumed, "%s", process_path("consumed.ndjson"));
    pid_t pid = process_start((const char *const[]){"kcat", "-C", "-b", broker_address(), "-t", predictions,
                                                    "-o", "beginning", "-e", "-q", NULL},
                              consumed, process_path("kcat.err"));
    assert_int_equal(process_wait(pid, 60), 0);
    size_t replayed_len, consumed_len, lines = 0;
    char *a = process_read(replayed, &replayed_len), *b = process_read(consumed, &consumed_len);
    for (size_t i = 0; i < consumed_len; i++) lines += b[i] == '\n';
    assert_int_equal(lines, ROWS);
    assert_int_equal(replayed_len, consumed_len);
    assert_memory_equal(a, b, replayed_len);
    free(a), free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_electricity_comes_over_kafka_then_predictions_equal_the_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
