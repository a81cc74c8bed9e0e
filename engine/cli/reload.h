/* SPDX-License-Identifier: Apache-2.0 */
/* reload.h: SIGHUP: reads the pipeline file again while the pipeline runs, and says whether it may change to
 * it (exactly-once.md R12).
 *
 * place:   run -> reload -> run: the workers stop at a unit boundary as if by SIGTERM (drained, committed,
 * state saved and, exactly once, published), and start again with the new file; the state is carried over
 * (core/carry.h). The first unit after that carries the new engine id: the journal says where the change was.
 * single:  `tasks: single`: the leader leads on with it, a standby stands by with it.
 * refused: a file with errors, or a change of what says where the pipeline stands; told on stderr, and the
 * running one is not disturbed.
 * threads: one of its own, which waits for the signal.
 */
#ifndef WEIR_CLI_RELOAD_H
#define WEIR_CLI_RELOAD_H

#include "cli/cli.h"
#include "runtime/workers.h"

struct weir_reload;

/* NULL: no memory or no thread; said on stderr. `running` is borrowed until _swap replaces it. */
struct weir_reload *weir_reload_start(const struct weir_args *args, struct weir_loaded *running);
/* Also frees a file that was not swapped in. */
void weir_reload_stop(struct weir_reload *reload);

/* These are to be stopped when a new file is there. NULL: none run. */
void weir_reload_watch(struct weir_reload *reload, struct weir_workers *workers);
/* The new file, which from here on counts as the running one; the caller owns it. NULL: there is none. */
struct weir_loaded *weir_reload_take(struct weir_reload *reload);
/* It could not be started: the one before counts as the running one again. */
void weir_reload_back(struct weir_reload *reload, struct weir_loaded *running);

/* Names what changes, separated by commas, and what of that cannot change while it runs. */
void weir_reload_compare(const struct weir_loaded *running, const struct weir_loaded *next,
                         struct weir_buffer *changed, struct weir_buffer *forbidden);

#endif
