/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/model/case.h"
#include "common/model/detail.h"
#include "daemon/server/methods.h"

#define PORT_NAME "portName" /* the condition with the shop's name of a port */
#define NOTE_BYTES_MAX 1000
#define NOTES_MAX 1000 /* per phone */
/* More than any meter of a bench shows. */
#define MILLIVOLTS_MAX 100000
#define MICROAMPERES_MAX 100000000

/* The name of a port that is to be set. */
struct naming {
	const struct place *place;
	const char *name; /* NULL = none */
	bool taken;
};

static void compare_names(
	void *context, const struct place *place, const struct condition *conditions, size_t count)
{
	struct naming *naming = context;

	for (size_t i = 0; place->port[0] && i < count; i++)
		if (text_equal(conditions[i].key, PORT_NAME) &&
			strcasecmp(conditions[i].value, naming->name) == 0 &&
			!text_equal(place->port, naming->place->port))
			naming->taken = true;
}

/* A name selects a port: two ports may not have the same one. */
static bool name_is_taken(const struct conditions *conditions, const struct place *place,
	const struct condition *given, size_t count)
{
	struct naming naming = {.place = place};

	for (size_t i = 0; i < count; i++)
		if (text_equal(given[i].key, PORT_NAME))
			naming.name = given[i].value;
	if (naming.name && !text_equal(naming.name, CONDITION_UNKNOWN))
		conditions_show(conditions, NULL, compare_names, &naming);
	return naming.taken;
}

static int set_conditions(struct request *request, const struct place *place,
	const struct condition *given, size_t count)
{
	const struct api_parts *parts = &request->api->parts;
	const struct stamp now = clock_now();

	for (size_t i = 0; i < count; i++) {
		int r = conditions_set(
			parts->conditions, place, given[i].key, given[i].value, now.wall_us);

		if (r == CONDITIONS_FULL)
			return call_bad(&request->call, "conditions");
		if (r < 0)
			return r;
		if (r == CONDITIONS_CHANGED)
			recorder_set_condition(parts->recorder, now, place, &given[i]);
	}
	/* They apply even while the casebook is unusable: the sealer retries. */
	sealer_store_conditions(parts->sealer);
	return API_OK;
}

int methods_set_conditions(struct request *request)
{
	struct call *call = &request->call;
	const char *name = call_text(call, "place");
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	struct place place;
	size_t count = 0;
	int r = methods_conditions(call, conditions, &count);

	for (size_t i = 0; r == API_OK && i < count; i++)
		if (!detail_is_key(conditions[i].key) || !conditions[i].value[0])
			r = call_bad(call, "conditions");
	if (r == API_OK && !place_parse(name, &place))
		r = call_bad(call, "place");
	if (r == API_OK && name_is_taken(request->api->parts.conditions, &place, conditions, count))
		r = call_bad(call, "conditions");
	if (r == API_OK)
		r = set_conditions(request, &place, conditions, count);
	return r == API_OK ? query_put_places(&request->api->query, call, name) : r;
}

/* A word of history has lower-case letters, digits and dashes. */
static bool is_word(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text) &&
	       strlen(text) < HISTORY_WORD_SIZE;
}

/* Finds a phone by name, even if it was never seen. */
static bool find_phone(struct store *store, const char *name, struct identity *ret)
{
	struct place place = {0};

	if (!store_find_identity(store, name, ret)) {
		if (!place_parse(name, &place))
			return false;
		*ret = place.identity;
	}
	return identity_is_known(ret);
}

/* The notes that a phone has. */
struct notes {
	size_t count;
	struct uuid amends;   /* the note that is to be corrected or taken back; none = none */
	char kind[NAME_SIZE]; /* its kind, if it can be; else empty */
};

static bool count_note(void *context, const struct note *note)
{
	struct notes *notes = context;

	notes->count++;
	if (!uuid_is_none(&notes->amends) && uuid_equal(&notes->amends, &note->id) &&
		!note->amended && !text_equal(note->kind, NOTE_REMOVAL))
		text_copy(notes->kind, sizeof(notes->kind), note->kind);
	return true;
}

/* Adds the note to the phone's running restore and to the streams. */
static void record_note(struct recorder *recorder, const struct identity *identity,
	struct stamp now, const struct note *note)
{
	struct event event = {
		.at = now, .kind = EVENT_NOTE, .source = SOURCE_PERSON, .ecid = identity->ecid};

	text_copy(event.udid, sizeof(event.udid), identity->udid);
	text_copy(event.product, sizeof(event.product), identity->product);
	text_copy(event.name, sizeof(event.name), note->kind);
	text_copy(event.by, sizeof(event.by), note->by);
	event_set_text(&event, note->text);
	recorder_feed(recorder, &event);
}

/* Takes back without a text, else keeps or checks the kind. */
static int check_note(struct call *call, const struct notes *notes, struct note *note)
{
	bool corrects = !uuid_is_none(&notes->amends);

	if (corrects && !notes->kind[0])
		return call_bad(call, "amends");
	/* A correction may be corrected: there is room for as many of them. */
	if (notes->count >= (corrects ? 2 * NOTES_MAX : NOTES_MAX))
		return call_bad(call, "text");
	if (corrects && !note->text[0])
		note->kind = NOTE_REMOVAL;
	else if (!note->kind)
		note->kind = corrects ? notes->kind : "note";
	if (!note->text[0] != text_equal(note->kind, NOTE_REMOVAL) ||
		(text_equal(note->kind, NOTE_HISTORY) && !is_word(note->text)))
		return call_bad(call, "text");
	return API_OK;
}

static int store_note(struct request *request, const struct identity *identity, struct stamp now,
	const struct note *note)
{
	const struct api_parts *parts = &request->api->parts;
	struct casebook_file *file = sealer_casebook(parts->sealer);
	int r = casebook_file_note(file, identity, note);

	if (r < 0)
		return call_no_casebook(&request->call, r);
	record_note(parts->recorder, identity, now, note);
	return API_OK;
}

static int add_note(struct request *request, struct notes *notes, struct note *note)
{
	const struct api_parts *parts = &request->api->parts;
	struct call *call = &request->call;
	struct stamp now = clock_now();
	struct identity identity = {0};
	int r;

	if (!sealer_casebook(parts->sealer))
		return call_no_casebook(call, sealer_error(parts->sealer));
	if (!find_phone(parts->store, call_text(call, "device"), &identity))
		return API_NO_SUCH_DEVICE;
	r = casebook_notes(parts->store->book, &identity, count_note, notes);
	if (r < 0)
		return call_no_casebook(call, r);
	r = check_note(call, notes, note);
	if (r != API_OK)
		return r;
	note->id = uuid_make(now);
	note->at_us = now.wall_us;
	note->amends = notes->amends;
	return store_note(request, &identity, now, note);
}

int methods_add_note(struct request *request)
{
	struct call *call = &request->call;
	const char *kind = call_text(call, "kind"), *text = call_text(call, "text");
	const char *amends = call_text(call, "amends");
	char clean[EVENT_TEXT_MAX], by[BY_SIZE];
	struct note note = {.kind = kind, .text = clean, .by = by};
	struct notes notes = {.count = 0};

	if (kind && !text_equal(kind, NOTE_HISTORY) && !text_equal(kind, "note"))
		return call_bad(call, "kind");
	if (strlen(text) > NOTE_BYTES_MAX)
		return call_bad(call, "text");
	if (amends && uuid_parse(amends, &notes.amends) < 0)
		return call_bad(call, "amends");
	text_clean(text, strlen(text), clean, sizeof(clean));
	methods_who(request, by);
	return add_note(request, &notes, &note);
}

/* When it was measured; `at_us` is microseconds since 1970. */
static struct stamp measured_at(struct stamp now, int64_t at_us)
{
	uint64_t age_us = now.wall_us - (uint64_t)at_us;

	if ((uint64_t)at_us > now.wall_us || age_us > now.monotonic_us)
		return now;
	return (struct stamp){now.monotonic_us - age_us, (uint64_t)at_us};
}

int methods_add_measurement(struct request *request)
{
	const struct api_parts *parts = &request->api->parts;
	struct call *call = &request->call;
	const char *source = call_text(call, "source");
	struct event event = {
		.at = clock_now(), .kind = EVENT_MEASUREMENT, .source = SOURCE_PERSON};
	struct stamp now = event.at;
	int64_t at_us = 0, millivolts = 0;
	struct identity identity = {0};
	char id[UUID_TEXT_SIZE];
	struct uuid session;
	enum bench_measured r;

	call_number(call, "millivolts", &millivolts);
	call_number(call, "microamperes", &event.code);
	if (!*source || strlen(source) >= sizeof(event.name))
		return call_bad(call, "source");
	if (millivolts > MILLIVOLTS_MAX)
		return call_bad(call, "millivolts");
	if (event.code > MICROAMPERES_MAX || event.code < -MICROAMPERES_MAX)
		return call_bad(call, "microamperes");
	if (!find_phone(parts->store, call_text(call, "device"), &identity))
		return API_NO_SUCH_DEVICE;
	if (call_number(call, "timeUSec", &at_us))
		event.at = measured_at(now, at_us);
	event.number = (uint32_t)millivolts;
	event.ecid = identity.ecid;
	text_copy(event.udid, sizeof(event.udid), identity.udid);
	text_clean(source, strlen(source), event.name, sizeof(event.name));
	r = recorder_measure(parts->recorder, &event, now, &session);
	if (r != BENCH_NO_RESTORE) {
		uuid_format(&session, id);
		json_put_text(&call->builder, call->answer, "session", id);
	}
	json_put_bool(&call->builder, call->answer, "stored", r == BENCH_MEASURED);
	return API_OK;
}
