/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: `weir run FILE`: the engine. Reads and binds the file, opens the doors, hands over to a worker. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "kafka/kafka.h"
#include "runtime/engine_id.h"
#include "runtime/workers.h"

static const struct weir_flag flags[] = {
    {"until-end", NULL, "stop cleanly at the end offsets seen at start"},
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

static int work(const struct weir_args *args, struct weir_worker_options *options) {
    struct weir_error error = {0};
    struct weir_workers *workers = NULL;
    struct weir_summary summary;
    weir_summary_init(&summary, options->plan);
    options->watch.owner = &summary;
    options->watch.batch = weir_summary_batch;
    signal(SIGINT, stop_at_once);
    signal(SIGTERM, stop_at_once);
    weir_log(WEIR_LOG_INFO, "%s: asking %s for its topics", options->plan->name, options->client.brokers);
    int result = weir_workers_create(options, (uint32_t)options->pipeline->workers, &workers, &error);
    if (result) {
        fprintf(stderr, "weir run: %s\n", error.text);
        weir_summary_deinit(&summary);
        return result == WEIR_IO ? WEIR_EXIT_UNAVAILABLE : weir_exit_of(result);
    }
    weir_log(WEIR_LOG_INFO, "%s: reading %s from %s as group %s", options->plan->name,
             options->pipeline->source.topic.text, options->client.brokers, options->pipeline->source.group);
    result = weir_workers_run(workers, &error);
    if (result) fprintf(stderr, "weir run: %s\n", error.text);
    print_summary(workers, &summary, weir_args_get(args, "summary"));
    weir_workers_destroy(workers);
    weir_summary_deinit(&summary);
    return weir_exit_of(result);
}

static int run(const struct weir_args *args) {
    struct weir_worker_options options = {.until_end = weir_args_get(args, "until-end") != NULL,
                                          .strict_data = weir_args_get(args, "strict-data") != NULL};
    const char *format;
    int64_t limit = weir_args_limit(args);
    if (limit < 0 || set_log_level(args) || weir_args_summary(args, &format)) return WEIR_EXIT_USAGE;
    options.limit = (uint64_t)limit;
    struct weir_kafka_embedded *embedded = NULL;
    struct weir_loaded loaded;
    struct weir_error error = {0};
    int code = weir_load(args->arguments[0], args, NULL, &loaded);
    weir_loaded_print(&loaded);
    if (!code) {
        options.plan = loaded.plan;
        options.engine_id = weir_engine_id(loaded.document.root);
        options.pipeline = &loaded.pipeline;
        options.client = (struct weir_kafka_client){.brokers = loaded.pipeline.kafka.brokers,
                                                    .properties = loaded.pipeline.kafka.properties,
                                                    .property_count = loaded.pipeline.kafka.property_count};
        if (!strcmp(options.client.brokers, "embedded")) {
            embedded = weir_kafka_embedded_open(1, &error);
            options.client.embedded = true;
            if (embedded) options.client.brokers = weir_kafka_embedded_brokers(embedded);
        }
        if (error.result) {
            fprintf(stderr, "weir run: %s\n", error.text);
            code = WEIR_EXIT_UNAVAILABLE;
        } else {
            code = work(args, &options);
        }
    }
    if (embedded) weir_kafka_embedded_close(embedded);
    weir_loaded_deinit(&loaded);
    return code;
}

const struct weir_verb weir_verb_run = {
    "run",
    "FILE [--set path=value] [--until-end] [--limit N]",
    "runs a pipeline: reads its topic, learns, publishes, until it is stopped",
    1,
    1,
    flags,
    run};
