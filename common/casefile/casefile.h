/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Case files: one device and its attempts as JSON, for exchange and for diagnosis with no daemon.
 * Reads and writes them. It diagnoses nothing and never reads the member `truth`. */
#pragma once

#include <stddef.h>

#include "common/model/case.h"
#include "common/model/session.h"

struct json_object;

#define CASEFILE_VERSION 1
#define CASEFILE_BYTES_MAX (64u * 1024 * 1024) /* of one file */
#define CASEFILE_MESSAGE_SIZE 160

/* Reads a case from JSON text. An attempt is folded from its log and link events like a watched
 * one; other facts in the file are copied. Unknown members are ignored. Returns 0, -EBADMSG with
 * the reason for people in `message`, or -ENOMEM; *ret is untouched on failure. The caller owns
 * *ret: triage_case_free(). */
int casefile_parse(const char *text, size_t length, struct triage_case **ret,
	char message[static CASEFILE_MESSAGE_SIZE]);
/* The same from an object that was read already, as a part of a larger one. */
int casefile_from_json(const struct json_object *object, struct triage_case **ret,
	char message[static CASEFILE_MESSAGE_SIZE]);
/* The start of the times of an attempt's events: 0 would mean an unknown time. */
#define CASEFILE_EPOCH_US (1000 * USEC_PER_SEC)

/* The same, and calls `record` with the events from the attempts' logs, link events and kernel
 * lines, attempt by attempt; the attempts cite the sequences that it returns. */
int casefile_parse_recording(const char *text, size_t length, session_recorder *record, void *user,
	struct triage_case **ret, char message[static CASEFILE_MESSAGE_SIZE]);
/* Reads the file at `path`; as casefile_parse(), or the errno of open and read with its text in
 * `message`, -EFBIG for more than CASEFILE_BYTES_MAX. */
int casefile_read(
	const char *path, struct triage_case **ret, char message[static CASEFILE_MESSAGE_SIZE]);

enum casefile_identity { CASEFILE_MASK, CASEFILE_REVEAL };

/* Writes a case as one line of JSON that casefile_parse() reads back to the same verdict; cited
 * records keep their numbers. Identifiers of the phone and tickets are omitted unless revealed.
 * Returns 0 or -ENOMEM; the caller frees *ret with free(). */
int casefile_write(const struct triage_case *c, enum casefile_identity identity, char **ret);
/* The same as an object: a part of a larger one. Returns NULL when out of memory; the caller owns
 * it. */
struct json_object *casefile_to_json(const struct triage_case *c, enum casefile_identity identity);
