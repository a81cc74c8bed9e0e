/* SPDX-License-Identifier: Apache-2.0 */
/* load_value.c: single values: text, numbers, durations, sizes, words. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/load.h"
#include "config/measures.h"
#include "weir/number.h"

#define NAME_MAX_CHARS 64
#define TOPIC_MAX_CHARS 249

bool weir_is_column_name(const char *text) {
    if (!isalpha((unsigned char)text[0]) && text[0] != '_') return false;
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == '.' && (!text[i + 1] || text[i + 1] == '.')) return false;
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '.') return false;
    }
    return true;
}

static bool is_identifier(const char *text) {
    size_t len = strlen(text);
    if (!len || len > NAME_MAX_CHARS || strchr("._-", text[0])) return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool is_topic(const char *text) {
    size_t len = strlen(text);
    if (!len || len > TOPIC_MAX_CHARS || !strcmp(text, ".") || !strcmp(text, "..")) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i])) return false;
    return true;
}

static int find_word(const char *const *words, const char *text) {
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], text)) return i;
    return -1;
}

/* Numbers, durations and sizes, by the kind of the key. WEIR_DATA when the text is none. */
static int parse_number(const struct weir_key *key, const char *text, void *at) {
    size_t len = strlen(text);
    int64_t whole = 0;
    double number = 0;
    int result = WEIR_DATA;
    if (key->kind == WEIR_KEY_FLOAT) {
        result = weir_number_parse(text, len, &number);
        if (!result && !isfinite(number)) result = WEIR_DATA;
        if (!result) memcpy(at, &number, sizeof number);
        return result;
    }
    if (key->kind == WEIR_KEY_INT) result = weir_integer_parse(text, len, &whole);
    if (key->kind == WEIR_KEY_DURATION) result = weir_duration_parse(text, len, &whole);
    if (key->kind == WEIR_KEY_SIZE) result = weir_size_parse(text, len, &whole);
    if (!result) memcpy(at, &whole, sizeof whole);
    return result;
}

static void bound_text(const struct weir_key *key, double bound, char out[WEIR_MEASURE_TEXT_MAX]) {
    if (key->kind == WEIR_KEY_DURATION)
        weir_duration_format((int64_t)bound, out);
    else if (key->kind == WEIR_KEY_SIZE)
        weir_size_format((int64_t)bound, out);
    else
        snprintf(out, WEIR_MEASURE_TEXT_MAX, "%.15g", bound);
}

static void load_number(struct weir_loader *loader, const struct weir_slot *slot) {
    const struct weir_key *key = slot->key;
    union {
        double f;
        int64_t i;
    } value = {0};
    if (parse_number(key, slot->node->text, &value)) {
        weir_diag_add(loader->diags, "E112", slot->node->mark, "'%s' is %s, not '%.80s'", key->name,
                      weir_key_kind_text(key), weir_node_shown(slot->node));
        if (key->kind == WEIR_KEY_DURATION)
            weir_diag_help(loader->diags, "a whole number and a unit: ms, s, m, h, d, w");
        else if (key->kind == WEIR_KEY_SIZE)
            weir_diag_help(loader->diags, "a whole number of bytes, or with KiB, MiB, GiB, TiB");
        return;
    }
    double number = key->kind == WEIR_KEY_FLOAT ? value.f : (double)value.i;
    if (number < key->min || number > key->max) {
        char low[WEIR_MEASURE_TEXT_MAX], high[WEIR_MEASURE_TEXT_MAX];
        bound_text(key, key->min, low);
        bound_text(key, key->max, high);
        weir_diag_add(loader->diags, "E113", slot->node->mark, "'%s' must be between %s and %s, it is %.40s",
                      key->name, low, high, weir_node_shown(slot->node));
        weir_diag_help(loader->diags, "%s: %s", key->name, key->help);
        return;
    }
    memcpy(weir_slot_at(slot), &value, sizeof value);
}

static void load_choice(struct weir_loader *loader, const struct weir_slot *slot) {
    int index = find_word(slot->key->choices, slot->node->text);
    if (index >= 0) {
        memcpy(weir_slot_at(slot), &index, sizeof index);
        return;
    }
    weir_diag_add(loader->diags, "E114", slot->node->mark, "'%s' cannot be '%.80s'", slot->key->name,
                  weir_node_shown(slot->node));
    weir_diag_help_words(loader->diags, weir_node_shown(slot->node), slot->key->choices, "one of");
}

static void load_version(struct weir_loader *loader, const struct weir_slot *slot) {
    if (!strcmp(slot->node->text, "1")) return;
    weir_diag_add(loader->diags, "E119", slot->node->mark,
                  "this is weir's file format 1, the file asks for '%.40s'", weir_node_shown(slot->node));
    weir_diag_help(loader->diags, "write `weir: 1`");
}

static void bad_name(struct weir_loader *loader, const struct weir_slot *slot, const char *rule) {
    weir_diag_add(loader->diags, "E118", slot->node->mark, "'%.80s' cannot be a %s",
                  weir_node_shown(slot->node),
                  slot->key->kind == WEIR_KEY_TOPIC ? "topic" : "pipeline's name");
    weir_diag_help(loader->diags, "%s", rule);
}

static void load_text(struct weir_loader *loader, const struct weir_slot *slot) {
    const char *text = slot->node->text;
    if (slot->key->kind == WEIR_KEY_IDENTIFIER && !is_identifier(text)) {
        bad_name(loader, slot,
                 "lower case letters, digits, '.', '_', '-'; a letter or digit first; at most 64");
        return;
    }
    if (slot->key->kind == WEIR_KEY_TOPIC && !is_topic(text)) {
        bad_name(loader, slot, "letters, digits, '.', '_', '-'; at most 249");
        return;
    }
    if (slot->key->kind == WEIR_KEY_NAME || slot->key->kind == WEIR_KEY_TOPIC)
        *(struct weir_name *)weir_slot_at(slot) = (struct weir_name){text, slot->node};
    else
        *(const char **)weir_slot_at(slot) = text;
}

void weir_load_value(struct weir_loader *loader, const struct weir_slot *slot) {
    const struct weir_key *key = slot->key;
    if (!weir_loader_expect(loader, slot, WEIR_NODE_SCALAR)) return;
    if (weir_node_is_null(slot->node) || !slot->node->text[0]) {
        weir_diag_add(loader->diags, "E112", slot->node->mark, "'%s' has no value", key->name);
        weir_diag_help(loader->diags, "%s: %s", key->name, key->help);
        return;
    }
    if (key->later && !strcmp(key->later, slot->node->text)) {
        weir_diag_add(loader->diags, "E320", slot->node->mark, "%s: %s is not in this version of weir",
                      key->name, key->later);
        return;
    }
    switch (key->kind) {
        case WEIR_KEY_INT:
        case WEIR_KEY_FLOAT:
        case WEIR_KEY_DURATION:
        case WEIR_KEY_SIZE:
            load_number(loader, slot);
            break;
        case WEIR_KEY_CHOICE:
            load_choice(loader, slot);
            break;
        case WEIR_KEY_VERSION:
            load_version(loader, slot);
            break;
        default:
            load_text(loader, slot);
            break;
    }
}

void weir_load_fallback(const struct weir_key *key, void *target) {
    void *at = (char *)target + key->offset;
    int64_t not_given = WEIR_NOT_GIVEN;
    int index = 0;
    switch (key->kind) {
        case WEIR_KEY_DURATION:
            if (!key->fallback) memcpy(at, &not_given, sizeof not_given);
            /* fall through */
        case WEIR_KEY_INT:
        case WEIR_KEY_FLOAT:
        case WEIR_KEY_SIZE:
            if (key->fallback) parse_number(key, key->fallback, at);
            break;
        case WEIR_KEY_CHOICE:
            if (key->fallback) index = find_word(key->choices, key->fallback);
            memcpy(at, &index, sizeof index);
            break;
        case WEIR_KEY_ACTIONS:
            index = key->fallback ? 1 << find_word(key->choices, key->fallback) : 0;
            memcpy(at, &index, sizeof index);
            break;
        case WEIR_KEY_TEXT:
        case WEIR_KEY_IDENTIFIER:
            *(const char **)at = key->fallback;
            break;
        case WEIR_KEY_NAME:
            *(struct weir_name *)at = (struct weir_name){key->fallback, NULL};
            break;
        default:
            break;
    }
}
