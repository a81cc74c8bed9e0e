/* SPDX-License-Identifier: Apache-2.0 */
/* commit_thread.h: runs a committer on a thread of its own, because a commit may block for as long as the
 * cluster likes.
 *
 * place:    worker -> commit thread -> committer; back: `decided` is called on the commit thread and must
 * only wake the worker up (uv_async). threads:  all verbs from the worker's thread.
 */
#ifndef WEIR_RUNTIME_COMMIT_THREAD_H
#define WEIR_RUNTIME_COMMIT_THREAD_H

#include "runtime/committer.h"

struct weir_commit_thread;

/* Starts the thread, which opens the producer at once. Takes the committer. */
int weir_commit_thread_start(struct weir_committer *committer, void *owner, void (*wake)(void *owner),
                             struct weir_commit_thread **thread, struct weir_error *error);
/* Waits for the call that is under way, then closes the producer. */
void weir_commit_thread_stop(struct weir_commit_thread *thread);

void weir_commit_thread_submit(struct weir_commit_thread *thread, struct weir_bundle *bundle);
/* The bundle that was decided since the last call, or NULL. */
struct weir_bundle *weir_commit_thread_take(struct weir_commit_thread *thread);
/* Waits until the producer is open and nothing is under way. WEIR_OK, WEIR_AGAIN after timeout_ms, or how the
 * committer ended. */
int weir_commit_thread_wait(struct weir_commit_thread *thread, int64_t timeout_ms, struct weir_error *error);
/* WEIR_OK while it lives; else its end, in words. */
int weir_commit_thread_result(struct weir_commit_thread *thread, struct weir_error *error);
/* Milliseconds the present bundle has been under way; 0 = none. */
int64_t weir_commit_thread_age_ms(struct weir_commit_thread *thread);

#endif
