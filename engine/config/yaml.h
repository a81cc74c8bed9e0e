/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h: from the bytes of a document to its nodes; the only thing the rest of weir knows of libfyaml.
 *
 * place: document.c -> yaml.c -> nodes. errors: all findings go to diags.
 */
#ifndef WEIR_CONFIG_YAML_H
#define WEIR_CONFIG_YAML_H

#include "config/node.h"

/* Fills document->root from document->source, which is valid UTF-8 without control characters.
 * The root stays NULL when nothing could be kept. WEIR_OK or WEIR_NOMEM. */
int weir_yaml_build(struct weir_document *document, struct weir_diags *diags);

/* What libfyaml's message means for the author of a file. */
struct weir_yaml_problem {
    const char *message; /* of libfyaml, or its beginning */
    const char *text;    /* NULL: show the message itself */
    const char *help;    /* or NULL */
    char opener;         /* '[' or '{': the fault is where the last one was opened; 0 otherwise */
};
const struct weir_yaml_problem *weir_yaml_problem_find(const char *message); /* never NULL */
/* Offset of the innermost bracket that is open at the end of the bytes; len when none is. */
size_t weir_yaml_open_bracket(const char *bytes, size_t len, char opener);

#endif
