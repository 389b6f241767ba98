/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/session_private.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/mux_visibility.h"
#include "common/model/operation.h"

/* The bus shows something of a restore at least this often while idevicetriage-link works: our
 * choice, twice the silence of a phone that is late. */
#define BUS_SILENT_US (240 * USEC_PER_SEC)

/* A session accepts its phone's return for this time after its end, in microseconds. */
#define RETURN_WINDOW_US (300 * USEC_PER_SEC)

/* And the end of usbmuxd for this time: tool and daemon notice it at the same time. */
#define MUX_LAG_US (5 * USEC_PER_SEC)
/* And that usbmuxd does not list the phone: usbmuxd needs some time to list it. */
#define MUX_VISIBILITY_LAG_US (MUX_LAG_US + MUX_VISIBILITY_DUE_US)

void session_init(struct session *session, bool has_tool)
{
	*session = (struct session){.running = true, .has_tool = has_tool};
	attempt_init(&session->attempt);
}

/* What phone and computer say is known, from the tool's log or from the bus. */
static bool is_heard(const struct session *session)
{
	return session->has_tool || (session->bus_heard_us && session->attempt.operation > 0);
}

/* Whether a final status before `at` would have been heard. */
static bool would_be_heard(const struct session *session, struct stamp at)
{
	return is_heard(session) &&
	       (session->has_tool || at.monotonic_us <= session->bus_heard_us + BUS_SILENT_US);
}

static struct event *add_effect(struct session *session, struct event effects[], size_t *count,
	enum event_kind kind, struct stamp at)
{
	struct event *effect;

	assert(*count < SESSION_EFFECTS_MAX);
	effect = &effects[(*count)++];
	*effect = (struct event){
		.at = at, .kind = kind, .source = SOURCE_DAEMON, .session = session->attempt.id};
	return effect;
}

static void stop_waiting(struct session *session)
{
	session->budget = NULL;
	session->waiting_since_us = 0;
	session->overrun_told = false;
}

static void wait_for(struct session *session, const char *budget, struct stamp since)
{
	/* A phone that reports progress restarts the same wait thousands of times. */
	if (!session->budget || !text_equal(session->budget->name, budget)) {
		session->budget = budget_find(budget);
		session->overrun_told = false;
	}
	session->waiting_since_us = since.monotonic_us;
}

static void end_session(struct session *session, struct stamp at, enum outcome outcome,
	const char *why, struct event effects[], size_t *count)
{
	struct event *end = add_effect(session, effects, count, EVENT_SESSION_END, at);

	end->number = outcome;
	end->mode = session_end_mode(session);
	if (!session->running)
		text_copy(end->before, sizeof(end->before), outcome_name(session->attempt.outcome));
	if (outcome == OUTCOME_FAILED)
		end->code = session_itunes_code(session);
	event_set_text(end, why);
	session->running = false;
	stop_waiting(session);
}

size_t session_lose(struct session *session, struct stamp now, const char *why,
	struct event effects[static SESSION_EFFECTS_MAX])
{
	size_t count = 0;

	if (session_shows_restore(session))
		end_session(session, now, OUTCOME_LOST, why, effects, &count);
	else
		end_session(session, now, OUTCOME_NOT_STARTED,
			"nothing shows that a restore had begun", effects, &count);
	return count;
}

size_t session_abandon(struct session *session, struct event effects[static SESSION_EFFECTS_MAX])
{
	static const char why[] = "the records end before the end of the restore";
	const struct stamp unknown = {0};
	size_t count = 0;

	if (session->attempt.status_known)
		return session_finish(session, unknown, effects);
	if (!session->has_tool)
		return session_lose(session, unknown, why, effects);
	end_session(session, unknown, OUTCOME_ENDED_UNKNOWN, why, effects, &count);
	return count;
}

/* Handles a detach. A restore announces all its own detaches, except one in restore mode before the
 * phone's final status; for a restore without a log, the mode of the phone's return decides. */
static void react_to_detach(struct session *session, const struct event *event,
	enum device_mode before, struct event effects[], size_t *count)
{
	const struct attempt *attempt = &session->attempt;
	bool in_restore =
		before == MODE_RESTORE ||
		(attempt->stage >= STAGE_RESTORE && before != MODE_RECOVERY && before != MODE_DFU);

	if (attempt->at_server && !in_restore)
		return;
	if (in_restore && !session_may_leave(attempt)) {
		bool lost = would_be_heard(session, event->at);

		if (lost)
			add_effect(session, effects, count, EVENT_LINK_LOST, event->at);
		wait_for(session, lost ? "return" : "reboot", event->at);
		return;
	}
	if (before == MODE_RECOVERY && session_ramdisk_was_due(session))
		wait_for(session, "wait-restore-mode", event->at);
	else
		wait_for(session,
			!in_restore			    ? "return"
			: session_reported_failure(attempt) ? "tool-end"
							    : "reboot",
			event->at);
}

/* The phone gave its final word and left, or the link broke during the restore and it has not
 * returned: whatever the tool still does. A phone that is back in normal mode without such a word
 * may have finished. */
static bool is_over_for_phone(const struct session *session)
{
	const struct attempt *attempt = &session->attempt;
	enum device_mode mode = session_mode(session);

	if (attempt->lost_by_log)
		return true;
	if (attempt->status_known)
		return mode != MODE_RESTORE;
	return (mode == MODE_GONE || device_mode_is_boot(mode)) &&
	       attempt->health.unexpected_detaches && !session_may_leave(attempt);
}

static void end_as_judged(
	struct session *session, struct stamp at, struct event effects[], size_t *count)
{
	const char *why;
	enum outcome outcome = session_judge_tool(&session->attempt, &why);

	end_session(session, at, outcome, why, effects, count);
}

/* Judges a phone's return in a session without a tool's log: only the modes show the end. */
static void judge_return(
	struct session *session, const struct event *event, struct event effects[], size_t *count)
{
	const struct attempt *attempt = &session->attempt;
	bool restored = session_was_in_restore_mode(attempt);
	size_t recoveries = session_count_recoveries(session);
	enum device_mode mode = session_mode(session);

	if (attempt->status_known) {
		end_as_judged(session, event->at, effects, count);
	} else if (attempt->health.unexpected_detaches) {
		end_session(session, event->at, OUTCOME_FAILED,
			"the phone left in the middle of the restore", effects, count);
	} else if (restored && mode == MODE_NORMAL_OR_RESTORE) {
		end_session(session, event->at, OUTCOME_ENDED_UNKNOWN,
			"it left restore mode and came back too soon to have started", effects,
			count);
	} else if (restored && mode == MODE_NORMAL) {
		end_session(session, event->at, OUTCOME_SUCCEEDED,
			"it left restore mode and came back in normal mode", effects, count);
	} else if (restored && device_mode_is_boot(mode)) {
		add_effect(session, effects, count, EVENT_LINK_LOST, event->at);
		/* The loss affects the code, and it is folded only after this. */
		end_session(session, event->at, OUTCOME_FAILED,
			"it left restore mode and did not come back in normal mode", effects,
			count);
		effects[*count - 1].code = CODE_RAMDISK_LOST;
	} else if (mode == MODE_RECOVERY && recoveries > 1 && !attempt->loaded) {
		bool due = recoveries > RECOVERY_ATTACHES_BEFORE_RAMDISK;

		end_session(session, event->at, due ? OUTCOME_FAILED : OUTCOME_LOST,
			due ? "it came back in recovery mode instead of restore mode"
			    : "it started from its own storage again",
			effects, count);
	} else if (device_mode_is_boot(mode) && mode != MODE_RECOVERY &&
		   session_ramdisk_was_due(session)) {
		end_session(session, event->at, OUTCOME_FAILED,
			"it came back in DFU mode instead of restore mode", effects, count);
		effects[*count - 1].code = CODE_IN_DFU;
	}
}

static void react_to_attach(
	struct session *session, const struct event *event, struct event effects[], size_t *count)
{
	if (session->attempt.at_server && !session->attempt.health.unexpected_detaches)
		return;
	stop_waiting(session);
	if (!session->has_tool)
		judge_return(session, event, effects, count);
	else if (session_mode(session) == MODE_RESTORE)
		wait_for(session, "restored-silence", event->at);
	else if (is_over_for_phone(session))
		wait_for(session, "tool-end", event->at);
}

/* The tool of a session that ended without it: its later work may change the outcome. */
static void react_to_late_tool_end(
	struct session *session, const struct event *event, struct event effects[], size_t *count)
{
	const char *why;
	enum outcome outcome = session_judge_tool(&session->attempt, &why);

	session->tool_lives = false;
	if (outcome != session->attempt.outcome)
		end_session(session, event->at, outcome, why, effects, count);
}

/* Without a tool's log, only what follows shows whether the restore has survived the error. */
static bool waits_after_error(const struct session *session)
{
	return session->budget && text_equal(session->budget->name, "transfer-failed");
}

/* The phone responded: its time restarts, for the current wait. */
static void hear_phone(struct session *session, struct stamp at)
{
	session->overrun_told = false;
	if (waits_after_error(session))
		stop_waiting(session);
	if (is_heard(session) && session->attempt.stage >= STAGE_RESTORE &&
		!session_may_leave(&session->attempt))
		wait_for(session, "restored-silence", at);
	else
		session->waiting_since_us = at.monotonic_us;
}

size_t session_finish(
	struct session *session, struct stamp at, struct event effects[static SESSION_EFFECTS_MAX])
{
	size_t count = 0;

	if (session->running)
		end_as_judged(session, at, effects, &count);
	return count;
}

/* Without a tool's log, the phone's final status is all that will be heard: the restore ends when
 * the phone has left, or after some time. */
static void react_to_status(struct session *session, const struct event *event)
{
	wait_for(session, event->code ? "tool-end" : "reboot", event->at);
	session->overrun_told = false;
}

static bool link_event(enum event_kind kind)
{
	return kind == EVENT_ATTACH || kind == EVENT_MUX_ATTACH || kind == EVENT_DETACH ||
	       kind == EVENT_MUX_DETACH;
}

/* usbmuxd lost its list of phones; no phone left. */
static bool mux_ended(const struct event *event)
{
	return event->kind == EVENT_MUX_DETACH && event->code != 0;
}

static void tell_mux_end(
	struct session *session, const struct event *event, struct event effects[], size_t *count)
{
	struct event *error = add_effect(session, effects, count, EVENT_MUX_ERROR, event->at);

	text_copy(error->name, sizeof(error->name), "usbmuxd-ended");
	event_set_text(error, "usbmuxd ended while the phone was connected");
}

/* A transfer failed, the phone stayed, and usbmuxd has dropped it: no program can continue. */
static void judge_dropped(
	struct session *session, const struct event *event, struct event effects[], size_t *count)
{
	const struct attempt *attempt = &session->attempt;

	if (!session->has_tool && attempt->stage >= STAGE_RESTORE && !session_may_leave(attempt) &&
		attempt_sign(attempt, "usbmuxd-dropped-phone") &&
		(attempt_sign(attempt, SIGN_TRANSFER_ERROR) ||
			attempt_sign(attempt, SIGN_TRANSFER_REFUSED)))
		end_session(session, event->at, OUTCOME_FAILED,
			"a USB transfer failed, and usbmuxd dropped the phone", effects, count);
	else if (!session->has_tool && event->kind == EVENT_LINK_ERROR &&
		 !session_may_leave(attempt))
		wait_for(session, "transfer-failed", event->at);
}

/* The tool has gone on after it had waited for the signing server. */
static bool server_answered(const struct session *session)
{
	return session->budget && session->budget->of == SILENCE_OF_SERVER &&
	       !session->attempt.at_server;
}

/* A wait begins or ends, or the phone responds. The wait for the signing server ends only by the
 * tool. */
static void follow_waits(struct session *session, const struct event *event)
{
	bool counts = !session->attempt.at_server || event->source == SOURCE_TOOL;

	if (event->kind == EVENT_WAIT && event->flag != STEP_DONE) {
		if (counts)
			wait_for(session, event->name, event->at);
	} else if (server_answered(session)) {
		stop_waiting(session);
		hear_phone(session, event->at);
	} else if (event_phone_speaks(event->kind) && !session->attempt.at_server) {
		hear_phone(session, event->at);
	}
}

size_t session_react(struct session *session, const struct event *event, enum device_mode before,
	struct event effects[static SESSION_EFFECTS_MAX])
{
	size_t count = 0;

	session->heard_us = event->at.monotonic_us;
	/* The silence has ended, but the wait goes on: from now. */
	if (session->overrun_told && !session->attempt.silent) {
		session->overrun_told = false;
		session->waiting_since_us = event->at.monotonic_us;
	}
	if (event->source == SOURCE_LINK && event_phone_speaks(event->kind))
		session->bus_heard_us = event->at.monotonic_us;
	if (!session->running) {
		if (session->tool_lives && event->kind == EVENT_TOOL_END)
			react_to_late_tool_end(session, event, effects, &count);
		return count;
	}
	if (mux_ended(event)) {
		tell_mux_end(session, event, effects, &count);
	} else if (link_event(event->kind)) {
		if (session_mode(session) == before)
			return 0;
		if (session_mode(session) == MODE_GONE)
			react_to_detach(session, event, before, effects, &count);
		else
			react_to_attach(session, event, effects, &count);
	} else if (event->kind == EVENT_TOOL_END) {
		end_as_judged(session, event->at, effects, &count);
	} else if (event->kind == EVENT_STATUS && !session->has_tool) {
		react_to_status(session, event);
	} else if (event->kind == EVENT_LINK_ERROR || event->kind == EVENT_USB_ERROR) {
		judge_dropped(session, event, effects, &count);
	} else {
		follow_waits(session, event);
	}
	return count;
}

void session_keep(struct session *session, const struct event effects[], size_t count,
	session_recorder *record, void *user)
{
	for (size_t i = 0; i < count; i++) {
		struct event kept = effects[i];

		kept.sequence = record(user, &kept);
		attempt_fold(&session->attempt, &kept);
	}
}

void session_feed(
	struct session *session, const struct event *event, session_recorder *record, void *user)
{
	struct event effects[SESSION_EFFECTS_MAX];
	enum device_mode before = session_mode(session);

	session_keep(session, event, 1, record, user);
	session_keep(
		session, effects, session_react(session, event, before, effects), record, user);
}

size_t session_hear_transfers(
	struct session *session, struct stamp now, struct event effects[static SESSION_EFFECTS_MAX])
{
	const struct port_health *watch = &session->portwatch;
	size_t count = 0;

	if (!session->running || is_heard(session) || session_mode(session) != MODE_RESTORE ||
		!watch->last.transfers_known)
		return 0;
	if (session->attempt.silent && watch->transfer_us > session->waiting_since_us) {
		struct event *spoke = add_effect(session, effects, &count, EVENT_PORT, now);

		text_copy(spoke->name, sizeof(spoke->name), PORT_TRANSFERS);
		text_copy(spoke->port, sizeof(spoke->port), watch->port);
		session->overrun_told = false;
	}
	wait_for(session, "watched-silence", (struct stamp){.monotonic_us = watch->transfer_us});
	return count;
}

void session_unhear(struct session *session)
{
	session->bus_heard_us = 0;
	if (!session->has_tool && session->budget &&
		text_equal(session->budget->name, "restored-silence"))
		stop_waiting(session);
}

bool session_is_open(const struct session *session)
{
	return session->running || session->tool_lives;
}

void session_resume(struct session *session, struct stamp now)
{
	const struct attempt *attempt = &session->attempt;

	session->heard_us = session->tool_heard_us = now.monotonic_us;
	session->bus_heard_us = 0;
	if (!session->running || !session->has_tool)
		return;
	if (attempt->at_server)
		wait_for(session, "signing", now);
	else if (is_over_for_phone(session))
		wait_for(session, session_mode(session) == MODE_GONE ? "return" : "tool-end", now);
	else if (attempt->stage >= STAGE_RESTORE && !session_may_leave(attempt))
		wait_for(session, "restored-silence", now);
	session->overrun_told = session->budget && attempt->silent;
}

static uint64_t budget_us(const struct session *session, uint32_t percent)
{
	return (uint64_t)session->budget->seconds * USEC_PER_SEC / 100 * percent;
}

/* The maximum idle time of a session: for a tool without its `run`, or a phone in a mode without a
 * tool. */
static uint64_t idle_limit_us(const struct session *session)
{
	const struct budget *budget =
		budget_find(session->has_tool			    ? "run-idle"
			    : session_mode(session) == MODE_RESTORE ? "watched-restore"
								    : "watched-idle");

	return (uint64_t)budget->seconds * USEC_PER_SEC;
}

uint64_t session_deadline(const struct session *session, uint32_t percent)
{
	uint64_t idle;

	if (!session_is_open(session))
		return 0;
	idle = session->heard_us + idle_limit_us(session);
	if (session->budget && !session->overrun_told) {
		uint64_t over = session->waiting_since_us + budget_us(session, percent);

		return over < idle ? over : idle;
	}
	return idle;
}

static void tell_silence(
	struct session *session, struct stamp now, struct event effects[], size_t *count)
{
	struct event *silence = add_effect(session, effects, count, EVENT_SILENCE, now);

	session->overrun_told = true;
	text_copy(silence->name, sizeof(silence->name), session->budget->name);
	silence->number = (uint32_t)((now.monotonic_us - session->waiting_since_us) / USEC_PER_SEC);
	silence->flag =
		port_health_since(&session->portwatch, session->waiting_since_us, now.monotonic_us);
	event_set_text(silence, session->budget->meaning);
}

size_t session_overrun(struct session *session, struct stamp now, uint32_t percent,
	struct event effects[static SESSION_EFFECTS_MAX])
{
	size_t count = 0;

	if (session->running && session->budget && !session->overrun_told &&
		now.monotonic_us >= session->waiting_since_us + budget_us(session, percent))
		tell_silence(session, now, effects, &count);
	return count;
}

/* Judges a phone that stays away, in a session without a tool's log. */
static void judge_absence(
	struct session *session, struct stamp now, struct event effects[], size_t *count)
{
	bool restored = session_was_in_restore_mode(&session->attempt);
	bool due = restored || session_ramdisk_was_due(session);

	if (restored && !session->attempt.health.unexpected_detaches)
		add_effect(session, effects, count, EVENT_LINK_LOST, now);
	end_session(session, now, due ? OUTCOME_FAILED : OUTCOME_LOST,
		"the phone did not come back", effects, count);
	if (restored)
		effects[*count - 1].code = CODE_RAMDISK_LOST;
}

/* A tool that does not notice that its phone has left may run for ever. */
static void judge_without_tool(
	struct session *session, struct stamp now, struct event effects[], size_t *count)
{
	const struct attempt *attempt = &session->attempt;
	bool finished = attempt->status_known && !session_reported_failure(attempt);

	session->tool_lives = true;
	end_session(session, now, finished ? OUTCOME_SUCCEEDED : OUTCOME_FAILED,
		finished ? "the phone reported that the restore has finished; the tool still runs"
		: session_reported_failure(attempt)
			? "the phone reported a failure and left; the tool still runs"
		: !attempt->health.unexpected_detaches
			? "the connection broke in the middle of the restore; the tool still runs"
		: session_mode(session) == MODE_GONE
			? "the phone left in the middle of the restore and did not come back"
			: "the phone left in the middle of the restore and did not return to it",
		effects, count);
}

size_t session_tick(struct session *session, struct stamp now, uint32_t percent,
	struct event effects[static SESSION_EFFECTS_MAX])
{
	bool idle = now.monotonic_us >= session->heard_us + idle_limit_us(session);
	size_t count;

	if (!session->running) {
		session->tool_lives = session->tool_lives && !idle;
		return 0;
	}
	count = session_overrun(session, now, percent, effects);
	if (count && !session->has_tool && session->attempt.status_known)
		end_as_judged(session, now, effects, &count);
	else if (count && session->has_tool && is_over_for_phone(session))
		judge_without_tool(session, now, effects, &count);
	else if (count && !session->has_tool && session_mode(session) == MODE_GONE)
		judge_absence(session, now, effects, &count);
	else if (count && waits_after_error(session))
		end_session(session, now, OUTCOME_FAILED,
			"a USB transfer failed, and the restore did not go on", effects, &count);
	else if (!count && idle)
		end_session(
			session, now, OUTCOME_LOST, "it showed no more activity", effects, &count);
	return count;
}

/* usbmuxd no longer lists the phone; known only some time later. */
static bool is_listing_error(const struct event *event)
{
	return event->kind == EVENT_USB_ERROR && event->source == SOURCE_DAEMON;
}

bool session_takes_late(const struct session *session, const struct event *event)
{
	const struct attempt *attempt = &session->attempt;
	uint64_t ended_us = attempt->ended.monotonic_us, at_us = event->at.monotonic_us;

	if (session->running || attempt->outcome != OUTCOME_FAILED || attempt->status_known)
		return false;
	if (mux_ended(event))
		return at_us <= ended_us + MUX_LAG_US;
	/* An error is known only when the phone has stayed. */
	if (event->kind == EVENT_LINK_ERROR)
		return at_us <= ended_us + MUX_LAG_US;
	if (event->kind == EVENT_MUX_ERROR || is_listing_error(event))
		return at_us <= ended_us + MUX_VISIBILITY_LAG_US;
	return (event->kind == EVENT_ATTACH || event->kind == EVENT_MUX_ATTACH ||
		       event->kind == EVENT_USB_ERROR) &&
	       session_mode(session) == MODE_GONE && at_us <= ended_us + RETURN_WINDOW_US;
}

size_t session_react_late(struct session *session, const struct event *event,
	struct event effects[static SESSION_EFFECTS_MAX])
{
	size_t count = 0;

	if (mux_ended(event))
		tell_mux_end(session, event, effects, &count);
	else
		end_session(session, event->at, session->attempt.outcome,
			"it came back after the end", effects, &count);
	return count;
}
