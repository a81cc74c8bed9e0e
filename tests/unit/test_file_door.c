/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: files of every format and compression give the same records; what is broken is named with its file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "file/file.h"
#include "weir/codec.h"

extern const struct weir_codec weir_codec_json, weir_codec_csv, weir_codec_msgpack;

static const struct weir_field fields[] = {{"n", WEIR_INT64, false}, {"s", WEIR_STRING, true}};
static const struct weir_schema schema = {fields, 2};

struct fixture {
    char folder[64];
    char path[128];
    struct weir_error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/weir-file-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    unlink(f->path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static const char *place(struct fixture *f, const char *name) {
    if (f->path[0]) unlink(f->path);
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    return f->path;
}

/* Writes through the sink, so that the name decides the compression. */
static void put(struct fixture *f, const char *name, const char *header, const void *bytes, size_t len) {
    struct weir_file_sink *sink;
    struct weir_bytes head = {header, header ? strlen(header) : 0};
    assert_int_equal(weir_file_sink_open(place(f, name), head, &sink, &f->error), WEIR_OK);
    assert_int_equal(weir_file_sink_write(sink, (struct weir_bytes){bytes, len}, &f->error), WEIR_OK);
    assert_int_equal(weir_file_sink_close(sink, &f->error), WEIR_OK);
}

/* Reads all in batches of `max` and writes "offset:value|" of each record to out; returns the last result. */
static int get(struct fixture *f, const struct weir_codec *codec, uint32_t max, struct weir_buffer *out) {
    struct weir_coder *coder;
    struct weir_file_source *source;
    struct weir_record records[64];
    weir_buffer_clear(out);
    assert_int_equal(codec->open(&schema, &coder, NULL), WEIR_OK);
    int result = weir_file_source_open(f->path, codec, coder, &source, &f->error);
    if (result == WEIR_OK) {
        while ((result = weir_file_source_read(source, records, max, &f->error)) > 0)
            for (int i = 0; i < result; i++) {
                assert_null(records[i].key.data);
                assert_true(records[i].timestamp_ms == WEIR_NO_TIMESTAMP);
                assert_string_equal(records[i].topic, f->path);
                weir_buffer_format(out, "%lld:", (long long)records[i].offset);
                weir_buffer_append(out, records[i].value.data, records[i].value.len);
                weir_buffer_append_char(out, '|');
            }
        weir_file_source_close(source);
    }
    codec->close(coder);
    return result;
}

static void test_file_format_when_name_ends_in_known_way_then_codec(void **unused) {
    (void)unused;
    static const char *const cases[][2] = {{"a.csv", "csv"},
                                           {"a.csv.gz", "csv"},
                                           {"dir.x/a.csv.zst", "csv"},
                                           {"a.json", "json"},
                                           {"a.ndjson.gz", "json"},
                                           {"a.jsonl", "json"},
                                           {"a.msgpack", "msgpack"},
                                           {"a.msgpack.zst", "msgpack"},
                                           {"a.txt", NULL},
                                           {"csv", NULL},
                                           {"a.gz", NULL},
                                           {".csv", NULL},
                                           {"-", NULL},
                                           {"", NULL},
                                           {"a.csv.bz2", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *format = weir_file_format(cases[i][0]);
        if (!cases[i][1])
            assert_null(format);
        else
            assert_string_equal(format, cases[i][1]);
    }
}

static void test_file_source_when_compressed_in_any_way_then_same_records(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"a.ndjson", "a.ndjson.gz", "a.ndjson.zst"};
    static const char text[] =
        "{\"n\":1}\r\n\n  \n{\"n\":2}\n\r\n{\"n\":3}"; /* blank lines; no last line end */
    struct weir_buffer out;
    weir_buffer_init(&out);
    for (size_t i = 0; i < 3; i++)
        for (uint32_t max = 1; max <= 64; max += 63) {
            put(f, names[i], NULL, text, strlen(text));
            assert_int_equal(get(f, &weir_codec_json, max, &out), WEIR_END);
            assert_string_equal(weir_buffer_text(&out), "1:{\"n\":1}|2:  |3:{\"n\":2}|4:{\"n\":3}|");
        }
    weir_buffer_deinit(&out);
}

static void test_file_source_when_csv_then_header_is_no_row_and_quotes_hold_lines(void **state) {
    struct fixture *f = *state;
    static const char text[] = "1,\"a\nb\"\r\n2,c\n\n3,\"d\"\"\n\"";
    struct weir_buffer out;
    weir_buffer_init(&out);
    put(f, "a.csv.gz", "s,n,other\n", text, strlen(text));
    assert_int_equal(get(f, &weir_codec_csv, 64, &out), WEIR_END);
    assert_string_equal(weir_buffer_text(&out), "1:1,\"a\nb\"|2:2,c|3:3,\"d\"\"\n\"|");
    put(f, "b.csv", "s,other\n", text, strlen(text));
    assert_int_equal(get(f, &weir_codec_csv, 64, &out), WEIR_DATA);
    assert_non_null(strstr(f->error.text, f->path));
    assert_non_null(strstr(f->error.text, "'n'"));
    put(f, "c.csv", NULL, "", 0);
    assert_int_equal(get(f, &weir_codec_csv, 64, &out), WEIR_DATA);
    assert_non_null(strstr(f->error.text, f->path));
    weir_buffer_deinit(&out);
}

static void test_file_source_when_msgpack_then_values_are_cut_by_their_own_length(void **state) {
    struct fixture *f = *state;
    static const char bytes[] = "\x81\xa1n\x0a\x81\xa1n\x0d\x81\xa1n\x0a"; /* 10 and 13 look like line ends */
    struct weir_buffer out;
    weir_buffer_init(&out);
    put(f, "a.msgpack.zst", NULL, bytes, sizeof bytes - 1);
    assert_int_equal(get(f, &weir_codec_msgpack, 2, &out), WEIR_END);
    assert_string_equal(weir_buffer_text(&out), "1:\x81\xa1n\x0a|2:\x81\xa1n\x0d|3:\x81\xa1n\x0a|");
    put(f, "b.msgpack", NULL, bytes,
        sizeof bytes - 2); /* the last one cut: a record that the codec refuses */
    assert_int_equal(get(f, &weir_codec_msgpack, 2, &out), WEIR_END);
    assert_string_equal(weir_buffer_text(&out), "1:\x81\xa1n\x0a|2:\x81\xa1n\x0d|3:\x81\xa1n|");
    weir_buffer_deinit(&out);
}

/* Far more than the window: offsets and contents of 200,000 rows of changing length. */
static void test_file_source_when_file_is_large_then_every_row_in_order(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"a.ndjson", "a.ndjson.gz", "a.ndjson.zst"};
    struct weir_buffer text;
    weir_buffer_init(&text);
    for (int i = 1; i <= 200000; i++)
        weir_buffer_format(&text, "{\"n\":%d,\"s\":\"%.*s\"}\n", i, i % 50,
                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
    for (size_t k = 0; k < 3; k++) {
        struct weir_coder *coder;
        struct weir_file_source *source;
        struct weir_record records[500];
        struct weir_arena arena;
        struct weir_value cells[2];
        struct weir_data_error why;
        int64_t rows = 0;
        int got;
        weir_arena_init(&arena);
        put(f, names[k], NULL, text.data, text.len);
        assert_int_equal(weir_codec_json.open(&schema, &coder, NULL), WEIR_OK);
        assert_int_equal(weir_file_source_open(f->path, &weir_codec_json, coder, &source, &f->error),
                         WEIR_OK);
        while ((got = weir_file_source_read(source, records, 500, &f->error)) > 0) {
            for (int i = 0; i < got; i++) {
                assert_int_equal(records[i].offset, ++rows);
                assert_int_equal(weir_codec_json.decode(coder, records[i].value, &arena, cells, &why),
                                 WEIR_OK);
                assert_int_equal(cells[0].as.i, rows);
                assert_int_equal(cells[1].len, rows % 50);
            }
            weir_arena_reset(&arena);
        }
        assert_int_equal(got, WEIR_END);
        assert_int_equal(rows, 200000);
        weir_file_source_close(source);
        weir_codec_json.close(coder);
        weir_arena_deinit(&arena);
    }
    weir_buffer_deinit(&text);
}

static void test_file_source_when_a_record_is_too_long_then_cut_and_the_next_is_whole(void **state) {
    struct fixture *f = *state;
    struct weir_buffer text, out;
    weir_buffer_init(&text);
    weir_buffer_init(&out);
    weir_buffer_append_text(&text, "{\"n\":1}\n");
    for (int i = 0; i < 5 * 1024 * 1024; i++) weir_buffer_append_char(&text, 'x');
    weir_buffer_append_text(&text, "\n{\"n\":2}\n");
    put(f, "a.ndjson", NULL, text.data, text.len);
    assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_END);
    assert_int_equal(out.len, strlen("1:{\"n\":1}|2:|3:{\"n\":2}|") + WEIR_RECORD_BYTES_MAX + 1);
    assert_string_equal(weir_buffer_text(&out) + out.len - 11, "|3:{\"n\":2}|");

    /* A quote that never closes costs one row. */
    weir_buffer_clear(&text);
    weir_buffer_append_text(&text, "1,\"open\n");
    for (int i = 2; i < 200000; i++) weir_buffer_format(&text, "%d,text\n", i);
    put(f, "a.csv", "n,s\n", text.data, text.len);
    assert_int_equal(get(f, &weir_codec_csv, 64, &out), WEIR_END);
    assert_memory_equal(out.data, "1:1,\"open|2:2,text|", 19);
    assert_non_null(strstr(weir_buffer_text(&out), "|199999:199999,text|"));

    /* A msgpack text of 2 MiB between two small maps. */
    weir_buffer_clear(&text);
    weir_buffer_append(&text, "\x81\xa1n\x01\x82\xa1n\x02\xa1s\xdb\x00\x20\x00\x00", 15);
    for (int i = 0; i < 2 * 1024 * 1024; i++) weir_buffer_append_char(&text, 'x');
    weir_buffer_append(&text, "\x81\xa1n\x03", 4);
    put(f, "a.msgpack", NULL, text.data, text.len);
    assert_int_equal(get(f, &weir_codec_msgpack, 64, &out), WEIR_END);
    assert_int_equal(out.len, 7 + 3 + WEIR_RECORD_BYTES_MAX + 1 + 7);
    weir_buffer_deinit(&text);
    weir_buffer_deinit(&out);
}

static void test_file_source_when_compressed_data_is_cut_then_io_names_file_and_reason(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"a.ndjson.gz", "a.ndjson.zst"};
    struct weir_buffer text, out;
    weir_buffer_init(&text);
    weir_buffer_init(&out);
    for (int i = 0; i < 100000; i++) weir_buffer_format(&text, "{\"n\":%d}\n", i * 7919 % 100003);
    for (size_t k = 0; k < 2; k++) {
        struct stat info;
        put(f, names[k], NULL, text.data, text.len);
        assert_int_equal(stat(f->path, &info), 0);
        off_t cuts[] = {info.st_size - 1, info.st_size / 2, 20, 5, 0};
        for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
            assert_int_equal(truncate(f->path, cuts[c]), 0);
            assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_IO);
            assert_non_null(strstr(f->error.text, f->path));
            assert_true(strstr(f->error.text, "too early") || strstr(f->error.text, "not gzip"));
        }
    }
    weir_buffer_deinit(&text);
    weir_buffer_deinit(&out);
}

static void test_file_source_when_compressed_data_is_damaged_then_io(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"a.ndjson.gz", "a.ndjson.zst"};
    struct weir_buffer text, out;
    weir_buffer_init(&text);
    weir_buffer_init(&out);
    for (int i = 0; i < 20000; i++) weir_buffer_format(&text, "{\"n\":%d}\n", i);
    for (size_t k = 0; k < 2; k++) {
        put(f, names[k], NULL, text.data, text.len);
        FILE *file = fopen(f->path, "r+b");
        fseek(file, 2, SEEK_SET);
        fputc(0x55, file);
        fseek(file, 300, SEEK_SET);
        for (int i = 0; i < 64; i++) fputc(0xff, file);
        fclose(file);
        assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_IO);
        assert_non_null(strstr(f->error.text, f->path));
        assert_non_null(strstr(f->error.text, "broken"));
    }
    FILE *file = fopen(place(f, "plain.ndjson.gz"), "wb");
    fputs("{\"n\":1}\n", file);
    fclose(file);
    assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_IO);
    assert_non_null(strstr(f->error.text, "not gzip"));
    weir_buffer_deinit(&text);
    weir_buffer_deinit(&out);
}

static void test_file_source_when_file_is_missing_or_a_folder_then_io(void **state) {
    struct fixture *f = *state;
    struct weir_buffer out;
    weir_buffer_init(&out);
    place(f, "absent.ndjson");
    assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_IO);
    assert_non_null(strstr(f->error.text, "absent.ndjson: No such file"));
    strcpy(f->path, f->folder);
    assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_IO);
    assert_non_null(strstr(f->error.text, "directory"));
    f->path[0] = '\0';
    weir_buffer_deinit(&out);
}

static void test_file_sink_when_disk_is_full_then_io_says_so(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"full.ndjson", "full.ndjson.gz", "full.ndjson.zst"};
    if (access("/dev/full", W_OK) != 0) skip();
    for (size_t k = 0; k < 3; k++) {
        struct weir_file_sink *sink;
        assert_int_equal(symlink("/dev/full", place(f, names[k])), 0);
        assert_int_equal(weir_file_sink_open(f->path, (struct weir_bytes){NULL, 0}, &sink, &f->error),
                         WEIR_OK);
        assert_int_equal(weir_file_sink_write(sink, (struct weir_bytes){"{}\n", 3}, &f->error), WEIR_OK);
        assert_int_equal(weir_file_sink_close(sink, &f->error),
                         WEIR_IO); /* buffered: close is the last chance */
        assert_non_null(strstr(f->error.text, "No space left"));
        assert_non_null(strstr(f->error.text, f->path));

        char *noise = malloc(4 * 1024 * 1024);
        uint32_t seed = 1;
        for (size_t i = 0; i < (size_t)4 * 1024 * 1024; i++) {
            seed = seed * 1664525u + 1013904223u;
            noise[i] = (char)(seed >> 24);
        }
        assert_int_equal(weir_file_sink_open(f->path, (struct weir_bytes){NULL, 0}, &sink, &f->error),
                         WEIR_OK);
        assert_int_equal(
            weir_file_sink_write(sink, (struct weir_bytes){noise, (size_t)4 * 1024 * 1024}, &f->error),
            WEIR_IO);
        assert_int_equal(weir_file_sink_write(sink, (struct weir_bytes){noise, 10}, &f->error), WEIR_IO);
        assert_int_equal(weir_file_sink_close(sink, &f->error), WEIR_IO);
        free(noise);
    }
    struct weir_file_sink *sink;
    assert_int_equal(weir_file_sink_open("/nowhere/x.csv", (struct weir_bytes){NULL, 0}, &sink, &f->error),
                     WEIR_IO);
    assert_non_null(strstr(f->error.text, "/nowhere/x.csv"));
}

/* "-" goes to descriptor 1, which stays open. */
static void test_file_sink_when_path_is_a_dash_then_stdout(void **state) {
    struct fixture *f = *state;
    struct weir_file_sink *sink;
    struct weir_buffer out;
    weir_buffer_init(&out);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    FILE *file = fopen(place(f, "stdout.ndjson"), "wb");
    dup2(fileno(file), STDOUT_FILENO);
    int opened = weir_file_sink_open("-", (struct weir_bytes){"{\"n\":1}\n", 8}, &sink, &f->error);
    int written = weir_file_sink_write(sink, (struct weir_bytes){"{\"n\":2}\n", 8}, &f->error);
    int closed = weir_file_sink_close(sink, &f->error);
    ssize_t direct = write(STDOUT_FILENO, "{\"n\":3}\n", 8);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    fclose(file);
    assert_int_equal(opened | written | closed, WEIR_OK);
    assert_int_equal(direct, 8);
    assert_int_equal(get(f, &weir_codec_json, 64, &out), WEIR_END);
    assert_string_equal(weir_buffer_text(&out), "1:{\"n\":1}|2:{\"n\":2}|3:{\"n\":3}|");
    weir_buffer_deinit(&out);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_file_format_when_name_ends_in_known_way_then_codec),
        TEST(test_file_source_when_compressed_in_any_way_then_same_records),
        TEST(test_file_source_when_csv_then_header_is_no_row_and_quotes_hold_lines),
        TEST(test_file_source_when_msgpack_then_values_are_cut_by_their_own_length),
        TEST(test_file_source_when_file_is_large_then_every_row_in_order),
        TEST(test_file_source_when_a_record_is_too_long_then_cut_and_the_next_is_whole),
        TEST(test_file_source_when_compressed_data_is_cut_then_io_names_file_and_reason),
        TEST(test_file_source_when_compressed_data_is_damaged_then_io),
        TEST(test_file_source_when_file_is_missing_or_a_folder_then_io),
        TEST(test_file_sink_when_disk_is_full_then_io_says_so),
        TEST(test_file_sink_when_path_is_a_dash_then_stdout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
