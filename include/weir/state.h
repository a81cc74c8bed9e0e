/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: how an operator writes its state to a snapshot and reads it back.
 *
 * place:   operators' save and load -> state chunk -> snapshot; implemented in engine/base/state.c,
 *          the one file besides the codec that sees msgpack.
 * errors:  a writer remembers its first failure (NOMEM); a reader remembers its first failure (DATA:
 *          truncated, wrong type or out of range; VERSION) and returns zeros from then on, so load
 *          verbs read straight through and return weir_state_reader_result() at the end.
 * why:     tagged values (msgpack) instead of struct images: a snapshot outlives compilers and field
 *          order, a flipped byte is found, sizes are checked before anything is allocated. Doubles
 *          are written as their 64 bits: a restored learner continues bit for bit.
 */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_state_writer;
struct weir_state_reader;

/* Chunk heads name what follows ("learner/logistic_regression") and its format version. */
void weir_state_write_head(struct weir_state_writer *writer, const char *name, uint32_t version);
void weir_state_write_u64(struct weir_state_writer *writer, uint64_t value);
void weir_state_write_i64(struct weir_state_writer *writer, int64_t value);
void weir_state_write_f64(struct weir_state_writer *writer, double value);
void weir_state_write_bool(struct weir_state_writer *writer, bool value);
void weir_state_write_f64s(struct weir_state_writer *writer, const double *values, size_t count);
void weir_state_write_bytes(struct weir_state_writer *writer, const void *bytes, size_t len);

/* Reads a head; fails unless the name is equal and the version is <= newest. Returns the version. */
uint32_t weir_state_read_head(struct weir_state_reader *reader, const char *name, uint32_t newest);
uint64_t weir_state_read_u64(struct weir_state_reader *reader, uint64_t max);
int64_t weir_state_read_i64(struct weir_state_reader *reader);
double weir_state_read_f64(struct weir_state_reader *reader);
bool weir_state_read_bool(struct weir_state_reader *reader);
/* Exactly count values, or failure. */
void weir_state_read_f64s(struct weir_state_reader *reader, double *values, size_t count);
/* At most max bytes into out; returns how many there were. */
size_t weir_state_read_bytes(struct weir_state_reader *reader, void *out, size_t max);
/* As _bytes, without a copy: they lie in what the reader was given. */
const void *weir_state_read_view(struct weir_state_reader *reader, size_t *len);
/* An operator's own range check failed: remember DATA with this text. */
void weir_state_reader_refuse(struct weir_state_reader *reader, const char *why);
int weir_state_reader_result(const struct weir_state_reader *reader);
const char *weir_state_reader_why(const struct weir_state_reader *reader); /* "" while fine */

/* Owner's side (task, tests): a growing buffer to write into, bytes to read from. */
struct weir_state_writer *weir_state_writer_create(void); /* NULL: no memory */
const void *weir_state_writer_bytes(const struct weir_state_writer *writer, size_t *len);
void weir_state_writer_fail(struct weir_state_writer *writer, int result); /* the first failure stays */
int weir_state_writer_result(const struct weir_state_writer *writer);
void weir_state_writer_destroy(struct weir_state_writer *writer);
struct weir_state_reader *weir_state_reader_create(const void *bytes, size_t len); /* borrows bytes */
void weir_state_reader_fail(struct weir_state_reader *reader, int result, const char *why);
bool weir_state_reader_at_end(const struct weir_state_reader *reader);
void weir_state_reader_destroy(struct weir_state_reader *reader);

#endif
