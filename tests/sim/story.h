/* SPDX-License-Identifier: Apache-2.0 */
/* story.h: one seed = one history: input, processes that come and go, a cluster with faults, and the oracles
 * that say whether what readers see is what an undisturbed run gives.
 *
 * place:    test_sim, test_mutants and the program sim -> story -> process.c (what
 *           engine/runtime/exact_host.c does for a worker) -> the real lane, committer and recovery -> the
 *           cluster of cluster.h. A fifth of the seeds are stories of `tasks: single` (R1): single.c follows
 *           and takes the lead.
 * threads:  one; one story at a time (the cluster is a global).
 * limits:   STORY_PARTITION_MAX input partitions, STORY_PROCESS_MAX processes.
 * errors:   the first thing that is wrong ends the story: story_run gives false, story->failure says what.
 */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include "runtime/lead.h"
#include "sim/cluster.h"
#include "sim/disk.h"

#define STORY_PARTITION_MAX 3
#define STORY_PROCESS_MAX 3
#define STORY_COPY_MAX 24
#define STORY_GHOST_MAX 32
#define STORY_ENGINE 77
#define STORY_HEALED_BOUND_MS 120000 /* of virtual time without faults, until everything is processed */
#define STORY_EPOCH_MS INT64_C(1700000000000) /* wall time at virtual time 0 */

#define STORY_INPUT "in"
#define STORY_JOURNAL "journal"
#define STORY_SNAPSHOTS "snapshots"

enum part_state { PART_NONE, PART_WAITING, PART_RUNNING, PART_STOPPED };

struct part { /* of one process: a partition it was assigned */
    enum part_state state;
    bool read; /* committed is known */
    int64_t retry_ms;
    struct weir_kafka_offset committed;
};

/* Of a process in a story of `tasks: single`. */
enum stage {
    STAGE_LOOK,    /* wants to know where the group stands */
    STAGE_RECOVER, /* to follow from there */
    STAGE_FOLLOW,  /* stands by */
    STAGE_OPEN,    /* opens the producer: fences whoever leads */
    STAGE_TAKE,    /* goes on to where the group stands now */
    STAGE_ASSIGN,  /* asks where each partition goes on */
    STAGE_LEAD
};

struct process {
    struct story *story;
    int index;
    char id[24]; /* transactional.id */
    bool alive, busy, has_bundle, verdicts, rejoin, thrown;
    int64_t restart_ms, frozen_until, step_ms, jump_ms;
    uint64_t seed, engine_id;
    struct weir_kafka_source *consumer;
    struct weir_committer *committer;
    struct weir_exact *lane;
    struct weir_generation_place place; /* machine.c */
    struct part parts[STORY_PARTITION_MAX];
    enum stage stage;
    bool led_away;    /* it does not lead any more, and has yet to hear of it */
    bool contested;   /* it has tried to lead before */
    int64_t stage_ms; /* nothing before */
    int64_t until_ms; /* patience of STAGE_OPEN; in STAGE_LEAD: since when */
    struct weir_kafka_offset looked[STORY_PARTITION_MAX];
    struct weir_lease lease;
    struct weir_follower *follower;
    struct story_copy { /* a snapshot's segment, to be written some time */
        struct weir_copy copy;
        struct weir_buffer pages, tail;
        struct weir_generation_writer *writer;
        bool written, good;
    } copies[STORY_COPY_MAX];
    uint32_t copy_count;
    struct story_trim { /* of the snapshot topic, to be done some time */
        bool wanted;
        struct weir_manifest newest, oldest;
        int64_t journal_from;
    } trims[STORY_PARTITION_MAX];
};

struct ghost { /* a member whose process is dead, until its session is over */
    struct weir_kafka_source *consumer;
    int64_t until_ms;
};

struct ledger {                           /* what is committed of one task */
    struct weir_unit *units;              /* [0] is unit 1 */
    int64_t (*next)[STORY_PARTITION_MAX]; /* input positions after each */
    uint32_t count, capacity;
    int64_t journal_cursor, input_cursor[STORY_PARTITION_MAX], input_next[STORY_PARTITION_MAX];
    struct weir_kafka_offset offsets[STORY_PARTITION_MAX]; /* as last seen */
    uint64_t offset_unit, offset_chain;
    int64_t offset_from;
    bool offset_checked; /* against the journal */
    uint64_t damaged;    /* unit of a manifest whose chunks were damaged; 0: none */
};

enum story_event {
    STORY_CRASH,
    STORY_EXIT,
    STORY_ZOMBIE,
    STORY_REBALANCE,
    STORY_RECOVERED,
    STORY_REPLAYED,
    STORY_FROM_SNAPSHOT,
    STORY_PASSED_OVER,
    STORY_GONE,
    STORY_TAMPERED,
    STORY_TAMPERED_JOURNAL,
    STORY_OTHER_ENGINE,
    STORY_TRIMMED,
    STORY_SKIP,
    STORY_SLOT_SHARED,
    STORY_SINGLE,
    STORY_TOOK_OVER,
    STORY_FENCED_LEADER,
    STORY_FENCED_ZOMBIE,
    STORY_OVERTAKEN,
    STORY_BEGAN_ANEW,
    STORY_LOOKED_TOO_EARLY,
    STORY_FOLLOWED,
    STORY_FROM_DISK,
    STORY_DISK_DAMAGED,
    STORY_DISK_STALE,
    STORY_DISK_SAVES,
    STORY_NO_MEMORY,
    STORY_NO_MEMORY_EXIT,
    STORY_NO_MEMORY_STOP,
    STORY_UNITS,
    STORY_ALERTS,
    STORY_EVENT_COUNT
};

struct story {
    uint64_t seed, random;
    bool verbose;
    const struct weir_plan *plan;
    const struct weir_plan *other_plan; /* of an engine that comes to other numbers */
    struct sim_cluster *cluster;
    bool single; /* `tasks: single` */
    int led_by;  /* the process that took the lead last; -1: none */
    int32_t partition_count;
    int process_count;
    uint32_t to_produce;
    bool upstream, upstream_open, retention, damages, jumps, skips, healed;
    int machine_count; /* whose disks outlive processes; 0: there are none */
    bool disk_damages;
    uint32_t failing, failing_chance; /* allocations that are still to fail; in 10,000 of a process's acts */
    uint32_t failed;
    uint32_t copy_percent, save_percent; /* how eagerly states are copied, how soon copies are written */
    uint32_t chaos;                      /* 0 to 100: how often processes and members come and go */
    struct process processes[STORY_PROCESS_MAX];
    struct ghost ghosts[STORY_GHOST_MAX];
    uint32_t ghost_count;
    bool unsettled;
    struct weir_kafka_source *targets[STORY_PARTITION_MAX];
    struct ledger ledgers[STORY_PARTITION_MAX];
    uint64_t struck[SIM_FAULT_COUNT];
    uint64_t lived_through[STORY_EVENT_COUNT]; /* enum story_event: what happened, over all stories */
    char failure[900];
};

extern const char *const story_event_names[STORY_EVENT_COUNT];

/* story.c. Builds the plan and the cluster once; NULL: the pipeline does not load (printed). */
struct story *story_create(void);
void story_destroy(struct story *story);
/* One history. False: story->failure says what is wrong. */
bool story_run(struct story *story, uint64_t seed, bool verbose);

void story_fail(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));
void story_note(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint32_t story_below(struct story *story, uint32_t limit); /* a random number below it */
bool story_chance(struct story *story, uint32_t percent);

/* input.c */
/* rate: of the learner. Static memory. */
const char *story_pipeline(const char *rate);
void story_produce(struct story *story);

/* process.c */
void process_start(struct process *process);
/* It dies between two calls. */
void process_end(struct process *process, int64_t restart_in_ms);
/* Flushes, gives everything back and leaves the group. */
void process_stop(struct process *process, int64_t restart_in_ms);
/* One thing that a worker does between two looks at its clock, chosen by chance. */
void process_act(struct process *process);
/* The lane and its committer, which begins to open the producer. */
void process_open_lane(struct process *process);
void process_close_lane(struct process *process);
void process_step_committer(struct process *process);
/* All that is due, once: for the end, when nothing goes wrong any more. */
void process_work(struct process *process);
int process_recover(struct process *process, int32_t task, const struct weir_plan *plan, uint64_t engine_id,
                    struct weir_recovered *done, struct weir_error *error);

/* single.c: `tasks: single`, as engine/runtime/standby.c, exact_host.c and workers.c put it together. */
void single_start(struct process *process);
/* False: it leads, and has done nothing here. */
bool single_act(struct process *process);
/* Its committer came to an end, or the group stands elsewhere: it does not lead any more. */
void single_led_away(struct process *process);
/* Oracle 5, for one leader among several processes that all live: see single.c. */
void single_heal(struct story *story);
/* The only process that is awake and holds itself for the leader; NULL: none, or more than one. */
struct process *single_leader(struct story *story);

/* machine.c: whose disk a process has; what goes wrong with disks and memory, and what recoveries owe to them
 */
void machine_begin(struct story *story);
struct weir_generation_place machine_place(const struct process *process);
/* Chance damages files: at any time, and more of them when a process crashes. */
void machine_wear(struct story *story);
void machine_crash(struct process *process);
void machine_heal(struct story *story);
/* Does its disk hold the state that this manifest names? */
bool machine_holds(const struct process *process, int32_t task, const struct weir_manifest *manifest);
/* A recovery came from this snapshot: what had the disk to do with it? */
void machine_note_source(const struct process *process, int32_t task, const struct weir_manifest *manifest);
/* Around what a process does: an allocation in it may fail. */
void machine_arm(struct process *process);
void machine_disarm(struct process *process);
/* Is this for want of memory? */
bool machine_excuses(const struct process *process, int result);

/* probe.c. Recovers once under conditions that must be noticed, or must not matter, and throws the task away.
 * False: there is nothing yet to try it on. */
bool probe_recovery(struct process *process, int32_t task);

/* oracle.c */
void oracle_reset(struct story *story);
void oracle_deinit(struct story *story);
/* Takes in what was committed since: chain and slices of the journal, the way of the offsets. */
void oracle_look(struct story *story);
int32_t story_tasks(const struct story *story);
/* The manifest that a recovery to this unit should load; `back` 1: the one before; unit 0: none. */
struct weir_manifest oracle_manifest(const struct story *story, int32_t task, uint64_t unit, int back);
/* Is this input partition processed and committed to its end? */
bool oracle_at_end(struct story *story, int32_t partition);
/* Runs the journal again from birth over the input and compares everything; task: the live one, or NULL. */
void oracle_compare(struct story *story, int32_t task, struct weir_task *live);
/* Finds the outputs of all tasks in the topics; before the first oracle_compare. */
void oracle_collect(struct story *story);

#endif
