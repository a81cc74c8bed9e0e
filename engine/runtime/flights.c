/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/flights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct weir_flight *at(const struct weir_flights *flights, uint64_t number) {
    return &flights->ring[number & (flights->capacity - 1)];
}

void weir_flights_deinit(struct weir_flights *flights) {
    free(flights->ring);
    memset(flights, 0, sizeof *flights);
}

bool weir_flights_add(struct weir_flights *flights, struct weir_flight flight, uint64_t *number) {
    if (flights->next - flights->first == flights->capacity) {
        struct weir_flights bigger = *flights;
        bigger.capacity = flights->capacity ? flights->capacity * 2 : 64;
        bigger.ring = malloc(bigger.capacity * sizeof *bigger.ring);
        if (!bigger.ring) return false;
        for (uint64_t i = flights->first; i < flights->next; i++) *at(&bigger, i) = *at(flights, i);
        free(flights->ring);
        *flights = bigger;
    }
    *number = flights->next++;
    *at(flights, *number) = flight;
    return true;
}

void weir_flights_delivered(struct weir_flights *flights, uint64_t number, uint32_t count) {
    assert(number >= flights->first && number < flights->next);
    assert(at(flights, number)->outstanding >= count);
    at(flights, number)->outstanding -= count;
}

bool weir_flights_land(struct weir_flights *flights, struct weir_flight *landed) {
    if (flights->first == flights->next || at(flights, flights->first)->outstanding) return false;
    *landed = *at(flights, flights->first++);
    return true;
}
