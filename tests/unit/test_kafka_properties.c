/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: mistakes in kafka.properties are found before anything is opened, at their place, without telling
 * secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "kafka/client.h"

static struct weir_property property(uint32_t line, const char *name, const char *value) {
    return (struct weir_property){.name = name,
                                  .value = value,
                                  .name_mark = {line, 3, (uint32_t)strlen(name)},
                                  .value_mark = {line, 30, (uint32_t)strlen(value)}};
}

static struct weir_diags check(const struct weir_property *properties, uint32_t count) {
    struct weir_diags diags;
    weir_diags_init(&diags, "p.yaml", NULL, 0);
    weir_kafka_check_properties(properties, count, &diags);
    return diags;
}

static void test_properties_when_all_are_known_then_no_finding(void **state) {
    (void)state;
    const struct weir_property good[] = {property(1, "fetch.wait.max.ms", "20"),
                                         property(2, "linger.ms", "50"),
                                         property(3, "compression.type", "lz4"),
                                         property(4, "partitioner", "murmur2_random"),
                                         property(5, "acks", "all"),
                                         property(6, "group.instance.id", "weir-1"),
                                         property(7, "sasl.username", "somebody"),
                                         property(8, "queued.min.messages", "5000")};
    struct weir_diags diags = check(good, 8);
    assert_int_equal(diags.count, 0);
    weir_diags_deinit(&diags);
    diags = check(NULL, 0);
    assert_int_equal(diags.count, 0);
    weir_diags_deinit(&diags);
}

/* Names from the dump of librdkafka, and names that its dump leaves out. */
static void test_properties_when_a_name_is_misspelt_then_e401_suggests_the_nearest(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"fetch.wait.max.mss", "did you mean 'fetch.wait.max.ms'?"},
                                           {"lingerms", "did you mean 'linger.ms'?"},
                                           {"partitoner", "did you mean 'partitioner'?"},
                                           {"ssl.ca.locaton", "did you mean 'ssl.ca.location'?"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir_property wrong = property(7, cases[i][0], "1");
        struct weir_diags diags = check(&wrong, 1);
        assert_int_equal(diags.count, 1);
        assert_string_equal(diags.items[0].code, "E401");
        assert_int_equal(diags.items[0].mark.line, 7);
        assert_int_equal(diags.items[0].mark.column, 3);
        assert_non_null(strstr(diags.items[0].text, cases[i][0]));
        assert_string_equal(diags.items[0].help, cases[i][1]);
        weir_diags_deinit(&diags);
    }
}

static void test_properties_when_weir_owns_a_name_then_e402_says_why(void **state) {
    (void)state;
    int count = 0;
    for (const struct weir_kafka_owned *owned = weir_kafka_owned_names; owned->name; owned++, count++) {
        const struct weir_property wrong = property(2, owned->name, "1");
        struct weir_diags diags = check(&wrong, 1);
        assert_int_equal(diags.count, 1);
        assert_string_equal(diags.items[0].code, "E402");
        assert_string_equal(diags.items[0].help, owned->why);
        weir_diags_deinit(&diags);
    }
    assert_true(count > 20);
}

static void test_properties_when_values_are_refused_then_all_are_reported_at_their_values(void **state) {
    (void)state;
    const struct weir_property wrong[] = {property(3, "fetch.wait.max.ms", "999999999"),
                                          property(4, "compression.type", "zip"), property(5, "acks", "all"),
                                          property(6, "builtin.features", "x")};
    struct weir_diags diags = check(wrong, 4);
    assert_int_equal(diags.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(diags.items[i].code, "E403");
        assert_int_equal(diags.items[i].mark.column, 30);
    }
    assert_non_null(strstr(diags.items[0].help, "300000")); /* the range */
    weir_diags_deinit(&diags);
}

/* Each value is fine alone; together they are not, and only making a client shows it. */
static void test_properties_when_values_contradict_each_other_then_e403(void **state) {
    (void)state;
    const struct weir_property pair[] = {property(3, "max.poll.interval.ms", "5000"),
                                         property(4, "session.timeout.ms", "30000")};
    struct weir_diags diags = check(pair, 2);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].code, "E403");
    assert_true(diags.items[0].mark.line == 3 || diags.items[0].mark.line == 4);
    weir_diags_deinit(&diags);
    const struct weir_property lone = property(9, "acks", "1"); /* an idempotent producer needs all */
    diags = check(&lone, 1);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].code, "E403");
    assert_int_equal(diags.items[0].mark.line, 9);
    weir_diags_deinit(&diags);
}

static void test_properties_when_a_secret_is_refused_then_its_value_is_not_told(void **state) {
    (void)state;
    struct weir_property secrets[] = {property(1, "compression.type", "hunter2"),
                                      property(1, "ssl.key.pem", "hunter2"),
                                      property(1, "ssl.ca.location", "/hunter2")};
    for (int i = 0; i < 3; i++) {
        secrets[i].secret = true;
        struct weir_property with_ssl[] = {property(2, "security.protocol", "ssl"), secrets[i]};
        struct weir_diags diags = check(with_ssl, 2);
        assert_true(diags.count > 0);
        for (uint32_t k = 0; k < diags.count; k++) {
            assert_null(strstr(diags.items[k].text, "hunter2"));
            if (diags.items[k].help) assert_null(strstr(diags.items[k].help, "hunter2"));
        }
        weir_diags_deinit(&diags);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties_when_all_are_known_then_no_finding),
        cmocka_unit_test(test_properties_when_a_name_is_misspelt_then_e401_suggests_the_nearest),
        cmocka_unit_test(test_properties_when_weir_owns_a_name_then_e402_says_why),
        cmocka_unit_test(test_properties_when_values_are_refused_then_all_are_reported_at_their_values),
        cmocka_unit_test(test_properties_when_values_contradict_each_other_then_e403),
        cmocka_unit_test(test_properties_when_a_secret_is_refused_then_its_value_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
