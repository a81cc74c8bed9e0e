/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the simulated cluster does what Kafka does where exactly once depends on it, KAFKA-17754 included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cluster.h"

static struct sim_cluster *cluster;
static struct weir_error error;

static void fresh(uint64_t seed, const struct sim_faults *faults) {
    struct sim_cluster_options options = {.seed = seed, .faults = *faults};
    sim_cluster_reset(cluster, &options);
    sim_topic_create(cluster, "input", 2);
    sim_topic_create(cluster, "output", 1);
    sim_topic_create(cluster, "journal", 2);
}

static int make(void **state) {
    (void)state;
    cluster = sim_cluster_create(&(struct sim_cluster_options){.seed = 1});
    fresh(1, &sim_no_faults);
    return 0;
}

static int drop(void **state) {
    (void)state;
    sim_cluster_destroy(cluster);
    return 0;
}

static struct weir_bytes bytes(const char *text) { return (struct weir_bytes){text, strlen(text)}; }

static enum weir_txn try_open(int process, struct weir_kafka_txn **txn) {
    struct weir_kafka_txn_options options = {.client = sim_client(cluster, process),
                                             .id = "slot-0",
                                             .topics = {[WEIR_PREDICTIONS] = "output"},
                                             .journal = "journal"};
    return weir_kafka_txn_open(&options, txn, &error);
}

static struct weir_kafka_txn *open_txn(int process) {
    struct weir_kafka_txn *txn;
    assert_int_equal(try_open(process, &txn), WEIR_TXN_OK);
    return txn;
}

static enum weir_txn write_one(struct weir_kafka_txn *txn, const char *value) {
    struct weir_output_record record = {
        .stream = WEIR_PREDICTIONS, .timestamp_ms = WEIR_NO_TIMESTAMP, .value = bytes(value)};
    return weir_kafka_txn_write(txn, &record, 1, &error);
}

/* The only member owns both partitions of the input. */
static struct weir_kafka_source *lone_member(void) {
    struct weir_kafka_source *member = sim_consumer_open(cluster, 0);
    assert_true(sim_cluster_rebalance(cluster, (struct weir_kafka_source *[]){member, member}, 2));
    return member;
}

static enum weir_txn bind(struct weir_kafka_txn *txn, struct weir_kafka_source *member, int64_t next) {
    struct weir_kafka_membership *membership = weir_kafka_membership_take(member);
    struct weir_kafka_offset offset = {.partition = 0, .next = next, .metadata = "meta"};
    enum weir_txn result = weir_kafka_txn_offsets(txn, "input", membership, &offset, 1, &error);
    weir_kafka_membership_free(membership);
    return result;
}

/* All committed values of the output joined with spaces. */
static const char *outputs(void) {
    static char text[256];
    int64_t cursor = 0;
    const struct weir_record *record;
    text[0] = 0;
    while ((record = sim_committed_next(cluster, "output", 0, &cursor)) != NULL)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", text[0] ? " " : "",
                 (int)record->value.len, record->value.data);
    return text;
}

static int committed(struct weir_kafka_source *member, int64_t timeout_ms, int64_t *next) {
    struct weir_kafka_offset offset = {.partition = 0};
    int result = weir_kafka_committed(member, &offset, 1, timeout_ms, &error);
    *next = offset.next;
    return result;
}

static void test_txn_when_committed_then_records_offsets_and_journal_show_together(void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = open_txn(0);
    int64_t next;
    assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
    assert_int_equal(write_one(txn, "a"), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_journal(txn, 1, bytes("k"), bytes("j"), &error), WEIR_TXN_OK);
    assert_int_equal(bind(txn, member, 7), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_journaled(txn, 1), 0);
    assert_int_equal(weir_kafka_txn_journaled(txn, 0), -1);
    assert_string_equal(outputs(), "");
    assert_int_equal(sim_group_offset(cluster, 0)->next, -1);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    assert_string_equal(outputs(), "a");
    assert_int_equal(committed(member, 0, &next), WEIR_OK);
    assert_int_equal(next, 7);
    assert_string_equal(sim_group_offset(cluster, 0)->metadata, "meta");
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static void test_txn_when_a_younger_producer_opens_then_the_older_is_fenced_and_its_records_are_gone(
    void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *old = open_txn(0);
    weir_kafka_txn_begin(old, &error);
    write_one(old, "zombie");
    assert_int_equal(bind(old, member, 5), WEIR_TXN_OK);
    assert_int_equal(sim_log_end(cluster, "output", 0), 1);
    struct weir_kafka_txn *young = open_txn(1);
    assert_int_equal(weir_kafka_txn_commit(old, &error), WEIR_TXN_FENCED);
    assert_int_equal(weir_kafka_txn_begin(old, &error), WEIR_TXN_FENCED);
    weir_kafka_txn_begin(young, &error);
    write_one(young, "b");
    assert_int_equal(bind(young, member, 6), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_commit(young, &error), WEIR_TXN_OK);
    assert_string_equal(outputs(), "b");
    weir_kafka_txn_close(old);
    weir_kafka_txn_close(young);
    sim_consumer_close(member);
}

static void test_committed_when_a_transaction_covers_them_then_again_until_its_marker_is_there(void **state) {
    (void)state;
    struct sim_faults faults = {.marker_ms = 100};
    fresh(3, &faults);
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = open_txn(0);
    int64_t next;
    weir_kafka_txn_begin(txn, &error);
    write_one(txn, "a");
    assert_int_equal(bind(txn, member, 7), WEIR_TXN_OK);
    int64_t before = sim_now(cluster);
    assert_int_equal(committed(member, 500, &next), WEIR_AGAIN);
    assert_int_equal(sim_now(cluster), before + 500);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_PREPARE_COMMIT); /* but not yet visible */
    assert_string_equal(outputs(), "");
    assert_int_equal(committed(member, 500, &next), WEIR_OK);
    assert_int_equal(next, 7);
    sim_advance(cluster, 100);
    assert_string_equal(outputs(), "a");
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_COMMITTED);
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static void put(int upstream, const char *value) {
    struct weir_record record = {.timestamp_ms = WEIR_NO_TIMESTAMP, .value = bytes(value)};
    sim_append(cluster, upstream, "input", 0, &record);
}

static void test_reader_when_data_was_aborted_or_is_open_then_it_skips_or_stops(void **state) {
    (void)state;
    struct weir_kafka_client client = sim_client(cluster, 0);
    struct weir_kafka_reader *reader;
    struct weir_record records[8];
    put(0, "plain");                     /* 0 */
    put(1, "aborted");                   /* 1 */
    put(2, "kept");                      /* 2 */
    sim_upstream_end(cluster, 1, false); /* 3 */
    put(3, "open");                      /* 4: holds everything after it back */
    sim_upstream_end(cluster, 2, true);  /* 5 */
    put(0, "behind");                    /* 6 */
    assert_int_equal(sim_log_stable(cluster, "input", 0), 4);
    assert_int_equal(weir_kafka_reader_open(&client, "input", &reader, &error), WEIR_OK);
    assert_int_equal(weir_kafka_reader_seek(reader, 0, -1, &error), WEIR_OK);
    assert_int_equal(weir_kafka_reader_read(reader, 0, records, 8, 100, &error), 2);
    assert_int_equal(records[0].offset, 0);
    assert_int_equal(records[1].offset, 2);
    assert_memory_equal(records[1].value.data, "kept", 4);
    assert_int_equal(weir_kafka_reader_read(reader, 0, records, 8, 100, &error), 0);
    sim_upstream_end(cluster, 3, false); /* 7 */
    assert_int_equal(weir_kafka_reader_read(reader, 0, records, 8, 100, &error), 1);
    assert_int_equal(records[0].offset, 6);
    assert_int_equal(weir_kafka_reader_read(reader, 0, records, 8, 100, &error), 0);

    sim_trim(cluster, "input", 0, 2);
    assert_int_equal(weir_kafka_reader_seek(reader, 0, 1, &error), WEIR_DATA);
    assert_non_null(strstr(error.text, "input-0: offset 1 is not in the log, which holds 2 to 7"));
    assert_int_equal(weir_kafka_reader_seek(reader, 0, 2, &error), WEIR_OK);
    sim_trim(cluster, "input", 0, 4); /* under the reader */
    assert_int_equal(weir_kafka_reader_read(reader, 0, records, 8, 100, &error), WEIR_DATA);
    weir_kafka_reader_close(reader);
}

/* The whole point of R5. A commit of unit 1 times out on its way; its retry succeeds; the request arrives all
 * the same, in the middle of unit 2's transaction. */
static struct weir_kafka_txn *late_commit_under_way(struct weir_kafka_source *member) {
    struct weir_kafka_txn *txn = open_txn(0);
    weir_kafka_txn_begin(txn, &error);
    write_one(txn, "1");
    assert_int_equal(bind(txn, member, 1), WEIR_TXN_OK);
    struct sim_faults late = {.chance = {[SIM_AGAIN_LATE] = 10000}, .late_ms = 100};
    sim_set_faults(cluster, &late);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_AGAIN);
    assert_string_equal(outputs(), "");
    sim_heal(cluster);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    assert_string_equal(outputs(), "1");
    return txn;
}

static void test_kafka_17754_when_the_same_epoch_begins_again_then_half_a_unit_is_committed(void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = late_commit_under_way(member);
    assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
    assert_int_equal(write_one(txn, "2a"), WEIR_TXN_OK);
    while (sim_log_end(cluster, "output", 0) < 3) /* 2a may wait in the queue: offsets would send it */
        assert_int_equal(write_one(txn, "2b"), WEIR_TXN_OK);
    sim_advance(cluster, 102);
    assert_non_null(strstr(outputs(), "1 2a")); /* nobody committed this */
    assert_int_equal(sim_group_offset(cluster, 0)->next, 1);
    sim_crash(cluster, 0); /* and now unit 2 would be sent once more */
    struct weir_kafka_txn *next = open_txn(1);
    assert_non_null(strstr(outputs(), "1 2a"));
    weir_kafka_txn_close(next);
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static void test_kafka_17754_when_a_doubtful_producer_is_replaced_then_the_late_request_is_fenced(
    void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = late_commit_under_way(member);
    weir_kafka_txn_close(txn);
    txn = open_txn(0); /* R5 */
    weir_kafka_txn_begin(txn, &error);
    while (sim_log_end(cluster, "output", 0) < 3) assert_int_equal(write_one(txn, "2"), WEIR_TXN_OK);
    sim_advance(cluster, 102);
    assert_string_equal(outputs(), "1");
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_ONGOING);
    assert_int_equal(bind(txn, member, 2), WEIR_TXN_OK);
    assert_int_equal(weir_kafka_txn_abort(txn, &error), WEIR_TXN_OK);
    assert_string_equal(outputs(), "1");
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static void test_late_abort_when_it_hits_between_records_and_offsets_then_offsets_commit_alone(void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = open_txn(0);
    weir_kafka_txn_begin(txn, &error);
    while (sim_log_end(cluster, "output", 0) < 1) write_one(txn, "1");
    sim_inject_end(cluster, "slot-0", false, 10);
    sim_advance(cluster, 10);
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_ABORTED);
    if (bind(txn, member, 1) == WEIR_TXN_OK) { /* nothing was queued any more: the client sees no fault */
        assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
        assert_int_equal(sim_group_offset(cluster, 0)->next, 1);
    }
    assert_string_equal(outputs(), "");
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static void test_late_produce_when_the_same_epoch_begins_again_then_it_joins_the_next_transaction(
    void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct sim_faults late = {.chance = {[SIM_DELIVERY_LATE] = 10000}, .late_ms = 100};
    int joined = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        sim_consumer_close(member);
        fresh(seed, &sim_no_faults);
        member = lone_member();
        struct weir_kafka_txn *txn = open_txn(0);
        weir_kafka_txn_begin(txn, &error);
        sim_set_faults(cluster, &late);
        assert_int_equal(write_one(txn, "late"), WEIR_TXN_ABORT);
        sim_heal(cluster);
        assert_int_equal(weir_kafka_txn_abort(txn, &error), WEIR_TXN_OK);
        weir_kafka_txn_begin(txn, &error);
        write_one(txn, "again");
        assert_int_equal(bind(txn, member, 1), WEIR_TXN_OK);
        sim_advance(cluster, 102);
        assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
        if (strcmp(outputs(), "again late") == 0)
            joined++;
        else /* the record had been delivered before the call failed: aborted with its transaction */
            assert_string_equal(outputs(), "again");
        weir_kafka_txn_close(txn);
    }
    assert_in_range(joined, 10, 40);
    sim_consumer_close(member);
}

static void test_offsets_when_the_generation_moved_on_then_stale(void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member(), *second = sim_consumer_open(cluster, 1);
    struct weir_kafka_source *targets[] = {member, second};
    struct weir_kafka_txn *txn = open_txn(0);
    struct weir_kafka_membership *old = weir_kafka_membership_take(member);
    struct weir_kafka_offset offset = {.partition = 0, .next = 3};
    struct sim_news news;
    assert_true(sim_consumer_news(member, &news) && news.kind == SIM_ASSIGNED && news.partition == 0);
    assert_true(sim_consumer_news(member, &news) && news.kind == SIM_ASSIGNED && news.partition == 1);
    assert_false(sim_cluster_rebalance(cluster, targets, 2)); /* partition 1 has to be given up first */
    assert_false(sim_consumer_news(second, &news));
    assert_true(sim_consumer_news(member, &news) && news.kind == SIM_REVOKED && news.partition == 1);
    weir_kafka_txn_begin(txn, &error);
    assert_int_equal(weir_kafka_txn_offsets(txn, "input", old, &offset, 1, &error), WEIR_TXN_STALE);
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_STALE);
    assert_int_equal(weir_kafka_txn_abort(txn, &error), WEIR_TXN_OK);
    weir_kafka_txn_begin(txn, &error);
    assert_int_equal(bind(txn, member, 3), WEIR_TXN_OK); /* a fresh membership */
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
    sim_consumer_give_up(member, 1);
    assert_true(sim_cluster_rebalance(cluster, targets, 2));
    assert_true(sim_consumer_news(second, &news) && news.kind == SIM_ASSIGNED && news.partition == 1);
    sim_consumer_throw_out(member);
    assert_true(sim_consumer_news(member, &news) && news.kind == SIM_LOST && news.partition == 0);
    weir_kafka_txn_begin(txn, &error);
    assert_int_equal(bind(txn, member, 4), WEIR_TXN_STALE);
    weir_kafka_membership_free(old);
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
    sim_consumer_close(second);
}

static void test_txn_when_it_times_out_then_it_is_aborted_and_its_producer_fenced(void **state) {
    (void)state;
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = open_txn(0);
    weir_kafka_txn_begin(txn, &error);
    write_one(txn, "slow");
    assert_int_equal(bind(txn, member, 1), WEIR_TXN_OK);
    sim_advance(cluster, 9999);
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_ONGOING);
    sim_advance(cluster, 1);
    assert_int_equal(sim_txn_state(cluster, "slot-0", NULL), SIM_ABORTED);
    assert_int_equal(sim_log_stable(cluster, "output", 0), sim_log_end(cluster, "output", 0));
    assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_FENCED);
    assert_int_equal(sim_group_offset(cluster, 0)->next, -1);
    assert_string_equal(outputs(), "");
    weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

/* One worker that follows R5 by the book: any answer but OK means a new producer and a look at the offsets.
 */
static void run_units(uint64_t seed, int units, bool doubt) {
    fresh(seed, &sim_storm);
    struct weir_kafka_source *member = lone_member();
    struct weir_kafka_txn *txn = NULL;
    for (int unit = 0, tries = 0; unit < units; tries++) {
        char text[16];
        snprintf(text, sizeof text, "%d", unit);
        if (tries == 1000) sim_heal(cluster);
        assert_true(tries < 2000);
        if (!txn) {
            int64_t next;
            if (try_open(0, &txn) != WEIR_TXN_OK) continue;
            while (committed(member, 1000, &next) != WEIR_OK) continue;
            unit = next < 0 ? 0 : (int)next;
            continue;
        }
        enum weir_txn result = weir_kafka_txn_begin(txn, &error);
        if (!result) result = write_one(txn, text);
        if (!result) result = bind(txn, member, unit + 1);
        int64_t asked_ms = sim_now(cluster);
        if (!result) result = weir_kafka_txn_commit(txn, &error);
        if (doubt && (sim_now(cluster) - asked_ms > 1000 || weir_kafka_txn_is_shaken(txn)))
            result = WEIR_TXN_AGAIN;
        if (result == WEIR_TXN_AGAIN && !doubt) /* the mutant: believes the retry */
            while ((result = weir_kafka_txn_commit(txn, &error)) == WEIR_TXN_AGAIN) continue;
        if (result == WEIR_TXN_OK) {
            unit++;
            continue;
        }
        weir_kafka_txn_close(txn);
        txn = NULL;
    }
    sim_advance(cluster, 20000);
    if (txn) weir_kafka_txn_close(txn);
    sim_consumer_close(member);
}

static bool outputs_are_exact(int units) {
    int64_t cursor = 0;
    const struct weir_record *record;
    for (int unit = 0; unit < units; unit++) {
        char text[16];
        snprintf(text, sizeof text, "%d", unit);
        record = sim_committed_next(cluster, "output", 0, &cursor);
        if (!record || record->value.len != strlen(text) || memcmp(record->value.data, text, strlen(text)))
            return false;
    }
    return !sim_committed_next(cluster, "output", 0, &cursor);
}

static void test_storm_when_every_doubt_makes_a_new_producer_then_each_unit_shows_once(void **state) {
    (void)state;
    uint64_t struck[SIM_FAULT_COUNT] = {0};
    for (uint64_t seed = 1; seed <= 500; seed++) {
        run_units(seed, 100, true);
        if (!outputs_are_exact(100)) fail_msg("seed %llu", (unsigned long long)seed);
        for (int f = 0; f < SIM_FAULT_COUNT; f++) struck[f] += sim_struck(cluster, (enum sim_fault)f);
    }
    for (int f = 0; f < SIM_FAULT_COUNT; f++)
        if (f != SIM_READER_AGAIN && f != SIM_READER_IO && f != SIM_READER_SHORT && f != SIM_WRITER_FAILS)
            assert_true(struck[f] > 10);
}

static void test_storm_when_the_retry_is_believed_then_some_seed_breaks(void **state) {
    (void)state;
    int broken = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        run_units(seed, 100, false);
        broken += !outputs_are_exact(100);
    }
    print_message("%d of 500 seeds break without R5\n", broken);
    assert_true(broken > 0);
}

static void test_seed_when_run_twice_then_the_same_calls_and_effects(void **state) {
    (void)state;
    run_units(42, 300, true);
    uint64_t digest = sim_digest(cluster);
    run_units(43, 300, true);
    assert_true(sim_digest(cluster) != digest);
    run_units(42, 300, true);
    assert_true(sim_digest(cluster) == digest);
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (uint64_t seed = 1; seed <= 100; seed++) run_units(seed, 300, true);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    print_message(
        "300 units of one record each: %.0f us\n",
        ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / 100);
}

static void test_writer_when_it_fails_then_a_prefix_stands(void **state) {
    (void)state;
    struct weir_kafka_client client = sim_client(cluster, 0);
    struct weir_kafka_writer *writer;
    struct weir_bytes keys[] = {bytes("a"), bytes("b"), bytes("c")};
    int64_t first = -1, last = -1;
    assert_int_equal(weir_kafka_writer_open(&client, "journal", &writer, &error), WEIR_OK);
    assert_int_equal(weir_kafka_writer_write(writer, 1, keys, keys, 3, &first, &last, &error), WEIR_OK);
    assert_int_equal(first, 0);
    assert_int_equal(last, 2);
    struct sim_faults faults = {.chance = {[SIM_WRITER_FAILS] = 10000}};
    sim_set_faults(cluster, &faults);
    assert_int_equal(weir_kafka_writer_write(writer, 1, keys, keys, 3, &first, &last, &error), WEIR_IO);
    assert_in_range(sim_log_end(cluster, "journal", 1), 3, 6);
    sim_crash(cluster, 0);
    sim_heal(cluster);
    assert_int_equal(weir_kafka_writer_write(writer, 1, keys, keys, 3, &first, &last, &error), WEIR_IO);
    weir_kafka_writer_close(writer);
}

/* Markers go to each partition on their own: the group's offsets may name a unit that the journal does not
 * show yet. Whoever recovers has to wait for it, not to call it lost. */
static void test_journal_when_the_offsets_are_stable_then_it_may_still_be_hidden(void **state) {
    (void)state;
    struct sim_faults faults = {.marker_ms = 100};
    struct weir_kafka_client client = sim_client(cluster, 0);
    int hidden = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        fresh(seed, &faults);
        struct weir_kafka_source *member = lone_member();
        struct weir_kafka_txn *txn = open_txn(0);
        struct weir_kafka_reader *reader;
        struct weir_record record;
        int64_t next;
        weir_kafka_txn_begin(txn, &error);
        weir_kafka_txn_journal(txn, 0, bytes("0"), bytes("unit 1"), &error);
        assert_int_equal(bind(txn, member, 7), WEIR_TXN_OK);
        assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
        assert_int_equal(committed(member, 1000, &next), WEIR_OK);
        assert_int_equal(next, 7);
        assert_int_equal(weir_kafka_reader_open(&client, "journal", &reader, &error), WEIR_OK);
        assert_int_equal(weir_kafka_reader_seek(reader, 0, 0, &error), WEIR_OK);
        if (weir_kafka_reader_read(reader, 0, &record, 1, 0, &error) == 0) {
            hidden++;
            sim_advance(cluster, 100);
            assert_int_equal(weir_kafka_reader_read(reader, 0, &record, 1, 0, &error), 1);
        }
        weir_kafka_reader_close(reader);
        weir_kafka_txn_close(txn);
        sim_consumer_close(member);
    }
    assert_in_range(hidden, 10, 40);
}

static void test_offsets_when_a_consumer_is_alone_then_taken_as_long_as_the_group_has_no_member(
    void **state) {
    (void)state;
    struct weir_kafka_source *alone = sim_consumer_open_alone(cluster, 0);
    for (int members = 0; members < 2; members++) {
        struct weir_kafka_source *member = members ? sim_consumer_open(cluster, 1) : NULL;
        struct weir_kafka_txn *txn = open_txn(0);
        assert_int_equal(weir_kafka_txn_begin(txn, &error), WEIR_TXN_OK);
        assert_int_equal(bind(txn, alone, 3 + members), members ? WEIR_TXN_STALE : WEIR_TXN_OK);
        if (!members) assert_int_equal(weir_kafka_txn_commit(txn, &error), WEIR_TXN_OK);
        weir_kafka_txn_close(txn);
        if (member) sim_consumer_close(member);
    }
    struct weir_kafka_offset *all = NULL;
    uint32_t count = 0;
    assert_int_equal(weir_kafka_committed_all(alone, &all, &count, 1000, &error), WEIR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(all[0].next, 3);
    assert_int_equal(all[1].partition, 1);
    assert_int_equal(all[1].next, -1);
    free(all);
    sim_consumer_close(alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)
        CASE(test_txn_when_committed_then_records_offsets_and_journal_show_together),
        CASE(test_txn_when_a_younger_producer_opens_then_the_older_is_fenced_and_its_records_are_gone),
        CASE(test_committed_when_a_transaction_covers_them_then_again_until_its_marker_is_there),
        CASE(test_reader_when_data_was_aborted_or_is_open_then_it_skips_or_stops),
        CASE(test_kafka_17754_when_the_same_epoch_begins_again_then_half_a_unit_is_committed),
        CASE(test_kafka_17754_when_a_doubtful_producer_is_replaced_then_the_late_request_is_fenced),
        CASE(test_late_abort_when_it_hits_between_records_and_offsets_then_offsets_commit_alone),
        CASE(test_late_produce_when_the_same_epoch_begins_again_then_it_joins_the_next_transaction),
        CASE(test_offsets_when_the_generation_moved_on_then_stale),
        CASE(test_txn_when_it_times_out_then_it_is_aborted_and_its_producer_fenced),
        CASE(test_storm_when_every_doubt_makes_a_new_producer_then_each_unit_shows_once),
        CASE(test_storm_when_the_retry_is_believed_then_some_seed_breaks),
        CASE(test_seed_when_run_twice_then_the_same_calls_and_effects),
        CASE(test_journal_when_the_offsets_are_stable_then_it_may_still_be_hidden),
        CASE(test_offsets_when_a_consumer_is_alone_then_taken_as_long_as_the_group_has_no_member),
        CASE(test_writer_when_it_fails_then_a_prefix_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
