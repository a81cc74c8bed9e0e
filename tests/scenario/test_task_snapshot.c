/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a snapshot taken in small steps while the task goes on is the state of its boundary, bit for bit
 * (R9); what it hands out is what changed; damage is refused by page; digests depend on the state alone
 * (R11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/keyspace.h"
#include "core/task_snapshot.h"
#include "core/task_state.h"
#include "support/pipeline.h"

/* Three groups: cards of which some are forgotten, cards by shop, and one window over everything. */
#define HEAD                                                                             \
    "weir: 1\n"                                                                          \
    "name: cards\n"                                                                      \
    "source:\n"                                                                          \
    "  topic: t\n"                                                                       \
    "  key: card\n"                                                                      \
    "  event_time: {field: ts, unit: ms, lateness: 5s}\n"                                \
    "  schema: {card: string, shop: int64, ts: int64, amount: float64, label: int64?}\n" \
    "labels: {field: label}\n"
#define CARDS        \
    "  - by: card\n" \
    "    columns: {n10: count(10m), mean60: 'mean(amount, 1h)', max60: 'max(amount, 1h)'}\n"
#define SHOPS                \
    "  - by: [card, shop]\n" \
    "    columns: {n_shop: count(1h)}\n"
#define ALL "  - columns: {n_all: count(10m)}\n"
#define TAIL(memory)                                                                    \
    "model:\n"                                                                          \
    "  learner: logistic_regression\n"                                                  \
    "  inputs: [amount, n10, n_shop, n_all]\n"                                          \
    "  evaluate: {metrics: [accuracy], window: 100}\n"                                  \
    "drift:\n"                                                                          \
    "  - {name: errors, watch: model.error, detector: adwin, then: [alert, reset]}\n"   \
    "state: {memory: " memory                                                           \
    "}\n"                                                                               \
    "sinks:\n"                                                                          \
    "  predictions: {topic: p, fields: [card, ts, score, n10, n_shop, n_all, max60]}\n" \
    "dead_letter: {topic: d}\n"
static const char tight_text[] = HEAD "features:\n" CARDS SHOPS ALL TAIL("3MiB");
static const char roomy_text[] = HEAD "features:\n" CARDS SHOPS ALL TAIL("256MiB");
static const char reordered_text[] = HEAD "features:\n" ALL SHOPS CARDS TAIL("3MiB");

static uint64_t random_state;
static uint64_t random_next(void) {
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

#define BATCH 200

/* The n-th batch is the same whenever it is asked for. Old cards come again, new ones come all the time. */
static void process(struct weir_task *task, uint64_t n, struct weir_buffer *out) {
    static char texts[BATCH][200];
    struct weir_record records[BATCH];
    uint64_t saved = random_state;
    random_state = n * 7919 + 5;
    for (uint32_t i = 0; i < BATCH; i++) {
        uint64_t r = random_next(), newest = n * 40 + 50;
        uint64_t card = r % 3 ? newest - (r >> 8) % (newest < 60 ? newest : 60) : (r >> 8) % newest;
        double amount = (double)((r >> 40) % 10000) / 100;
        snprintf(texts[i], sizeof texts[i],
                 "{\"card\":\"c%llu\",\"shop\":%d,\"ts\":%lld,\"amount\":%.2f,\"label\":%d}",
                 (unsigned long long)card, (int)((r >> 33) % 3),
                 1700000000000 + (long long)(n * BATCH + i) * 500 - (long long)((r >> 50) % 4000), amount,
                 amount > 50);
        records[i] = test_record(texts[i], (int64_t)(n * BATCH + i));
    }
    random_state = saved;
    weir_task_tick(task, 1700000000000 + (int64_t)n * BATCH * 500);
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, records, BATCH, &outputs), WEIR_OK);
    for (uint32_t i = 0; out && i < outputs.record_count; i++)
        weir_buffer_append(out, outputs.records[i].value.data, outputs.records[i].value.len);
}

static struct weir_task *new_task(const struct test_pipeline *test) {
    struct weir_task *task = NULL;
    struct weir_error error;
    assert_int_equal(weir_task_create(test->plan, 1, &task, &error), WEIR_OK);
    return task;
}

static void assert_equal_states(const struct weir_task *a, const struct weir_task *b) {
    struct weir_state_writer *x = weir_state_writer_create(), *y = weir_state_writer_create();
    size_t x_len, y_len;
    assert_int_equal(weir_task_save(a, x), WEIR_OK);
    assert_int_equal(weir_task_save(b, y), WEIR_OK);
    const void *x_bytes = weir_state_writer_bytes(x, &x_len), *y_bytes = weir_state_writer_bytes(y, &y_len);
    assert_int_equal(x_len, y_len);
    assert_memory_equal(x_bytes, y_bytes, x_len);
    weir_state_writer_destroy(x), weir_state_writer_destroy(y);
}

/* --- where pages go: all ever handed out, the newest of each number found by its digest ------------------
 */

#define GROUPS 3
#define PAGES 4096
struct store {
    unsigned char *pages[GROUPS][PAGES];
    size_t lens[GROUPS][PAGES];
    struct weir_task_manifest manifest; /* a copy of the newest */
    uint32_t counts[GROUPS];
    uint64_t bytes;     /* handed out by the newest snapshot */
    uint32_t refuse_in; /* the sink has no room at so many pages from now; 0 = never */
};

static int keep(void *owner, const struct weir_task_page *page) {
    struct store *store = owner;
    if (store->refuse_in && !--store->refuse_in) return WEIR_IO;
    assert_true(page->group < GROUPS && page->index < PAGES);
    assert_true(weir_page_hash(page->bytes, page->len) == page->digest);
    free(store->pages[page->group][page->index]);
    store->pages[page->group][page->index] = malloc(page->len);
    memcpy(store->pages[page->group][page->index], page->bytes, page->len);
    store->lens[page->group][page->index] = page->len;
    return WEIR_OK;
}

static void close_store(struct store *store) {
    for (uint32_t i = 0; i < GROUPS; i++)
        for (uint32_t j = 0; j < PAGES; j++) free(store->pages[i][j]);
    free((void *)(uintptr_t)store->manifest.small);
    free((void *)(uintptr_t)store->manifest.digests);
    free(store);
}

static void *copy_of(const void *bytes, size_t len) {
    void *copy = malloc(len + 1);
    memcpy(copy, bytes, len);
    return copy;
}

static void complete(struct weir_task *task, struct store *store) {
    const struct weir_task_snapshot *snapshot = weir_task_snapshot(task);
    assert_true(snapshot->done);
    assert_int_equal(snapshot->held_bytes, 0);
    assert_int_equal(snapshot->group_count, GROUPS);
    free((void *)(uintptr_t)store->manifest.small);
    free((void *)(uintptr_t)store->manifest.digests);
    store->manifest = snapshot->manifest;
    store->manifest.small = copy_of(snapshot->manifest.small, snapshot->manifest.small_len);
    store->manifest.digests = copy_of(snapshot->manifest.digests, snapshot->manifest.digest_count * 8);
    memcpy(store->counts, snapshot->page_counts, sizeof store->counts);
    store->bytes = snapshot->page_bytes;
    weir_task_snapshot_end(task, true);
    assert_null(weir_task_snapshot(task));
}

static void snapshot_at_once(struct weir_task *task, bool full, struct store *store) {
    assert_int_equal(weir_task_snapshot_begin(task, full), WEIR_OK);
    assert_int_equal(weir_task_snapshot_step(task, SIZE_MAX / 2, keep, store), WEIR_OK);
    complete(task, store);
}

static int read_page(void *owner, uint32_t group, uint32_t index, void *into, size_t len,
                     struct weir_error *error) {
    struct store *store = owner;
    (void)error;
    assert_int_equal(store->lens[group][index], len);
    memcpy(into, store->pages[group][index], len);
    return WEIR_OK;
}

static struct weir_task *restore(const struct test_pipeline *test, struct store *store) {
    struct weir_task *task;
    struct weir_error error = {0};
    int result = weir_task_restore_pages(test->plan, &store->manifest, read_page, store, &task, &error);
    if (result) print_error("%s\n", error.text);
    assert_int_equal(result, WEIR_OK);
    return task;
}

static uint64_t digest_of(struct weir_task *task) {
    uint64_t digest;
    assert_int_equal(weir_task_digest(task, &digest), WEIR_OK);
    return digest;
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

/* Snapshots in tiny steps with batches and digests in between; some lost half-way, some sinks full. The
 * reference follows to each boundary and stops there. */
static void run_random(const char *text, uint64_t seed, bool forgets) {
    struct test_pipeline test;
    test_pipeline_open(&test, text);
    assert_non_null(test.plan);
    struct weir_task *task = new_task(&test), *reference = new_task(&test);
    struct store *store = calloc(1, sizeof *store);
    uint64_t n = 0, reached = 0;
    uint32_t completed = 0, copies = 0;
    random_state = seed;
    for (uint32_t round = 0; round < 12; round++) {
        for (uint64_t more = random_next() % 40; more; more--) process(task, n++, NULL);
        for (; reached < n; reached++) process(reference, reached, NULL);
        bool full = random_next() % 5 == 0, give_up = random_next() % 4 == 0;
        assert_int_equal(weir_task_snapshot_begin(task, full), WEIR_OK);
        size_t budget = random_next() % 2 ? 1 + random_next() % 40000 : 1 + random_next() % 2000000;
        int result = WEIR_AGAIN;
        for (uint32_t steps = 0; result && !(give_up && steps > 20); steps++) {
            store->refuse_in = random_next() % 3 ? 0 : 1 + (uint32_t)(random_next() % 3);
            result = weir_task_snapshot_step(task, budget, keep, store);
            assert_true(result == WEIR_OK || result == WEIR_AGAIN ||
                        (result == WEIR_IO && !store->refuse_in));
            if (steps % 8 == 0) process(task, n++, NULL);
            copies += weir_task_snapshot(task)->held_bytes > 0;
            if (random_next() % 9 == 0) digest_of(task);
        }
        store->refuse_in = 0;
        if (result) {
            weir_task_snapshot_end(task, false);
            continue;
        }
        complete(task, store);
        completed++;
        struct weir_task *restored = restore(&test, store);
        assert_equal_states(restored, reference);
        assert_true(digest_of(restored) == store->manifest.root);
        assert_true(digest_of(reference) == store->manifest.root);
        /* and it goes on as the one that never stopped */
        struct weir_buffer a, b;
        weir_buffer_init(&a), weir_buffer_init(&b);
        for (uint32_t i = 0; i < 5; i++) {
            process(restored, reached, &a);
            process(reference, reached++, &b);
        }
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        weir_buffer_deinit(&a), weir_buffer_deinit(&b);
        assert_equal_states(restored, reference);
        assert_true(digest_of(restored) == digest_of(reference));
        for (; n < reached; n++) process(task, n, NULL);
        if (random_next() % 3 == 0 && n == reached) { /* go on with the restored one */
            weir_task_destroy(task);
            task = restored;
        } else {
            weir_task_destroy(restored);
        }
    }
    assert_true(completed >= 4 && copies >= 4);
    struct weir_features_stats stats;
    weir_features_stats(task->features, &stats);
    assert_int_equal(stats.forgotten_key_count > 1000, forgets);
    weir_task_destroy(task), weir_task_destroy(reference);
    close_store(store);
    test_pipeline_close(&test);
}

static void test_task_snapshot_when_stepped_while_working_then_it_is_the_boundary(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_random(tight_text, seed, true);
        run_random(roomy_text, seed, false);
    }
}

static void test_task_snapshot_when_little_changed_then_little_is_handed_out(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, roomy_text);
    struct weir_task *task = new_task(&test);
    struct store *store = calloc(1, sizeof *store);
    uint64_t n = 0, all = 0;
    for (; n < 150; n++) process(task, n, NULL);
    snapshot_at_once(task, false, store);
    all = store->bytes;
    size_t live = 0;
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct weir_keyspace_scalars scalars;
        weir_keyspace_scalars(weir_features_keyspace(task->features, i), &scalars);
        live += (size_t)scalars.count * scalars.stride;
    }
    assert_int_equal(all, live); /* what is live and nothing else */
    snapshot_at_once(task, false, store);
    assert_int_equal(store->bytes, 0);
    struct weir_record one =
        test_record("{\"card\":\"c9\",\"shop\":1,\"ts\":1700015000000,\"amount\":5,\"label\":1}", 1);
    struct weir_outputs outputs;
    assert_int_equal(weir_task_process(task, &one, 1, &outputs), WEIR_OK);
    snapshot_at_once(task, false, store);
    assert_true(store->bytes > 0 && store->bytes <= GROUPS * WEIR_PAGE_BYTES);
    snapshot_at_once(task, true, store);
    assert_true(store->bytes >= all);
    /* abandoned: what it owed is owed by the next */
    assert_int_equal(weir_task_process(task, &one, 1, &outputs), WEIR_OK);
    assert_int_equal(weir_task_snapshot_begin(task, false), WEIR_OK);
    assert_int_equal(weir_task_snapshot_step(task, SIZE_MAX / 2, keep, store), WEIR_OK);
    weir_task_snapshot_end(task, false);
    snapshot_at_once(task, false, store);
    assert_true(store->bytes > 0 && store->bytes <= GROUPS * WEIR_PAGE_BYTES);
    /* restored: it goes on from there */
    struct weir_task *restored = restore(&test, store);
    snapshot_at_once(restored, false, store);
    assert_int_equal(store->bytes, 0);
    assert_true(digest_of(restored) == digest_of(task));
    weir_task_destroy(task), weir_task_destroy(restored);
    close_store(store);
    test_pipeline_close(&test);
}

static void refuse(const struct test_pipeline *test, struct store *store, int expected, const char *why) {
    struct weir_task *task;
    struct weir_error error = {0};
    int result = weir_task_restore_pages(test->plan, &store->manifest, read_page, store, &task, &error);
    assert_int_equal(result, expected);
    assert_null(task);
    if (!strstr(error.text, why)) fail_msg("'%s' does not say '%s'", error.text, why);
}

static void test_task_snapshot_when_a_byte_is_wrong_then_its_page_is_named(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, tight_text);
    struct weir_task *task = new_task(&test);
    struct store *store = calloc(1, sizeof *store);
    for (uint64_t n = 0; n < 4; n++) process(task, n, NULL);
    snapshot_at_once(task, false, store);
    char why[64];
    for (uint32_t i = 0; i < GROUPS; i++)
        for (uint32_t j = 0; j < store->counts[i]; j++)
            for (size_t at = 0; at < store->lens[i][j]; at += 1 + store->lens[i][j] / 97) {
                store->pages[i][j][at] ^= (unsigned char)(1 << at % 8);
                snprintf(why, sizeof why, "page %u of group %u", (unsigned)j, (unsigned)i);
                refuse(&test, store, WEIR_DATA, why);
                store->pages[i][j][at] ^= (unsigned char)(1 << at % 8);
            }
    unsigned char *small = (void *)(uintptr_t)store->manifest.small;
    for (size_t at = 0; at < store->manifest.small_len; at++) {
        small[at] ^= 4;
        refuse(&test, store, WEIR_DATA, "small piece");
        /* with a root that fits, too, nothing may go wrong but the result */
        struct weir_task_manifest forged = store->manifest;
        forged.root = weir_task_manifest_root(&forged);
        struct weir_task_restore *begun;
        struct weir_error error;
        if (!weir_task_restore_begin(test.plan, &forged, &begun, &error)) weir_task_restore_abandon(begun);
        small[at] ^= 4;
    }
    weir_task_destroy(restore(&test, store)); /* still whole */
    weir_task_destroy(task);
    close_store(store);
    test_pipeline_close(&test);
}

static void test_task_snapshot_when_pages_come_in_any_order_then_it_is_the_same(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, tight_text);
    struct weir_task *task = new_task(&test), *restored;
    struct store *store = calloc(1, sizeof *store);
    struct weir_task_restore *begun;
    struct weir_error error = {0};
    for (uint64_t n = 0; n < 60; n++) process(task, n, NULL);
    snapshot_at_once(task, false, store);
    assert_int_equal(weir_task_restore_begin(test.plan, &store->manifest, &begun, &error), WEIR_OK);
    for (uint32_t i = GROUPS; i--;)
        for (uint32_t j = store->counts[i]; j--;)
            assert_int_equal(
                weir_task_restore_page(begun, i, j, store->pages[i][j], store->lens[i][j], &error), WEIR_OK);
    assert_int_equal(weir_task_restore_page(begun, 0, 0, store->pages[0][0], store->lens[0][0], &error),
                     WEIR_DATA);
    assert_non_null(strstr(error.text, "comes twice"));
    assert_int_equal(weir_task_restore_end(begun, &restored, &error), WEIR_OK);
    assert_equal_states(task, restored);
    assert_true(digest_of(task) == digest_of(restored));
    weir_task_destroy(restored);

    assert_int_equal(weir_task_restore_begin(test.plan, &store->manifest, &begun, &error), WEIR_OK);
    for (uint32_t i = 0; i < GROUPS; i++)
        for (uint32_t j = 0; j < store->counts[i]; j++)
            if (i != 1 || j != 1)
                assert_int_equal(
                    weir_task_restore_page(begun, i, j, store->pages[i][j], store->lens[i][j], &error),
                    WEIR_OK);
    assert_int_equal(weir_task_restore_page(begun, 1, 1, store->pages[1][1], 8, &error), WEIR_DATA);
    assert_int_equal(weir_task_restore_page(begun, 3, 0, store->pages[1][1], 8, &error), WEIR_DATA);
    assert_int_equal(weir_task_restore_page(begun, 1, store->counts[1], store->pages[1][1], 8, &error),
                     WEIR_DATA);
    assert_int_equal(weir_task_restore_end(begun, &restored, &error), WEIR_DATA);
    assert_non_null(strstr(error.text, "page 1 of group 1 is missing"));
    assert_null(restored);
    weir_task_destroy(task);
    close_store(store);
    test_pipeline_close(&test);
}

static void test_task_snapshot_when_the_pipeline_differs_then_it_is_refused(void **state) {
    (void)state;
    static const char fewer[] =
        HEAD "features:\n" CARDS SHOPS "  - columns: {n_all: count(20m)}\n" TAIL("3MiB");
    static const char small_memory[] = HEAD "features:\n" CARDS SHOPS ALL TAIL("1MiB");
    struct test_pipeline test, other;
    test_pipeline_open(&test, tight_text);
    struct weir_task *task = new_task(&test);
    struct store *store = calloc(1, sizeof *store);
    for (uint64_t n = 0; n < 150; n++) process(task, n, NULL);
    snapshot_at_once(task, false, store);
    test_pipeline_open(&other, fewer);
    refuse(&other, store, WEIR_DATA, "windows that this pipeline does not have");
    test_pipeline_close(&other);
    test_pipeline_open(&other, small_memory);
    refuse(&other, store, WEIR_LIMIT, "more keys than");
    test_pipeline_close(&other);
    /* the order of the file is no difference */
    test_pipeline_open(&other, reordered_text);
    struct weir_task *restored = restore(&other, store);
    assert_true(digest_of(restored) == store->manifest.root);
    weir_task_destroy(restored), weir_task_destroy(task);
    test_pipeline_close(&other);
    close_store(store);
    test_pipeline_close(&test);
}

static void test_task_digest_when_parts_are_asked_then_each_change_shows_in_one(void **state) {
    (void)state;
    struct test_pipeline test;
    test_pipeline_open(&test, roomy_text);
    struct weir_task *a = new_task(&test), *b = new_task(&test);
    for (uint64_t n = 0; n < 80; n++) {
        uint64_t x, y;
        process(a, n, NULL), process(b, n, NULL);
        assert_int_equal(weir_task_digest_part(a, (uint32_t)(n % 4), 4, &x), WEIR_OK);
        assert_int_equal(weir_task_digest_part(b, (uint32_t)(n % 4), 4, &y), WEIR_OK);
        assert_true(x == y);
        if (n % 7 == 0) digest_of(a);
    }
    /* one bit of a slot, marked as any change is */
    struct weir_keyspace *keys = weir_features_keyspace(b->features, 1);
    struct weir_key key;
    bool again, added;
    weir_keyspace_at(keys, 77, &key, &again);
    unsigned char *slot = weir_keyspace_add(keys, key, &added);
    slot[40] ^= 1;
    uint32_t differ = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t x, y;
        assert_int_equal(weir_task_digest_part(a, i, 4, &x), WEIR_OK);
        assert_int_equal(weir_task_digest_part(b, i, 4, &y), WEIR_OK);
        differ += x != y;
    }
    assert_int_equal(differ, 1);
    assert_true(digest_of(a) != digest_of(b));
    weir_task_destroy(a), weir_task_destroy(b);
    test_pipeline_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_snapshot_when_stepped_while_working_then_it_is_the_boundary),
        cmocka_unit_test(test_task_snapshot_when_little_changed_then_little_is_handed_out),
        cmocka_unit_test(test_task_snapshot_when_a_byte_is_wrong_then_its_page_is_named),
        cmocka_unit_test(test_task_snapshot_when_pages_come_in_any_order_then_it_is_the_same),
        cmocka_unit_test(test_task_snapshot_when_the_pipeline_differs_then_it_is_refused),
        cmocka_unit_test(test_task_digest_when_parts_are_asked_then_each_change_shows_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
