/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: `weir replay FILE --source PATH`: the pipeline over a file, the same core as `run`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/summary.h"
#include "file/file.h"
#include "runtime/replay.h"

static const struct weir_flag flags[] = {
    {"source", "PATH|-", "rows to read: .csv .json .ndjson .msgpack, each also .gz or .zst"},
    {"predictions", "PATH|-", "write predictions there (.csv, else NDJSON)"},
    {"alerts", "PATH|-", "write alerts there"},
    {"features", "PATH|-", "write features there"},
    {"dead-letters", "PATH|-", "write the bytes of bad rows there"},
    {"summary", "text|json", "print a summary on stdout (default: text on stderr)"},
    {"limit", "N", "stop after N rows"},
    {"now", "MS", "take this as the present (ms since 1970): later events are refused"},
    {"strict-data", NULL, "the first bad row ends the replay, exit code 65"},
    {"set", "path=value", "override a value of the file; may be repeated"},
    {NULL, NULL, NULL}};

static const char *const stream_flags[WEIR_STREAM_COUNT] = {"predictions", "features", "alerts",
                                                            "dead-letters"};

/* Opening an output empties its file: the rows to read, or another output, would be gone. */
static bool one_file_twice(const char *source, const char *const *outputs) {
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        if (!outputs[i]) continue;
        bool rows = strcmp(source, "-") != 0 && weir_file_same(outputs[i], source);
        if (rows) fprintf(stderr, "weir replay: --%s would overwrite --source %s\n", stream_flags[i], source);
        if (rows) return true;
        for (int j = 0; j < i; j++)
            if (outputs[j] && weir_file_same(outputs[i], outputs[j])) {
                fprintf(stderr, "weir replay: --%s and --%s both write to %s\n", stream_flags[j],
                        stream_flags[i], outputs[i]);
                return true;
            }
    }
    return false;
}

static int choose_formats(const struct weir_args *args, struct weir_plan_options *options,
                          const char **outputs) {
    const char *source = weir_args_get(args, "source");
    options->override_streams = true;
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        outputs[i] = weir_args_get(args, stream_flags[i]);
        if (!outputs[i]) continue;
        const char *format = strcmp(outputs[i], "-") ? weir_file_format(outputs[i]) : NULL;
        options->publish[i] = true;
        options->formats[i] = format ? format : "json";
    }
    if (!source) {
        fprintf(stderr, "weir replay: --source PATH says which rows to read\n");
        return WEIR_EXIT_USAGE;
    }
    if (one_file_twice(source, outputs)) return WEIR_EXIT_USAGE;
    options->source_format = weir_file_format(source); /* NULL: as the file says */
    return 0;
}

static int print_summary(const struct weir_summary *summary, const struct weir_task *task,
                         const char *format) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    bool json = format && !strcmp(format, "json");
    (json ? weir_summary_json : weir_summary_text)(summary, weir_task_counts(task), task, &text);
    FILE *out = format ? stdout : stderr;
    fwrite(text.data, 1, text.len, out);
    weir_buffer_deinit(&text);
    if (fflush(out) == 0) return 0;
    fprintf(stderr, "weir replay: the summary could not be written\n");
    return WEIR_EXIT_IO;
}

static int replay(const struct weir_args *args, const struct weir_plan *plan,
                  struct weir_replay_options *options) {
    struct weir_error error = {0};
    struct weir_task *task = NULL;
    struct weir_summary summary;
    weir_summary_init(&summary, plan);
    options->plan = plan;
    options->owner = &summary;
    options->batch = weir_summary_batch;
    int result = weir_task_create(plan, 0, &task, &error);
    if (!result) result = weir_replay_run(options, task, &error);
    int code = weir_exit_of(result);
    if (result)
        fprintf(stderr, "weir replay: %s\n", error.text);
    else
        code = print_summary(&summary, task, weir_args_get(args, "summary"));
    weir_task_destroy(task);
    weir_summary_deinit(&summary);
    return code;
}

static int run(const struct weir_args *args) {
    struct weir_plan_options plan_options = {0};
    struct weir_replay_options options = {.source = weir_args_get(args, "source"),
                                          .strict_data = weir_args_get(args, "strict-data") != NULL};
    const char *format;
    int64_t limit = weir_args_limit(args);
    int64_t now_ms = weir_args_count(args, "now", (int64_t)time(NULL) * 1000);
    if (limit < 0 || now_ms < 0 || weir_args_summary(args, &format)) return WEIR_EXIT_USAGE;
    int code = choose_formats(args, &plan_options, options.outputs);
    if (code) return code;
    options.limit = (uint64_t)limit;
    options.now_ms = now_ms;
    struct weir_loaded loaded;
    code = weir_load(args->arguments[0], args, &plan_options, &loaded);
    weir_loaded_print(&loaded);
    if (!code) code = replay(args, loaded.plan, &options);
    weir_loaded_deinit(&loaded);
    return code;
}

const struct weir_verb weir_verb_replay = {
    "replay",
    "FILE --source PATH [--predictions PATH|-] [--alerts PATH|-] [--features PATH|-] [--summary text|json]",
    "runs a pipeline over a file: the same core, the same results",
    1,
    1,
    flags,
    run};
