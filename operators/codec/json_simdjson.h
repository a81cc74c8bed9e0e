/* SPDX-License-Identifier: Apache-2.0 */
/* json_simdjson.h: the C face of simdjson's DOM parser, and of nothing else.
 *
 * place:    bytes -> tape -> json.c. The tape is simdjson's documented flat form of a document
 *           (https://github.com/simdjson/simdjson/blob/master/doc/tape.md): 64-bit words, an 8-bit type
 * letter above a 56-bit payload; json.c walks it in C, so this shim is one call. lifetime: tape and strings
 * belong to the parser and live until its next parse. threads:  one owner per parser. limits:   64 nested
 * containers. errors:   no exception leaves the C++ file. why:      the DOM parser validates all of a
 * document before anything is used. The lazy "on demand" one is faster but accepts broken text it skips:
 * wrong where a record is either applied or dead-lettered.
 */
#ifndef WEIR_CODEC_JSON_SIMDJSON_H
#define WEIR_CODEC_JSON_SIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_JSON_PADDING 64 /* readable bytes behind a document */
#define WEIR_JSON_DEPTH_MAX 64

struct weir_json_parser;

struct weir_json_tape {
    const uint64_t *words;  /* words[1] begins the document's value */
    const uint8_t *strings; /* of a text: native uint32 length, the bytes, a zero */
};

struct weir_json_parser *weir_json_parser_create(void); /* NULL: no memory */
void weir_json_parser_destroy(struct weir_json_parser *parser);

/* WEIR_OK, WEIR_DATA (json_diagnose.h knows where and why), WEIR_NOMEM. Grows with the largest document. */
int weir_json_parse(struct weir_json_parser *parser, const char *padded, size_t len,
                    struct weir_json_tape *tape);

bool weir_utf8_valid(const char *text, size_t len);

#endif
