/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reload.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct weir_reload {
    const struct weir_args *args;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool ending;
    /* under the lock */
    struct weir_loaded *running, *next;
    struct weir_workers *workers;
};

static sem_t hangups; /* a handler may do no more than count */

static void on_hangup(int signum) {
    int before = errno;
    (void)signum;
    sem_post(&hangups);
    errno = before;
}

/* ---- what changes ---- */

static bool same_text(const char *a, const char *b) { return !a || !b ? a == b : !strcmp(a, b); }

static bool same_node(const struct weir_node *a, const struct weir_node *b) {
    if (!a || !b) return a == b;
    if (a->kind != b->kind || a->count != b->count || !same_text(a->text, b->text)) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        bool map = a->kind == WEIR_NODE_MAP;
        if (map && strcmp(a->keys[i]->text, b->keys[i]->text) != 0) return false;
        if (!same_node(map ? a->values[i] : a->items[i], map ? b->values[i] : b->items[i])) return false;
    }
    return true;
}

static void name(struct weir_buffer *list, const char *what) {
    if (list->len) weir_buffer_append_text(list, ", ");
    weir_buffer_append_text(list, what);
}

static void name_sections(const struct weir_node *a, const struct weir_node *b, bool also_equal,
                          struct weir_buffer *changed) {
    for (uint32_t i = 0; a && a->kind == WEIR_NODE_MAP && i < a->count; i++) {
        const struct weir_node *other = weir_node_get(b, a->keys[i]->text);
        if (other ? also_equal && !same_node(a->values[i], other) : true) name(changed, a->keys[i]->text);
    }
}

static bool same_properties(const struct weir_kafka_config *a, const struct weir_kafka_config *b) {
    if (a->property_count != b->property_count) return false;
    for (uint32_t i = 0; i < a->property_count; i++)
        if (!same_text(a->properties[i].name, b->properties[i].name) ||
            !same_text(a->properties[i].value, b->properties[i].value))
            return false;
    return true;
}

void weir_reload_compare(const struct weir_loaded *running, const struct weir_loaded *next,
                         struct weir_buffer *changed, struct weir_buffer *forbidden) {
    const struct weir_pipeline *a = &running->pipeline, *b = &next->pipeline;
    name_sections(running->document.root, next->document.root, true, changed);  /* changed or gone */
    name_sections(next->document.root, running->document.root, false, changed); /* new */
    if (!same_text(a->name, b->name)) name(forbidden, "name");
    if (!same_text(a->source.topic.text, b->source.topic.text)) name(forbidden, "source.topic");
    if (!same_text(a->source.group, b->source.group)) name(forbidden, "source.group");
    if (!same_text(a->kafka.brokers, b->kafka.brokers) || !same_properties(&a->kafka, &b->kafka))
        name(forbidden, "kafka");
    if (weir_pipeline_is_exact(a) != weir_pipeline_is_exact(b)) name(forbidden, "delivery");
    if (!same_text(a->state.dir, b->state.dir)) name(forbidden, "state.dir");
    if (a->workers != b->workers) name(forbidden, "workers");
    if (a->tasks != b->tasks) name(forbidden, "tasks");
}

/* ---- the thread ---- */

/* State must survive the change; NULL: it does. */
static const char *why_never(const struct weir_pipeline *pipeline) {
    if (!weir_pipeline_is_exact(pipeline) && !pipeline->state.dir)
        return "without state.dir or `delivery: exactly_once`: its state would be lost";
    return NULL;
}

static void free_loaded(struct weir_loaded *loaded) {
    if (!loaded) return;
    weir_loaded_deinit(loaded);
    free(loaded);
}

/* True: the workers are to change to it. Refusals are told. */
static bool judge(struct weir_reload *reload, const struct weir_loaded *next) {
    const char *name = reload->running->pipeline.name, *never = why_never(&reload->running->pipeline);
    struct weir_buffer changed, forbidden;
    weir_buffer_init(&changed);
    weir_buffer_init(&forbidden);
    weir_reload_compare(reload->running, next, &changed, &forbidden);
    bool good = false;
    if (!changed.len)
        weir_log(WEIR_LOG_INFO, "%s: SIGHUP: the file says what it said: nothing changes", name);
    else if (never)
        weir_log(WEIR_LOG_WARNING, "%s: SIGHUP: the file cannot change while it runs %s; goes on as it was",
                 name, never);
    else if (forbidden.len)
        weir_log(WEIR_LOG_WARNING,
                 "%s: SIGHUP: %s cannot change while it runs: stop it and start it again; goes on as it was",
                 name, weir_buffer_text(&forbidden));
    else
        good = true;
    if (good)
        weir_log(WEIR_LOG_INFO, "%s: SIGHUP: changes %s at the next unit boundary", name,
                 weir_buffer_text(&changed));
    weir_buffer_deinit(&changed);
    weir_buffer_deinit(&forbidden);
    return good;
}

static void read_again(struct weir_reload *reload) {
    struct weir_loaded *next = calloc(1, sizeof *next);
    if (!next) return;
    int code = weir_load(reload->args->arguments[0], reload->args, NULL, next);
    weir_loaded_print(next);
    pthread_mutex_lock(&reload->lock);
    if (code)
        weir_log(WEIR_LOG_ERROR, "%s: SIGHUP: the file has errors; goes on as it was",
                 reload->running->pipeline.name);
    if (!code && judge(reload, next)) {
        struct weir_loaded *older = reload->next;
        reload->next = next;
        next = older;
        if (reload->workers) weir_workers_stop(reload->workers);
    }
    pthread_mutex_unlock(&reload->lock);
    free_loaded(next);
}

static void *wait_for_hangups(void *owner) {
    struct weir_reload *reload = owner;
    for (;;) {
        while (sem_wait(&hangups)) continue; /* EINTR */
        if (reload->ending) return NULL;
        read_again(reload);
    }
}

/* ---- life ---- */

struct weir_reload *weir_reload_start(const struct weir_args *args, struct weir_loaded *running) {
    struct weir_reload *reload = calloc(1, sizeof *reload);
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    if (reload) {
        reload->args = args;
        reload->running = running;
        pthread_mutex_init(&reload->lock, NULL);
        sem_init(&hangups, 0, 0);
    }
    if (!reload || pthread_create(&reload->thread, NULL, wait_for_hangups, reload)) {
        fprintf(stderr, "weir run: no memory or no thread\n");
        free(reload);
        return NULL;
    }
    sigaction(SIGHUP, &action, NULL);
    return reload;
}

void weir_reload_stop(struct weir_reload *reload) {
    signal(SIGHUP, SIG_IGN); /* the process is about to end */
    reload->ending = true;
    sem_post(&hangups);
    pthread_join(reload->thread, NULL);
    pthread_mutex_destroy(&reload->lock);
    free_loaded(reload->next);
    free(reload);
}

void weir_reload_watch(struct weir_reload *reload, struct weir_workers *workers) {
    pthread_mutex_lock(&reload->lock);
    reload->workers = workers;
    if (workers && reload->next) weir_workers_stop(workers);
    pthread_mutex_unlock(&reload->lock);
}

struct weir_loaded *weir_reload_take(struct weir_reload *reload) {
    pthread_mutex_lock(&reload->lock);
    struct weir_loaded *next = reload->next;
    reload->next = NULL;
    if (next) reload->running = next;
    pthread_mutex_unlock(&reload->lock);
    return next;
}

void weir_reload_back(struct weir_reload *reload, struct weir_loaded *running) {
    pthread_mutex_lock(&reload->lock);
    reload->running = running;
    pthread_mutex_unlock(&reload->lock);
}
