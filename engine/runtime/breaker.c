/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/breaker.h"

#include <inttypes.h>

void weir_breaker_start(struct weir_breaker *breaker, const struct weir_task *task) {
    breaker->rejects_before = weir_task_counts(task)->dead_lettered;
    breaker->counted_from.offset = -1;
}

uint32_t weir_breaker_left(const struct weir_task *task) {
    return WEIR_BREAKER_RECORDS - (uint32_t)(weir_task_counts(task)->read % WEIR_BREAKER_RECORDS);
}

bool weir_breaker_trips(struct weir_breaker *breaker, const struct weir_task *task,
                        const struct weir_record *records, uint32_t count, uint32_t pause_above,
                        struct weir_pause *pause) {
    const struct weir_record *last = &records[count - 1];
    if (breaker->counted_from.offset < 0)
        breaker->counted_from = (struct weir_skip){records->partition, records->offset};
    if (weir_breaker_left(task) != WEIR_BREAKER_RECORDS) return false;
    uint64_t rejects = weir_task_counts(task)->dead_lettered - breaker->rejects_before;
    *pause = (struct weir_pause){breaker->counted_from, {last->partition, last->offset}, (uint32_t)rejects};
    weir_breaker_start(breaker, task);
    return rejects * 100 > (uint64_t)pause_above * WEIR_BREAKER_RECORDS;
}

int weir_pause_error(const struct weir_pause *pause, const struct weir_pipeline *pipeline,
                     struct weir_error *error) {
    return weir_error_set(
        error, WEIR_DATA,
        "%" PRIu32 " of %d records, from %s partition %" PRId32 " offset %" PRId64 " to partition %" PRId32
        " offset %" PRId64 ", could not be applied (dead_letter.pause_above: %" PRId64
        "): mend what writes or reads them, then start again, which goes on behind them [E417]",
        pause->rejects, WEIR_BREAKER_RECORDS, pipeline->source.topic.text, pause->first.partition,
        pause->first.offset, pause->last.partition, pause->last.offset, pipeline->dead_letter.pause_above);
}
