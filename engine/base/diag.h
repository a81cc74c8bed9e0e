/* SPDX-License-Identifier: Apache-2.0 */
/* diag.h: findings about a pipeline file, collected so that all of them are reported at once.
 *
 * place:    YAML adapter, loader, expression compiler, binder -> diags -> `weir check` and start of run.
 * lifetime: a weir_diags owns copies of all its text. One owner thread.
 * limits:   100 findings are kept, the rest is counted.
 * look:     file:line:column: error[E204]: text, the source line, a marker under the characters, help.
 */
#ifndef WEIR_BASE_DIAG_H
#define WEIR_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Where: 1-based line and column, both in characters (not bytes) of the file; length of the marked run
 * in characters, 0 = one. line 0 = no place in the file. */
struct weir_mark {
    uint32_t line, column, length;
};

enum weir_severity { WEIR_DIAG_ERROR, WEIR_DIAG_WARNING };

struct weir_diag {
    enum weir_severity severity;
    const char *code; /* "E204"; listed in engine/base/codes.c, known to `weir explain` */
    struct weir_mark mark;
    char *text; /* one sentence, lower case, no period */
    char *help; /* NULL or one line: what to do, a suggestion */
};

struct weir_diags {
    const char *file;   /* name as the user typed it */
    const char *source; /* the file's bytes, borrowed; NULL = not available */
    size_t source_len;
    struct weir_diag *items;
    uint32_t count, capacity;
    uint32_t error_count, warning_count; /* of all, kept or not */
    bool last_kept;                      /* the finding just added is items[count - 1] */
};

void weir_diags_init(struct weir_diags *diags, const char *file, const char *source, size_t source_len);
void weir_diags_deinit(struct weir_diags *diags);

/* Adds a finding; `code` decides the severity (E = error, W = warning). Returns WEIR_CONFIG for errors.
 * The same finding at the same place is kept and counted once (an alias is read where it is used). */
int weir_diag_add(struct weir_diags *diags, const char *code, struct weir_mark mark, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Gives the finding just added its help line. */
void weir_diag_help(struct weir_diags *diags, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All findings in order of place (those without one last), then the closing count line; nothing when there
 * are none. `color` uses ANSI colours. Control characters of the file are shown as '?'. */
int weir_diags_render_text(const struct weir_diags *diags, bool color, struct weir_buffer *out);
/* {"file":..., "errors":n, "warnings":n, "findings":[{code,severity,line,column,length,text,help}]}; line
 * and column are null for findings without a place, help is null when there is none. */
int weir_diags_render_json(const struct weir_diags *diags, struct weir_buffer *out);

/* Gives it "did you mean '...'?", or without a near word all of them: "one of a, b, c" (intro: "one of").
 * `words` ends with NULL. */
void weir_diag_help_words(struct weir_diags *diags, const char *word, const char *const *words,
                          const char *intro);

/* The nearest of `names` to `word`: edit distance (transpositions count one) <= 2 or a third of the
 * length; NULL when none is near. */
const char *weir_suggest(const char *word, const char *const *names, size_t count);

#endif
