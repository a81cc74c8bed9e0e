/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: verbs, their flags and exit codes. One file per verb; verbs.c lists them.
 *
 * Every flag has an environment twin: --until-end is WEIR_UNTIL_END. Data goes to stdout, prose to stderr.
 */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/diag.h"
#include "config/pipeline.h"
#include "core/plan.h"

enum weir_exit { /* sysexits.h where it has a word for it */
                 WEIR_EXIT_OK = 0,
                 WEIR_EXIT_FAILED = 1,   /* tests, a missed drift in the demo */
                 WEIR_EXIT_WARNINGS = 3, /* check --strict */
                 WEIR_EXIT_USAGE = 64,
                 WEIR_EXIT_DATA = 65,        /* --strict-data */
                 WEIR_EXIT_UNAVAILABLE = 69, /* broker unreachable, topic missing */
                 WEIR_EXIT_BUG = 70,
                 WEIR_EXIT_IO = 74,
                 WEIR_EXIT_AGAIN = 75,
                 WEIR_EXIT_CONFIG = 78,
};
int weir_exit_of(int result); /* enum weir_result -> exit code of a running verb */

struct weir_flag {
    const char *name;  /* without dashes; NULL ends the table */
    const char *value; /* what follows, for help: "N"; NULL = a switch */
    const char *help;
};

#define WEIR_FLAG_MAX 16
#define WEIR_ARGUMENT_MAX 4
#define WEIR_SET_MAX 32

struct weir_verb;
struct weir_args {
    const struct weir_verb *verb;
    const char *values[WEIR_FLAG_MAX]; /* by flag of the table; "" for a switch that is on; NULL = absent */
    const char *arguments[WEIR_ARGUMENT_MAX];
    int argument_count;
    const char *sets[WEIR_SET_MAX]; /* --set path=value, in order */
    int set_count;
};

struct weir_verb {
    const char *name;
    const char *usage; /* after "weir NAME " */
    const char *summary;
    int arguments_min, arguments_max;
    const struct weir_flag *flags;
    int (*run)(const struct weir_args *args);
};

const struct weir_verb *weir_verb_find(const char *name); /* NULL: none of that name */
int weir_verb_unknown(const char *name);                  /* says so, with a suggestion; WEIR_EXIT_USAGE */

/* Fills args from words and environment. 0, or WEIR_EXIT_USAGE with the reason on stderr. */
int weir_args_parse(const struct weir_verb *verb, int count, char **words, struct weir_args *args);
/* Value of a flag of the verb's table; NULL = absent. */
const char *weir_args_get(const struct weir_args *args, const char *name);
/* A whole number >= 0. fallback when absent. -1: refused, said on stderr. */
int64_t weir_args_count(const struct weir_args *args, const char *name, int64_t fallback);
/* --limit: a whole number from 1; 0 = absent, -1: refused, said on stderr. */
int64_t weir_args_limit(const struct weir_args *args);
/* --summary: text or json, or absent; else 64, said on stderr. */
int weir_args_summary(const struct weir_args *args, const char **format);

/* ---- a pipeline file, read and bound ---- */

struct weir_loaded {
    struct weir_document document;
    struct weir_diags diags;
    struct weir_pipeline pipeline;
    struct weir_plan *plan; /* NULL when there were errors */
};
/* Reads, applies --set, loads, binds. Returns 0 or WEIR_EXIT_CONFIG; findings are in diags, not printed.
 * Always followed by weir_loaded_deinit. */
int weir_load(const char *path, const struct weir_args *args, const struct weir_plan_options *options,
              struct weir_loaded *loaded);
/* Findings on stderr in colour when it is a terminal. */
void weir_loaded_print(const struct weir_loaded *loaded);
void weir_loaded_deinit(struct weir_loaded *loaded);

bool weir_use_color(int fd);

extern const struct weir_verb weir_verb_run, weir_verb_replay, weir_verb_check, weir_verb_demo, weir_verb_new,
    weir_verb_broker, weir_verb_explain, weir_verb_state, weir_verb_version;

#endif
