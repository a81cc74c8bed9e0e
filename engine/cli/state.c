/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: `weir state ls|verify|reset FILE`: the snapshots a pipeline keeps in state.dir. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/task.h"
#include "file/snapshot.h"

static const struct weir_flag flags[] = {
    {"yes", NULL, "reset: really delete"},
    {"set", "path=value", "override a value of the file; may be repeated"},
    {NULL, NULL, NULL}};

struct found {
    int32_t partition;
    int64_t position;
};

struct shelf { /* all snapshots of a pipeline */
    const struct weir_loaded *loaded;
    struct found *items;
    size_t count;
};

static int collect(void *owner, int32_t partition, int64_t position) {
    struct shelf *shelf = owner;
    struct found *items = realloc(shelf->items, (shelf->count + 1) * sizeof *items);
    if (!items) return WEIR_NOMEM;
    shelf->items = items;
    shelf->items[shelf->count++] = (struct found){partition, position};
    return 0;
}

static int by_place(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return x->position < y->position ? 1 : x->position > y->position ? -1 : 0;
}

/* Reads one and loads it into a task of this pipeline; prints its line. True when it is good. */
static bool show(const struct shelf *shelf, const struct found *found) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    struct weir_snapshot_head head;
    struct weir_buffer payload;
    struct weir_error error = {0};
    struct weir_task *task = NULL;
    weir_buffer_init(&payload);
    int result = weir_snapshot_read(pipeline->state.dir, pipeline->name, found->partition, found->position,
                                    &head, &payload, &error);
    if (!result) result = weir_task_restore(shelf->loaded->plan, payload.data, payload.len, &task, &error);
    printf("%9d  %12" PRId64 "  %12zu  ", found->partition, found->position, payload.len);
    if (result)
        printf("BROKEN: %s\n", error.text);
    else
        printf("good, %" PRIu64 " rows, model version %" PRIu64 "\n", weir_task_counts(task)->read,
               weir_task_model_version(task));
    weir_task_destroy(task);
    weir_buffer_deinit(&payload);
    return result == WEIR_OK;
}

static int verify(const struct shelf *shelf) {
    size_t broken = 0;
    printf("partition        offset         bytes  state\n");
    for (size_t i = 0; i < shelf->count; i++) broken += !show(shelf, &shelf->items[i]);
    printf("%zu snapshots, %zu broken\n", shelf->count, broken);
    return broken ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

static int list(const struct shelf *shelf) {
    printf("partition        offset\n");
    for (size_t i = 0; i < shelf->count; i++)
        printf("%9d  %12" PRId64 "\n", shelf->items[i].partition, shelf->items[i].position);
    return WEIR_EXIT_OK;
}

static int reset(const struct shelf *shelf, bool really) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    if (!really) {
        fprintf(stderr,
                "weir state reset: %zu snapshots in %s/%s would be deleted: windows and model start cold. "
                "--yes does it\n",
                shelf->count, pipeline->state.dir, pipeline->name);
        return WEIR_EXIT_USAGE;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        struct weir_error error;
        if (weir_snapshot_delete(pipeline->state.dir, pipeline->name, shelf->items[i].partition,
                                 shelf->items[i].position, &error)) {
            fprintf(stderr, "weir state reset: %s\n", error.text);
            return WEIR_EXIT_IO;
        }
    }
    printf("%zu snapshots deleted\n", shelf->count);
    return WEIR_EXIT_OK;
}

static int act(const struct weir_args *args, const struct weir_loaded *loaded) {
    const char *verb = args->arguments[0];
    struct shelf shelf = {.loaded = loaded};
    if (!loaded->pipeline.state.dir) {
        fprintf(stderr, "weir state: the file names no state.dir\n");
        return WEIR_EXIT_CONFIG;
    }
    int code = WEIR_EXIT_BUG;
    if (!weir_snapshot_each(loaded->pipeline.state.dir, loaded->pipeline.name, &shelf, collect)) {
        if (shelf.count) qsort(shelf.items, shelf.count, sizeof *shelf.items, by_place);
        if (!strcmp(verb, "ls"))
            code = list(&shelf);
        else
            code =
                !strcmp(verb, "verify") ? verify(&shelf) : reset(&shelf, weir_args_get(args, "yes") != NULL);
    }
    free(shelf.items);
    return code;
}

static int run(const struct weir_args *args) {
    static const char *const verbs[] = {"ls", "verify", "reset"};
    const char *verb = args->arguments[0];
    if (strcmp(verb, "ls") && strcmp(verb, "verify") && strcmp(verb, "reset")) {
        const char *near = weir_suggest(verb, verbs, 3);
        fprintf(stderr, "weir state: ls, verify or reset, not '%s'%s%s%s\n", verb,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return WEIR_EXIT_USAGE;
    }
    struct weir_loaded loaded;
    int code = weir_load(args->arguments[1], args, NULL, &loaded);
    weir_loaded_print(&loaded);
    if (!code) code = act(args, &loaded);
    weir_loaded_deinit(&loaded);
    return code;
}

const struct weir_verb weir_verb_state = {"state",
                                          "ls|verify|reset FILE [--yes]",
                                          "lists, checks or deletes the saved state of a pipeline",
                                          2,
                                          2,
                                          flags,
                                          run};
