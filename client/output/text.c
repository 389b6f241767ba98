/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output: status, changes, the end of a run. */
#include "client/output/output.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/phrase.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define LABEL_COLUMN 11

static int64_t now_us(void)
{
	return (int64_t)clock_now().wall_us;
}

void text_painted(struct layout *layout, enum paint paint, const char *foreign)
{
	layout_paint(layout, paint);
	layout_foreign(layout, foreign);
	layout_paint(layout, PAINT_NONE);
}

static void label(struct layout *layout, const char *text)
{
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", text);
	layout_paint(layout, PAINT_NONE);
	layout_tab(layout, LABEL_COLUMN);
}

void text_phone(struct layout *layout, struct json_object *object)
{
	const char *identifier = phrase_identifier(object);

	layout_foreign(layout, phrase_model(object));
	if (identifier) {
		layout_put(layout, " ");
		layout_foreign(layout, identifier);
	}
}

/* The name of its port in the shop, of a Device or a Session. */
static void put_slot(
	struct layout *layout, const char *before, struct json_object *object, const char *after)
{
	const char *slot = phrase_slot(object);

	if (!slot)
		return;
	layout_put(layout, "%s", before);
	layout_foreign(layout, slot);
	layout_put(layout, "%s", after);
}

static void put_sources(struct layout *layout, struct json_object *sources)
{
	label(layout, "Sources");
	for (size_t i = 0; i < field_count(sources); i++) {
		struct json_object *source = field_item(sources, i);
		const char *detail = field_text(source, "detail");

		if (i > 0)
			layout_line(layout, LABEL_COLUMN);
		layout_foreign(layout, field_text_or(source, "name", "?"));
		layout_tab(layout, LABEL_COLUMN + 10);
		if (field_true(source, "up"))
			text_painted(layout, PAINT_GOOD, "up");
		else if (field_true(source, "absent"))
			text_painted(layout, PAINT_DIM, "absent");
		else
			text_painted(layout, PAINT_BAD, "down");
		if (detail && *detail) {
			layout_put(layout, ": ");
			layout_foreign(layout, detail);
		}
	}
	if (field_count(sources) == 0)
		layout_put(layout, "none");
}

/* Why usbmuxd does not list a phone that is on USB. */
void text_fault(struct layout *layout, struct json_object *device, int column)
{
	struct json_object *fault = field_object(device, "fault");

	if (!fault)
		return;
	layout_line(layout, column);
	layout_paint(layout, PAINT_BAD);
	layout_put(layout, "%s: ", layout_sign(layout, "⚠ usbmuxd", "! usbmuxd"));
	layout_foreign(layout, field_text_or(fault, "text", field_text_or(fault, "fault", "?")));
	layout_put(layout, ". ");
	layout_paint(layout, PAINT_NONE);
	layout_put(layout, "This says nothing about the phone. ");
	layout_foreign(layout, field_text_or(fault, "advice", ""));
}

static void put_devices(struct layout *layout, struct json_object *devices)
{
	label(layout, "Phones");
	for (size_t i = 0; i < field_count(devices); i++) {
		struct json_object *device = field_item(devices, i);
		const char *port = field_text(device, "port");

		if (i > 0)
			layout_line(layout, LABEL_COLUMN);
		text_phone(layout, device);
		layout_put(layout, ", ");
		layout_paint(layout, PAINT_BOLD);
		layout_foreign(layout, phrase_mode(field_text_or(device, "mode", "unknown")));
		layout_paint(layout, PAINT_NONE);
		if (port && *port) {
			layout_put(layout, ", port ");
			layout_foreign(layout, port);
		}
		put_slot(layout, " (", device, ")");
		text_fault(layout, device, LABEL_COLUMN);
	}
	if (field_count(devices) == 0)
		layout_put(layout, "none");
}

/* How long the current wait has lasted, compared to its budget. */
static void put_silence(struct layout *layout, struct json_object *session)
{
	int64_t silent, budget = 0;

	if (!field_number(session, "silentUSec", &silent))
		return;
	field_number(session, "budgetUSec", &budget);
	if (budget > 0 && silent > budget)
		layout_paint(layout, PAINT_BAD);
	layout_put(layout, ", %s silent for %s", phrase_silent_one(session),
		phrase_duration(silent).text);
	if (budget > 0)
		layout_put(layout, " of %s", phrase_duration(budget).text);
	layout_paint(layout, PAINT_NONE);
}

static void put_running(struct layout *layout, struct json_object *session)
{
	int64_t permille;

	text_painted(layout, PAINT_BOLD, phrase_session(field_text_or(session, "session", "?")));
	layout_put(layout, " ");
	text_phone(layout, session);
	put_slot(layout, ", ", session, "");
	layout_put(layout, ", ");
	layout_foreign(layout, phrase_step(session).text);
	if (field_number(session, "permille", &permille) && permille >= 0)
		layout_put(layout, " %" PRId64 " %%", permille / 10);
	put_silence(layout, session);
}

/* The server of the shop. */
static void put_sync(struct layout *layout, struct json_object *sync)
{
	int64_t waiting = field_number_or(sync, "waiting", 0);

	label(layout, "Benches");
	if (field_true(sync, "connected")) {
		layout_put(layout, "shared as ");
		layout_foreign(layout, field_text_or(sync, "bench", "?"));
	} else {
		layout_paint(layout, PAINT_WARNING);
		layout_put(layout, "not connected: ");
		layout_foreign(layout, field_text_or(sync, "error", "?"));
		layout_paint(layout, PAINT_NONE);
	}
	if (waiting > 0)
		layout_put(layout, ", %" PRId64 " change%s wait%s", waiting,
			waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
	layout_line(layout, 0);
}

static void text_status(struct layout *layout, struct json_object *status)
{
	struct json_object *sessions = field_list(status, "sessions");
	int64_t started = field_number_or(status, "startedUSec", 0);
	int64_t damaged = field_number_or(status, "damagedRecords", 0);

	text_painted(layout, PAINT_BOLD, field_text_or(status, "bench", "?"));
	layout_put(layout, ": idevicetriaged ");
	layout_foreign(layout, field_text_or(status, "version", "?"));
	layout_put(layout, ", up since %s", phrase_when(started, now_us()).text);
	layout_line(layout, 0);
	put_sources(layout, field_list(status, "sources"));
	layout_line(layout, 0);
	put_devices(layout, field_list(status, "devices"));
	layout_line(layout, 0);
	label(layout, "Restores");
	for (size_t i = 0; i < field_count(sessions); i++) {
		if (i > 0)
			layout_line(layout, LABEL_COLUMN);
		put_running(layout, field_item(sessions, i));
	}
	if (field_count(sessions) == 0)
		layout_put(layout, "none running");
	layout_line(layout, 0);
	if (field_object(status, "sync"))
		put_sync(layout, field_object(status, "sync"));
	label(layout, "Records");
	layout_put(layout, "%" PRId64 " to %" PRId64 " in a ring of %s",
		field_number_or(status, "firstSequence", 0),
		field_number_or(status, "lastSequence", 0),
		phrase_bytes(field_number_or(status, "ringBytes", 0)).text);
	if (damaged > 0) {
		layout_paint(layout, PAINT_WARNING);
		layout_put(layout, ", %" PRId64 " damaged", damaged);
		layout_paint(layout, PAINT_NONE);
	}
	layout_line(layout, 0);
}

static void text_noted(struct layout *layout, struct json_object *reply, const char *done)
{
	layout_put(layout, "%s", done);
	layout_line(layout, 0);
}

/* What it is has been said. */
static void text_trial(struct layout *layout, struct json_object *trial)
{
	const char *command = field_text(trial, "command");
	int width = layout->width;

	if (!command)
		return;
	layout_put(layout, "The next attempt:");
	layout_line(layout, 2);
	layout->width = INT_MAX;
	layout_put(layout, " ");
	layout_foreign(layout, command);
	layout_line(layout, 0);
	layout->width = width;
}

static void text_told(struct layout *layout, struct json_object *reply)
{
	const char *session = phrase_session(field_text_or(reply, "session", "?"));

	layout_put(layout, "Stored as %s. See `idevicetriage diagnose %s`.", session, session);
	layout_line(layout, 0);
}

static void text_measured(struct layout *layout, struct json_object *counts)
{
	int64_t stored = field_number_or(counts, "stored", 0);
	int64_t others = field_number_or(counts, "notStored", 0);
	int64_t ignored = field_number_or(counts, "linesIgnored", 0);

	layout_put(layout, "Stored %" PRId64 " measurement%s.", stored, stored == 1 ? "" : "s");
	if (others > 0)
		layout_put(layout,
			" %" PRId64
			" %s not stored: no restore of the phone was running, or its session "
			"was full.",
			others, others == 1 ? "was" : "were");
	if (ignored > 0)
		layout_put(layout, " %" PRId64 " line%s had no time, volts and amperes.", ignored,
			ignored == 1 ? "" : "s");
	layout_line(layout, 0);
}

static void text_purged(struct layout *layout, struct json_object *reply)
{
	int64_t attempts = field_number_or(reply, "attempts", 0);
	struct json_object *list = field_list(reply, "toolLogs");
	size_t logs = 0;

	for (size_t i = 0; i < field_count(list); i++)
		logs += field_true(field_item(list, i), "deleted");
	layout_put(
		layout, "Purged %" PRId64 " %s", attempts, attempts == 1 ? "attempt" : "attempts");
	if (logs > 0)
		layout_put(layout, " and %zu tool %s", logs, logs == 1 ? "log" : "logs");
	layout_put(layout, ".");
	layout_line(layout, 0);
}

/* Records that a live line or `log` shows better. */
static bool is_chatter(const char *kind)
{
	static const char *const kinds[] = {
		"log", "progress", "device-log", "link-rate", "tool-log", "measurement"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_equal(kind, kinds[i]))
			return true;
	return false;
}

static void text_change(struct layout *layout, struct json_object *reply, const char *phone)
{
	struct json_object *devices = field_list(reply, "devices");
	struct json_object *sessions = field_list(reply, "sessions");
	struct json_object *record = field_object(reply, "record");
	int64_t lost;

	if (devices) {
		put_devices(layout, devices);
		layout_line(layout, 0);
	}
	for (size_t i = 0; i < field_count(sessions); i++) {
		label(layout, "Restore");
		put_running(layout, field_item(sessions, i));
		layout_line(layout, 0);
	}
	if (record && !is_chatter(field_text_or(record, "kind", "")))
		text_record(layout, record, phone);
	if (field_number(reply, "lost", &lost) && lost > 0) {
		layout_paint(layout, PAINT_WARNING);
		layout_put(
			layout, "%" PRId64 " records were lost before they could be shown", lost);
		layout_paint(layout, PAINT_NONE);
		layout_line(layout, 0);
	}
	fflush(layout->out);
}

static void text_report(struct layout *layout, struct json_object *written)
{
	int64_t attempts = field_number_or(written, "attempts", 0);

	layout_put(layout, "Wrote ");
	layout_foreign(layout, field_text_or(written, "file", "?"));
	layout_put(layout, ": ");
	text_phone(layout, field_object(written, "device"));
	layout_put(layout, ", %" PRId64 " attempt%s.", attempts, attempts == 1 ? "" : "s");
	layout_line(layout, 0);
}

static void text_guided(struct layout *layout, struct json_object *end)
{
	bool reached = field_true(end, "reached");

	layout_paint(layout, reached ? PAINT_GOOD : PAINT_WARNING);
	layout_put(layout, "%s", field_text_or(end, "text", ""));
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

static void text_run_notice(const char *sentence)
{
	report_error("%s", sentence);
}

/* The end of a restore under `run`, after the words "the restore". */
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

/* The command that failed says what to do next: not after a success, or if a person stopped the
 * restore. */
static void put_run_verdict(const char *outcome, struct json_object *diagnosis, bool reveal)
{
	static const char *const outcomes[] = {"failed", "not-started", "ended-unknown"};
	struct layout layout;
	size_t i = 0;

	while (i < ARRAY_SIZE(outcomes) && !text_equal(outcome, outcomes[i]))
		i++;
	if (!diagnosis || i == ARRAY_SIZE(outcomes))
		return;
	layout_init(&layout, stderr, -1, reveal);
	layout_put(&layout, "idevicetriage: ");
	text_short_diagnosis(&layout, diagnosis);
}

/* A check of the file's list and manifest does not show that it is whole. */
static void put_run_firmware(const struct run_end *end, bool succeeded)
{
	char sentence[PHRASE_FIRMWARE_SIZE];

	if (phrase_firmware_problem(end->firmware, sentence))
		report_error("%s", sentence);
	else if (end->firmware && !succeeded)
		report_error("The manifest of the firmware file is in order; its contents were not "
			     "read. "
			     "See `idevicetriage check-firmware %s`.",
			field_text_or(end->firmware, "file", "FILE"));
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
		report_error("%s %s; the daemon did not watch. Its log is %s; see "
			     "`idevicetriage diagnose --log %s`.",
			tool, how, end->log, end->log);
	else if (end->problem)
		report_error("%s %s; the daemon has only part of it: %s. Its log is %s; see "
			     "`idevicetriage diagnose %s`.",
			tool, how, end->problem, end->log, phrase_session(end->session));
	else
		report_error("%s %s; the restore %s%s%s%s. See `idevicetriage diagnose %s`.", tool,
			how, run_outcome(outcome), *step.text && placed ? " at " : "",
			placed ? step.text : "",
			silent && !succeeded ? ", with the phone silent past its time" : "",
			phrase_session(end->session));
	if (end->log_problem)
		report_error("The log file %s is incomplete: %s.%s", end->log, end->log_problem,
			end->session && !end->problem ? " The daemon has the whole log." : "");
	put_run_verdict(outcome, end->diagnosis, reveal);
	put_run_firmware(end, succeeded);
}

static void text_imported(struct layout *layout, struct json_object *attempt)
{
	struct json_object *session = field_object(attempt, "session");
	int64_t left_out = field_number_or(attempt, "recordsLeftOut", 0);
	int64_t lines = field_number_or(attempt, "lines", 0);
	int64_t merged = field_number_or(attempt, "linesMerged", 0);

	layout_foreign(layout, field_text_or(attempt, "file", "?"));
	layout_put(layout,
		", attempt %" PRId64 " (%" PRId64 " %s): ", field_number_or(attempt, "attempt", 0),
		lines, lines == 1 ? "line" : "lines");
	if (field_true(attempt, "dryRun"))
		layout_put(layout, "would be imported as");
	else
		layout_put(layout, "%s",
			field_true(attempt, "added") ? "imported as"
			: field_count(field_list(attempt, "corrected"))
				? "is already known; corrected as"
				: "is already known as");
	layout_line(layout, 2);
	text_session(layout, session);
	if (merged > 0) {
		layout_put(layout, "  Added %" PRId64 " %s that this session lacked.", merged,
			merged == 1 ? "line" : "lines");
		layout_line(layout, 0);
	}
	if (left_out > 0) {
		layout_put(layout,
			"  %" PRId64 " of its records were not stored: there are too many, or they "
			"are too large.",
			left_out);
		layout_line(layout, 0);
	}
}

static void text_exchanged(struct layout *layout, struct json_object *summary)
{
	static const struct {
		const char *member, *words;
	} counts[] = {
		{"changes", "changes would be imported"},
		{"added", "added"},
		{"replaced", "replaced"},
		{"present", "already known"},
		{"purged", "purged earlier"},
		{"refused", "refused"},
	};
	const char *comma = "";

	layout_put(layout, "%s: ", field_text_or(summary, "file", ""));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		int64_t count = field_number_or(summary, counts[i].member, -1);

		/* The first one always, so that there is a sentence. */
		if (count > 0 || (count == 0 && i < 2)) {
			layout_put(layout, "%s%" PRId64 " %s", comma, count, counts[i].words);
			comma = ", ";
		}
	}
	layout_put(layout, ".");
	layout_line(layout, 0);
}

const struct output output_text = {
	.status = text_status,
	.sessions = text_sessions,
	.device_case = text_case,
	.statistics = text_statistics,
	.conditions = text_conditions,
	.noted = text_noted,
	.told = text_told,
	.measured = text_measured,
	.amended = text_amended,
	.purged = text_purged,
	.records = text_records,
	.change = text_change,
	.doctor = text_doctor,
	.diagnosis = text_diagnosis,
	.waited = text_short_diagnosis,
	.trial = text_trial,
	.guided = text_guided,
	.report = text_report,
	.explanation = text_explanation,
	.panic = text_panic,
	.run_notice = text_run_notice,
	.run_end = text_run_end,
	.imported = text_imported,
	.exchanged = text_exchanged,
	.tool_fd = STDOUT_FILENO,
	.live = true,
};
