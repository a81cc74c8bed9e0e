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

#define TURNS_PER_WAKE 64
#define PARTITION_MAX 4096
#define REVOKE_PATIENCE_MS 5000
#define LOOK_PATIENCE_MS 10000

struct slot { /* one input partition */
    bool owned;
    struct weir_task *task; /* NULL under `tasks: single`: the worker's one task */
    int64_t position;       /* next offset to process, as far as is known */
    int64_t end;            /* until_end: stop here; -1 = not known */
};

struct weir_worker {
    struct weir_worker_options options;
    struct weir_kafka_source *source;
    struct weir_kafka_sink *sink;
    struct weir_flights flights;
    struct weir_retention retention;
    struct slot *slots; /* by partition */
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
    uv_timer_t commit_timer, second_timer;
    uv_idle_t again; /* active while there is more to do at once */
    uv_signal_t interrupt, terminate;
    bool ends_known, stopping, abandoned, was_down, all_lost;
    uint64_t next_dead_letter_log;
    int64_t now_ms;
    int64_t ends[PARTITION_MAX];
    int end_count;
    int result;
    struct weir_error error;
};

/* ---- stopping ---- */

void weir_worker_stop(struct weir_worker *worker) { worker->stopping = true; }

static void fail(struct weir_worker *worker, int result) {
    if (!worker->result) {
        worker->result = result;
        if (!worker->error.text[0])
            weir_error_set(&worker->error, result, "worker stopped: %s", weir_result_name(result));
    }
    worker->stopping = true;
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

static void add_counts(struct weir_task_counts *sum, const struct weir_task_counts *counts) {
    sum->read += counts->read;
    sum->applied += counts->applied;
    sum->late += counts->late;
    sum->dead_lettered += counts->dead_lettered;
    sum->dropped += counts->dropped;
    sum->labelled += counts->labelled;
    sum->unlabelled += counts->unlabelled;
    sum->predictions += counts->predictions;
    sum->alerts += counts->alerts;
}

static void retire(struct weir_worker *worker, struct weir_task **task) {
    if (!*task) return;
    add_counts(&worker->retired, weir_task_counts(*task));
    weir_task_destroy(*task);
    *task = NULL;
}

/* ---- deliveries and offsets ---- */

static void land_flights(struct weir_worker *worker) {
    struct weir_flight flight;
    while (weir_flights_land(&worker->flights, &flight)) {
        const struct slot *slot = slot_of(worker, flight.partition);
        if (!slot || !slot->owned) continue;
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

static void commit(struct weir_worker *worker, bool wait) {
    struct weir_error error = {0};
    /* Also when nothing new was stored: an earlier commit may have been refused or is still on its way. */
    if (weir_kafka_source_commit(worker->source, wait, &error))
        weir_log(WEIR_LOG_WARNING, "offsets were not committed, will try again: %s", error.text);
}

/* ---- rebalance ---- */

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
    weir_kafka_source_store(worker->source, partition, offset);
    if (worker->options.plan && worker->options.pipeline->tasks == WEIR_TASKS_SINGLE) {
        if (!worker->single) worker->single = new_task(worker);
    } else if (!slot->task) {
        slot->task = new_task(worker);
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
        commit(worker, true);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = slot_of(worker, partitions[i]);
        if (!slot) continue;
        slot->owned = false;
        retire(worker, &slot->task);
        weir_log(WEIR_LOG_INFO, "partition %d %s", partitions[i], lost ? "lost" : "given back");
    }
}

/* Transaction markers may follow the last record: only the broker knows that nothing more is to come. */
static void on_caught_up(void *owner, int32_t partition, int64_t next_offset) {
    struct slot *slot = slot_of(owner, partition);
    if (slot && slot->owned && next_offset > slot->position) slot->position = next_offset;
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

/* The next records of one partition go through their task; its outputs become a flight. */
static void process_run(struct weir_worker *worker) {
    const struct weir_record *first = &worker->records[worker->record_next];
    uint32_t count = 1, left = worker->record_count - worker->record_next;
    if (worker->options.limit && left > worker->options.limit - worker->read)
        left = (uint32_t)(worker->options.limit - worker->read);
    while (count < left && first[count].partition == first->partition) count++;
    worker->record_next += count;
    struct slot *slot = slot_of(worker, first->partition);
    struct weir_task *task = slot && slot->task ? slot->task : worker->single;
    if (!slot || !slot->owned || !task) return; /* given back meanwhile: its new owner reads it */

    weir_retention_see_records(&worker->retention, first, count, worker->now_ms);
    int result = weir_task_process(task, first, count, &worker->outputs);
    if (result) {
        fail(worker, result);
        return;
    }
    slot->position = first[count - 1].offset + 1;
    worker->read += count;
    worker->output_next = 0;
    struct weir_flight flight = {first->partition, worker->outputs.record_count, slot->position};
    if (!weir_flights_add(&worker->flights, flight, &worker->output_flight)) fail(worker, WEIR_NOMEM);
    weir_retention_see_outputs(&worker->retention, worker->outputs.records, worker->outputs.record_count,
                               worker->now_ms);
    tell_dead_letters(worker, &worker->outputs, task);
    if (worker->options.watch.batch)
        worker->options.watch.batch(worker->options.watch.owner, task, &worker->outputs);
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
        if (slot->owned && slot->position < slot->end) return false;
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
static void on_commit(uv_timer_t *handle) { commit(handle->data, false); }

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

static int look_at_topic(struct weir_worker *worker, const char *topic, bool make, int32_t partitions,
                         struct weir_retention_topic *retention, int32_t *found, struct weir_error *error) {
    const struct weir_kafka_client *client = &worker->options.client;
    struct weir_kafka_topic_facts facts;
    int result = weir_kafka_topic_look(client, topic, LOOK_PATIENCE_MS, &facts, error);
    if (result) return result;
    if (facts.partition_count == 0) {
        if (!make)
            return weir_error_set(error, WEIR_IO, "topic '%s' does not exist on %s [E405]", topic,
                                  worker->options.client.brokers);
        weir_log(WEIR_LOG_INFO, "creating topic %s: %d partitions, retention.ms=-1", topic, partitions);
        result = weir_kafka_topic_create(client, topic, partitions, LOOK_PATIENCE_MS, error);
        if (result) return result;
        facts = (struct weir_kafka_topic_facts){.partition_count = partitions, .retention_ms = -1};
    }
    *retention = (struct weir_retention_topic){.topic = topic, .keeps_ms = facts.retention_ms};
    if (found) *found = facts.partition_count;
    return WEIR_OK;
}

static int look_at_topics(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    const char *topics[WEIR_STREAM_COUNT] = {pipeline->predictions.topic.text,
                                             pipeline->feature_sink.topic.text, pipeline->alerts.topic.text,
                                             pipeline->dead_letter.topic.text};
    int32_t partitions = 0;
    if (worker->options.client.embedded) return WEIR_OK; /* makes topics on first use, keeps what fits */
    int result = look_at_topic(worker, pipeline->source.topic.text, false, 0, &worker->retention.source,
                               &partitions, error);
    for (int i = 0; i < WEIR_STREAM_COUNT && !result; i++)
        if (worker->options.plan->streams[i].active && topics[i])
            result = look_at_topic(worker, topics[i], true, partitions, &worker->retention.streams[i], NULL,
                                   error);
    return result;
}

static int open_doors(struct weir_worker *worker, struct weir_error *error) {
    const struct weir_pipeline *pipeline = worker->options.pipeline;
    struct weir_kafka_sink_options sink = {.client = worker->options.client,
                                           .watch = {worker, on_delivered, on_refused}};
    const struct weir_sink_config *configs[WEIR_STREAM_COUNT] = {
        &pipeline->predictions, &pipeline->feature_sink, &pipeline->alerts, &pipeline->dead_letter};
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        if (!worker->options.plan->streams[i].active) continue;
        sink.topics[i] = configs[i]->topic.text;
        sink.bare[i] = !worker->options.plan->streams[i].full_envelope && i != WEIR_DEAD_LETTERS;
    }
    int result = weir_kafka_sink_open(&sink, &worker->sink, error);
    if (result) return result;
    struct weir_kafka_source_options source = {.client = worker->options.client,
                                               .topic = pipeline->source.topic.text,
                                               .group = pipeline->source.group,
                                               .start_latest = pipeline->source.start == WEIR_START_LATEST,
                                               .watch = {worker, on_assigned, on_revoked, on_caught_up}};
    return weir_kafka_source_open(&source, &worker->source, error);
}

static void start_loop(struct weir_worker *worker) {
    uv_loop_t *loop = &worker->loop;
    uint64_t commit_ms = (uint64_t)worker->options.pipeline->commit_ms;
    uv_poll_init(loop, &worker->source_wake, weir_kafka_source_fd(worker->source));
    uv_poll_init(loop, &worker->sink_wake, weir_kafka_sink_fd(worker->sink));
    uv_timer_init(loop, &worker->commit_timer);
    uv_timer_init(loop, &worker->second_timer);
    uv_idle_init(loop, &worker->again);
    uv_signal_init(loop, &worker->interrupt);
    uv_signal_init(loop, &worker->terminate);
    worker->source_wake.data = worker->sink_wake.data = worker->commit_timer.data =
        worker->second_timer.data = worker->again.data = worker->interrupt.data = worker->terminate.data =
            worker;
    uv_poll_start(&worker->source_wake, UV_READABLE, on_wake);
    uv_poll_start(&worker->sink_wake, UV_READABLE, on_wake);
    uv_timer_start(&worker->commit_timer, on_commit, commit_ms, commit_ms);
    uv_timer_start(&worker->second_timer, on_second, 0, 1000);
    uv_idle_start(&worker->again, on_again);
    uv_signal_start(&worker->interrupt, on_signal, SIGINT);
    uv_signal_start(&worker->terminate, on_signal, SIGTERM);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

int weir_worker_create(const struct weir_worker_options *options, struct weir_worker **out,
                       struct weir_error *error) {
    struct weir_worker *worker = calloc(1, sizeof *worker);
    if (!worker) return weir_error_set(error, WEIR_NOMEM, "no memory for a worker");
    worker->options = *options;
    worker->next_dead_letter_log = 1;
    worker->now_ms = wall_ms();
    uv_loop_init(&worker->loop);
    /* Keys are hashed with a seed nobody outside can know, so that chosen keys cannot pile up in one place.
     */
    if (getrandom(&worker->seed, sizeof worker->seed, 0) != (ssize_t)sizeof worker->seed) worker->seed = 1;
    int result = look_at_topics(worker, error);
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
    else
        commit(worker, true);
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
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
    uv_loop_close(&worker->loop);
    free(worker->slots);
    free(worker);
}

void weir_worker_counts(const struct weir_worker *worker, struct weir_task_counts *counts) {
    *counts = worker->retired;
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) add_counts(counts, weir_task_counts(worker->slots[i].task));
    if (worker->single) add_counts(counts, weir_task_counts(worker->single));
}

void weir_worker_each_task(const struct weir_worker *worker, void *owner,
                           void (*visit)(void *owner, int32_t partition, const struct weir_task *task)) {
    for (uint32_t i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].task) visit(owner, (int32_t)i, worker->slots[i].task);
    if (worker->single) visit(owner, 0, worker->single);
}
