/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "kafka/kafka.h"

static const struct weir_flag flags[] = {{"json", NULL, "as one JSON object"}, {NULL, NULL, NULL}};

static int run(const struct weir_args *args) {
    if (weir_args_get(args, "json"))
        printf("{\"weir\":\"%s\",\"librdkafka\":\"%s\",\"compiler\":\"%s\"}\n", WEIR_RELEASE,
               weir_kafka_library_version(), __VERSION__);
    else
        printf("weir %s (librdkafka %s, compiler %s)\n", WEIR_RELEASE, weir_kafka_library_version(),
               __VERSION__);
    return WEIR_EXIT_OK;
}

const struct weir_verb weir_verb_version = {"version", "[--json]", "prints versions", 0, 0, flags, run};
