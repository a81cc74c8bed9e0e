/* SPDX-License-Identifier: Apache-2.0 */
/* templates.c: files of configs/ as bytes of the binary. The assembler reads them when this file is compiled,
 * so what a user is shown, what the tests check and what the demo runs is one and the same file; CMake names
 * them as dependencies of this one. */
#include "cli/templates.h"

#include <string.h>

/* The bytes of configs/<name>.yaml and a zero, under a name that C knows. */
#define EMBED(name)                           \
    extern const char weir_template_##name[]; \
    __asm__(                                  \
        ".pushsection .rodata\n"              \
        ".global weir_template_" #name        \
        "\n"                                  \
        ".hidden weir_template_" #name        \
        "\n"                                  \
        "weir_template_" #name                \
        ":\n"                                 \
        ".incbin \"" WEIR_CONFIGS "/" #name   \
        ".yaml\"\n"                           \
        ".byte 0\n"                           \
        ".popsection\n")

EMBED(minimal);
EMBED(fraud);
EMBED(sensors);
EMBED(clicks);
EMBED(demo);

static const struct weir_template templates[] = {
    {"minimal", "the shortest useful file: learn a class, watch the error", weir_template_minimal},
    {"fraud", "card payments: features per card, fraud scores, drift of error and amounts",
     weir_template_fraud},
    {"sensors", "machine sensors: forecast a reading, watch it for change", weir_template_sensors},
    {"clicks", "shown and clicked adverts: click rates as features, click scores", weir_template_clicks},
    {"demo", "what `weir demo` runs", weir_template_demo},
};
#define TEMPLATE_COUNT (sizeof templates / sizeof templates[0])

const struct weir_template *weir_templates(size_t *count) {
    *count = TEMPLATE_COUNT;
    return templates;
}

const struct weir_template *weir_template_find(const char *name) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        if (!strcmp(templates[i].name, name)) return &templates[i];
    return NULL;
}
