/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exact_host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/faults.h"
#include "base/log.h"
#include "file/marker.h"
#include "file/slot.h"
#include "file/snapshot.h"
#include "runtime/commit_thread.h"
#include "runtime/lead.h"
#include "runtime/recover.h"
#include "runtime/saves.h"
#include "runtime/topics.h"

#define REVOKE_PATIENCE_MS 5000
#define STOP_PATIENCE_MS 10000
#define RETRY_MS 1000
#define OPEN_BYTES_MAX ((size_t)64 << 20) /* outputs of open units (R4) */
#define STUCK_MS 30000
#define LEAD_PATIENCE_MS 30000

struct recovery { /* of one partition; lives until its work is done */
    uv_work_t work;
    uv_timer_t again;
    struct weir_exact_host *host;
    struct weir_kafka_offset committed;
    struct weir_recover_options options;
    struct weir_recovered done;
    int result;
    struct weir_error error;
    bool abandoned;
    struct weir_lost lost; /* to be passed over; last -1: nothing */
    uint64_t began_ns;
    struct recovery *next;
};

struct stopped { /* a task that cannot go on */
    int32_t partition;
    bool paused; /* it could, once an operator has looked */
    struct weir_error error;
};

struct weir_exact_host {
    struct weir_exact_host_options options;
    struct weir_kafka_client client;
    struct weir_property *properties;
    struct weir_slot_lock slot;
    struct weir_marker *marker; /* NULL: without state.dir nothing is known of crashes (R15) */
    char folder[WEIR_GENERATION_FOLDER_BYTES];
    struct weir_exact_names names;
    struct weir_generation_place place;
    struct weir_exact *lane;
    struct weir_commit_thread *thread;
    struct weir_kafka_source *source;
    uv_async_t decided;
    struct recovery *recoveries;
    struct weir_saves *saves;
    bool stuck_told;
    bool overtaken; /* `tasks: single`: another process has committed since we took the lead */
    struct weir_latency commits;
    struct stopped *stopped;
    uint32_t stopped_count;
};

/* ---- between lane and commit thread ---- */

static struct weir_kafka_membership *membership(void *owner) {
    return weir_kafka_membership_take(((struct weir_exact_host *)owner)->source);
}

static void submit(void *owner, struct weir_bundle *bundle) {
    weir_commit_thread_submit(((struct weir_exact_host *)owner)->thread, bundle);
}

static int take_verdicts(struct weir_exact_host *host) {
    const struct weir_bundle *bundle = host->thread ? weir_commit_thread_take(host->thread) : NULL;
    if (!bundle) return WEIR_OK;
    host->stuck_told = false;
    if (bundle->verdicts[0] == WEIR_UNIT_COMMITTED)
        weir_latency_add(&host->commits, (uint64_t)bundle->commit_us);
    return weir_exact_decided(host->lane);
}

static void on_commit_thread(void *owner) { uv_async_send(&((struct weir_exact_host *)owner)->decided); }

static void on_decided(uv_async_t *handle) {
    struct weir_exact_host *host = handle->data;
    host->options.wake(host->options.owner);
}

static void on_gone(void *owner, int32_t task_id, struct weir_task *task) {
    struct weir_exact_host *host = owner;
    host->options.retired(host->options.owner, task);
    if (host->options.pipeline->tasks == WEIR_TASKS_SINGLE) { /* no member: there is nothing to join */
        host->overtaken = true;
        return;
    }
    weir_log(WEIR_LOG_WARNING, "task %d: the group's offset was moved by somebody else: joining again",
             task_id);
    host->options.rejoin(host->options.owner);
}

static void on_answered(void *owner, const struct weir_task *task, const struct weir_record *records,
                        uint32_t count, const struct weir_outputs *outputs) {
    struct weir_exact_host *host = owner;
    host->options.answered(host->options.owner, task, records, count, outputs);
}

static void stop_task(struct weir_exact_host *host, int32_t partition, bool paused,
                      const struct weir_error *error);

static void on_paused(void *owner, int32_t task, const struct weir_pause *pause) {
    struct weir_exact_host *host = owner;
    struct weir_error error = {0};
    (void)task;
    weir_pause_error(pause, host->options.pipeline, &error);
    stop_task(host, pause->last.partition, true, &error);
}

/* ---- snapshots ---- */

static void on_copied(void *owner, struct weir_copy copy) {
    weir_saves_begin(((struct weir_exact_host *)owner)->saves, copy);
}

static struct weir_task *copied_task(void *owner, const struct weir_copy *copy) {
    return weir_exact_copied(((struct weir_exact_host *)owner)->lane, copy);
}

static void on_saved(void *owner, const struct weir_copy *copy, bool good) {
    weir_exact_publish(((struct weir_exact_host *)owner)->lane, copy, good);
}

static void on_published(void *owner, int32_t task, const struct weir_progress *progress) {
    WEIR_POINT("snapshot.published");
    weir_saves_trim(((struct weir_exact_host *)owner)->saves, task, &progress->generations[0],
                    &progress->generations[1], progress->journal_from[1]);
}

static void on_saves_wake(void *owner) {
    struct weir_exact_host *host = owner;
    host->options.wake(host->options.owner);
}

static void want_copy(void *owner, int32_t task, const struct weir_task *state) {
    struct weir_exact_host *host = owner;
    (void)state;
    weir_exact_want_copy(host->lane, task);
}

void weir_exact_host_snapshot(struct weir_exact_host *host) {
    weir_exact_each_task(host->lane, host, want_copy);
}

/* ---- life ---- */

/* A named member gets its partitions back at once after a crash (R6); its session is short, because a named
 * member does not say when it leaves for good. */
static int add_properties(struct weir_exact_host *host, struct weir_error *error) {
    bool named = false, timed = false;
    uint32_t count = host->client.property_count;
    struct weir_property *own = calloc(count + 2, sizeof *own);
    if (!own) return weir_error_set(error, WEIR_NOMEM, "no memory for a worker");
    if (count) memcpy(own, host->client.properties, count * sizeof *own);
    for (uint32_t i = 0; i < count; i++) {
        named = named || !strcmp(own[i].name, "group.instance.id");
        timed = timed || !strcmp(own[i].name, "session.timeout.ms");
    }
    if (!named && host->slot.fd >= 0) {
        own[count++] = (struct weir_property){.name = "group.instance.id", .value = host->names.id};
        if (!timed) own[count++] = (struct weir_property){.name = "session.timeout.ms", .value = "10000"};
    }
    host->properties = own;
    host->client.properties = own;
    host->client.property_count = count;
    return WEIR_OK;
}

struct weir_recover_options weir_exact_recovery(const struct weir_plan *plan,
                                                const struct weir_kafka_client *client,
                                                const struct weir_exact_names *names, uint64_t engine_id,
                                                uint64_t seed) {
    return (struct weir_recover_options){.plan = plan,
                                         .engine_id = engine_id,
                                         .place = {.client = *client,
                                                   .topic = names->snapshots,
                                                   .journal = names->journal,
                                                   .dir = plan->pipeline->state.dir,
                                                   .pipeline = plan->pipeline->name},
                                         .topic = plan->pipeline->source.topic.text,
                                         .journal = names->journal,
                                         .seed = seed};
}

static struct weir_recover_options recovery_options(const struct weir_exact_host *host) {
    const struct weir_exact_host_options *options = &host->options;
    struct weir_recover_options recovery =
        weir_exact_recovery(options->plan, &options->client, &host->names, options->engine_id, options->seed);
    recovery.skip_lost = options->skip_lost;
    return recovery;
}

/* R15: records that have ended the process are found by the start after, and set aside by the one after that.
 * Without the file the engine works all the same. */
static void open_marker(struct weir_exact_host *host) {
    const struct weir_pipeline *pipeline = host->options.pipeline;
    int32_t partition;
    int64_t offset;
    if (!pipeline->state.dir) return;
    host->marker =
        weir_marker_take(pipeline->state.dir, host->folder, host->slot.fd >= 0 ? host->slot.name : "leader",
                         pipeline->source.topic.text, pipeline->source.group);
    for (uint32_t i = 0; weir_marker_skip(host->marker, i, &partition, &offset); i++)
        weir_exact_skip(host->lane, partition, offset);
}

int weir_exact_host_create(const struct weir_exact_host_options *options, struct weir_exact_host **out,
                           struct weir_error *error) {
    const struct weir_pipeline *pipeline = options->pipeline;
    struct weir_exact_host *host = calloc(1, sizeof *host);
    if (!host) return weir_error_set(error, WEIR_NOMEM, "no memory for a worker");
    host->options = *options;
    host->client = options->client;
    host->slot.fd = -1;
    uv_async_init(options->loop, &host->decided, on_decided);
    host->decided.data = host;
    uv_unref((uv_handle_t *)&host->decided);
    weir_generation_folder(pipeline->name, host->folder, sizeof host->folder);
    bool single = pipeline->tasks == WEIR_TASKS_SINGLE;
    int result = weir_slot_take(single ? NULL : pipeline->state.dir, host->folder, &host->slot, error);
    if (!result && single && pipeline->state.dir)
        result = weir_snapshot_prepare(pipeline->state.dir, host->folder, error);
    if (result == WEIR_IO) result = WEIR_CONFIG; /* a folder that cannot be used stops the start */
    if (!result) {
        weir_exact_names_make(pipeline, single ? NULL : host->slot.name, &host->names);
        host->place = recovery_options(host).place;
        result = add_properties(host, error);
    }
    struct weir_exact_options lane = {.plan = options->plan,
                                      .engine_id = options->engine_id,
                                      .single = single,
                                      .commit_ms = pipeline->commit_ms,
                                      .heartbeat_ms = single ? WEIR_HEARTBEAT_MS : 0,
                                      .bytes_max = OPEN_BYTES_MAX,
                                      .pause_above = (uint32_t)pipeline->dead_letter.pause_above,
                                      .paused = on_paused,
                                      .owner = host,
                                      .membership = membership,
                                      .submit = submit,
                                      .gone = on_gone,
                                      .copied = on_copied,
                                      .published = on_published,
                                      .answered = on_answered};
    const struct weir_saves_options saves = {&host->place, options->loop, host,    on_saves_wake,
                                             copied_task,  NULL,          on_saved};
    host->saves = weir_saves_create(&saves);
    if (!result && !host->saves) result = weir_error_set(error, WEIR_NOMEM, "no memory for a worker");
    if (!result) result = weir_exact_create(&lane, &host->lane, error);
    *out = host; /* also on failure: its handle is in the loop */
    if (result) return result;
    open_marker(host);
    if (!pipeline->state.dir && !single)
        weir_log(WEIR_LOG_INFO,
                 "no state.dir: after a crash state comes from topic %s, and partitions come back when the "
                 "session "
                 "is over",
                 host->names.snapshots);
    return WEIR_OK;
}

const struct weir_kafka_client *weir_exact_host_client(const struct weir_exact_host *host) {
    return &host->client;
}

static int64_t committer_clock(void *owner) {
    (void)owner;
    return weir_clock_ms();
}

int weir_exact_host_start(struct weir_exact_host *host, struct weir_kafka_source *source,
                          struct weir_error *error) {
    const struct weir_pipeline *pipeline = host->options.pipeline;
    struct weir_committer_options options = {
        .txn = {.client = host->options.client, .id = host->names.id, .journal = host->names.journal},
        .topic = pipeline->source.topic.text,
        .lease = pipeline->tasks == WEIR_TASKS_SINGLE,
        .source = source,
        .clock = committer_clock};
    weir_topics_of_streams(host->options.plan, options.txn.topics, options.txn.bare);
    struct weir_committer *committer;
    host->source = source;
    int result = weir_committer_create(&options, &committer, error);
    if (result) return result;
    return weir_commit_thread_start(committer, host, on_commit_thread, &host->thread, error);
}

void weir_exact_host_stop(struct weir_exact_host *host) {
    if (!host) return;
    for (struct recovery *r = host->recoveries; r; r = r->next) {
        r->abandoned = true;
        uv_cancel((uv_req_t *)&r->work);
    }
    weir_commit_thread_stop(host->thread);
    host->thread = NULL;
    weir_saves_stop(host->saves);
    while (host->recoveries) uv_run(host->options.loop, UV_RUN_ONCE);
    weir_slot_release(&host->slot);
}

/* The worker has closed the handles with its own. */
void weir_exact_host_destroy(struct weir_exact_host *host) {
    if (!host) return;
    weir_exact_destroy(host->lane);
    weir_saves_destroy(host->saves);
    weir_marker_close(host->marker);
    free(host->properties);
    free(host->stopped);
    free(host);
}

/* ---- recovery (R8) ---- */

static void on_recover_pool(uv_work_t *work) {
    struct recovery *recovery = work->data;
    recovery->result = weir_recover(&recovery->options, &recovery->done, &recovery->error);
}

static void forget(uv_handle_t *handle) {
    struct recovery *recovery = handle->data;
    struct recovery **at = &recovery->host->recoveries;
    while (*at != recovery) at = &(*at)->next;
    *at = recovery->next;
    free(recovery);
}

static void stop_task(struct weir_exact_host *host, int32_t partition, bool paused,
                      const struct weir_error *error) {
    struct stopped *stopped = realloc(host->stopped, (host->stopped_count + 1) * sizeof *stopped);
    weir_log(WEIR_LOG_ERROR, "partition %d stops, the others go on: %s", partition, error->text);
    if (!stopped) return;
    host->stopped = stopped;
    host->stopped[host->stopped_count++] = (struct stopped){partition, paused, *error};
}

static void stop_for_memory(struct weir_exact_host *host, int32_t partition) {
    struct weir_error error = {0};
    weir_error_set(&error, WEIR_NOMEM, "no memory for its task");
    stop_task(host, partition, false, &error);
}

static void start_task(struct recovery *recovery) {
    struct weir_exact_host *host = recovery->host;
    int32_t partition = recovery->committed.partition;
    const struct weir_recovered *done = &recovery->done;
    int result = weir_exact_adopt(host->lane, partition, done->task, &done->progress);
    if (!result) result = weir_exact_set_position(host->lane, partition, partition, recovery->committed.next);
    if (!result && recovery->lost.last >= 0)
        result = weir_exact_pass_over(host->lane, partition, &recovery->lost);
    if (result) {
        stop_for_memory(host, partition);
        return;
    }
    host->options.adopted(host->options.owner, done->task);
    if (done->lossy) weir_exact_save_anew(host->lane, partition);
    if (done->progress.unit)
        weir_log(WEIR_LOG_INFO,
                 "partition %d: state restored as of unit %" PRIu64 " (snapshot of unit %" PRIu64 ", %" PRIu64
                 " units and %" PRIu64 " records done again and found equal) in %.3f s",
                 partition, done->progress.unit, done->snapshot_unit, done->units, done->records,
                 (double)(uv_hrtime() - recovery->began_ns) / 1e9);
    WEIR_POINT("recover.after");
    weir_kafka_source_begin(host->source, partition);
    WEIR_POINT("recover.begun");
    host->options.wake(host->options.owner);
}

static void after_recover(uv_work_t *work, int status);

static void queue_recovery(struct recovery *recovery) {
    memset(&recovery->error, 0, sizeof recovery->error);
    uv_queue_work(recovery->host->options.loop, &recovery->work, on_recover_pool, after_recover);
}

static void on_again(uv_timer_t *timer) {
    struct recovery *recovery = timer->data;
    if (recovery->abandoned)
        uv_close((uv_handle_t *)timer, forget);
    else
        queue_recovery(recovery);
}

static void after_recover(uv_work_t *work, int status) {
    struct recovery *recovery = work->data;
    bool wait =
        !recovery->abandoned && !status && (recovery->result == WEIR_AGAIN || recovery->result == WEIR_IO);
    if (wait) {
        weir_log(WEIR_LOG_WARNING, "partition %d: its state cannot be rebuilt yet, trying again: %s",
                 recovery->committed.partition, recovery->error.text);
        uv_timer_start(&recovery->again, on_again, RETRY_MS, 0);
        return;
    }
    if (recovery->abandoned || status)
        weir_task_destroy(recovery->done.task);
    else if (recovery->result)
        stop_task(recovery->host, recovery->committed.partition, false, &recovery->error);
    else
        start_task(recovery);
    uv_close((uv_handle_t *)&recovery->again, forget);
}

bool weir_exact_host_hold(struct weir_exact_host *host, int32_t partition, int64_t committed,
                          const char *metadata) {
    WEIR_POINT("assign.before");
    weir_marker_settle(host->marker, partition, committed, committed);
    if (host->options.pipeline->tasks == WEIR_TASKS_SINGLE) { /* its task is here already */
        if (weir_exact_set_position(host->lane, 0, partition, committed)) stop_for_memory(host, partition);
        return false;
    }
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (!recovery) {
        stop_for_memory(host, partition);
        return true;
    }
    recovery->host = host;
    recovery->work.data = recovery->again.data = recovery;
    recovery->committed.partition = partition;
    recovery->committed.next = committed;
    recovery->lost.last = -1;
    snprintf(recovery->committed.metadata, sizeof recovery->committed.metadata, "%s", metadata);
    recovery->options = recovery_options(host);
    recovery->options.task = partition;
    recovery->options.committed = &recovery->committed;
    recovery->options.count = 1;
    recovery->began_ns = uv_hrtime();
    recovery->next = host->recoveries;
    host->recoveries = recovery;
    uv_timer_init(host->options.loop, &recovery->again);
    queue_recovery(recovery);
    return true;
}

/* ---- lost input (R10) ---- */

void weir_exact_host_pass_over(struct weir_exact_host *host, int32_t partition, int64_t first, int64_t last) {
    const struct weir_lost lost = {partition, first, last};
    if (host->options.pipeline->tasks == WEIR_TASKS_SINGLE) {
        if (weir_exact_pass_over(host->lane, 0, &lost)) stop_for_memory(host, partition);
        return;
    }
    for (struct recovery *r = host->recoveries; r; r = r->next)
        if (r->committed.partition == partition && !r->abandoned) r->lost = lost;
}

/* One task that sees everything cannot go on without a part of it. */
bool weir_exact_host_lost(struct weir_exact_host *host, int32_t partition, const struct weir_error *error) {
    if (host->options.pipeline->tasks == WEIR_TASKS_SINGLE) return false;
    if (!weir_exact_host_has_stopped(host, partition)) stop_task(host, partition, false, error);
    return true;
}

/* ---- leading (`tasks: single`) ---- */

/* The producer first: from then on nobody else commits, and where the group stands is final. */
int weir_exact_host_lead(struct weir_exact_host *host, struct weir_follower *follower, int64_t wall_ms,
                         struct weir_error *error) {
    int result = weir_commit_thread_wait(host->thread, LEAD_PATIENCE_MS, error);
    if (!result)
        result = weir_lead_take(host->lane, host->source, follower, weir_clock_ms(), wall_ms,
                                LEAD_PATIENCE_MS, error);
    if (!result) host->options.adopted(host->options.owner, weir_exact_task(host->lane, 0));
    return result ? result : weir_kafka_source_take_all(host->source, error);
}

/* ---- giving back (R7) ---- */

/* Closes and commits what is open, waiting at most so long. */
static void finish(struct weir_exact_host *host, int64_t patience_ms) {
    int64_t deadline_ms = weir_clock_ms() + patience_ms;
    while (!weir_exact_all_at_rest(host->lane)) {
        int64_t left_ms = deadline_ms - weir_clock_ms();
        if (left_ms <= 0 || weir_exact_turn(host->lane, weir_clock_ms(), weir_exact_wall(host->lane), true))
            break;
        if (weir_commit_thread_wait(host->thread, left_ms, NULL) || take_verdicts(host)) break;
    }
}

void weir_exact_host_revoked(struct weir_exact_host *host, const int32_t *partitions, uint32_t count,
                             bool lost) {
    WEIR_POINT("revoke.before");
    if (!lost) finish(host, REVOKE_PATIENCE_MS);
    WEIR_POINT("revoke.flushed");
    for (uint32_t i = 0; i < count; i++) {
        struct weir_progress progress;
        for (struct recovery *r = host->recoveries; r; r = r->next)
            if (r->committed.partition == partitions[i]) r->abandoned = true;
        struct weir_task *task = weir_exact_release(host->lane, partitions[i], &progress);
        if (task) host->options.retired(host->options.owner, task);
        for (uint32_t k = 0; k < host->stopped_count; k++)
            if (host->stopped[k].partition == partitions[i])
                host->stopped[k--] = host->stopped[--host->stopped_count];
    }
    WEIR_POINT("revoke.after");
}

/* ---- work ---- */

int weir_exact_host_process(struct weir_exact_host *host, const struct weir_record *records, uint32_t count) {
    int result = WEIR_OK;
    while (count && !result) {
        uint32_t run = weir_marker_run(host->marker, records, count);
        weir_marker_begin(host->marker, records, run);
        result = weir_exact_process(host->lane, records, run);
        weir_marker_end(host->marker);
        records += run;
        count -= run;
    }
    return result;
}

bool weir_exact_host_is_full(const struct weir_exact_host *host) { return weir_exact_is_full(host->lane); }

static void watch_age(struct weir_exact_host *host) {
    int64_t age_ms = weir_commit_thread_age_ms(host->thread);
    if (age_ms < STUCK_MS || host->stuck_told) return;
    host->stuck_told = true;
    weir_log(WEIR_LOG_WARNING, "no commit for %" PRId64 " s, trying on", age_ms / 1000);
}

int weir_exact_host_turn(struct weir_exact_host *host, int64_t wall_ms, bool flush,
                         struct weir_error *error) {
    if (!host->thread) return WEIR_OK; /* stopped; the loop runs on until the pool is done */
    int result = weir_commit_thread_result(host->thread, error);
    if (!result) result = take_verdicts(host);
    if (!result && host->overtaken)
        result = weir_error_set(error, WEIR_AGAIN, "another process has taken the lead");
    if (!result) result = weir_exact_turn(host->lane, weir_clock_ms(), wall_ms, flush);
    if (!result) watch_age(host);
    if (!result && weir_saves_turn(host->saves)) host->options.wake(host->options.owner);
    return result;
}

bool weir_exact_host_at_rest(const struct weir_exact_host *host) {
    return weir_exact_all_at_rest(host->lane);
}

bool weir_exact_host_is_recovering(const struct weir_exact_host *host) { return host->recoveries != NULL; }

bool weir_exact_host_has_stopped(const struct weir_exact_host *host, int32_t partition) {
    bool single = host->options.pipeline->tasks == WEIR_TASKS_SINGLE; /* one task stops all */
    for (uint32_t i = 0; i < host->stopped_count; i++)
        if (host->stopped[i].partition == partition || single) return true;
    return false;
}

bool weir_exact_host_has_failed(const struct weir_exact_host *host, int32_t partition) {
    for (uint32_t i = 0; i < host->stopped_count; i++)
        if (host->stopped[i].partition == partition) return !host->stopped[i].paused;
    return false;
}

int weir_exact_host_stopped(const struct weir_exact_host *host, struct weir_error *error) {
    if (!host->stopped_count) return WEIR_OK;
    if (error) *error = host->stopped[0].error;
    return host->stopped[0].error.result;
}

const struct weir_latency *weir_exact_host_commits(const struct weir_exact_host *host) {
    return &host->commits;
}

static void wait_for_saves(struct weir_exact_host *host) {
    while (!weir_saves_are_idle(host->saves))
        uv_run(host->options.loop, weir_saves_turn(host->saves) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

/* A snapshot that is still being written is of an older state, and the lane makes none beside it. */
void weir_exact_host_save_at_rest(struct weir_exact_host *host) {
    finish(host, STOP_PATIENCE_MS);
    wait_for_saves(host);
    finish(host, STOP_PATIENCE_MS);
    if (!weir_exact_all_at_rest(host->lane)) return;
    WEIR_POINT("stop.flushed");
    weir_exact_host_snapshot(host);
    wait_for_saves(host);
    WEIR_POINT("stop.saved");
    finish(host, STOP_PATIENCE_MS);
    WEIR_POINT("stop.named");
}

void weir_exact_host_each_task(const struct weir_exact_host *host, void *owner,
                               void (*visit)(void *owner, int32_t task, const struct weir_task *task_state)) {
    weir_exact_each_task(host->lane, owner, visit);
}
