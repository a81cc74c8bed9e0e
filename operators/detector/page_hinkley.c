/* SPDX-License-Identifier: Apache-2.0 */
/* page_hinkley.c: alarms when values have added up to more than `threshold` above, or below, their mean.
 *
 * Page: "Continuous Inspection Schemes" (Biometrika 41, 1954); Hinkley: "Inference about the
 * change-point from cumulative sum tests" (Biometrika 58, 1971). Over the samples since the last alarm,
 * with their running mean:
 *
 *   m_t = sum of (x_i - mean_i - delta),   a rise alarms at  m_t - min(m_0..m_t) > threshold,  m_0 = 0
 *
 * and the mirror image for a fall. delta is the change per sample to put up with, threshold is in units
 * of x times samples. The distance from the minimum is kept directly, g = max(0, g + x - mean - delta):
 * the same number, but it stays near zero on a stable stream instead of being the difference of two
 * numbers that both sink for ever.
 *
 * Where g was last zero is also the estimate of where the change began: the report's "before" and
 * "after" are the samples up to there and since. A delta that is small against the noise lets g wander
 * above zero for long; the estimate then lies too early and mean_after is diluted. A delta of a quarter
 * of the change worth an alarm gives honest numbers.
 *
 * alpha < 1 makes the sum forget: g = max(0, alpha g + x - mean - delta). Default 1, the original test.
 * (Several libraries fade with .9999 and drop the minimum; their sum then sinks to -delta / (1 - alpha)
 * and the test grows half as sensitive with age. Not reproduced here.)
 *
 * direction: both (default), up or down.
 * reset:     the sample after an alarm starts afresh.
 * bound:     false alarms on Bernoulli(p), p in {.05, .2, .4}, defaults: at most 1 per 10,000 samples
 *            (measured 0, .30, .72 over 20 x 100k; tests/conformance/test_detectors.c). A larger delta or
 *            threshold buys fewer.
 * limits:    values beyond +-1e100 count as +-1e100.
 */
#include <assert.h>
#include <math.h>

#include "weir/detector.h"

#define CHUNK "detector/page_hinkley"
#define VERSION 1
#define VALUE_MAX 1e100
#define SUM_MAX 1e150 /* far beyond what any number of samples adds up to before an alarm */

enum { DELTA, THRESHOLD, ALPHA, MIN_SAMPLES, DIRECTION };
enum { BOTH, UP, DOWN };

static const char *const directions[] = {"both", "up", "down", NULL};

static const struct weir_option options[] = {
    [DELTA] = {"delta", WEIR_OPTION_FLOAT, "", 0, 1e12, "0.005", NULL,
               "change of the mean that is put up with"},
    [THRESHOLD] = {"threshold", WEIR_OPTION_FLOAT, "", 0, 1e15, "50", NULL,
                   "accumulated distance from the mean that is drift"},
    [ALPHA] = {"alpha", WEIR_OPTION_FLOAT, "", 0, 1, "1", NULL,
               "share of the accumulated distance kept per sample; 1 forgets nothing"},
    [MIN_SAMPLES] = {"min_samples", WEIR_OPTION_INT, "samples", 1, 1e9, "30", NULL,
                     "samples after a start or an alarm before the next can be raised"},
    [DIRECTION] = {"direction", WEIR_OPTION_CHOICE, "", 0, 0, "both", directions,
                   "which changes of the mean are reported"},
    WEIR_OPTION_END,
};

struct params {
    double delta, threshold, alpha;
    uint64_t min_samples;
    bool rises, falls;
};

/* One side of the test. */
struct side {
    double distance; /* g */
    uint64_t count;  /* samples since g was last zero */
    double mean;     /* of those samples */
};

struct state {
    uint64_t count; /* samples since start or alarm */
    double mean;
    struct side up, down;
    uint64_t alarmed; /* 0, UP or DOWN: the side of the last alarm; start afresh at the next sample */
};

static const struct params *params_of(const struct weir_binding *binding) {
    return (const struct params *)binding->params.bytes;
}

static int bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    const union weir_option_value *values = binding->options;
    struct params *params = (struct params *)binding->params.bytes;
    *params = (struct params){.delta = values[DELTA].f,
                              .threshold = values[THRESHOLD].f,
                              .alpha = values[ALPHA].f,
                              .min_samples = (uint64_t)values[MIN_SAMPLES].i,
                              .rises = values[DIRECTION].i != DOWN,
                              .falls = values[DIRECTION].i != UP};
    binding->state_bytes = sizeof(struct state);
    binding->output_count = 1;
    return WEIR_OK;
}

static void init(const struct weir_binding *binding, void *state) {
    (void)binding;
    *(struct state *)state = (struct state){0};
}

static void add(struct side *side, double alpha, double step, double x) {
    double distance = alpha * side->distance + step;
    if (distance <= 0) {
        *side = (struct side){0};
        return;
    }
    side->distance = fmin(distance, SUM_MAX);
    side->count++;
    side->mean += (x - side->mean) / (double)side->count;
}

static enum weir_drift update(const struct weir_binding *binding, void *state, double x) {
    const struct params *params = params_of(binding);
    struct state *s = state;
    if (s->alarmed) init(binding, state);
    x = x > VALUE_MAX ? VALUE_MAX : x < -VALUE_MAX ? -VALUE_MAX : x;
    s->count++;
    s->mean += (x - s->mean) / (double)s->count;
    if (params->rises) add(&s->up, params->alpha, x - s->mean - params->delta, x);
    if (params->falls) add(&s->down, params->alpha, s->mean - x - params->delta, x);
    if (s->count < params->min_samples) return WEIR_STABLE;
    if (s->up.distance > params->threshold)
        s->alarmed = UP;
    else if (s->down.distance > params->threshold)
        s->alarmed = DOWN;
    return s->alarmed ? WEIR_DRIFT : WEIR_STABLE;
}

static void report(const struct weir_binding *binding, const void *state, struct weir_drift_report *out) {
    const struct state *s = state;
    const struct side *side = s->alarmed == DOWN ? &s->down : &s->up;
    const uint64_t before = s->count - side->count;
    const double n = (double)s->count, since = (double)side->count;
    *out = (struct weir_drift_report){
        .mean_before = before ? (n * s->mean - since * side->mean) / (double)before : (double)NAN,
        .mean_after = side->count ? side->mean : (double)NAN,
        .count_before = before,
        .count_after = side->count,
        .statistic = side->distance,
        .threshold = params_of(binding)->threshold,
    };
}

static bool is_sound(const struct side *side, uint64_t count) {
    return side->distance >= 0 && side->distance <= SUM_MAX && side->count <= count &&
           fabs(side->mean) <= VALUE_MAX * 1.0001 && (side->count > 0) == (side->distance > 0);
}

static bool check(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return fabs(s->mean) <= VALUE_MAX * 1.0001 && is_sound(&s->up, s->count) &&
           is_sound(&s->down, s->count) && s->alarmed <= DOWN;
}

static void save_side(const struct side *side, struct weir_state_writer *writer) {
    weir_state_write_f64(writer, side->distance);
    weir_state_write_u64(writer, side->count);
    weir_state_write_f64(writer, side->mean);
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    const struct state *s = state;
    (void)binding;
    assert(check(binding, state));
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->count);
    weir_state_write_f64(writer, s->mean);
    save_side(&s->up, writer);
    save_side(&s->down, writer);
    weir_state_write_u64(writer, s->alarmed);
}

static void load_side(struct side *side, struct weir_state_reader *reader) {
    side->distance = weir_state_read_f64(reader);
    side->count = weir_state_read_u64(reader, INT64_MAX);
    side->mean = weir_state_read_f64(reader);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->count = weir_state_read_u64(reader, INT64_MAX);
    s->mean = weir_state_read_f64(reader);
    load_side(&s->up, reader);
    load_side(&s->down, reader);
    s->alarmed = weir_state_read_u64(reader, DOWN);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "a sum or a mean is out of range");
    return weir_state_reader_result(reader);
}

const struct weir_detector weir_detector_page_hinkley = {
    .op = {.name = "page_hinkley",
           .summary = "Sum of distances from the running mean, both sides; for any column, not only errors.",
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
