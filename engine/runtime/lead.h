/* SPDX-License-Identifier: Apache-2.0 */
/* lead.h: the decisions of `tasks: single` (R1): from where a standby follows, when it takes the lead, and
 * from where it then goes on.
 *
 * place:    standby and exact_host, with threads, signals and waiting around them -> lead -> follower, lane.
 * purity:   no clock, no thread: the owner tells the time. So the simulator (tests/sim) runs this very file.
 * threads:  the caller's; calls block until the cluster has answered or their time is over.
 */
#ifndef WEIR_RUNTIME_LEAD_H
#define WEIR_RUNTIME_LEAD_H

#include "runtime/recover.h"

#define WEIR_LEASE_MS 1500 /* a leader this long silent is taken for dead */
/* ... by one who would take over with another pipeline file: the others go first, and a leader that changes
 * its file has more time */
#define WEIR_LEASE_COLD_MS 3000
#define WEIR_LEASE_JITTER_MS 300 /* a random part of it longer, so that two standbys seldom move at once */
#define WEIR_HEARTBEAT_MS 500    /* its longest silence while it lives */

/* Follows from where the group stood a moment ago (recovery->committed: of all partitions). *led: somebody
 * has led before, so it is to be waited for. Results as weir_recover; WEIR_AGAIN also when the group has
 * moved on meanwhile, and what was needed has been trimmed. */
int weir_lead_stand_by(const struct weir_recover_options *recovery, struct weir_kafka_source *source,
                       int64_t timeout_ms, struct weir_follower **follower, bool *led,
                       struct weir_error *error);

struct weir_lease {
    int64_t heard_ms, awake_ms, jitter_ms;
};

void weir_lease_begin(struct weir_lease *lease, int64_t now_ms, uint32_t chance);
/* After each weir_follower_step: what it returned, and whether the follower is warm. True: the leader has
 * been silent for too long. A process that was stopped or starved since the last call has heard nothing,
 * which says nothing about the leader. */
bool weir_lease_is_over(struct weir_lease *lease, int64_t now_ms, int units, bool warm);
/* The caller was not asleep, but at work. */
void weir_lease_awake(struct weir_lease *lease, int64_t now_ms);

/* For who has opened the producer, so that nobody else commits any more: where the group stands is final.
 * Goes on to there and gives the task to the lane. The follower only wants to be closed then. WEIR_AGAIN,
 * WEIR_IO: the lead was not taken, stand by again. */
int weir_lead_take(struct weir_exact *lane, struct weir_kafka_source *source, struct weir_follower *follower,
                   int64_t now_ms, int64_t wall_ms, int64_t timeout_ms, struct weir_error *error);

#endif
