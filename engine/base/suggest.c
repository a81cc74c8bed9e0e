/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.c: "did you mean ...?".
 *
 * Optimal string alignment distance (restricted Damerau-Levenshtein, Damerau 1964): insert, delete, replace
 * and swapping two neighbours cost one each. d[i][j] is the distance of the first i characters of the word
 * and the first j of the name; three rows are enough, since a swap looks two rows back.
 *
 * Near is a distance <= max(2, length / 3), and at most half of the longer of the two: without the second
 * rule every two-letter word would be near every other. A name equal but for case, and the last part of a
 * dotted name ("mcc" for "merchant.mcc"), are always near.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"

#define WORD_MAX 80

static char lower(char c) { return (char)tolower((unsigned char)c); }

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t distance(const char *word, size_t word_len, const char *name, size_t name_len) {
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= name_len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= word_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= name_len; j++) {
            bool same = lower(word[i - 1]) == lower(name[j - 1]);
            size_t best = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(word[i - 1]) == lower(name[j - 2]) &&
                lower(word[i - 2]) == lower(name[j - 1]))
                best = least(best, two_above[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[word_len % 3][name_len];
}

const char *weir_suggest(const char *word, const char *const *names, size_t count) {
    size_t word_len = strlen(word);
    const char *nearest = NULL;
    size_t nearest_distance = (size_t)-1;
    if (!word_len) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!strcasecmp(word, names[i])) return names[i];
        size_t name_len = strlen(names[i]);
        if (word_len > WORD_MAX || name_len > WORD_MAX) continue;
        size_t longer = word_len > name_len ? word_len : name_len;
        size_t limit = word_len / 3 > 2 ? word_len / 3 : 2;
        size_t d = distance(word, word_len, names[i], name_len);
        const char *tail = strrchr(names[i], '.');
        if (tail && !strcasecmp(tail + 1, word))
            d = 1;
        else if (d > limit || d * 2 > longer)
            continue;
        if (d < nearest_distance) {
            nearest_distance = d;
            nearest = names[i];
        }
    }
    return nearest;
}

void weir_diag_help_words(struct weir_diags *diags, const char *word, const char *const *words,
                          const char *intro) {
    size_t count = 0;
    while (words[count]) count++;
    const char *near = weir_suggest(word, words, count);
    if (near) {
        weir_diag_help(diags, "did you mean '%s'?", near);
        return;
    }
    struct weir_buffer list;
    weir_buffer_init(&list);
    weir_buffer_append_text(&list, intro);
    for (size_t i = 0; i < count; i++) weir_buffer_format(&list, "%s%s", i ? ", " : " ", words[i]);
    const char *text = weir_buffer_text(&list);
    if (text) weir_diag_help(diags, "%s", text);
    weir_buffer_deinit(&list);
}
