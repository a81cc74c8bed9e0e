/* SPDX-License-Identifier: Apache-2.0 */
/* templates.h: the pipeline files of configs/ that the binary carries: the demo's own and what `weir new`
 * writes.
 *
 * lifetime: process; the texts are terminated.
 */
#ifndef WEIR_CLI_TEMPLATES_H
#define WEIR_CLI_TEMPLATES_H

#include <stddef.h>

struct weir_template {
    const char *name, *summary;
    const char *text;
};

/* In the order they are listed; count out. The first is the default of `weir new`. */
const struct weir_template *weir_templates(size_t *count);
const struct weir_template *weir_template_find(const char *name); /* NULL: none of that name */

#endif
