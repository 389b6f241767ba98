/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/logsplit.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define BUDGET_PERCENT 100 /* as in the table */

struct logsplit {
	const struct logsplit_taker *taker;
	void *user;
	struct toollog *log;

	/* The current attempt. */
	struct session session;
	struct fingerprint lines_seen;
	uint64_t lines;
	uint64_t records;
	struct stamp last;   /* of its last line */
	bool under_way;	     /* the tool has started to work with the phone */
	uint64_t named_ecid; /* that a tool names as the one that it restores; 0 = none yet */
	bool mixed;	     /* it names a second one */
	bool over;	     /* the log has shown the tool's or phone's result */

	/* A line waits until its meaning shows which attempt it belongs to. */
	bool line_waits;
	struct event line;
	char line_text[EVENT_TEXT_MAX];
};

static event_sink take_event;

static void begin_attempt(struct logsplit *split)
{
	session_init(&split->session, true);
	split->lines_seen = (struct fingerprint){0};
	split->lines = split->records = 0;
	split->under_way = split->over = split->mixed = false;
	split->named_ecid = 0;
}

struct logsplit *logsplit_new(const struct logsplit_taker *taker, void *user)
{
	CLEANUP(logsplit_freep) struct logsplit *split = calloc(1, sizeof(*split));

	if (!split)
		return NULL;
	split->taker = taker;
	split->user = user;
	split->log = toollog_new(take_event, split);
	if (!split->log)
		return NULL;
	toollog_set_clock(split->log, TOOLLOG_OWN);
	split->line =
		(struct event){.kind = EVENT_LOG, .source = SOURCE_TOOL, .text = split->line_text};
	begin_attempt(split);
	return TAKE_PTR(split);
}

struct logsplit *logsplit_free(struct logsplit *split)
{
	if (split)
		toollog_free(split->log);
	free(split);
	return NULL;
}

struct toollog_stats logsplit_stats(const struct logsplit *split)
{
	return toollog_stats(split->log);
}

static uint64_t hand_on(void *user, const struct event *event)
{
	struct logsplit *split = user;
	struct event record = *event;

	record.sequence = ++split->records;
	split->taker->record(split->user, &record);
	return record.sequence;
}

/* Records the line only: its meanings are folded instead. */
static void take_line(struct logsplit *split)
{
	struct attempt *attempt = &split->session.attempt;

	if (!split->line_waits)
		return;
	split->line_waits = false;
	if (split->lines++ == 0)
		attempt->started = split->line.at;
	split->last = split->line.at;
	fingerprint_add(&split->lines_seen, split->line_text, split->line.text_length);
	split->line.sequence = ++split->records;
	split->taker->record(split->user, &split->line);
}

static void keep_line(struct logsplit *split, const struct event *event)
{
	take_line(split);
	memcpy(split->line_text, event->text, event->text_length);
	split->line.text_length = event->text_length;
	split->line.at = event->at;
	split->line_waits = true;
}

/* Feeds the time up to `at`: an expired budget. */
static void tell_time(struct logsplit *split, struct stamp at)
{
	struct event effects[SESSION_EFFECTS_MAX];
	struct session *session = &split->session;
	struct stamp over = {.monotonic_us = session->waiting_since_us};

	/* A silent stretch of a log is not a lost session: keep it alive. */
	session->heard_us = at.monotonic_us;
	if (!session->budget || session->overrun_told)
		return;
	over.monotonic_us += (uint64_t)session->budget->seconds * USEC_PER_SEC;
	if (over.monotonic_us > at.monotonic_us)
		return;
	session_keep(session, effects, session_overrun(session, over, BUDGET_PERCENT, effects),
		hand_on, split);
}

static void end_attempt(struct logsplit *split)
{
	struct event effects[SESSION_EFFECTS_MAX];
	struct session *session = &split->session;
	struct logsplit_attempt told = {
		.attempt = &session->attempt, .identity = &session->identity};
	size_t count = session_finish(session, split->last, effects);

	session_keep(session, effects, count, hand_on, split);
	told.lines_seen = split->lines_seen;
	told.lines = split->lines;
	told.records = split->records;
	told.mixed = split->mixed;
	told.first_time = toollog_first_time(split->log);
	split->taker->attempt(split->user, &told);
	begin_attempt(split);
}

/* A phone is loaded with iBSS or iBEC only at the start of a restore. */
static bool is_bootloader(const struct event *event)
{
	return event->flag == STEP_BEGIN &&
	       (text_equal(event->name, "iBSS") || text_equal(event->name, "iBEC"));
}

/* Whether the event begins a restore other than the current one. Tools begin a log with their name
 * and version, or, before 2024, with the phone's mode; a fragment may begin anywhere, so the
 * attempt before it may end anywhere. */
static bool begins_another(const struct logsplit *split, const struct event *event)
{
	const struct attempt *attempt = &split->session.attempt;
	bool went_on = split->under_way || split->over;

	switch (event->kind) {
	case EVENT_TOOL_VERSION:
		return event->text_length > 0 &&
		       (went_on || attempt->entry != MODE_UNKNOWN || attempt->sign_count > 0 ||
			       attempt->complaint[0]);
	case EVENT_ENTRY:
		return went_on;
	case EVENT_TRANSFER:
		return is_bootloader(event) && (split->over || attempt->stage >= STAGE_RESTORE);
	case EVENT_STAGE:
		return split->over && event->number < attempt->stage;
	default:
		return false;
	}
}

/* Whether the event is of another phone, or follows the end without the phone having left: the next
 * restore finds it there. */
static bool is_of_another(
	const struct logsplit *split, const struct event *event, const struct identity *identity)
{
	const struct session *session = &split->session;

	if (event->kind != EVENT_ATTACH && event->kind != EVENT_DETACH)
		return false;
	if (session->identity.ecid && identity->ecid && session->identity.ecid != identity->ecid)
		return true;
	return split->over && event->kind == EVENT_ATTACH &&
	       session_mode(session) != MODE_UNKNOWN && session_mode(session) != MODE_GONE;
}

/* Merges the phone's identity from a link event or similar. Returns false if it is another
 * phone. */
static bool take_identity(struct logsplit *split, const struct event *event)
{
	struct identity identity = event_identity(event);

	if (is_of_another(split, event, &identity))
		return false;
	if (event->kind == EVENT_IDENTITY && identity.ecid) {
		split->mixed |= split->named_ecid && split->named_ecid != identity.ecid;
		split->named_ecid = identity.ecid;
	}
	identity_merge(&split->session.identity, &identity);
	return true;
}

static bool names_phone(const struct event *event)
{
	return event->kind == EVENT_IDENTITY || event->kind == EVENT_ATTACH ||
	       event->kind == EVENT_DETACH;
}

static void note_progress(struct logsplit *split, enum event_kind kind)
{
	switch (kind) {
	case EVENT_OUTCOME:
	case EVENT_STATUS:
	case EVENT_REPORTED_ERROR:
		split->over = true;
		break;
	case EVENT_STAGE:
	case EVENT_TRANSFER:
	case EVENT_OPERATION:
	case EVENT_CHECKPOINT:
		split->under_way = true;
		break;
	case EVENT_WAIT:
		/* A tool may also wait for the signing server. */
		split->under_way |= split->session.attempt.touched;
		break;
	default:
		break;
	}
}

static void take_meaning(struct logsplit *split, const struct event *event)
{
	struct session *session = &split->session;
	struct event resolved;

	if (names_phone(event) && !take_identity(split, event)) {
		hand_on(split, event);
		return;
	}
	tell_time(split, event->at);
	if (event->mode == MODE_NORMAL_OR_RESTORE) {
		resolved = *event;
		resolved.mode = session_resolve_mode(session, event->mode, event->at);
		event = &resolved;
	}
	session_feed(session, event, hand_on, split);
	note_progress(split, event->kind);
}

static void take_event(void *user, const struct event *event)
{
	struct logsplit *split = user;

	if (event->kind == EVENT_LOG) {
		keep_line(split, event);
		return;
	}
	if (begins_another(split, event) && split->lines > 0)
		end_attempt(split);
	take_line(split);
	take_meaning(split, event);
}

void logsplit_feed(struct logsplit *split, const char *bytes, size_t length)
{
	toollog_feed(split->log, (struct stamp){.monotonic_us = LOGSPLIT_EPOCH_US}, bytes, length);
}

void logsplit_finish(struct logsplit *split)
{
	toollog_finish(split->log, (struct stamp){.monotonic_us = LOGSPLIT_EPOCH_US});
	take_line(split);
	if (split->lines == 0)
		return;
	tell_time(split, split->last);
	end_attempt(split);
}
