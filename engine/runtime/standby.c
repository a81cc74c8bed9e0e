/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/standby.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/exact_host.h"
#include "runtime/lead.h"
#include "runtime/topics.h"

#define STEP_MS 100
#define RETRY_MS 1000
#define COMMITTED_PATIENCE_MS 10000

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int signum) {
    (void)signum;
    asked_to_stop = 1;
}

struct standby {
    const struct weir_worker_options *options;
    struct weir_exact_names names;
    struct weir_kafka_source *source; /* only to ask what is committed */
    struct weir_follower *follower;
    bool led; /* somebody has led before */
    struct weir_error *error;
};

static void wait_ms(int64_t ms) { /* a signal cuts it short */
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int look(struct standby *standby) {
    const struct weir_worker_options *options = standby->options;
    struct weir_retention retention = {0};
    const struct weir_kafka_source_options source = {.client = options->client,
                                                     .topic = options->pipeline->source.topic.text,
                                                     .group = options->pipeline->source.group,
                                                     .alone = true};
    int result = weir_topics_look(&options->client, options->plan, true, &retention, standby->error);
    if (!result && !standby->source)
        result = weir_kafka_source_open(&source, &standby->source, standby->error);
    return result;
}

static int begin_to_follow(struct standby *standby) {
    const struct weir_worker_options *options = standby->options;
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) seed = 1;
    int result = look(standby);
    if (result) return result;
    struct weir_recover_options recovery =
        weir_exact_recovery(options->plan, &options->client, &standby->names, options->engine_id, seed);
    recovery.skip_lost = options->skip_lost;
    struct weir_kafka_offset *offsets = NULL;
    result = weir_kafka_committed_all(standby->source, &offsets, &recovery.count, COMMITTED_PATIENCE_MS,
                                      standby->error);
    recovery.committed = offsets;
    if (!result)
        result = weir_lead_stand_by(&recovery, standby->source, COMMITTED_PATIENCE_MS, &standby->follower,
                                    &standby->led, standby->error);
    free(offsets);
    return result;
}

/* Until the leader has been silent for too long. WEIR_AGAIN: the follower has lost its way. */
static int follow(struct standby *standby) {
    uint16_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0) random = 0;
    struct weir_lease lease;
    weir_lease_begin(&lease, weir_clock_ms(), random);
    weir_log(WEIR_LOG_INFO, "standing by at unit %llu",
             (unsigned long long)weir_follower_unit(standby->follower));
    while (!asked_to_stop) {
        int units = weir_follower_step(standby->follower, STEP_MS, standby->error);
        if (units == WEIR_END) return WEIR_AGAIN;
        if (units < 0 && units != WEIR_AGAIN) return units;
        if (units <= 0) wait_ms(STEP_MS);
        if (weir_lease_is_over(&lease, weir_clock_ms(), units)) return WEIR_OK;
    }
    return WEIR_END;
}

int weir_standby_run(const struct weir_worker_options *options, bool contested,
                     struct weir_follower **follower, struct weir_error *error) {
    struct standby standby = {.options = options, .error = error};
    struct sigaction action = {.sa_handler = on_signal}, terminate, interrupt;
    int result;
    asked_to_stop = 0;
    sigaction(SIGTERM, &action, &terminate);
    sigaction(SIGINT, &action, &interrupt);
    weir_exact_names_make(options->pipeline, NULL, &standby.names);
    for (;;) {
        memset(error, 0, sizeof *error);
        result = begin_to_follow(&standby);
        if (!result && (standby.led || contested)) result = follow(&standby);
        if ((result != WEIR_AGAIN && result != WEIR_IO) || asked_to_stop) break;
        weir_follower_close(standby.follower);
        standby.follower = NULL;
        weir_log(WEIR_LOG_WARNING, "cannot stand by yet, trying again: %s", error->text);
        wait_ms(RETRY_MS);
    }
    if (asked_to_stop) result = WEIR_END;
    if (result)
        weir_follower_close(standby.follower);
    else
        *follower = standby.follower;
    if (standby.source) weir_kafka_source_close(standby.source);
    sigaction(SIGTERM, &terminate, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    return result;
}
