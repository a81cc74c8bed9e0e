/* SPDX-License-Identifier: Apache-2.0 */
/* at_least_once.c: the lane without transactions (R16): outputs are visible at once, an offset is committed
 * when all outputs of what lies before it were delivered, and state comes back from snapshots at committed
 * offsets. */
#include <string.h>

#include "base/log.h"
#include "runtime/topics.h"
#include "runtime/worker_state.h"

#define REVOKE_PATIENCE_MS 5000

/* ---- deliveries and offsets ---- */

static void land_flights(struct weir_worker *worker) {
    struct weir_flight flight;
    while (weir_flights_land(&worker->flights, &flight)) {
        struct slot *slot = weir_worker_slot(worker, flight.partition);
        if (!slot || !slot->owned) continue;
        slot->landed = flight.next_offset;
        weir_kafka_source_store(worker->source, flight.partition, flight.next_offset);
    }
}

static void on_delivered(void *owner, uint64_t flight, uint32_t count) {
    weir_flights_delivered(&((struct weir_worker *)owner)->flights, flight, count);
}

static void on_refused(void *owner, uint64_t flight, const struct weir_error *error) {
    struct weir_worker *worker = owner;
    (void)flight; /* never lands: its input is read again by the next run */
    if (!worker->result) worker->error = *error;
    weir_worker_fail(worker, WEIR_IO);
}

/* False: not known to be committed. Without wait the answer comes later, and nobody waits for it. */
static bool commit(struct weir_worker *worker, bool wait) {
    struct weir_error error = {0};
    /* Also when nothing new was stored: an earlier commit may have been refused or is still on its way. */
    if (!weir_kafka_source_commit(worker->source, wait, &error)) return wait;
    weir_log(WEIR_LOG_WARNING, "offsets were not committed, will try again: %s", error.text);
    return false;
}

/* ---- snapshots ---- */

static bool is_live(const struct slot *slot) {
    return slot->owned && slot->task && slot->position >= slot->silent_until;
}

/* Committed, and nothing in flight: the state as it stands is saved before it leaves this process. */
static void save_at_rest(struct weir_worker *worker, int32_t partition) {
    const struct slot *slot = &worker->slots[partition];
    if (is_live(slot) && slot->landed == slot->position)
        weir_snapshots_save(worker->snapshots, slot->task, partition, slot->position);
}

/* A task at rest goes to the shelf, for the worker of this process that may get its partition next. */
static void hand_over(struct weir_worker *worker, int32_t partition) {
    struct slot *slot = &worker->slots[partition];
    struct weir_manifest base = weir_snapshots_base(worker->snapshots, partition);
    weir_snapshots_drop(worker->snapshots, partition);
    if (!worker->options.shelf || !is_live(slot) || slot->landed != slot->position) return;
    weir_worker_went(worker, slot->task);
    if (weir_shelf_put(worker->options.shelf, partition, slot->position, slot->task, &base))
        slot->task = NULL;
    else
        weir_worker_came(worker, slot->task);
}

void weir_alo_commit(struct weir_worker *worker) {
    if (!commit(worker, weir_snapshots_waiting(worker->snapshots))) return;
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].owned)
            weir_snapshots_committed(worker->snapshots, (int32_t)i, worker->slots[i].landed);
}

void weir_alo_snapshot(struct weir_worker *worker) {
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (is_live(&worker->slots[i]))
            weir_snapshots_take(worker->snapshots, worker->slots[i].task, (int32_t)i,
                                worker->slots[i].position);
}

/* A task that comes back from a snapshot reads again, silently, what came after it. */
int64_t weir_alo_resume(void *owner, int32_t partition, int64_t committed) {
    struct weir_worker *worker = owner;
    struct slot *slot = weir_worker_slot(worker, partition);
    if (!slot) return committed;
    slot->silent_until = committed;
    int64_t oldest = weir_snapshots_oldest(worker->snapshots, partition);
    weir_marker_settle(worker->marker, partition, committed,
                       oldest >= 0 && oldest < committed ? oldest : committed);
    if (slot->task || worker->options.pipeline->tasks == WEIR_TASKS_SINGLE) return committed;
    struct weir_manifest base;
    if (worker->options.shelf)
        slot->task = weir_shelf_take(worker->options.shelf, partition, committed, &base);
    if (slot->task) { /* another worker of this process had it */
        weir_worker_came(worker, slot->task);
        weir_snapshots_set_base(worker->snapshots, partition, &base);
        return committed;
    }
    int64_t position = weir_snapshots_restore(worker->snapshots, partition, committed, &slot->task);
    if (position < 0) return committed;
    weir_worker_came(worker, slot->task);
    weir_task_tick(slot->task, worker->now_ms);
    weir_log(WEIR_LOG_INFO, "partition %d: state restored as of offset %lld, %lld records to read again",
             partition, (long long)position, (long long)(committed - position));
    return position;
}

void weir_alo_assigned(struct weir_worker *worker, int32_t partition) {
    struct slot *slot = &worker->slots[partition];
    /* Committed even before the first record: `start: latest` must mean the same after a crash. */
    slot->landed = slot->silent_until;
    slot->stopped = worker->single_stopped;
    weir_kafka_source_store(worker->source, partition, slot->landed);
    if (worker->options.pipeline->tasks == WEIR_TASKS_SINGLE) {
        if (worker->single) return;
        worker->single = weir_worker_new_task(worker);
        if (worker->single) weir_breaker_start(&worker->single_breaker, worker->single);
    } else if (!slot->task) {
        slot->task = weir_worker_new_task(worker);
        /* A task without a past is saved at once: a crash before the first snapshot must find where it began.
         */
        if (slot->task) save_at_rest(worker, partition);
    }
    if (slot->task) weir_breaker_start(&slot->breaker, slot->task);
}

/* What was read from these partitions has been processed; wait for its outputs, then give them back. */
void weir_alo_revoked(struct weir_worker *worker, const int32_t *partitions, uint32_t count, bool lost) {
    if (!lost) {
        if (weir_kafka_sink_flush(worker->sink, REVOKE_PATIENCE_MS))
            weir_log(WEIR_LOG_WARNING,
                     "partitions are given back before all outputs were delivered: their new owner "
                     "will repeat some");
        land_flights(worker);
        bool committed = commit(worker, true);
        for (uint32_t i = 0; i < count && committed; i++)
            if (weir_worker_slot(worker, partitions[i])) save_at_rest(worker, partitions[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = weir_worker_slot(worker, partitions[i]);
        if (!slot) continue;
        if (lost)
            weir_snapshots_drop(worker->snapshots, partitions[i]);
        else
            hand_over(worker, partitions[i]);
        weir_worker_retire(worker, &slot->task);
    }
}

/* ---- records and outputs ---- */

/* Outputs of a run become a flight on its way to the sink. */
static void take_off(struct weir_worker *worker, const struct weir_record *first, uint32_t count,
                     const struct weir_task *task) {
    struct weir_flight flight = {first->partition, worker->outputs.record_count, first[count - 1].offset + 1};
    if (!weir_flights_add(&worker->flights, flight, &worker->output_flight))
        weir_worker_fail(worker, WEIR_NOMEM);
    weir_worker_see(worker, task, first, count, &worker->outputs);
}

static struct weir_task *task_of(const struct weir_worker *worker, const struct slot *slot) {
    return slot->task ? slot->task : worker->single;
}

uint32_t weir_alo_run(const struct weir_worker *worker, const struct slot *slot,
                      const struct weir_record *first, uint32_t count) {
    const struct weir_task *task = task_of(worker, slot);
    uint32_t left = task ? weir_breaker_left(task) : count;
    return weir_marker_run(worker->marker, first, count < left ? count : left);
}

/* R15: as under exactly-once, but that the decision is kept in the marker, for there is no journal. */
static int process(struct weir_worker *worker, struct weir_task *task, const struct weir_record *first,
                   uint32_t count) {
    weir_marker_begin(worker->marker, first, count);
    int result = weir_marker_skips(worker->marker, first)
                     ? weir_task_set_aside(task, first, &worker->outputs)
                     : weir_task_process(task, first, count, &worker->outputs);
    weir_marker_end(worker->marker);
    return result;
}

static void watch_rejects(struct weir_worker *worker, struct slot *slot, const struct weir_record *first,
                          uint32_t count) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    struct weir_pause pause;
    if (!weir_breaker_trips(slot->task ? &slot->breaker : &worker->single_breaker, task_of(worker, slot),
                            first, count, (uint32_t)pipeline->dead_letter.pause_above, &pause))
        return;
    weir_pause_error(&pause, pipeline, &worker->stopped);
    weir_log(WEIR_LOG_ERROR, "partition %d stops, the others go on: %s", first->partition,
             worker->stopped.text);
    slot->stopped = true;
    worker->single_stopped = !slot->task;
    for (uint32_t i = 0; i < worker->slot_count && worker->single_stopped; i++)
        worker->slots[i].stopped = true; /* one task stops all */
}

void weir_alo_process(struct weir_worker *worker, struct slot *slot, const struct weir_record *first,
                      uint32_t count) {
    struct weir_task *task = task_of(worker, slot);
    if (!task) return;
    bool silent = first->offset < slot->silent_until; /* answered, and counted, before the restart */
    if (silent) weir_worker_went(worker, task);
    int result = process(worker, task, first, count);
    if (silent) weir_worker_came(worker, task);
    if (result) {
        weir_worker_fail(worker, result);
        return;
    }
    worker->output_next = 0;
    if (silent) {
        worker->outputs.record_count = 0;
        weir_breaker_start(&slot->breaker, task);
        return;
    }
    take_off(worker, first, count, task);
    watch_rejects(worker, slot, first, count);
}

int weir_alo_stopped(struct weir_worker *worker) {
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        if (!worker->slots[i].owned || !worker->slots[i].stopped) continue;
        worker->error = worker->stopped;
        return WEIR_DATA;
    }
    return WEIR_OK;
}

/* True when the sink has taken everything. */
static bool write_outputs(struct weir_worker *worker) {
    uint32_t left = worker->outputs.record_count - worker->output_next;
    if (!left) return true;
    int taken = weir_kafka_sink_write(worker->sink, worker->outputs.records + worker->output_next, left,
                                      worker->output_flight, &worker->error);
    if (taken < 0) {
        weir_worker_fail(worker, taken);
        return false;
    }
    worker->output_next += (uint32_t)taken;
    return worker->output_next == worker->outputs.record_count;
}

bool weir_alo_move_outputs(struct weir_worker *worker) {
    weir_kafka_sink_poll(worker->sink);
    land_flights(worker);
    if (weir_snapshots_turn(worker->snapshots)) weir_worker_wake(worker);
    return !worker->result && write_outputs(worker);
}

void weir_alo_finish(struct weir_worker *worker) {
    if (!commit(worker, true)) return;
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        save_at_rest(worker, (int32_t)i);
        hand_over(worker, (int32_t)i);
    }
}

/* Without it the lane works all the same. */
static void open_marker(struct weir_worker *worker) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    struct weir_error error = {0};
    if (weir_slot_take(pipeline->state.dir, pipeline->name, &worker->lock, &error))
        weir_log(WEIR_LOG_WARNING, "a record that ends the process will not be found: %s", error.text);
    else
        worker->marker = weir_marker_take(pipeline->state.dir, pipeline->name, worker->lock.name,
                                          pipeline->source.topic.text, pipeline->source.group);
}

int weir_alo_open(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    const struct weir_snapshots_options snapshots = {worker->options.plan, worker->options.engine_id,
                                                     &worker->loop, worker, weir_worker_wake};
    struct weir_kafka_sink_options sink = {.client = worker->options.client,
                                           .watch = {worker, on_delivered, on_refused}};
    int result = weir_snapshots_open(&snapshots, &worker->snapshots, error);
    if (!result && pipeline->state.dir) open_marker(worker);
    weir_topics_of_streams(worker->options.plan, sink.topics, sink.bare);
    return result ? result : weir_kafka_sink_open(&sink, &worker->sink, error);
}

void weir_alo_close(struct weir_worker *worker) {
    weir_marker_close(worker->marker);
    weir_slot_release(&worker->lock);
}
