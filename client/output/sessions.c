/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output of restore attempts: a list of them, the case of a phone, a correction. */
#include <inttypes.h>
#include <stdlib.h>

#include "client/output/output.h"
#include "client/phrase.h"
#include "common/base/text.h"

static enum paint outcome_paint(const char *outcome)
{
	static const struct {
		const char *outcome;
		enum paint paint;
	} paints[] = {
		{"succeeded", PAINT_GOOD},
		{"failed", PAINT_BAD},
		{"lost", PAINT_WARNING},
		{"aborted", PAINT_WARNING},
		{"not-started", PAINT_WARNING},
		{"ended-unknown", PAINT_WARNING},
		{"withdrawn", PAINT_DIM},
		{"running", PAINT_BOLD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(paints); i++)
		if (text_equal(outcome, paints[i].outcome))
			return paints[i].paint;
	return PAINT_NONE;
}

/* The conditions of the session. */
static void put_conditions(struct layout *layout, struct json_object *session)
{
	struct json_object *conditions = field_list(session, "conditions");
	const char *host = field_text(session, "host"), *ticket = field_text(session, "ticket");
	const char *port = field_text(session, "port");

	if (host && *host) {
		layout_put(layout, ", on ");
		layout_foreign(layout, host);
	}
	if (port && *port) {
		layout_put(layout, ", port ");
		layout_foreign(layout, port);
	}
	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i);

		if (phrase_condition_is_spare(conditions, condition))
			continue;
		layout_put(layout, ", ");
		layout_foreign(layout, phrase_condition(condition).text);
	}
	if (ticket && *ticket) {
		layout_put(layout, ", ticket ");
		layout_foreign(layout, ticket);
	}
}

static void put_count(
	struct layout *layout, struct json_object *health, const char *key, const char *words)
{
	int64_t count = field_number_or(health, key, 0);

	if (count > 0)
		layout_put(layout, ", %" PRId64 " %s%s", count, words, count == 1 ? "" : "s");
}

/* The problems of the connection to the phone. */
static void put_health(struct layout *layout, struct json_object *health)
{
	put_count(layout, health, "silences", "silence");
	put_count(layout, health, "stalls", "stall");
	put_count(layout, health, "usbErrors", "USB error");
	put_count(layout, health, "overCurrents", "over-current");
	put_count(layout, health, "suspends", "suspend");
	put_count(layout, health, "usbmuxdFaults", "usbmuxd fault");
}

void text_correction(struct layout *layout, const char *key, const char *before, const char *after)
{
	struct phrase times[2];

	/* A number for programs. */
	if (text_equal(key, "started")) {
		times[0] = phrase_minute(before ? strtoll(before, NULL, 10) : 0);
		times[1] = phrase_minute(after ? strtoll(after, NULL, 10) : 0);
		before = times[0].text;
		after = times[1].text;
	}
	layout_foreign(layout, key);
	layout_put(layout, " ");
	layout_foreign(layout, before ? before : "unknown");
	layout_put(layout, " %s ", layout_sign(layout, "→", "->"));
	layout_foreign(layout, after ? after : "unknown");
}

static void put_amendment(struct layout *layout, struct json_object *amendment)
{
	text_correction(layout, field_text_or(amendment, "key", "?"),
		field_text(amendment, "before"), field_text(amendment, "after"));
}

/* Who corrected what, each on a line of its own. */
static void put_amendments(struct layout *layout, struct json_object *amendments)
{
	for (size_t i = 0; i < field_count(amendments); i++) {
		struct json_object *amendment = field_item(amendments, i);
		const char *by = field_text(amendment, "by");

		layout_line(layout, 28);
		layout_put(layout, "corrected %s",
			phrase_minute(field_number_or(amendment, "timeUSec", 0)).text);
		if (by) {
			layout_put(layout, " by ");
			layout_foreign(layout, by);
		}
		layout_put(layout, ": ");
		put_amendment(layout, amendment);
	}
}

void text_session(struct layout *layout, struct json_object *session)
{
	const char *outcome = field_text_or(session, "outcome", "unknown");
	int64_t started = field_number_or(session, "startedUSec", 0);
	int64_t ended = field_number_or(session, "endedUSec", 0);
	struct phrase errors = phrase_errors(session);
	int64_t code;

	text_painted(layout, PAINT_BOLD, phrase_session(field_text_or(session, "session", "?")));
	layout_tab(layout, 10);
	layout_put(layout, "%s", phrase_minute(started).text);
	layout_tab(layout, 28);
	text_painted(layout, outcome_paint(outcome), outcome);
	if (*phrase_step(session).text && !text_equal(outcome, "succeeded")) {
		layout_put(layout, "%s ", text_equal(outcome, "running") ? ":" : " at");
		layout_foreign(layout, phrase_step(session).text);
	}
	if (field_number(session, "itunesCode", &code) && code)
		layout_put(layout, ", iTunes code %" PRId64, code);
	if (*errors.text) {
		layout_put(layout, ", ");
		layout_foreign(layout, errors.text);
	}
	if (ended > started)
		layout_put(layout, ", after %s", phrase_duration(ended - started).text);
	layout_line(layout, 28);
	text_phone(layout, session);
	put_conditions(layout, session);
	put_health(layout, field_object(session, "health"));
	put_amendments(layout, field_list(session, "amendments"));
	layout_line(layout, 0);
}

/* How to correct one of the attempts: `newest` is the example. */
static void put_correction_hint(struct layout *layout, struct json_object *newest)
{
	layout_paint(layout, PAINT_DIM);
	layout_put(layout,
		"To correct one: `idevicetriage attempt --session %s --cable L07`, --outcome, "
		"--port ..., or e in `idevicetriage watch`.",
		phrase_session(field_text_or(newest, "session", "?")));
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

void text_sessions(struct layout *layout, struct json_object *reply)
{
	struct json_object *sessions = field_list(reply, "sessions");

	for (size_t i = 0; i < field_count(sessions); i++)
		text_session(layout, field_item(sessions, i));
	if (layout->terminal && field_count(sessions) > 0)
		put_correction_hint(layout, field_item(sessions, 0));
	if (field_count(sessions) == 0) {
		layout_put(layout,
			"No attempt found. `idevicetriage run -- TOOL ...` records a restore, "
			"`idevicetriage import FILE` adds one from a log.");
		layout_line(layout, 0);
	}
}

/* Who took a note back, or corrected it. */
static void put_note_amended(
	struct layout *layout, struct json_object *notes, struct json_object *note)
{
	for (size_t i = 0; i < field_count(notes); i++) {
		struct json_object *later = field_item(notes, i);
		const char *by = field_text(later, "by");

		if (!text_equal(
			    field_text_or(later, "amends", ""), field_text_or(note, "note", "?")))
			continue;
		layout_put(layout, " (%s %s",
			text_equal(field_text_or(later, "kind", ""), "removal") ? "taken back"
										: "corrected",
			phrase_minute(field_number_or(later, "timeUSec", 0)).text);
		if (by) {
			layout_put(layout, " by ");
			layout_foreign(layout, by);
		}
		layout_put(layout, ")");
	}
}

static void put_note(struct layout *layout, struct json_object *notes, struct json_object *note)
{
	if (text_equal(field_text_or(note, "kind", ""), "removal"))
		return;
	layout_put(layout, "%s", phrase_minute(field_number_or(note, "timeUSec", 0)).text);
	layout_tab(layout, 18);
	layout_paint(layout, field_true(note, "amended") ? PAINT_DIM : PAINT_NONE);
	layout_foreign(layout, field_text_or(note, "kind", "note"));
	layout_put(layout, " %s: ", phrase_session(field_text_or(note, "note", "?")));
	layout_foreign(layout, field_text_or(note, "text", ""));
	put_note_amended(layout, notes, note);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

void text_case(struct layout *layout, struct json_object *reply)
{
	struct json_object *notes = field_list(reply, "notes");
	struct json_object *sessions = field_list(reply, "sessions");

	text_phone(layout, field_object(reply, "device"));
	layout_put(layout, ": %zu %s", field_count(sessions),
		field_count(sessions) == 1 ? "attempt" : "attempts");
	layout_line(layout, 0);
	for (size_t i = 0; i < field_count(notes); i++)
		put_note(layout, notes, field_item(notes, i));
	for (size_t i = 0; i < field_count(sessions); i++)
		text_session(layout, field_item(sessions, i));
}

void text_amended(struct layout *layout, struct json_object *reply)
{
	struct json_object *changes = field_list(reply, "changes");
	const char *session =
		phrase_session(field_text_or(field_object(reply, "result"), "session", "?"));

	if (field_count(changes) == 0)
		layout_put(layout, "Nothing to correct: %s has these values already.", session);
	else
		layout_put(layout, "Corrected %s:", session);
	for (size_t i = 0; i < field_count(changes); i++) {
		layout_put(layout, i ? "; " : " ");
		put_amendment(layout, field_item(changes, i));
	}
	if (field_count(changes) > 0)
		layout_put(layout, ". See `idevicetriage diagnose %s`.", session);
	layout_line(layout, 0);
}
