/* SPDX-License-Identifier: Apache-2.0 */
#include "core/classes.h"

#include <string.h>

int weir_classes_index(struct weir_classes *classes, const char *name, size_t len) {
    if (len == 0 || len > WEIR_CLASS_BYTES_MAX) return -1;
    for (uint32_t i = 0; i < classes->count; i++)
        if (classes->lengths[i] == len && !memcmp(classes->names[i], name, len)) return (int)i;
    if (classes->count == WEIR_CLASS_MAX) return -1;
    memcpy(classes->names[classes->count], name, len);
    classes->lengths[classes->count] = (uint8_t)len;
    return (int)classes->count++;
}

struct weir_bytes weir_classes_name(const struct weir_classes *classes, uint32_t index) {
    if (index >= classes->count) return (struct weir_bytes){NULL, 0};
    return (struct weir_bytes){classes->names[index], classes->lengths[index]};
}

void weir_classes_save(const struct weir_classes *classes, struct weir_state_writer *writer) {
    weir_state_write_head(writer, "core/classes", 1);
    weir_state_write_u64(writer, classes->count);
    for (uint32_t i = 0; i < classes->count; i++)
        weir_state_write_bytes(writer, classes->names[i], classes->lengths[i]);
}

int weir_classes_load(struct weir_classes *classes, struct weir_state_reader *reader) {
    memset(classes, 0, sizeof *classes);
    weir_state_read_head(reader, "core/classes", 1);
    uint32_t count = (uint32_t)weir_state_read_u64(reader, WEIR_CLASS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        char name[WEIR_CLASS_BYTES_MAX];
        size_t len = weir_state_read_bytes(reader, name, sizeof name);
        if (weir_state_reader_result(reader)) break;
        if (weir_classes_index(classes, name, len) != (int)i)
            weir_state_reader_refuse(reader, "class names are empty or repeat");
    }
    return weir_state_reader_result(reader);
}
