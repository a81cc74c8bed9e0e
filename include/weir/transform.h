/* SPDX-License-Identifier: Apache-2.0 */
/* transform.h: vector -> vector in front of the learner (scalers, encoders, imputers).
 *
 * place:   features -> transform -> learner.
 * shapes:  in has binding->input_count doubles, out has binding->output_count; in and out differ.
 * missing: NaN is "missing"; a transform states what it makes of it.
 * laws:    apply changes no state (its state pointer is const); observe never looks at labels;
 *          finite or missing input gives finite or missing output.
 * order:   predict applies only; learn observes, then applies again, then the learner steps
 *          (reference: River's pipelines, `learn_one`).
 */
#ifndef WEIR_TRANSFORM_H
#define WEIR_TRANSFORM_H

#include "weir/operator.h"

struct weir_transform {
    struct weir_operator op;
    void (*apply)(const struct weir_binding *binding, const void *state, const double *in, double *out);
    void (*observe)(const struct weir_binding *binding, void *state, const double *in);
};

#endif
