/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a slot's name outlives its process, however that ends, and two living ones never share it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "file/slot.h"
#include "support/process.h"

static void take(const char *dir, struct weir_slot_lock *slot) {
    struct weir_error error = {0};
    if (weir_slot_take(dir, "cards", slot, &error)) fail_msg("%s", error.text);
    assert_int_equal(strlen(slot->name), 16);
}

static void test_slot_when_taken_again_then_its_name_is_the_same(void **state) {
    (void)state;
    struct weir_slot_lock first, again;
    const char *dir = process_path("again");
    take(dir, &first);
    weir_slot_release(&first);
    take(dir, &again);
    assert_string_equal(again.name, first.name);
    weir_slot_release(&again);
}

static void test_slot_when_it_is_in_use_then_another_one_is_given(void **state) {
    (void)state;
    struct weir_slot_lock slots[3], again;
    const char *dir = process_path("busy");
    for (int i = 0; i < 3; i++) take(dir, &slots[i]);
    assert_string_not_equal(slots[0].name, slots[1].name);
    assert_string_not_equal(slots[1].name, slots[2].name);
    assert_string_not_equal(slots[0].name, slots[2].name);
    weir_slot_release(&slots[1]);
    take(dir, &again); /* the one that is free, not a fourth */
    assert_string_equal(again.name, slots[1].name);
    weir_slot_release(&again);
    weir_slot_release(&slots[0]);
    weir_slot_release(&slots[2]);
}

static void test_slot_when_its_process_is_killed_then_it_is_free_and_keeps_its_name(void **state) {
    (void)state;
    struct weir_slot_lock mine;
    char name[WEIR_SLOT_NAME_BYTES] = "";
    const char *dir = process_path("killed");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct weir_slot_lock slot;
        struct weir_error error;
        if (weir_slot_take(dir, "cards", &slot, &error)) _exit(1);
        if (write(ends[1], slot.name, sizeof slot.name) != (ssize_t)sizeof slot.name) _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], name, sizeof name), sizeof name);
    take(dir, &mine);
    assert_string_not_equal(mine.name, name); /* it lives */
    weir_slot_release(&mine);
    kill(pid, SIGKILL);
    assert_int_equal(process_wait(pid, 10), 128 + SIGKILL);
    take(dir, &mine);
    assert_string_equal(mine.name, name);
    weir_slot_release(&mine);
    close(ends[0]);
    close(ends[1]);
}

static void test_slot_when_its_file_is_cut_or_strange_then_it_gets_a_new_name(void **state) {
    (void)state;
    static const char *const texts[] = {"", "0123", "not hexadecimal!", "0123456789ABCDEF"};
    const char *dir = process_path("cut");
    struct weir_slot_lock slot;
    take(dir, &slot);
    weir_slot_release(&slot);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char name[WEIR_SLOT_NAME_BYTES];
        process_write_text("cut/cards/slot-0", texts[i]);
        take(dir, &slot);
        assert_string_not_equal(slot.name, texts[i]);
        assert_int_equal(strspn(slot.name, "0123456789abcdef"), 16);
        memcpy(name, slot.name, sizeof name);
        weir_slot_release(&slot);
        take(dir, &slot); /* and it was written */
        assert_string_equal(slot.name, name);
        weir_slot_release(&slot);
    }
}

static void test_slot_when_there_is_no_folder_then_names_are_new_each_time(void **state) {
    (void)state;
    struct weir_slot_lock first, second;
    take(NULL, &first);
    take(NULL, &second);
    assert_int_equal(first.fd, -1);
    assert_string_not_equal(first.name, second.name);
    weir_slot_release(&first);
    weir_slot_release(&second);
}

static void test_slot_when_the_folder_cannot_be_made_then_io_with_its_path(void **state) {
    (void)state;
    struct weir_slot_lock slot;
    struct weir_error error = {0};
    const char *file = process_write_text("file", "x");
    assert_int_equal(weir_slot_take(file, "cards", &slot, &error), WEIR_IO);
    assert_non_null(strstr(error.text, file));
    assert_int_equal(slot.fd, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_when_taken_again_then_its_name_is_the_same),
        cmocka_unit_test(test_slot_when_it_is_in_use_then_another_one_is_given),
        cmocka_unit_test(test_slot_when_its_process_is_killed_then_it_is_free_and_keeps_its_name),
        cmocka_unit_test(test_slot_when_its_file_is_cut_or_strange_then_it_gets_a_new_name),
        cmocka_unit_test(test_slot_when_there_is_no_folder_then_names_are_new_each_time),
        cmocka_unit_test(test_slot_when_the_folder_cannot_be_made_then_io_with_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
