/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h: the one table of all keys of a pipeline file.
 *
 * place:    fields.c (table) -> load.c reads files by it, reference.c prints it for `weir help reference`.
 * lifetime: process.
 * why:      a key is written down once: its name, type, target, default, range and sentence cannot disagree.
 */
#ifndef WEIR_CONFIG_FIELDS_H
#define WEIR_CONFIG_FIELDS_H

#include "base/buffer.h"
#include "config/pipeline.h"

enum weir_key_kind {
    WEIR_KEY_SECTION,     /* a map of `keys`, filling the struct at offset */
    WEIR_KEY_SINK,        /* a section whose struct begins with its node (struct weir_sink_config) */
    WEIR_KEY_LIST,        /* a list of maps of `keys`: pointer at offset, count at count_offset */
    WEIR_KEY_VERSION,     /* the number 1 */
    WEIR_KEY_IDENTIFIER,  /* const char *: the pipeline's name */
    WEIR_KEY_TEXT,        /* const char * */
    WEIR_KEY_NAME,        /* struct weir_name */
    WEIR_KEY_TOPIC,       /* struct weir_name, a legal topic */
    WEIR_KEY_NAMES,       /* struct weir_name *, count; one or a list, all different */
    WEIR_KEY_INT,         /* int64_t within min..max */
    WEIR_KEY_FLOAT,       /* double within min..max */
    WEIR_KEY_DURATION,    /* int64_t ms within min..max; WEIR_NOT_GIVEN without a default */
    WEIR_KEY_SIZE,        /* int64_t bytes within min..max */
    WEIR_KEY_CHOICE,      /* int: index of `choices` */
    WEIR_KEY_ACTIONS,     /* unsigned: 1 << index of `choices`, or-ed; its node at count_offset */
    WEIR_KEY_OPERATORS,   /* struct weir_operator_use *, count: names or {name: options} */
    WEIR_KEY_OPTIONS,     /* const struct weir_node *: a map for the operator beside it */
    WEIR_KEY_SCHEMA,      /* struct weir_column *, count */
    WEIR_KEY_EXPRESSIONS, /* struct weir_feature_config *, count: name: expression */
    WEIR_KEY_PROPERTIES,  /* librdkafka's names and values, into struct weir_kafka_config */
    WEIR_KEY_PROPERTY,    /* one of them, named by `property` */
    WEIR_KEY_LATER,       /* part of the format, not of this version: E320 */
};

struct weir_key {
    const char *name;
    enum weir_key_kind kind;
    bool required, secret;
    size_t offset, count_offset, item_bytes;
    const struct weir_key *keys; /* sections and lists; ends with a NULL name */
    const char *fallback;        /* default as written in a file, or NULL */
    double min, max;
    const char *const *choices; /* ends with NULL */
    const char *later;          /* a value that is part of the format but not of this version */
    const char *property;
    const char *help; /* one sentence, lower case */
};

extern const struct weir_key weir_pipeline_keys[];

/* Where a key of this name stands elsewhere: its section's path ("source.event_time"), into `path`. False:
 * nowhere. */
bool weir_key_locate(const char *name, char *path, size_t path_bytes);
/* What a value of this key looks like, for messages and docs: "a duration such as 30s". */
const char *weir_key_kind_text(const struct weir_key *key);

/* The reference of all keys, as Markdown: one table per section. WEIR_OK or WEIR_NOMEM. */
int weir_fields_render_reference(struct weir_buffer *out);

#endif
