/* SPDX-License-Identifier: Apache-2.0 */
/* standard_scaler.c: each input minus its mean so far, over its standard deviation so far.
 *
 * Welford's running form ("Note on a method for calculating corrected sums of squares and products",
 * Technometrics 4, 1962), per input and with the population variance kept directly (as River keeps it):
 *
 *   n <- n + 1
 *   mean' = mean + (x - mean) / n
 *   var'  = var + ((x - mean) (x - mean') - var) / n
 *   out   = (x - mean) / sqrt(var)
 *
 * A sum of squares minus a squared sum would lose all digits on inputs far from zero (timestamps).
 *
 * missing:  NaN is not observed and comes out as 0, the mean: "no information" for a linear learner.
 *           Each input therefore has its own count.
 * unseen:   an input not yet observed, or observed without any variance, comes out as 0.
 * limits:   values beyond +-1e100 count as +-1e100, so that no square overflows. A denormal variance gives at
 *           most 2e100 / sqrt(5e-324) = 1e262: finite.
 */
#include <math.h>

#include "weir/transform.h"

#define CHUNK "transform/standard_scaler"
#define VERSION 1
#define VALUE_MAX 1e100

struct input {
    uint64_t count;
    double mean, variance;
};

static int bind(struct weir_binding *binding, struct weir_error *error) {
    (void)error;
    binding->state_bytes = binding->input_count * sizeof(struct input);
    binding->output_count = binding->input_count;
    return WEIR_OK;
}

static void init(const struct weir_binding *binding, void *state) {
    struct input *inputs = state;
    for (uint32_t i = 0; i < binding->input_count; i++) inputs[i] = (struct input){0};
}

static bool is_sound(const struct input *input) {
    return fabs(input->mean) <= VALUE_MAX * 1.0001 && input->variance >= 0 &&
           input->variance <= 4.001 * VALUE_MAX * VALUE_MAX &&
           (input->count > 0 || (input->mean == 0 && input->variance == 0));
}

static bool check(const struct weir_binding *binding, const void *state) {
    const struct input *inputs = state;
    for (uint32_t i = 0; i < binding->input_count; i++)
        if (!is_sound(&inputs[i])) return false;
    return true;
}

static void save(const struct weir_binding *binding, const void *state, struct weir_state_writer *writer) {
    const struct input *inputs = state;
    weir_state_write_head(writer, CHUNK, VERSION);
    weir_state_write_u64(writer, binding->input_count);
    for (uint32_t i = 0; i < binding->input_count; i++) {
        weir_state_write_u64(writer, inputs[i].count);
        weir_state_write_f64(writer, inputs[i].mean);
        weir_state_write_f64(writer, inputs[i].variance);
    }
}

static int load(const struct weir_binding *binding, void *state, struct weir_state_reader *reader) {
    struct input *inputs = state;
    weir_state_read_head(reader, CHUNK, VERSION);
    if (weir_state_read_u64(reader, UINT32_MAX) != binding->input_count)
        weir_state_reader_refuse(reader, "the saved scaler has another number of inputs");
    for (uint32_t i = 0; i < binding->input_count; i++) {
        inputs[i].count = weir_state_read_u64(reader, INT64_MAX);
        inputs[i].mean = weir_state_read_f64(reader);
        inputs[i].variance = weir_state_read_f64(reader);
    }
    if (!check(binding, state)) weir_state_reader_refuse(reader, "a mean or variance is out of range");
    return weir_state_reader_result(reader);
}

static double bounded(double x) { return x > VALUE_MAX ? VALUE_MAX : x < -VALUE_MAX ? -VALUE_MAX : x; }

static void apply(const struct weir_binding *binding, const void *state, const double *in, double *out) {
    const struct input *inputs = state;
    for (uint32_t i = 0; i < binding->input_count; i++) {
        bool scaled = inputs[i].variance > 0 && !isnan(in[i]);
        out[i] = scaled ? (bounded(in[i]) - inputs[i].mean) / sqrt(inputs[i].variance) : 0;
    }
}

static void observe(const struct weir_binding *binding, void *state, const double *in) {
    struct input *inputs = state;
    for (uint32_t i = 0; i < binding->input_count; i++) {
        if (isnan(in[i])) continue;
        struct input *input = &inputs[i];
        double x = bounded(in[i]), before = input->mean, n = (double)++input->count;
        input->mean += (x - before) / n;
        input->variance += ((x - before) * (x - input->mean) - input->variance) / n;
    }
}

const struct weir_transform weir_transform_standard_scaler = {
    .op = {.name = "standard_scaler",
           .summary = "Centres and scales each input by its running mean and standard deviation.",
           .family = WEIR_FAMILY_TRANSFORM,
           .version = VERSION,
           .options = weir_no_options,
           .bind = bind,
           .init = init,
           .save = save,
           .load = load,
           .check = check},
    .apply = apply,
    .observe = observe,
};
