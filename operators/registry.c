/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c: finds operators; the list itself is operators.h, one line per operator. */
#include "weir/registry.h"

#include <string.h>

#include "weir/aggregate.h"
#include "weir/codec.h"
#include "weir/detector.h"
#include "weir/learner.h"
#include "weir/metric.h"
#include "weir/transform.h"
#include "weir/window.h"

const struct weir_option weir_no_options[] = {WEIR_OPTION_END};

#define OPERATOR(family, name) extern const struct weir_##family weir_##family##_##name;
#include "operators.h"
#undef OPERATOR

static const struct weir_operator *const all[] = {
#define OPERATOR(family, name) &weir_##family##_##name.op,
#include "operators.h"
#undef OPERATOR
};
#define ALL_COUNT (sizeof all / sizeof all[0])

const char *weir_family_name(enum weir_family family) {
    static const char *const names[WEIR_FAMILY_COUNT] = {"codec",   "aggregate", "window", "transform",
                                                         "learner", "detector",  "metric"};
    return names[family];
}

const struct weir_operator *weir_registry_next(enum weir_family family,
                                               const struct weir_operator *previous) {
    size_t i = 0;
    if (previous)
        while (all[i++] != previous) continue;
    for (; i < ALL_COUNT; i++)
        if (all[i]->family == family) return all[i];
    return NULL;
}

const struct weir_operator *weir_registry_find(enum weir_family family, const char *name) {
    for (size_t i = 0; i < ALL_COUNT; i++)
        if (all[i]->family == family && !strcmp(all[i]->name, name)) return all[i];
    return NULL;
}
