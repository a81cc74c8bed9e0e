/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c: pauses, bytes and times of page snapshots, digests and restoring.
 *
 * A task with count, sum, min, max over one window of 8 panes per key; every key seen once, then again in
 * random order. One JSON line per size. Times are CPU of this thread, system share included, so that another
 * process on the machine does not look like a pause. `bench_snapshot [KEYS...]`, default 1 M; 10 M keys take
 * 10 GB.
 *   begin, step, end   longest call (ms) over four snapshots; the sink copies the page
 *   batch              longest batch of 512 rows of random keys; copying: while a snapshot owes all pages
 *   held               most bytes in copies then, with a step after each batch
 * Then the same through the at-least-once lane, to files in $TMPDIR:
 *   lane_begin, _turn  longest call (ms) of what the loop does between batches: CPU, and by the clock
 *   lane_visible       from the beginning until the file is there, a batch after each turn, by the clock
 *   lane_save, _restore, whole  by the clock: 1 % changed, at rest, here and now; the way back; the portable
 * form, which is what the loop did in one piece before
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "core/task_snapshot.h"
#include "runtime/snapshots.h"

#define BATCH 512

static const char pipeline_text[] =
    "weir: 1\n"
    "name: bench\n"
    "source:\n"
    "  topic: t\n"
    "  event_time: {field: ts, unit: ms, lateness: 5s}\n"
    "  schema: {card: string, ts: int64, amount: float64}\n"
    "features:\n"
    "  - by: card\n"
    "    panes: 8\n"
    "    columns: {n: count(1h), s: 'sum(amount, 1h)', low: 'min(amount, 1h)', high: 'max(amount, 1h)'}\n"
    "sinks:\n"
    "  features: {topic: f, fields: [card, n]}\n"
    "state: {memory: 32GiB}\n";

static uint64_t random_state = 42;
static uint64_t next_random(void) { /* splitmix64, Steele et al. 2014 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void must(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "bench_snapshot: %s\n", what);
    exit(1);
}

static double wall_ms(void) { return (double)uv_hrtime() * 1e-6; }

static uint64_t row;
enum order { IN_ORDER, RANDOM };

/* The longest batch, in ms. */
static double touch(struct weir_task *task, enum order order, uint64_t rows, uint64_t key_count) {
    static char texts[BATCH][96];
    struct weir_record records[BATCH];
    struct weir_outputs outputs;
    double longest = 0;
    for (uint64_t at = 0; at < rows; at += BATCH) {
        uint32_t count = rows - at < BATCH ? (uint32_t)(rows - at) : BATCH;
        for (uint32_t i = 0; i < count; i++, row++) {
            uint64_t key = order == IN_ORDER ? at + i : next_random() % key_count;
            int len = snprintf(texts[i], sizeof texts[i], "{\"card\":\"c%llu\",\"ts\":%lld,\"amount\":%u}",
                               (unsigned long long)key,
                               1714557600000 + (long long)((double)row * 1e8 / (double)key_count / 10),
                               (unsigned)(next_random() % 10000));
            records[i] = (struct weir_record){.topic = "t",
                                              .offset = (int64_t)row,
                                              .timestamp_ms = WEIR_NO_TIMESTAMP,
                                              .value = {texts[i], (uint32_t)len}};
        }
        double before = cpu_ms();
        must(weir_task_process(task, records, count, &outputs) == WEIR_OK, "no memory");
        double spent = cpu_ms() - before;
        if (spent > longest) longest = spent;
    }
    return longest;
}

struct store {
    unsigned char *bytes; /* pages of group 0, each at its place */
    size_t size, page_bytes;
};

static int keep(void *owner, const struct weir_task_page *page) {
    struct store *store = owner;
    size_t at = page->index * store->page_bytes;
    must(at + page->len <= store->size, "a page lies behind the end");
    memcpy(store->bytes + at, page->bytes, page->len);
    return WEIR_OK;
}

static int bring(void *owner, uint32_t group, uint32_t index, void *into, size_t len,
                 struct weir_error *error) {
    const struct store *store = owner;
    (void)group, (void)error;
    memcpy(into, store->bytes + index * store->page_bytes, len);
    return WEIR_OK;
}

struct pauses {
    double begin, step, end;
};

static void longest(double *most, double since) {
    double spent = cpu_ms() - since;
    if (spent > *most) *most = spent;
}

/* Bytes handed out. `rows` > 0: so many rows of random keys per step; *batch is then the longest batch. */
static uint64_t snapshot(struct weir_task *task, bool full, struct store *store, struct pauses *pauses,
                         uint64_t rows, uint64_t key_count, double *batch, size_t *held) {
    double before = cpu_ms();
    must(!weir_task_snapshot_begin(task, full), "begin");
    longest(&pauses->begin, before);
    const struct weir_task_snapshot *view = weir_task_snapshot(task);
    for (int result = WEIR_AGAIN; result == WEIR_AGAIN;) {
        if (rows) {
            double took = touch(task, RANDOM, rows, key_count);
            if (took > *batch) *batch = took;
            view = weir_task_snapshot(task);
            if (view->held_bytes > *held) *held = view->held_bytes;
        }
        before = cpu_ms();
        result = weir_task_snapshot_step(task, WEIR_TASK_STEP_BYTES, keep, store);
        longest(&pauses->step, before);
        must(result == WEIR_OK || result == WEIR_AGAIN, "step");
    }
    return view->page_bytes;
}

static void end(struct weir_task *task, struct pauses *pauses, struct weir_task_manifest *manifest) {
    free((void *)(uintptr_t)manifest->small);
    free((void *)(uintptr_t)manifest->digests);
    *manifest = weir_task_snapshot(task)->manifest;
    void *small = malloc(manifest->small_len), *digests = malloc(manifest->digest_count * sizeof(uint64_t));
    must(small && digests, "no memory");
    manifest->small = memcpy(small, manifest->small, manifest->small_len);
    manifest->digests = memcpy(digests, manifest->digests, manifest->digest_count * sizeof(uint64_t));
    double before = cpu_ms();
    weir_task_snapshot_end(task, true);
    longest(&pauses->end, before);
}

static double digest(struct weir_task *task, uint32_t parts, uint64_t *value) {
    double before = cpu_ms();
    must(!weir_task_digest_part(task, 0, parts, value), "no memory");
    return cpu_ms() - before;
}

static void make_store(struct store *store, uint32_t page_count, size_t page_bytes) {
    store->page_bytes = page_bytes;
    store->size = (size_t)page_count * page_bytes;
    store->bytes = malloc(store->size);
    must(store->bytes != NULL, "no memory");
    memset(store->bytes, 1, store->size); /* its page faults are not the snapshot's */
}

static int first_page(void *owner, const struct weir_task_page *page) {
    *(size_t *)owner = page->len;
    return WEIR_END;
}

static void run(const struct weir_plan *plan, uint64_t key_count) {
    struct weir_task *task, *restored;
    struct weir_error error;
    struct pauses pauses = {0};
    struct weir_task_manifest manifest = {0};
    struct store store;
    double batch_alone, batch_copying = 0, digests[4];
    uint64_t full, clustered, uniform, value;
    size_t held = 0, page_bytes = 0;
    must(!weir_task_create(plan, 1, &task, &error), "task");
    touch(task, IN_ORDER, key_count, key_count);
    touch(task, RANDOM, key_count / 2, key_count);

    must(!weir_task_snapshot_begin(task, true), "begin");
    must(weir_task_snapshot_step(task, 1, first_page, &page_bytes) == WEIR_END, "first page");
    make_store(&store, weir_task_snapshot(task)->page_counts[0], page_bytes);
    weir_task_snapshot_end(task, false);

    digests[0] = digest(task, 1, &value);
    full = snapshot(task, true, &store, &pauses, 0, 0, NULL, NULL);
    end(task, &pauses, &manifest);
    must(manifest.root == value, "digest and root differ");
    touch(task, IN_ORDER, key_count / 100, key_count);
    clustered = snapshot(task, false, &store, &pauses, 0, 0, NULL, NULL);
    end(task, &pauses, &manifest);
    touch(task, RANDOM, key_count / 100, key_count);
    digests[1] = digest(task, 1, &value);
    digests[2] = digest(task, 1, &value);
    uniform = snapshot(task, false, &store, &pauses, 0, 0, NULL, NULL);
    end(task, &pauses, &manifest);
    touch(task, RANDOM, 20000, key_count);
    digests[3] = digest(task, 64, &value);

    batch_alone = touch(task, RANDOM, 200 * BATCH, key_count);
    snapshot(task, true, &store, &pauses, BATCH, key_count, &batch_copying, &held);
    end(task, &pauses, &manifest);
    weir_task_destroy(task);

    double before = cpu_ms();
    int result = weir_task_restore_pages(plan, &manifest, bring, &store, &restored, &error);
    double restoring = cpu_ms() - before;
    must(result == WEIR_OK, error.text);
    must(!weir_task_digest(restored, &value) && value == manifest.root, "the restored task differs");
    printf(
        "{\"bench\":\"snapshot\",\"keys\":%llu,\"page_bytes\":%zu,\"pages\":%zu,\"begin_ms\":%.3f,"
        "\"step_ms\":%.3f,\"end_ms\":%.3f,\"full_bytes\":%llu,\"clustered_1pc_bytes\":%llu,"
        "\"uniform_1pc_bytes\":%llu,\"digest_all_ms\":%.1f,\"digest_1pc_ms\":%.1f,\"digest_none_ms\":%.2f,"
        "\"digest_part_64_ms\":%.2f,\"batch_ms\":%.2f,\"batch_copying_ms\":%.2f,\"held_bytes\":%zu,"
        "\"restore_ms\":%.0f}\n",
        (unsigned long long)key_count, page_bytes, manifest.digest_count, pauses.begin, pauses.step,
        pauses.end, (unsigned long long)full, (unsigned long long)clustered, (unsigned long long)uniform,
        digests[0], digests[1], digests[2], digests[3], batch_alone, batch_copying, held, restoring);
    fflush(stdout);
    weir_task_destroy(restored);
    free(store.bytes);
    free((void *)(uintptr_t)manifest.small);
    free((void *)(uintptr_t)manifest.digests);
}

/* ---- through the lane ---- */

static void ignore(void *owner) { (void)owner; }

static void most(double *longest, double spent) {
    if (spent > *longest) *longest = spent;
}

static void remove_folder(const char *dir) {
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    must(!system(command), "cannot remove the folder");
}

static void run_lane(struct weir_pipeline *pipeline, const struct weir_plan *plan, uint64_t key_count) {
    char dir[500];
    uv_loop_t loop;
    struct weir_error error;
    struct weir_snapshots *snapshots;
    struct weir_task *task, *restored = NULL;
    double begin = 0, turn_cpu = 0, turn_wall = 0;
    snprintf(dir, sizeof dir, "%s/weir-bench.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    must(mkdtemp(dir) != NULL, "no folder");
    pipeline->state.dir = dir;
    uv_loop_init(&loop);
    const struct weir_snapshots_options options = {plan, 1, &loop, NULL, ignore};
    must(!weir_snapshots_open(&options, &snapshots, &error), "snapshots");
    must(!weir_task_create(plan, 1, &task, &error), "task");
    row = 0;
    touch(task, IN_ORDER, key_count, key_count);

    double before = wall_ms();
    struct weir_state_writer *writer = weir_state_writer_create();
    must(!weir_task_save(task, writer), "no memory");
    double whole = wall_ms() - before;
    weir_state_writer_destroy(writer);

    double since = wall_ms(), cpu = cpu_ms();
    weir_snapshots_take(snapshots, task, 0, (int64_t)row);
    weir_snapshots_committed(snapshots, 0, (int64_t)row);
    most(&begin, cpu_ms() - cpu);
    while (weir_task_snapshot(task)) {
        cpu = cpu_ms();
        before = wall_ms();
        bool more = weir_snapshots_turn(snapshots);
        most(&turn_cpu, cpu_ms() - cpu);
        most(&turn_wall, wall_ms() - before);
        if (more) touch(task, RANDOM, BATCH, key_count);
        uv_run(&loop, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    double visible = wall_ms() - since;
    touch(task, RANDOM, key_count / 100, key_count);
    before = wall_ms();
    weir_snapshots_save(snapshots, task, 0, (int64_t)row);
    double save = wall_ms() - before;
    uint64_t wanted, got;
    must(!weir_task_digest(task, &wanted), "no memory");
    weir_snapshots_drop(snapshots, 0);
    weir_task_destroy(task);
    before = wall_ms();
    must(weir_snapshots_restore(snapshots, 0, (int64_t)row, &restored) == (int64_t)row, "not restored");
    double restoring = wall_ms() - before;
    must(!weir_task_digest(restored, &got) && got == wanted, "the restored task differs");
    printf(
        "{\"bench\":\"snapshot lane\",\"keys\":%llu,\"lane_begin_ms\":%.3f,\"lane_turn_ms\":%.2f,"
        "\"lane_turn_wall_ms\":%.2f,\"lane_visible_ms\":%.0f,\"lane_save_ms\":%.0f,\"lane_restore_ms\":%.0f,"
        "\"whole_ms\":%.0f}\n",
        (unsigned long long)key_count, begin, turn_cpu, turn_wall, visible, save, restoring, whole);
    fflush(stdout);
    weir_task_destroy(restored);
    weir_snapshots_stop(snapshots);
    weir_snapshots_destroy(snapshots);
    uv_loop_close(&loop);
    remove_folder(dir);
}

int main(int argc, char **argv) {
    struct weir_document document = {0};
    struct weir_diags diags = {0};
    struct weir_pipeline pipeline = {0};
    struct weir_plan *plan = NULL;
    weir_document_parse("bench.yaml", pipeline_text, strlen(pipeline_text), &document, &diags);
    if (document.root) {
        weir_pipeline_load(&document, &diags, &pipeline);
        plan = weir_plan_create(&pipeline, NULL, &diags);
    }
    for (uint32_t i = 0; i < diags.count; i++) fprintf(stderr, "%s\n", diags.items[i].text);
    must(plan && !diags.error_count, "the pipeline is wrong");
    for (int i = argc < 2 ? 0 : 1; i < argc; i++) {
        uint64_t key_count = i ? strtoull(argv[i], NULL, 10) : 1000000;
        run(plan, key_count);
        run_lane(&pipeline, plan, key_count);
    }
    weir_plan_destroy(plan);
    weir_diags_deinit(&diags);
    weir_document_deinit(&document);
    return 0;
}
