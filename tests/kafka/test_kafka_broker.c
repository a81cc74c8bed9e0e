/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: against a real broker, what the embedded cluster cannot show: committed offsets, rebalances, lost
 * input, ends behind transaction markers, a look at a topic's configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/door.h"
#include "support/broker.h"

static void test_topic_look_when_created_by_us_then_it_keeps_its_records_for_ever(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("look", 3);
    struct weir_kafka_topic_facts facts;
    struct weir_error error;
    assert_int_equal(weir_kafka_topic_look(&client, topic, 10000, &facts, &error), WEIR_OK);
    assert_int_equal(facts.partition_count, 3);
    assert_true(facts.retention_ms == -1);
    assert_true(facts.retention_bytes == -1 && facts.min_insync == 1);
    assert_false(facts.compacted || facts.unclean_elections);
    assert_int_equal(weir_kafka_topic_create(&client, topic, 3, 10000, &error), WEIR_OK); /* exists: fine */
    assert_int_equal(weir_kafka_topic_look(&client, broker_topic("nowhere", 0), 10000, &facts, &error),
                     WEIR_OK);
    assert_int_equal(facts.partition_count, 0);
}

static void see_headers(void *context, const struct weir_record *record) {
    bool *good = context;
    *good = record->timestamp_ms == 1714557600042 && record->key.len == 1 && record->header_count == 1 &&
            !strcmp(record->headers[0].name, "weir-id") && record->headers[0].value.len == 3 &&
            !memcmp(record->headers[0].value.data, "x-1", 3);
}

static void test_sink_when_a_record_has_headers_and_time_then_they_arrive(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("envelope", 1);
    assert_int_equal(door_write_envelope(&client, topic), WEIR_OK);
    bool good = false;
    struct door_source source = {.see = see_headers, .context = &good};
    assert_int_equal(door_source_open(&source, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_until(&source, 1));
    assert_true(good);
    weir_kafka_source_close(source.source);
}

static void fill(const struct weir_kafka_client *client, const char *topic, uint64_t first, uint64_t count) {
    struct door_sink sink = {0};
    assert_int_equal(door_sink_open(&sink, client, topic, true), WEIR_OK);
    assert_int_equal(door_sink_fill(&sink, first, count, 1000), WEIR_OK);
    weir_kafka_sink_close(sink.sink);
}

static void test_source_when_offsets_were_committed_then_the_next_goes_on_there(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("resume", 4);
    fill(&client, topic, 0, 20000);
    struct door_source first = {0};
    assert_int_equal(door_source_open(&first, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_until(&first, 20000));
    assert_int_equal(door_source_commit(&first), WEIR_OK);
    int64_t next[DOOR_PARTITIONS];
    memcpy(next, first.next, sizeof next);
    weir_kafka_source_close(first.source);

    fill(&client, topic, 20000, 5000);
    struct door_source second = {0};
    assert_int_equal(door_source_open(&second, &client, topic, topic, true),
                     WEIR_OK); /* latest must not count */
    assert_true(door_source_owns(&second, 4));
    for (int p = 0; p < 4; p++) assert_int_equal(second.started[p], next[p]);
    assert_true(door_source_until(&second, 5000));
    assert_int_equal(second.records, 5000);
    assert_int_equal(second.backward, 0);
    weir_kafka_source_close(second.source);
}

static void test_source_when_start_is_latest_and_nothing_committed_then_only_new_records(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("latest", 2);
    fill(&client, topic, 0, 1000);
    struct door_source source = {0};
    assert_int_equal(door_source_open(&source, &client, topic, topic, true), WEIR_OK);
    assert_true(door_source_owns(&source, 2));
    assert_int_equal(source.started[0] + source.started[1], 1000);
    fill(&client, topic, 1000, 100);
    assert_true(door_source_until(&source, 100));
    assert_int_equal(source.records, 100);
    weir_kafka_source_close(source.source);
}

#define SHARED 40000
static unsigned char seen_times[SHARED];
static void see_number(void *context, const struct weir_record *record) {
    (void)context;
    char text[24] = {0};
    memcpy(text, record->value.data, record->value.len < 23 ? record->value.len : 23);
    uint64_t number = strtoull(text, NULL, 10);
    if (number < SHARED && seen_times[number] < 255) seen_times[number]++;
}

/* Members come and go while records flow. Each gives its partitions back with what it has seen committed, so
 * nothing may be lost and nothing doubled. */
static void test_group_when_members_come_and_go_then_each_record_is_read_once(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("group", 8);
    memset(seen_times, 0, sizeof seen_times);
    struct door_source one = {.commit_on_revoke = true, .see = see_number}, two = one, three = one;
    assert_int_equal(door_source_open(&one, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_owns(&one, 8));
    fill(&client, topic, 0, 10000);
    assert_int_equal(door_source_open(&two, &client, topic, topic, false), WEIR_OK);
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while ((one.owned != 4 || two.owned != 4) && door_now_ms() < deadline_ms) {
        assert_true(door_source_turn(&one, 20) >= 0);
        assert_true(door_source_turn(&two, 20) >= 0);
    }
    assert_int_equal(one.owned, 4);
    assert_int_equal(two.owned, 4);
    assert_int_equal(one.revocations, 1);
    fill(&client, topic, 10000, 10000);
    while (one.records + two.records < 20000 && door_now_ms() < deadline_ms) {
        assert_true(door_source_turn(&one, 20) >= 0);
        assert_true(door_source_turn(&two, 20) >= 0);
    }
    assert_int_equal(door_source_commit(&one), WEIR_OK);
    weir_kafka_source_close(one.source);
    fill(&client, topic, 20000, 10000);
    assert_int_equal(door_source_open(&three, &client, topic, topic, false), WEIR_OK);
    fill(&client, topic, 30000, 10000);
    deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while (one.records + two.records + three.records < SHARED && door_now_ms() < deadline_ms) {
        assert_true(door_source_turn(&two, 20) >= 0);
        assert_true(door_source_turn(&three, 20) >= 0);
    }
    uint32_t lost = 0, doubled = 0;
    for (int i = 0; i < SHARED; i++) {
        lost += seen_times[i] == 0;
        doubled += seen_times[i] > 1;
    }
    assert_int_equal(lost, 0);
    assert_int_equal(doubled, 0);
    weir_kafka_source_close(two.source);
    weir_kafka_source_close(three.source);
}

/* Polls until the source says it cannot go on. */
static int until_broken(struct door_source *source) {
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    int result = 0;
    while (result >= 0 && door_now_ms() < deadline_ms) result = door_source_turn(source, 100);
    return result;
}

static void test_source_when_input_was_deleted_before_it_was_read_then_the_range_is_named(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("lost", 1);
    fill(&client, topic, 0, 1000);
    struct door_source first = {0};
    assert_int_equal(door_source_open(&first, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_until(&first, 1000));
    weir_kafka_source_store(first.source, 0, 100);
    assert_int_equal(weir_kafka_source_commit(first.source, true, &first.error), WEIR_OK);
    weir_kafka_source_close(first.source);
    assert_int_equal(weir_kafka_topic_trim(&client, topic, 0, 250, 10000, &first.error), WEIR_OK);

    struct door_source second = {0};
    assert_int_equal(door_source_open(&second, &client, topic, topic, false), WEIR_OK);
    assert_int_equal(until_broken(&second), WEIR_IO);
    assert_non_null(strstr(second.error.text, "offsets 100 to 249"));
    assert_non_null(strstr(second.error.text, "partition 0"));
    assert_int_equal(second.records, 0);
    weir_kafka_source_close(second.source);
}

static void test_source_when_the_committed_offset_is_behind_the_end_then_it_stops(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("beyond", 1);
    fill(&client, topic, 0, 10);
    struct door_source first = {0};
    assert_int_equal(door_source_open(&first, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_until(&first, 10));
    weir_kafka_source_store(first.source, 0, 5000);
    assert_int_equal(weir_kafka_source_commit(first.source, true, &first.error), WEIR_OK);
    weir_kafka_source_close(first.source);
    struct door_source second = {0};
    assert_int_equal(door_source_open(&second, &client, topic, topic, false), WEIR_OK);
    assert_int_equal(until_broken(&second), WEIR_IO);
    assert_non_null(strstr(second.error.text, "asks for offset 5000"));
    weir_kafka_source_close(second.source);
}

static void test_source_when_the_topic_is_missing_then_it_stops_with_its_name(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("missing", 0);
    struct door_source source = {0};
    assert_int_equal(door_source_open(&source, &client, topic, topic, false), WEIR_OK);
    assert_int_equal(until_broken(&source), WEIR_IO);
    assert_non_null(strstr(source.error.text, topic));
    weir_kafka_source_close(source.source);
}

/* The last offset of the log is a commit marker that no poll returns; caught_up still reports the end. */
static void test_source_when_the_log_ends_in_a_transaction_marker_then_caught_up_reaches_the_end(
    void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("marker", 1);
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", client.brokers, why, sizeof why);
    rd_kafka_conf_set(conf, "transactional.id", topic, why, sizeof why);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(producer);
    assert_null(rd_kafka_init_transactions(producer, 30000));
    for (int round = 0; round < 2; round++) { /* the first is aborted: its record is never seen */
        assert_null(rd_kafka_begin_transaction(producer));
        broker_produce(producer, topic, 0, "k", 1, "v", 1, 1714557600000);
        assert_int_equal(rd_kafka_flush(producer, 30000), 0); /* an abort drops what was not sent */
        assert_null(round ? rd_kafka_commit_transaction(producer, 30000)
                          : rd_kafka_abort_transaction(producer, 30000));
    }
    rd_kafka_destroy(producer);

    struct door_source source = {0};
    assert_int_equal(door_source_open(&source, &client, topic, topic, false), WEIR_OK);
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS, end = -1;
    while (end != 4 &&
           door_now_ms() < deadline_ms) { /* the commit marker may be written after commit returns */
        assert_int_equal(weir_kafka_source_ends(source.source, &end, 1, &source.error), 1);
        door_source_turn(&source, 100);
    }
    assert_int_equal(end, 4); /* record, abort, record, commit */
    while (source.caught_up[0] < end && door_now_ms() < deadline_ms)
        assert_true(door_source_turn(&source, 100) >= 0);
    assert_int_equal(source.caught_up[0], end);
    assert_int_equal(source.records, 1);
    assert_int_equal(source.next[0], 3);
    weir_kafka_source_close(source.source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topic_look_when_created_by_us_then_it_keeps_its_records_for_ever),
        cmocka_unit_test(test_sink_when_a_record_has_headers_and_time_then_they_arrive),
        cmocka_unit_test(test_source_when_offsets_were_committed_then_the_next_goes_on_there),
        cmocka_unit_test(test_source_when_start_is_latest_and_nothing_committed_then_only_new_records),
        cmocka_unit_test(test_group_when_members_come_and_go_then_each_record_is_read_once),
        cmocka_unit_test(test_source_when_input_was_deleted_before_it_was_read_then_the_range_is_named),
        cmocka_unit_test(test_source_when_the_committed_offset_is_behind_the_end_then_it_stops),
        cmocka_unit_test(test_source_when_the_topic_is_missing_then_it_stops_with_its_name),
        cmocka_unit_test(
            test_source_when_the_log_ends_in_a_transaction_marker_then_caught_up_reaches_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
