/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: nodes carry the text, kind and exact place of what the file says; aliases, merges and ${...} behave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/node.h"
#include "weir/error.h"

struct parsed {
    struct weir_diags diags;
    struct weir_document document;
};

static const struct weir_node *parse(struct parsed *parsed, const char *text) {
    weir_diags_init(&parsed->diags, "f", NULL, 0);
    assert_int_equal(weir_document_parse("f", text, strlen(text), &parsed->document, &parsed->diags),
                     WEIR_OK);
    return parsed->document.root;
}

static void done(struct parsed *parsed) {
    weir_diags_deinit(&parsed->diags);
    weir_document_deinit(&parsed->document);
}

static void expect(const struct weir_node *node, const char *text, uint32_t line, uint32_t column,
                   bool verbatim) {
    assert_non_null(node);
    assert_int_equal(node->kind, WEIR_NODE_SCALAR);
    assert_string_equal(node->text, text);
    assert_int_equal(node->mark.line, line);
    assert_int_equal(node->mark.column, column);
    assert_int_equal(node->verbatim, verbatim);
}

static void test_yaml_when_scalars_have_styles_then_place_and_verbatim_are_exact(void **state) {
    (void)state;
    struct parsed p;
    const struct weir_node *root = parse(&p,
                                         "a: plain text # comment\n"
                                         "ü: \"quo ted\"\r\n"
                                         "c: 'sin''gle'\n"
                                         "d: folded\n"
                                         "  on two lines\n"
                                         "e: |\n"
                                         "  literal\n"
                                         "f: \"esc\\t\"\n"
                                         "g:\n"
                                         "h: {é: x, k: 'y'}\n"
                                         "i: [1,\n"
                                         "    \"2\"]\n"
                                         "'j': ~\n");
    assert_int_equal(p.diags.count, 0);
    assert_int_equal(root->count, 10);
    expect(weir_node_get(root, "a"), "plain text", 1, 4, true);
    assert_int_equal(weir_node_get(root, "a")->mark.length, 10);
    expect(weir_node_get(root, "ü"), "quo ted", 2, 5, true);
    assert_true(weir_node_get(root, "ü")->quoted);
    expect(weir_node_get(root, "c"), "sin'gle", 3, 5, false);
    expect(weir_node_get(root, "d"), "folded on two lines", 4, 4, false);
    expect(weir_node_get(root, "e"), "literal\n", 7, 1, false);
    expect(weir_node_get(root, "f"), "esc\t", 8, 5, false);
    expect(weir_node_get(root, "g"), "", 9, 1, false); /* an empty value stands at its key */
    assert_true(weir_node_is_null(weir_node_get(root, "g")));
    const struct weir_node *h = weir_node_get(root, "h");
    assert_int_equal(h->kind, WEIR_NODE_MAP);
    assert_int_equal(h->mark.column, 4);
    expect(h->keys[0], "é", 10, 5, true);
    expect(weir_node_get(h, "k"), "y", 10, 15, true);
    const struct weir_node *i = weir_node_get(root, "i");
    assert_int_equal(i->kind, WEIR_NODE_SEQUENCE);
    assert_int_equal(i->count, 2);
    assert_int_equal(i->mark.column, 4);
    expect(i->items[1], "2", 12, 6, true);
    assert_true(weir_node_is_null(weir_node_get(root, "j")));
    assert_null(weir_node_get(root, "nothing"));
    assert_null(weir_node_get(i, "a"));
    done(&p);
}

static void test_yaml_when_the_file_begins_with_a_byte_order_mark_then_columns_do_not_move(void **state) {
    (void)state;
    struct parsed p;
    const struct weir_node *root = parse(&p, "\xef\xbb\xbfkey: value\n");
    expect(root->keys[0], "key", 1, 1, true);
    expect(root->values[0], "value", 1, 6, true);
    done(&p);
}

static void test_yaml_when_aliases_and_merges_are_used_then_they_are_resolved(void **state) {
    (void)state;
    struct parsed p;
    const struct weir_node *root = parse(&p,
                                         "base: &base {rate: 1, trees: 2}\n"
                                         "more: &more {trees: 9, depth: 3}\n"
                                         "one: *base\n"
                                         "two: {<<: [*base, *more], rate: 7}\n"
                                         "text: &t hello\n"
                                         "again: *t\n");
    assert_int_equal(p.diags.count, 0);
    assert_string_equal(weir_node_get(weir_node_get(root, "one"), "rate")->text, "1");
    const struct weir_node *two = weir_node_get(root, "two");
    assert_int_equal(two->count, 3);
    assert_string_equal(weir_node_get(two, "rate")->text, "7");
    assert_string_equal(weir_node_get(two, "trees")->text, "2");
    assert_string_equal(weir_node_get(two, "depth")->text, "3");
    expect(weir_node_get(root, "again"), "hello", 5, 10, true); /* a finding marks where the text stands */
    done(&p);
}

static void test_yaml_when_aliases_multiply_then_stops_at_the_limit(void **state) {
    (void)state;
    struct parsed p;
    char text[2000] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; i++) {
        char line[120];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    assert_null(parse(&p, text));
    assert_int_equal(p.diags.count, 1);
    assert_string_equal(p.diags.items[0].code, "E117");
    done(&p);
}

static void test_yaml_when_nested_too_deep_then_is_a_finding(void **state) {
    (void)state;
    struct parsed p;
    char text[300];
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    parse(&p, text);
    assert_true(p.diags.error_count > 0);
    done(&p);
}

static void test_document_when_larger_than_a_mebibyte_then_is_refused(void **state) {
    (void)state;
    struct weir_diags diags;
    struct weir_document document;
    size_t len = ((size_t)1 << 20) + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '#', len);
    weir_diags_init(&diags, "f", NULL, 0);
    assert_int_equal(weir_document_parse("f", text, len, &document, &diags), WEIR_OK);
    assert_string_equal(diags.items[0].code, "E102");
    assert_null(document.root);
    weir_diags_deinit(&diags);
    weir_document_deinit(&document);
    free(text);
}

static void test_document_when_read_from_a_path_then_equals_parsing_its_bytes(void **state) {
    (void)state;
    struct parsed p;
    char path[] = "/tmp/weir_yaml_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    close(fd);
    weir_diags_init(&p.diags, NULL, NULL, 0);
    assert_int_equal(weir_document_read(path, &p.document, &p.diags), WEIR_OK);
    assert_ptr_equal(p.diags.file, path);
    assert_int_equal(p.document.source_len, 5);
    expect(weir_node_get(p.document.root, "a"), "1", 1, 4, true);
    done(&p);
    remove(path);
    static const char *const unreadable[] = {"/nowhere/at/all.yaml", "/tmp"};
    for (size_t i = 0; i < 2; i++) {
        weir_diags_init(&p.diags, NULL, NULL, 0);
        assert_int_equal(weir_document_read(unreadable[i], &p.document, &p.diags), WEIR_OK);
        assert_null(p.document.root);
        assert_int_equal(p.diags.count, 1);
        assert_string_equal(p.diags.items[0].code, "E101");
        done(&p);
    }
}

static void test_interpolate_when_forms_are_used_then_behave_as_documented(void **state) {
    (void)state;
    struct parsed p;
    char path[] = "/tmp/weir_secret_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s3 cret\r\n", 9), 9);
    close(fd);
    setenv("WEIR_TEST_SET", "v: [al", 1);
    setenv("WEIR_TEST_EMPTY", "", 1);
    unsetenv("WEIR_TEST_UNSET");
    char text[1200];
    snprintf(text, sizeof text,
             "a: ${WEIR_TEST_SET}\n"
             "b: x${WEIR_TEST_UNSET:-d:1,2}y\n"
             "c: ${WEIR_TEST_EMPTY:-e}\n"
             "d: '${WEIR_TEST_EMPTY}'\n"
             "e: $${WEIR_TEST_SET} $5 $$\n"
             "f: ${file:%s}\n"
             "g: ${file:/nowhere:-none}\n"
             "h: {k: ${WEIR_TEST_UNSET:-localhost:9092,b:1}, l: [${WEIR_TEST_UNSET:-#[x]}, $${y}]}\n"
             "i: ${WEIR_TEST_UNSET:-}\n"
             "j: |\n"
             "  ${WEIR_TEST_UNSET:-two}\n"
             "${WEIR_TEST_SET}: key\n"
             "# ${a comment: with, [things]}\n",
             path);
    const struct weir_node *root = parse(&p, text);
    assert_int_equal(p.diags.count, 0);
    expect(weir_node_get(root, "a"), "v: [al", 1, 4, false);
    assert_string_equal(weir_node_get(root, "b")->text, "xd:1,2y");
    assert_string_equal(weir_node_get(root, "c")->text, "e");
    assert_string_equal(weir_node_get(root, "d")->text, "");
    assert_string_equal(weir_node_get(root, "e")->text, "${WEIR_TEST_SET} $5 $$");
    assert_string_equal(weir_node_get(root, "f")->text, "s3 cret");
    assert_true(weir_node_get(root, "f")->secret);
    assert_false(weir_node_get(root, "a")->secret);
    assert_string_equal(weir_node_shown(weir_node_get(root, "f")), "(secret)");
    assert_string_equal(weir_node_get(root, "g")->text, "none");
    const struct weir_node *h = weir_node_get(root, "h");
    assert_string_equal(weir_node_get(h, "k")->text, "localhost:9092,b:1");
    assert_string_equal(weir_node_get(h, "l")->items[0]->text, "#[x]");
    assert_string_equal(weir_node_get(h, "l")->items[1]->text, "${y}");
    assert_string_equal(weir_node_get(root, "i")->text, "");
    assert_string_equal(weir_node_get(root, "j")->text, "two\n");
    assert_string_equal(weir_node_get(root, "${WEIR_TEST_SET}")->text, "key"); /* keys stay as they are */
    done(&p);
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_when_scalars_have_styles_then_place_and_verbatim_are_exact),
        cmocka_unit_test(test_yaml_when_the_file_begins_with_a_byte_order_mark_then_columns_do_not_move),
        cmocka_unit_test(test_yaml_when_aliases_and_merges_are_used_then_they_are_resolved),
        cmocka_unit_test(test_yaml_when_aliases_multiply_then_stops_at_the_limit),
        cmocka_unit_test(test_yaml_when_nested_too_deep_then_is_a_finding),
        cmocka_unit_test(test_document_when_larger_than_a_mebibyte_then_is_refused),
        cmocka_unit_test(test_document_when_read_from_a_path_then_equals_parsing_its_bytes),
        cmocka_unit_test(test_interpolate_when_forms_are_used_then_behave_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
