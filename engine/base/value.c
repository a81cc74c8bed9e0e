/* SPDX-License-Identifier: Apache-2.0 */
#include "weir/value.h"

#include <string.h>

#include "weir/record.h"

static const char *const type_names[WEIR_TYPE_COUNT] = {"bool",     "int64",     "float64", "string",
                                                        "category", "timestamp", "duration"};

const char *weir_type_name(enum weir_type type) { return type_names[type]; }

int weir_type_parse(const char *name) {
    for (int i = 0; i < WEIR_TYPE_COUNT; i++)
        if (!strcmp(name, type_names[i])) return i;
    return -1;
}

const char *weir_stream_name(enum weir_stream stream) {
    static const char *const names[WEIR_STREAM_COUNT] = {"predictions", "features", "alerts", "dead_letter"};
    return names[stream];
}
