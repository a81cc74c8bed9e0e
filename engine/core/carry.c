/* SPDX-License-Identifier: Apache-2.0 */
#include "core/carry.h"

#include <stdio.h>
#include <string.h>

#define PART_MAX 4096

void weir_carry_init(struct weir_carry *carry, uint64_t seed) {
    carry->seed = seed;
    weir_buffer_init(&carry->report);
}

void weir_carry_deinit(struct weir_carry *carry) { weir_buffer_deinit(&carry->report); }

void weir_carry_tell(struct weir_carry *carry, const char *what, const char *part) {
    weir_buffer_format(&carry->report, "%s: %s\n", what, part);
}

static void save_part(const struct weir_part *part, struct weir_state_writer *writer) {
    size_t len = 0;
    struct weir_state_writer *inner = weir_state_writer_create();
    if (inner) part->op->save(part->binding, part->state, inner);
    bool good = inner && !weir_state_writer_result(inner);
    const void *bytes = good ? weir_state_writer_bytes(inner, &len) : NULL;
    weir_state_write_bytes(writer, part->text, strlen(part->text));
    if (good) weir_state_write_bytes(writer, bytes, len);
    if (!good) weir_state_writer_fail(writer, WEIR_NOMEM);
    if (inner) weir_state_writer_destroy(inner);
}

void weir_parts_save(const struct weir_part *parts, uint32_t count, struct weir_state_writer *writer) {
    weir_state_write_u64(writer, count);
    for (uint32_t i = 0; i < count; i++) save_part(&parts[i], writer);
}

/* ---- loading ---- */

static struct weir_part *find(struct weir_part *parts, uint32_t count, const char *text, size_t len) {
    for (uint32_t i = 0; i < count; i++)
        if (!parts[i].loaded && strlen(parts[i].text) == len && !memcmp(parts[i].text, text, len))
            return &parts[i];
    return NULL;
}

static int load_part(struct weir_part *part, const void *bytes, size_t len, struct weir_state_reader *outer) {
    struct weir_state_reader *reader = weir_state_reader_create(bytes, len);
    if (!reader) return WEIR_NOMEM;
    int result = part->op->load(part->binding, part->state, reader);
    if (!result && !weir_state_reader_at_end(reader)) {
        weir_state_reader_refuse(reader, "bytes are left over");
        result = WEIR_DATA;
    }
    if (result) weir_state_reader_fail(outer, result, weir_state_reader_why(reader));
    part->loaded = !result;
    weir_state_reader_destroy(reader);
    return result;
}

/* The next of the saved ones. */
static int take_part(struct weir_part *parts, uint32_t count, struct weir_carry *carry,
                     struct weir_state_reader *reader) {
    char words[300];
    size_t text_len, len;
    const char *text = weir_state_read_view(reader, &text_len);
    const void *bytes = weir_state_read_view(reader, &len);
    if (weir_state_reader_result(reader)) return weir_state_reader_result(reader);
    struct weir_part *part = find(parts, count, text, text_len);
    if (part) return load_part(part, bytes, len, reader);
    snprintf(words, sizeof words, "%.*s", (int)(text_len < 280 ? text_len : 280), text);
    if (carry) {
        weir_carry_tell(carry, "dropped", words);
        return WEIR_OK;
    }
    char why[400];
    snprintf(why, sizeof why, "it has a part that this pipeline does not have: %s", words);
    weir_state_reader_refuse(reader, why);
    return WEIR_DATA;
}

int weir_parts_load(struct weir_part *parts, uint32_t count, struct weir_carry *carry,
                    struct weir_state_reader *reader) {
    uint64_t saved = weir_state_read_u64(reader, PART_MAX);
    int result = weir_state_reader_result(reader);
    for (uint64_t i = 0; i < saved && !result; i++) result = take_part(parts, count, carry, reader);
    for (uint32_t i = 0; i < count && !result; i++) {
        if (parts[i].loaded) continue;
        if (carry) {
            weir_carry_tell(carry, "starts cold", parts[i].text);
            continue;
        }
        char why[400];
        snprintf(why, sizeof why, "it has no part for %.300s", parts[i].text);
        weir_state_reader_refuse(reader, why);
        result = WEIR_DATA;
    }
    return result;
}
