/* SPDX-License-Identifier: Apache-2.0 */
/* summary.h: what a run or replay found, for people and as the JSON object of command-line.md.
 *
 * lifetime: created before the first batch; weir_summary_batch is the `batch` callback of worker and replay.
 */
#ifndef WEIR_CLI_SUMMARY_H
#define WEIR_CLI_SUMMARY_H

#include "base/buffer.h"
#include "core/task.h"
#include "runtime/latency.h"

struct weir_summary_alert {
    const char *name, *detector;
    uint64_t row;
};
struct weir_summary {
    const struct weir_plan *plan;
    struct weir_summary_alert *alerts;
    uint32_t alert_count, alert_capacity;
    double started_s;
    struct weir_latency commits; /* filled by `run` before the end; count 0: not told */
};

void weir_summary_init(struct weir_summary *summary, const struct weir_plan *plan);
void weir_summary_deinit(struct weir_summary *summary);
void weir_summary_batch(void *summary, const struct weir_task *task, const struct weir_outputs *outputs);
/* task NULL: several tasks, whose metrics do not add up; they are left out. */
void weir_summary_json(const struct weir_summary *summary, const struct weir_task_counts *counts,
                       const struct weir_task *task, struct weir_buffer *out);
void weir_summary_text(const struct weir_summary *summary, const struct weir_task_counts *counts,
                       const struct weir_task *task, struct weir_buffer *out);

#endif
