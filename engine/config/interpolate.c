/* SPDX-License-Identifier: Apache-2.0 */
/* interpolate.c
 *
 *   ${NAME}                the environment variable; unset is a finding
 *   ${NAME:-default}       the default when it is unset or empty, as in the shell
 *   ${NAME:?message}       the message when it is unset or empty
 *   ${file:PATH}           the file's text without the line end at its end; a secret. Paths are relative to
 * the working directory
 *   ${file:PATH:-default}  the default when the file does not exist
 *   $${                    a literal ${
 */
#include "config/interpolate.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "weir/error.h"

#define FILE_MAX_BYTES (64 * 1024)

struct interpolation {
    struct weir_node *scalar;
    struct weir_arena *arena;
    struct weir_diags *diags;
    struct weir_buffer out;
};

/* The mark of bytes [from, till) of the scalar: exact when the scalar stands in the file as it is. */
static struct weir_mark mark_of(const struct weir_node *scalar, size_t from, size_t till) {
    struct weir_mark mark = scalar->mark;
    if (!scalar->verbatim) return mark;
    mark.column += (uint32_t)weir_utf8_count(scalar->text, from);
    mark.length = (uint32_t)weir_utf8_count(scalar->text + from, till - from);
    return mark;
}

static bool is_name(const char *text, size_t len) {
    if (!len || isdigit((unsigned char)text[0])) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_') return false;
    return true;
}

/* Where ":-" or ":?" begins, or NULL. */
static const char *find_operator(const char *text, size_t len) {
    for (size_t i = 0; i + 1 < len; i++)
        if (text[i] == ':' && (text[i + 1] == '-' || text[i + 1] == '?')) return text + i;
    return NULL;
}

/* Regular files only: a device or a pipe could block or never end. 0, or an errno; EFBIG, EINVAL by us. */
static int read_small_file(const char *path, struct weir_buffer *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno;
    struct stat info;
    int problem = 0;
    char *bytes = NULL;
    size_t len = 0;
    if (fstat(fd, &info)) problem = errno;
    if (!problem && !S_ISREG(info.st_mode)) problem = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    if (!problem && !(bytes = malloc(FILE_MAX_BYTES + 1))) problem = ENOMEM;
    while (!problem && len <= FILE_MAX_BYTES) {
        ssize_t got = read(fd, bytes + len, FILE_MAX_BYTES + 1 - len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) problem = errno;
        if (got <= 0) break;
        len += (size_t)got;
    }
    if (!problem && len > FILE_MAX_BYTES) problem = EFBIG;
    if (!problem && len && memchr(bytes, 0, len)) problem = EILSEQ;
    if (!problem) {
        if (len && bytes[len - 1] == '\n') len--;
        if (len && bytes[len - 1] == '\r') len--;
        if (weir_buffer_append(out, bytes, len)) problem = ENOMEM;
    }
    free(bytes);
    close(fd);
    return problem;
}

static const char *problem_text(int problem) {
    switch (problem) {
        case EFBIG:
            return "it is larger than 64 KiB";
        case EINVAL:
            return "it is not a regular file";
        case EILSEQ:
            return "it is not text";
        default:
            return strerror(problem);
    }
}

static int substitute_file(struct interpolation *in, const char *body, size_t len, struct weir_mark mark) {
    const char *fallback = find_operator(body, len);
    if (fallback && fallback[1] == '?') fallback = NULL;
    size_t path_len = fallback ? (size_t)(fallback - body) : len;
    char *path = weir_arena_copy(in->arena, body, path_len);
    if (!path) return WEIR_NOMEM;
    in->scalar->secret = true;
    int problem = read_small_file(path, &in->out);
    if (problem == ENOMEM) return WEIR_NOMEM;
    if (problem == ENOENT && fallback) return weir_buffer_append(&in->out, fallback + 2, len - path_len - 2);
    if (problem) {
        in->scalar->unknown = true;
        weir_diag_add(in->diags, "E109", mark, "cannot read file '%s': %s", path, problem_text(problem));
        if (problem == ENOENT)
            weir_diag_help(in->diags, "create it, or give a default: ${file:%s:-default}", path);
    }
    return WEIR_OK;
}

static int substitute_variable(struct interpolation *in, const char *body, size_t len,
                               struct weir_mark mark) {
    const char *rest = find_operator(body, len);
    size_t name_len = rest ? (size_t)(rest - body) : len;
    if (!is_name(body, name_len)) {
        in->scalar->unknown = true;
        weir_diag_add(in->diags, "E108", mark, "'%.*s' is not the name of a variable", (int)name_len, body);
        weir_diag_help(in->diags, "names have letters, digits and '_'; write $${ for a literal ${");
        return WEIR_OK;
    }
    char *name = weir_arena_copy(in->arena, body, name_len);
    if (!name) return WEIR_NOMEM;
    const char *value = getenv(name);
    if (value && (value[0] || !rest)) return weir_buffer_append_text(&in->out, value);
    if (rest && rest[1] == '-') return weir_buffer_append(&in->out, rest + 2, len - name_len - 2);
    in->scalar->unknown = true;
    if (rest && len > name_len + 2) {
        weir_diag_add(in->diags, "E107", mark, "%s: %.*s", name, (int)(len - name_len - 2), rest + 2);
    } else {
        weir_diag_add(in->diags, "E107", mark, "environment variable '%s' is not set", name);
        weir_diag_help(in->diags, "set it, or give a default: ${%s:-default}", name);
    }
    return WEIR_OK;
}

/* `at` stands on "${". Sets *next behind the closing brace. */
static int substitute(struct interpolation *in, size_t at, size_t *next) {
    const char *text = in->scalar->text;
    const char *body = text + at + 2;
    const char *close = strchr(body, '}');
    const char *nested = strstr(body, "${");
    size_t end = close ? (size_t)(close - text) + 1 : strlen(text);
    struct weir_mark mark = mark_of(in->scalar, at, end);
    *next = end;
    if (!close || (nested && nested < close)) {
        in->scalar->unknown = true;
        weir_diag_add(in->diags, "E108", mark, close ? "${...} cannot be nested" : "this ${ is not closed");
        weir_diag_help(in->diags, "close it with }, or write $${ for a literal ${");
        return WEIR_OK;
    }
    size_t len = (size_t)(close - body);
    if (len >= 5 && !strncmp(body, "file:", 5)) return substitute_file(in, body + 5, len - 5, mark);
    return substitute_variable(in, body, len, mark);
}

int weir_interpolate(struct weir_node *scalar, struct weir_arena *arena, struct weir_diags *diags) {
    const char *text = scalar->text;
    if (!strstr(text, "${")) return WEIR_OK;
    struct interpolation in = {.scalar = scalar, .arena = arena, .diags = diags};
    weir_buffer_init(&in.out);
    int result = WEIR_OK;
    for (size_t i = 0; text[i] && !result;) {
        if (!strncmp(text + i, "$${", 3)) {
            result = weir_buffer_append_text(&in.out, "${");
            i += 3;
        } else if (!strncmp(text + i, "${", 2)) {
            result = substitute(&in, i, &i);
        } else {
            result = weir_buffer_append_char(&in.out, text[i++]);
        }
    }
    char *copy = result ? NULL : weir_arena_copy(arena, in.out.len ? in.out.data : "", in.out.len);
    weir_buffer_deinit(&in.out);
    if (result || !copy) return result ? result : WEIR_NOMEM;
    scalar->text = copy;
    scalar->verbatim = false;
    return WEIR_OK;
}
