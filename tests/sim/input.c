/* SPDX-License-Identifier: Apache-2.0 */
/* input.c: the simulator's pipeline and its records: a concept that flips, late, broken, dropped, unlabelled
 * records, and records dated around tick + 10 minutes, whose fate depends on the tick (R13). */
#include <stdio.h>
#include <string.h>

#include "sim/story.h"
#include "weir/number.h"

/* The lateness is above 10 minutes: a record from the future that is let in must not make all others late. */
const char *story_pipeline(const char *rate) {
    static char text[2000];
    static const char format[] =
        "weir: 1\n"
        "name: sim\n"
        "source:\n"
        "  topic: in\n"
        "  event_time: {field: ts, unit: ms, lateness: 12m}\n"
        "  schema: {id: int64, card: string, ts: int64, amount: float64, ecom: bool, label: int64?}\n"
        "  keep: amount > 0\n"
        "labels: {field: label}\n"
        "features:\n"
        "  - by: card\n"
        "    columns:\n"
        "      n: count(2m)\n"
        "      ratio: amount / mean(amount, 5m)\n"
        "  - by: []\n"
        "    columns:\n"
        "      all: sum(amount, 1m)\n"
        "model:\n"
        "  transform: [standard_scaler]\n"
        "  learner: logistic_regression\n"
        "  options: {rate: %s}\n"
        "  inputs: [amount, n, ratio, all, ecom]\n"
        "drift:\n"
        "  - {name: errors, watch: model.error, detector: ddm, options: {min_samples: 10, drift: 1.5, "
        "warning: 1}, then: [alert, reset]}\n"
        "  - {name: amounts, watch: amount, detector: adwin, options: {delta: 0.3}, then: alert}\n"
        "sinks:\n"
        "  predictions: {topic: p, key: card, fields: [id, card, ts, score, decision, model.version, "
        "all]}\n"
        "  alerts: {topic: a}\n"
        "dead_letter: {topic: d}\n";
    snprintf(text, sizeof text, format, rate);
    return text;
}

static int64_t date(struct story *story) {
    int64_t wall = STORY_EPOCH_MS + sim_now(story->cluster);
    switch (story_below(story, 24)) {
        case 0:
            return wall - 13 * 60000 - story_below(story, 60000); /* late, if nothing holds time back */
        case 1: /* the fate hangs on the tick: on time at one a second later */
        case 2:
            return wall + 600000 + (int64_t)story_below(story, 4000) - 1000;
        default:
            return wall - story_below(story, 3000);
    }
}

/* Not by printf: with OpenBLAS comes libquadmath, which makes all of glibc's printf slow, a tenth of a story.
 */
static char *put(char *to, const char *text) { return stpcpy(to, text); }

static char *put_number(char *to, int64_t number) { return to + weir_integer_format(number, to); }

void story_produce(struct story *story) {
    char text[200], key[8];
    uint32_t n = story->to_produce--;
    int32_t partition = (int32_t)story_below(story, (uint32_t)story->partition_count);
    uint32_t cents = story_below(story, 10000) + 1, card = story_below(story, 6);
    const char *sign = story_chance(story, 3) ? "-" : "";
    bool label = (cents > 5000) != ((n / 25) % 2 == 0);
    int64_t ts = date(story);
    char *end = put_number(put(text, "{\"id\":"), n);
    end = put_number(put(end, ",\"card\":\"c"), card);
    end = put_number(put(end, "\",\"ts\":"), ts);
    end = put_number(put(put(end, ",\"amount\":"), sign), cents / 100);
    end = put_number(put(end, cents % 100 < 10 ? ".0" : "."), cents % 100);
    const char *given = story_chance(story, 5) ? "null" : label ? "1" : "0";
    end = put(put(end, ",\"ecom\":"), story_chance(story, 30) ? "true" : "false");
    end = put(put(put(end, ",\"label\":"), given), "}");
    int len = (int)(end - text);
    if (story_chance(story, 3)) len = (int)story_below(story, (uint32_t)len); /* broken */
    snprintf(key, sizeof key, "c%u", card);
    struct weir_record record = {.timestamp_ms = ts, .key = {key, strlen(key)}, .value = {text, (size_t)len}};
    int upstream = story->upstream && story_chance(story, 70) ? 1 : 0;
    story->upstream_open = story->upstream_open || upstream;
    sim_append(story->cluster, upstream, STORY_INPUT, partition, &record);
    if (story->upstream_open && (story_chance(story, 20) || !story->to_produce)) {
        sim_upstream_end(story->cluster, 1, story_chance(story, 75));
        story->upstream_open = false;
    }
}
