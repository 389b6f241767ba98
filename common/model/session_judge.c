/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the course of an attempt says of its end. It changes nothing. */
#include <signal.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/model/session_private.h"

/* No phone restarts iOS within this time: our choice. A phone that returns in iOS sooner was
 * replugged, or lost contact. */
#define START_US (5 * USEC_PER_SEC)

enum device_mode session_mode(const struct session *session)
{
	const struct attempt *attempt = &session->attempt;

	return attempt->mode_count ? attempt->modes[attempt->mode_count - 1].mode : MODE_UNKNOWN;
}

bool session_was_in_restore_mode(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->mode_count; i++)
		if (attempt->modes[i].mode == MODE_RESTORE)
			return true;
	return false;
}

size_t session_count_recoveries(const struct session *session)
{
	return session->has_tool ? session->attempt.recoveries : session->attempt.programs;
}

bool session_may_leave(const struct attempt *attempt)
{
	return attempt->status_known || operation_says(attempt->operation) == SAYS_LEAVES ||
	       attempt->stage >= STAGE_REBOOT;
}

bool session_reported_failure(const struct attempt *attempt)
{
	return attempt->status_known && attempt->status != 0;
}

/* It was away too briefly for a restart. */
static bool is_away_shortly(const struct session *session, struct stamp at)
{
	const struct attempt *attempt = &session->attempt;

	return session_mode(session) == MODE_GONE &&
	       at.monotonic_us < attempt->modes[attempt->mode_count - 1].monotonic_us + START_US;
}

enum device_mode session_resolve_mode(
	const struct session *session, enum device_mode mode, struct stamp at)
{
	const struct attempt *attempt = &session->attempt;
	enum device_mode now = session_mode(session);

	if (mode != MODE_NORMAL_OR_RESTORE)
		return mode;
	/* Nothing changed: usbmuxd reports the same attach as USB. */
	if (now == MODE_NORMAL || now == MODE_RESTORE)
		return now;
	if (attempt->status_known || attempt->stage >= STAGE_REBOOT)
		return MODE_NORMAL;
	if (session->has_tool)
		return attempt->stage >= STAGE_BOOT_RAMDISK ? MODE_RESTORE : mode;
	if (session_was_in_restore_mode(attempt))
		return is_away_shortly(session, at) || attempt->health.unexpected_detaches
			       ? mode
			       : MODE_NORMAL;
	return attempt->loaded &&
			       session_count_recoveries(session) >= RECOVERY_ATTACHES_BEFORE_RAMDISK
		       ? MODE_RESTORE
		       : mode;
}

bool session_ramdisk_was_due(const struct session *session)
{
	return session->attempt.stage == STAGE_BOOT_RAMDISK ||
	       session_count_recoveries(session) >= RECOVERY_ATTACHES_BEFORE_RAMDISK;
}

/* It left and returned in a wrong mode. A phone that never left is where the tool gave up, and a
 * phone back in recovery mode after iBEC is where it should be. */
static bool is_back_undue(const struct session *session)
{
	const struct attempt *attempt = &session->attempt;
	enum device_mode mode = session_mode(session);
	size_t recoveries = session_count_recoveries(session);

	if (!device_mode_is_boot(mode))
		return false;
	if (attempt->stage >= STAGE_BOOT_RAMDISK && attempt->mode_count > attempt->modes_when_due)
		return true;
	if (mode == MODE_RECOVERY)
		return recoveries > RECOVERY_ATTACHES_BEFORE_RAMDISK ||
		       attempt_sign(attempt, "bounced-to-recovery");
	return recoveries > 0 || attempt_sign(attempt, "bounced-to-dfu");
}

enum device_mode session_end_mode(const struct session *session)
{
	enum device_mode mode = session_mode(session);

	return device_mode_is_boot(mode) && !is_back_undue(session) ? MODE_UNKNOWN : mode;
}

int64_t session_itunes_code(const struct session *session)
{
	const struct attempt *attempt = &session->attempt;

	if (attempt->stage >= STAGE_RESTORE)
		return attempt->health.unexpected_detaches && !attempt->status_known
			       ? CODE_RAMDISK_LOST
			       : 0;
	if (!session_ramdisk_was_due(session))
		return 0;
	switch (session_end_mode(session)) {
	case MODE_RECOVERY:
		return CODE_IN_RECOVERY;
	case MODE_DFU:
	case MODE_WTF:
		return CODE_IN_DFU;
	case MODE_GONE:
		return CODE_NOT_BACK;
	default:
		return 0;
	}
}

bool session_shows_restore(const struct session *session)
{
	const struct attempt *attempt = &session->attempt;

	return session->has_tool || attempt->program.known || attempt->programs ||
	       session_was_in_restore_mode(attempt);
}

/* A restore begins with the firmware. In a partial log, only an error that tools print before it
 * proves that no restore began. */
static bool never_began(const struct attempt *attempt)
{
	const struct health *health = &attempt->health;

	if (attempt->touched || attempt->stage >= STAGE_BOOT_RAMDISK || attempt->firmware[0] ||
		attempt->action[0] || health->usb_errors || health->mux_faults)
		return false;
	return attempt->before_start ||
	       (attempt->exit_known && attempt->exit_status > 0 && !health->expected_detaches);
}

/* A person stopped it. A shell, sudo and others report the signal as 128 and its number. */
static bool was_stopped(const struct attempt *attempt)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGKILL, SIGTERM};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (attempt->exit_status == 128 + signals[i])
			return attempt->exit_known;
	return attempt->exit_known && attempt->exit_status < 0;
}

/* Of a failure that the tool's log shows, whose word it is. */
static const char *why_reported(const struct attempt *attempt)
{
	if (attempt_tool_crashed(attempt))
		return "the restore tool crashed";
	return attempt->amr_error_known && attempt->amr_error
		       ? "the phone reported a failure"
		       : "the restore tool reported a failure";
}

enum outcome session_judge_tool(const struct attempt *attempt, const char **ret_why)
{
	if (attempt->outcome == OUTCOME_SUCCEEDED ||
		(attempt->status_known && attempt->status == 0)) {
		*ret_why = "the phone reported that the restore has finished";
		return OUTCOME_SUCCEEDED;
	}
	if (attempt->exit_known && attempt_tool_crashed(attempt)) {
		*ret_why = "the restore tool crashed";
		return OUTCOME_FAILED;
	}
	/* If it had failed before a person stopped the tool, it was not aborted. */
	if (attempt->status_known) {
		*ret_why = "the phone reported a failure";
		return OUTCOME_FAILED;
	}
	if (attempt->health.unexpected_detaches) {
		*ret_why = "the phone left in the middle of the restore";
		return OUTCOME_FAILED;
	}
	if (attempt->lost_by_log) {
		*ret_why = "the connection broke in the middle of the restore";
		return OUTCOME_FAILED;
	}
	if (was_stopped(attempt)) {
		*ret_why = "the restore tool was stopped by a signal";
		return OUTCOME_ABORTED;
	}
	if (never_began(attempt)) {
		*ret_why = "the restore tool ended before it began a restore";
		return OUTCOME_NOT_STARTED;
	}
	if (attempt->outcome == OUTCOME_FAILED || attempt->exit_status != 0 ||
		attempt_tool_crashed(attempt)) {
		*ret_why = why_reported(attempt);
		return OUTCOME_FAILED;
	}
	if (attempt->complaining) {
		*ret_why = "the log of the restore ends with an error";
		return OUTCOME_FAILED;
	}
	*ret_why = "the restore tool ended without the phone's final status";
	return OUTCOME_ENDED_UNKNOWN;
}
