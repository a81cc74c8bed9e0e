/* SPDX-License-Identifier: Apache-2.0 */
/* flights.h: which input offsets may be committed: a flight is a run of input records of one partition whose
 * outputs are under way; it has landed when all of them are delivered.
 *
 * place:    worker -> flights -> source offsets (exactly-once.md R16: offsets are stored only after delivery
 *           reports).
 * order:    flights land in the order they took off; a later one that is done waits for the earlier ones, so
 * a stored offset never skips an undelivered output.
 */
#ifndef WEIR_RUNTIME_FLIGHTS_H
#define WEIR_RUNTIME_FLIGHTS_H

#include <stdbool.h>
#include <stdint.h>

struct weir_flight {
    int32_t partition;
    uint32_t outstanding; /* outputs not yet delivered */
    int64_t next_offset;  /* to read after a restart once this has landed */
};

struct weir_flights {
    struct weir_flight *ring;
    uint32_t capacity;    /* power of two */
    uint64_t first, next; /* numbers of the oldest flight under way and of the next to take off */
};

void weir_flights_deinit(struct weir_flights *flights);
/* Returns false: no memory. *number names the flight in weir_flights_delivered. */
bool weir_flights_add(struct weir_flights *flights, struct weir_flight flight, uint64_t *number);
void weir_flights_delivered(struct weir_flights *flights, uint64_t number, uint32_t count);
/* Takes the oldest flight off if it has landed. */
bool weir_flights_land(struct weir_flights *flights, struct weir_flight *landed);

#endif
