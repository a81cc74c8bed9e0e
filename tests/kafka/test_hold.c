/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: against a real broker, partitions that start with their intake off (R8): what the group committed is
 * told at assignment, and after weir_kafka_source_begin every record comes out once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/door.h"
#include "kafka/transaction.h"
#include "support/broker.h"

/* Offsets are counted up from 0 without gaps, so a record lost or doubled shows in its partition's sequence.
 */
struct order {
    int64_t next[2], wrong;
};
static void see_order(void *context, const struct weir_record *record) {
    struct order *order = context;
    if (record->offset != order->next[record->partition]) order->wrong++;
    order->next[record->partition] = record->offset + 1;
}

static void fill(const char *topic, int32_t partition, long count) {
    rd_kafka_t *producer = broker_producer();
    for (long i = 0; i < count; i++) broker_produce(producer, topic, partition, "k", 1, "value", 5, 0);
    broker_flush(producer);
}

static void turn_for(struct door_source *door, int64_t ms) {
    int64_t deadline_ms = door_now_ms() + ms;
    while (door_now_ms() < deadline_ms)
        if (door_source_turn(door, 20) < 0) fail_msg("%s", door->error.text);
}

static void turn_until(struct door_source *door, const int64_t *next, int64_t end) {
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while (*next < end && door_now_ms() < deadline_ms)
        if (door_source_turn(door, 100) < 0) fail_msg("%s", door->error.text);
    assert_int_equal(*next, end);
}

static void test_begin_when_called_much_later_then_all_records_come_in_order(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("hold", 2);
    struct order order = {.wrong = 0};
    struct door_source door = {.holding = true, .see = see_order, .context = &order};
    fill(topic, 0, 20000);
    assert_int_equal(door_source_open(&door, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_owns(&door, 2));
    assert_true(door.started[0] == 0 && door.started[1] == 0);
    assert_string_equal(door.metadata[0], "");
    turn_for(&door, 1500); /* long enough to fetch much and to wait for more */
    fill(topic, 0, 20000);
    fill(topic, 1, 100);
    turn_for(&door, 500);
    assert_int_equal(door.records, 0);
    assert_true(door.caught_up[0] == -1);

    weir_kafka_source_begin(door.source, 0);
    turn_until(&door, &order.next[0], 40000);
    assert_int_equal(door.records, 40000); /* none of the other */
    weir_kafka_source_begin(door.source, 1);
    turn_until(&door, &order.next[1], 100);
    weir_kafka_source_begin(door.source, 1); /* nothing happens */
    fill(topic, 0, 1000);
    fill(topic, 1, 1000);
    turn_until(&door, &order.next[0], 41000);
    turn_until(&door, &order.next[1], 1100);
    assert_int_equal(door.records, 42100);
    assert_int_equal(order.wrong, 0);
    weir_kafka_source_close(door.source);
}

/* The descriptor alone must wake the loop after begin, although the records were there before. */
static void test_begin_when_nothing_else_happens_then_the_descriptor_is_readable(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("hold-wake", 1);
    struct order order = {.wrong = 0};
    struct door_source door = {.holding = true, .see = see_order, .context = &order};
    fill(topic, 0, 10);
    assert_int_equal(door_source_open(&door, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_owns(&door, 1));
    turn_for(&door, 1500);
    weir_kafka_source_begin(door.source, 0);
    struct pollfd wait = {.fd = weir_kafka_source_fd(door.source), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 0), 1);
    assert_true(door_source_turn(&door, 0) == 10);
    weir_kafka_source_close(door.source);
}

static void test_begin_when_the_partition_was_given_back_then_its_records_are_the_new_owners(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("hold-revoked", 2);
    struct order mine = {.wrong = 0}, theirs = {.wrong = 0};
    struct door_source one = {.holding = true, .see = see_order, .context = &mine};
    struct door_source two = {.commit_on_revoke = true, .see = see_order, .context = &theirs};
    fill(topic, 0, 5000);
    fill(topic, 1, 5000);
    assert_int_equal(door_source_open(&one, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_owns(&one, 2));
    turn_for(&one, 500);
    assert_int_equal(door_source_open(&two, &client, topic, topic, false), WEIR_OK);
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while ((one.owned != 1 || two.owned != 1) && door_now_ms() < deadline_ms) {
        assert_true(door_source_turn(&one, 20) >= 0);
        assert_true(door_source_turn(&two, 20) >= 0);
    }
    int kept = one.started[0] >= 0 ? 0 : 1, moved = !kept;
    assert_true(one.started[kept] == 0 && two.started[moved] == 0);
    weir_kafka_source_begin(one.source, moved); /* too late */
    weir_kafka_source_begin(one.source, kept);
    turn_until(&one, &mine.next[kept], 5000);
    turn_until(&two, &theirs.next[moved], 5000);
    assert_int_equal(one.records, 5000);
    assert_int_equal(two.records, 5000);

    assert_int_equal(door_source_commit(&two), WEIR_OK); /* and back, held anew at what was committed */
    weir_kafka_source_close(two.source);
    fill(topic, moved, 300);
    mine.next[moved] = 5000;
    assert_true(door_source_owns(&one, 2));
    assert_int_equal(one.started[moved], 5000);
    turn_for(&one, 500);
    assert_int_equal(one.records, 5000);
    weir_kafka_source_begin(one.source, moved);
    turn_until(&one, &mine.next[moved], 5300);
    assert_int_equal(one.records, 5300);
    assert_int_equal(mine.wrong + theirs.wrong, 0);
    weir_kafka_source_close(one.source);
}

static void test_hold_when_the_group_committed_in_a_transaction_then_its_metadata_is_told(void **state) {
    (void)state;
    struct weir_kafka_client client = {.brokers = broker_address()};
    const char *topic = broker_topic("hold-metadata", 2), *output = broker_topic("hold-out", 1);
    struct weir_kafka_txn_options options = {.client = client, .id = topic, .journal = output};
    struct weir_kafka_txn *txn;
    struct weir_error error;
    fill(topic, 0, 100);
    struct door_source first = {0};
    assert_int_equal(door_source_open(&first, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_until(&first, 100));
    if (weir_kafka_txn_open(&options, &txn, &error)) fail_msg("%s", error.text);
    struct weir_kafka_membership *membership = weir_kafka_membership_take(first.source);
    const struct weir_kafka_offset offset = {.partition = 0, .next = 60, .metadata = "17:0123456789abcdef"};
    assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
    assert_int_equal(
        weir_kafka_txn_journal(txn, 0, (struct weir_bytes){"t", 1}, (struct weir_bytes){"u", 1}, &error),
        WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_offsets(txn, topic, membership, &offset, 1, &error), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    weir_kafka_membership_free(membership);
    weir_kafka_txn_close(txn);
    weir_kafka_source_close(first.source);

    struct order order = {.next = {60, 0}};
    struct door_source second = {.holding = true, .see = see_order, .context = &order};
    assert_int_equal(door_source_open(&second, &client, topic, topic, false), WEIR_OK);
    assert_true(door_source_owns(&second, 2));
    assert_int_equal(second.started[0], 60);
    assert_string_equal(second.metadata[0], "17:0123456789abcdef");
    assert_string_equal(second.metadata[1], "");
    weir_kafka_source_begin(second.source, 0);
    turn_until(&second, &order.next[0], 100);
    assert_int_equal(order.wrong, 0);
    weir_kafka_source_close(second.source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_when_called_much_later_then_all_records_come_in_order),
        cmocka_unit_test(test_begin_when_nothing_else_happens_then_the_descriptor_is_readable),
        cmocka_unit_test(test_begin_when_the_partition_was_given_back_then_its_records_are_the_new_owners),
        cmocka_unit_test(test_hold_when_the_group_committed_in_a_transaction_then_its_metadata_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
