/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: a pipeline file, read, overridden by --set, loaded and bound, for every verb that takes one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kafka/kafka.h"

int weir_load(const char *path, const struct weir_args *args, const struct weir_plan_options *options,
              struct weir_loaded *loaded) {
    memset(loaded, 0, sizeof *loaded);
    if (weir_document_read(path, &loaded->document, &loaded->diags)) return WEIR_EXIT_CONFIG;
    for (int i = 0; i < args->set_count; i++)
        weir_document_set(&loaded->document, args->sets[i], &loaded->diags);
    if (!loaded->document.root) return WEIR_EXIT_CONFIG;
    weir_pipeline_load(&loaded->document, &loaded->diags, &loaded->pipeline);
    weir_kafka_check_properties(loaded->pipeline.kafka.properties, loaded->pipeline.kafka.property_count,
                                &loaded->diags);
    loaded->plan = weir_plan_create(&loaded->pipeline, options, &loaded->diags);
    return loaded->diags.error_count || !loaded->plan ? WEIR_EXIT_CONFIG : 0;
}

bool weir_use_color(int fd) {
    const char *no_color = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    if (no_color && *no_color) return false;
    return (force && *force && strcmp(force, "0") != 0) || isatty(fd);
}

void weir_loaded_print(const struct weir_loaded *loaded) {
    struct weir_buffer text;
    if (!loaded->diags.error_count && !loaded->diags.warning_count) return;
    weir_buffer_init(&text);
    weir_diags_render_text(&loaded->diags, weir_use_color(STDERR_FILENO), &text);
    fwrite(text.data, 1, text.len, stderr);
    weir_buffer_deinit(&text);
}

void weir_loaded_deinit(struct weir_loaded *loaded) {
    weir_plan_destroy(loaded->plan);
    weir_diags_deinit(&loaded->diags);
    weir_document_deinit(&loaded->document);
}

int weir_exit_of(int result) {
    switch (result) {
        case WEIR_OK:
        case WEIR_END:
            return WEIR_EXIT_OK;
        case WEIR_CONFIG:
            return WEIR_EXIT_CONFIG;
        case WEIR_DATA:
            return WEIR_EXIT_DATA;
        case WEIR_AGAIN:
            return WEIR_EXIT_AGAIN;
        case WEIR_IO:
        case WEIR_LIMIT: /* an output that is larger than Kafka may carry */
            return WEIR_EXIT_IO;
        default:
            return WEIR_EXIT_BUG;
    }
}
