/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: `weir check FILE`: all findings at once; the plan and its memory when there are none. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kafka/kafka.h"
#include "runtime/exact_names.h"
#include "runtime/topics.h"

static const struct weir_flag flags[] = {
    {"set", "path=value", "override a value of the file; may be repeated"},
    {"connect", NULL, "also ask the brokers whether the topics are there and fit"},
    {"strict", NULL, "warnings make the exit code 3"},
    {"format", "text|json", "how findings are printed on stdout (default text)"},
    {NULL, NULL, NULL}};

static void print_plan(const struct weir_loaded *loaded) {
    const struct weir_plan *plan = loaded->plan;
    const struct weir_plan_model *model = &plan->model;
    printf("%s: %s from %s, %u columns", plan->name, plan->codec->op.name, loaded->pipeline.source.topic.text,
           plan->source.count);
    if (plan->columns.count > plan->source.count)
        printf(", %u features", plan->columns.count - plan->source.count);
    printf("\n");
    for (uint32_t i = 0; i < weir_features_plan_group_count(plan->features); i++)
        if (weir_features_plan_key_bytes(plan->features, i))
            printf("  feature group %u: %zu bytes per key, at most %zu keys in %zu MiB\n", i + 1,
                   weir_features_plan_key_bytes(plan->features, i),
                   plan->memory_bytes / weir_features_plan_key_bytes(plan->features, i),
                   plan->memory_bytes >> 20);
    if (model->learner) {
        printf("  model: ");
        for (uint32_t i = 0; i < model->transform_count; i++) printf("%s -> ", model->transforms[i]->op.name);
        printf("%s, %u inputs, predicts %s\n", model->learner->op.name, model->input_count,
               model->target == WEIR_BINARY       ? "two classes"
               : model->target == WEIR_MULTICLASS ? "classes"
                                                  : "a number");
    }
    for (uint32_t i = 0; i < plan->drift_count; i++)
        printf("  drift %s: %s on %s%s\n", plan->drifts[i].name, plan->drifts[i].detector->op.name,
               plan->drifts[i].watch,
               plan->drifts[i].actions & WEIR_ACTION_RESET ? ", resets the model" : "");
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        const char *topic = weir_pipeline_sink(&loaded->pipeline, (enum weir_stream)i)->topic.text;
        if (plan->streams[i].active)
            printf("  %s -> %s\n", weir_stream_name((enum weir_stream)i), topic ? topic : "(file)");
    }
    if (!weir_pipeline_is_exact(&loaded->pipeline)) return;
    struct weir_exact_names names;
    weir_exact_names_make(&loaded->pipeline, NULL, &names);
    printf("  exactly once: a commit each %" PRId64 " ms; its own topics are %s and %s\n",
           loaded->pipeline.commit_ms, names.journal, names.snapshots);
}

static int ask_brokers(const struct weir_loaded *loaded) {
    const struct weir_pipeline *pipeline = &loaded->pipeline;
    if (!strcmp(pipeline->kafka.brokers, "embedded")) return WEIR_EXIT_OK;
    struct weir_kafka_client client = {.brokers = pipeline->kafka.brokers,
                                       .properties = pipeline->kafka.properties,
                                       .property_count = pipeline->kafka.property_count};
    struct weir_kafka_topic_facts facts;
    struct weir_retention retention = {0};
    struct weir_error error = {0};
    int result = weir_topics_look(&client, loaded->plan, false, &retention, &error);
    if (!result) result = weir_kafka_topic_look(&client, pipeline->source.topic.text, 5000, &facts, &error);
    if (result) {
        fprintf(stderr, "weir check: %s\n", error.text);
        return result == WEIR_CONFIG ? WEIR_EXIT_CONFIG : WEIR_EXIT_UNAVAILABLE;
    }
    printf("  %s answers: topic %s has %d partitions\n", pipeline->kafka.brokers, pipeline->source.topic.text,
           facts.partition_count);
    return WEIR_EXIT_OK;
}

static int print_findings(const struct weir_loaded *loaded, bool json) {
    struct weir_buffer text;
    weir_buffer_init(&text);
    if (json)
        weir_diags_render_json(&loaded->diags, &text);
    else if (loaded->diags.error_count || loaded->diags.warning_count)
        weir_diags_render_text(&loaded->diags, weir_use_color(STDOUT_FILENO), &text);
    if (text.len) fwrite(text.data, 1, text.len, stdout);
    weir_buffer_deinit(&text);
    return loaded->diags.error_count ? WEIR_EXIT_CONFIG : WEIR_EXIT_OK;
}

static int run(const struct weir_args *args) {
    const char *format = weir_args_get(args, "format");
    bool json = format && !strcmp(format, "json");
    if (format && !json && strcmp(format, "text") != 0) {
        fprintf(stderr, "weir check: --format is text or json, not '%s'\n", format);
        return WEIR_EXIT_USAGE;
    }
    struct weir_loaded loaded;
    int code = weir_load(args->arguments[0], args, NULL, &loaded);
    int printed = print_findings(&loaded, json);
    if (!code) code = printed;
    if (!code && !json) print_plan(&loaded);
    if (!code && weir_args_get(args, "connect")) code = ask_brokers(&loaded);
    if (!code && weir_args_get(args, "strict") && loaded.diags.warning_count) code = WEIR_EXIT_WARNINGS;
    weir_loaded_deinit(&loaded);
    return code;
}

const struct weir_verb weir_verb_check = {
    "check",
    "FILE [--connect] [--strict] [--format text|json]",
    "reads a pipeline file and reports everything that is wrong with it, at once",
    1,
    1,
    flags,
    run};
