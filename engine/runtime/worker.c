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
#include <time.h>
#include <uv.h>

#include "base/log.h"
#include "runtime/flights.h"
#include "runtime/retention.h"
#include "runtime/shelf.h"
#include "runtime/snapshots.h"
#include "runtime/topics.h"

#define TURNS_PER_WAKE 64
#define PARTITION_MAX 4096
#define REVOKE_PATIENCE_MS 5000

struct slot { /* one input partition */
    bool owned;
    struct weir_task *task; /* NULL under `tasks: single`: the worker's one task */
    int64_t position;       /* next offset to process */
    int64_t caught_up;      /* nothing readable lies before this offset that was not polled */
    int64_t landed;         /* all outputs of input before this offset are delivered */
    int64_t silent_until; /* below it input was answered before the restart: read again for the state alone */
    int64_t end;          /* until_end: stop here; -1 = not known */
};

struct weir_worker {
    struct weir_worker_options options;
    struct weir_kafka_source *source;
    struct weir_kafka_sink *sink;
    struct weir_flights flights;
    struct weir_retention retention;
    struct weir_snapshots *snapshots; /* NULL: state lives in memory only */
    struct slot *slots;               /* by partition */
    uint32_t slot_count;
    struct weir_task *single;
    struct weir_task_counts retired; /* of tasks that are gone */
    uint64_t read;                   /* records processed by this worker */
    uint64_t seed;
    /* the batch in hand, and the outputs of its newest run that the sink has not taken yet */
    struct weir_record records[WEIR_BATCH_MAX];
    uint32_t record_count, record_next;
    struct weir_outputs outputs;
    uint32_t output_next;
    uint64_t output_flight;
    /* the loop */
    uv_loop_t loop;
    uv_poll_t source_wake, sink_wake;
    uv_timer_t commit_timer, second_timer, snapshot_timer;
    uv_idle_t again; /* active while there is more to do at once */
    uv_signal_t interrupt, terminate;
    uv_async_t stop_asked;
    bool ends_known, stopping, abandoned, was_down, all_lost;
    uint64_t next_dead_letter_log;
    int64_t now_ms;
    int64_t ends[PARTITION_MAX];
    int end_count;
    int result;
    struct weir_error error;
};

/* ---- stopping ---- */

void weir_worker_stop(struct weir_worker *worker) { uv_async_send(&worker->stop_asked); }

static void fail(struct weir_worker *worker, int result) {
    if (!worker->result) {
        worker->result = result;
        if (!worker->error.text[0])
            weir_error_set(&worker->error, result, "worker stopped: %s", weir_result_name(result));
    }
    worker->stopping = true;
}

static void on_stop_asked(uv_async_t *handle) {
    struct weir_worker *worker = handle->data;
    worker->stopping = true;
    uv_idle_start(&worker->again, worker->again.idle_cb);
}

static void on_signal(uv_signal_t *handle, int signum) {
    struct weir_worker *worker = handle->data;
    if (worker->stopping) {
        worker->abandoned = true;
        uv_stop(&worker->loop);
        return;
    }
    weir_log(WEIR_LOG_INFO, "%s: finishing what is in flight (again to stop at once)", strsignal(signum));
    worker->stopping = true;
    uv_idle_start(&worker->again, worker->again.idle_cb);
}

/* ---- tasks ---- */

static struct slot *slot_of(struct weir_worker *worker, int32_t partition) {
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

static struct weir_task *new_task(struct weir_worker *worker) {
    struct weir_task *task = NULL;
    int result = weir_task_create(worker->options.plan, worker->seed, &task, &worker->error);
    if (result) fail(worker, result);
    if (task) weir_task_tick(task, worker->now_ms);
    return task;
}

static void retire(struct weir_worker *worker, struct weir_task **task) {
    if (!*task) return;
    weir_task_counts_add(&worker->retired, weir_task_counts(*task));
    weir_task_destroy(*task);
    *task = NULL;
}

/* ---- deliveries and offsets ---- */

static void land_flights(struct weir_worker *worker) {
    struct weir_flight flight;
    while (weir_flights_land(&worker->flights, &flight)) {
        struct slot *slot = slot_of(worker, flight.partition);
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
    fail(worker, WEIR_IO);
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
    if (!is_live(slot) || slot->landed != slot->position) return;
    weir_snapshots_drop(worker->snapshots, partition);
    weir_snapshots_take(worker->snapshots, slot->task, partition, slot->position);
    weir_snapshots_committed(worker->snapshots, partition, slot->landed, true);
}

/* A task at rest goes to the shelf, for the worker of this process that may get its partition next. */
static void hand_over(struct weir_worker *worker, int32_t partition) {
    struct slot *slot = &worker->slots[partition];
    if (!worker->options.shelf || !is_live(slot) || slot->landed != slot->position) return;
    if (weir_shelf_put(worker->options.shelf, partition, slot->position, slot->task)) slot->task = NULL;
}

static void commit_on_time(struct weir_worker *worker) {
    if (!commit(worker, weir_snapshots_waiting(worker->snapshots))) return;
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].owned)
            weir_snapshots_committed(worker->snapshots, (int32_t)i, worker->slots[i].landed, false);
}

static void copy_states(struct weir_worker *worker) {
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (is_live(&worker->slots[i]))
            weir_snapshots_take(worker->snapshots, worker->slots[i].task, (int32_t)i,
                                worker->slots[i].position);
}

/* ---- rebalance ---- */

/* A task that comes back from a snapshot reads again, silently, what came after it. */
static int64_t on_resume(void *owner, int32_t partition, int64_t committed) {
    struct weir_worker *worker = owner;
    struct slot *slot = slot_of(worker, partition);
    if (!slot) return committed;
    slot->silent_until = committed;
    if (slot->task || worker->options.pipeline->tasks == WEIR_TASKS_SINGLE) return committed;
    if (worker->options.shelf) slot->task = weir_shelf_take(worker->options.shelf, partition, committed);
    if (slot->task) return committed; /* another worker of this process had it */
    int64_t position =
        weir_snapshots_restore(worker->snapshots, worker->options.plan, partition, committed, &slot->task);
    if (position < 0) return committed;
    weir_task_tick(slot->task, worker->now_ms);
    weir_log(WEIR_LOG_INFO, "partition %d: state restored as of offset %lld, %lld records to read again",
             partition, (long long)position, (long long)(committed - position));
    return position;
}

static void on_assigned(void *owner, int32_t partition, int64_t offset) {
    struct weir_worker *worker = owner;
    struct slot *slot = slot_of(worker, partition);
    if (!slot) {
        weir_error_set(&worker->error, WEIR_LIMIT, "partition %d is beyond the limit of %d", partition,
                       PARTITION_MAX);
        fail(worker, WEIR_LIMIT);
        return;
    }
    if (worker->options.until_end && !worker->ends_known) {
        worker->end_count =
            weir_kafka_source_ends(worker->source, worker->ends, PARTITION_MAX, &worker->error);
        if (worker->end_count < 0) fail(worker, worker->end_count);
        worker->ends_known = true;
    }
    slot->owned = true;
    worker->all_lost = false;
    slot->position = offset;
    slot->end = partition < worker->end_count ? worker->ends[partition] : -1;
    /* Committed even before the first record: `start: latest` must mean the same after a crash. */
    slot->caught_up = 0;
    slot->landed = slot->silent_until;
    weir_kafka_source_store(worker->source, partition, slot->landed);
    if (worker->options.plan && worker->options.pipeline->tasks == WEIR_TASKS_SINGLE) {
        if (!worker->single) worker->single = new_task(worker);
    } else if (!slot->task) {
        slot->task = new_task(worker);
        /* A task without a past is saved at once: a crash before the first snapshot must find where it began.
         */
        if (slot->task) save_at_rest(worker, partition);
    }
    weir_log(WEIR_LOG_INFO, "partition %d assigned, reading from offset %lld", partition, (long long)offset);
}

/* What was read from these partitions has been processed; wait for its outputs, then give them back. */
static void on_revoked(void *owner, const int32_t *partitions, uint32_t count, bool lost) {
    struct weir_worker *worker = owner;
    worker->all_lost = lost;
    if (!lost) {
        if (weir_kafka_sink_flush(worker->sink, REVOKE_PATIENCE_MS))
            weir_log(WEIR_LOG_WARNING,
                     "partitions are given back before all outputs were delivered: their new owner "
                     "will repeat some");
        land_flights(worker);
        bool committed = commit(worker, true);
        for (uint32_t i = 0; i < count && committed; i++)
            if (slot_of(worker, partitions[i])) save_at_rest(worker, partitions[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = slot_of(worker, partitions[i]);
        if (!slot) continue;
        weir_snapshots_drop(worker->snapshots, partitions[i]);
        if (!lost) hand_over(worker, partitions[i]);
        slot->owned = false;
        retire(worker, &slot->task);
        weir_log(WEIR_LOG_INFO, "partition %d %s", partitions[i], lost ? "lost" : "given back");
    }
}

/* Transaction markers may follow the last record: only the broker knows that nothing more is to come. */
static void on_caught_up(void *owner, int32_t partition, int64_t next_offset) {
    struct slot *slot = slot_of(owner, partition);
    if (slot && slot->owned) slot->caught_up = next_offset;
}

/* ---- one step ---- */

static void tell_dead_letters(struct weir_worker *worker, const struct weir_outputs *outputs,
                              const struct weir_task *task) {
    const struct weir_record *record = outputs->first_error_record;
    if (!record) return;
    uint64_t so_far = weir_task_counts(task)->dead_lettered;
    if (so_far >= worker->next_dead_letter_log) {
        bool kept = worker->options.plan->streams[WEIR_DEAD_LETTERS].active;
        weir_log(WEIR_LOG_WARNING, "%s partition %d offset %lld: %s%s%s [%s] %s (%llu bad records so far)",
                 record->topic, record->partition, (long long)record->offset,
                 outputs->first_error->field ? outputs->first_error->field : "",
                 outputs->first_error->field ? ": " : "", outputs->first_error->text,
                 outputs->first_error->code,
                 kept ? "-> dead letter topic" : "-> counted only: the file names no dead_letter topic",
                 (unsigned long long)so_far);
        worker->next_dead_letter_log = so_far * 2;
    }
    if (worker->options.strict_data) {
        weir_error_set(&worker->error, WEIR_DATA, "%s partition %d offset %lld: %s [%s]", record->topic,
                       record->partition, (long long)record->offset, outputs->first_error->text,
                       outputs->first_error->code);
        fail(worker, WEIR_DATA);
    }
}

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
    return count;
}

/* Outputs of a run become a flight on its way to the sink. */
static void take_off(struct weir_worker *worker, const struct slot *slot, const struct weir_record *first,
                     uint32_t count, const struct weir_task *task) {
    worker->read += count;
    struct weir_flight flight = {first->partition, worker->outputs.record_count, slot->position};
    if (!weir_flights_add(&worker->flights, flight, &worker->output_flight)) fail(worker, WEIR_NOMEM);
    weir_retention_see_records(&worker->retention, first, count, worker->now_ms);
    weir_retention_see_outputs(&worker->retention, worker->outputs.records, worker->outputs.record_count,
                               worker->now_ms);
    tell_dead_letters(worker, &worker->outputs, task);
    if (worker->options.watch.batch)
        worker->options.watch.batch(worker->options.watch.owner, task, &worker->outputs);
}

/* The next records of one partition go through their task. */
static void process_run(struct weir_worker *worker) {
    const struct weir_record *first = &worker->records[worker->record_next];
    struct slot *slot = slot_of(worker, first->partition);
    uint32_t count = run_length(worker, slot);
    worker->record_next += count;
    struct weir_task *task = slot && slot->task ? slot->task : worker->single;
    if (!slot || !slot->owned || !task) return; /* given back meanwhile: its new owner reads it */
    int result = weir_task_process(task, first, count, &worker->outputs);
    if (result) {
        fail(worker, result);
        return;
    }
    slot->position = first[count - 1].offset + 1;
    worker->output_next = 0;
    if (first->offset < slot->silent_until)
        worker->outputs.record_count = 0; /* answered before the restart */
    else
        take_off(worker, slot, first, count, task);
}

/* True when the sink has taken everything. */
static bool write_outputs(struct weir_worker *worker) {
    uint32_t left = worker->outputs.record_count - worker->output_next;
    if (!left) return true;
    int taken = weir_kafka_sink_write(worker->sink, worker->outputs.records + worker->output_next, left,
                                      worker->output_flight, &worker->error);
    if (taken < 0) {
        fail(worker, taken);
        return false;
    }
    worker->output_next += (uint32_t)taken;
    return worker->output_next == worker->outputs.record_count;
}

static bool reached_the_limit(const struct weir_worker *worker) {
    return worker->options.limit && worker->read >= worker->options.limit;
}

static bool reached_the_end(const struct weir_worker *worker) {
    if (reached_the_limit(worker)) return true;
    if (!worker->options.until_end || !worker->ends_known) return false;
    if (worker->all_lost) return false; /* thrown out of the group: it is about to join again */
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        const struct slot *slot = &worker->slots[i];
        if (slot->owned && slot->position < slot->end && slot->caught_up < slot->end) return false;
    }
    return true;
}

static void stand_still(struct weir_worker *worker) { uv_idle_stop(&worker->again); }

static void turn(struct weir_worker *worker) {
    for (int i = 0; i < TURNS_PER_WAKE; i++) {
        weir_kafka_sink_poll(worker->sink);
        land_flights(worker);
        if (worker->result) {
            uv_stop(&worker->loop);
            return;
        }
        if (!write_outputs(worker)) return stand_still(worker);
        /* The batch first: slots may already know of an end that lies behind it. */
        if (worker->record_next < worker->record_count && !worker->stopping && !reached_the_limit(worker)) {
            process_run(worker);
            continue;
        }
        if (!worker->stopping && reached_the_end(worker)) worker->stopping = true;
        if (worker->stopping) {
            if (worker->flights.first == worker->flights.next) uv_stop(&worker->loop);
            return stand_still(worker);
        }
        int count = weir_kafka_source_poll(worker->source, worker->records, WEIR_BATCH_MAX, &worker->error);
        worker->record_next = 0;
        worker->record_count = count > 0 ? (uint32_t)count : 0;
        if (count < 0) fail(worker, count);
        if (count == 0 && !worker->stopping && !reached_the_end(worker)) return stand_still(worker);
    }
    uv_idle_start(&worker->again, worker->again.idle_cb);
}

static void on_wake(uv_poll_t *handle, int status, int events) {
    (void)status, (void)events;
    turn(handle->data);
}
static void on_again(uv_idle_t *handle) { turn(handle->data); }
static void on_commit(uv_timer_t *handle) { commit_on_time(handle->data); }
static void on_snapshot(uv_timer_t *handle) { copy_states(handle->data); }

static int64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
    worker->now_ms = wall_ms();
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) weir_task_tick(worker->slots[i].task, worker->now_ms);
    if (worker->single) weir_task_tick(worker->single, worker->now_ms);
    watch_broker(worker);
    if (worker->options.watch.tick) worker->options.watch.tick(worker->options.watch.owner);
    turn(worker);
}

/* ---- life ---- */

static int open_doors(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    struct weir_kafka_sink_options sink = {.client = worker->options.client,
                                           .watch = {worker, on_delivered, on_refused}};
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        if (!worker->options.plan->streams[i].active) continue;
        sink.topics[i] = weir_pipeline_sink(pipeline, (enum weir_stream)i)->topic.text;
        sink.bare[i] = !worker->options.plan->streams[i].full_envelope && i != WEIR_DEAD_LETTERS;
    }
    int result = weir_kafka_sink_open(&sink, &worker->sink, error);
    if (result) return result;
    struct weir_kafka_source_options source = {
        .client = worker->options.client,
        .topic = pipeline->source.topic.text,
        .group = pipeline->source.group,
        .start_latest = pipeline->source.start == WEIR_START_LATEST,
        .watch = {worker, on_resume, on_assigned, on_revoked, on_caught_up}};
    return weir_kafka_source_open(&source, &worker->source, error);
}

static void start_loop(struct weir_worker *worker) {
    uv_loop_t *loop = &worker->loop;
    uint64_t commit_ms = (uint64_t)worker->options.pipeline->commit_ms;
    uint64_t snapshot_ms = (uint64_t)worker->options.pipeline->state.snapshot_ms;
    uv_poll_init(loop, &worker->source_wake, weir_kafka_source_fd(worker->source));
    uv_poll_init(loop, &worker->sink_wake, weir_kafka_sink_fd(worker->sink));
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
    uv_poll_start(&worker->sink_wake, UV_READABLE, on_wake);
    uv_timer_start(&worker->commit_timer, on_commit, commit_ms, commit_ms);
    uv_timer_start(&worker->second_timer, on_second, 0, 1000);
    if (worker->snapshots) uv_timer_start(&worker->snapshot_timer, on_snapshot, snapshot_ms, snapshot_ms);
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
    worker->next_dead_letter_log = 1;
    worker->now_ms = wall_ms();
    uv_loop_init(&worker->loop);
    uv_async_init(&worker->loop, &worker->stop_asked, on_stop_asked);
    worker->stop_asked.data = worker;
    uv_unref((uv_handle_t *)&worker->stop_asked); /* open as long as the worker: others may send any time */
    /* Keys are hashed with a seed nobody outside can know, so that chosen keys cannot pile up in one place.
     */
    if (getrandom(&worker->seed, sizeof worker->seed, 0) != (ssize_t)sizeof worker->seed) worker->seed = 1;
    int result = weir_topics_look(&options->client, options->plan, &worker->retention, error);
    if (!result) result = weir_snapshots_open(options->pipeline, &worker->loop, &worker->snapshots, error);
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
    else if (commit(worker, true))
        for (uint32_t i = 0; i < worker->slot_count; i++) {
            save_at_rest(worker, (int32_t)i);
            hand_over(worker, (int32_t)i);
        }
    uv_walk(&worker->loop, close_handle, worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    weir_kafka_source_close(worker->source); /* leaves the group: what was handed over may go to others now */
    worker->source = NULL;
    if (worker->result && error) *error = worker->error;
    return worker->result;
}

void weir_worker_destroy(struct weir_worker *worker) {
    if (!worker) return;
    if (worker->source) weir_kafka_source_close(worker->source);
    if (worker->sink) weir_kafka_sink_close(worker->sink);
    for (uint32_t i = 0; i < worker->slot_count; i++) weir_task_destroy(worker->slots[i].task);
    weir_task_destroy(worker->single);
    weir_flights_deinit(&worker->flights);
    weir_snapshots_close(worker->snapshots);
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    uv_loop_close(&worker->loop);
    free(worker->slots);
    free(worker);
}

void weir_worker_counts(const struct weir_worker *worker, struct weir_task_counts *counts) {
    *counts = worker->retired;
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) weir_task_counts_add(counts, weir_task_counts(worker->slots[i].task));
    if (worker->single) weir_task_counts_add(counts, weir_task_counts(worker->single));
}

void weir_worker_each_task(const struct weir_worker *worker, void *owner,
                           void (*visit)(void *owner, int32_t partition, const struct weir_task *task)) {
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) visit(owner, (int32_t)i, worker->slots[i].task);
    if (worker->single) visit(owner, 0, worker->single);
}
