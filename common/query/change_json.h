/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change (common/store/changes.h) as JSON, as benches exchange it, and back. What it reads may
 * come from anywhere. It stores nothing. */
#pragma once

#include "common/store/changes.h"
#include "common/wire/json.h"

#define CHANGE_FORMAT_VERSION 1
#define CHANGE_MESSAGE_SIZE 200
#define CHANGE_TEXT_SIZE 1001 /* bytes of a note with the NUL */

/* What was read. */
struct read_change {
	enum change_kind kind;
	struct uuid id;
	struct triage_case *c; /* of an attempt; owned */
	struct written written;
	struct identity identity; /* of a note */
	struct note note;	  /* its texts are below */
	char note_kind[NAME_SIZE], text[CHANGE_TEXT_SIZE], by[BY_SIZE];
	struct correction correction;
	struct set_condition condition;
	struct purge purge; /* its items are below */
	struct uuid items[PURGE_ITEMS_MAX];
};

/* Reads a change into *ret, which is on the heap, for it is large. Returns 0, -EBADMSG with the
 * reason for people, or -ENOMEM. In any case change_done() ends it. */
int change_read(struct json_object *object, struct read_change *ret,
	char message[static CHANGE_MESSAGE_SIZE]);
void change_done(struct read_change *change);

/* Each returns an object of the caller's. `own` is the id of this computer. */
struct json_object *change_head(
	struct json_builder *builder, enum change_kind kind, const struct uuid *id);
struct json_object *change_of_attempt(struct json_builder *builder, const struct uuid *id,
	const struct written *written, struct json_object *c);
struct json_object *change_of_note(
	struct json_builder *builder, const struct identity *identity, const struct note *note);
struct json_object *change_of_correction(
	struct json_builder *builder, const struct correction *correction);
struct json_object *change_of_condition(
	struct json_builder *builder, const struct set_condition *condition, const char *own);
struct json_object *change_of_purge(struct json_builder *builder, const struct purge *purge);
