/* SPDX-License-Identifier: Apache-2.0 */
/* operators.h: the list. One line per operator, in the order of help and docs. (Included by registry.c
 * only, twice: to declare the symbols and to fill the tables.) */
OPERATOR(codec, json)
OPERATOR(codec, msgpack)
OPERATOR(codec, csv)
OPERATOR(codec, raw)

OPERATOR(aggregate, count)
OPERATOR(aggregate, sum)
OPERATOR(aggregate, mean)
OPERATOR(aggregate, min)
OPERATOR(aggregate, max)
OPERATOR(aggregate, stddev)

OPERATOR(window, sliding)

OPERATOR(transform, standard_scaler)

OPERATOR(learner, logistic_regression)
OPERATOR(learner, linear_regression)
OPERATOR(learner, last_class)
OPERATOR(learner, majority)
OPERATOR(learner, mean)

OPERATOR(detector, adwin)
OPERATOR(detector, ddm)
OPERATOR(detector, page_hinkley)

OPERATOR(metric, accuracy)
OPERATOR(metric, log_loss)
OPERATOR(metric, f1)
OPERATOR(metric, mae)
OPERATOR(metric, rmse)
