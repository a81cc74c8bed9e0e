/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: against a real broker, what a transactional producer of weir promises: all or nothing with offsets
 * and their metadata, fencing of older producers (R5) and of former members (R3), no byte used after its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "kafka/door.h"
#include "kafka/transaction.h"
#include "support/broker.h"

#include <librdkafka/rdkafka_mock.h> /* after rdkafka.h */

struct bed {
    struct weir_kafka_client client;
    const char *input, *output, *alerts, *journal, *id;
    struct door_source source; /* member of group `input`, owns both partitions */
    struct weir_kafka_txn *txn;
    struct weir_error error;
};

static enum weir_txn open_txn(struct bed *bed, struct weir_kafka_txn **txn) {
    struct weir_kafka_txn_options options = {
        .client = bed->client,
        .id = bed->id,
        .topics = {[WEIR_PREDICTIONS] = bed->output, [WEIR_ALERTS] = bed->alerts},
        .bare = {[WEIR_PREDICTIONS] = true},
        .journal = bed->journal,
    };
    return weir_kafka_txn_open(&options, txn, &bed->error);
}

static void bed_open(struct bed *bed) {
    memset(bed, 0, sizeof *bed);
    bed->client.brokers = broker_address();
    bed->input = broker_topic("txn-in", 2);
    bed->output = broker_topic("txn-out", 2);
    bed->alerts = broker_topic("txn-alerts", 1);
    bed->journal = broker_topic("txn-journal", 3);
    bed->id = bed->output;
    assert_int_equal(door_source_open(&bed->source, &bed->client, bed->input, bed->input, false), WEIR_OK);
    assert_true(door_source_owns(&bed->source, 2));
    if (open_txn(bed, &bed->txn)) fail_msg("%s", bed->error.text);
}

static void bed_close(struct bed *bed) {
    weir_kafka_txn_close(bed->txn);
    weir_kafka_source_close(bed->source.source);
}

#define WRITE(bed, records, count) \
    assert_int_equal(weir_kafka_txn_write((bed)->txn, records, count, &(bed)->error), WEIR_TXN_OK)

#define BEGIN_WITH(bed, record)                                                         \
    do {                                                                                \
        assert_int_equal(weir_kafka_txn_begin((bed)->txn, &(bed)->error), WEIR_TXN_OK); \
        WRITE(bed, record, 1);                                                          \
    } while (0)

static struct weir_output_record prediction(const char *value) {
    return (struct weir_output_record){.stream = WEIR_PREDICTIONS,
                                       .timestamp_ms = WEIR_NO_TIMESTAMP,
                                       .key = {"k", 1},
                                       .value = {value, strlen(value)}};
}

static enum weir_txn send_offsets(struct bed *bed, int64_t next, const char *metadata) {
    struct weir_kafka_offset offsets[2] = {{.partition = 0, .next = next}, {.partition = 1, .next = 7}};
    snprintf(offsets[0].metadata, sizeof offsets[0].metadata, "%s", metadata);
    struct weir_kafka_membership *membership = weir_kafka_membership_take(bed->source.source);
    enum weir_txn outcome = weir_kafka_txn_offsets(bed->txn, bed->input, membership, offsets, 2, &bed->error);
    weir_kafka_membership_free(membership);
    return outcome;
}

/* Of partition 0. */
static int64_t committed(struct bed *bed) {
    struct weir_kafka_offset offset = {.partition = 0};
    assert_int_equal(weir_kafka_committed(bed->source.source, &offset, 1, 10000, &bed->error), WEIR_OK);
    return offset.next;
}

struct seen {
    long timed;
    char last[64];
};
static void see(void *owner, const rd_kafka_message_t *message) {
    struct seen *seen = owner;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    if (!rd_kafka_message_headers(message, &headers) &&
        !rd_kafka_header_get_last(headers, "weir-id", &value, &len) && len == 3 && !memcmp(value, "a-1", 3) &&
        rd_kafka_message_timestamp(message, NULL) == 1714557600042)
        seen->timed++;
    snprintf(seen->last, sizeof seen->last, "%.*s", (int)message->len, (const char *)message->payload);
}

static void test_commit_when_ok_then_records_journal_and_offsets_are_visible_together(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    const struct weir_header header = {"weir-id", {"a-1", 3}};
    const struct weir_output_record alert = {.stream = WEIR_ALERTS,
                                             .timestamp_ms = 1714557600042,
                                             .key = {"k", 1},
                                             .value = {"alert", 5},
                                             .headers = &header,
                                             .header_count = 1};
    const struct weir_output_record records[3] = {prediction("one"), alert, prediction("two")};
    struct seen seen = {0};
    for (int64_t n = 1; n <= 2; n++) {
        assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
        WRITE(&bed, records, 3);
        assert_int_equal(weir_kafka_txn_journal(bed.txn, 2, (struct weir_bytes){"t", 1},
                                                (struct weir_bytes){"unit", 4}, &bed.error),
                         WEIR_TXN_OK);
        assert_true(weir_kafka_txn_journaled(bed.txn, 2) == -1);
        assert_int_equal(send_offsets(&bed, 40 + n, n == 1 ? "" : "2:00ff00ff"), WEIR_TXN_OK);
        assert_int_equal(broker_read(bed.output, 2, &seen, see), 2 * (n - 1));
        assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
        assert_true(weir_kafka_txn_journaled(bed.txn, 2) == 2 * (n - 1)); /* one marker between */
        assert_true(weir_kafka_txn_journaled(bed.txn, 0) == -1);
    }
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 4);
    assert_int_equal(seen.timed, 0);
    assert_int_equal(broker_read(bed.alerts, 1, &seen, see), 2);
    assert_int_equal(seen.timed, 2);
    assert_int_equal(broker_read(bed.journal, 3, &seen, see), 2);
    assert_string_equal(seen.last, "unit");

    struct weir_kafka_offset offsets[2] = {{.partition = 1}, {.partition = 0}};
    assert_int_equal(weir_kafka_committed(bed.source.source, offsets, 2, 10000, &bed.error), WEIR_OK);
    assert_true(offsets[0].next == 7 && offsets[1].next == 42);
    assert_string_equal(offsets[0].metadata, "");
    assert_string_equal(offsets[1].metadata, "2:00ff00ff");
    bed_close(&bed);
}

static void test_committed_when_the_group_has_none_then_minus_one(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    struct weir_kafka_offset offset = {.partition = 1, .next = 5, .metadata = "x"};
    assert_int_equal(weir_kafka_committed(bed.source.source, &offset, 1, 10000, &bed.error), WEIR_OK);
    assert_true(offset.next == -1);
    assert_string_equal(offset.metadata, "");
    bed_close(&bed);
}

/* Offsets of a transaction under way are not stable: no answer until it is decided. */
static void test_committed_when_a_transaction_is_open_then_again(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    struct weir_output_record record = prediction("open");
    BEGIN_WITH(&bed, &record);
    assert_int_equal(send_offsets(&bed, 3, "1:a"), WEIR_TXN_OK);
    struct weir_kafka_offset offset = {.partition = 0};
    assert_int_equal(weir_kafka_committed(bed.source.source, &offset, 1, 1500, &bed.error), WEIR_AGAIN);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_committed(bed.source.source, &offset, 1, 10000, &bed.error), WEIR_OK);
    assert_true(offset.next == 3);
    bed_close(&bed);
}

static void test_abort_when_records_were_sent_then_they_stay_invisible_and_can_be_sent_again(void **state) {
    (void)state;
    struct bed bed;
    struct seen seen = {0};
    bed_open(&bed);
    struct weir_output_record record = prediction("again");
    for (int round = 0; round < 20; round++) { /* J3: aborted at once, before anything is delivered */
        assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
        if (round) WRITE(&bed, &record, 1);
        if (round > 15) assert_int_equal(send_offsets(&bed, 9, "1:a"), WEIR_TXN_OK);
        if (weir_kafka_txn_abort(bed.txn, &bed.error)) fail_msg("round %d: %s", round, bed.error.text);
    }
    BEGIN_WITH(&bed, &record);
    assert_int_equal(send_offsets(&bed, 1, "1:b"), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 1);
    assert_true(committed(&bed) == 1);
    bed_close(&bed);
}

static void test_open_when_an_older_producer_has_the_id_then_the_older_is_fenced(void **state) {
    (void)state;
    struct bed bed;
    struct seen seen = {0};
    bed_open(&bed);
    struct weir_output_record record = prediction("zombie");
    BEGIN_WITH(&bed, &record);
    assert_int_equal(send_offsets(&bed, 5, "1:z"), WEIR_TXN_OK);
    struct weir_kafka_txn *younger;
    if (open_txn(&bed, &younger)) fail_msg("%s", bed.error.text);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_FENCED);
    assert_non_null(strstr(bed.error.text, bed.id));
    weir_kafka_txn_close(bed.txn);
    bed.txn = younger;
    assert_true(committed(&bed) == -1);
    BEGIN_WITH(&bed, &record);
    assert_int_equal(send_offsets(&bed, 5, "1:y"), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 1);
    bed_close(&bed);
}

/* Fenced while it only writes: the broker refuses its records, and that must not look like a reason to try
 * again. */
static void test_write_when_fenced_then_the_next_steps_say_so(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    struct weir_output_record record = prediction("zombie");
    assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
    struct weir_kafka_txn *younger;
    if (open_txn(&bed, &younger)) fail_msg("%s", bed.error.text);
    WRITE(&bed, &record, 1);
    enum weir_txn outcome = send_offsets(&bed, 5, "1:z");
    if (outcome == WEIR_TXN_ABORT) outcome = weir_kafka_txn_abort(bed.txn, &bed.error);
    if (outcome != WEIR_TXN_FENCED) fail_msg("outcome %d: %s", (int)outcome, bed.error.text);
    weir_kafka_txn_close(younger);
    bed_close(&bed);
}

/* R3: offsets of a former generation are refused, the rest of the transaction with them. */
static void test_offsets_when_the_group_moved_on_then_stale(void **state) {
    (void)state;
    struct bed bed;
    struct seen seen = {0};
    bed_open(&bed);
    struct weir_kafka_membership *former = weir_kafka_membership_take(bed.source.source);
    struct door_source second = {0};
    assert_int_equal(door_source_open(&second, &bed.client, bed.input, bed.input, false), WEIR_OK);
    int64_t deadline_ms = door_now_ms() + DOOR_TIMEOUT_MS;
    while ((bed.source.owned != 1 || second.owned != 1) && door_now_ms() < deadline_ms) {
        assert_true(door_source_turn(&bed.source, 20) >= 0);
        assert_true(door_source_turn(&second, 20) >= 0);
    }
    struct weir_output_record record = prediction("stale");
    const struct weir_kafka_offset offset = {.partition = 0, .next = 5};
    BEGIN_WITH(&bed, &record);
    assert_int_equal(weir_kafka_txn_offsets(bed.txn, bed.input, former, &offset, 1, &bed.error),
                     WEIR_TXN_STALE);
    weir_kafka_membership_free(former);
    assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);

    former = weir_kafka_membership_take(second.source); /* the generation is right, then the member leaves */
    weir_kafka_source_close(second.source);
    BEGIN_WITH(&bed, &record);
    assert_int_equal(weir_kafka_txn_offsets(bed.txn, bed.input, former, &offset, 1, &bed.error),
                     WEIR_TXN_STALE);
    weir_kafka_membership_free(former);
    assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 0);
    bed_close(&bed);
}

/* A source that is not in its group yet has no generation, which the broker would take from anybody. */
static void test_offsets_when_not_yet_a_member_then_stale(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    struct door_source early = {0};
    assert_int_equal(door_source_open(&early, &bed.client, bed.input, "group-of-nobody", false), WEIR_OK);
    struct weir_kafka_membership *none = weir_kafka_membership_take(early.source);
    struct weir_output_record record = prediction("unfenced");
    const struct weir_kafka_offset offset = {.partition = 0, .next = 5};
    BEGIN_WITH(&bed, &record);
    assert_int_equal(weir_kafka_txn_offsets(bed.txn, bed.input, none, &offset, 1, &bed.error),
                     WEIR_TXN_STALE);
    assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);
    weir_kafka_membership_free(none);
    assert_true(door_source_owns(&early, 2));
    weir_kafka_source_close(early.source);
    bed_close(&bed);
}

/* librdkafka would take an empty list silently, and nothing would fence (R3): the caller is wrong. */
static void test_offsets_when_there_are_none_then_the_caller_is_stopped(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    struct weir_kafka_membership *membership = weir_kafka_membership_take(bed.source.source);
    const struct weir_kafka_offset offset = {.next = 1};
    assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
    pid_t child = fork();
    if (!child) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        weir_kafka_txn_offsets(bed.txn, bed.input, membership, &offset, 0, &bed.error);
        _exit(0);
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    weir_kafka_membership_free(membership);
    bed_close(&bed);
}

static void test_write_when_more_than_the_queue_holds_then_it_waits_for_room(void **state) {
    (void)state;
    struct bed bed;
    struct seen seen = {0};
    bed_open(&bed);
    const struct weir_property properties[] = {
        {.name = "queue.buffering.max.messages", .value = "1000"},
        {.name = "queue.buffering.max.kbytes", .value = "64"},
        /* legal for the other deliveries, too long for a transaction */
        {.name = "message.timeout.ms", .value = "300000"},
        {.name = "socket.timeout.ms", .value = "60000"},
    };
    weir_kafka_txn_close(bed.txn);
    bed.client.properties = properties;
    bed.client.property_count = 4;
    if (open_txn(&bed, &bed.txn)) fail_msg("%s", bed.error.text);
    static struct weir_output_record records[20000];
    for (int i = 0; i < 20000; i++) records[i] = prediction("0123456789");
    assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
    WRITE(&bed, records, 20000);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(weir_kafka_txn_journal(bed.txn, 0, (struct weir_bytes){"t", 1},
                                                (struct weir_bytes){"unit", 4}, &bed.error),
                         WEIR_TXN_OK);
    assert_int_equal(send_offsets(&bed, 20000, "1:q"), WEIR_TXN_OK);
    assert_true(weir_kafka_txn_journaled(bed.txn, 0) == 2999);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 20000);
    bed_close(&bed);
}

static void test_offsets_when_a_record_was_refused_then_abort_names_its_topic(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    weir_kafka_txn_close(bed.txn);
    bed.alerts = "no-such-topic";
    if (open_txn(&bed, &bed.txn)) fail_msg("%s", bed.error.text);
    struct weir_output_record record = prediction("v");
    record.stream = WEIR_ALERTS;
    assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
    enum weir_txn outcome = weir_kafka_txn_write(bed.txn, &record, 1, &bed.error);
    if (!outcome) outcome = send_offsets(&bed, 1, "1:n");
    assert_int_equal(outcome, WEIR_TXN_ABORT);
    assert_non_null(strstr(bed.error.text, "no-such-topic"));
    assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);
    record.stream = WEIR_PREDICTIONS;
    BEGIN_WITH(&bed, &record);
    assert_int_equal(send_offsets(&bed, 1, "1:n"), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
    bed_close(&bed);
}

/* R5: librdkafka asks again by itself and says OK; that a connection was lost is all one hears of it. The
 * mock cluster drops the connection when EndTxn comes. */
static void test_commit_when_the_connection_drops_then_the_producer_is_shaken(void **state) {
    (void)state;
    char why[256];
    struct bed bed = {.output = "out", .journal = "journal", .id = "shaken"};
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(rk, 1);
    rd_kafka_mock_topic_create(mock, bed.output, 1, 1);
    rd_kafka_mock_topic_create(mock, bed.journal, 1, 1);
    bed.client.brokers = rd_kafka_mock_cluster_bootstraps(mock);
    if (open_txn(&bed, &bed.txn)) fail_msg("%s", bed.error.text);
    struct weir_output_record record = prediction("v");
    for (int round = 0; round < 3; round++) {
        assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
        WRITE(&bed, &record, 1);
        if (round == 1)
            rd_kafka_mock_push_request_errors(mock, 26 /* EndTxn */, 1, RD_KAFKA_RESP_ERR__TRANSPORT);
        assert_int_equal(weir_kafka_txn_commit(bed.txn, &bed.error), WEIR_TXN_OK);
        assert_int_equal(weir_kafka_txn_is_shaken(bed.txn), round == 1);
    }
    weir_kafka_txn_close(bed.txn);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}

/* A record that can never be sent is told apart: sending it again would not help. */
static void test_write_when_a_record_is_too_large_then_abort_with_a_limit(void **state) {
    (void)state;
    struct bed bed;
    bed_open(&bed);
    char *large = malloc(9000000); /* topics of ours take 8 MiB */
    memset(large, 'x', 9000000);
    const struct weir_bytes key = {"k", 1};
    struct weir_output_record record = prediction("v");
    for (int round = 0; round < 3; round++) {
        const struct weir_property property = {.name = "message.max.bytes",
                                               .value = round < 2 ? "100000" : "20000000"};
        weir_kafka_txn_close(bed.txn);
        bed.client.properties = &property;
        bed.client.property_count = 1;
        if (open_txn(&bed, &bed.txn)) fail_msg("%s", bed.error.text);
        assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
        record.value = (struct weir_bytes){large, round < 2 ? 200000 : 9000000};
        enum weir_txn outcome = round == 1 ? weir_kafka_txn_journal(bed.txn, 0, key, record.value, &bed.error)
                                           : weir_kafka_txn_write(bed.txn, &record, 1, &bed.error);
        if (round == 2 && !outcome) outcome = send_offsets(&bed, 1, "1:n"); /* the broker's limit */
        assert_int_equal(outcome, WEIR_TXN_ABORT);
        assert_int_equal(bed.error.result, WEIR_LIMIT);
        assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);
    }
    free(large);
    bed_close(&bed);
}

/* Run with ASan: the bytes are gone the moment close has returned. */
static void test_close_when_records_are_in_flight_then_their_bytes_are_not_used_any_more(void **state) {
    (void)state;
    struct bed bed;
    struct seen seen = {0};
    bed_open(&bed);
    for (int round = 0; round < 8; round++) {
        if (!bed.txn && open_txn(&bed, &bed.txn)) fail_msg("%s", bed.error.text);
        const size_t size = 20000, count = 1500;
        char *bytes = malloc(size * count);
        struct weir_output_record *records = calloc(count, sizeof *records);
        memset(bytes, 'x', size * count);
        for (size_t i = 0; i < count; i++)
            records[i] = (struct weir_output_record){.stream = i % 2 ? WEIR_PREDICTIONS : WEIR_ALERTS,
                                                     .timestamp_ms = WEIR_NO_TIMESTAMP,
                                                     .value = {bytes + i * size, size}};
        assert_int_equal(weir_kafka_txn_begin(bed.txn, &bed.error), WEIR_TXN_OK);
        WRITE(&bed, records, (uint32_t)count);
        if (round % 4 == 3) assert_int_equal(weir_kafka_txn_abort(bed.txn, &bed.error), WEIR_TXN_OK);
        if (round % 4 == 1) poll(NULL, 0, 20); /* some are with the broker by now, most are not */
        if (round % 4 != 3) {
            weir_kafka_txn_close(bed.txn);
            bed.txn = NULL;
        }
        memset(bytes, 'y', size * count);
        free(bytes);
        free(records);
    }
    assert_int_equal(broker_read(bed.output, 2, &seen, see), 0);
    bed_close(&bed);
}

static void test_open_when_no_broker_answers_then_again(void **state) {
    (void)state;
    struct bed bed = {.client.brokers = "127.0.0.1:1", .output = "o", .id = "i"};
    assert_int_equal(open_txn(&bed, &bed.txn), WEIR_TXN_AGAIN);
    assert_null(bed.txn);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit_when_ok_then_records_journal_and_offsets_are_visible_together),
        cmocka_unit_test(test_committed_when_the_group_has_none_then_minus_one),
        cmocka_unit_test(test_committed_when_a_transaction_is_open_then_again),
        cmocka_unit_test(test_abort_when_records_were_sent_then_they_stay_invisible_and_can_be_sent_again),
        cmocka_unit_test(test_open_when_an_older_producer_has_the_id_then_the_older_is_fenced),
        cmocka_unit_test(test_write_when_fenced_then_the_next_steps_say_so),
        cmocka_unit_test(test_offsets_when_the_group_moved_on_then_stale),
        cmocka_unit_test(test_offsets_when_not_yet_a_member_then_stale),
        cmocka_unit_test(test_offsets_when_there_are_none_then_the_caller_is_stopped),
        cmocka_unit_test(test_write_when_more_than_the_queue_holds_then_it_waits_for_room),
        cmocka_unit_test(test_offsets_when_a_record_was_refused_then_abort_names_its_topic),
        cmocka_unit_test(test_commit_when_the_connection_drops_then_the_producer_is_shaken),
        cmocka_unit_test(test_write_when_a_record_is_too_large_then_abort_with_a_limit),
        cmocka_unit_test(test_close_when_records_are_in_flight_then_their_bytes_are_not_used_any_more),
        cmocka_unit_test(test_open_when_no_broker_answers_then_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
