/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h: record -> event: decode, find its time, apply the keep rule, set late ones aside, read the label.
 *
 * place:    record -> intake -> features. Decides the fate of every record before any state sees it, so a
 *           record that is refused leaves no trace in windows or model.
 * time:     the watermark is the greatest event time so far. now_ms is told by ticks, never read from a
 * clock; while it is unknown (INT64_MIN) no event counts as lying in the future.
 */
#ifndef WEIR_CORE_INTAKE_H
#define WEIR_CORE_INTAKE_H

#include "core/classes.h"
#include "core/event.h"
#include "core/plan.h"

/* Exactly one per input record. */
enum weir_fate { WEIR_APPLIED, WEIR_LATE, WEIR_DEAD_LETTERED, WEIR_DROPPED, WEIR_UNDECIDED /* no memory */ };

/* An event this far ahead of now is refused: it would close every window (exactly-once.md R13). */
#define WEIR_FUTURE_MAX_MS (10 * 60 * INT64_C(1000))

struct weir_intake {
    const struct weir_plan *plan;
    struct weir_coder *coder;
    int64_t watermark_ms; /* INT64_MIN before the first event */
    int64_t now_ms;
    struct weir_classes classes;
};

int weir_intake_init(struct weir_intake *intake, const struct weir_plan *plan, struct weir_error *error);
void weir_intake_deinit(struct weir_intake *intake);

/* Fills event->time_ms, cells of the source and the label; error says why for WEIR_DEAD_LETTERED. */
enum weir_fate weir_intake_record(struct weir_intake *intake, const struct weir_record *record,
                                  struct weir_event *event, struct weir_arena *arena,
                                  struct weir_data_error *error);

#endif
