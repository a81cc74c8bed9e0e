/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a snapshot of pages is exactly what changed since the completed one, as it was at the boundary,
 * whatever is written, handed out, digested or given up in between; and running out of memory loses the
 * snapshot only (R9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/pages.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ /* clang says it this way */
#endif
#endif

static uint64_t random_state;
static uint32_t random_below(uint32_t limit) {
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % limit);
}

/* Slots in one piece of memory, and what the test knows about them. */
struct world {
    struct weir_pages pages;
    unsigned char *slots, *boundary, *restored;
    bool *changed; /* pages, since the completed boundary */
    bool *owed;    /* pages, of the snapshot under way */
    uint32_t count, max, boundary_count;
};

static unsigned char *page_at(const struct world *world, unsigned char *base, uint32_t page) {
    return base + ((size_t)page << world->pages.shift) * world->pages.stride;
}

static void open_world(struct world *world, size_t stride, uint32_t max) {
    memset(world, 0, sizeof *world);
    weir_pages_init(&world->pages, stride);
    world->max = max;
    world->slots = calloc(max, stride);
    world->boundary = calloc(max, stride);
    world->restored = calloc(max, stride);
    world->changed = calloc(max, 1);
    world->owed = calloc(max, 1);
}

static void close_world(struct world *world) {
    weir_pages_deinit(&world->pages);
    free(world->slots), free(world->boundary), free(world->restored);
    free(world->changed), free(world->owed);
}

static void write_slot(struct world *world, uint32_t slot) {
    uint32_t page = slot >> world->pages.shift;
    if (weir_pages_unmarked(&world->pages, page))
        weir_pages_first_write(&world->pages, page, page_at(world, world->slots, page));
    world->slots[slot * world->pages.stride + random_below((uint32_t)world->pages.stride)] ^=
        (unsigned char)(1 + random_below(255));
    world->changed[page] = true;
}

static void write_some(struct world *world) {
    if (world->count < world->max && random_below(3) == 0) {
        assert_true(weir_pages_reserve(&world->pages, world->count + 1));
        write_slot(world, world->count++);
    } else if (world->count) {
        write_slot(world, random_below(world->count));
    }
}

static void begin(struct world *world, bool full) {
    assert_true(weir_pages_begin(&world->pages, world->count, full));
    uint32_t page_count = weir_pages_of(&world->pages, world->count);
    world->boundary_count = world->count;
    memcpy(world->boundary, world->slots, world->count * world->pages.stride);
    for (uint32_t i = 0; i < world->max; i++) {
        world->owed[i] = i < page_count && (full || world->changed[i]);
        world->changed[i] = false;
    }
}

/* Hands one page out. False: nothing is owed. */
static bool hand_out(struct world *world) {
    const struct weir_page_copy *copy;
    size_t looks = 1 + random_below(3);
    uint32_t page = weir_pages_next(&world->pages, &looks, &copy);
    if (page == UINT32_MAX) return !looks;
    const void *bytes = copy ? weir_page_copy_bytes(copy) : page_at(world, world->slots, page);
    size_t len = weir_pages_bytes(&world->pages, page, world->boundary_count);
    assert_true(world->owed[page]);
    assert_memory_equal(bytes, page_at(world, world->boundary, page), len);
    uint64_t digest = weir_pages_digest_owed(&world->pages, page, bytes, copy);
    assert_true(digest == weir_page_hash(bytes, len));
    if (random_below(4) == 0) return true; /* the sink has no room: offered again */
    memcpy(page_at(world, world->restored, page), bytes, len);
    weir_pages_handed(&world->pages, page, copy);
    world->owed[page] = false;
    return true;
}

static void digest_all(struct world *world) {
    weir_pages_next_epoch(&world->pages);
    for (uint32_t i = 0; i < weir_pages_of(&world->pages, world->count); i++) {
        const unsigned char *bytes = page_at(world, world->slots, i);
        size_t len = weir_pages_bytes(&world->pages, i, world->count);
        assert_true(weir_pages_digest(&world->pages, i, bytes, len) == weir_page_hash(bytes, len));
    }
}

static void end(struct world *world, bool completed) {
    for (uint32_t i = 0; i < world->max; i++) {
        if (completed) assert_false(world->owed[i]); /* all that changed has come */
        if (!completed) world->changed[i] = true;    /* at least that; not asked to be exact then */
    }
    if (completed) {
        assert_int_equal(world->pages.held_bytes, 0);
        assert_memory_equal(world->restored, world->boundary, world->boundary_count * world->pages.stride);
        for (uint32_t i = 0; i < weir_pages_of(&world->pages, world->boundary_count); i++)
            assert_true(world->pages.saved[i] ==
                        weir_page_hash(page_at(world, world->boundary, i),
                                       weir_pages_bytes(&world->pages, i, world->boundary_count)));
    }
    weir_pages_end(&world->pages, completed);
    assert_int_equal(world->pages.held_bytes, 0);
}

static void run(size_t stride, uint32_t max, uint64_t seed) {
    struct world world;
    uint32_t completed = 0;
    open_world(&world, stride, max);
    random_state = seed;
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t more = random_below(40); more; more--) write_some(&world);
        bool give_up = completed > 30 && random_below(5) == 0;
        begin(&world, random_below(6) == 0);
        for (uint32_t at = 0; !(give_up && at > 10) && hand_out(&world); at++) {
            for (uint32_t more = random_below(4); more; more--) write_some(&world);
            if (random_below(10) == 0) digest_all(&world);
        }
        end(&world, !give_up);
        completed += !give_up;
        if (give_up) { /* what it owed is not known here to the page: a full one next */
            begin(&world, true);
            while (hand_out(&world)) {
            }
            end(&world, true);
        }
    }
    digest_all(&world);
    close_world(&world);
}

static void test_pages_when_written_while_handed_out_then_they_are_of_the_boundary(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        run(24, 3000, seed);  /* many slots a page */
        run(2000, 300, seed); /* few */
        run(20000, 40, seed); /* one, larger than a page */
    }
}

static void test_pages_when_given_up_then_the_next_owes_it_too(void **state) {
    (void)state;
    struct world world;
    open_world(&world, 2000, 40);
    random_state = 1;
    while (world.count < 40) write_some(&world);
    begin(&world, false);
    while (hand_out(&world)) {
    }
    end(&world, true);
    write_slot(&world, 3);
    begin(&world, false);
    write_slot(&world, 3); /* copied */
    assert_true(world.pages.held_bytes > 0);
    weir_pages_end(&world.pages, false);
    uint32_t handed = 0;
    world.changed[3 >> world.pages.shift] = true;
    begin(&world, false);
    while (hand_out(&world)) handed++;
    assert_true(handed >= 1);
    end(&world, true);
    close_world(&world);
}

static void test_pages_when_forgotten_then_all_is_owed_and_none_of_before(void **state) {
    (void)state;
    struct world world;
    open_world(&world, 2000, 400);
    random_state = 1;
    while (world.count < 400) write_some(&world);
    begin(&world, false);
    while (hand_out(&world)) {
    }
    end(&world, true);
    weir_pages_forget(&world.pages);
    memset(world.changed, 0, world.max);
    for (world.count = 0; world.count < 9;) write_slot(&world, world.count++);
    begin(&world, false);
    while (world.count < 300) write_some(&world); /* pages of before, new ones now */
    while (hand_out(&world)) write_some(&world);
    end(&world, true);
    close_world(&world);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static bool no_memory;
void *__libc_malloc(size_t size);
void *malloc(size_t size);
void *malloc(size_t size) { return no_memory ? NULL : __libc_malloc(size); }

static void test_pages_when_there_is_no_memory_for_a_copy_then_the_snapshot_is_lost(void **state) {
    (void)state;
    struct world world;
    open_world(&world, 2000, 40);
    random_state = 1;
    while (world.count < 40) write_some(&world);
    begin(&world, false);
    write_slot(&world, 0);
    assert_false(world.pages.lost);
    no_memory = true;
    write_slot(&world, 20);
    no_memory = false;
    assert_true(world.pages.lost);
    assert_int_equal(world.pages.held_bytes, 0);
    write_slot(&world, 30);
    weir_pages_end(&world.pages, false);
    begin(&world, true);
    assert_false(world.pages.lost);
    while (hand_out(&world)) {
    }
    end(&world, true);
    close_world(&world);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_when_written_while_handed_out_then_they_are_of_the_boundary),
        cmocka_unit_test(test_pages_when_given_up_then_the_next_owes_it_too),
        cmocka_unit_test(test_pages_when_forgotten_then_all_is_owed_and_none_of_before),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_pages_when_there_is_no_memory_for_a_copy_then_the_snapshot_is_lost),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
