/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.h: a pipeline from text to task, without files or brokers, for scenario tests. */
#ifndef WEIR_TESTS_PIPELINE_H
#define WEIR_TESTS_PIPELINE_H

#include <stdio.h>
#include <string.h>

#include "core/task.h"

struct test_pipeline {
    struct weir_document document;
    struct weir_diags diags;
    struct weir_pipeline pipeline;
    struct weir_plan *plan;
};

/* Prints the findings and gives plan NULL when the text is wrong. */
static inline void test_pipeline_open(struct test_pipeline *test, const char *yaml) {
    memset(test, 0, sizeof *test);
    weir_document_parse("test.yaml", yaml, strlen(yaml), &test->document, &test->diags);
    if (test->document.root) {
        weir_pipeline_load(&test->document, &test->diags, &test->pipeline);
        test->plan = weir_plan_create(&test->pipeline, NULL, &test->diags);
    }
    if (!test->diags.error_count) return;
    struct weir_buffer text;
    weir_buffer_init(&text);
    weir_diags_render_text(&test->diags, false, &text);
    fwrite(text.data, 1, text.len, stderr);
    weir_buffer_deinit(&text);
}

static inline void test_pipeline_close(struct test_pipeline *test) {
    weir_plan_destroy(test->plan);
    weir_diags_deinit(&test->diags);
    weir_document_deinit(&test->document);
}

static inline struct weir_record test_record(const char *value, int64_t offset) {
    return (struct weir_record){.topic = "t",
                                .offset = offset,
                                .timestamp_ms = WEIR_NO_TIMESTAMP,
                                .value = {value, value ? strlen(value) : 0}};
}

#endif
