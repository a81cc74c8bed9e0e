/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the committer (R5) over the simulated cluster: whatever the cluster does, each unit shows once, in
 * order, and the group stands where the last one ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "runtime/committer.h"
#include "sim/cluster.h"

#define UNITS 60

static struct sim_cluster *cluster;

static int64_t sim_clock(void *owner) {
    (void)owner;
    return sim_now(cluster);
}

struct worker {
    struct weir_kafka_source *source;
    struct weir_committer *committer;
    struct weir_unit unit;
    struct weir_unit *units[1];
    enum weir_verdict verdicts[1];
    struct weir_kafka_offset offsets[1];
    uint32_t offset_units[1];
    int64_t journaled[1];
    struct weir_bundle bundle;
    uint64_t restarts;
};

static void start(struct worker *worker) {
    struct weir_error error;
    struct weir_committer_options options = {.txn = {.client = sim_client(cluster, 0),
                                                     .id = "slot-0",
                                                     .topics = {[WEIR_PREDICTIONS] = "output"},
                                                     .journal = "journal"},
                                             .topic = "input",
                                             .source = worker->source,
                                             .clock = sim_clock};
    assert_int_equal(weir_committer_create(&options, &worker->committer, &error), WEIR_OK);
}

/* The process ends and another takes its place; the unit's bytes are still there, as after a replay. */
static void restart(struct worker *worker) {
    sim_crash(cluster, 0);
    weir_committer_destroy(worker->committer);
    sim_consumer_close(worker->source);
    worker->source = sim_consumer_open(cluster, 0);
    assert_true(sim_cluster_rebalance(cluster, &worker->source, 1));
    worker->restarts++;
    start(worker);
}

static void make_unit(struct worker *worker, uint64_t number, uint64_t previous) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)number);
    struct weir_output_record output = {
        .stream = WEIR_PREDICTIONS, .timestamp_ms = 1, .value = {text, strlen(text)}};
    weir_unit_clear(&worker->unit);
    worker->unit.number = number;
    worker->unit.previous = previous;
    assert_true(weir_unit_add_outputs(&worker->unit, &output, 1));
    assert_int_equal(weir_unit_close(&worker->unit), WEIR_OK);
    worker->offsets[0] = (struct weir_kafka_offset){.partition = 0, .next = (int64_t)number};
    weir_unit_metadata(worker->offsets[0].metadata, WEIR_KAFKA_METADATA_BYTES, number, worker->unit.chain, 0);
}

/* Brings the unit to a verdict. False: the process ended, what became of the unit is in the offsets. */
static bool decide(struct worker *worker) {
    worker->bundle.membership = weir_kafka_membership_take(worker->source);
    weir_committer_submit(worker->committer, &worker->bundle);
    int64_t wait = 0;
    for (int steps = 0; wait >= 0 && wait != WEIR_COMMITTER_REST; steps++) {
        sim_advance(cluster, wait);
        if (steps > 2000) sim_heal(cluster);
        assert_true(steps < 4000);
        wait = sim_random(cluster, 1000) < 2 ? WEIR_IO : weir_committer_step(worker->committer);
    }
    weir_kafka_membership_free(worker->bundle.membership);
    return wait == WEIR_COMMITTER_REST;
}

static void settle(void) {
    sim_heal(cluster);
    sim_advance(cluster, 60000);
}

static void run_seed(uint64_t seed) {
    struct sim_cluster_options options = {.seed = seed, .faults = sim_storm};
    sim_cluster_reset(cluster, &options);
    sim_topic_create(cluster, "input", 1);
    sim_topic_create(cluster, "output", 1);
    sim_topic_create(cluster, "journal", 1);
    struct worker worker = {.source = sim_consumer_open(cluster, 0)};
    worker.units[0] = &worker.unit;
    worker.bundle = (struct weir_bundle){.units = worker.units,
                                         .verdicts = worker.verdicts,
                                         .count = 1,
                                         .capacity = 1,
                                         .offsets = worker.offsets,
                                         .offset_units = worker.offset_units,
                                         .offset_count = 1,
                                         .offset_capacity = 1,
                                         .journaled = worker.journaled};
    weir_unit_init(&worker.unit);
    assert_true(sim_cluster_rebalance(cluster, &worker.source, 1));
    start(&worker);
    uint64_t previous = 0;
    for (uint64_t number = 1; number <= UNITS;) {
        make_unit(&worker, number, previous);
        bool decided = decide(&worker), done = decided && worker.verdicts[0] == WEIR_UNIT_COMMITTED;
        if (!decided) {
            restart(&worker);
            sim_advance(cluster, 31000); /* the transaction left behind times out, and so does doubt */
            done = sim_group_offset(cluster, 0)->next == (int64_t)number;
        } else if (worker.verdicts[0] == WEIR_UNIT_GONE)
            fail_msg("seed %llu: unit %d is gone", (unsigned long long)seed, (int)number);
        if (!done) continue;
        previous = worker.unit.chain;
        number++;
    }
    settle();
    weir_committer_destroy(worker.committer);
    sim_consumer_close(worker.source);
    weir_unit_deinit(&worker.unit);
}

static bool exact(const char *topic, bool text) {
    int64_t cursor = 0;
    const struct weir_record *record;
    int number = 0;
    while ((record = sim_committed_next(cluster, topic, 0, &cursor)) != NULL) {
        char expected[16];
        snprintf(expected, sizeof expected, "%d", ++number);
        if (text && (record->value.len != strlen(expected) ||
                     memcmp(record->value.data, expected, strlen(expected)) != 0))
            return false;
    }
    return number == UNITS;
}

static void test_committer_when_the_cluster_storms_then_each_unit_shows_once(void **state) {
    (void)state;
    cluster = sim_cluster_create(&(struct sim_cluster_options){.seed = 1});
    uint64_t struck[SIM_FAULT_COUNT] = {0};
    for (uint64_t seed = 1; seed <= 500; seed++) {
        run_seed(seed);
        if (!exact("output", true) || !exact("journal", false) || sim_group_offset(cluster, 0)->next != UNITS)
            fail_msg("seed %llu", (unsigned long long)seed);
        for (int f = 0; f < SIM_FAULT_COUNT; f++) struck[f] += sim_struck(cluster, (enum sim_fault)f);
    }
    for (int f = 0; f < SIM_FAULT_COUNT; f++)
        if (f != SIM_READER_AGAIN && f != SIM_READER_IO && f != SIM_READER_SHORT && f != SIM_WRITER_FAILS)
            assert_true(struck[f] > 10);
    sim_cluster_destroy(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committer_when_the_cluster_storms_then_each_unit_shows_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
