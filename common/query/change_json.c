/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/query/change_json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/store/conditions.h"

#define TIME_MAX_US (UINT64_C(1) << 53) /* what readers of JSON can hold; the year 2255 */

/* Writing */

struct json_object *change_head(
	struct json_builder *builder, enum change_kind kind, const struct uuid *id)
{
	struct json_object *object = json_new_object(builder);
	char text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	json_put_number(builder, object, "formatVersion", CHANGE_FORMAT_VERSION);
	json_put_text(builder, object, "kind", change_kind_name(kind));
	json_put_text(builder, object, "id", text);
	return object;
}

static void put_uuid(struct json_builder *builder, struct json_object *object, const char *key,
	const struct uuid *uuid)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(uuid, text);
	if (!uuid_is_none(uuid))
		json_put_text(builder, object, key, text);
}

static void put_hex(struct json_builder *builder, struct json_object *object, const char *key,
	const uint8_t *bytes, size_t length)
{
	char text[2 * PURGE_HASH_SIZE + 1];

	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	json_put_text(builder, object, key, text);
}

struct json_object *change_of_attempt(struct json_builder *builder, const struct uuid *id,
	const struct written *written, struct json_object *c)
{
	struct json_object *object = change_head(builder, CHANGE_ATTEMPT, id);

	json_put_known_text(builder, object, "writer", written->writer);
	json_put_number(builder, object, "revision", (int64_t)written->revision);
	json_put_number(builder, object, "startedUSec", (int64_t)written->started_us);
	json_put(builder, object, "case", c);
	return object;
}

struct json_object *change_of_note(
	struct json_builder *builder, const struct identity *identity, const struct note *note)
{
	struct json_object *object = change_head(builder, CHANGE_NOTE, &note->id);
	char ecid[ECID_TEXT_SIZE];

	ecid_format(identity->ecid, ecid);
	json_put_known_text(builder, object, "ecid", ecid);
	json_put_known_text(builder, object, "udid", identity->udid);
	json_put_number(builder, object, "timeUSec", (int64_t)note->at_us);
	json_put_text(builder, object, "noteKind", note->kind);
	json_put_text(builder, object, "text", note->text);
	put_uuid(builder, object, "amends", &note->amends);
	json_put_known_text(builder, object, "by", note->by);
	return object;
}

struct json_object *change_of_correction(
	struct json_builder *builder, const struct correction *correction)
{
	struct json_object *object = change_head(builder, CHANGE_CORRECTION, &correction->id);

	put_uuid(builder, object, "session", &correction->attempt);
	json_put_number(builder, object, "timeUSec", (int64_t)correction->at_us);
	json_put_known_text(builder, object, "by", correction->by);
	json_put_text(builder, object, "key", correction->key);
	json_put_known_text(builder, object, "before", correction->before);
	json_put_known_text(builder, object, "after", correction->after);
	return object;
}

/* The ports of two benches have the same names. */
static const char *host_of(const struct set_condition *condition, const char *own)
{
	struct place place = {0};

	if (condition->host_id[0] || !place_parse(condition->place, &place))
		return condition->host_id;
	return place.port[0] ? own : "";
}

struct json_object *change_of_condition(
	struct json_builder *builder, const struct set_condition *condition, const char *own)
{
	struct json_object *object = change_head(builder, CHANGE_CONDITION, &condition->id);

	json_put_known_text(builder, object, "writer", condition->writer);
	json_put_number(builder, object, "timeUSec", (int64_t)condition->at_us);
	json_put_known_text(builder, object, "hostId", host_of(condition, own));
	json_put_text(builder, object, "place", condition->place);
	json_put_text(builder, object, "key", condition->key);
	json_put_known_text(builder, object, "value", condition->value);
	return object;
}

struct json_object *change_of_purge(struct json_builder *builder, const struct purge *purge)
{
	struct json_object *object = change_head(builder, CHANGE_PURGE, &purge->id);
	struct json_object *items = json_new_array(builder);
	char text[UUID_TEXT_SIZE];

	json_put_known_text(builder, object, "writer", purge->writer);
	json_put_number(builder, object, "timeUSec", (int64_t)purge->at_us);
	if (purge->before_us) {
		json_put_number(builder, object, "beforeUSec", (int64_t)purge->before_us);
		put_hex(builder, object, "salt", purge->salt, sizeof(purge->salt));
	}
	if (purge->has_ecid)
		put_hex(builder, object, "ecidHash", purge->ecid, sizeof(purge->ecid));
	if (purge->has_udid)
		put_hex(builder, object, "udidHash", purge->udid, sizeof(purge->udid));
	for (size_t i = 0; i < purge->item_count; i++) {
		uuid_format(&purge->items[i], text);
		json_add_text(builder, items, text);
	}
	json_put(builder, object, "items", items);
	return object;
}

/* Reading: each returns false for an invalid member. */

/* A text, cleaned; empty if it is absent. */
static bool take_text(struct json_object *object, const char *key, char *out, size_t size)
{
	const char *text = "";

	if (json_get_text(object, key, &text) < 0 || strlen(text) >= size)
		return false;
	text_clean(text, strlen(text), out, size);
	return true;
}

static bool take_uuid(struct json_object *object, const char *key, struct uuid *ret)
{
	const char *text;
	int r = json_get_text(object, key, &text);

	return r == 0 || (r > 0 && uuid_parse(text, ret) == 0);
}

/* The id of a computer, or nothing. */
static bool take_host_id(struct json_object *object, const char *key, char out[static HOST_ID_SIZE])
{
	return take_text(object, key, out, HOST_ID_SIZE) && (!out[0] || host_id_is_valid(out));
}

static bool take_time(struct json_object *object, const char *key, uint64_t *ret)
{
	int64_t number = 0;

	if (json_get_number(object, key, &number) < 0 || number < 0 ||
		(uint64_t)number > TIME_MAX_US)
		return false;
	*ret = (uint64_t)number;
	return true;
}

/* Returns 1, 0 if it is absent, or -EINVAL. */
static int take_hex(struct json_object *object, const char *key, uint8_t *out, size_t size)
{
	const char *text;
	unsigned byte;
	int r = json_get_text(object, key, &text);

	if (r <= 0)
		return r;
	if (strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return 1;
}

static bool is_key(const char *key)
{
	if (!islower((unsigned char)*key))
		return false;
	while (isalnum((unsigned char)*key))
		key++;
	return !*key;
}

static int refuse(char message[static CHANGE_MESSAGE_SIZE], const char *reason)
{
	snprintf(message, CHANGE_MESSAGE_SIZE, "%s", reason);
	return -EBADMSG;
}

static int read_attempt(struct json_object *object, struct read_change *change,
	char message[static CHANGE_MESSAGE_SIZE])
{
	struct json_object *c = NULL;
	int r;

	if (!take_host_id(object, "writer", change->written.writer) ||
		!take_time(object, "revision", &change->written.revision) ||
		!take_time(object, "startedUSec", &change->written.started_us) ||
		json_get_object(object, "case", &c) <= 0)
		return refuse(message, "not an attempt of a bench");
	r = casefile_from_json(c, &change->c, message);
	if (r < 0)
		return r;
	if (change->c->attempt_count != 1 ||
		!uuid_equal(&change->c->attempts[0]->id, &change->id) ||
		!identity_is_known(&change->c->identity))
		return refuse(message, "the case must have one attempt, with this id and a phone");
	return 0;
}

/* A note has a text, a removal none, and what it removes. */
static bool is_note(const struct note *note)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	bool removes = text_equal(note->kind, NOTE_REMOVAL);

	if (removes)
		return !note->text[0] && !uuid_is_none(&note->amends);
	if (text_equal(note->kind, NOTE_HISTORY))
		return note->text[0] && strlen(note->text) < HISTORY_WORD_SIZE &&
		       strspn(note->text, word) == strlen(note->text);
	return text_equal(note->kind, "note") && note->text[0];
}

static int read_note(struct json_object *object, struct read_change *change,
	char message[static CHANGE_MESSAGE_SIZE])
{
	struct note *note = &change->note;
	char ecid[NAME_SIZE], udid[NAME_SIZE];

	*note = (struct note){.id = change->id,
		.kind = change->note_kind,
		.text = change->text,
		.by = change->by};
	if (!take_text(object, "ecid", ecid, sizeof(ecid)) ||
		!take_text(object, "udid", udid, sizeof(udid)) ||
		!take_time(object, "timeUSec", &note->at_us) ||
		!take_text(object, "noteKind", change->note_kind, sizeof(change->note_kind)) ||
		!take_text(object, "text", change->text, sizeof(change->text)) ||
		!take_text(object, "by", change->by, sizeof(change->by)) ||
		!take_uuid(object, "amends", &note->amends) || !note->at_us || !is_note(note))
		return refuse(message, "not a note");
	if (ecid[0])
		ecid_parse(ecid, &change->identity.ecid);
	if (udid[0])
		udid_normalize(udid, change->identity.udid);
	if (!identity_is_known(&change->identity))
		return refuse(message, "the note names no phone");
	return 0;
}

static int read_correction(struct json_object *object, struct read_change *change,
	char message[static CHANGE_MESSAGE_SIZE])
{
	struct correction *correction = &change->correction;

	correction->id = change->id;
	if (!take_uuid(object, "session", &correction->attempt) ||
		!take_time(object, "timeUSec", &correction->at_us) ||
		!take_text(object, "by", correction->by, sizeof(correction->by)) ||
		!take_text(object, "key", correction->key, sizeof(correction->key)) ||
		!take_text(object, "before", correction->before, sizeof(correction->before)) ||
		!take_text(object, "after", correction->after, sizeof(correction->after)) ||
		uuid_is_none(&correction->attempt) || !correction->at_us ||
		!is_key(correction->key))
		return refuse(message, "not a correction");
	return 0;
}

static int read_condition(struct json_object *object, struct read_change *change,
	char message[static CHANGE_MESSAGE_SIZE])
{
	struct set_condition *condition = &change->condition;
	struct place place;

	condition->id = change->id;
	if (!take_host_id(object, "writer", condition->writer) ||
		!take_host_id(object, "hostId", condition->host_id) ||
		!take_time(object, "timeUSec", &condition->at_us) ||
		!take_text(object, "place", condition->place, sizeof(condition->place)) ||
		!take_text(object, "key", condition->key, sizeof(condition->key)) ||
		!take_text(object, "value", condition->value, sizeof(condition->value)) ||
		!condition->at_us || !is_key(condition->key) ||
		!place_parse(condition->place, &place))
		return refuse(message, "not a condition of a place");
	if (!place.port[0] != !condition->host_id[0])
		return refuse(message, "a port needs a computer, and a phone none");
	place_name(&place, condition->place);
	return 0;
}

static bool take_items(struct json_object *object, struct read_change *change)
{
	struct json_object *items = NULL;

	if (json_get_array(object, "items", &items) <= 0 || json_count(items) > PURGE_ITEMS_MAX)
		return false;
	change->purge.items = change->items;
	change->purge.item_count = json_count(items);
	for (size_t i = 0; i < change->purge.item_count; i++) {
		const char *text = json_item_text(items, i);

		if (!text || uuid_parse(text, &change->items[i]) < 0)
			return false;
	}
	return true;
}

static int read_purge(struct json_object *object, struct read_change *change,
	char message[static CHANGE_MESSAGE_SIZE])
{
	struct purge *purge = &change->purge;
	int salt = take_hex(object, "salt", purge->salt, sizeof(purge->salt));
	int ecid = take_hex(object, "ecidHash", purge->ecid, sizeof(purge->ecid));
	int udid = take_hex(object, "udidHash", purge->udid, sizeof(purge->udid));

	purge->id = change->id;
	purge->has_ecid = ecid > 0;
	purge->has_udid = udid > 0;
	if (salt < 0 || ecid < 0 || udid < 0 || !take_host_id(object, "writer", purge->writer) ||
		!take_time(object, "timeUSec", &purge->at_us) ||
		!take_time(object, "beforeUSec", &purge->before_us) ||
		!take_items(object, change) || !purge->at_us)
		return refuse(message, "not a purge");
	if (purge->before_us > purge->at_us || !purge->before_us != (ecid + udid == 0) ||
		!purge->before_us != !salt)
		return refuse(message, "not the purge of a phone");
	return 0;
}

/* By its kind. */
static int (*const readers[CHANGE_KIND_COUNT])(struct json_object *object,
	struct read_change *change, char message[static CHANGE_MESSAGE_SIZE]) = {
	[CHANGE_ATTEMPT] = read_attempt,
	[CHANGE_NOTE] = read_note,
	[CHANGE_CORRECTION] = read_correction,
	[CHANGE_CONDITION] = read_condition,
	[CHANGE_PURGE] = read_purge,
};

int change_read(struct json_object *object, struct read_change *ret,
	char message[static CHANGE_MESSAGE_SIZE])
{
	int64_t version = 0;
	char kind[NAME_SIZE];

	*ret = (struct read_change){.kind = CHANGE_KIND_COUNT};
	if (json_get_number(object, "formatVersion", &version) <= 0 || version < 1)
		return refuse(message, "it has no formatVersion");
	if (version > CHANGE_FORMAT_VERSION) {
		snprintf(message, CHANGE_MESSAGE_SIZE,
			"format version %" PRId64 " is of a later version of this program; this "
			"one reads %d",
			version, CHANGE_FORMAT_VERSION);
		return -EBADMSG;
	}
	if (!take_text(object, "kind", kind, sizeof(kind)))
		return refuse(message, "it has no kind");
	ret->kind = change_kind_from_name(kind);
	if (ret->kind == CHANGE_KIND_COUNT)
		return refuse(message, "its kind is unknown");
	if (!take_uuid(object, "id", &ret->id) || uuid_is_none(&ret->id))
		return refuse(message, "it has no id");
	return readers[ret->kind](object, ret, message);
}

void change_done(struct read_change *change)
{
	change->c = triage_case_free(change->c);
}
