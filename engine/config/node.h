/* SPDX-License-Identifier: Apache-2.0 */
/* node.h: a pipeline file as weir's own tree: text, kind and place of every node.
 *
 * place:    YAML adapter -> tree -> loader; expressions and options keep pointers into it for findings.
 * lifetime: pipeline; the document owns all nodes and the file's bytes.
 * why:      libfyaml is seen by one file (yaml.c) and freed at once; every later stage can mark any
 *           character of the source without knowing YAML.
 * limits:   1 MiB, 50,000 nodes (aliases count where they are used), 4,096 keys in a map, depth 64.
 */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"

enum weir_node_kind { WEIR_NODE_SCALAR, WEIR_NODE_SEQUENCE, WEIR_NODE_MAP };

struct weir_node {
    enum weir_node_kind kind;
    struct weir_mark mark; /* of the scalar's first character (inside quotes), or of the collection */
    const char *text;      /* scalar, terminated, after interpolation; NULL for collections */
    bool quoted;           /* written in quotes: never a null or a number by accident */
    bool verbatim;         /* text[i] stands at mark.column + i of mark.line: carets can be exact */
    bool secret;           /* came from ${file:...}: never printed */
    bool unknown;          /* an interpolation failed, which is a finding already: the text means nothing */
    uint32_t count;        /* of items, or of entries */
    struct weir_node **items; /* sequence */
    struct weir_node **keys;  /* map: scalar nodes */
    struct weir_node **values;
};

struct weir_document {
    char *source; /* the file's bytes */
    size_t source_len;
    struct weir_node *root;  /* NULL: empty file or syntax error */
    struct weir_arena arena; /* owns the nodes */
};

/* Value of `key` in a map node, or NULL. */
const struct weir_node *weir_node_get(const struct weir_node *map, const char *key);

/* An empty value, ~ or null, not in quotes. */
bool weir_node_is_null(const struct weir_node *node);
/* A scalar's text for a message: never a secret; "" for collections. */
const char *weir_node_shown(const struct weir_node *node);

/* Reads and parses the file. Findings (unreadable file, syntax, duplicate keys, bad interpolation, file
 * over 1 MiB) go to diags, whose file/source are set. WEIR_OK even with findings; the root is NULL when
 * nothing could be kept. */
int weir_document_read(const char *path, struct weir_document *document, struct weir_diags *diags);
/* The same for bytes in memory (copied): what a test, a fuzzer or a pipe has. `name` is borrowed. */
int weir_document_parse(const char *name, const char *bytes, size_t len, struct weir_document *document,
                        struct weir_diags *diags);
/* Applies "path=value" (`--set`) to the tree, before it is loaded: model.options.rate=0.1,
 * drift[0].options.delta=0.01, kafka.properties."fetch.wait.max.ms"=20. Maps on the way are made; the value
 * is a scalar without a place in the file. WEIR_OK, or WEIR_CONFIG with a finding E121. */
int weir_document_set(struct weir_document *document, const char *assignment, struct weir_diags *diags);
/* Findings borrow the file's bytes: render them before. */
void weir_document_deinit(struct weir_document *document);

#endif
