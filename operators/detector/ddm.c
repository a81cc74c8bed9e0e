/* SPDX-License-Identifier: Apache-2.0 */
/* ddm.c: alarms when the running error rate has risen well above the lowest it has been.
 *
 * Gama, Medas, Castillo, Rodrigues: "Learning with Drift Detection" (SBIA 2004), with the counting of
 * MOA, whose alarm positions it reproduces (tests/unit/test_ddm.c). Over the n samples since the last
 * alarm:
 *
 *   p  running mean of the errors        s  = sqrt(p (1 - p) / n), its standard deviation
 *   p_min, s_min: p and s where p + s was last smallest
 *   warning:  p + s > p_min + warning * s_min        (default 2)
 *   drift:    p + s > p_min + drift   * s_min        (default 3)
 *
 * Strictly above: with >= a stream of equal values, where s = 0, would alarm. The minimum is kept from
 * sample min_samples - 1 on, which may also warn; drift is possible from sample min_samples on. The
 * sample after an alarm starts afresh.
 *
 * polarity:  1 = wrong, 0 = right; values between are partly wrong; others count as the nearer end.
 * direction: rises only. A fall moves the minimum and is silent.
 * report:    before = the samples up to the minimum; after = those since.
 * bound:     false alarms on Bernoulli(p), p in {.05, .2, .4}, defaults: at most 0.5 per 10,000 samples
 *            (measured .11, .06, .02 over 20 x 100k; tests/conformance/test_detectors.c). Most come early
 *            after a start, while s_min rests on few samples: up to 0.3 in the first 2,000.
 */
#include <assert.h>
#include <math.h>

#include "weir/detector.h"

#define CHUNK "detector/ddm"
#define VERSION 1

enum { MIN_SAMPLES, WARNING, DRIFT };

static const struct weir_option options[] = {
    [MIN_SAMPLES] = {"min_samples", WEIR_OPTION_INT, "samples", 2, 1e9, "30", NULL,
                     "samples after a start or an alarm before the next can be raised"},
    [WARNING] = {"warning", WEIR_OPTION_FLOAT, "standard deviations", 0, 100, "2", NULL,
                 "rise above the lowest error rate that is a warning"},
    [DRIFT] = {"drift", WEIR_OPTION_FLOAT, "standard deviations", 0, 100, "3", NULL,
               "rise above the lowest error rate that is drift"},
    WEIR_OPTION_END,
};

struct params {
    uint64_t min_samples;
    double warning, drift;
};

struct state {
    uint64_t count; /* samples since start or alarm */
    double mean;
    uint64_t low_count; /* samples when mean + deviation was smallest; 0 = not yet looked for */
    double low_mean, low_deviation;
    double statistic, threshold; /* of the last warning or drift */
    bool alarmed;                /* start afresh at the next sample */
    char padding[7];             /* explicit, so that equal states are equal bytes */
};

static const struct params *params_of(const struct weir_binding *binding) {
    return (const struct params *)binding->params.bytes;
}

static int bind(struct weir_binding *binding, struct weir_error *error) {
    const union weir_option_value *values = binding->options;
    struct params *params = (struct params *)binding->params.bytes;
    *params = (struct params){(uint64_t)values[MIN_SAMPLES].i, values[WARNING].f, values[DRIFT].f};
    if (params->warning > params->drift)
        return weir_error_set(error, WEIR_CONFIG, "warning is %g and drift is %g: a warning must come before",
                              params->warning, params->drift);
    binding->state_bytes = sizeof(struct state);
    binding->output_count = 1;
    return WEIR_OK;
}

static void init(const struct weir_binding *binding, void *state) {
    (void)binding;
    *(struct state *)state = (struct state){0};
}

static enum weir_drift update(const struct weir_binding *binding, void *state, double x) {
    const struct params *params = params_of(binding);
    struct state *s = state;
    if (s->alarmed) init(binding, state);
    s->count++;
    s->mean += ((x < 0 ? 0 : x > 1 ? 1 : x) - s->mean) / (double)s->count;
    if (s->count + 1 < params->min_samples) return WEIR_STABLE;

    /* The mean of values in [0, 1] can pass 1 by a rounding; its variance must not turn negative. */
    const double deviation = sqrt(fmax(0, s->mean * (1 - s->mean)) / (double)s->count);
    const double level = s->mean + deviation;
    if (s->low_count == 0 || level <= s->low_mean + s->low_deviation) {
        s->low_count = s->count;
        s->low_mean = s->mean;
        s->low_deviation = deviation;
    }
    const double drift_at = s->low_mean + params->drift * s->low_deviation;
    const double warning_at = s->low_mean + params->warning * s->low_deviation;
    const bool is_drift = s->count >= params->min_samples && level > drift_at;
    if (!is_drift && !(level > warning_at)) return WEIR_STABLE;
    s->alarmed = is_drift;
    s->statistic = level;
    s->threshold = is_drift ? drift_at : warning_at;
    return is_drift ? WEIR_DRIFT : WEIR_WARNING;
}

static void report(const struct weir_binding *binding, const void *state, struct weir_drift_report *out) {
    (void)binding;
    const struct state *s = state;
    const uint64_t since = s->count - s->low_count;
    const double n = (double)s->count, n_low = (double)s->low_count;
    *out = (struct weir_drift_report){
        .mean_before = s->low_count ? s->low_mean : (double)NAN,
        .mean_after =
            since ? fmin(1, fmax(0, (n * s->mean - n_low * s->low_mean) / (double)since)) : (double)NAN,
        .count_before = s->low_count,
        .count_after = since,
        .statistic = s->statistic,
        .threshold = s->threshold,
    };
}

static bool is_share(double value) { return value >= 0 && value <= 1 + 1e-9; }

static bool check(const struct weir_binding *binding, const void *state) {
    (void)binding;
    const struct state *s = state;
    return is_share(s->mean) && is_share(s->low_mean) && is_share(s->low_deviation) &&
           s->low_count <= s->count && s->statistic >= 0 && s->statistic <= 3 && s->threshold >= 0 &&
           s->threshold <= 200;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    const struct state *s = state;
    (void)binding;
    assert(check(binding, state));
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, s->count);
    weir_state_write_f64(writer, s->mean);
    weir_state_write_u64(writer, s->low_count);
    weir_state_write_f64(writer, s->low_mean);
    weir_state_write_f64(writer, s->low_deviation);
    weir_state_write_f64(writer, s->statistic);
    weir_state_write_f64(writer, s->threshold);
    weir_state_write_bool(writer, s->alarmed);
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct state *s = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    s->count = weir_state_read_u64(reader, INT64_MAX);
    s->mean = weir_state_read_f64(reader);
    s->low_count = weir_state_read_u64(reader, INT64_MAX);
    s->low_mean = weir_state_read_f64(reader);
    s->low_deviation = weir_state_read_f64(reader);
    s->statistic = weir_state_read_f64(reader);
    s->threshold = weir_state_read_f64(reader);
    s->alarmed = weir_state_read_bool(reader);
    if (!check(binding, state)) weir_state_reader_refuse(reader, "an error rate is outside 0..1");
    return weir_state_reader_result(reader);
}

const struct weir_detector weir_detector_ddm = {
    .op = {.name = "ddm",
           .summary = "Error rate against its lowest so far, in standard deviations; warns before it alarms.",
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
