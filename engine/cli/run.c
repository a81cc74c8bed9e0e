/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: `weir run FILE`: the engine. Reads and binds the file, opens the doors, hands over to a worker. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/reload.h"
#include "cli/summary.h"
#include "kafka/kafka.h"
#include "runtime/engine_id.h"
#include "runtime/workers.h"

static const struct weir_flag flags[] = {
    {"until-end", NULL, "stop cleanly at the end offsets seen at start"},
    {"skip-lost", NULL, "go on behind input that was deleted before it was read, and say so"},
    {"limit", "N", "stop after N records"},
    {"summary", "text|json", "print a summary on stdout at the end (default: text on stderr)"},
    {"strict-data", NULL, "the first bad record ends the run, exit code 65"},
    {"log-level", "LEVEL", "error, warning, info (default) or debug"},
    {"set", "path=value", "override a value of the file; may be repeated"},
    {NULL, NULL, NULL}};

static int set_log_level(const struct weir_args *args) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const char *level = weir_args_get(args, "log-level");
    if (!level) return 0;
    for (int i = 0; i < 4; i++)
        if (!strcmp(level, names[i])) {
            weir_log_set_level((enum weir_log_level)i);
            return 0;
        }
    fprintf(stderr, "weir run: --log-level is error, warning, info or debug, not '%s'\n", level);
    return WEIR_EXIT_USAGE;
}

struct task_seen {
    const struct weir_task *task;
    int count;
};

static void see_task(void *owner, int32_t partition, const struct weir_task *task) {
    struct task_seen *seen = owner;
    (void)partition;
    seen->task = task;
    seen->count++;
}

static void print_summary(const struct weir_workers *workers, struct weir_summary *summary,
                          const char *format) {
    struct weir_task_counts counts;
    struct weir_buffer text;
    struct task_seen seen = {0};
    weir_workers_counts(workers, &counts);
    weir_workers_commits(workers, &summary->commits);
    weir_workers_each_task(workers, &seen, see_task);
    const struct weir_task *only = seen.count == 1 ? seen.task : NULL; /* metrics of several do not add up */
    weir_buffer_init(&text);
    bool json = format && !strcmp(format, "json");
    (json ? weir_summary_json : weir_summary_text)(summary, &counts, only, &text);
    fwrite(text.data, 1, text.len, format ? stdout : stderr);
    weir_buffer_deinit(&text);
}

/* Until the worker's loop takes signals over, nothing has been read: there is nothing to finish. */
static void stop_at_once(int signum) {
    (void)signum;
    _exit(WEIR_EXIT_OK);
}

struct engine { /* one `weir run`, through all files it is told to change to */
    const struct weir_args *args;
    struct weir_worker_options options;
    struct weir_reload *reload;
    struct weir_loaded *running; /* its plan is the options' */
    struct weir_summary summary; /* since it runs */
};

static void use(struct engine *engine, struct weir_loaded *loaded) {
    engine->running = loaded;
    engine->options.plan = loaded->plan;
    engine->options.engine_id = weir_engine_id(loaded->document.root);
    engine->options.pipeline = &loaded->pipeline;
    engine->options.client.properties = loaded->pipeline.kafka.properties;
    engine->options.client.property_count = loaded->pipeline.kafka.property_count;
    if (!engine->options.client.embedded) engine->options.client.brokers = loaded->pipeline.kafka.brokers;
}

static void drop(struct weir_loaded *loaded) {
    if (!loaded) return;
    weir_loaded_deinit(loaded);
    free(loaded);
}

static int create(struct engine *engine, struct weir_workers **workers) {
    struct weir_error error = {0};
    struct weir_worker_options *options = &engine->options;
    weir_summary_init(&engine->summary, options->plan);
    options->watch.owner = &engine->summary;
    options->watch.batch = weir_summary_batch;
    signal(SIGINT, stop_at_once);
    signal(SIGTERM, stop_at_once);
    weir_log(WEIR_LOG_INFO, "%s: asking %s for its topics", options->plan->name, options->client.brokers);
    int result = weir_workers_create(options, (uint32_t)options->pipeline->workers, workers, &error);
    if (result) {
        fprintf(stderr, "weir run: %s\n", error.text);
        weir_summary_deinit(&engine->summary);
    }
    if (!result)
        weir_log(WEIR_LOG_INFO, "%s: reading %s from %s as group %s", options->plan->name,
                 options->pipeline->source.topic.text, options->client.brokers,
                 options->pipeline->source.group);
    return result;
}

/* Of the running file, until it ends or there is a new one. *next: that one. */
static int work(struct engine *engine, struct weir_loaded **before, struct weir_loaded **next) {
    struct weir_error error = {0};
    struct weir_workers *workers = NULL;
    *next = NULL;
    int result = create(engine, &workers);
    if (result && *before) { /* the new file asks for what there is not: a topic, say */
        weir_log(WEIR_LOG_ERROR, "%s: the new file cannot be started; goes on as it was",
                 engine->options.plan->name);
        struct weir_loaded *refused = engine->running;
        use(engine, *before);
        weir_reload_back(engine->reload, *before);
        drop(refused);
        *before = NULL;
        result = create(engine, &workers);
    }
    drop(*before);
    *before = NULL;
    if (result) return result == WEIR_IO ? WEIR_EXIT_UNAVAILABLE : weir_exit_of(result);
    weir_reload_watch(engine->reload, workers);
    result = weir_workers_run(workers, &error);
    weir_reload_watch(engine->reload, NULL);
    if (result) fprintf(stderr, "weir run: %s\n", error.text);
    if (!result && !weir_workers_were_signalled(workers)) *next = weir_reload_take(engine->reload);
    engine->options.leads = weir_workers_led(workers);
    if (!*next) print_summary(workers, &engine->summary, weir_args_get(engine->args, "summary"));
    weir_workers_destroy(workers);
    weir_summary_deinit(&engine->summary);
    return weir_exit_of(result);
}
/* `first` is the engine's from here on. */
static int work_on(struct engine *engine, struct weir_loaded *first) {
    struct weir_loaded *before = NULL, *next = NULL;
    int code;
    use(engine, first);
    engine->reload = weir_reload_start(engine->args, first);
    if (!engine->reload) {
        drop(first);
        return WEIR_EXIT_BUG;
    }
    while ((code = work(engine, &before, &next)), next) {
        weir_log(WEIR_LOG_INFO, "%s: at rest; going on with the new file", engine->options.plan->name);
        before = engine->running;
        use(engine, next);
    }
    weir_reload_stop(engine->reload);
    drop(engine->running);
    return code;
}

static int run(const struct weir_args *args) {
    struct engine engine = {.args = args};
    struct weir_worker_options *options = &engine.options;
    const char *format;
    int64_t limit = weir_args_limit(args);
    if (limit < 0 || set_log_level(args) || weir_args_summary(args, &format)) return WEIR_EXIT_USAGE;
    options->until_end = weir_args_get(args, "until-end") != NULL;
    options->skip_lost = weir_args_get(args, "skip-lost") != NULL;
    options->strict_data = weir_args_get(args, "strict-data") != NULL;
    options->limit = (uint64_t)limit;
    struct weir_kafka_embedded *embedded = NULL;
    struct weir_error error = {0};
    struct weir_loaded *loaded = calloc(1, sizeof *loaded);
    if (!loaded) return WEIR_EXIT_BUG;
    int code = weir_load(args->arguments[0], args, NULL, loaded);
    weir_loaded_print(loaded);
    if (!code && !strcmp(loaded->pipeline.kafka.brokers, "embedded")) {
        embedded = weir_kafka_embedded_open(1, &error);
        options->client.embedded = true;
        if (embedded) options->client.brokers = weir_kafka_embedded_brokers(embedded);
        if (!embedded) fprintf(stderr, "weir run: %s\n", error.text);
        if (!embedded) code = WEIR_EXIT_UNAVAILABLE;
    }
    if (code)
        drop(loaded);
    else
        code = work_on(&engine, loaded);
    if (embedded) weir_kafka_embedded_close(embedded);
    return code;
}

const struct weir_verb weir_verb_run = {
    "run",
    "FILE [--set path=value] [--until-end] [--limit N] [--skip-lost]",
    "runs a pipeline: reads its topic, learns, publishes, until it is stopped",
    1,
    1,
    flags,
    run};
