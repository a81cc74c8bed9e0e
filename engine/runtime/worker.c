/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c: the loop around the tasks. turn() is one step of it, from top to bottom:
 *
 *   delivery reports -> offsets that may be committed
 *   outputs that wait -> sink                      (full: stop here, a report will wake us)
 *   next run of the batch -> its task -> outputs
 *   next batch from the source                     (empty: stop here, the source will wake us)
 *
 * Nothing in it blocks. Rebalances arrive inside weir_kafka_source_poll, when no batch is in hand.
 */
#include "runtime/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/topics.h"
#include "runtime/worker_state.h"

#define TURNS_PER_WAKE 64
#define OTHERS_TIMEOUT_MS 500

/* ---- stopping ---- */

void weir_worker_stop(struct weir_worker *worker) { uv_async_send(&worker->stop_asked); }

void weir_worker_fail(struct weir_worker *worker, int result) {
    if (!worker->result) {
        worker->result = result;
        if (!worker->error.text[0])
            weir_error_set(&worker->error, result, "worker stopped: %s", weir_result_name(result));
    }
    worker->stopping = true;
}

static void on_stop_asked(uv_async_t *handle) {
    struct weir_worker *worker = handle->data;
    worker->stopping = worker->asked = true;
    weir_worker_wake(worker); /* the handles may be closing already */
}

bool weir_worker_was_signalled(const struct weir_worker *worker) { return worker->signalled; }
bool weir_worker_lost_input(const struct weir_worker *worker) { return worker->input_lost; }

static void on_signal(uv_signal_t *handle, int signum) {
    struct weir_worker *worker = handle->data;
    bool again = worker->signalled || (worker->stopping && !worker->asked);
    worker->signalled = true;
    if (again) {
        worker->abandoned = true;
        uv_stop(&worker->loop);
        return;
    }
    weir_log(WEIR_LOG_INFO, "%s: finishing what is in flight (again to stop at once)", strsignal(signum));
    worker->stopping = true;
    uv_idle_start(&worker->again, worker->again.idle_cb);
}

/* ---- tasks ---- */

struct slot *weir_worker_slot(struct weir_worker *worker, int32_t partition) {
    if (partition < 0 || partition >= PARTITION_MAX) return NULL;
    if ((uint32_t)partition >= worker->slot_count) {
        uint32_t count = (uint32_t)partition + 1;
        struct slot *slots = realloc(worker->slots, count * sizeof *slots);
        if (!slots) return NULL;
        memset(slots + worker->slot_count, 0, (count - worker->slot_count) * sizeof *slots);
        worker->slots = slots;
        worker->slot_count = count;
    }
    return &worker->slots[partition];
}

struct weir_task *weir_worker_new_task(struct weir_worker *worker) {
    struct weir_task *task = NULL;
    int result = weir_task_create(worker->options.plan, worker->seed, &task, &worker->error);
    if (result) weir_worker_fail(worker, result);
    if (task) weir_task_tick(task, worker->now_ms);
    return task;
}

void weir_worker_came(struct weir_worker *worker, const struct weir_task *task) {
    weir_task_counts_subtract(&worker->counts, weir_task_counts(task));
}

void weir_worker_went(struct weir_worker *worker, const struct weir_task *task) {
    weir_task_counts_add(&worker->counts, weir_task_counts(task));
}

void weir_worker_retire(struct weir_worker *worker, struct weir_task **task) {
    if (!*task) return;
    weir_worker_went(worker, *task);
    weir_task_destroy(*task);
    *task = NULL;
}

/* What a task answered, before it goes out. */
void weir_worker_see(struct weir_worker *worker, const struct weir_task *task,
                     const struct weir_record *records, uint32_t count, const struct weir_outputs *outputs) {
    struct weir_error bad;
    worker->read += count;
    weir_retention_see_records(&worker->retention, records, count, worker->now_ms);
    weir_retention_see_outputs(&worker->retention, outputs->records, outputs->record_count, worker->now_ms);
    bool kept = worker->options.plan->streams[WEIR_DEAD_LETTERS].active;
    if (!weir_dead_letters_see(&worker->dead_letters, task, outputs, kept, &bad) &&
        worker->options.strict_data) {
        worker->error = bad;
        weir_worker_fail(worker, WEIR_DATA);
    }
    if (worker->options.watch.batch) worker->options.watch.batch(worker->options.watch.owner, task, outputs);
}

/* ---- rebalance ---- */

static void on_assigned(void *owner, int32_t partition, int64_t offset) {
    struct weir_worker *worker = owner;
    struct slot *slot = weir_worker_slot(worker, partition);
    if (!slot) {
        weir_error_set(&worker->error, WEIR_LIMIT, "partition %d is beyond the limit of %d", partition,
                       PARTITION_MAX);
        weir_worker_fail(worker, WEIR_LIMIT);
        return;
    }
    if (worker->options.until_end && !worker->ends_known) {
        worker->end_count =
            weir_kafka_source_ends(worker->source, worker->ends, PARTITION_MAX, &worker->error);
        if (worker->end_count < 0) weir_worker_fail(worker, worker->end_count);
        worker->ends_known = true;
    }
    slot->owned = true;
    worker->all_lost = false;
    slot->position = offset;
    slot->end = partition < worker->end_count ? worker->ends[partition] : -1;
    slot->caught_up = 0;
    if (!worker->exact)
        weir_alo_assigned(worker, partition); /* else it reads when its task was recovered (R8) */
    weir_log(WEIR_LOG_INFO, "partition %d assigned, reading from offset %lld", partition, (long long)offset);
}

/* Exactly once: where the partition begins is where its task will have been recovered to. */
static bool on_hold(void *owner, int32_t partition, int64_t committed, const char *metadata) {
    struct weir_worker *worker = owner;
    return weir_exact_host_hold(worker->exact, partition, committed, metadata);
}

static bool on_lost(void *owner, int32_t partition, const struct weir_error *error) {
    struct weir_worker *worker = owner;
    worker->input_lost = !weir_exact_host_lost(worker->exact, partition, error);
    return !worker->input_lost;
}

static void on_skipped(void *owner, int32_t partition, int64_t first, int64_t last) {
    weir_exact_host_pass_over(((struct weir_worker *)owner)->exact, partition, first, last);
}

static void on_revoked(void *owner, const int32_t *partitions, uint32_t count, bool lost) {
    struct weir_worker *worker = owner;
    worker->all_lost = lost;
    if (worker->exact)
        weir_exact_host_revoked(worker->exact, partitions, count, lost);
    else
        weir_alo_revoked(worker, partitions, count, lost);
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = weir_worker_slot(worker, partitions[i]);
        if (slot) slot->owned = false;
        weir_log(WEIR_LOG_INFO, "partition %d %s", partitions[i], lost ? "lost" : "given back");
    }
}

/* Transaction markers may follow the last record: only the broker knows that nothing more is to come. */
static void on_caught_up(void *owner, int32_t partition, int64_t next_offset) {
    struct slot *slot = weir_worker_slot(owner, partition);
    if (slot && slot->owned) slot->caught_up = next_offset;
}

/* ---- one step ---- */

/* How many of the records in hand go through one task at once: one partition's, up to the limit, and not
 * across the offset where silence ends. */
static uint32_t run_length(const struct weir_worker *worker, const struct slot *slot) {
    const struct weir_record *first = &worker->records[worker->record_next];
    uint32_t count = 0, left = worker->record_count - worker->record_next;
    bool silent = slot && first->offset < slot->silent_until;
    if (worker->options.limit && !silent && left > worker->options.limit - worker->read)
        left = (uint32_t)(worker->options.limit - worker->read);
    while (count < left && first[count].partition == first->partition &&
           (!silent || first[count].offset < slot->silent_until))
        count++;
    return worker->exact || !slot ? count : weir_alo_run(worker, slot, first, count);
}

/* The next records of one partition go through their task. */
static void process_run(struct weir_worker *worker) {
    const struct weir_record *first = &worker->records[worker->record_next];
    struct slot *slot = weir_worker_slot(worker, first->partition);
    uint32_t count = run_length(worker, slot);
    worker->record_next += count;
    if (!slot || !slot->owned || slot->stopped) return; /* given back meanwhile: its new owner reads it */
    slot->position = first[count - 1].offset + 1;
    int result = worker->exact ? weir_exact_host_process(worker->exact, first, count) : WEIR_OK;
    if (result) weir_worker_fail(worker, result);
    if (!worker->exact) weir_alo_process(worker, slot, first, count);
}

/* Every partition it has is one that cannot go on: the process ends, so that somebody notices. */
static bool all_have_failed(const struct weir_worker *worker) {
    uint32_t failed = 0;
    for (uint32_t i = 0; worker->exact && i < worker->slot_count; i++) {
        if (!worker->slots[i].owned) continue;
        if (!weir_exact_host_has_failed(worker->exact, (int32_t)i)) return false;
        failed++;
    }
    return failed > 0;
}

static bool reached_the_limit(const struct weir_worker *worker) {
    return worker->options.limit && worker->read >= worker->options.limit;
}

static bool own_are_at_end(const struct weir_worker *worker) {
    if (!worker->options.until_end || !worker->ends_known) return false;
    if (worker->all_lost) return false; /* thrown out of the group: it is about to join again */
    if (worker->exact && weir_exact_host_is_recovering(worker->exact)) return false;
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        const struct slot *slot = &worker->slots[i];
        if (worker->exact && weir_exact_host_has_stopped(worker->exact, (int32_t)i)) continue;
        if (slot->owned && !slot->stopped && slot->position < slot->end && slot->caught_up < slot->end)
            return false;
    }
    return true;
}

/* Partitions that other members have, or that wait for a dead member's session to end, are part of the work
 * too. */
static bool is_elsewhere(const struct weir_worker *worker, int32_t partition) {
    bool owned = (uint32_t)partition < worker->slot_count && worker->slots[partition].owned;
    return !owned && worker->ends[partition] > 0;
}

static bool all_are_here(const struct weir_worker *worker) {
    for (int32_t p = 0; p < worker->end_count; p++)
        if (is_elsewhere(worker, p)) return false;
    return true;
}

static bool reached_the_end(const struct weir_worker *worker) {
    return reached_the_limit(worker) ||
           (own_are_at_end(worker) && (worker->others_at_end || all_are_here(worker)));
}

/* Asks the group how far the others are; true when they are done. */
static bool others_are_at_end(struct weir_worker *worker) {
    struct weir_kafka_offset *offsets = calloc((size_t)worker->end_count + 1, sizeof *offsets);
    uint32_t count = 0;
    for (int32_t p = 0; offsets && p < worker->end_count; p++)
        if (is_elsewhere(worker, p)) offsets[count++].partition = p;
    bool done =
        offsets && count && !weir_kafka_committed(worker->source, offsets, count, OTHERS_TIMEOUT_MS, NULL);
    for (uint32_t i = 0; i < count && done; i++) done = offsets[i].next >= worker->ends[offsets[i].partition];
    free(offsets);
    return done;
}

void weir_worker_wake(void *owner) {
    struct weir_worker *worker = owner;
    worker->woken = true;
    if (!uv_is_closing((uv_handle_t *)&worker->again)) uv_idle_start(&worker->again, worker->again.idle_cb);
}

static void stand_still(struct weir_worker *worker) {
    if (!worker->woken) uv_idle_stop(&worker->again);
}

/* Outputs move on. False: no room for more, something will wake us. */
static bool move_outputs(struct weir_worker *worker) {
    if (worker->exact) {
        bool flush = worker->stopping || reached_the_limit(worker);
        int result = weir_exact_host_turn(worker->exact, worker->now_ms, flush, &worker->error);
        if (result) weir_worker_fail(worker, result);
        return worker->result || !weir_exact_host_is_full(worker->exact);
    }
    return weir_alo_move_outputs(worker) || worker->result;
}

static bool is_at_rest(const struct weir_worker *worker) {
    return worker->exact ? weir_exact_host_at_rest(worker->exact)
                         : worker->flights.first == worker->flights.next;
}

static void turn(struct weir_worker *worker) {
    for (int i = 0; i < TURNS_PER_WAKE; i++) {
        worker->woken = false;
        bool room = move_outputs(worker);
        if (worker->result) {
            uv_stop(&worker->loop);
            return;
        }
        if (!room && !worker->stopping) return stand_still(worker);
        /* The batch first: slots may already know of an end that lies behind it. */
        if (worker->record_next < worker->record_count && !worker->stopping && !reached_the_limit(worker)) {
            process_run(worker);
            continue;
        }
        if (!worker->stopping && reached_the_end(worker)) {
            worker->stopping = true;
            continue;
        }
        if (worker->stopping) {
            if (is_at_rest(worker)) uv_stop(&worker->loop);
            return stand_still(worker);
        }
        int count = weir_kafka_source_poll(worker->source, worker->records, WEIR_BATCH_MAX, &worker->error);
        worker->record_next = 0;
        worker->record_count = count > 0 ? (uint32_t)count : 0;
        if (count < 0) weir_worker_fail(worker, count);
        if (count == 0 && !worker->stopping && !reached_the_end(worker)) return stand_still(worker);
    }
    uv_idle_start(&worker->again, worker->again.idle_cb);
}

static void on_wake(uv_poll_t *handle, int status, int events) {
    struct weir_worker *worker = handle->data;
    (void)status, (void)events;
    if (worker->stopping && handle == &worker->source_wake)
        uv_poll_stop(handle); /* nobody reads it any more */
    turn(worker);
}
static void on_again(uv_idle_t *handle) { turn(handle->data); }
static void on_commit(uv_timer_t *handle) {
    struct weir_worker *worker = handle->data;
    if (worker->exact)
        turn(worker);
    else
        weir_alo_commit(worker);
}
static void on_snapshot(uv_timer_t *handle) {
    struct weir_worker *worker = handle->data;
    if (worker->exact)
        weir_exact_host_snapshot(worker->exact);
    else
        weir_alo_snapshot(worker);
}

static void watch_broker(struct weir_worker *worker) {
    struct weir_error error = {0};
    bool down = weir_kafka_source_down(worker->source, &error);
    if (down && !worker->was_down) weir_log(WEIR_LOG_WARNING, "no broker answers, trying on: %s", error.text);
    if (!down && worker->was_down) weir_log(WEIR_LOG_INFO, "the brokers answer again");
    worker->was_down = down;
}

/* Once a second: the clock ticks, and a wake-up that librdkafka's edge-triggered descriptor may have kept to
 * itself is made good. */
static void on_second(uv_timer_t *handle) {
    struct weir_worker *worker = handle->data;
    worker->now_ms = weir_clock_wall_ms();
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) weir_task_tick(worker->slots[i].task, worker->now_ms);
    if (worker->single) weir_task_tick(worker->single, worker->now_ms);
    watch_broker(worker);
    if (own_are_at_end(worker) && !worker->stopping && !all_are_here(worker))
        worker->others_at_end = others_are_at_end(worker);
    if (worker->options.watch.tick) worker->options.watch.tick(worker->options.watch.owner);
    if (all_have_failed(worker)) worker->stopping = true;
    turn(worker);
}

/* ---- exactly once ---- */

static void on_lane_answered(void *owner, const struct weir_task *task, const struct weir_record *records,
                             uint32_t count, const struct weir_outputs *outputs) {
    weir_worker_see(owner, task, records, count, outputs);
}
static void on_lane_adopted(void *owner, const struct weir_task *task) { weir_worker_came(owner, task); }
static void on_lane_retired(void *owner, struct weir_task *task) { weir_worker_retire(owner, &task); }
static void on_lane_rejoin(void *owner) {
    struct weir_worker *worker = owner;
    int result = weir_kafka_source_rejoin(worker->source, &worker->error);
    if (result) weir_worker_fail(worker, result);
}

static int open_exactly(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_exact_host_options options = {.plan = worker->options.plan,
                                                    .pipeline = worker->options.pipeline,
                                                    .client = worker->options.client,
                                                    .engine_id = worker->options.engine_id,
                                                    .seed = worker->seed,
                                                    .skip_lost = worker->options.skip_lost,
                                                    .loop = &worker->loop,
                                                    .owner = worker,
                                                    .wake = weir_worker_wake,
                                                    .answered = on_lane_answered,
                                                    .adopted = on_lane_adopted,
                                                    .retired = on_lane_retired,
                                                    .rejoin = on_lane_rejoin};
    int result = weir_exact_host_create(&options, &worker->exact, error);
    if (!result) worker->options.client = *weir_exact_host_client(worker->exact);
    return result;
}

/* ---- life ---- */

static int open_doors(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    bool exactly = weir_pipeline_is_exact(pipeline);
    int result = exactly ? open_exactly(worker, error) : weir_alo_open(worker, error);
    if (result) return result;
    struct weir_kafka_source_options source = {.client = worker->options.client,
                                               .topic = pipeline->source.topic.text,
                                               .group = pipeline->source.group,
                                               .start_latest = pipeline->source.start == WEIR_START_LATEST,
                                               .skip_lost = worker->options.skip_lost,
                                               .alone = exactly && pipeline->tasks == WEIR_TASKS_SINGLE,
                                               .watch = {.owner = worker,
                                                         .resume = exactly ? NULL : weir_alo_resume,
                                                         .hold = exactly ? on_hold : NULL,
                                                         .lost = exactly ? on_lost : NULL,
                                                         .skipped = exactly ? on_skipped : NULL,
                                                         .assigned = on_assigned,
                                                         .revoked = on_revoked,
                                                         .caught_up = on_caught_up}};
    result = weir_kafka_source_open(&source, &worker->source, error);
    if (!result && exactly) result = weir_exact_host_start(worker->exact, worker->source, error);
    if (!result && source.alone)
        result = weir_exact_host_lead(worker->exact, worker->options.follower, worker->now_ms, error);
    return result;
}

static void start_loop(struct weir_worker *worker) {
    uv_loop_t *loop = &worker->loop;
    uint64_t commit_ms = (uint64_t)worker->options.pipeline->commit_ms;
    uint64_t snapshot_ms = (uint64_t)worker->options.pipeline->state.snapshot_ms;
    uv_poll_init(loop, &worker->source_wake, weir_kafka_source_fd(worker->source));
    if (worker->sink) uv_poll_init(loop, &worker->sink_wake, weir_kafka_sink_fd(worker->sink));
    uv_timer_init(loop, &worker->commit_timer);
    uv_timer_init(loop, &worker->second_timer);
    uv_timer_init(loop, &worker->snapshot_timer);
    uv_idle_init(loop, &worker->again);
    uv_signal_init(loop, &worker->interrupt);
    uv_signal_init(loop, &worker->terminate);
    worker->source_wake.data = worker->sink_wake.data = worker->commit_timer.data =
        worker->second_timer.data = worker->snapshot_timer.data = worker->again.data =
            worker->interrupt.data = worker->terminate.data = worker;
    uv_poll_start(&worker->source_wake, UV_READABLE, on_wake);
    if (worker->sink) uv_poll_start(&worker->sink_wake, UV_READABLE, on_wake);
    uv_timer_start(&worker->commit_timer, on_commit, commit_ms, commit_ms);
    uv_timer_start(&worker->second_timer, on_second, 0, 1000);
    if (worker->snapshots || worker->exact)
        uv_timer_start(&worker->snapshot_timer, on_snapshot, snapshot_ms, snapshot_ms);
    uv_idle_start(&worker->again, on_again);
    uv_signal_start(&worker->interrupt, on_signal, SIGINT);
    uv_signal_start(&worker->terminate, on_signal, SIGTERM);
}

/* All of the loop's handles, but not that through which others ask `kept` to stop. */
static void close_handle(uv_handle_t *handle, void *kept) {
    const struct weir_worker *worker = kept;
    if (!uv_is_closing(handle) && (!worker || handle != (const uv_handle_t *)&worker->stop_asked))
        uv_close(handle, NULL);
}

int weir_worker_create(const struct weir_worker_options *options, struct weir_worker **out,
                       struct weir_error *error) {
    struct weir_worker *worker = calloc(1, sizeof *worker);
    if (!worker) return weir_error_set(error, WEIR_NOMEM, "no memory for a worker");
    worker->options = *options;
    worker->dead_letters.next_told = 1;
    worker->lock.fd = -1;
    worker->now_ms = weir_clock_wall_ms();
    uv_loop_init(&worker->loop);
    uv_async_init(&worker->loop, &worker->stop_asked, on_stop_asked);
    worker->stop_asked.data = worker;
    uv_unref((uv_handle_t *)&worker->stop_asked); /* open as long as the worker: others may send any time */
    /* Keys are hashed with a seed nobody outside can know, so that chosen keys cannot pile up in one place.
     */
    if (getrandom(&worker->seed, sizeof worker->seed, 0) != (ssize_t)sizeof worker->seed) worker->seed = 1;
    int result = weir_topics_look(&options->client, options->plan, true, &worker->retention, error);
    if (!result) {
        weir_retention_at_start(&worker->retention, options->plan->time_cell != WEIR_NO_CELL);
        result = open_doors(worker, error);
    }
    if (result) {
        weir_worker_destroy(worker);
        return result;
    }
    *out = worker;
    return WEIR_OK;
}

int weir_worker_run(struct weir_worker *worker, struct weir_error *error) {
    start_loop(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    if (worker->abandoned)
        weir_log(WEIR_LOG_WARNING, "stopped at once: outputs in flight will be repeated by the next run");
    else if (worker->exact && !worker->result)
        weir_exact_host_save_at_rest(worker->exact);
    else if (!worker->exact)
        weir_alo_finish(worker);
    if (!worker->result)
        worker->result =
            worker->exact ? weir_exact_host_stopped(worker->exact, &worker->error) : weir_alo_stopped(worker);
    weir_exact_host_stop(worker->exact);
    weir_snapshots_stop(worker->snapshots);
    uv_walk(&worker->loop, close_handle, worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    weir_kafka_source_close(worker->source); /* leaves the group: what was handed over may go to others now */
    worker->source = NULL;
    if (worker->result && error) *error = worker->error;
    return worker->result;
}

void weir_worker_destroy(struct weir_worker *worker) {
    if (!worker) return;
    weir_exact_host_stop(worker->exact);
    weir_snapshots_stop(worker->snapshots);
    if (worker->source) weir_kafka_source_close(worker->source);
    if (worker->sink) weir_kafka_sink_close(worker->sink);
    for (uint32_t i = 0; i < worker->slot_count; i++) weir_task_destroy(worker->slots[i].task);
    weir_task_destroy(worker->single);
    weir_flights_deinit(&worker->flights);
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    weir_exact_host_destroy(worker->exact);
    weir_snapshots_destroy(worker->snapshots);
    weir_alo_close(worker);
    uv_loop_close(&worker->loop);
    free(worker->slots);
    free(worker);
}

static void add_counts(void *owner, int32_t task, const struct weir_task *state) {
    (void)task;
    weir_task_counts_add(owner, weir_task_counts(state));
}

void weir_worker_counts(const struct weir_worker *worker, struct weir_task_counts *counts) {
    *counts = worker->counts;
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) weir_task_counts_add(counts, weir_task_counts(worker->slots[i].task));
    if (worker->single) weir_task_counts_add(counts, weir_task_counts(worker->single));
    if (worker->exact) weir_exact_host_each_task(worker->exact, counts, add_counts);
}

const struct weir_latency *weir_worker_commits(const struct weir_worker *worker) {
    return worker->exact ? weir_exact_host_commits(worker->exact) : NULL;
}

void weir_worker_each_task(const struct weir_worker *worker, void *owner,
                           void (*visit)(void *owner, int32_t partition, const struct weir_task *task)) {
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) visit(owner, (int32_t)i, worker->slots[i].task);
    if (worker->single) visit(owner, 0, worker->single);
    if (worker->exact) weir_exact_host_each_task(worker->exact, owner, visit);
}
