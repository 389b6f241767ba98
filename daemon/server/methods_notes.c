/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/case.h"
#include "daemon/server/methods.h"

#define NOTE_BYTES_MAX 1000
#define NOTES_MAX 1000 /* per phone */

bool methods_is_key(const char *key)
{
	if (!islower((unsigned char)*key))
		return false;
	while (isalnum((unsigned char)*key))
		key++;
	return !*key;
}

static int set_conditions(struct request *request, const struct place *place,
	const struct condition *given, size_t count)
{
	const struct api_parts *parts = &request->api->parts;

	for (size_t i = 0; i < count; i++) {
		int r = conditions_set(parts->conditions, place, given[i].key, given[i].value);

		if (r == CONDITIONS_FULL)
			return call_bad(&request->call, "conditions");
		if (r < 0)
			return r;
		if (r == CONDITIONS_CHANGED)
			recorder_set_condition(parts->recorder, clock_now(), place, &given[i]);
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
		if (!methods_is_key(conditions[i].key) || !conditions[i].value[0])
			r = call_bad(call, "conditions");
	if (r == API_OK && !place_parse(name, &place))
		r = call_bad(call, "place");
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

static bool count_note(void *context, const struct event *note)
{
	size_t *count = context;

	return ++*count < NOTES_MAX;
}

/* Adds the note to the phone's running restore and to the streams. */
static void record_note(struct recorder *recorder, const struct identity *identity,
	struct stamp now, const char *kind, const char *text)
{
	struct event event = {
		.at = now, .kind = EVENT_NOTE, .source = SOURCE_PERSON, .ecid = identity->ecid};

	text_copy(event.udid, sizeof(event.udid), identity->udid);
	text_copy(event.product, sizeof(event.product), identity->product);
	text_copy(event.name, sizeof(event.name), kind);
	event_set_text(&event, text);
	recorder_feed(recorder, &event);
}

static int add_note(struct request *request, const char *kind, const char *text)
{
	const struct api_parts *parts = &request->api->parts;
	struct casebook_file *file = sealer_casebook(parts->sealer);
	struct call *call = &request->call;
	struct identity identity = {0};
	struct stamp now = clock_now();
	char clean[EVENT_TEXT_MAX];
	size_t count = 0;
	int r;

	if (!file)
		return call_no_casebook(call, sealer_error(parts->sealer));
	if (!find_phone(parts->store, call_text(call, "device"), &identity))
		return API_NO_SUCH_DEVICE;
	r = casebook_notes(parts->store->book, &identity, count_note, &count);
	if (count >= NOTES_MAX)
		return call_bad(call, "text");
	text_clean(text, strlen(text), clean, sizeof(clean));
	if (r == 0)
		r = casebook_file_note(file, now, &identity, kind, clean);
	if (r < 0)
		return call_no_casebook(call, r);
	casebook_file_sync(file);
	record_note(parts->recorder, &identity, now, kind, clean);
	return API_OK;
}

int methods_add_note(struct request *request)
{
	struct call *call = &request->call;
	const char *kind = call_text(call, "kind"), *text = call_text(call, "text");
	bool is_history = kind && text_equal(kind, "history");

	if (kind && !is_history && !text_equal(kind, "note"))
		return call_bad(call, "kind");
	if (!text[0] || strlen(text) > NOTE_BYTES_MAX || (is_history && !is_word(text)))
		return call_bad(call, "text");
	return add_note(request, is_history ? "history" : "note", text);
}
