/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/standby.h"

#include <inttypes.h>
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
    const atomic_bool *stop;
    struct weir_exact_names names;
    struct weir_kafka_source *source; /* only to ask what is committed */
    struct weir_follower *follower;
    bool led;  /* somebody has led before */
    bool warm; /* as it was told */
    struct weir_error *error;
};

static bool must_stop(const struct standby *standby) { return asked_to_stop || *standby->stop; }

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

static uint64_t unit(const struct standby *standby) { return weir_follower_unit(standby->follower); }

/* Which process needs the new pipeline file: once, until that changes. */
static void tell(struct standby *standby, bool first) {
    bool warm = weir_follower_is_warm(standby->follower);
    if (!first && warm == standby->warm) return;
    standby->warm = warm;
    if (warm && first) weir_log(WEIR_LOG_INFO, "standing by at unit %" PRIu64, unit(standby));
    if (warm && !first)
        weir_log(WEIR_LOG_INFO, "standing by at unit %" PRIu64 ": the leader has the same pipeline file now",
                 unit(standby));
    if (warm) return;
    if (first)
        weir_log(WEIR_LOG_WARNING,
                 "waiting at unit %" PRIu64
                 ": the leader works with another pipeline file (or program, or kind of processor): if this "
                 "process has the new one, send the leader SIGHUP; if not, give it the leader's and send it "
                 "SIGHUP",
                 unit(standby));
    else
        weir_log(WEIR_LOG_WARNING,
                 "waiting at unit %" PRIu64
                 ": the leader has changed its pipeline file: give the new one to this process too and send "
                 "it SIGHUP",
                 unit(standby));
}

/* To lead: before anybody is fenced, and it counts only if nothing was committed meanwhile. */
static int make_warm(struct standby *standby, bool after_silence) {
    int result = weir_follower_warm(standby->follower, standby->error);
    if (!result && after_silence)
        weir_log(WEIR_LOG_WARNING,
                 "the leader is silent and worked with another pipeline file: taking over from its newest "
                 "snapshot, what does not fit starts cold");
    if (result != WEIR_AGAIN && result != WEIR_IO) return result;
    weir_log(WEIR_LOG_WARNING, "cannot take over yet, trying again: %s", standby->error->text);
    wait_ms(RETRY_MS);
    return WEIR_OK;
}

/* Until the leader has been silent for too long; a process that had the lead until now does not wait. Whoever
 * is warm goes first: what it publishes is what the leader would have. WEIR_AGAIN: the follower has lost its
 * way. */
static int follow(struct standby *standby) {
    uint16_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0) random = 0;
    bool at_once = standby->options->leads;
    struct weir_lease lease;
    weir_lease_begin(&lease, weir_clock_ms(), random);
    if (!at_once) tell(standby, true);
    while (!must_stop(standby)) {
        int units = weir_follower_step(standby->follower, STEP_MS, standby->error);
        if (units == WEIR_END) {
            weir_log(WEIR_LOG_WARNING, "overtaken by the leader, standing by anew: %s", standby->error->text);
            return WEIR_AGAIN;
        }
        if (units < 0 && units != WEIR_AGAIN) return units;
        if (units > 0) {
            if (at_once)
                weir_log(WEIR_LOG_WARNING, "another process has taken the lead while the file changed here");
            tell(standby, at_once);
            at_once = false;
        }
        bool warm = weir_follower_is_warm(standby->follower);
        if (!weir_lease_is_over(&lease, weir_clock_ms(), units, warm) && !at_once) {
            if (units <= 0) wait_ms(STEP_MS);
            continue;
        }
        if (warm) return WEIR_OK;
        int result = make_warm(standby, !at_once);
        if (result) return result;
        weir_lease_awake(&lease, weir_clock_ms());
    }
    return WEIR_END;
}

static void close_follower(struct standby *standby) {
    weir_follower_close(standby->follower);
    standby->follower = NULL;
}

int weir_standby_run(const struct weir_worker_options *options, bool contested, const atomic_bool *stop,
                     struct weir_follower **follower, struct weir_error *error) {
    struct standby standby = {.options = options, .stop = stop, .error = error};
    struct sigaction action = {.sa_handler = on_signal}, terminate, interrupt;
    int result;
    asked_to_stop = 0;
    sigaction(SIGTERM, &action, &terminate);
    sigaction(SIGINT, &action, &interrupt);
    weir_exact_names_make(options->pipeline, NULL, &standby.names);
    for (;;) {
        memset(error, 0, sizeof *error);
        result = begin_to_follow(&standby);
        if (result == WEIR_AGAIN || result == WEIR_IO)
            weir_log(WEIR_LOG_WARNING, "cannot stand by yet, trying again: %s", error->text);
        if (!result && (standby.led || contested)) result = follow(&standby);
        if ((result != WEIR_AGAIN && result != WEIR_IO) || must_stop(&standby)) break;
        close_follower(&standby);
        wait_ms(RETRY_MS);
    }
    if (must_stop(&standby)) result = WEIR_END;
    if (result == WEIR_NOMEM && !error->text[0]) weir_error_set(error, result, "no memory to stand by");
    if (result) close_follower(&standby);
    *follower = standby.follower;
    if (standby.source) weir_kafka_source_close(standby.source);
    sigaction(SIGTERM, &terminate, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    return result;
}

bool weir_standby_was_signalled(void) { return asked_to_stop; }
