/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lead.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/faults.h"
#include "base/log.h"

#define ASLEEP_MS (WEIR_HEARTBEAT_MS * 2)

/* True also when nobody says so. */
static bool has_moved_on(const struct weir_recover_options *recovery, struct weir_kafka_source *source,
                         int64_t timeout_ms) {
    struct weir_kafka_offset *now = NULL;
    struct weir_error unheard;
    uint32_t count = 0;
    bool moved = weir_kafka_committed_all(source, &now, &count, timeout_ms, &unheard) != WEIR_OK ||
                 count != recovery->count;
    for (uint32_t i = 0; i < count && !moved; i++)
        moved = strcmp(now[i].metadata, recovery->committed[i].metadata) != 0;
    free(now);
    return moved;
}

int weir_lead_stand_by(const struct weir_recover_options *recovery, struct weir_kafka_source *source,
                       int64_t timeout_ms, struct weir_follower **follower, bool *led,
                       struct weir_error *error) {
    int result = weir_follower_open(recovery, follower, error);
    *led = !result && weir_follower_unit(*follower);
    bool lost = result == WEIR_DATA && !weir_recover_diverged(error);
    if (lost && WEIR_RULE(509) && has_moved_on(recovery, source, timeout_ms))
        result = error->result = WEIR_AGAIN;
    return result;
}

void weir_lease_begin(struct weir_lease *lease, int64_t now_ms, uint32_t chance) {
    *lease = (struct weir_lease){now_ms, now_ms, chance % WEIR_LEASE_JITTER_MS};
}

void weir_lease_awake(struct weir_lease *lease, int64_t now_ms) { lease->awake_ms = now_ms; }

bool weir_lease_is_over(struct weir_lease *lease, int64_t now_ms, int units, bool warm) {
    bool asleep = now_ms - lease->awake_ms > ASLEEP_MS;
    lease->awake_ms = now_ms;
    if (asleep || (units > 0 && WEIR_RULE(101))) lease->heard_ms = now_ms;
    return now_ms - lease->heard_ms > (warm ? WEIR_LEASE_MS : WEIR_LEASE_COLD_MS) + lease->jitter_ms;
}

int weir_lead_take(struct weir_exact *lane, struct weir_kafka_source *source, struct weir_follower *follower,
                   int64_t now_ms, int64_t wall_ms, int64_t timeout_ms, struct weir_error *error) {
    struct weir_kafka_offset *offsets = NULL;
    struct weir_recovered done = {0};
    uint32_t count = 0;
    int result = weir_kafka_committed_all(source, &offsets, &count, timeout_ms, error);
    if (!result) result = weir_follower_finish(follower, offsets, count, &done, error);
    free(offsets);
    if (result == WEIR_END) result = error->result = WEIR_AGAIN;
    if (!result) result = weir_exact_turn(lane, now_ms, wall_ms, false); /* tells the time */
    if (!result) result = weir_exact_adopt(lane, 0, done.task, &done.progress);
    if (result == WEIR_NOMEM) weir_error_set(error, result, "no memory to lead");
    if (!result && done.lossy) weir_exact_save_anew(lane, 0);
    if (!result) weir_log(WEIR_LOG_INFO, "leading from unit %" PRIu64 " on", done.progress.unit);
    return result;
}
