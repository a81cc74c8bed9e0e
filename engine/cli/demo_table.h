/* SPDX-License-Identifier: Apache-2.0 */
/* demo_table.h: what `weir demo` prints: a line whenever the rows have doubled and at every alert (the manner
 * of Vowpal Wabbit's progressive loss table), then the comparison of what was found with what was injected.
 *
 * place:   worker's batch callback -> table -> stdout, as text or as one JSON object a line.
 * threads: the worker's.
 */
#ifndef WEIR_CLI_DEMO_TABLE_H
#define WEIR_CLI_DEMO_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/demo_stream.h"
#include "core/task.h"

/* Sums from which the columns are made: all rows so far. */
struct weir_demo_sums {
    double time_s;
    uint64_t rows, labelled;
    double loss, errors, true_positives;
};

struct weir_demo_table {
    const struct weir_plan *plan;
    bool json;
    uint64_t planned; /* rows */
    uint64_t next_line;
    double started_s;
    struct weir_demo_sums now, last_line;
    /* what was found */
    uint64_t found_row[WEIR_DEMO_DRIFT_COUNT]; /* 0 = not yet */
    uint64_t false_alarms;
    bool broken; /* stdout cannot be written */
};

void weir_demo_table_begin(struct weir_demo_table *table, const struct weir_plan *plan, bool json,
                           uint64_t planned);
/* After every batch. lag: rows written to the topic and not yet processed. */
void weir_demo_table_batch(struct weir_demo_table *table, const struct weir_task *task,
                           const struct weir_outputs *outputs, uint64_t lag);
/* The closing line. False: a drift that was injected was missed, an alarm was false, or rows were set aside.
 */
bool weir_demo_table_end(struct weir_demo_table *table, const struct weir_task_counts *counts);

/* "300000" -> "300,000". Returns out. */
const char *weir_demo_thousands(uint64_t number, char out[32]);

#endif
