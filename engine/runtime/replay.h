/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h: the same task, fed from a file instead of Kafka.
 *
 * place:   file source -> task -> file sinks (`weir replay`).
 * threads: the caller's; runs to the end.
 * errors:  WEIR_IO names the file; WEIR_DATA under strict_data names the row.
 */
#ifndef WEIR_RUNTIME_REPLAY_H
#define WEIR_RUNTIME_REPLAY_H

#include "core/task.h"

struct weir_replay_options {
    const struct weir_plan *plan;
    const char *source;                     /* path */
    const char *outputs[WEIR_STREAM_COUNT]; /* paths, "-" = stdout; NULL = not written */
    int64_t now_ms;                         /* for the bound on events from the future (R13) */
    uint64_t limit;                         /* records; 0 = all */
    bool strict_data;
    void *owner; /* of `batch` */
    void (*batch)(void *owner, const struct weir_task *task, const struct weir_outputs *outputs);
};

/* Feeds the task until the file ends. */
int weir_replay_run(const struct weir_replay_options *options, struct weir_task *task,
                    struct weir_error *error);

#endif
