/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: against a real broker, ranges of committed records read back and forth (reader.h), and records
 * appended with their offsets (the writer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/door.h"
#include "kafka/reader.h"
#include "kafka/transaction.h"
#include "support/broker.h"

#define PATIENCE_MS 20000

static struct weir_kafka_reader *open_reader(const char *topic) {
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_kafka_reader *reader;
    struct weir_error error;
    if (weir_kafka_reader_open(&client, topic, &reader, &error)) fail_msg("%s", error.text);
    return reader;
}

/* Record i of partition 0 has the value "i". */
static void fill(const char *topic, int32_t partition, long first, long count) {
    rd_kafka_t *producer = broker_producer();
    for (long i = first; i < first + count; i++) {
        char value[24];
        int len = snprintf(value, sizeof value, "%ld", i);
        broker_produce(producer, topic, partition, "k", 1, value, (size_t)len, 0);
    }
    broker_flush(producer);
}

static long value_of(const struct weir_record *record) {
    char text[24] = {0};
    memcpy(text, record->value.data, record->value.len < 23 ? record->value.len : 23);
    return strtol(text, NULL, 10);
}

/* Reads until `count` records or the end; each must be the next of its kind. Returns how many there were. */
static long expect(struct weir_kafka_reader *reader, int32_t partition, long first, long count) {
    struct weir_record records[512];
    struct weir_error error;
    long seen = 0;
    while (seen < count) {
        uint32_t max = count - seen < 512 ? (uint32_t)(count - seen) : 512;
        int got = weir_kafka_reader_read(reader, partition, records, max, PATIENCE_MS, &error);
        if (got < 0) fail_msg("%s", error.text);
        if (!got) break;
        assert_true((uint32_t)got <= max);
        for (int i = 0; i < got; i++) {
            assert_int_equal(records[i].partition, partition);
            assert_int_equal(value_of(&records[i]), first + seen++);
        }
    }
    return seen;
}

static void seek(struct weir_kafka_reader *reader, int32_t partition, int64_t offset) {
    struct weir_error error;
    if (weir_kafka_reader_seek(reader, partition, offset, &error)) fail_msg("%s", error.text);
}

static int read_one(struct weir_kafka_reader *reader, int32_t partition, struct weir_error *error) {
    struct weir_record record;
    return weir_kafka_reader_read(reader, partition, &record, 1, PATIENCE_MS, error);
}

static void test_read_when_the_end_is_reached_then_zero_until_more_comes(void **state) {
    (void)state;
    const char *topic = broker_topic("reader-end", 2);
    struct weir_error error;
    fill(topic, 0, 0, 3000);
    struct weir_kafka_reader *reader = open_reader(topic);
    seek(reader, 0, -1);
    seek(reader, 1, 0);
    assert_int_equal(expect(reader, 0, 0, 5000), 3000);
    assert_int_equal(expect(reader, 1, 0, 1), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(read_one(reader, 0, &error), 0);
    fill(topic, 0, 3000, 10);
    assert_int_equal(expect(reader, 0, 3000, 100), 10);
    assert_int_equal(read_one(reader, 0, &error), 0);
    seek(reader, 0, 3010); /* to the end itself */
    assert_int_equal(read_one(reader, 0, &error), 0);
    weir_kafka_reader_close(reader);
}

/* A seek while much is queued: nothing of before may show, least of all as a gap. */
static void test_seek_when_sought_back_and_forth_then_reading_starts_exactly_there(void **state) {
    (void)state;
    const char *topic = broker_topic("reader-seek", 2);
    fill(topic, 0, 0, 200000);
    fill(topic, 1, 0, 5000);
    struct weir_kafka_reader *reader = open_reader(topic);
    seek(reader, 0, 0);
    seek(reader, 1, 0);
    unsigned random = 12345;
    long other = 0;
    for (int round = 0; round < 60; round++) {
        random = random * 1103515245 + 12345;
        long at = (long)(random >> 8) % 199000;
        seek(reader, 0, at);
        long count = (long)(random >> 4) % 900 + 1;
        if (round % 3) assert_int_equal(expect(reader, 0, at, count), count);
        assert_int_equal(expect(reader, 1, other, 50), 50); /* not disturbed */
        other += 50;
    }
    seek(reader, 0, 199990);
    assert_int_equal(expect(reader, 0, 199990, 100), 10);
    seek(reader, 0, 5); /* an end seen before does not count here */
    assert_int_equal(expect(reader, 0, 5, 199995), 199995);
    weir_kafka_reader_close(reader);
}

/* Until the log holds offsets up to `end`, committed or not. */
static void await_end(const char *topic, int64_t end) {
    char why[256];
    int64_t low, high = 0, deadline_ms = door_now_ms() + PATIENCE_MS;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address(), why, sizeof why);
    rd_kafka_conf_set(conf, "isolation.level", "read_uncommitted", why, sizeof why);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    while (high < end && door_now_ms() < deadline_ms)
        rd_kafka_query_watermark_offsets(consumer, topic, 0, &low, &high, 1000);
    assert_true(high == end);
    rd_kafka_destroy(consumer);
}

static struct weir_kafka_txn *open_txn(const char *topic, struct weir_error *error) {
    struct weir_kafka_txn_options options = {
        .client = {.brokers = broker_address()}, .id = topic, .journal = topic};
    struct weir_kafka_txn *txn;
    if (weir_kafka_txn_open(&options, &txn, error)) fail_msg("%s", error->text);
    return txn;
}

static void test_read_when_transactions_were_aborted_then_only_committed_records(void **state) {
    (void)state;
    const char *topic = broker_topic("reader-txn", 1);
    struct weir_error error;
    struct weir_kafka_txn *txn = open_txn(topic, &error);
    long committed = 0;
    char values[40][8];
    for (int round = 0; round < 12; round++) {
        bool good = round % 3 == 0;
        assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
        for (int i = 0; i < 40; i++) {
            int len = snprintf(values[i], sizeof values[i], "%ld", good ? committed++ : 9999);
            assert_int_equal(weir_kafka_txn_journal(txn, 0, (struct weir_bytes){"k", 1},
                                                    (struct weir_bytes){values[i], (size_t)len}, &error),
                             WEIR_TXN_OK);
        }
        assert_int_equal(good ? weir_kafka_txn_commit(txn, &error) : weir_kafka_txn_abort(txn, &error),
                         WEIR_TXN_OK);
    }
    struct weir_kafka_reader *reader = open_reader(topic);
    seek(reader, 0, -1);
    assert_int_equal(expect(reader, 0, 0, 1000), 160); /* what follows is aborted */
    seek(reader, 0, 40);                               /* the first marker, then two aborted transactions */
    assert_int_equal(expect(reader, 0, 40, 1000), 120);

    /* An open transaction ends what is committed; asking beyond it is no failure. */
    assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(weir_kafka_txn_journal(txn, 0, (struct weir_bytes){"k", 1},
                                                (struct weir_bytes){"160", 3}, &error),
                         WEIR_TXN_OK);
    await_end(topic, 12 * 41 + 3);
    seek(reader, 0, 12 * 41 + 2);
    struct weir_record record;
    assert_int_equal(weir_kafka_reader_read(reader, 0, &record, 1, 500, &error), 0);
    seek(reader, 0, 12 * 41);
    assert_int_equal(read_one(reader, 0, &error), 0);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    assert_int_equal(read_one(reader, 0, &error), 1);
    assert_int_equal(read_one(reader, 0, &error), 1);
    assert_int_equal(read_one(reader, 0, &error), 1);
    assert_int_equal(read_one(reader, 0, &error), 0);
    weir_kafka_reader_close(reader);
    weir_kafka_txn_close(txn);
}

static void test_seek_when_the_log_does_not_hold_the_offset_then_the_range_is_named(void **state) {
    (void)state;
    const char *topic = broker_topic("reader-lost", 1);
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_error error;
    fill(topic, 0, 0, 1000);
    if (weir_kafka_topic_trim(&client, topic, 0, 250, 10000, &error)) fail_msg("%s", error.text);
    struct weir_kafka_reader *reader = open_reader(topic);
    for (int round = 0; round < 3; round++) {
        seek(reader, 0, 100);
        assert_int_equal(read_one(reader, 0, &error), WEIR_DATA);
        assert_non_null(strstr(error.text, topic));
        assert_non_null(strstr(error.text, "partition 0"));
        assert_non_null(strstr(error.text, "offset 100 "));
        assert_non_null(strstr(error.text, "250 to 999"));
        assert_int_equal(read_one(reader, 0, &error), WEIR_DATA); /* until it is sought */
        seek(reader, 0, 250);
        assert_int_equal(expect(reader, 0, 250, 100), 100);
        seek(reader, 0, 5000);
        assert_int_equal(read_one(reader, 0, &error), WEIR_DATA);
        seek(reader, 0, -1);
        assert_int_equal(expect(reader, 0, 250, 100), 100);
    }
    assert_int_equal(weir_kafka_reader_seek(reader, 1, 0, &error), WEIR_IO);
    weir_kafka_reader_close(reader);
    assert_int_equal(weir_kafka_reader_open(&client, "no-such-topic", &reader, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "no-such-topic"));
}

static void test_read_when_records_have_headers_then_they_arrive(void **state) {
    (void)state;
    const char *topic = broker_topic("reader-envelope", 1);
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_error error;
    assert_int_equal(door_write_envelope(&client, topic), WEIR_OK);
    struct weir_kafka_reader *reader = open_reader(topic);
    struct weir_record got;
    seek(reader, 0, 0);
    assert_int_equal(weir_kafka_reader_read(reader, 0, &got, 1, PATIENCE_MS, &error), 1);
    assert_true(got.timestamp_ms == DOOR_TIME_MS && got.header_count == 1 && got.key.len == 1);
    assert_string_equal(got.headers[0].name, "weir-id");
    assert_memory_equal(got.headers[0].value.data, "x-1", 3);
    weir_kafka_reader_close(reader);
}

static void test_writer_when_it_returns_then_its_offsets_hold_its_records(void **state) {
    (void)state;
    const char *topic = broker_topic("writer", 3);
    struct weir_kafka_client client = {.brokers = broker_address()};
    struct weir_kafka_writer *writer;
    struct weir_error error;
    int64_t first, last;
    fill(topic, 2, 0, 5);
    assert_int_equal(weir_kafka_writer_open(&client, topic, &writer, &error), WEIR_OK);
    static struct weir_bytes keys[1500], values[1500];
    static char numbers[1500][8];
    for (int i = 0; i < 1500; i++) {
        keys[i] = (struct weir_bytes){"c", 1};
        values[i] = (struct weir_bytes){numbers[i], (size_t)snprintf(numbers[i], 8, "%d", 5 + i)};
    }
    assert_int_equal(weir_kafka_writer_write(writer, 2, keys, values, 1500, &first, &last, &error), WEIR_OK);
    assert_true(first == 5 && last == 1504);
    assert_int_equal(weir_kafka_writer_write(writer, 1, keys, values, 1, &first, &last, &error), WEIR_OK);
    assert_true(first == 0 && last == 0);
    struct weir_kafka_reader *reader = open_reader(topic);
    seek(reader, 2, 3);
    assert_int_equal(expect(reader, 2, 3, 5000), 1502);
    weir_kafka_reader_close(reader);

    char *large = malloc(9000000); /* over message.max.bytes; freed at once, whatever happened */
    memset(large, 'x', 9000000);
    const struct weir_bytes bytes[2] = {{large, 3000000}, {large, 9000000}}, no_key[2] = {{0}};
    assert_int_equal(weir_kafka_writer_write(writer, 0, no_key, bytes, 2, &first, &last, &error), WEIR_IO);
    free(large);
    assert_non_null(strstr(error.text, topic));
    weir_kafka_writer_close(writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_when_the_end_is_reached_then_zero_until_more_comes),
        cmocka_unit_test(test_seek_when_sought_back_and_forth_then_reading_starts_exactly_there),
        cmocka_unit_test(test_read_when_transactions_were_aborted_then_only_committed_records),
        cmocka_unit_test(test_seek_when_the_log_does_not_hold_the_offset_then_the_range_is_named),
        cmocka_unit_test(test_read_when_records_have_headers_then_they_arrive),
        cmocka_unit_test(test_writer_when_it_returns_then_its_offsets_hold_its_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
