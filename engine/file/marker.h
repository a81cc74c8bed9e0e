/* SPDX-License-Identifier: Apache-2.0 */
/* marker.h: what a worker is working on right now, in a file that outlives its process: so that the next
 * start knows which records ended the last one (R15).
 *
 * place:    a worker's lane -> marker -> marker-<slot> beside the saved states; one per worker.
 * how:      one mapped page. The range under way is a few stores; nothing is synced, for the page cache
 *           survives the death of a process (a power cut is nobody's crash). A handler of SIGSEGV, SIGBUS,
 *           SIGFPE, SIGILL and SIGABRT marks the range of the thread that it strikes, if that thread is
 *           between begin and end, and hands on to the action before it: exit status and core dump stay.
 *           Signals that another process sent, SIGKILL and SIGTERM mark nothing.
 * story:    first crash: the range is suspect, the next start takes its records one by one. A record that
 *           crashes alone is a skip from then on. A suspect range that was passed is forgotten, a skip when
 *           nothing before it will be read again.
 * threads:  begin to end and run on the worker's thread, the rest wherever nobody else uses the marker.
 * limits:   WEIR_MARKER_MAX ranges and skips; of more the oldest are forgotten. Exactly once, records that
 *           crash while a committed unit is done again are not known of: they did not crash when it was made.
 * errors:   WEIR_IO with the file and the system's words; the caller can do without a marker (NULL).
 */
#ifndef WEIR_FILE_MARKER_H
#define WEIR_FILE_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/error.h"
#include "weir/record.h"

#define WEIR_MARKER_MAX 16

struct weir_marker;

/* The file <dir>/<folder>/marker-<slot>; NULL, and a warning: without it a record that ends the process will
 * not be found. topic and group as below. */
struct weir_marker *weir_marker_take(const char *dir, const char *folder, const char *slot, const char *topic,
                                     const char *group);
/* topic and group say whose offsets these are: a file of others begins anew. Says aloud what it finds. */
int weir_marker_open(const char *path, const char *topic, const char *group, struct weir_marker **marker,
                     struct weir_error *error);
void weir_marker_close(struct weir_marker *marker);

/* Records to be set aside unread; the i-th, or false. */
bool weir_marker_skip(const struct weir_marker *marker, uint32_t i, int32_t *partition, int64_t *offset);
bool weir_marker_skips(const struct weir_marker *marker, const struct weir_record *record);
/* The group's offset is `committed`, and nothing before `needed` will be read again (at least once: the
 * oldest saved state stands there, and no journal keeps the decision): skips before that are over, and
 * suspects before the group's offset. Says aloud which skips remain. */
void weir_marker_settle(struct weir_marker *marker, int32_t partition, int64_t committed, int64_t needed);

/* How many of these records (of one partition, in order, count > 0) may be worked on at once: all, those
 * before a suspect range or a skip, or one of it. */
uint32_t weir_marker_run(const struct weir_marker *marker, const struct weir_record *records, uint32_t count);
/* Around the work on that many. */
void weir_marker_begin(struct weir_marker *marker, const struct weir_record *records, uint32_t count);
void weir_marker_end(struct weir_marker *marker);

#endif
