/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for eyes: status, sessions, changes, the end of a run. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "client/client.h"
#include "client/mask.h"
#include "client/phrase.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define LABEL_COLUMN 11

static int64_t now_us(void)
{
	return (int64_t)clock_now().wall_us;
}

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
		{"running", PAINT_BOLD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(paints); i++)
		if (text_equal(outcome, paints[i].outcome))
			return paints[i].paint;
	return PAINT_NONE;
}

static void painted(struct page *page, enum paint paint, const char *foreign)
{
	page_paint(page, paint);
	page_foreign(page, foreign);
	page_paint(page, PAINT_NONE);
}

static void label(struct page *page, const char *text)
{
	page_paint(page, PAINT_BOLD);
	page_put(page, "%s", text);
	page_paint(page, PAINT_NONE);
	page_tab(page, LABEL_COLUMN);
}

static void put_phone(struct page *page, struct json_object *object)
{
	const char *identifier = phrase_identifier(object);

	page_foreign(page, phrase_model(object));
	if (identifier) {
		page_put(page, " ");
		page_foreign(page, identifier);
	}
}

static void put_sources(struct page *page, struct json_object *sources)
{
	label(page, "Sources");
	for (size_t i = 0; i < field_count(sources); i++) {
		struct json_object *source = field_item(sources, i);
		const char *detail = field_text(source, "detail");
		bool up = field_true(source, "up");

		if (i > 0)
			page_line(page, LABEL_COLUMN);
		page_foreign(page, field_text_or(source, "name", "?"));
		page_tab(page, LABEL_COLUMN + 10);
		painted(page, up ? PAINT_GOOD : PAINT_BAD, up ? "up" : "down");
		if (detail && *detail) {
			page_put(page, ": ");
			page_foreign(page, detail);
		}
	}
	if (field_count(sources) == 0)
		page_put(page, "none");
}

/* Why usbmuxd does not list a phone that is on USB. */
void text_fault(struct page *page, struct json_object *device, int column)
{
	struct json_object *fault = field_object(device, "fault");

	if (!fault)
		return;
	page_line(page, column);
	page_paint(page, PAINT_BAD);
	page_put(page, "%s: ", page_sign(page, "⚠ usbmuxd", "! usbmuxd"));
	page_foreign(page, field_text_or(fault, "text", field_text_or(fault, "fault", "?")));
	page_put(page, ". ");
	page_paint(page, PAINT_NONE);
	page_put(page, "This says nothing of the phone. ");
	page_foreign(page, field_text_or(fault, "advice", ""));
}

static void put_devices(struct page *page, struct json_object *devices)
{
	label(page, "Phones");
	for (size_t i = 0; i < field_count(devices); i++) {
		struct json_object *device = field_item(devices, i);
		const char *port = field_text(device, "port");

		if (i > 0)
			page_line(page, LABEL_COLUMN);
		put_phone(page, device);
		page_put(page, ", ");
		page_paint(page, PAINT_BOLD);
		page_foreign(page, field_text_or(device, "mode", "unknown"));
		page_paint(page, PAINT_NONE);
		if (port && *port) {
			page_put(page, ", port ");
			page_foreign(page, port);
		}
		text_fault(page, device, LABEL_COLUMN);
	}
	if (field_count(devices) == 0)
		page_put(page, "none");
}

/* How long the phone has been silent, against what it may take. */
static void put_silence(struct page *page, struct json_object *session)
{
	int64_t silent, budget = 0;

	if (!field_number(session, "silentUSec", &silent))
		return;
	field_number(session, "budgetUSec", &budget);
	if (budget > 0 && silent > budget)
		page_paint(page, PAINT_BAD);
	page_put(page, ", silent for %s", phrase_duration(silent).text);
	if (budget > 0)
		page_put(page, " of %s", phrase_duration(budget).text);
	page_paint(page, PAINT_NONE);
}

static void put_running(struct page *page, struct json_object *session)
{
	int64_t permille;

	painted(page, PAINT_BOLD, phrase_session(field_text_or(session, "session", "?")));
	page_put(page, " ");
	put_phone(page, session);
	page_put(page, ", ");
	page_foreign(page, phrase_step(session).text);
	if (field_number(session, "permille", &permille) && permille >= 0)
		page_put(page, " %" PRId64 " %%", permille / 10);
	put_silence(page, session);
}

static void text_status(struct page *page, struct json_object *status)
{
	struct json_object *sessions = field_list(status, "sessions");
	int64_t started = field_number_or(status, "startedUSec", 0);
	int64_t damaged = field_number_or(status, "damagedRecords", 0);

	painted(page, PAINT_BOLD, field_text_or(status, "bench", "?"));
	page_put(page, ": idevicetriaged ");
	page_foreign(page, field_text_or(status, "version", "?"));
	page_put(page, ", up since %s", phrase_when(started, now_us()).text);
	page_line(page, 0);
	put_sources(page, field_list(status, "sources"));
	page_line(page, 0);
	put_devices(page, field_list(status, "devices"));
	page_line(page, 0);
	label(page, "Restores");
	for (size_t i = 0; i < field_count(sessions); i++) {
		if (i > 0)
			page_line(page, LABEL_COLUMN);
		put_running(page, field_item(sessions, i));
	}
	if (field_count(sessions) == 0)
		page_put(page, "none running");
	page_line(page, 0);
	label(page, "Records");
	page_put(page, "%" PRId64 " to %" PRId64 " in a ring of %s",
		field_number_or(status, "firstSequence", 0),
		field_number_or(status, "lastSequence", 0),
		phrase_bytes(field_number_or(status, "ringBytes", 0)).text);
	if (damaged > 0) {
		page_paint(page, PAINT_WARNING);
		page_put(page, ", %" PRId64 " damaged", damaged);
		page_paint(page, PAINT_NONE);
	}
	page_line(page, 0);
}

/* What held in it. */
static void put_conditions(struct page *page, struct json_object *session)
{
	struct json_object *conditions = field_list(session, "conditions");
	const char *host = field_text(session, "host"), *ticket = field_text(session, "ticket");
	const char *port = field_text(session, "port");

	if (host && *host) {
		page_put(page, ", on ");
		page_foreign(page, host);
	}
	if (port && *port) {
		page_put(page, ", port ");
		page_foreign(page, port);
	}
	for (size_t i = 0; i < field_count(conditions); i++) {
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), "portName")) {
			page_put(page, ", ");
			page_foreign(page, field_text_or(field_item(conditions, i), "value", "?"));
			continue;
		}
		page_put(page, ", ");
		page_foreign(page, field_text_or(field_item(conditions, i), "key", "?"));
		page_put(page, " ");
		page_foreign(page, field_text_or(field_item(conditions, i), "value", "?"));
	}
	if (ticket && *ticket) {
		page_put(page, ", ticket ");
		page_foreign(page, ticket);
	}
}

static void put_count(
	struct page *page, struct json_object *health, const char *key, const char *words)
{
	int64_t count = field_number_or(health, key, 0);

	if (count > 0)
		page_put(page, ", %" PRId64 " %s%s", count, words, count == 1 ? "" : "s");
}

/* What went wrong on the way to the phone. */
static void put_health(struct page *page, struct json_object *health)
{
	put_count(page, health, "silences", "silence");
	put_count(page, health, "stalls", "stall");
	put_count(page, health, "usbErrors", "USB error");
	put_count(page, health, "overCurrents", "over-current");
	put_count(page, health, "suspends", "suspend");
	put_count(page, health, "usbmuxdFaults", "usbmuxd fault");
}

static void put_session(struct page *page, struct json_object *session)
{
	const char *outcome = field_text_or(session, "outcome", "unknown");
	int64_t started = field_number_or(session, "startedUSec", 0);
	int64_t ended = field_number_or(session, "endedUSec", 0);
	int64_t code;

	painted(page, PAINT_BOLD, phrase_session(field_text_or(session, "session", "?")));
	page_tab(page, 10);
	page_put(page, "%s", phrase_minute(started).text);
	page_tab(page, 28);
	painted(page, outcome_paint(outcome), outcome);
	if (*phrase_step(session).text && !text_equal(outcome, "succeeded")) {
		page_put(page, "%s ", text_equal(outcome, "running") ? ":" : " at");
		page_foreign(page, phrase_step(session).text);
	}
	if (field_number(session, "itunesCode", &code) && code)
		page_put(page, ", iTunes code %" PRId64, code);
	if (ended > started)
		page_put(page, ", after %s", phrase_duration(ended - started).text);
	page_line(page, 28);
	put_phone(page, session);
	put_conditions(page, session);
	put_health(page, field_object(session, "health"));
	page_line(page, 0);
}

static void text_sessions(struct page *page, struct json_object *reply)
{
	struct json_object *sessions = field_list(reply, "sessions");

	for (size_t i = 0; i < field_count(sessions); i++)
		put_session(page, field_item(sessions, i));
	if (field_count(sessions) == 0) {
		page_put(page, "No restore was watched yet. Start one with `idevicetriage run -- "
			       "TOOL ...`.");
		page_line(page, 0);
	}
}

static void text_case(struct page *page, struct json_object *reply)
{
	struct json_object *notes = field_list(reply, "notes");
	struct json_object *sessions = field_list(reply, "sessions");

	put_phone(page, field_object(reply, "device"));
	page_put(page, ": %zu %s", field_count(sessions),
		field_count(sessions) == 1 ? "attempt" : "attempts");
	page_line(page, 0);
	for (size_t i = 0; i < field_count(notes); i++) {
		struct json_object *note = field_item(notes, i);

		page_put(page, "%s", phrase_minute(field_number_or(note, "timeUSec", 0)).text);
		page_tab(page, 18);
		page_foreign(page, field_text_or(note, "kind", "note"));
		page_put(page, ": ");
		page_foreign(page, field_text_or(note, "text", ""));
		page_line(page, 0);
	}
	for (size_t i = 0; i < field_count(sessions); i++)
		put_session(page, field_item(sessions, i));
}

static void text_noted(struct page *page, struct json_object *reply)
{
	page_put(page, "Noted.");
	page_line(page, 0);
}

static void text_told(struct page *page, struct json_object *reply)
{
	const char *session = phrase_session(field_text_or(reply, "session", "?"));

	page_put(page, "Kept as %s. See `idevicetriage diagnose %s`.", session, session);
	page_line(page, 0);
}

static void text_purged(struct page *page, struct json_object *reply)
{
	int64_t attempts = field_number_or(reply, "attempts", 0);

	page_put(page, "Purged %" PRId64 " %s.", attempts, attempts == 1 ? "attempt" : "attempts");
	page_line(page, 0);
}

/* What a live line or `log` shows better. */
static bool is_chatter(const char *kind)
{
	static const char *const kinds[] = {"log", "progress", "device-log"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_equal(kind, kinds[i]))
			return true;
	return false;
}

static void text_change(struct page *page, struct json_object *reply)
{
	struct json_object *devices = field_list(reply, "devices");
	struct json_object *sessions = field_list(reply, "sessions");
	struct json_object *record = field_object(reply, "record");
	int64_t lost;

	if (devices) {
		put_devices(page, devices);
		page_line(page, 0);
	}
	for (size_t i = 0; i < field_count(sessions); i++) {
		label(page, "Restore");
		put_running(page, field_item(sessions, i));
		page_line(page, 0);
	}
	if (record && !is_chatter(field_text_or(record, "kind", "")))
		text_record(page, record);
	if (field_number(reply, "lost", &lost) && lost > 0) {
		page_paint(page, PAINT_WARNING);
		page_put(page, "%" PRId64 " records were lost before they could be shown", lost);
		page_paint(page, PAINT_NONE);
		page_line(page, 0);
	}
	fflush(page->out);
}

static void text_report(struct page *page, struct json_object *written)
{
	int64_t attempts = field_number_or(written, "attempts", 0);

	page_put(page, "Wrote ");
	page_foreign(page, field_text_or(written, "file", "?"));
	page_put(page, ": ");
	put_phone(page, field_object(written, "device"));
	page_put(page, ", %" PRId64 " attempt%s.", attempts, attempts == 1 ? "" : "s");
	page_line(page, 0);
}

static void text_run_notice(const char *sentence)
{
	complain("%s", sentence);
}

/* How the restore of `run` ended, behind "the restore". */
static const char *run_outcome(const char *outcome)
{
	static const struct {
		const char *outcome;
		const char *said;
	} words[] = {
		{"not-started", "did not start"},
		{"ended-unknown", "has no known outcome"},
		{"unknown", "has no known outcome"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(outcome, words[i].outcome))
			return words[i].said;
	return outcome;
}

static void text_run_end(const struct run_end *end, bool reveal)
{
	const char *outcome = field_text_or(end->result, "outcome", "ended");
	const char *slash = strrchr(end->tool, '/'), *tool = slash ? slash + 1 : end->tool;
	bool succeeded = text_equal(outcome, "succeeded");
	bool placed = !succeeded && !text_equal(outcome, "not-started");
	bool silent = field_number_or(field_object(end->result, "health"), "silences", 0) > 0;
	struct phrase step = phrase_step(end->result);
	char how[64];

	snprintf(how, sizeof(how), end->killed ? "was killed by signal %d" : "exited with %d",
		end->number);
	if (!end->session)
		complain("%s %s; the daemon did not watch. Its log is %s", tool, how, end->log);
	else if (end->problem)
		complain("%s %s; the daemon has only part of it: %s. Its log is %s; see "
			 "`idevicetriage diagnose %s`.",
			tool, how, end->problem, end->log, phrase_session(end->session));
	else
		complain("%s %s; the restore %s%s%s%s. See `idevicetriage diagnose %s`.", tool, how,
			run_outcome(outcome), *step.text && placed ? " at " : "",
			placed ? step.text : "",
			silent && !succeeded ? ", with the phone silent past its time" : "",
			phrase_session(end->session));
	if (end->log_problem)
		complain("The log file %s is incomplete: %s.%s", end->log, end->log_problem,
			end->session && !end->problem ? " The daemon has the whole log." : "");
}

static void text_imported(struct page *page, struct json_object *attempt)
{
	struct json_object *session = field_object(attempt, "session");
	int64_t left_out = field_number_or(attempt, "recordsLeftOut", 0);
	int64_t lines = field_number_or(attempt, "lines", 0);

	page_foreign(page, field_text_or(attempt, "file", "?"));
	page_put(page,
		", attempt %" PRId64 " (%" PRId64 " %s): ", field_number_or(attempt, "attempt", 0),
		lines, lines == 1 ? "line" : "lines");
	if (field_true(attempt, "dryRun"))
		page_put(page, "would be imported as");
	else
		page_put(
			page, field_true(attempt, "added") ? "imported as" : "is known already as");
	page_line(page, 2);
	put_session(page, session);
	if (left_out > 0) {
		page_put(page,
			"  %" PRId64
			" of its records were not stored: they are too many or too large.",
			left_out);
		page_line(page, 0);
	}
}

const struct output output_text = {
	.status = text_status,
	.sessions = text_sessions,
	.device_case = text_case,
	.statistics = text_statistics,
	.conditions = text_conditions,
	.noted = text_noted,
	.told = text_told,
	.purged = text_purged,
	.records = text_records,
	.change = text_change,
	.doctor = text_doctor,
	.diagnosis = text_diagnosis,
	.report = text_report,
	.explanation = text_explanation,
	.panic = text_panic,
	.run_notice = text_run_notice,
	.run_end = text_run_end,
	.imported = text_imported,
	.live = true,
};
