/* SPDX-License-Identifier: Apache-2.0 */
/* disk.h: local disks in memory for the simulator, with faults; seeded and exact.
 *
 * place:    stands in for engine/file/{segments,numbered}: a program of tests/sim links disk.c before the
 * archives, so weir_segment_* and weir_numbered_* are found here. A disk is named by the `dir` of these calls
 * and outlives the processes that use it. model: a file that is being written has a name of its own
 * (<path>.new), which a second writer of the same file shares; it is seen under its name when it is
 * published. Files are what they are: one that cannot be read stays so, so two readings of a disk come out
 * alike. threads: one. errors: as engine/file/segments.h says.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum sim_disk_fault {
    SIM_DISK_FULL,       /* create, append: no room, for some calls */
    SIM_DISK_UNSYNCED,   /* publish: fsync fails, nothing is left */
    SIM_DISK_UNNAMED,    /* publish: the rename fails, nothing is left */
    SIM_DISK_UNSURE,     /* publish: the folder's fsync fails: WEIR_IO, but the file is there */
    SIM_DISK_TORN,       /* sim_disk_die: while a file was being written */
    SIM_DISK_LOST,       /* and so on: sim_disk_damage */
    SIM_DISK_CUT,        /* shorter than it was */
    SIM_DISK_FLIPPED,    /* one bit is another */
    SIM_DISK_UNREADABLE, /* WEIR_IO for ever */
    SIM_DISK_STRAY,      /* sim_disk_stray */
    SIM_DISK_FAULT_COUNT
};

extern const char *const sim_disk_fault_names[SIM_DISK_FAULT_COUNT];

/* All disks are empty. chance: in 1000, of the faults of a writing call; drawn from the cluster's generator.
 */
void sim_disk_reset(uint32_t chance);
/* No fault from now on; what is damaged stays so. */
void sim_disk_heal(void);
/* Damages one file, if there is one. */
void sim_disk_damage(const char *dir);
/* A state of another history (another source.group, a folder that was copied) lies under the number of a unit
 * that may still come. */
void sim_disk_stray(const char *dir);
/* Between these two calls a process that is dead is cleared away: what it was writing stays where it is. */
void sim_disk_die(bool begins);
/* How often a fault struck since the program began. */
uint64_t sim_disk_struck(enum sim_disk_fault fault);

enum sim_disk_file { SIM_FILE_NONE, SIM_FILE_WHOLE, SIM_FILE_DAMAGED };
enum sim_disk_file sim_disk_look(const char *dir, int32_t task, uint64_t unit);

#endif
