/* SPDX-License-Identifier: Apache-2.0 */
/* linear_model.c: a linear score trained by stochastic gradient descent.
 *
 *   score     z = b + sum_i w_i x_i
 *   gradient  g = clip(dL/dz * row weight, +-clip_gradient)     dL/dz comes from the learner
 *   weights   w_i <- w_i - rate (g x_i + l2 w_i)
 *   intercept b   <- b - intercept_rate g                       its own constant rate, never penalised
 *
 * The intercept has its own rate because it sees no scaling: a rate fit for standardised inputs is often
 * far too slow to carry the level of the target (TrumpApproval: MAE 1.31 with rate .01, 0.56 with .1).
 *
 * L1 is the cumulative penalty of Tsuruoka, Tsujii, Ananiadou: "Stochastic Gradient Descent Training for
 * L1-regularized Log-linear Models with Cumulative Penalty" (ACL 2009). Subtracting rate*l1 at each step
 * makes weights jitter around zero. Instead u = sum of rate*l1 is what each weight owes so far and q_i
 * what it has been charged (signed); a weight pays u +- q_i at once and stops at zero:
 *
 *   w_i > 0:  w_i' = max(0, w_i - (u + q_i))
 *   w_i < 0:  w_i' = min(0, w_i + (u - q_i))      then q_i <- q_i + (w_i' - w_i)
 *
 * u is added to for ever; only after 2^53 rows does a step of rate*l1 vanish in it. L1 with L2 is refused:
 * the charge assumes that nothing else shrinks the weight.
 *
 * Missing inputs (NaN) are left out of the score, and their weights out of the step and of penalties.
 *
 * Staying finite. An "ordinary" row has sum x_i^2 <= 1e60: no NaN, all |x_i| <= 1e30. Any other row goes
 * through plain loops that skip NaN and take +-1e30 for anything beyond. So one step moves a weight by at
 * most rate * clip * 1e30 = 1e3 * 1e15 * 1e30 = 1e48 at the limits of the options, 1e40 at the defaults,
 * and |1 - rate l2| <= 1 is checked by bind: within 2^63 rows |w| < 1e68, and the products of a score stay
 * below 1e98 each. A score therefore never overflows and there is nothing to repair afterwards.
 */
#include "linear_model.h"

#include <assert.h>
#include <math.h>

#include "../math/vector.h"

#define INPUT_MAX 1e30
#define PARAMETER_MAX 1e68 /* see above; a loaded model beyond it is damaged */

enum { OPTIMIZER, RATE, L2, L1, INTERCEPT_RATE, INTERCEPT_INIT, CLIP_GRADIENT };

static const char *const optimizers[] = {"sgd", NULL};

const struct weir_option weir_linear_options[] = {
    [OPTIMIZER] = {"optimizer", WEIR_OPTION_CHOICE, "", 0, 0, "sgd", optimizers,
                   "how weights follow the gradient; sgd: constant rate"},
    [RATE] = {"rate", WEIR_OPTION_FLOAT, "", 0, 1000, "0.01", NULL, "learning rate of the weights"},
    [L2] = {"l2", WEIR_OPTION_FLOAT, "", 0, 1000, "0", NULL,
            "L2 penalty: each step shrinks a weight by rate * l2 of itself"},
    [L1] = {"l1", WEIR_OPTION_FLOAT, "", 0, 1e6, "0", NULL,
            "L1 penalty, applied cumulatively and clipped at zero; not together with l2"},
    [INTERCEPT_RATE] = {"intercept_rate", WEIR_OPTION_FLOAT, "", 0, 1000, "0.01", NULL,
                        "learning rate of the intercept; 0 keeps it where it starts"},
    [INTERCEPT_INIT] = {"intercept_init", WEIR_OPTION_FLOAT, "", -1e12, 1e12, "0", NULL,
                        "the intercept before anything is learned"},
    [CLIP_GRADIENT] = {"clip_gradient", WEIR_OPTION_FLOAT, "", 0, 1e15, "1e12", NULL,
                       "largest absolute gradient of the loss that a row may contribute"},
    WEIR_OPTION_END,
};

static const struct weir_linear_params *params_of(const struct weir_binding *binding) {
    return (const struct weir_linear_params *)binding->params.bytes;
}

int weir_linear_bind(struct weir_binding *binding, struct weir_error *error) {
    static_assert(sizeof(struct weir_linear_params) <= WEIR_BINDING_PARAMS, "params fit the binding");
    const union weir_option_value *options = binding->options;
    struct weir_linear_params *params = (struct weir_linear_params *)binding->params.bytes;
    *params = (struct weir_linear_params){
        .rate = options[RATE].f,
        .l2 = options[L2].f,
        .l1 = options[L1].f,
        .intercept_rate = options[INTERCEPT_RATE].f,
        .intercept_init = options[INTERCEPT_INIT].f,
        .clip_gradient = options[CLIP_GRADIENT].f,
    };
    if (params->l1 > 0 && params->l2 > 0)
        return weir_error_set(error, WEIR_CONFIG, "l1 and l2 cannot be used together: choose one penalty");
    if (params->rate * params->l2 > 1)
        return weir_error_set(error, WEIR_CONFIG,
                              "rate * l2 is %g; above 1 each step would turn weights around instead of "
                              "shrinking them",
                              params->rate * params->l2);
    size_t vectors = params->l1 > 0 ? 2 : 1;
    binding->state_bytes = sizeof(struct weir_linear_state) + vectors * binding->input_count * sizeof(double);
    binding->output_count = 1;
    return WEIR_OK;
}

void weir_linear_init(const struct weir_binding *binding, void *state) {
    struct weir_linear_state *s = state;
    size_t count = (binding->state_bytes - sizeof *s) / sizeof(double);
    s->intercept = params_of(binding)->intercept_init;
    s->l1_due = 0;
    for (size_t i = 0; i < count; i++) s->weights[i] = 0;
}

static bool is_parameter(double value) { return fabs(value) <= PARAMETER_MAX; } /* false for NaN */

bool weir_linear_check(const struct weir_binding *binding, const void *state) {
    const struct weir_linear_state *s = state;
    size_t count = (binding->state_bytes - sizeof *s) / sizeof(double);
    bool sound = is_parameter(s->intercept) && is_parameter(s->l1_due) && s->l1_due >= 0;
    for (size_t i = 0; sound && i < count; i++) sound = is_parameter(s->weights[i]);
    return sound;
}

void weir_linear_save(const struct weir_binding *binding, const void *state, const char *chunk,
                      struct weir_state_writer *writer) {
    const struct weir_linear_state *s = state;
    const uint32_t width = binding->input_count;
    const bool has_l1 = params_of(binding)->l1 > 0;
    assert(weir_linear_check(binding, state));
    weir_state_write_head(writer, chunk, WEIR_LINEAR_VERSION);
    weir_state_write_u64(writer, width);
    weir_state_write_bool(writer, has_l1);
    weir_state_write_f64(writer, s->intercept);
    weir_state_write_f64s(writer, s->weights, width);
    if (has_l1) {
        weir_state_write_f64(writer, s->l1_due);
        weir_state_write_f64s(writer, s->weights + width, width);
    }
}

int weir_linear_load(const struct weir_binding *binding, void *state, const char *chunk,
                     struct weir_state_reader *reader) {
    struct weir_linear_state *s = state;
    const uint32_t width = binding->input_count;
    const bool has_l1 = params_of(binding)->l1 > 0;
    weir_state_read_head(reader, chunk, WEIR_LINEAR_VERSION);
    if (weir_state_read_u64(reader, UINT32_MAX) != width)
        weir_state_reader_refuse(reader, "the saved model has another number of inputs");
    if (weir_state_read_bool(reader) != has_l1)
        weir_state_reader_refuse(reader, "the saved model was made with and this one without l1, or reverse");
    s->intercept = weir_state_read_f64(reader);
    weir_state_read_f64s(reader, s->weights, width);
    if (has_l1) {
        s->l1_due = weir_state_read_f64(reader);
        weir_state_read_f64s(reader, s->weights + width, width);
    }
    if (!weir_linear_check(binding, state))
        weir_state_reader_refuse(reader, "a parameter of the saved model is out of range");
    return weir_state_reader_result(reader);
}

/* No NaN and nothing beyond INPUT_MAX: the row may go through the fast loops. (A comparison with NaN is
 * false.) */
static bool is_ordinary(const double *x, uint32_t width) {
    return weir_vector_dot(x, x, width) <= INPUT_MAX * INPUT_MAX;
}

static double bounded(double x, double max) { return x > max ? max : x < -max ? -max : x; }

double weir_linear_score(const struct weir_binding *binding, const void *state, const double *x) {
    const struct weir_linear_state *s = state;
    const uint32_t width = binding->input_count;
    if (is_ordinary(x, width)) return s->intercept + weir_vector_dot(s->weights, x, width);
    double sum = 0;
    for (uint32_t i = 0; i < width; i++)
        if (!isnan(x[i])) sum += s->weights[i] * bounded(x[i], INPUT_MAX);
    return s->intercept + sum;
}

/* Tsuruoka's clipped, cumulative charge on the weights of this row's inputs. */
static void charge_l1(const struct weir_linear_params *params, struct weir_linear_state *s, const double *x,
                      uint32_t width) {
    double *paid = s->weights + width;
    s->l1_due = fmin(s->l1_due + params->rate * params->l1, PARAMETER_MAX);
    for (uint32_t i = 0; i < width; i++) {
        if (isnan(x[i])) continue;
        double before = s->weights[i];
        if (before > 0)
            s->weights[i] = fmax(0, before - (s->l1_due + paid[i]));
        else if (before < 0)
            s->weights[i] = fmin(0, before + (s->l1_due - paid[i]));
        paid[i] += s->weights[i] - before;
    }
}

void weir_linear_step(const struct weir_binding *binding, void *state, const double *x, double gradient) {
    const struct weir_linear_params *params = params_of(binding);
    struct weir_linear_state *s = state;
    const uint32_t width = binding->input_count;
    assert(!isnan(gradient));
    const double g = bounded(gradient, params->clip_gradient);
    const double keep = 1 - params->rate * params->l2;
    if (is_ordinary(x, width)) {
        if (keep != 1)
            for (uint32_t i = 0; i < width; i++) s->weights[i] *= keep;
        weir_vector_axpy(-params->rate * g, x, s->weights, width);
    } else {
        for (uint32_t i = 0; i < width; i++)
            if (!isnan(x[i]))
                s->weights[i] = s->weights[i] * keep - params->rate * g * bounded(x[i], INPUT_MAX);
    }
    s->intercept -= params->intercept_rate * g;
    if (params->l1 > 0) charge_l1(params, s, x, width);
}
