/* SPDX-License-Identifier: Apache-2.0 */
/* classes.h: class names in order of appearance: text label <-> class index of a multiclass learner.
 *
 * lifetime: task state, saved with it. limits: WEIR_CLASS_MAX classes of at most WEIR_CLASS_BYTES_MAX bytes.
 */
#ifndef WEIR_CORE_CLASSES_H
#define WEIR_CORE_CLASSES_H

#include "weir/learner.h"
#include "weir/record.h"

#define WEIR_CLASS_BYTES_MAX 63

struct weir_classes {
    uint32_t count;
    uint8_t lengths[WEIR_CLASS_MAX];
    char names[WEIR_CLASS_MAX][WEIR_CLASS_BYTES_MAX + 1];
};

/* Index of the class, added when new. -1: no room, or the name is empty or too long. */
int weir_classes_index(struct weir_classes *classes, const char *name, size_t len);
struct weir_bytes weir_classes_name(const struct weir_classes *classes, uint32_t index);
void weir_classes_save(const struct weir_classes *classes, struct weir_state_writer *writer);
int weir_classes_load(struct weir_classes *classes, struct weir_state_reader *reader);

#endif
