/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever stands in a real topic, read = applied + late + dead-lettered + dropped, a dead letter is
 * the record byte for byte with the reason in its headers, and a broker, topic or record that does not serve
 * ends the run with words and an exit code of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/answers.h"

#define PARTITIONS 2
#define BIG_BYTES 1500000
#define NONE ((size_t)-1) /* null, which is not empty */

/* ---- a topic with configuration, records with everything ---- */

static void create_topic(const char *topic, int partitions, const char *const *config) {
    char why[256];
    rd_kafka_t *rk = broker_producer();
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    for (; config && *config; config += 2) rd_kafka_NewTopic_set_config(new_topic, config[0], config[1]);
    rd_kafka_queue_t *replies = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &new_topic, 1, NULL, replies);
    rd_kafka_event_t *event = rd_kafka_queue_poll(replies, 30000);
    size_t count;
    assert_non_null(event);
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (rd_kafka_topic_result_error(results[0]))
        fail_msg("%s", rd_kafka_topic_result_error_string(results[0]));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(replies);
    rd_kafka_NewTopic_destroy(new_topic);
    rd_kafka_destroy(rk);
}

struct sent {
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
    int headers;
    int64_t timestamp_ms;
    const char *code; /* of its dead letter; NULL = applied */
    bool seen;
};

static void header_of(int i, char *name, size_t size, char *value, size_t *len) {
    snprintf(name, size, i % 10 ? "h%d" : "h", i); /* names repeat */
    *len = (size_t)snprintf(value, 32, "v%c%d", i % 3 ? '\0' : '\xff', i);
    if (i % 7 == 3) *len = NONE;
    if (i % 7 == 4) *len = 0;
    if (i == 0) {
        snprintf(name, size, "traceparent");
        *len = (size_t)snprintf(value, 64, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }
}

static void send_record(rd_kafka_t *producer, const char *topic, int partition, const struct sent *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    for (int i = 0; i < record->headers; i++) {
        char name[32], value[64];
        size_t len;
        header_of(i, name, sizeof name, value, &len);
        rd_kafka_header_add(headers, name, -1, len == NONE ? NULL : value, len == NONE ? -1 : (ssize_t)len);
    }
    const char *key = record->key_len == NONE ? NULL : record->key;
    const char *value = record->value_len == NONE ? NULL : record->value;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(key, key ? record->key_len : 0),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? record->value_len : 0),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(record->timestamp_ms),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    assert_int_equal(code, 0);
}

static rd_kafka_t *large_producer(void) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address(), why, sizeof why);
    rd_kafka_conf_set(conf, "message.max.bytes", "4000000", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why); /* keeps the order */
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(producer);
    return producer;
}

static const char *write_pipeline(const char *input, const char *more) {
    static char path[600];
    char yaml[2000];
    snprintf(yaml, sizeof yaml,
             "weir: 1\nname: bad\nkafka: {brokers: '%s'}\n"
             "source:\n  topic: %s\n  event_time: {field: ts}\n"
             "  schema: {ts: int64, x: float64, s: string?, label: int64?}\n"
             "labels: {field: label}\nmodel: {learner: logistic_regression, inputs: [x]}\n%s",
             broker_address(), input, more);
    snprintf(path, sizeof path, "%s", process_write_text("bad.yaml", yaml));
    return path;
}

static void assert_counts(const char *json, long applied, long dead) {
    assert_int_equal(process_number(json, "\"read\":"), applied + dead);
    assert_int_equal(process_number(json, "\"applied\":"), applied);
    assert_int_equal(process_number(json, "\"late\":"), 0);
    assert_int_equal(process_number(json, "\"dead_lettered\":"), dead);
    assert_int_equal(process_number(json, "\"dropped\":"), 0);
}

/* ---- dead letters ---- */

#define TEXT(text) (text), sizeof(text) - 1
#define GOOD TEXT("{\"ts\":1700000000000,\"x\":1.5,\"label\":1}")
#define FUTURE INT64_C(4000000000000)

static char big[BIG_BYTES];

static struct sent records[] = {
    /* old, but neither late nor absurd: they come first */
    {TEXT("k"), TEXT("{\"ts\":-60000000000000,\"x\":1}"), 0, 0, NULL, false},
    {TEXT("k"), TEXT("{\"ts\":-1,\"x\":1}"), 0, 1, NULL, false},
    {TEXT("k"), TEXT("{\"ts\":0,\"x\":1}"), 0, FUTURE, NULL, false},
    {TEXT("k"), GOOD, 0, 1700000000000, NULL, false},
    {NULL, NONE, GOOD, 0, 1700000000000, NULL, false}, /* null key */
    {TEXT(""), GOOD, 0, 1700000000000, NULL, false},   /* empty key */
    {TEXT("\xff\0k"), GOOD, 50, 1700000000000, NULL, false},
    {TEXT("k"), TEXT(""), 0, 1700000000000, "D110", false},    /* empty value */
    {TEXT("k"), NULL, NONE, 1, 1700000000000, "D110", false},  /* tombstone */
    {NULL, NONE, NULL, NONE, 0, 1700000000000, "D110", false}, /* null and null */
    {TEXT(""), TEXT("{"), 50, 1700000000000, "D101", false},   /* 50 headers, of which one is a trace */
    {TEXT("\xff\0k"), TEXT("{\"ts\":1700000000000,\"x\":1,\"s\":\"\xc3(\"}"), 2, 1700000000000, "D103",
     false},
    {NULL, NONE, big, BIG_BYTES, 3, 1700000000000, "D109", false},
    {TEXT("k"), TEXT("{\"ts\":1700000000000,\"x\":\"one\"}"), 0, 1700000000000, "D106", false},
    {TEXT("k"), TEXT("{\"ts\":1700000000000}"), 0, 1700000000000, "D107", false},
    {TEXT("k"), TEXT("{\"ts\":1700000000000,\"x\":1e999}"), 0, 1700000000000, "D105", false},
    {TEXT("k"), TEXT("{\"ts\":9223372036854775807,\"x\":1}"), 0, 1700000000000, "D121", false},
    {TEXT("k"), TEXT("{\"ts\":-9223372036854775808,\"x\":1}"), 0, 1700000000000, "D121", false},
    {TEXT("k"), TEXT("{\"ts\":4000000000000,\"x\":1}"), 0, 1, "D121", false},
    {TEXT("k"), TEXT("nonsense"), 0, FUTURE, "D101", false}, /* the record's own date */
    {TEXT("k"), TEXT("nonsense"), 0, 1, "D101", false},
};
#define RECORDS (sizeof records / sizeof records[0])

struct letters {
    const char *input;
    long count;
};

static void assert_header(const rd_kafka_headers_t *headers, const char *name, const char *expected) {
    const void *value;
    size_t len;
    if (rd_kafka_header_get_last(headers, name, &value, &len)) fail_msg("no header %s", name);
    if (len != strlen(expected) || memcmp(value, expected, len))
        fail_msg("header %s is '%.*s', not '%s'", name, (int)len, (const char *)value, expected);
}

static long number_header(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t len;
    char text[32] = "";
    if (rd_kafka_header_get_last(headers, name, &value, &len)) fail_msg("no header %s", name);
    assert_true(len > 0 && len < sizeof text);
    memcpy(text, value, len);
    return strtol(text, NULL, 10);
}

static void assert_bytes(const void *got, size_t got_len, const char *sent, size_t sent_len) {
    if (sent_len == NONE) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_int_equal(got_len, sent_len);
    assert_memory_equal(got, sent, sent_len);
}

/* Record i of the list went to partition i % 2 as offset i / 2. */
static void see_letter(void *owner, const rd_kafka_message_t *message) {
    struct letters *letters = owner;
    rd_kafka_headers_t *headers;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    long partition = number_header(headers, "weir.source.partition");
    long offset = number_header(headers, "weir.source.offset");
    size_t index = (size_t)(offset * PARTITIONS + partition);
    assert_true(index < RECORDS);
    struct sent *sent = &records[index];
    if (!sent->code) fail_msg("record %zu is good and was set aside", index);
    assert_false(sent->seen);
    sent->seen = true;
    letters->count++;
    assert_bytes(message->key, message->key_len, sent->key, sent->key_len);
    assert_bytes(message->payload, message->len, sent->value, sent->value_len);
    for (int i = 0; i < sent->headers; i++) { /* the record's own come first, in order */
        char name[32], value[64];
        const char *got_name;
        const void *got;
        size_t len, got_len;
        header_of(i, name, sizeof name, value, &len);
        assert_int_equal(rd_kafka_header_get_all(headers, (size_t)i, &got_name, &got, &got_len), 0);
        assert_string_equal(got_name, name);
        assert_bytes(got, got_len, value, len);
    }
    assert_int_equal(rd_kafka_header_cnt(headers), (size_t)sent->headers + 12);
    const void *text;
    size_t text_len;
    assert_header(headers, "weir.error.code", sent->code);
    assert_header(headers, "weir.source.topic", letters->input);
    assert_header(headers, "__connect.errors.topic", letters->input);
    assert_int_equal(number_header(headers, "__connect.errors.partition"), partition);
    assert_int_equal(number_header(headers, "__connect.errors.offset"), offset);
    if (sent->timestamp_ms)
        assert_int_equal(number_header(headers, "weir.source.timestamp"), sent->timestamp_ms);
    const char *const words[] = {"weir.error.message", "weir.error.stage", "__connect.errors.stage",
                                 "__connect.errors.exception.message"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rd_kafka_header_get_last(headers, words[i], &text, &text_len), 0);
        assert_true(text_len > 0);
    }
}

static void test_run_when_records_are_bad_then_dead_letters_are_their_bytes(void **state) {
    (void)state;
    char input[128], letters_topic[128], predictions[128], more[400];
    snprintf(input, sizeof input, "%s", broker_topic("bad", 0));
    snprintf(letters_topic, sizeof letters_topic, "%s", broker_topic("bad.dead", 0));
    snprintf(predictions, sizeof predictions, "%s", broker_topic("bad.predictions", 0));
    create_topic(input, PARTITIONS,
                 (const char *const[]){"max.message.bytes", "4000000", "message.timestamp.after.max.ms",
                                       "9223372036854775807", "retention.ms", "-1", NULL});
    memset(big, 'x', sizeof big);
    memcpy(big, TEXT("{\"ts\":1700000000000,\"x\":1,\"s\":\""));
    memcpy(big + BIG_BYTES - 2, "\"}", 2);
    rd_kafka_t *producer = large_producer();
    long dead = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        send_record(producer, input, (int)(i % PARTITIONS), &records[i]);
        dead += records[i].code != NULL;
    }
    broker_flush(producer);

    snprintf(more, sizeof more,
             "sinks: {predictions: {topic: %s, fields: [ts, score]}}\ndead_letter: {topic: %s}\n",
             predictions, letters_topic);
    struct process_result ran =
        process_weir_run("run", write_pipeline(input, more), "--until-end", "--summary", "json");
    if (ran.code) print_message("%s\n", ran.err);
    assert_int_equal(ran.code, 0);
    assert_counts(ran.out, (long)RECORDS - dead, dead);
    assert_non_null(strstr(ran.err, "creating topic")); /* both outputs were missing */
    assert_non_null(strstr(ran.err, "-> dead letter topic"));
    process_free(&ran);

    struct letters letters = {.input = input};
    assert_int_equal(broker_read(letters_topic, PARTITIONS, &letters, see_letter), dead);
    for (size_t i = 0; i < RECORDS; i++)
        if (records[i].code && !records[i].seen) fail_msg("record %zu has no dead letter", i);
    struct answers answers = answers_read(input, predictions, PARTITIONS, RECORDS);
    assert_int_equal(answers.total, (long)RECORDS - dead);
    assert_int_equal(answers.distinct, answers.total);
    answers_free(&answers);
}

static void produce_one_bad(const char *topic) {
    rd_kafka_t *producer = broker_producer();
    const struct sent good = {TEXT("k"), GOOD, 0, 1700000000000, NULL, false};
    const struct sent bad = {TEXT("k"), TEXT("{\"ts\":1700000000000}"), 0, 1700000000000, NULL, false};
    for (int i = 0; i < 10; i++) send_record(producer, topic, 0, i == 7 ? &bad : &good);
    broker_flush(producer);
}

static void test_run_when_no_topic_takes_dead_letters_then_the_log_says_so(void **state) {
    (void)state;
    char input[128], place[200];
    snprintf(input, sizeof input, "%s", broker_topic("bad.alone", 1));
    produce_one_bad(input);
    const char *path = write_pipeline(input, "sinks: {predictions: {topic: bad.alone.out}}\n");
    struct process_result ran = process_weir_run("run", path, "--until-end", "--summary", "json");
    assert_int_equal(ran.code, 0);
    assert_counts(ran.out, 9, 1);
    snprintf(place, sizeof place, "%s partition 0 offset 7", input);
    assert_non_null(strstr(ran.err, place));
    assert_non_null(strstr(ran.err, "counted only: the file names no dead_letter topic"));
    process_free(&ran);
}

static void test_run_when_data_is_strict_then_the_first_bad_record_ends_it(void **state) {
    (void)state;
    char input[128], place[200];
    snprintf(input, sizeof input, "%s", broker_topic("bad.strict", 1));
    produce_one_bad(input);
    const char *path = write_pipeline(input, "sinks: {predictions: {topic: bad.strict.out}}\n");
    struct process_result ran = process_weir_run("run", path, "--until-end", "--strict-data");
    assert_int_equal(ran.code, 65);
    snprintf(place, sizeof place, "weir run: %s partition 0 offset 7", input);
    assert_non_null(strstr(ran.err, place));
    assert_non_null(strstr(ran.err, "[D107]"));
    process_free(&ran);
}

static void test_run_when_limit_is_reached_then_no_record_more_is_read(void **state) {
    (void)state;
    char input[128], output[128], more[200];
    snprintf(input, sizeof input, "%s", broker_topic("bad.limit", 1));
    snprintf(output, sizeof output, "%s", broker_topic("bad.limit.out", 1));
    produce_one_bad(input);
    snprintf(more, sizeof more, "sinks: {predictions: {topic: %s}}\n", output);
    const char *path = write_pipeline(input, more);
    for (int i = 0; i < 3; i++) { /* each goes on where the one before it stopped */
        struct process_result ran = process_weir_run("run", path, "--limit", "2", "--summary", "json");
        assert_int_equal(ran.code, 0);
        assert_int_equal(process_number(ran.out, "\"read\":"), 2);
        process_free(&ran);
    }
    struct answers answers = answers_read(input, output, 1, 10);
    assert_int_equal(answers.total, 6);
    assert_int_equal(answers.distinct, 6);
    answers_free(&answers);
}

/* ---- topics and brokers that do not serve ---- */

static void test_run_when_the_source_topic_is_missing_then_69_names_it(void **state) {
    (void)state;
    const char *path = write_pipeline("bad.nowhere", "sinks: {predictions: {topic: bad.out}}\n");
    struct process_result ran = process_weir_run("run", path, "--until-end");
    assert_int_equal(ran.code, 69);
    assert_non_null(strstr(ran.err, "topic 'bad.nowhere' does not exist"));
    assert_non_null(strstr(ran.err, "E405"));
    process_free(&ran);
}

static void test_run_when_no_broker_answers_then_69_within_12_seconds(void **state) {
    (void)state;
    const char *path = write_pipeline("bad.nowhere", "sinks: {predictions: {topic: bad.out}}\n");
    double start = process_now_s();
    struct process_result ran = process_weir_run("run", path, "--set", "kafka.brokers=127.0.0.1:1");
    assert_int_equal(ran.code, 69);
    assert_non_null(strstr(ran.err, "127.0.0.1:1"));
    assert_true(process_now_s() - start < 12);
    process_free(&ran);
}

static void test_run_when_topics_forget_then_old_events_are_warned_of(void **state) {
    (void)state;
    char input[128], output[128], more[200];
    const char *const week[] = {"retention.ms", "604800000", NULL};
    snprintf(input, sizeof input, "%s", broker_topic("bad.week", 1));
    snprintf(output, sizeof output, "%s", broker_topic("bad.week.out", 0));
    create_topic(output, 1, week);
    produce_one_bad(input);
    snprintf(more, sizeof more, "sinks: {predictions: {topic: %s}}\n", output);
    struct process_result ran = process_weir_run("run", write_pipeline(input, more), "--until-end");
    assert_int_equal(ran.code, 0);
    char first[300], second[300];
    snprintf(first, sizeof first, "topic %s keeps records for 7.0 days", output);
    snprintf(second, sizeof second, "output topic %s: a record is dated", output);
    assert_non_null(strstr(ran.err, first));
    assert_non_null(strstr(ran.err, second));
    process_free(&ran);
}

static void test_run_when_an_output_is_too_large_then_it_says_so_and_commits_nothing_of_it(void **state) {
    (void)state;
    char input[128], output[128], more[200], value[6000];
    const char *const small[] = {"max.message.bytes", "2000", NULL};
    snprintf(input, sizeof input, "%s", broker_topic("bad.large", 1));
    snprintf(output, sizeof output, "%s", broker_topic("bad.large.out", 0));
    create_topic(output, 1, small);
    rd_kafka_t *producer = broker_producer();
    int len = snprintf(value, sizeof value, "{\"ts\":1700000000000,\"x\":1,\"s\":\"%05000d\"}", 7);
    broker_produce(producer, input, 0, NULL, 0, value, (size_t)len, 1700000000000);
    broker_flush(producer);
    snprintf(more, sizeof more, "sinks: {predictions: {topic: %s, fields: [s, score]}}\n", output);
    const char *path = write_pipeline(input, more);
    for (int i = 0; i < 2; i++) { /* the record is not skipped: the next run meets it again */
        struct process_result ran = process_weir_run("run", path, "--until-end");
        if (ran.code != 74) print_message("%s\n", ran.err);
        assert_int_equal(ran.code, 74);
        assert_non_null(strstr(ran.err, output));
        assert_non_null(strstr(ran.err, "too large"));
        process_free(&ran);
    }
    struct process_result ran =
        process_weir_run("run", path, "--set", "kafka.properties.message.max.bytes=1500");
    if (ran.code != 74) print_message("%d %s\n", ran.code, ran.err);
    assert_int_equal(ran.code, 74);
    assert_non_null(strstr(ran.err, "message.max.bytes is 1500"));
    process_free(&ran);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_when_records_are_bad_then_dead_letters_are_their_bytes),
        cmocka_unit_test(test_run_when_no_topic_takes_dead_letters_then_the_log_says_so),
        cmocka_unit_test(test_run_when_data_is_strict_then_the_first_bad_record_ends_it),
        cmocka_unit_test(test_run_when_limit_is_reached_then_no_record_more_is_read),
        cmocka_unit_test(test_run_when_the_source_topic_is_missing_then_69_names_it),
        cmocka_unit_test(test_run_when_no_broker_answers_then_69_within_12_seconds),
        cmocka_unit_test(test_run_when_topics_forget_then_old_events_are_warned_of),
        cmocka_unit_test(test_run_when_an_output_is_too_large_then_it_says_so_and_commits_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
