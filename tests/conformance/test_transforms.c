/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of every transform: apply changes nothing, output stays finite, restart is invisible. */
#include "support/laws.h"

#define OUTPUT_MAX 4096

static const struct weir_transform *transform_of(const struct weir_operator *op) {
    return (const struct weir_transform *)op;
}

static void fill(double *x, struct java_random *random) {
    for (int c = 0; c < LAW_WIDTH; c++) x[c] = law_number(random, true);
}

/* What apply says, with a guard behind the declared width. */
static void apply(const struct weir_operator *op, const struct weir_binding *binding, const void *state,
                  const double *x, double *out) {
    law(op, binding->output_count < OUTPUT_MAX);
    out[binding->output_count] = 12345.5;
    for (uint32_t i = 0; i < binding->output_count; i++) out[i] = INFINITY;
    transform_of(op)->apply(binding, state, x, out);
    law(op, out[binding->output_count] == 12345.5);
    for (uint32_t i = 0; i < binding->output_count; i++) law(op, !isinf(out[i])); /* each was written */
}

static void test_transform_apply_changes_nothing(void **unused) {
    (void)unused;
    for_each_operator(op, WEIR_FAMILY_TRANSFORM) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *before = malloc(binding.state_bytes);
        struct java_random random = java_random_seed(31);
        double x[LAW_WIDTH], in[LAW_WIDTH], out[OUTPUT_MAX], again[OUTPUT_MAX];
        if (!before) abort();
        for (int i = 0; i < 500; i++) {
            fill(x, &random);
            memcpy(in, x, sizeof in);
            memcpy(before, state, binding.state_bytes);
            apply(op, &binding, state, x, out);
            apply(op, &binding, state, x, again);
            law(op, memcmp(before, state, binding.state_bytes) == 0);
            law(op, memcmp(in, x, sizeof in) == 0);
            law(op, memcmp(out, again, binding.output_count * sizeof *out) == 0);
            transform_of(op)->observe(&binding, state, x);
        }
        free(before);
        free(state);
    }
}

static void test_transform_of_finite_or_missing_input_is_finite_or_missing(void **unused) {
    (void)unused;
    for_each_operator(op, WEIR_FAMILY_TRANSFORM) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding);
        struct java_random random = java_random_seed(32);
        double x[LAW_WIDTH], out[OUTPUT_MAX];
        for (int i = 0; i < 5000; i++) {
            for (int c = 0; c < LAW_WIDTH; c++)
                x[c] = law_extremes[java_random_bits(&random, 16) % LAW_EXTREME_COUNT];
            apply(op, &binding, state, x, out); /* checks the output */
            transform_of(op)->observe(&binding, state, x);
            law(op, op->check(&binding, state));
        }
        free(state);
    }
}

static void test_transform_restored_at_every_row_equals_uninterrupted(void **unused) {
    (void)unused;
    for_each_operator(op, WEIR_FAMILY_TRANSFORM) {
        struct weir_binding binding = bind_defaults(op, LAW_WIDTH);
        void *state = state_create(op, &binding), *restarted = state_create(op, &binding);
        struct java_random random = java_random_seed(33);
        double x[LAW_WIDTH], out[OUTPUT_MAX], other[OUTPUT_MAX];
        for (int i = 0; i < 1000; i++) {
            void *copy = law_restored(op, &binding, restarted);
            free(restarted);
            restarted = copy;
            fill(x, &random);
            transform_of(op)->observe(&binding, state, x);
            transform_of(op)->observe(&binding, restarted, x);
            apply(op, &binding, state, x, out);
            apply(op, &binding, restarted, x, other);
            law(op, memcmp(out, other, binding.output_count * sizeof *out) == 0);
        }
        law(op, memcmp(state, restarted, binding.state_bytes) == 0);
        free(state);
        free(restarted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform_apply_changes_nothing),
        cmocka_unit_test(test_transform_of_finite_or_missing_input_is_finite_or_missing),
        cmocka_unit_test(test_transform_restored_at_every_row_equals_uninterrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
