/* SPDX-License-Identifier: Apache-2.0 */
/* demo.c: `weir demo`: an embedded cluster, a generated stream with known drifts, the engine on it, and a
 * closing line that compares what was found with what was injected. With --produce only the stream, into your
 * own Kafka. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/demo_feed.h"
#include "cli/demo_stream.h"
#include "cli/demo_table.h"
#include "cli/stop_signal.h"
#include "cli/templates.h"
#include "kafka/kafka.h"
#include "runtime/worker.h"

#define ROWS_DEFAULT 300000
#define ROWS_MIN 10000 /* a third of them is enough to learn, and for any seed to find the next drift */
#define ROWS_MAX 1000000000
#define PACE 5000 /* rows a second */
#define CREATE_MS 10000

static const struct weir_flag flags[] = {
    {"rows", "N", "rows to generate (default 300,000 in 60 s); without --seconds as fast as possible"},
    {"seconds", "S", "5,000 rows a second for S seconds; with --rows: N rows in S seconds"},
    {"seed", "K", "another stream (default 42); the same seed gives the same rows"},
    {"keep", NULL, "leave the embedded cluster up afterwards, to look at its topics"},
    {"json", NULL, "one JSON object a line instead of the table"},
    {"produce", "BROKERS", "only write the rows to topic card.transactions of this cluster"},
    {NULL, NULL, NULL}};

struct demo {
    uint64_t rows, seed;
    double rows_per_s; /* 0 = as fast as possible */
    bool json, keep;
    const char *produce;
    struct weir_kafka_embedded *embedded;
    struct weir_loaded loaded; /* configs/demo.yaml */
    struct weir_demo_feed *feed;
    struct weir_worker *worker;
    struct weir_demo_table table;
};

static int read_flags(const struct weir_args *args, struct demo *demo) {
    int64_t rows = weir_args_count(args, "rows", 0), seconds = weir_args_count(args, "seconds", 0);
    int64_t seed = weir_args_count(args, "seed", 42);
    if (rows < 0 || seconds < 0 || seed < 0) return WEIR_EXIT_USAGE;
    bool is_default = !weir_args_get(args, "rows") && !weir_args_get(args, "seconds");
    if (!weir_args_get(args, "rows")) rows = is_default ? ROWS_DEFAULT : seconds * PACE;
    demo->produce = weir_args_get(args, "produce");
    int64_t least = demo->produce ? 1 : ROWS_MIN;
    if (rows < least || rows > ROWS_MAX || seconds > ROWS_MAX / PACE) {
        fprintf(stderr,
                "weir demo: needs %lld to %d rows (%d seconds or more): fewer do not let the model learn "
                "between the drifts\n",
                (long long)least, ROWS_MAX, ROWS_MIN / PACE);
        return WEIR_EXIT_USAGE;
    }
    demo->rows = (uint64_t)rows;
    demo->seed = (uint64_t)seed;
    demo->rows_per_s = seconds ? (double)rows / (double)seconds : is_default ? PACE : 0;
    demo->json = weir_args_get(args, "json") != NULL;
    demo->keep = weir_args_get(args, "keep") != NULL;
    return WEIR_EXIT_OK;
}

/* ---- only the stream ---- */

static int produce(const struct demo *demo) {
    struct weir_kafka_client client = {.brokers = demo->produce};
    struct weir_demo_feed_options options = {
        .client = client, .seed = demo->seed, .rows = demo->rows, .rows_per_s = demo->rows_per_s};
    struct weir_error error = {0};
    struct weir_demo_feed *feed = weir_demo_feed_create(&options);
    if (!feed) return WEIR_EXIT_BUG;
    int result = weir_kafka_topic_create(&client, WEIR_DEMO_TOPIC, 1, CREATE_MS, &error);
    if (!result) {
        fprintf(stderr, "writing to topic " WEIR_DEMO_TOPIC " of %s\n", demo->produce);
        result = weir_demo_feed_run(feed, &error);
    }
    if (result)
        fprintf(stderr, "weir demo: %s\n", error.text);
    else
        printf("%llu rows written to " WEIR_DEMO_TOPIC "; the fraud pattern changes at rows %llu and %llu\n",
               (unsigned long long)demo->rows, (unsigned long long)weir_demo_stream_drift_row(demo->rows, 0),
               (unsigned long long)weir_demo_stream_drift_row(demo->rows, 1));
    weir_demo_feed_destroy(feed);
    return !result ? WEIR_EXIT_OK : result == WEIR_IO ? WEIR_EXIT_UNAVAILABLE : weir_exit_of(result);
}

/* ---- the whole loop ---- */

static int load_pipeline(struct demo *demo) {
    struct weir_loaded *loaded = &demo->loaded;
    const char *text = weir_template_find("demo")->text;
    int result = weir_document_parse("demo.yaml", text, strlen(text), &loaded->document, &loaded->diags);
    if (!result && loaded->document.root) {
        weir_pipeline_load(&loaded->document, &loaded->diags, &loaded->pipeline);
        loaded->plan = weir_plan_create(&loaded->pipeline, NULL, &loaded->diags);
    }
    if (loaded->plan && !loaded->diags.error_count) return WEIR_EXIT_OK;
    weir_loaded_print(loaded);
    return WEIR_EXIT_BUG; /* it is ours */
}

/* One partition each: one task sees the whole stream in order. */
static int open_cluster(struct demo *demo, struct weir_error *error) {
    const struct weir_pipeline *pipeline = &demo->loaded.pipeline;
    const char *topics[] = {pipeline->source.topic.text, pipeline->predictions.topic.text,
                            pipeline->alerts.topic.text, pipeline->dead_letter.topic.text};
    demo->embedded = weir_kafka_embedded_open(1, error);
    if (!demo->embedded) return error->result;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        int result = weir_kafka_embedded_create_topic(demo->embedded, topics[i], 1);
        if (result)
            return weir_error_set(error, result, "the embedded cluster refused topic '%s'", topics[i]);
    }
    return WEIR_OK;
}

static void on_batch(void *owner, const struct weir_task *task, const struct weir_outputs *outputs) {
    struct demo *demo = owner;
    uint64_t read = weir_task_counts(task)->read, made = weir_demo_feed_made(demo->feed);
    weir_demo_feed_seen(demo->feed, read);
    weir_demo_table_batch(&demo->table, task, outputs, made > read ? made - read : 0);
    if (demo->table.broken) weir_worker_stop(demo->worker);
}

static void on_tick(void *owner) {
    struct demo *demo = owner;
    if (weir_demo_feed_failed(demo->feed)) weir_worker_stop(demo->worker);
}

static int open_engine(struct demo *demo, struct weir_error *error) {
    struct weir_kafka_client client = {.brokers = weir_kafka_embedded_brokers(demo->embedded),
                                       .embedded = true};
    struct weir_demo_feed_options feed = {.client = client,
                                          .seed = demo->seed,
                                          .rows = demo->rows,
                                          .rows_per_s = demo->rows_per_s,
                                          .has_reader = true};
    struct weir_worker_options options = {.plan = demo->loaded.plan,
                                          .pipeline = &demo->loaded.pipeline,
                                          .client = client,
                                          .limit = demo->rows,
                                          .watch = {demo, on_batch, on_tick}};
    demo->feed = weir_demo_feed_create(&feed);
    if (!demo->feed) return weir_error_set(error, WEIR_NOMEM, "no memory for the generator");
    return weir_worker_create(&options, &demo->worker, error);
}

static void print_head(const struct demo *demo) {
    const char *brokers = weir_kafka_embedded_brokers(demo->embedded);
    char rows[32], pace[64] = "as fast as possible";
    if (demo->rows_per_s > 0) snprintf(pace, sizeof pace, "%.0f s", (double)demo->rows / demo->rows_per_s);
    if (demo->json)
        printf("{\"type\":\"start\",\"weir\":\"" WEIR_RELEASE
               "\",\"brokers\":\"%s\",\"rows\":%llu,\"seed\":%llu,"
               "\"drift_rows\":[%llu,%llu]}\n",
               brokers, (unsigned long long)demo->rows, (unsigned long long)demo->seed,
               (unsigned long long)weir_demo_stream_drift_row(demo->rows, 0),
               (unsigned long long)weir_demo_stream_drift_row(demo->rows, 1));
    else
        printf("weir " WEIR_RELEASE "  demo: card fraud, %s rows, %s, embedded Kafka at %s\n",
               weir_demo_thousands(demo->rows, rows), pace, brokers);
}

static int print_end(struct demo *demo) {
    struct weir_task_counts counts;
    weir_worker_counts(demo->worker, &counts);
    bool as_injected = weir_demo_table_end(&demo->table, &counts);
    if (demo->table.broken) {
        fprintf(stderr, "weir demo: standard output cannot be written\n");
        return WEIR_EXIT_IO;
    }
    bool whole = counts.read == demo->rows;
    if (!whole) fprintf(stderr, "weir demo: stopped before the end: no verdict\n");
    if (!demo->json && !demo->keep && whole)
        printf(
            "next: weir new my.yaml  (start your own)   |   weir demo --keep  (leave Kafka running to "
            "explore)\n");
    fflush(stdout);
    return as_injected || !whole ? WEIR_EXIT_OK : WEIR_EXIT_FAILED;
}

static int play(struct demo *demo, struct weir_error *error) {
    struct weir_error of_feed = {0};
    print_head(demo);
    weir_demo_table_begin(&demo->table, demo->loaded.plan, demo->json, demo->rows);
    int result = weir_demo_feed_start(demo->feed, error);
    if (!result) result = weir_worker_run(demo->worker, error);
    int fed = weir_demo_feed_stop(demo->feed, &of_feed);
    if (!result && fed) {
        *error = of_feed;
        result = fed;
    }
    return result;
}

static void keep_up(const struct demo *demo) {
    const char *brokers = weir_kafka_embedded_brokers(demo->embedded);
    const struct weir_pipeline *pipeline = &demo->loaded.pipeline;
    fprintf(stderr,
            "Kafka stays up at %s until Ctrl-C. Look at it from another terminal:\n"
            "  kcat -b %s -L\n"
            "  kcat -b %s -C -t %s -o beginning -e\n"
            "  kcat -b %s -C -t %s -o -5 -e -f '%%k %%s %%h\\n'\n",
            brokers, brokers, brokers, pipeline->alerts.topic.text, brokers,
            pipeline->predictions.topic.text);
    weir_stop_signal_wait();
}

static int demonstrate(struct demo *demo) {
    struct weir_error error = {0};
    int code = load_pipeline(demo);
    if (code) return code;
    int result = open_cluster(demo, &error);
    if (!result) result = open_engine(demo, &error);
    if (!result) result = play(demo, &error);
    if (result) {
        fprintf(stderr, "weir demo: %s\n", error.text);
        return weir_exit_of(result);
    }
    code = print_end(demo);
    if (demo->keep && code != WEIR_EXIT_IO) keep_up(demo);
    return code;
}

static int run(const struct weir_args *args) {
    struct demo *demo = calloc(1, sizeof *demo);
    if (!demo) return WEIR_EXIT_BUG;
    weir_log_set_level(WEIR_LOG_WARNING);
    int code = read_flags(args, demo);
    if (!code) code = demo->produce ? produce(demo) : demonstrate(demo);
    weir_worker_destroy(demo->worker);
    weir_demo_feed_destroy(demo->feed);
    weir_kafka_embedded_close(demo->embedded);
    weir_loaded_deinit(&demo->loaded);
    free(demo);
    return code;
}

const struct weir_verb weir_verb_demo = {
    "demo",
    "[--rows N] [--seconds S] [--seed K] [--keep] [--json] [--produce BROKERS]",
    "the whole loop in a minute: embedded Kafka, a stream of card payments with two injected drifts",
    0,
    0,
    flags,
    run};
