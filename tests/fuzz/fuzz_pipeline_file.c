/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no bytes crash the reading of a pipeline file, and what is wrong can always be shown. A second line
 * of the form "#set path=value" at the end of the input is applied as --set. */
#include <stdlib.h>
#include <string.h>

#include "config/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weir_diags diags;
    struct weir_document document;
    struct weir_pipeline pipeline;
    struct weir_buffer out;
    weir_buffer_init(&out);
    weir_diags_init(&diags, "fuzz.yaml", NULL, 0);
    if (weir_document_parse("fuzz.yaml", (const char *)data, size, &document, &diags) == WEIR_OK) {
        const char *set = strstr(document.source, "#set ");
        if (set) weir_document_set(&document, set + 5, &diags);
        int result = weir_pipeline_load(&document, &diags, &pipeline);
        if ((result == WEIR_OK) != (diags.error_count == 0)) abort();
        if (weir_diags_render_text(&diags, size & 1, &out) || weir_diags_render_json(&diags, &out)) abort();
        for (uint32_t i = 0; i < diags.count; i++)
            if (diags.items[i].mark.line && !diags.items[i].mark.column) abort();
    }
    weir_buffer_deinit(&out);
    weir_document_deinit(&document);
    weir_diags_deinit(&diags);
    return 0;
}
