/* SPDX-License-Identifier: Apache-2.0 */
/* measures.c: a measure is digits and a unit, without blank, sign or fraction: "90s", not "1.5 m". */
#include "config/measures.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/pipeline.h"
#include "weir/error.h"

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit times[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                    {"s", 1000},      {"ms", 1},       {NULL, 0}};
static const struct unit sizes[] = {{"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
                                    {"KiB", 1 << 10},          {"", 1},          {NULL, 0}};

static int parse(const char *text, size_t len, const struct unit *units, int64_t *value) {
    int64_t number = 0;
    size_t i = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return WEIR_DATA;
    if (!i) return WEIR_DATA;
    for (; units->name; units++) {
        if (strlen(units->name) != len - i || memcmp(units->name, text + i, len - i) != 0) continue;
        return __builtin_mul_overflow(number, units->factor, value) ? WEIR_DATA : WEIR_OK;
    }
    return WEIR_DATA;
}

static const char *format(int64_t value, const struct unit *units, char out[WEIR_MEASURE_TEXT_MAX]) {
    while (units[1].name && (value == 0 || value % units->factor)) units++;
    snprintf(out, WEIR_MEASURE_TEXT_MAX, "%" PRId64 "%s", value / units->factor, units->name);
    return out;
}

int weir_duration_parse(const char *text, size_t len, int64_t *ms) {
    int64_t value;
    int result = parse(text, len, times, &value);
    if (!result) *ms = value;
    return result;
}

int weir_size_parse(const char *text, size_t len, int64_t *bytes) {
    int64_t value;
    int result = parse(text, len, sizes, &value);
    if (!result) *bytes = value;
    return result;
}

const char *weir_duration_format(int64_t ms, char out[WEIR_MEASURE_TEXT_MAX]) {
    return format(ms, times, out);
}
const char *weir_size_format(int64_t bytes, char out[WEIR_MEASURE_TEXT_MAX]) {
    return format(bytes, sizes, out);
}
