/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/keyspace.h"

static struct weir_key key_of(const struct weir_keyspace *keys, uint32_t i) {
    char text[16];
    int len = snprintf(text, sizeof text, "key-%u", (unsigned)i);
    return weir_keyspace_hash(keys, text, (size_t)len);
}

static uint64_t *put(struct weir_keyspace *keys, uint32_t i, bool *added) {
    uint64_t *slot = weir_keyspace_add(keys, key_of(keys, i), added);
    assert_non_null(slot);
    if (*added) {
        for (int j = 0; j < 5; j++) assert_int_equal(slot[j], 0);
        slot[0] = i;
        slot[4] = ~(uint64_t)i;
    }
    return slot;
}

static void test_keyspace_when_it_grows_then_slots_stay_and_order_is_kept(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    struct weir_keyspace *keys = weir_keyspace_create(40, UINT32_MAX, 7);
    assert_non_null(keys);
    bool added;
    uint64_t *first = put(keys, 0, &added);
    for (uint32_t i = 0; i < COUNT; i++) {
        put(keys, i, &added);
        assert_int_equal(added, i > 0);
    }
    assert_int_equal(weir_keyspace_count(keys), COUNT);
    assert_ptr_equal(first, weir_keyspace_find(keys, key_of(keys, 0)));
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t *slot = weir_keyspace_find(keys, key_of(keys, i));
        assert_non_null(slot);
        assert_int_equal(slot[0], i);
        assert_int_equal(slot[4], ~(uint64_t)i);
        assert_null(weir_keyspace_find(keys, key_of(keys, COUNT + i)));
        struct weir_key key;
        bool again;
        assert_ptr_equal(weir_keyspace_at(keys, i, &key, &again), slot);
        assert_int_equal(again, i == 0); /* the rest was added once */
    }
    assert_true((double)weir_keyspace_bytes(keys) / COUNT <= (double)weir_keyspace_key_bytes(40) * 1.05);
    weir_keyspace_destroy(keys);
}

/* Past 16 MiB chunks are cut from larger regions: no two may overlap, none may be cut short. */
static void test_keyspace_when_large_then_every_slot_is_whole(void **state) {
    (void)state;
    enum { COUNT = 9000, BYTES = 3000 };
    struct weir_keyspace *keys = weir_keyspace_create(BYTES, UINT32_MAX, 7);
    assert_non_null(keys);
    bool added;
    for (uint32_t i = 0; i < COUNT; i++) memset(put(keys, i, &added), (int)(i % 251), BYTES);
    unsigned char expected[BYTES];
    for (uint32_t i = 0; i < COUNT; i++) {
        struct weir_key key = key_of(keys, i);
        unsigned char *slot = weir_keyspace_find(keys, key);
        memset(expected, (int)(i % 251), BYTES);
        assert_memory_equal(slot, expected, BYTES);
        /* a guess is the slot, another's or none; found with it is found */
        uint32_t number = UINT32_MAX;
        void *guess = weir_keyspace_guess(keys, key, BYTES, &number),
             *other = weir_keyspace_find(keys, key_of(keys, 0));
        assert_ptr_equal(weir_keyspace_find_guessed(keys, key, guess, &number), slot);
        assert_int_equal(number, i);
        assert_ptr_equal(weir_keyspace_find_guessed(keys, key, other, &number), slot);
        assert_int_equal(number, i);
        assert_ptr_equal(weir_keyspace_find_guessed(keys, key, NULL, &number), slot);
        assert_int_equal(number, i);
        assert_null(weir_keyspace_find_guessed(keys, key_of(keys, COUNT + i), slot, &number));
    }
    assert_true((double)weir_keyspace_bytes(keys) / COUNT <= (double)weir_keyspace_key_bytes(BYTES) * 1.06);
    weir_keyspace_destroy(keys);
}

/* CLOCK as in the book: a circle of (key, mark) and a hand. */
struct model {
    uint32_t keys[64];
    bool marks[64];
    uint32_t count, hand, max;
};

static bool model_use(struct model *m, uint32_t key) {
    for (uint32_t i = 0; i < m->count; i++)
        if (m->keys[i] == key) {
            m->marks[i] = true;
            return false;
        }
    uint32_t at = m->count;
    if (m->count == m->max) {
        while (m->marks[m->hand]) {
            m->marks[m->hand] = false;
            m->hand = (m->hand + 1) % m->max;
        }
        at = m->hand;
        m->hand = (m->hand + 1) % m->max;
    } else {
        m->count++;
    }
    m->keys[at] = key;
    m->marks[at] = false;
    return true;
}

static void test_keyspace_when_full_then_it_forgets_by_second_chance(void **state) {
    (void)state;
    struct weir_keyspace *keys = weir_keyspace_create(40, 50, 7);
    struct model model = {.max = 50};
    uint32_t random = 1;
    for (uint32_t step = 0; step < 100000; step++) {
        random = random * 1664525 + 1013904223;
        uint32_t key = random >> 24; /* 256 keys for 50 places, the low ones oftener */
        if (random & 0x800000) key &= 31;
        bool added, expected = model_use(&model, key);
        uint64_t *slot = put(keys, key, &added);
        assert_int_equal(added, expected);
        assert_int_equal(slot[0], key);
    }
    assert_int_equal(weir_keyspace_count(keys), 50);
    assert_true(weir_keyspace_forgotten(keys) > 10000);
    for (uint32_t i = 0; i < 50; i++) {
        struct weir_key key;
        bool again;
        uint64_t *slot = weir_keyspace_at(keys, i, &key, &again);
        uint32_t at = (model.hand + i) % 50;
        assert_int_equal(slot[0], model.keys[at]);
        assert_int_equal(again, model.marks[at]);
    }
    weir_keyspace_destroy(keys);
}

static void test_keyspace_when_restored_in_order_then_it_forgets_the_same(void **state) {
    (void)state;
    struct weir_keyspace *a = weir_keyspace_create(40, 50, 7), *b = weir_keyspace_create(40, 50, 1);
    bool added;
    for (uint32_t i = 0; i < 130; i++) put(a, i % 7 ? i : 3, &added);
    weir_keyspace_clear(b, weir_keyspace_seed(a), weir_keyspace_forgotten(a));
    for (uint32_t i = 0; i < weir_keyspace_count(a); i++) {
        struct weir_key key;
        bool again;
        uint64_t *from = weir_keyspace_at(a, i, &key, &again), *to = weir_keyspace_restore(b, key, again);
        assert_non_null(to);
        memcpy(to, from, 40);
        assert_null(weir_keyspace_restore(b, key, again)); /* twice */
    }
    for (uint32_t i = 0; i < 1000; i++) {
        bool added_b;
        uint32_t key = i * 31 % 97;
        put(a, key, &added);
        uint64_t *slot = put(b, key, &added_b);
        assert_int_equal(added, added_b);
        assert_int_equal(slot[0], key);
    }
    assert_int_equal(weir_keyspace_forgotten(a), weir_keyspace_forgotten(b));
    weir_keyspace_destroy(a);
    weir_keyspace_destroy(b);
}

static void test_keyspace_when_seeds_differ_then_keys_do(void **state) {
    (void)state;
    struct weir_keyspace *a = weir_keyspace_create(8, 1, 1), *b = weir_keyspace_create(8, 1, 2);
    struct weir_key x = key_of(a, 5), y = key_of(b, 5), again = key_of(a, 5);
    assert_true(x.low != y.low && x.high != y.high);
    assert_true(x.low == again.low && x.high == again.high);
    weir_keyspace_destroy(a);
    weir_keyspace_destroy(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyspace_when_it_grows_then_slots_stay_and_order_is_kept),
        cmocka_unit_test(test_keyspace_when_large_then_every_slot_is_whole),
        cmocka_unit_test(test_keyspace_when_full_then_it_forgets_by_second_chance),
        cmocka_unit_test(test_keyspace_when_restored_in_order_then_it_forgets_the_same),
        cmocka_unit_test(test_keyspace_when_seeds_differ_then_keys_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
