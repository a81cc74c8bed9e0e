/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dead_letters.h"

#include <inttypes.h>

#include "base/log.h"

bool weir_dead_letters_see(struct weir_dead_letters *letters, const struct weir_task *task,
                           const struct weir_outputs *outputs, bool kept, struct weir_error *error) {
    const struct weir_record *record = outputs->first_error_record;
    const struct weir_data_error *why = outputs->first_error;
    if (!record) return true;
    weir_error_set(error, WEIR_DATA, "%s partition %d offset %" PRId64 ": %s%s%s [%s]", record->topic,
                   record->partition, record->offset, why->field ? why->field : "", why->field ? ": " : "",
                   why->text, why->code);
    uint64_t so_far = weir_task_counts(task)->dead_lettered;
    if (so_far < letters->next_told) return false;
    weir_log(WEIR_LOG_WARNING, "%s %s (%" PRIu64 " bad records so far)", error->text,
             kept ? "-> dead letter topic" : "-> counted only: the file names no dead_letter topic", so_far);
    letters->next_told = so_far * 2;
    return false;
}
