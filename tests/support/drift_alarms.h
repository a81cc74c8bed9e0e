/* SPDX-License-Identifier: Apache-2.0 */
/* drift_alarms.h: runs a detector over the published drift streams and compares its alarms with the lists in
 * the folder drift-alarms (its README has the recipe): 15 seeds, abrupt and gradual change, 0/1 and value
 * streams.
 */
#ifndef TESTS_SUPPORT_DRIFT_ALARMS_H
#define TESTS_SUPPORT_DRIFT_ALARMS_H

#include "support/bind_defaults.h"
#include "support/dataset.h"
#include "support/java_random.h"
#include "weir/detector.h"

#define DRIFT_STREAM_SAMPLES 10000

/* Appends the alarms at samples 1..9,999 as " i1 i2 ..." (an alarm at the last sample is not listed). */
static inline void drift_alarms_run(const struct weir_detector *detector, const char *settings, uint64_t seed,
                                    bool gradual, bool value, char *list, size_t size) {
    struct weir_binding binding = bind_settings(&detector->op, 1, settings);
    void *state = state_create(&detector->op, &binding);
    struct java_random random = java_random_seed(seed);
    size_t len = 0;
    list[0] = 0;
    for (int i = 1; i < DRIFT_STREAM_SAMPLES; i++) {
        double p = i % 2000 < 1000 ? 0.2 : 0.8;
        if (gradual) p = i < 2000 ? 0.2 : fmin(1, 0.2 + 0.001 * (i - 2000));
        double u = java_random_double(&random);
        double x = value ? p : u <= p ? 1 : 0;
        if (detector->update(&binding, state, x) == WEIR_DRIFT && len + 8 < size)
            len += (size_t)snprintf(list + len, size - len, " %d", i);
    }
    free(state);
}

/* Compares all lists of `label` ("DDM(moa)"). Returns how many lists were compared, -1 when the files are
 * absent; *wrong counts those that differ and prints the first. */
static inline int drift_alarms_compare(const struct weir_detector *detector, const char *settings,
                                       const char *label, int *wrong) {
    static const char *const files[] = {"abrupt_binary", "abrupt_value", "gradual_binary", "gradual_value"};
    int compared = 0;
    *wrong = 0;
    for (int f = 0; f < 4; f++) {
        char name[128], path[4096], line[8192], got[8192];
        snprintf(name, sizeof name, "drift-alarms/%s.txt", files[f]);
        dataset_path(name, path, sizeof path);
        FILE *file = fopen(path, "r");
        if (!file) {
            printf("skipped: no file %s (set WEIR_DATA to the folder of the benchmark files)\n", path);
            return -1;
        }
        while (fgets(line, sizeof line, file)) {
            const size_t len = strlen(label);
            if (strncmp(line, label, len) != 0 || line[len] != ' ') continue;
            char *colon = strchr(line, ':');
            if (!colon) abort();
            line[strcspn(line, "\r\n")] = 0;
            drift_alarms_run(detector, settings, strtoull(line + len, NULL, 10), f >= 2, f % 2 == 1, got,
                             sizeof got);
            compared++;
            if (strcmp(colon + 1, got) != 0 && (*wrong)++ == 0)
                printf("%s %s:\n  expected%s\n  got     %s\n", files[f], line, colon + 1, got);
        }
        fclose(file);
    }
    return compared;
}

#endif
