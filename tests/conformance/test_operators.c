/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every registered operator, whatever its family: names, option tables, bind, init, save, load,
 * check. */
#include "support/laws.h"

static bool is_file_like(const char *name) {
    return name && *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

#define for_each_family(family) for (int family = 0; family < WEIR_FAMILY_COUNT; family++)
#define for_each_registered(op) for_each_family(family_) for_each_operator(op, (enum weir_family)family_)

static bool is_stateful(const struct weir_operator *op) { return op->init != NULL; }

static void test_registry_holds_members_of_every_family(void **unused) {
    (void)unused;
    for_each_family(family) assert_non_null(weir_registry_next((enum weir_family)family, NULL));
    assert_null(weir_registry_find(WEIR_FAMILY_LEARNER, "no_such_learner"));
}

static void test_operator_name_and_summary_are_usable(void **unused) {
    (void)unused;
    for_each_registered(op) {
        law(op, is_file_like(op->name));
        law(op, op->summary && strlen(op->summary) >= 10);
        law(op, strchr(op->summary, '\n') == NULL);
        law(op, op->family == (enum weir_family)family_);
        law(op, op->version >= 1);
        law(op, op->options != NULL);
        law(op, weir_registry_find(op->family, op->name) == op); /* so the name is unique in its family */
    }
}

static void test_operator_option_table_is_complete(void **unused) {
    (void)unused;
    union weir_option_value value;
    for_each_registered(op) {
        for (const struct weir_option *o = op->options; o->name; o++) {
            law(op, is_file_like(o->name));
            law(op, o->help && *o->help);
            law(op, o->unit != NULL);
            law(op, o->type != WEIR_OPTION_CHOICE || (o->choices && o->choices[0]));
            law(op, o->type == WEIR_OPTION_CHOICE || o->type == WEIR_OPTION_BOOL || o->min <= o->max);
            law(op, o->fallback == NULL || bind_parse_option(o, o->fallback, &value));
            for (const struct weir_option *other = op->options; other < o; other++)
                law(op, strcmp(other->name, o->name) != 0);
        }
    }
}

static void test_operator_bind_with_defaults_succeeds_and_sizes_the_state(void **unused) {
    (void)unused;
    for_each_registered(op) {
        law(op, op->bind || !op->options[0].name); /* what has options must look at them */
        law(op, !op->init == !op->save && !op->init == !op->load && !op->init == !op->check);
        for (uint32_t width = 1; width <= 4096; width *= 8) {
            struct weir_binding binding;
            struct weir_error error = {0};
            law(op, bind_with(op, width, "", &binding, &error) == WEIR_OK);
            law(op, is_stateful(op) == (binding.state_bytes > 0));
            law(op, binding.state_bytes % 8 == 0);
            law(op, binding.state_bytes <= (size_t)64 << 20);
            law(op, op->family != WEIR_FAMILY_TRANSFORM || binding.output_count > 0);
        }
    }
}

/* Every option at both ends of its range: bound, or refused in words. Bound states start sound. */
static void test_operator_bind_at_the_ends_of_each_range_succeeds_or_says_why(void **unused) {
    (void)unused;
    for_each_registered(op) {
        for (const struct weir_option *o = op->options; o->name; o++) {
            for (int end = 0; end < 2; end++) {
                char setting[128];
                double number = end ? o->max : o->min;
                if (o->type == WEIR_OPTION_CHOICE) {
                    int last = 0;
                    while (end && o->choices[last + 1]) last++;
                    snprintf(setting, sizeof setting, "%s=%s", o->name, o->choices[last]);
                } else if (o->type == WEIR_OPTION_BOOL) {
                    snprintf(setting, sizeof setting, "%s=%s", o->name, end ? "true" : "false");
                } else if (o->type == WEIR_OPTION_FLOAT) {
                    snprintf(setting, sizeof setting, "%s=%.17g", o->name, number);
                } else {
                    snprintf(setting, sizeof setting, "%s=%.0f%s", o->name, number,
                             o->type == WEIR_OPTION_DURATION ? "ms" : "");
                }
                struct weir_binding binding;
                struct weir_error error = {0};
                int result = bind_with(op, LAW_WIDTH, setting, &binding, &error);
                law(op, result == WEIR_OK || (result == WEIR_CONFIG && error.text[0]));
                if (result != WEIR_OK || !is_stateful(op)) continue;
                void *state = state_create(op, &binding);
                struct java_random random = java_random_seed(21);
                law(op, op->check(&binding, state));
                law_use(op, &binding, state, &random, 300);
                law(op, op->check(&binding, state));
                free(state);
            }
        }
    }
}

static void test_operator_init_writes_every_byte_and_is_also_reset(void **unused) {
    (void)unused;
    for_each_registered(op) {
        if (!is_stateful(op)) continue;
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *a = state_create(op, &binding), *b = malloc(binding.state_bytes);
        if (!b) abort();
        memset(b, 0x5a, binding.state_bytes);
        op->init(&binding, b);
        law(op, memcmp(a, b, binding.state_bytes) == 0);
        law(op, op->check(&binding, a));
        struct java_random random = java_random_seed(22);
        law_use(op, &binding, b, &random, 500);
        law(op, memcmp(a, b, binding.state_bytes) != 0);
        law(op, op->check(&binding, b));
        op->init(&binding, b);
        law(op, memcmp(a, b, binding.state_bytes) == 0);
        free(a);
        free(b);
    }
}

static void test_operator_given_the_same_calls_reaches_the_same_bytes(void **unused) {
    (void)unused;
    for_each_registered(op) {
        if (!is_stateful(op)) continue;
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *a = state_create(op, &binding), *b = state_create(op, &binding);
        struct java_random ra = java_random_seed(23), rb = java_random_seed(23);
        /* interleaved: two instances share nothing */
        for (int i = 0; i < 1000; i++) {
            law_use(op, &binding, a, &ra, 1);
            law_use(op, &binding, b, &rb, 1);
        }
        law(op, memcmp(a, b, binding.state_bytes) == 0);
        free(a);
        free(b);
    }
}

static void test_operator_saved_loaded_and_saved_again_gives_the_same_bytes(void **unused) {
    (void)unused;
    for_each_registered(op) {
        if (!is_stateful(op)) continue;
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *copy = state_create(op, &binding);
        struct java_random random = java_random_seed(24);
        for (int round = 0; round < 60; round++) {
            struct weir_state_writer *first = law_save(op, &binding, state);
            size_t len, again_len;
            bool at_end;
            const void *bytes = weir_state_writer_bytes(first, &len);
            law(op, law_load(op, &binding, copy, bytes, len, &at_end) == WEIR_OK);
            law(op, at_end);
            law(op, op->check(&binding, copy));
            law(op, memcmp(state, copy, binding.state_bytes) == 0);
            struct weir_state_writer *second = law_save(op, &binding, copy);
            const void *again = weir_state_writer_bytes(second, &again_len);
            law(op, len == again_len && memcmp(bytes, again, len) == 0);
            weir_state_writer_destroy(first);
            weir_state_writer_destroy(second);
            law_use(op, &binding, state, &random, 1 + round);
        }
        free(state);
        free(copy);
    }
}

static void test_operator_load_refuses_every_truncation_and_other_operators(void **unused) {
    (void)unused;
    const struct weir_operator *previous = NULL;
    for_each_registered(op) {
        if (!is_stateful(op)) continue;
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *copy = state_create(op, &binding);
        struct java_random random = java_random_seed(25);
        law_use(op, &binding, state, &random, 700);
        struct weir_state_writer *writer = law_save(op, &binding, state);
        size_t len;
        const char *bytes = weir_state_writer_bytes(writer, &len);
        for (size_t cut = 0; cut < len; cut++) {
            char *part = malloc(cut ? cut : 1); /* exact size: a sanitizer sees a read past its end */
            if (!part) abort();
            memcpy(part, bytes, cut);
            law(op, law_load(op, &binding, copy, part, cut, NULL) != WEIR_OK);
            free(part);
        }
        if (previous) {
            struct weir_binding other = bind_defaults(previous, LAW_WIDTH);
            void *other_state = state_create(previous, &other);
            law(previous, law_load(previous, &other, other_state, bytes, len, NULL) != WEIR_OK);
            free(other_state);
        }
        previous = op;
        weir_state_writer_destroy(writer);
        free(state);
        free(copy);
    }
}

/* A damaged snapshot is refused or gives a sound state that can be used; nothing crashes. */
static void test_operator_load_of_damaged_bytes_is_refused_or_sound(void **unused) {
    (void)unused;
    static const unsigned char flips[] = {0x01, 0x10, 0x40, 0x80, 0xff};
    for_each_registered(op) {
        if (!is_stateful(op)) continue;
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *copy = state_create(op, &binding);
        struct java_random random = java_random_seed(26);
        law_use(op, &binding, state, &random, 150);
        struct weir_state_writer *writer = law_save(op, &binding, state);
        size_t len;
        const char *bytes = weir_state_writer_bytes(writer, &len);
        char *damaged = malloc(len);
        if (!damaged) abort();
        size_t refused_count = 0;
        for (size_t i = 0; i < len; i++) {
            for (size_t f = 0; f < sizeof flips; f++) {
                memcpy(damaged, bytes, len);
                damaged[i] = (char)((unsigned char)damaged[i] ^ flips[f]);
                if (law_load(op, &binding, copy, damaged, len, NULL) != WEIR_OK) {
                    refused_count++;
                    continue;
                }
                law(op, op->check(&binding, copy));
                law_use(op, &binding, copy, &random, 40);
                law(op, op->check(&binding, copy));
            }
        }
        law(op, refused_count > 0);
        free(damaged);
        weir_state_writer_destroy(writer);
        free(state);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry_holds_members_of_every_family),
        cmocka_unit_test(test_operator_name_and_summary_are_usable),
        cmocka_unit_test(test_operator_option_table_is_complete),
        cmocka_unit_test(test_operator_bind_with_defaults_succeeds_and_sizes_the_state),
        cmocka_unit_test(test_operator_bind_at_the_ends_of_each_range_succeeds_or_says_why),
        cmocka_unit_test(test_operator_init_writes_every_byte_and_is_also_reset),
        cmocka_unit_test(test_operator_given_the_same_calls_reaches_the_same_bytes),
        cmocka_unit_test(test_operator_saved_loaded_and_saved_again_gives_the_same_bytes),
        cmocka_unit_test(test_operator_load_refuses_every_truncation_and_other_operators),
        cmocka_unit_test(test_operator_load_of_damaged_bytes_is_refused_or_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
