/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: source and sink keep every record, its envelope and its order over the embedded cluster, and stand
 * still when told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "kafka/door.h"

static struct weir_kafka_client embedded_client(struct weir_kafka_embedded *embedded) {
    return (struct weir_kafka_client){.brokers = weir_kafka_embedded_brokers(embedded), .embedded = true};
}

static struct weir_kafka_embedded *open_embedded(const char *topic, int32_t partitions) {
    struct weir_error error;
    struct weir_kafka_embedded *embedded = weir_kafka_embedded_open(partitions, &error);
    assert_non_null(embedded);
    assert_int_equal(weir_kafka_embedded_create_topic(embedded, topic, partitions), WEIR_OK);
    return embedded;
}

struct envelope {
    int seen;
    bool good;
};

static bool bytes_are(struct weir_bytes bytes, const char *text) {
    return bytes.data && bytes.len == strlen(text) && !memcmp(bytes.data, text, bytes.len);
}

static void see_envelope(void *context, const struct weir_record *record) {
    struct envelope *envelope = context;
    bool first = envelope->seen++ == 0;
    if (first)
        envelope->good = bytes_are(record->key, "k") && bytes_are(record->value, "v") &&
                         record->timestamp_ms == 1714557600042 && record->header_count == 2 &&
                         !strcmp(record->headers[0].name, "weir-id") &&
                         bytes_are(record->headers[0].value, "t-0-1") &&
                         !strcmp(record->headers[1].name, "empty") && !record->headers[1].value.data;
    else /* a tombstone without a key */
        envelope->good = envelope->good && !record->key.data && !record->value.data && !record->header_count;
}

static void test_sink_when_a_record_has_headers_and_time_then_the_source_reads_them(void **state) {
    (void)state;
    struct weir_kafka_embedded *embedded = open_embedded("t", 1);
    struct weir_kafka_client client = embedded_client(embedded);
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "t", false), WEIR_OK);
    const struct weir_header headers[] = {{"weir-id", {"t-0-1", 5}}, {"empty", {NULL, 0}}};
    const struct weir_output_record records[] = {
        {.stream = WEIR_PREDICTIONS,
         .timestamp_ms = 1714557600042,
         .key = {"k", 1},
         .value = {"v", 1},
         .headers = headers,
         .header_count = 2},
        {.stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP},
    };
    assert_int_equal(weir_kafka_sink_write(sink.sink, records, 2, 3, &sink.error), 2);
    assert_int_equal(weir_kafka_sink_flush(sink.sink, 10000), WEIR_OK);
    assert_int_equal(sink.delivered_of[3], 2);
    weir_kafka_sink_close(sink.sink);

    struct envelope envelope = {0};
    struct door_source source = {.see = see_envelope, .context = &envelope};
    assert_int_equal(door_source_open(&source, &client, "t", "g", false), WEIR_OK);
    assert_true(door_source_until(&source, 2));
    assert_true(envelope.good);
    weir_kafka_source_close(source.source);
    weir_kafka_embedded_close(embedded);
}

#define MANY 100000
#define KEYS 64

struct order {
    uint64_t count_of_key[KEYS], wrong;
};

/* Values of a key must come as k, k + KEYS, k + 2 KEYS... without a hole. */
static void see_order(void *context, const struct weir_record *record) {
    struct order *order = context;
    char text[24] = {0};
    memcpy(text, record->value.data, record->value.len < 23 ? record->value.len : 23);
    uint64_t value = strtoull(text, NULL, 10), key = value % KEYS;
    if (value != key + order->count_of_key[key] * KEYS) order->wrong++;
    order->count_of_key[key]++;
}

static void check_many(bool bare, const char *queue_max) {
    struct weir_kafka_embedded *embedded = open_embedded("many", 4);
    struct weir_kafka_client client = embedded_client(embedded);
    struct weir_property properties[] = {{.name = "queue.buffering.max.messages", .value = queue_max}};
    client.properties = properties;
    client.property_count = 1;
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "many", bare), WEIR_OK);
    assert_int_equal(door_sink_fill(&sink, 0, MANY, KEYS), WEIR_OK);
    assert_int_equal(sink.delivered, MANY);
    assert_true(sink.calls < MANY / 5); /* reports are counted in runs */
    weir_kafka_sink_close(sink.sink);

    static struct order order;
    memset(&order, 0, sizeof order);
    struct door_source source = {.see = see_order, .context = &order};
    assert_int_equal(door_source_open(&source, &client, "many", "g", false), WEIR_OK);
    assert_true(door_source_until(&source, MANY));
    assert_int_equal(order.wrong, 0);
    assert_int_equal(source.records, MANY);
    int64_t ends[8], total = 0;
    assert_int_equal(weir_kafka_source_ends(source.source, ends, 8, &source.error), 4);
    for (int p = 0; p < 4; p++) {
        assert_int_equal(ends[p], source.next[p]);
        total += ends[p];
    }
    assert_int_equal(total, MANY);
    weir_kafka_source_close(source.source);
    weir_kafka_embedded_close(embedded);
}

static void test_sink_when_bare_and_many_then_all_arrive_in_order_of_their_key(void **state) {
    (void)state;
    check_many(true, "1000000");
}
static void test_sink_when_full_and_its_queue_is_small_then_it_pushes_back_and_loses_nothing(void **state) {
    (void)state;
    check_many(false, "500");
}

static void test_sink_write_when_the_queue_is_full_then_it_takes_a_prefix(void **state) {
    (void)state;
    struct weir_kafka_embedded *embedded = open_embedded("t", 1);
    struct weir_kafka_client client = embedded_client(embedded);
    struct weir_property properties[] = {{.name = "queue.buffering.max.messages", .value = "10"},
                                         {.name = "linger.ms", .value = "1000"}};
    client.properties = properties;
    client.property_count = 2;
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "t", true), WEIR_OK);
    struct weir_output_record records[32];
    for (int i = 0; i < 32; i++)
        records[i] = (struct weir_output_record){.stream = WEIR_PREDICTIONS, .value = {"v", 1}};
    assert_int_equal(weir_kafka_sink_write(sink.sink, records, 32, 1, &sink.error), 10);
    assert_int_equal(weir_kafka_sink_write(sink.sink, records, 32, 1, &sink.error), 0);
    assert_int_equal(weir_kafka_sink_in_flight(sink.sink), 10);
    assert_int_equal(weir_kafka_sink_flush(sink.sink, 10000), WEIR_OK);
    assert_int_equal(weir_kafka_sink_in_flight(sink.sink), 0);
    assert_int_equal(sink.delivered_of[1], 10);
    weir_kafka_sink_close(sink.sink);
    weir_kafka_embedded_close(embedded);
}

static void test_sink_write_when_a_record_is_too_large_then_limit_and_the_next_go_on(void **state) {
    (void)state;
    struct weir_kafka_embedded *embedded = open_embedded("t", 1);
    struct weir_kafka_client client = embedded_client(embedded);
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "t", false), WEIR_OK);
    static char large[9000000];
    const struct weir_output_record records[] = {
        {.stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP, .value = {"v", 1}},
        {.stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP, .value = {large, sizeof large}},
        {.stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP, .value = {"v", 1}}};
    assert_int_equal(weir_kafka_sink_write(sink.sink, records, 3, 1, &sink.error), 1);
    assert_int_equal(weir_kafka_sink_write(sink.sink, records + 1, 2, 1, &sink.error), WEIR_LIMIT);
    assert_non_null(strstr(sink.error.text, "message.max.bytes"));
    assert_int_equal(weir_kafka_sink_write(sink.sink, records + 2, 1, 1, &sink.error), 1);
    assert_int_equal(weir_kafka_sink_flush(sink.sink, 10000), WEIR_OK);
    assert_int_equal(sink.delivered, 2);
    assert_int_equal(sink.failures, 0);
    weir_kafka_sink_close(sink.sink);
    weir_kafka_embedded_close(embedded);
}

static void test_source_when_paused_then_no_records_until_it_goes_on(void **state) {
    (void)state;
    struct weir_kafka_embedded *embedded = open_embedded("t", 1);
    struct weir_kafka_client client = embedded_client(embedded);
    struct door_source source = {0};
    assert_int_equal(door_source_open(&source, &client, "t", "g", false), WEIR_OK);
    assert_true(door_source_owns(&source, 1));
    weir_kafka_source_pause(source.source, true);
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "t", true), WEIR_OK);
    assert_int_equal(door_sink_fill(&sink, 0, 1000, 1), WEIR_OK);
    int64_t until_ms = door_now_ms() + 300;
    while (door_now_ms() < until_ms) assert_int_equal(door_source_turn(&source, 50), 0);
    weir_kafka_source_pause(source.source, false);
    assert_true(door_source_until(&source, 1000));
    assert_int_equal(source.backward, 0);
    weir_kafka_sink_close(sink.sink);
    weir_kafka_source_close(source.source);
    weir_kafka_embedded_close(embedded);
}

static void test_source_when_no_broker_answers_then_open_is_fine_and_down_says_why(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = "127.0.0.1:1"};
    struct door_source source = {0};
    struct weir_error error = {0};
    assert_int_equal(door_source_open(&source, &client, "t", "g", false), WEIR_OK);
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while (!weir_kafka_source_down(source.source, &error) && door_now_ms() < deadline_ms)
        assert_int_equal(door_source_turn(&source, 100), 0);
    assert_true(weir_kafka_source_down(source.source, &error));
    assert_non_null(strstr(error.text, "127.0.0.1:1"));
    struct weir_kafka_topic_facts facts;
    assert_int_equal(weir_kafka_topic_look(&client, "t", 1000, &facts, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "127.0.0.1:1"));
    int64_t before_ms = door_now_ms();
    weir_kafka_source_close(source.source);
    assert_true(door_now_ms() - before_ms < 8000);
}

static void test_topic_look_when_embedded_then_partitions_are_known_and_retention_is_not(void **state) {
    (void)state;
    struct weir_kafka_embedded *embedded = open_embedded("t", 3);
    struct weir_kafka_client client = embedded_client(embedded);
    struct weir_kafka_topic_facts facts;
    struct weir_error error;
    assert_int_equal(weir_kafka_topic_look(&client, "t", 5000, &facts, &error), WEIR_OK);
    assert_int_equal(facts.partition_count, 3);
    assert_true(facts.retention_ms == INT64_MIN);
    weir_kafka_embedded_close(embedded);
}

static int thread_count(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (readdir(tasks)) count++;
    closedir(tasks);
    return count;
}

static void test_close_when_records_are_in_flight_then_no_thread_stays(void **state) {
    (void)state;
    int before = thread_count();
    struct weir_kafka_client client = {.brokers = "127.0.0.1:1"};
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, &client, "t", true), WEIR_OK);
    const struct weir_output_record record = {.stream = WEIR_PREDICTIONS, .value = {"v", 1}};
    assert_int_equal(weir_kafka_sink_write(sink.sink, &record, 1, 1, &sink.error), 1);
    int64_t before_ms = door_now_ms();
    weir_kafka_sink_close(sink.sink);
    assert_true(door_now_ms() - before_ms < 5000);
    assert_int_equal(sink.failures, 0); /* giving up is no refusal */
    assert_int_equal(thread_count(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink_when_a_record_has_headers_and_time_then_the_source_reads_them),
        cmocka_unit_test(test_sink_when_bare_and_many_then_all_arrive_in_order_of_their_key),
        cmocka_unit_test(test_sink_when_full_and_its_queue_is_small_then_it_pushes_back_and_loses_nothing),
        cmocka_unit_test(test_sink_write_when_the_queue_is_full_then_it_takes_a_prefix),
        cmocka_unit_test(test_sink_write_when_a_record_is_too_large_then_limit_and_the_next_go_on),
        cmocka_unit_test(test_source_when_paused_then_no_records_until_it_goes_on),
        cmocka_unit_test(test_source_when_no_broker_answers_then_open_is_fine_and_down_says_why),
        cmocka_unit_test(test_topic_look_when_embedded_then_partitions_are_known_and_retention_is_not),
        cmocka_unit_test(test_close_when_records_are_in_flight_then_no_thread_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
