/* SPDX-License-Identifier: Apache-2.0 */
/* value.h: one typed cell of an event, of an expression register or of an output row.
 *
 * place:    decode -> value -> features; values -> encode.
 * lifetime: batch. `as.s` is borrowed from the record's bytes or the batch arena, never terminated.
 * units:    timestamp and duration are int64 milliseconds.
 * why:      16 bytes, so a row of columns stays in a cache line or two; null is a flag, not a
 *           sentinel in the value range.
 */
#ifndef WEIR_VALUE_H
#define WEIR_VALUE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum weir_type {
    WEIR_BOOL,
    WEIR_INT64,
    WEIR_FLOAT64,
    WEIR_STRING,    /* UTF-8 text */
    WEIR_CATEGORY,  /* UTF-8 text from a small set: compared and counted, never computed with */
    WEIR_TIMESTAMP, /* event time, ms since 1970 */
    WEIR_DURATION,  /* ms */
};
#define WEIR_TYPE_COUNT 7

struct weir_value {
    union {
        bool b;
        int64_t i; /* int64, timestamp, duration */
        double f;
        const char *s;
    } as;
    uint32_t len; /* bytes of s */
    uint8_t type; /* enum weir_type */
    bool null;
};

/* "int64" <-> WEIR_INT64. parse returns -1 for an unknown name. */
const char *weir_type_name(enum weir_type type);
int weir_type_parse(const char *name);

static inline bool weir_type_is_text(uint8_t type) { return type == WEIR_STRING || type == WEIR_CATEGORY; }

/* The value as a double: booleans 0/1, times in ms. NaN for null and for text. */
static inline double weir_value_number(const struct weir_value *value) {
    if (value->null) return (double)NAN;
    switch (value->type) {
        case WEIR_BOOL:
            return value->as.b ? 1.0 : 0.0;
        case WEIR_FLOAT64:
            return value->as.f;
        case WEIR_INT64:
        case WEIR_TIMESTAMP:
        case WEIR_DURATION:
            return (double)value->as.i;
        default:
            return (double)NAN;
    }
}

static inline struct weir_value weir_value_null(enum weir_type type) {
    return (struct weir_value){.type = (uint8_t)type, .null = true};
}
static inline struct weir_value weir_value_int(int64_t i) {
    return (struct weir_value){.as.i = i, .type = WEIR_INT64};
}
static inline struct weir_value weir_value_float(double f) {
    return (struct weir_value){.as.f = f, .type = WEIR_FLOAT64};
}
static inline struct weir_value weir_value_bool(bool b) {
    return (struct weir_value){.as.b = b, .type = WEIR_BOOL};
}
static inline struct weir_value weir_value_text(const char *s, uint32_t len) {
    return (struct weir_value){.as.s = s, .len = len, .type = WEIR_STRING};
}

/* A named, typed column. `name` may hold dots: a path into nested objects ("merchant.mcc"). */
struct weir_field {
    const char *name; /* pipeline lifetime */
    enum weir_type type;
    bool optional; /* may be missing or null */
};
struct weir_schema {
    const struct weir_field *fields;
    uint32_t count;
};

#endif
