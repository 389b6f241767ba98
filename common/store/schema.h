/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The schema of the casebook: the migration steps of its tables, and the format of a packed run of
 * records. Private to its reader and writer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

/* "idtr": the application id in the file. */
#define CASEBOOK_APPLICATION 0x69647472
/* Unpacked bytes of a run of records. */
#define RECORD_RUN_BYTES (64u * 1024)
#define RECORD_RUN_BYTES_MAX (2 * RECORD_RUN_BYTES)

/* Step i migrates the file from version i to i + 1 (`PRAGMA user_version`). Never change a released
 * step. */
extern const char *const casebook_steps[];
extern const size_t casebook_version;

/* A record in a run: its sequence and length, little-endian, then the event (event_encode()). */
#define RUN_RECORD_HEADER 12

/* Appends a record to `run`, which holds `used` bytes of RECORD_RUN_BYTES_MAX. Returns its new
 * length. There is room if `used` is below RECORD_RUN_BYTES. */
size_t record_run_append(
	uint8_t run[static RECORD_RUN_BYTES_MAX], size_t used, const struct event *event);
/* Reads the record at *offset of a run and advances. Returns 1, 0 at the end, or -EBADMSG. The
 * event borrows from the run. */
int record_run_next(const uint8_t *run, size_t length, size_t *offset, struct event *ret);
/* Packs a run. Returns the bytes written into `out` (which has record_run_bound() bytes), or a
 * negative errno. */
int record_run_pack(const uint8_t *run, size_t length, uint8_t *out, size_t size);
size_t record_run_bound(size_t length);
/* Unpacks into `run`. Returns the bytes there, or -EBADMSG. */
int record_run_unpack(
	const uint8_t *packed, size_t length, uint8_t run[static RECORD_RUN_BYTES_MAX]);
