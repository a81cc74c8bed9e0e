/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/commit_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

#include "base/faults.h"

struct weir_commit_thread {
    struct weir_committer *committer;
    void *owner;
    void (*wake)(void *owner);
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock: */
    struct weir_bundle *submitted, *decided;
    int64_t submitted_us;
    bool busy, stopping; /* busy: the producer is being opened or a bundle is under way */
    int result;
    struct weir_error why;
};

/* False after the time is over. */
static bool wait_until(struct weir_commit_thread *thread, int64_t deadline_ms) {
    struct timespec at = {deadline_ms / 1000, (deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&thread->changed, &thread->lock, &at) != ETIMEDOUT;
}

/* One step, outside of the lock; what it led to, inside. */
static void step(struct weir_commit_thread *thread, struct weir_bundle **under_way) {
    pthread_mutex_unlock(&thread->lock);
    int64_t wait = weir_committer_step(thread->committer);
    pthread_mutex_lock(&thread->lock);
    if (wait == WEIR_COMMITTER_REST) {
        if (*under_way) {
            WEIR_POINT("bundle.decided");
            (*under_way)->commit_us = weir_clock_us() - thread->submitted_us;
        }
        thread->decided = *under_way;
        *under_way = NULL;
        thread->busy = thread->submitted != NULL; /* while the producer was opened */
    } else if (wait < 0) {
        thread->result = (int)wait;
        thread->why = *weir_committer_why(thread->committer);
        thread->busy = false;
    } else if (wait > 0) {
        int64_t deadline_ms = weir_clock_ms() + wait;
        while (!thread->stopping && wait_until(thread, deadline_ms)) continue;
        return;
    } else {
        return;
    }
    pthread_cond_broadcast(&thread->changed);
    thread->wake(thread->owner);
}

static void *run(void *owner) {
    struct weir_commit_thread *thread = owner;
    struct weir_bundle *under_way = NULL;
    WEIR_POINT("init.before");
    pthread_mutex_lock(&thread->lock);
    while (!thread->stopping) {
        if (thread->submitted) {
            under_way = thread->submitted;
            thread->submitted = NULL;
            weir_committer_submit(thread->committer, under_way);
            WEIR_POINT("bundle.submitted");
        }
        if (thread->busy)
            step(thread, &under_way);
        else
            pthread_cond_wait(&thread->changed, &thread->lock);
    }
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

int weir_commit_thread_start(struct weir_committer *committer, void *owner, void (*wake)(void *owner),
                             struct weir_commit_thread **out, struct weir_error *error) {
    struct weir_commit_thread *thread = calloc(1, sizeof *thread);
    if (!thread) {
        weir_committer_destroy(committer);
        return weir_error_set(error, WEIR_NOMEM, "no memory for the commit thread");
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    thread->committer = committer;
    thread->owner = owner;
    thread->wake = wake;
    thread->busy = true;
    thread->submitted_us = weir_clock_us();
    if (pthread_create(&thread->thread, NULL, run, thread)) {
        weir_committer_destroy(committer);
        free(thread);
        return weir_error_set(error, WEIR_NOMEM, "no thread for commits");
    }
    *out = thread;
    return WEIR_OK;
}

void weir_commit_thread_stop(struct weir_commit_thread *thread) {
    if (!thread) return;
    pthread_mutex_lock(&thread->lock);
    thread->stopping = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    weir_committer_destroy(thread->committer);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}

void weir_commit_thread_submit(struct weir_commit_thread *thread, struct weir_bundle *bundle) {
    pthread_mutex_lock(&thread->lock);
    thread->submitted = bundle;
    thread->submitted_us = weir_clock_us();
    thread->busy = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

struct weir_bundle *weir_commit_thread_take(struct weir_commit_thread *thread) {
    pthread_mutex_lock(&thread->lock);
    struct weir_bundle *bundle = thread->decided;
    thread->decided = NULL;
    pthread_mutex_unlock(&thread->lock);
    return bundle;
}

int weir_commit_thread_wait(struct weir_commit_thread *thread, int64_t timeout_ms, struct weir_error *error) {
    int64_t deadline_ms = weir_clock_ms() + timeout_ms;
    pthread_mutex_lock(&thread->lock);
    while (thread->busy && !thread->result && wait_until(thread, deadline_ms)) continue;
    int result = thread->result ? thread->result : thread->busy ? WEIR_AGAIN : WEIR_OK;
    if (thread->result && error) *error = thread->why;
    pthread_mutex_unlock(&thread->lock);
    return result;
}

int weir_commit_thread_result(struct weir_commit_thread *thread, struct weir_error *error) {
    pthread_mutex_lock(&thread->lock);
    int result = thread->result;
    if (result && error) *error = thread->why;
    pthread_mutex_unlock(&thread->lock);
    return result;
}

int64_t weir_commit_thread_age_ms(struct weir_commit_thread *thread) {
    pthread_mutex_lock(&thread->lock);
    int64_t age = thread->busy ? (weir_clock_us() - thread->submitted_us) / 1000 : 0;
    pthread_mutex_unlock(&thread->lock);
    return age;
}
