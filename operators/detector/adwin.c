/* SPDX-License-Identifier: Apache-2.0 */
/* adwin.c: an adaptive window that is as long as its mean has not changed.
 *
 * Bifet, Gavalda: "Learning from Time-Changing Data with Adaptive Windowing" (SDM 2007), ADWIN2, in the
 * form that MOA gives it: alarm positions are equal to MOA's, sample by sample (tests/unit/test_adwin.c).
 *
 * The window W of n samples is cut at every bucket boundary into an older part W0 (n0 samples, mean m0)
 * and a newer part W1 (n1, m1). The two differ when
 *
 *   |m0 - m1| > sqrt(2 h v L) + (2/3) h L
 *   h = 1/(n0-4) + 1/(n1-4)     v = variance of the window     L = ln(2 ln(n) / delta)
 *
 * with n0, n1 > 6. Cuts are tried from the oldest boundary on; when one differs, the oldest *bucket* is
 * dropped and the search starts again, until no cut differs. The search runs at every `clock`-th sample
 * and only with n > 10.
 *
 * Buckets form an exponential histogram: row r holds at most 5 buckets of 2^r samples each, with their
 * sum and their spread (sum of squared distances from the bucket's mean). A sixth bucket makes the two
 * oldest of the row merge into one of the next row:
 *   spread = spread_a + spread_b + 2^r (mean_a - mean_b)^2 / 2.
 * So n samples cost O(log n) memory: a row of 104 bytes per doubling, 3 KB at the default window_max.
 *
 * Totals after a drop are added up again from the remaining buckets instead of subtracting the dropped
 * one: what leaves the window leaves no rounding behind, even after a value of 1e100.
 *
 * direction: `both` (default) reports all changes. `up` is MOA's wrapper: only those that raise the
 *            window's mean above what it was before the sample (an error rate that falls is good news).
 *            The window shrinks either way.
 * report:    the two sides of the strongest cut of the window before anything was dropped, |m0 - m1|
 *            relative to its bound: near where the mean changed. (The cut tried first lies too early.)
 * bound:     false alarms on Bernoulli(p), p in {.05, .2, .4}, defaults: at most 0.1 per 10,000 samples
 *            (measured .005, .025, 0 over 20 x 100k; tests/conformance/test_detectors.c).
 * scale:     the second term of the bound supposes values of the order of 1, as errors are. On a column
 *            in thousandths only large relative changes show, on one in millions rounding may; rescale
 *            it in an expression, or use page_hinkley, which has its scale as an option.
 * limits:    values beyond +-1e100 count as +-1e100. `window_max` fixes the number of rows; beyond it
 *            the oldest bucket is forgotten.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "weir/detector.h"

#define CHUNK "detector/adwin"
#define VERSION 1
#define VALUE_MAX 1e100
#define BUCKETS_MAX 5 /* per row, at rest */
#define SIDE_MIN 6    /* n0 and n1 must be larger */
#define WINDOW_MIN 10 /* n must be larger */
#define ROWS_MAX 40

enum { DELTA, DIRECTION, CLOCK, WINDOW_MAX };
enum { BOTH, UP };

static const char *const directions[] = {"both", "up", NULL};

static const struct weir_option options[] = {
    [DELTA] = {"delta", WEIR_OPTION_FLOAT, "", 1e-12, 1, "0.002", NULL,
               "confidence of one comparison; smaller means fewer and later alarms"},
    [DIRECTION] = {"direction", WEIR_OPTION_CHOICE, "", 0, 0, "both", directions,
                   "which changes of the mean are reported: all, or rises only"},
    [CLOCK] = {"clock", WEIR_OPTION_INT, "samples", 1, 1000000, "32", NULL,
               "how many samples apart the window is searched for a change"},
    [WINDOW_MAX] = {"window_max", WEIR_OPTION_INT, "samples", 100, 1e12, "1000000000", NULL,
                    "longest window; older samples are forgotten; each doubling costs 104 bytes"},
    WEIR_OPTION_END,
};

struct params {
    double delta;
    uint64_t clock;
    uint32_t row_count;
    bool rises_only;
};

struct bucket {
    double sum;
    double spread; /* sum of squared distances from the bucket's mean */
};

struct row {
    uint64_t count; /* buckets in use, oldest first */
    struct bucket buckets[BUCKETS_MAX + 1];
};

struct state {
    uint64_t input_count; /* samples since init: the clock */
    uint64_t width;       /* samples in the window */
    struct bucket total;  /* of the window */
    struct weir_drift_report report;
    struct row rows[]; /* row r: buckets of 2^r samples */
};

static const struct params *params_of(const struct weir_binding *binding) {
    return (const struct params *)binding->params.bytes;
}

static int bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    const union weir_option_value *values = binding->options;
    uint32_t rows = 1;
    while (rows < ROWS_MAX && BUCKETS_MAX * ((INT64_C(1) << rows) - 1) < values[WINDOW_MAX].i) rows++;
    struct params *params = (struct params *)binding->params.bytes;
    *params = (struct params){.delta = values[DELTA].f,
                              .clock = (uint64_t)values[CLOCK].i,
                              .row_count = rows,
                              .rises_only = values[DIRECTION].i == UP};
    binding->state_bytes = sizeof(struct state) + rows * sizeof(struct row);
    binding->output_count = 1;
    return WEIR_OK;
}

static void init(const struct weir_binding *binding, void *state) {
    struct state *s = state;
    memset(s, 0, binding->state_bytes);
    s->report.mean_before = s->report.mean_after = (double)NAN;
}

/* Two neighbouring runs of samples as one. */
static struct bucket joined(struct bucket a, uint64_t a_count, struct bucket b, uint64_t b_count) {
    double na = (double)a_count, nb = (double)b_count;
    double gap = a.sum / na - b.sum / nb;
    return (struct bucket){a.sum + b.sum, a.spread + b.spread + na * nb / (na + nb) * gap * gap};
}

/* Adds the window up from its buckets, oldest first. */
static void recount(struct state *s, uint32_t row_count) {
    s->width = 0;
    s->total = (struct bucket){0, 0};
    for (uint32_t r = row_count; r-- > 0;) {
        for (uint64_t k = 0; k < s->rows[r].count; k++) {
            const uint64_t size = UINT64_C(1) << r;
            s->total =
                s->width ? joined(s->total, s->width, s->rows[r].buckets[k], size) : s->rows[r].buckets[k];
            s->width += size;
        }
    }
}

static void shift_out(struct row *row, uint64_t count) {
    row->count -= count;
    memmove(row->buckets, row->buckets + count, row->count * sizeof row->buckets[0]);
    memset(row->buckets + row->count, 0, count * sizeof row->buckets[0]);
}

/* Drops the oldest bucket of the window. */
static void drop_oldest(struct state *s, uint32_t row_count) {
    uint32_t r = row_count;
    do {
        assert(r > 0);
        r--;
    } while (s->rows[r].count == 0);
    shift_out(&s->rows[r], 1);
    recount(s, row_count);
}

/* The newest sample becomes a bucket of row 0; full rows hand two buckets on as one. */
static void insert(struct state *s, uint32_t row_count, double x) {
    if (s->width > 0) {
        double before = (double)s->width, gap = x - s->total.sum / before;
        s->total.spread += before * gap * gap / (before + 1);
    }
    s->width++;
    s->total.sum += x;
    s->rows[0].buckets[s->rows[0].count++] = (struct bucket){x, 0};
    for (uint32_t r = 0; s->rows[r].count > BUCKETS_MAX; r++) {
        if (r + 1 == row_count) { /* window_max */
            drop_oldest(s, row_count);
            return;
        }
        struct row *row = &s->rows[r], *next = row + 1;
        const uint64_t size = UINT64_C(1) << r;
        next->buckets[next->count++] = joined(row->buckets[0], size, row->buckets[1], size);
        shift_out(row, 2);
    }
}

/* The first cut, from the oldest, whose two sides differ; with `strongest`, of all that differ the one with
 * the largest difference relative to its bound. Fills *cut and is true, or is false. */
static bool find_cut(const struct params *params, const struct state *s, bool strongest,
                     struct weir_drift_report *cut) {
    const double n = (double)s->width, variance = s->total.spread / n;
    const double l = log(2 * log(n) / params->delta);
    uint64_t n0 = 0;
    double sum0 = 0, excess = 1;
    for (uint32_t r = params->row_count; r-- > 0;) {
        for (uint64_t k = 0; k < s->rows[r].count; k++) {
            n0 += UINT64_C(1) << r;
            sum0 += s->rows[r].buckets[k].sum;
            const uint64_t n1 = s->width - n0;
            if (n0 <= SIDE_MIN || n1 <= SIDE_MIN) continue;
            const double mean0 = sum0 / (double)n0, mean1 = (s->total.sum - sum0) / (double)n1;
            const double h = 1 / ((double)n0 - 4) + 1 / ((double)n1 - 4);
            const double bound = sqrt(2 * h * variance * l) + 2.0 / 3.0 * h * l;
            if (!(fabs(mean0 - mean1) > excess * bound)) continue;
            excess = fabs(mean0 - mean1) / bound;
            *cut = (struct weir_drift_report){mean0, mean1, n0, n1, fabs(mean0 - mean1), bound};
            if (!strongest) return true;
        }
    }
    return excess > 1;
}

static enum weir_drift update(const struct weir_binding *binding, void *state, double x) {
    const struct params *params = params_of(binding);
    struct state *s = state;
    const double mean_before = s->width ? s->total.sum / (double)s->width : 0;
    insert(s, params->row_count, x > VALUE_MAX ? VALUE_MAX : x < -VALUE_MAX ? -VALUE_MAX : x);
    if (++s->input_count % params->clock != 0 || s->width <= WINDOW_MIN) return WEIR_STABLE;

    struct weir_drift_report cut, evidence;
    if (!find_cut(params, s, true, &evidence)) return WEIR_STABLE;
    do drop_oldest(s, params->row_count);
    while (s->width > WINDOW_MIN && find_cut(params, s, false, &cut));
    if (params->rises_only && s->total.sum / (double)s->width <= mean_before) return WEIR_STABLE;
    s->report = evidence;
    return WEIR_DRIFT;
}

static void report(const struct weir_binding *binding, const void *state, struct weir_drift_report *out) {
    (void)binding;
    *out = ((const struct state *)state)->report;
}

static bool check(const struct weir_binding *binding, const void *state) {
    const struct params *params = params_of(binding);
    const struct state *s = state;
    uint64_t width = 0;
    for (uint32_t r = 0; r < params->row_count; r++) {
        const struct row *row = &s->rows[r];
        if (row->count > BUCKETS_MAX) return false;
        const double size = (double)(UINT64_C(1) << r), sum_max = size * VALUE_MAX * 1.0001;
        for (uint64_t k = 0; k < row->count; k++) {
            const struct bucket *b = &row->buckets[k];
            if (!(fabs(b->sum) <= sum_max) || !(b->spread >= 0 && b->spread <= sum_max * 4 * VALUE_MAX))
                return false;
        }
        width += row->count << r;
    }
    return width == s->width && width <= s->input_count && isfinite(s->total.sum) &&
           isfinite(s->total.spread) && s->total.spread >= 0;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    const struct params *params = params_of(binding);
    const struct state *s = state;
    assert(check(binding, state));
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, params->row_count);
    weir_state_write_u64(writer, s->input_count);
    weir_state_write_u64(writer, s->width);
    weir_state_write_f64(writer, s->total.sum);
    weir_state_write_f64(writer, s->total.spread);
    weir_state_write_f64(writer, s->report.mean_before);
    weir_state_write_f64(writer, s->report.mean_after);
    weir_state_write_u64(writer, s->report.count_before);
    weir_state_write_u64(writer, s->report.count_after);
    weir_state_write_f64(writer, s->report.statistic);
    weir_state_write_f64(writer, s->report.threshold);
    for (uint32_t r = 0; r < params->row_count; r++) {
        weir_state_write_u64(writer, s->rows[r].count);
        for (uint64_t k = 0; k < s->rows[r].count; k++) {
            weir_state_write_f64(writer, s->rows[r].buckets[k].sum);
            weir_state_write_f64(writer, s->rows[r].buckets[k].spread);
        }
    }
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    const struct params *params = params_of(binding);
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    if (weir_state_read_u64(reader, ROWS_MAX) != params->row_count)
        weir_state_reader_refuse(reader, "the saved window has another window_max");
    s->input_count = weir_state_read_u64(reader, INT64_MAX);
    s->width = weir_state_read_u64(reader, INT64_MAX);
    s->total.sum = weir_state_read_f64(reader);
    s->total.spread = weir_state_read_f64(reader);
    s->report.mean_before = weir_state_read_f64(reader);
    s->report.mean_after = weir_state_read_f64(reader);
    s->report.count_before = weir_state_read_u64(reader, INT64_MAX);
    s->report.count_after = weir_state_read_u64(reader, INT64_MAX);
    s->report.statistic = weir_state_read_f64(reader);
    s->report.threshold = weir_state_read_f64(reader);
    for (uint32_t r = 0; r < params->row_count; r++) {
        s->rows[r].count = weir_state_read_u64(reader, BUCKETS_MAX);
        for (uint64_t k = 0; k < s->rows[r].count; k++) {
            s->rows[r].buckets[k].sum = weir_state_read_f64(reader);
            s->rows[r].buckets[k].spread = weir_state_read_f64(reader);
        }
    }
    if (!check(binding, state)) weir_state_reader_refuse(reader, "the window's buckets do not add up");
    return weir_state_reader_result(reader);
}

const struct weir_detector weir_detector_adwin = {
    .op = {.name = "adwin",
           .summary =
               "Adaptive window: compares all older parts with the newer rest; no tuning beyond delta.",
           .family = WEIR_FAMILY_DETECTOR,
           .version = VERSION,
           .options = options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .update = update,
    .report = report,
};
