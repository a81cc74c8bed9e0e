/* SPDX-License-Identifier: Apache-2.0 */
/* codec.c: what one decode and one encode of the reference event (about 150 bytes of JSON) cost.
 *
 * Prints one JSON line per codec:
 * {"bench":"codec","codec":"json","bytes":148,"decode_ns":...,"encode_ns":...}. Times are the smallest of 200
 * rounds over 1,000 different events, decoded in batches that reset the arena as the task does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "weir/codec.h"
#include "weir/registry.h"

static const struct weir_field fields[] = {
    {"id", WEIR_STRING, false},       {"card", WEIR_STRING, false},      {"ts", WEIR_TIMESTAMP, false},
    {"amount", WEIR_FLOAT64, false},  {"channel", WEIR_CATEGORY, false}, {"country", WEIR_CATEGORY, false},
    {"merchant", WEIR_STRING, false}, {"label", WEIR_INT64, false},
};
#define FIELD_COUNT 8
#define EVENT_COUNT 1000
#define ROUND_COUNT 200
static const struct weir_schema schema = {fields, FIELD_COUNT};

struct bench {
    const struct weir_codec *codec;
    struct weir_coder *coder;
    struct weir_arena texts; /* of the events' own cells */
    struct weir_arena arena;
    struct weir_value events[EVENT_COUNT][FIELD_COUNT];
    size_t ends[EVENT_COUNT];
    struct weir_buffer bytes;
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* "t00000000042" */
static struct weir_value text(struct bench *bench, char letter, int digits, int number) {
    const char *made = weir_arena_format(&bench->texts, "%c%0*d", letter, digits, number);
    if (!made) abort();
    return weir_value_text(made, (uint32_t)strlen(made));
}

static void make_events(struct bench *bench) {
    static const char *const channels[] = {"pos", "ecom", "atm"}, *const countries[] = {"DE", "FR", "IT",
                                                                                        "US"};
    uint32_t seed = 1;
    for (int i = 0; i < EVENT_COUNT; i++) {
        struct weir_value *cells = bench->events[i];
        seed = seed * 1664525u + 1013904223u;
        int r = (int)(seed >> 8);
        cells[0] = text(bench, 't', 11, i);
        cells[1] = text(bench, 'c', 7, r % 100000);
        cells[2] = (struct weir_value){.as.i = 1714557600042 + i, .type = WEIR_TIMESTAMP};
        cells[3] = weir_value_float((double)(r % 30000) / 100);
        cells[4] = weir_value_text(channels[r % 3], (uint32_t)strlen(channels[r % 3]));
        cells[5] = weir_value_text(countries[r % 4], 2);
        cells[6] = text(bench, 'm', 4, r % 5000);
        cells[7] = weir_value_int(r % 20 == 0);
    }
}

static double encode_round(struct bench *bench) {
    double begin = now_ns();
    weir_buffer_clear(&bench->bytes);
    for (int i = 0; i < EVENT_COUNT; i++) {
        if (bench->codec->encode(bench->coder, bench->events[i], &bench->bytes)) abort();
        bench->ends[i] = bench->bytes.len;
    }
    return (now_ns() - begin) / EVENT_COUNT;
}

static double decode_round(struct bench *bench) {
    struct weir_value cells[FIELD_COUNT];
    struct weir_data_error error;
    double begin = now_ns();
    weir_arena_reset(&bench->arena);
    for (int i = 0; i < EVENT_COUNT; i++) {
        size_t at = i ? bench->ends[i - 1] : 0;
        struct weir_bytes value = {bench->bytes.data + at, bench->ends[i] - at};
        if (bench->codec->decode(bench->coder, value, &bench->arena, cells, &error)) abort();
    }
    return (now_ns() - begin) / EVENT_COUNT;
}

static void run(struct bench *bench, const struct weir_operator *op) {
    double decode_ns = 1e18, encode_ns = 1e18;
    bench->codec = (const struct weir_codec *)op;
    if (bench->codec->open(&schema, &bench->coder, NULL)) return; /* a codec without columns */
    for (int round = 0; round < ROUND_COUNT; round++) {
        double encode = encode_round(bench), decode = decode_round(bench);
        if (encode < encode_ns) encode_ns = encode;
        if (decode < decode_ns) decode_ns = decode;
    }
    printf("{\"bench\":\"codec\",\"codec\":\"%s\",\"bytes\":%zu,\"decode_ns\":%.1f,\"encode_ns\":%.1f}\n",
           op->name, bench->bytes.len / EVENT_COUNT, decode_ns, encode_ns);
    bench->codec->close(bench->coder);
}

int main(void) {
    struct bench *bench = calloc(1, sizeof *bench);
    const struct weir_operator *op = NULL;
    if (!bench) return 1;
    make_events(bench);
    while ((op = weir_registry_next(WEIR_FAMILY_CODEC, op))) run(bench, op);
    weir_buffer_deinit(&bench->bytes);
    weir_arena_deinit(&bench->texts);
    weir_arena_deinit(&bench->arena);
    free(bench);
    return 0;
}
