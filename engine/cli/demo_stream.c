/* SPDX-License-Identifier: Apache-2.0 */
/* demo_stream.c: card payments and who cheats, with two changes of mind.
 *
 * Payments. 2,000 cards; a row every 200 ms of event time, so a card pays about every 7 minutes. Three rows
 * in ten belong to a burst: one of 8 cards that are used 6 to 10 times within a minute, mostly at tills.
 * Amounts are log-normal, ln(amount) = 3.3 + u with u ~ N(0, 1); channel, country and merchant are drawn per
 * row. None of that ever changes: the inputs have no drift, only what fraud looks like has (concept drift,
 * not covariate drift; Gama et al., "A Survey on Concept Drift Adaptation", ACM Computing Surveys 46(4),
 * 2014).
 *
 * Fraud. P(fraud) = 1 / (1 + exp(-z)), z linear in what the pipeline can see, so that a logistic regression
 * can learn it, and steep, so that little is left to chance (the best possible error is about 3 %):
 *
 *   rows of the first third    high amounts in web shops            z = 7 (u + 4 ecom - 3.8)
 *   second third               bursts of low amounts at tills       z = 7 (0.8 n + 4 pos - u - 6.0)
 *   last third                 high amounts at cash machines,       z = 7 (u + 4 atm + foreign - 3.6)
 *                              first of all abroad
 *
 * with n the number of the payment in its burst (1 outside bursts) and ecom, pos, atm, foreign 0 or 1. Each
 * pattern makes 17 to 20 % of the rows fraud. A model of one pattern both misses the next one's fraud and
 * accuses the last one's honest rows: its error rate jumps from 3 or 4 % to about 35 %.
 *
 * Disorder. Event time is 200 ms * row plus a uniform 0 to 2 s: rows overtake each other by less than 2 s.
 *
 * Random numbers are SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA
 * 2014); normal ones by Box and Muller (1958).
 */
#include "cli/demo_stream.h"

#include <math.h>
#include <stdio.h>

#define CARD_COUNT 2000
#define MERCHANT_COUNT 500
#define START_MS INT64_C(1714557600000) /* 2024-05-01 10:00 UTC */
#define STEP_MS 200
#define STEEPNESS 7
#define LOG_AMOUNT_MEAN 3.3

enum channel { POS, ECOM, ATM };
static const char *const channel_names[] = {"pos", "ecom", "atm"};

/* ---- random numbers ---- */

static uint64_t next_bits(struct weir_demo_stream *stream) {
    uint64_t z = stream->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In [0, 1). */
static double uniform(struct weir_demo_stream *stream) { return (double)(next_bits(stream) >> 11) * 0x1p-53; }

static uint32_t below(struct weir_demo_stream *stream, uint32_t count) {
    return (uint32_t)(uniform(stream) * count);
}

static double normal(struct weir_demo_stream *stream) {
    double radius = sqrt(-2 * log(1 - uniform(stream)));
    return radius * cos(6.283185307179586 * uniform(stream));
}

/* ---- payments ---- */

struct payment {
    uint32_t card, merchant, in_burst; /* in_burst: number of the payment in its burst, 1 outside */
    enum channel channel;
    const char *country;
    double u; /* (ln(amount) - 3.3) */
    int64_t cents;
};

static void choose_card(struct weir_demo_stream *stream, struct payment *payment, bool *burst) {
    *burst = uniform(stream) < 0.3;
    payment->in_burst = 1;
    if (!*burst) {
        payment->card = below(stream, CARD_COUNT);
        return;
    }
    struct weir_demo_burst *chosen = &stream->bursts[below(stream, WEIR_DEMO_BURST_COUNT)];
    if (chosen->used == chosen->length)
        *chosen = (struct weir_demo_burst){.card = below(stream, CARD_COUNT), .length = 6 + below(stream, 5)};
    payment->card = chosen->card;
    payment->in_burst = ++chosen->used;
}

static void choose_payment(struct weir_demo_stream *stream, struct payment *payment) {
    static const char *const abroad[] = {"FR", "NL", "PL", "IT", "NO"};
    bool burst;
    choose_card(stream, payment, &burst);
    double where = uniform(stream);
    double pos = burst ? 0.7 : 0.3, ecom = burst ? 0.2 : 0.4;
    payment->channel = where < pos ? POS : where < pos + ecom ? ECOM : ATM;
    payment->cents = (int64_t)llround(100 * exp(LOG_AMOUNT_MEAN + normal(stream)));
    if (payment->cents < 1) payment->cents = 1;
    payment->u = log((double)payment->cents / 100) - LOG_AMOUNT_MEAN;
    payment->country = uniform(stream) < 0.8 ? "DE" : abroad[below(stream, 5)];
    payment->merchant = below(stream, MERCHANT_COUNT);
}

/* ---- fraud ---- */

static double fraud_score(const struct payment *payment, int pattern) {
    bool foreign = payment->country[0] != 'D';
    switch (pattern) {
        case 0:
            return payment->u + 4 * (payment->channel == ECOM) - 3.8;
        case 1:
            return 0.8 * payment->in_burst + 4 * (payment->channel == POS) - payment->u - 6.0;
        default:
            return payment->u + 4 * (payment->channel == ATM) + foreign - 3.6;
    }
}

uint64_t weir_demo_stream_drift_row(uint64_t row_count, int drift) {
    return row_count / 3 * (uint64_t)(drift + 1) + 1;
}

static int pattern_of(const struct weir_demo_stream *stream) {
    int pattern = 0;
    while (pattern < WEIR_DEMO_DRIFT_COUNT &&
           stream->row >= weir_demo_stream_drift_row(stream->row_count, pattern))
        pattern++;
    return pattern;
}

/* ---- rows ---- */

void weir_demo_stream_init(struct weir_demo_stream *stream, uint64_t seed, uint64_t row_count) {
    *stream = (struct weir_demo_stream){.random = seed, .row_count = row_count};
}

void weir_demo_stream_next(struct weir_demo_stream *stream, struct weir_demo_row *row) {
    static const char *const codes[] = {"5411", "5812", "5732", "5541", "4111"};
    struct payment payment;
    stream->row++;
    choose_payment(stream, &payment);
    double z = STEEPNESS * fraud_score(&payment, pattern_of(stream));
    row->is_fraud = uniform(stream) < 1 / (1 + exp(-z));
    row->ts_ms = START_MS + (int64_t)(stream->row - 1) * STEP_MS + below(stream, WEIR_DEMO_DISORDER_MS);
    int key_len = snprintf(row->key, sizeof row->key, "c%04u", payment.card);
    int value_len = snprintf(
        row->value, sizeof row->value,
        "{\"tx_id\":\"t%09llu\",\"card_id\":\"%s\",\"ts\":%lld,\"amount\":%lld.%02d,\"currency\":\"EUR\","
        "\"channel\":\"%s\",\"merchant\":{\"id\":\"m%03u\",\"mcc\":\"%s\",\"country\":\"%s\"},"
        "\"is_fraud\":%s}",
        (unsigned long long)stream->row, row->key, (long long)row->ts_ms, (long long)(payment.cents / 100),
        (int)(payment.cents % 100), channel_names[payment.channel], payment.merchant,
        codes[payment.merchant % 5], payment.country, row->is_fraud ? "true" : "false");
    row->key_bytes = (struct weir_bytes){row->key, (size_t)key_len};
    row->value_bytes = (struct weir_bytes){row->value, (size_t)value_len};
}
