/* SPDX-License-Identifier: Apache-2.0 */
/* document.c: a file's bytes, checked to be text, and the tree that yaml.c makes of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "config/node.h"
#include "config/yaml.h"
#include "weir/error.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

const struct weir_node *weir_node_get(const struct weir_node *map, const char *key) {
    if (!map || map->kind != WEIR_NODE_MAP) return NULL;
    for (uint32_t i = 0; i < map->count; i++)
        if (!strcmp(map->keys[i]->text, key)) return map->values[i];
    return NULL;
}

bool weir_node_is_null(const struct weir_node *node) {
    if (node->kind != WEIR_NODE_SCALAR || node->quoted) return false;
    return !node->text[0] || !strcmp(node->text, "~") || !strcmp(node->text, "null");
}

const char *weir_node_shown(const struct weir_node *node) {
    if (node->secret) return "(secret)";
    return node->kind == WEIR_NODE_SCALAR ? node->text : "";
}

/* Text means: UTF-8, no control characters but tab and line ends. The first fault is enough. */
static bool check_text(const struct weir_document *document, struct weir_diags *diags) {
    const char *bytes = document->source;
    size_t len = document->source_len;
    struct weir_mark mark = {1, 1, 1};
    if (len >= 2 && (!memcmp(bytes, "\xff\xfe", 2) || !memcmp(bytes, "\xfe\xff", 2))) {
        weir_diag_add(diags, "E103", mark, "the file is UTF-16; a pipeline file is UTF-8");
        weir_diag_help(diags, "save it as UTF-8");
        return false;
    }
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t size = weir_utf8_next(bytes + i, len - i, &point);
        if (!size) {
            weir_diag_add(diags, "E103", mark, "byte 0x%02x is not valid UTF-8", (unsigned char)bytes[i]);
            weir_diag_help(diags, "save the file as UTF-8");
            return false;
        }
        if ((point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
            (point >= 0x7f && point < 0xa0)) {
            weir_diag_add(diags, "E103", mark, "control character U+%04X in the file", (unsigned)point);
            return false;
        }
        i += size;
        bool is_bom = point == 0xfeff && i == size;
        mark.column += !is_bom;
        if (point == '\n') mark = (struct weir_mark){mark.line + 1, 1, 1};
    }
    return true;
}

/* Takes `bytes`. */
static int parse_taken(char *bytes, size_t len, struct weir_document *document, struct weir_diags *diags) {
    document->source = bytes;
    document->source_len = len;
    diags->source = bytes;
    diags->source_len = len;
    if (len > FILE_MAX_BYTES) {
        diags->source = NULL;
        weir_diag_add(diags, "E102", (struct weir_mark){0}, "the file has more than 1 MiB");
        return WEIR_OK;
    }
    if (!check_text(document, diags)) return WEIR_OK;
    return weir_yaml_build(document, diags);
}

int weir_document_parse(const char *name, const char *bytes, size_t len, struct weir_document *document,
                        struct weir_diags *diags) {
    memset(document, 0, sizeof *document);
    weir_arena_init(&document->arena);
    diags->file = name;
    char *copy = malloc(len + 1);
    if (!copy) return WEIR_NOMEM;
    if (len) memcpy(copy, bytes, len);
    copy[len] = '\0';
    return parse_taken(copy, len, document, diags);
}

/* At most one byte more than a file may have, so that its size can be judged; pipes are read like files. */
static int read_file(const char *path, char **bytes, size_t *len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int problem = 0;
    struct stat info;
    if (fstat(fd, &info))
        problem = errno;
    else if (S_ISDIR(info.st_mode))
        problem = EISDIR;
    *len = 0;
    *bytes = problem ? NULL : malloc(FILE_MAX_BYTES + 2);
    if (!problem && !*bytes) problem = ENOMEM;
    while (!problem && *len <= FILE_MAX_BYTES) {
        ssize_t got = read(fd, *bytes + *len, FILE_MAX_BYTES + 1 - *len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) problem = errno;
        if (got <= 0) break;
        *len += (size_t)got;
    }
    close(fd);
    if (problem) {
        free(*bytes);
        *bytes = NULL;
    } else {
        (*bytes)[*len] = '\0';
    }
    return problem;
}

int weir_document_read(const char *path, struct weir_document *document, struct weir_diags *diags) {
    memset(document, 0, sizeof *document);
    weir_arena_init(&document->arena);
    diags->file = path;
    char *bytes = NULL;
    size_t len = 0;
    int problem = read_file(path, &bytes, &len);
    if (problem == ENOMEM) return WEIR_NOMEM;
    if (problem) {
        weir_diag_add(diags, "E101", (struct weir_mark){0}, "cannot read the file: %s", strerror(problem));
        if (problem == ENOENT) weir_diag_help(diags, "`weir new minimal %s` writes one to start from", path);
        return WEIR_OK;
    }
    return parse_taken(bytes, len, document, diags);
}

void weir_document_deinit(struct weir_document *document) {
    weir_arena_deinit(&document->arena);
    free(document->source);
    memset(document, 0, sizeof *document);
}
