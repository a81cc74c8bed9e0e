/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: `weir state ls|verify|export|reset FILE`: what a pipeline keeps in state.dir.
 *
 * Segments by offset (at least once) and by unit (exactly once); a state may stand on several of them. And
 * what an older weir wrote at least once, a whole state in one file. An item of any is one state of one
 * partition.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/task.h"
#include "file/numbered.h"
#include "file/segments.h"
#include "file/snapshot.h"
#include "runtime/exact_names.h"
#include "runtime/generation.h"

static const struct weir_flag flags[] = {
    {"yes", NULL, "reset: really delete"},
    {"partition", "N", "export: of this partition; needed when there are several"},
    {"out", "F", "export: write the newest good state to this file"},
    {"set", "path=value", "override a value of the file; may be repeated"},
    {NULL, NULL, NULL}};

enum kind { SEGMENT, WHOLE, UNIT };

struct found {
    int32_t partition;
    enum kind kind;
    int64_t at; /* UNIT: its number, else the next offset */
};

struct shelf { /* all that is kept of a pipeline */
    const struct weir_loaded *loaded;
    struct found *items;
    size_t count, unit_count;
    char folder[WEIR_GENERATION_FOLDER_BYTES]; /* of units */
    struct weir_generation_place place;        /* of offsets */
};

static const char *ending(const struct found *found) {
    return found->kind == WHOLE ? WEIR_SNAPSHOT_ENDING : WEIR_SEGMENT_ENDING;
}

static const char *folder(const struct shelf *shelf, const struct found *found) {
    return found->kind == UNIT ? shelf->folder : shelf->loaded->pipeline.name;
}

static int add(struct shelf *shelf, struct found found) {
    struct found *items = realloc(shelf->items, (shelf->count + 1) * sizeof *items);
    if (!items) return WEIR_NOMEM;
    shelf->items = items;
    shelf->items[shelf->count++] = found;
    shelf->unit_count += found.kind == UNIT;
    return 0;
}

static int collect(void *owner, int32_t partition, int64_t position) {
    return add(owner, (struct found){partition, SEGMENT, position});
}

static int collect_whole(void *owner, int32_t partition, int64_t position) {
    return add(owner, (struct found){partition, WHOLE, position});
}

static int collect_unit(void *owner, int32_t task, int64_t unit) {
    return add(owner, (struct found){task, UNIT, unit});
}

static int by_place(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if ((x->kind == UNIT) != (y->kind == UNIT)) return x->kind == UNIT ? 1 : -1;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    if (x->at != y->at) return x->at < y->at ? 1 : -1;
    return x->kind < y->kind ? -1 : 1;
}

static int load_whole(const struct shelf *shelf, const struct found *found, struct weir_task **task,
                      size_t *bytes, struct weir_error *error) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    struct weir_snapshot_head head;
    struct weir_buffer payload;
    weir_buffer_init(&payload);
    int result = weir_snapshot_read(pipeline->state.dir, pipeline->name, found->partition, found->at, &head,
                                    &payload, error);
    if (!result) result = weir_task_restore(shelf->loaded->plan, payload.data, payload.len, task, error);
    *bytes = payload.len;
    weir_buffer_deinit(&payload);
    return result;
}

static size_t segment_bytes(const struct shelf *shelf, const struct found *found) {
    struct weir_segment_view view;
    if (weir_segment_view_open(shelf->loaded->pipeline.state.dir, folder(shelf, found), found->partition,
                               (uint64_t)found->at, &view, NULL))
        return 0;
    size_t bytes = view.map_len;
    weir_segment_view_close(&view);
    return bytes;
}

static int load_segment(const struct shelf *shelf, const struct found *found, struct weir_task **task,
                        struct weir_error *error) {
    struct weir_manifest manifest;
    int result =
        weir_generation_manifest(&shelf->place, found->partition, (uint64_t)found->at, &manifest, error);
    return result ? result
                  : weir_generation_read(&shelf->place, found->partition, &manifest, shelf->loaded->plan,
                                         task, error);
}

/* Into a task of this pipeline. bytes: of the one file. */
static int load(const struct shelf *shelf, const struct found *found, struct weir_task **task, size_t *bytes,
                struct weir_error *error) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    *task = NULL;
    if (found->kind == WHOLE) return load_whole(shelf, found, task, bytes, error);
    *bytes = segment_bytes(shelf, found);
    if (found->kind == SEGMENT) return load_segment(shelf, found, task, error);
    return weir_generation_read_kept(pipeline->state.dir, pipeline->name, found->partition,
                                     (uint64_t)found->at, shelf->loaded->plan, task, error);
}

static const char *kind(const struct found *found) { return found->kind == UNIT ? "unit" : "offset"; }

/* A heading before the first of each kind. */
static void head_line(const struct shelf *shelf, size_t i, const char *more) {
    if (i && (shelf->items[i - 1].kind == UNIT) == (shelf->items[i].kind == UNIT)) return;
    printf("partition  %12s%s\n", kind(&shelf->items[i]), more);
}

/* Prints its line. True when it is good. */
static bool show(const struct shelf *shelf, const struct found *found) {
    struct weir_error error = {0};
    struct weir_task *task;
    size_t bytes = 0;
    int result = load(shelf, found, &task, &bytes, &error);
    printf("%9d  %12" PRId64 "  %12zu  ", found->partition, found->at, bytes);
    if (result)
        printf("BROKEN: %s\n", error.text);
    else
        printf("good, %" PRIu64 " rows read, %" PRIu64 " applied, model version %" PRIu64 "\n",
               weir_task_counts(task)->read, weir_task_counts(task)->applied, weir_task_model_version(task));
    weir_task_destroy(task);
    return result == WEIR_OK;
}

static int verify(const struct shelf *shelf) {
    size_t broken = 0;
    for (size_t i = 0; i < shelf->count; i++) {
        head_line(shelf, i, "         bytes  state");
        broken += !show(shelf, &shelf->items[i]);
    }
    printf("%zu snapshots, %zu broken\n", shelf->count, broken);
    if (shelf->unit_count)
        printf("units are checked against themselves; against the journal only when the pipeline starts\n");
    return broken ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

static int list(const struct shelf *shelf) {
    if (!shelf->count) printf("partition        offset\n");
    for (size_t i = 0; i < shelf->count; i++) {
        head_line(shelf, i, "");
        printf("%9d  %12" PRId64 "\n", shelf->items[i].partition, shelf->items[i].at);
    }
    return WEIR_EXIT_OK;
}

/* ---- export ---- */

/* The partition asked for, or the only one. -1: said why not. */
static int32_t partition_of(const struct shelf *shelf, const struct weir_args *args) {
    int64_t asked = weir_args_count(args, "partition", -2);
    if (asked == -1) return -1;
    for (size_t i = 1; asked == -2 && i < shelf->count; i++) {
        if (shelf->items[i].partition == shelf->items[0].partition) continue;
        fprintf(stderr, "weir state export: there are several partitions: --partition N says which\n");
        return -1;
    }
    if (asked >= 0) return asked > INT32_MAX ? -1 : (int32_t)asked;
    return shelf->count ? shelf->items[0].partition : 0;
}

/* The newest good one of the kind that this pipeline writes now; what is passed over is said. */
static const struct found *newest_good(const struct shelf *shelf, int32_t partition,
                                       struct weir_task **task) {
    bool units = weir_pipeline_is_exact(&shelf->loaded->pipeline);
    for (size_t i = 0; i < shelf->count; i++) {
        const struct found *found = &shelf->items[i];
        struct weir_error error;
        size_t bytes;
        if (found->partition != partition || (found->kind == UNIT) != units) continue;
        if (!load(shelf, found, task, &bytes, &error)) return found;
        fprintf(stderr, "weir state export: %s %" PRId64 " is passed over: %s\n", kind(found), found->at,
                error.text);
    }
    return NULL;
}

static int write_out(const struct shelf *shelf, const struct found *found, const struct weir_task *task,
                     const char *path) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    struct weir_snapshot_head head = {.partition = found->partition,
                                      .position = found->kind == UNIT ? -1 : found->at};
    struct weir_state_writer *writer = weir_state_writer_create();
    struct weir_error error = {0};
    size_t len = 0;
    snprintf(head.pipeline, sizeof head.pipeline, "%s", pipeline->name);
    snprintf(head.topic, sizeof head.topic, "%s", pipeline->source.topic.text);
    int result = writer ? weir_task_save(task, writer) : WEIR_NOMEM;
    const void *bytes = result ? NULL : weir_state_writer_bytes(writer, &len);
    if (!result) result = weir_snapshot_export(path, &head, bytes, len, &error);
    if (writer) weir_state_writer_destroy(writer);
    if (result) {
        fprintf(stderr, "weir state export: %s\n", error.text[0] ? error.text : weir_result_name(result));
        return WEIR_EXIT_IO;
    }
    printf("partition %d, %s %" PRId64 ", %" PRIu64 " rows: %zu bytes to %s\n", found->partition, kind(found),
           found->at, weir_task_counts(task)->read, len, path);
    return WEIR_EXIT_OK;
}

static int export_newest(const struct shelf *shelf, const struct weir_args *args) {
    const char *path = weir_args_get(args, "out");
    struct weir_task *task = NULL;
    if (!path || !*path) {
        fprintf(stderr, "weir state export: --out F says where to\n");
        return WEIR_EXIT_USAGE;
    }
    int32_t partition = partition_of(shelf, args);
    if (partition < 0) return WEIR_EXIT_USAGE;
    const struct found *found = newest_good(shelf, partition, &task);
    if (!found) {
        fprintf(stderr, "weir state export: partition %d has no good state in %s\n", partition,
                shelf->loaded->pipeline.state.dir);
        return WEIR_EXIT_FAILED;
    }
    int code = write_out(shelf, found, task, path);
    weir_task_destroy(task);
    return code;
}

/* ---- reset ---- */

/* Files are a cache of what the cluster has: deleting them alone makes nothing cold. */
static void tell_what_remains(const struct weir_pipeline *pipeline) {
    struct weir_exact_names names;
    weir_exact_names_make(pipeline, NULL, &names);
    printf(
        "the topics %s and %s and the offsets of group %s remain: the next start restores from them. To "
        "start "
        "cold, give the pipeline a new source.group\n",
        names.journal, names.snapshots, pipeline->source.group);
}

static int reset(const struct shelf *shelf, bool really) {
    const struct weir_pipeline *pipeline = &shelf->loaded->pipeline;
    bool exact = weir_pipeline_is_exact(pipeline);
    if (!really) {
        fprintf(stderr, "weir state reset: %zu snapshots in %s/%s would be deleted%s. --yes does it\n",
                shelf->count, pipeline->state.dir, exact ? shelf->folder : pipeline->name,
                exact ? "" : ": windows and model start cold");
        return WEIR_EXIT_USAGE;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        const struct found *found = &shelf->items[i];
        struct weir_error error;
        if (weir_numbered_delete(pipeline->state.dir, folder(shelf, found), ending(found), found->partition,
                                 found->at, &error)) {
            fprintf(stderr, "weir state reset: %s\n", error.text);
            return WEIR_EXIT_IO;
        }
    }
    printf("%zu snapshots deleted\n", shelf->count);
    if (exact) tell_what_remains(pipeline);
    return WEIR_EXIT_OK;
}

/* ---- the verb ---- */

static int act(const struct weir_args *args, const struct weir_loaded *loaded) {
    const struct weir_pipeline *pipeline = &loaded->pipeline;
    struct shelf shelf = {.loaded = loaded};
    if (!pipeline->state.dir) {
        fprintf(stderr, "weir state: the file names no state.dir\n");
        return WEIR_EXIT_CONFIG;
    }
    weir_generation_folder(pipeline->name, shelf.folder, sizeof shelf.folder);
    shelf.place = (struct weir_generation_place){
        .dir = pipeline->state.dir, .pipeline = pipeline->name, .input = pipeline->source.topic.text};
    const char *dir = pipeline->state.dir;
    int code = WEIR_EXIT_BUG;
    if (!weir_numbered_each(dir, pipeline->name, WEIR_SEGMENT_ENDING, &shelf, collect) &&
        !weir_numbered_each(dir, pipeline->name, WEIR_SNAPSHOT_ENDING, &shelf, collect_whole) &&
        !weir_numbered_each(dir, shelf.folder, WEIR_SEGMENT_ENDING, &shelf, collect_unit)) {
        if (shelf.count) qsort(shelf.items, shelf.count, sizeof *shelf.items, by_place);
        switch (args->arguments[0][0]) {
            case 'l':
                code = list(&shelf);
                break;
            case 'v':
                code = verify(&shelf);
                break;
            case 'e':
                code = export_newest(&shelf, args);
                break;
            default:
                code = reset(&shelf, weir_args_get(args, "yes") != NULL);
                break;
        }
    }
    free(shelf.items);
    return code;
}

static bool is_known(const char *verb, const char *const *verbs, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(verb, verbs[i])) return true;
    return false;
}

static int run(const struct weir_args *args) {
    static const char *const verbs[] = {"ls", "verify", "export", "reset"}; /* told apart by a letter */
    const char *verb = args->arguments[0];
    if (!is_known(verb, verbs, 4)) {
        const char *near = weir_suggest(verb, verbs, 4);
        fprintf(stderr, "weir state: ls, verify, export or reset, not '%s'%s%s%s\n", verb,
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
                                          "ls|verify|export|reset FILE [--yes] [--partition N --out F]",
                                          "lists, checks, exports or deletes the saved state of a pipeline",
                                          2,
                                          2,
                                          flags,
                                          run};
