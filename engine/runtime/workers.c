/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "runtime/recover.h"
#include "runtime/shelf.h"
#include "runtime/standby.h"
#include "runtime/topics.h"

#define INSTANCE_BYTES 256

struct member {
    struct weir_workers *crew;
    struct weir_worker *worker;
    pthread_t thread;
    bool started;
    int result;
    struct weir_error error;
    struct weir_property *properties; /* the pipeline's, with a group.instance.id of its own */
    char instance[INSTANCE_BYTES];
};

struct weir_workers {
    struct weir_worker_options options;
    bool single;         /* exactly once: one process leads, with one worker, which is made when it does */
    atomic_bool asked;   /* single: to end */
    bool led, signalled; /* single: at the end */
    pthread_mutex_t lead_lock;      /* single: around the worker's coming and going */
    struct weir_task_counts counts; /* single: of leads that are over */
    struct weir_latency commits;
    struct weir_worker_watch watch; /* the caller's */
    pthread_mutex_t watch_lock;
    struct weir_shelf *shelf;
    uint32_t count;
    struct member members[WEIR_WORKERS_MAX];
};

static void on_batch(void *owner, const struct weir_task *task, const struct weir_outputs *outputs) {
    struct weir_workers *crew = owner;
    if (!outputs->alert_count && crew->count > 1) return; /* nothing to say: no lock per batch */
    pthread_mutex_lock(&crew->watch_lock);
    crew->watch.batch(crew->watch.owner, task, outputs);
    pthread_mutex_unlock(&crew->watch_lock);
}

/* Two members of one name would throw each other out of the group: each gets the name and its number. */
static int name_member(struct member *member, struct weir_kafka_client *client, uint32_t index) {
    size_t bytes = client->property_count * sizeof *client->properties;
    if (!bytes) return WEIR_OK;
    member->properties = malloc(bytes);
    if (!member->properties) return WEIR_NOMEM;
    memcpy(member->properties, client->properties, bytes);
    for (uint32_t i = 0; i < client->property_count; i++) {
        if (strcmp(member->properties[i].name, "group.instance.id") != 0) continue;
        snprintf(member->instance, sizeof member->instance, "%s-%u", member->properties[i].value, index);
        member->properties[i].value = member->instance;
    }
    client->properties = member->properties;
    return WEIR_OK;
}

static int create_members(struct weir_workers *crew, struct weir_error *error) {
    crew->shelf = weir_shelf_create();
    int result = crew->shelf ? WEIR_OK : weir_error_set(error, WEIR_NOMEM, "no memory for workers");
    for (uint32_t i = 0; i < crew->count && !result; i++) {
        struct weir_worker_options own = crew->options;
        own.shelf = crew->shelf;
        own.watch = (struct weir_worker_watch){.owner = crew, .batch = crew->watch.batch ? on_batch : NULL};
        crew->members[i].crew = crew;
        if (crew->count > 1) result = name_member(&crew->members[i], &own.client, i);
        if (!result) result = weir_worker_create(&own, &crew->members[i].worker, error);
    }
    return result;
}

int weir_workers_create(const struct weir_worker_options *options, uint32_t count, struct weir_workers **out,
                        struct weir_error *error) {
    struct weir_workers *crew = calloc(1, sizeof *crew);
    struct weir_retention retention = {0};
    if (!crew) return weir_error_set(error, WEIR_NOMEM, "no memory for workers");
    pthread_mutex_init(&crew->watch_lock, NULL);
    pthread_mutex_init(&crew->lead_lock, NULL);
    crew->options = *options;
    crew->single = options->pipeline->tasks == WEIR_TASKS_SINGLE && weir_pipeline_is_exact(options->pipeline);
    crew->watch = options->watch;
    crew->count = crew->single ? 1 : count;
    /* Single: its worker is made when it leads; a file that cannot be started is refused now all the same. */
    int result = crew->single ? weir_topics_look(&options->client, options->plan, true, &retention, error)
                              : create_members(crew, error);
    if (result)
        weir_workers_destroy(crew);
    else
        *out = crew;
    return result;
}

static void *run_member(void *owner) {
    struct member *member = owner;
    member->result = weir_worker_run(member->worker, &member->error);
    for (uint32_t i = 0; member->result && i < member->crew->count; i++)
        if (&member->crew->members[i] != member) weir_worker_stop(member->crew->members[i].worker);
    return NULL;
}

/* The one before goes. */
static void set_leader(struct weir_workers *crew, struct weir_worker *worker) {
    pthread_mutex_lock(&crew->lead_lock);
    struct weir_worker *before = crew->members[0].worker;
    crew->members[0].worker = worker;
    if (worker && crew->asked) weir_worker_stop(worker);
    pthread_mutex_unlock(&crew->lead_lock);
    weir_worker_destroy(before);
}

/* Stands by, leads, and stands by again when another has taken the lead. */
static int run_single(struct weir_workers *crew, struct weir_error *error) {
    struct weir_worker_options options = crew->options;
    for (bool contested = false;; contested = true, options.leads = false) {
        struct weir_worker *worker = NULL;
        int result = weir_standby_run(&options, contested, &crew->asked, &options.follower, error);
        crew->signalled = weir_standby_was_signalled();
        if (result) return result == WEIR_END ? WEIR_OK : result;
        result = weir_worker_create(&options, &worker, error);
        weir_follower_close(options.follower);
        set_leader(crew, worker);
        if (!result) result = weir_worker_run(worker, error);
        crew->led = !result;
        crew->signalled = worker && weir_worker_was_signalled(worker);
        bool final = worker && weir_worker_lost_input(worker);
        if (final || (result != WEIR_AGAIN && result != WEIR_IO)) return result;
        if (crew->signalled)
            return result == WEIR_AGAIN ? WEIR_OK : result; /* the other has what we had not sent */
        weir_log(WEIR_LOG_WARNING, "not leading any more: %s", error->text);
        weir_workers_counts(crew, &crew->counts); /* its task goes now, its numbers stay */
        weir_workers_commits(crew, &crew->commits);
        set_leader(crew, NULL);
    }
}

int weir_workers_run(struct weir_workers *crew, struct weir_error *error) {
    if (crew->single) return run_single(crew, error);
    for (uint32_t i = 1; i < crew->count; i++)
        crew->members[i].started =
            !pthread_create(&crew->members[i].thread, NULL, run_member, &crew->members[i]);
    run_member(&crew->members[0]);
    int result = WEIR_OK;
    for (uint32_t i = 0; i < crew->count; i++) {
        struct member *member = &crew->members[i];
        if (i && member->started) pthread_join(member->thread, NULL);
        if (i && !member->started)
            weir_error_set(&member->error, member->result = WEIR_NOMEM, "no thread for worker %u", i);
        if (!result && member->result) {
            result = member->result;
            if (error) *error = member->error;
        }
    }
    return result;
}

void weir_workers_stop(struct weir_workers *crew) {
    pthread_mutex_lock(&crew->lead_lock);
    crew->asked = true;
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->members[i].worker) weir_worker_stop(crew->members[i].worker);
    pthread_mutex_unlock(&crew->lead_lock);
}

bool weir_workers_led(const struct weir_workers *crew) { return crew->led; }

bool weir_workers_were_signalled(const struct weir_workers *crew) {
    if (crew->single) return crew->signalled;
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->members[i].worker && weir_worker_was_signalled(crew->members[i].worker)) return true;
    return false;
}

void weir_workers_destroy(struct weir_workers *crew) {
    if (!crew) return;
    for (uint32_t i = 0; i < crew->count; i++) {
        weir_worker_destroy(crew->members[i].worker);
        free(crew->members[i].properties);
    }
    weir_shelf_destroy(crew->shelf);
    pthread_mutex_destroy(&crew->watch_lock);
    pthread_mutex_destroy(&crew->lead_lock);
    free(crew);
}

void weir_workers_counts(const struct weir_workers *crew, struct weir_task_counts *counts) {
    *counts = crew->counts;
    for (uint32_t i = 0; i < crew->count; i++) {
        struct weir_task_counts own;
        if (!crew->members[i].worker) continue;
        weir_worker_counts(crew->members[i].worker, &own);
        weir_task_counts_add(counts, &own);
    }
}

void weir_workers_commits(const struct weir_workers *crew, struct weir_latency *commits) {
    *commits = crew->commits;
    for (uint32_t i = 0; i < crew->count; i++) {
        const struct weir_worker *worker = crew->members[i].worker; /* NULL: it never led */
        const struct weir_latency *own = worker ? weir_worker_commits(worker) : NULL;
        if (own) weir_latency_merge(commits, own);
    }
}

void weir_workers_each_task(const struct weir_workers *crew, void *owner,
                            void (*visit)(void *owner, int32_t partition, const struct weir_task *task)) {
    if (crew->shelf) weir_shelf_each(crew->shelf, owner, visit);
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->members[i].worker) weir_worker_each_task(crew->members[i].worker, owner, visit);
}
