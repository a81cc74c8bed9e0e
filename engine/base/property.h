/* SPDX-License-Identifier: Apache-2.0 */
/* property.h: a name and value meant for a library (librdkafka), with their places in the pipeline file.
 *
 * place:    config -> property -> kafka. lifetime: pipeline.
 */
#ifndef WEIR_BASE_PROPERTY_H
#define WEIR_BASE_PROPERTY_H

#include <stdbool.h>

#include "base/diag.h"

struct weir_property {
    const char *name, *value;
    struct weir_mark name_mark, value_mark; /* line 0 = not from a file */
    bool secret;                            /* never printed */
};

#endif
