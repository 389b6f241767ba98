/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/attempt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/budget.h"
#include "common/model/detail.h"
#include "common/model/known_tool.h"
#include "common/model/operation.h"

/* USB errors this short a time before a disconnect belong to it: unplugging a device causes them
 * too (docs.kernel.org/driver-api/usb/error-codes.html, notes 1 and 2). */
#define USB_ERROR_MASK_US (1 * USEC_PER_SEC)

/* usbmuxd 1.1.1 frees memory twice, and crashes, if the phone disappears during a large transfer
 * (seen with Debian 12's on a virtual USB bus): then its end is not a fault of usbmuxd. */
#define MUX_END_EXCUSED_US (1 * USEC_PER_SEC)

/* The tool's log passes through a file that is read a little later; USB events arrive at once. */
#define LOG_LAG_US (5 * USEC_PER_SEC)

void attempt_init(struct attempt *attempt)
{
	*attempt = (struct attempt){.permille = -1};
}

/* Copies a text without a NUL into a field with one. */
static void copy_text(char *out, size_t size, const struct event *event)
{
	text_clean(event->text, event->text_length, out, size);
}

const char *attempt_condition(const struct attempt *attempt, const char *key)
{
	for (size_t i = 0; i < attempt->condition_count; i++)
		if (text_equal(attempt->conditions[i].key, key))
			return text_equal(attempt->conditions[i].value, "unknown")
				       ? NULL
				       : attempt->conditions[i].value;
	return NULL;
}

int attempt_set_condition(
	struct attempt *attempt, const char *key, const char *value, uint64_t sequence)
{
	struct condition *condition = NULL;

	for (size_t i = 0; i < attempt->condition_count && !condition; i++)
		if (text_equal(attempt->conditions[i].key, key))
			condition = &attempt->conditions[i];
	if (!condition) {
		if (attempt->condition_count == ATTEMPT_CONDITIONS_MAX)
			return -ENOSPC;
		condition = &attempt->conditions[attempt->condition_count++];
	}
	text_copy(condition->key, sizeof(condition->key), key);
	text_copy(condition->value, sizeof(condition->value), value);
	condition->sequence = sequence;
	return 0;
}

const struct seen_sign *attempt_sign(const struct attempt *attempt, const char *id)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		if (text_equal(attempt->signs[i].id, id))
			return &attempt->signs[i];
	return NULL;
}

const struct seen_sign *attempt_usb_error(const struct attempt *attempt, int64_t code)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		if (code < 0 && attempt->signs[i].code == code)
			return &attempt->signs[i];
	return NULL;
}

static bool is_crash(int64_t status)
{
	static const int signals[] = {4, 6, 7, 8, 11};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (status == -signals[i] || status == 128 + signals[i])
			return true;
	return false;
}

bool attempt_tool_crashed(const struct attempt *attempt)
{
	if (attempt->exit_known && is_crash(attempt->exit_status))
		return true;
	for (size_t i = 0; i < attempt->error_count; i++)
		if (text_equal(attempt->errors[i].domain, "tool-exit") &&
			is_crash(attempt->errors[i].code))
			return true;
	return false;
}

const char *health_grade_name(enum health_grade grade)
{
	static const char *const names[] = {"unknown", "good", "degraded", "lost"};

	return (size_t)grade < ARRAY_SIZE(names) ? names[grade] : names[0];
}

static void reach_stage(struct attempt *attempt, enum restore_stage stage)
{
	if (stage <= attempt->stage)
		return;
	if (stage >= STAGE_BOOT_RAMDISK && attempt->stage < STAGE_BOOT_RAMDISK)
		attempt->modes_when_due = attempt->mode_count;
	attempt->stage = stage;
}

static void add_mode(struct attempt *attempt, const struct event *event, enum device_mode mode)
{
	if (attempt->mode_count == ATTEMPT_MODES_MAX)
		attempt->mode_count--;
	attempt->modes[attempt->mode_count++] = (struct seen_mode){
		.mode = mode,
		.monotonic_us = event->at.monotonic_us,
		.sequence = event->sequence,
	};
}

static enum device_mode last_mode(const struct attempt *attempt)
{
	return attempt->mode_count ? attempt->modes[attempt->mode_count - 1].mode : MODE_UNKNOWN;
}

/* Several sources report the same plug and unplug. Only the nearest one to the wire counts, after
 * its first report: USB before the tool's log, the log before usbmuxd, which does not see every
 * mode. */
static bool link_source_counts(struct attempt *attempt, enum event_source source)
{
	static const uint32_t ranks[] = {[SOURCE_USBMUXD] = 1, [SOURCE_TOOL] = 2, [SOURCE_USB] = 3};
	uint32_t rank = (size_t)source < ARRAY_SIZE(ranks) ? ranks[source] : 0;

	if (rank < attempt->link_rank)
		return false;
	attempt->link_rank = rank;
	return true;
}

static void fold_link_facts(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (event->port[0])
		text_copy(attempt->port, sizeof(attempt->port), event->port);
	if (event->speed_mbps && (!health->speed_mbps || event->speed_mbps < health->speed_mbps))
		health->speed_mbps = event->speed_mbps;
	if (event->source == SOURCE_USB) {
		health->hub_depth_known = true;
		if (event->hub_depth > health->hub_depth)
			health->hub_depth = event->hub_depth;
		if (event->kind == EVENT_ATTACH && event->name[0] &&
			!attempt_condition(attempt, "hub"))
			attempt_set_condition(attempt, "hub", event->name, event->sequence);
	}
}

/* A mode that was one of two is now known: the same attach in more detail. */
static bool refine_mode(struct attempt *attempt, enum device_mode mode)
{
	if (last_mode(attempt) != MODE_NORMAL_OR_RESTORE)
		return false;
	attempt->modes[attempt->mode_count - 1].mode = mode;
	return true;
}

/* A phone that returns in the same program was replugged. */
static void fold_program(struct attempt *attempt, const struct event *event)
{
	struct boot_program program = boot_program_of(event), before = attempt->program;
	bool same_mode = event->mode == attempt->attached;
	bool replugged = same_mode && before.known && !boot_program_differs(&before, &program);

	if (replugged)
		return;
	attempt->attached = event->mode;
	attempt->program = program;
	attempt->loaded = false;
	if (event->mode != MODE_RECOVERY)
		return;
	attempt->recoveries++;
	attempt->programs = (same_mode ? attempt->programs : 0) + program.known;
	attempt->loaded = same_mode && before.known ? boot_program_follows(&before, &program)
						    : boot_program_is_loaded(&program);
}

static void fold_attach(struct attempt *attempt, const struct event *event)
{
	static const enum restore_stage stages[] = {[MODE_DFU] = STAGE_DFU,
		[MODE_RECOVERY] = STAGE_RECOVERY,
		[MODE_RESTORE] = STAGE_RESTORE};

	fold_link_facts(attempt, event);
	if (!link_source_counts(attempt, event->source) || last_mode(attempt) == event->mode)
		return;
	if (refine_mode(attempt, event->mode))
		return;
	add_mode(attempt, event, event->mode);
	fold_program(attempt, event);
	attempt->health.attaches++;
	if (attempt->entry == MODE_UNKNOWN && !attempt->ended_seen)
		attempt->entry = event->mode;
	if ((size_t)event->mode < ARRAY_SIZE(stages) && !attempt->ended_seen)
		reach_stage(attempt, stages[event->mode]);
}

/* The phone left when usbmuxd ended: the phone made usbmuxd crash, so usbmuxd did not make the
 * restore fail. Either event may arrive first. */
static void excuse_mux_end(struct attempt *attempt)
{
	const uint64_t gone_us = attempt->usb_gone_us, ended_us = attempt->mux_ended_us;
	uint64_t apart_us = gone_us > ended_us ? gone_us - ended_us : ended_us - gone_us;

	if (!gone_us || !ended_us || apart_us > MUX_END_EXCUSED_US)
		return;
	attempt->mux_ended_us = 0;
	attempt->health.mux_faults--;
}

/* Counts the sign once more. Returns NULL if there is no room. */
static struct seen_sign *see_sign(
	struct attempt *attempt, const char *id, int32_t code, uint64_t sequence)
{
	struct seen_sign *sign;

	for (size_t i = 0; i < attempt->sign_count; i++) {
		sign = &attempt->signs[i];
		if (sign->code == code && text_equal(sign->id, id)) {
			sign->count++;
			return sign;
		}
	}
	if (attempt->sign_count == ATTEMPT_SIGNS_MAX)
		return NULL;
	sign = &attempt->signs[attempt->sign_count++];
	*sign = (struct seen_sign){.code = code, .count = 1, .first_sequence = sequence};
	text_copy(sign->id, sizeof(sign->id), id);
	return sign;
}

static void forget_recent_signs(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->sign_count; i++)
		attempt->signs[i].recent = 0;
}

/* Removes the signs of USB errors right before a disconnect. */
static void mask_recent_signs(struct attempt *attempt)
{
	size_t kept = 0;

	for (size_t i = 0; i < attempt->sign_count; i++) {
		struct seen_sign *sign = &attempt->signs[i];

		sign->count -= sign->recent;
		sign->recent = 0;
		if (sign->count)
			attempt->signs[kept++] = *sign;
	}
	attempt->sign_count = kept;
}

static void fold_detach(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	/* usbmuxd ended and lost its list: that says nothing about the phone. */
	if (event->kind == EVENT_MUX_DETACH && event->code != 0)
		return;
	if (event->source == SOURCE_USB) {
		attempt->usb_gone_us = event->at.monotonic_us;
		excuse_mux_end(attempt);
	}
	if (!link_source_counts(attempt, event->source) || last_mode(attempt) == MODE_GONE)
		return;
	add_mode(attempt, event, MODE_GONE);
	health->expected_detaches++;
	if (attempt->recent_usb_errors &&
		event->at.monotonic_us - attempt->recent_usb_error_us <= USB_ERROR_MASK_US) {
		health->usb_errors -= attempt->recent_usb_errors;
		health->usb_errors_masked += attempt->recent_usb_errors;
		mask_recent_signs(attempt);
	}
	attempt->recent_usb_errors = 0;
	forget_recent_signs(attempt);
}

static void fold_link_lost(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (health->expected_detaches)
		health->expected_detaches--;
	health->unexpected_detaches++;
	attempt->link_lost_us = event->at.monotonic_us;
	if (!health->first_fault_sequence)
		health->first_fault_sequence = event->sequence;
}

/* The journal is slower than USB: the disconnect that caused an error may have arrived before
 * it. */
static bool disconnect_follows(const struct attempt *attempt, uint64_t error_us)
{
	for (size_t i = 0; i < attempt->mode_count; i++) {
		const struct seen_mode *seen = &attempt->modes[i];

		if (seen->mode == MODE_GONE && seen->monotonic_us >= error_us &&
			seen->monotonic_us - error_us <= USB_ERROR_MASK_US)
			return true;
	}
	return false;
}

static void fold_usb_error(struct attempt *attempt, const struct event *event)
{
	struct seen_sign *sign;

	if (disconnect_follows(attempt, event->at.monotonic_us)) {
		attempt->health.usb_errors_masked++;
		return;
	}
	if (event->at.monotonic_us - attempt->recent_usb_error_us > USB_ERROR_MASK_US) {
		attempt->recent_usb_errors = 0;
		forget_recent_signs(attempt);
	}
	sign = see_sign(attempt, event->name, (int32_t)event->code, event->sequence);
	if (sign)
		sign->recent++;
	attempt->recent_usb_errors++;
	attempt->recent_usb_error_us = event->at.monotonic_us;
	attempt->health.usb_errors++;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

static void fold_sign(struct attempt *attempt, const struct event *event)
{
	see_sign(attempt, event->name, 0, event->sequence);
	attempt->lost_by_log |= event->kind == EVENT_SIGN && event->flag && !attempt->status_known;
}

/* idevicetriage-link reports an error only if the phone stayed. A stalled transfer is an answer of
 * the phone, which the line has brought. */
static void fold_link_error(struct attempt *attempt, const struct event *event)
{
	bool refused = event->code == -EPIPE;

	see_sign(attempt, refused ? SIGN_TRANSFER_REFUSED : SIGN_TRANSFER_ERROR,
		(int32_t)event->code, event->sequence);
	if (refused)
		return;
	attempt->health.usb_errors += event->number;
	attempt->health.link_errors += event->number;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

/* The number is that of the attach so far. */
static void fold_link_corrected(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	see_sign(attempt, SIGN_TRANSFER_CORRECTED, 0, event->sequence);
	if (event->number > health->link_corrected)
		health->link_corrected = event->number;
}

static void fold_link_rate(struct attempt *attempt, const struct event *event)
{
	if (event->code <= 0)
		return;
	attempt->health.link_bytes += (uint64_t)event->code;
	attempt->health.link_ms += event->number;
}

/* The latest word on whose turn it is while nothing moves. */
static void fold_link_quiet(struct attempt *attempt, const struct event *event)
{
	attempt->quiet = (enum link_quiet)event->flag;
	/* The next one is due when it is twice as long. */
	attempt->quiet_until_us = event->at.monotonic_us + (event->number + 1) * USEC_PER_SEC;
	if (attempt->silent && attempt->overrun_count)
		attempt->overruns[attempt->overrun_count - 1].quiet = attempt->quiet;
}

static void fold_mux_error(struct attempt *attempt, const struct event *event)
{
	attempt->health.mux_faults++;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
	fold_sign(attempt, event);
	if (text_equal(event->name, "usbmuxd-ended")) {
		attempt->mux_ended_us = event->at.monotonic_us;
		excuse_mux_end(attempt);
	}
}

static void fold_operation(struct attempt *attempt, const struct event *event)
{
	reach_stage(attempt, STAGE_RESTORE);
	if (attempt->operation != event->number)
		attempt->permille = -1;
	attempt->operation = event->number;
	attempt->operation_sequence = event->sequence;
	attempt->later_step = 0;
	attempt->operation_passed = false;
	text_copy(attempt->operation_name, sizeof(attempt->operation_name), event->name);
}

static void fold_progress(struct attempt *attempt, const struct event *event)
{
	attempt->permille = event->permille;
}

static void open_checkpoint(struct attempt *attempt, uint32_t id)
{
	size_t last = ATTEMPT_OPEN_CHECKPOINTS_MAX - 1;

	if (attempt->open_checkpoint_count == ATTEMPT_OPEN_CHECKPOINTS_MAX) {
		memmove(attempt->open_checkpoints, attempt->open_checkpoints + 1,
			last * sizeof(attempt->open_checkpoints[0]));
		attempt->open_checkpoint_count--;
	}
	attempt->open_checkpoints[attempt->open_checkpoint_count++] = id;
}

static void close_checkpoint(struct attempt *attempt, uint32_t id)
{
	uint32_t *open = attempt->open_checkpoints;
	size_t count = attempt->open_checkpoint_count;

	for (size_t i = count; i > 0; i--) {
		if (open[i - 1] != id)
			continue;
		memmove(open + i - 1, open + i, (count - i) * sizeof(*open));
		attempt->open_checkpoint_count--;
		break;
	}
	if (attempt->checkpoint != id)
		return;
	count = attempt->open_checkpoint_count;
	attempt->checkpoint = count ? open[count - 1] : 0;
	attempt->checkpoint_name[0] = '\0';
}

static void name_checkpoint(struct attempt *attempt, const struct event *event)
{
	attempt->checkpoint = event->number;
	attempt->checkpoint_sequence = event->sequence;
	text_copy(attempt->checkpoint_name, sizeof(attempt->checkpoint_name), event->name);
}

static void drop_failed_step(struct attempt *attempt, uint32_t checkpoint)
{
	size_t kept = 0;

	for (size_t i = 0; i < attempt->failed_step_count; i++)
		if (attempt->failed_steps[i].checkpoint != checkpoint)
			attempt->failed_steps[kept++] = attempt->failed_steps[i];
	attempt->failed_step_count = kept;
}

static void note_failed_step(struct attempt *attempt, const struct event *event)
{
	struct failed_step *step = attempt->failed_steps;

	for (size_t i = 0; i < attempt->failed_step_count; i++, step++)
		if (step->checkpoint == event->number)
			return;
	if (attempt->failed_step_count == ATTEMPT_FAILED_STEPS_MAX)
		return;
	attempt->failed_step_count++;
	*step = (struct failed_step){
		.checkpoint = event->number, .result = event->code, .sequence = event->sequence};
	text_copy(step->name, sizeof(step->name), event->name);
}

/* Records the result of a checkpoint for its step; a step that is retried may still complete. */
static void fold_result(struct attempt *attempt, const struct event *event)
{
	bool ended = event->flag == CHECKPOINT_COMPLETED || event->flag == CHECKPOINT_FAILURE;

	if (!ended || checkpoint_says(event->number) == SAYS_CLEAN_UP)
		return;
	if (event->code != 0) {
		note_failed_step(attempt, event);
		attempt->complaining = true;
	} else if (event->flag == CHECKPOINT_COMPLETED)
		drop_failed_step(attempt, event->number);
}

/* The step that failed began after the last operation was announced: that is not where it failed.
 */
static void pass_operation(struct attempt *attempt, const struct event *event)
{
	if (attempt->later_step == event->number && event->number)
		attempt->operation_passed = true;
}

static void fold_checkpoint(struct attempt *attempt, const struct event *event)
{
	bool clean_up = checkpoint_says(event->number) == SAYS_CLEAN_UP;

	reach_stage(attempt, STAGE_RESTORE);
	fold_result(attempt, event);
	if (event->flag == CHECKPOINT_FAILURE) {
		copy_text(attempt->failure_text, sizeof(attempt->failure_text), event);
		/* Where its clean-up names a failure, that of the restore is meant. */
		attempt->complaining |= event->text_length > 0;
		if (!clean_up && (!attempt->failing ||
					 checkpoint_says(attempt->checkpoint) == SAYS_AROUND)) {
			name_checkpoint(attempt, event);
			pass_operation(attempt, event);
		}
		attempt->failing |= !clean_up;
		return;
	}
	if (clean_up) {
		attempt->cleaning_up = true;
		return;
	}
	if (attempt->cleaning_up)
		return;
	attempt->failing = false;
	if (event->flag == CHECKPOINT_STARTED) {
		open_checkpoint(attempt, event->number);
		name_checkpoint(attempt, event);
		/* The log that comes with the status tells what happened before it. */
		if (attempt->operation && !attempt->status_known &&
			checkpoint_says(event->number) != SAYS_AROUND)
			attempt->later_step = event->number;
	} else if (event->flag == CHECKPOINT_COMPLETED) {
		if (event->code != 0) {
			name_checkpoint(attempt, event);
			pass_operation(attempt, event);
		} else
			close_checkpoint(attempt, event->number);
	}
}

/* The phone's final status cannot arrive over a lost link: if it is read right after a loss, the
 * log was read late, and the phone left because it was done. */
static void take_back_loss(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (!health->unexpected_detaches ||
		event->at.monotonic_us - attempt->link_lost_us > LOG_LAG_US)
		return;
	health->unexpected_detaches--;
	health->expected_detaches++;
}

static void fold_status(struct attempt *attempt, const struct event *event)
{
	if (!attempt->status_known)
		take_back_loss(attempt, event);
	attempt->status_known = true;
	attempt->status = event->code;
	attempt->status_sequence = event->sequence;
}

static void fold_amr_error(struct attempt *attempt, const struct event *event)
{
	attempt->amr_error_known = true;
	attempt->amr_error = event->code;
}

static void fold_reported_error(struct attempt *attempt, const struct event *event)
{
	struct reported_error *error;

	if (attempt->error_count == ATTEMPT_ERRORS_MAX)
		return;
	error = &attempt->errors[attempt->error_count++];
	error->code = event->code;
	error->sequence = event->sequence;
	text_copy(error->domain, sizeof(error->domain), event->name);
}

/* The event's text is the tool's command. */
static void fold_tool_start(struct attempt *attempt, const struct event *event)
{
	const struct known_tool *tool = known_tool_by_name(event->name);

	text_copy(attempt->tool, sizeof(attempt->tool), event->name);
	if (tool && tool->custom && event->text_length &&
		memmem(event->text, event->text_length, tool->custom, strlen(tool->custom)))
		see_sign(attempt, SIGN_CUSTOM_FIRMWARE, 0, event->sequence);
}

/* Whether the text is the known version without what follows it in brackets. */
static bool is_known_version(const struct attempt *attempt, const struct event *event)
{
	return text_equal(attempt->tool, event->name) &&
	       strncmp(attempt->version, event->text, event->text_length) == 0 &&
	       text_starts_with(attempt->version + event->text_length, " (");
}

static void fold_tool_version(struct attempt *attempt, const struct event *event)
{
	if (event->flag && attempt->tool[0])
		return;
	/* A line that names the tool without its version, or without its package, says nothing new
	 * of a known one. */
	if (event->text_length ? !is_known_version(attempt, event)
			       : !text_equal(attempt->tool, event->name))
		copy_text(attempt->version, sizeof(attempt->version), event);
	text_copy(attempt->tool, sizeof(attempt->tool), event->name);
}

static void fold_tool_end(struct attempt *attempt, const struct event *event)
{
	attempt->exit_known = true;
	attempt->exit_status = event->code;
}

static void fold_log(struct attempt *attempt, const struct event *event)
{
	if (event->code > 0)
		attempt->log_offset = (uint64_t)event->code;
}

static void fold_firmware(struct attempt *attempt, const struct event *event)
{
	text_copy(attempt->firmware, sizeof(attempt->firmware), event->name);
	copy_text(attempt->firmware_build, sizeof(attempt->firmware_build), event);
}

static void fold_action(struct attempt *attempt, const struct event *event)
{
	text_copy(attempt->action, sizeof(attempt->action), event->name);
}

static void fold_entry(struct attempt *attempt, const struct event *event)
{
	attempt->entry = event->mode;
	refine_mode(attempt, event->mode);
	if (event->mode == MODE_RESTORE)
		reach_stage(attempt, STAGE_RESTORE);
}

static void fold_stage(struct attempt *attempt, const struct event *event)
{
	reach_stage(attempt, (enum restore_stage)event->number);
}

static void fold_outcome(struct attempt *attempt, const struct event *event)
{
	/* Success is the phone's report; a later "failed" from the tool does not revoke it. */
	if (attempt->outcome != OUTCOME_SUCCEEDED && !attempt->outcome_amended)
		attempt->outcome = (enum outcome)event->number;
}

static void fold_complaint(struct attempt *attempt, const struct event *event)
{
	attempt->complaining = event->text_length > 0;
	attempt->before_start |= event->flag != 0;
	if (attempt->complaining)
		copy_text(attempt->complaint, sizeof(attempt->complaint), event);
}

/* An event of this kind is enough: the tool now works with the phone. */
static void fold_touch(struct attempt *attempt, const struct event *event)
{
}

static bool waits_for_server(const char *wait)
{
	const struct budget *budget = budget_find(wait);

	return budget && budget->of == SILENCE_OF_SERVER;
}

/* A tool that asks for a ticket has not touched the phone. */
static void fold_wait(struct attempt *attempt, const struct event *event)
{
	bool at_server = waits_for_server(event->name);

	attempt->touched |= !at_server;
	if (event->source == SOURCE_TOOL)
		attempt->at_server = at_server && event->flag != STEP_DONE;
}

static void fold_condition(struct attempt *attempt, const struct event *event)
{
	char value[CONDITION_VALUE_SIZE];

	copy_text(value, sizeof(value), event);
	attempt_set_condition(attempt, event->name, value, event->sequence);
	/* If USB is not watched, the port is the one that a person reports. */
	if (text_equal(event->name, "port") && !attempt->port[0])
		text_copy(attempt->port, sizeof(attempt->port), value);
}

static void fold_ticket(struct attempt *attempt, const struct event *event)
{
	copy_text(attempt->ticket, sizeof(attempt->ticket), event);
}

struct amendment event_amendment(const struct event *event)
{
	struct amendment amendment = {.at_us = event->at.wall_us, .sequence = event->sequence};

	text_copy(amendment.key, sizeof(amendment.key), event->name);
	text_copy(amendment.before, sizeof(amendment.before), event->before);
	copy_text(amendment.after, sizeof(amendment.after), event);
	text_copy(amendment.by, sizeof(amendment.by), event->by);
	return amendment;
}

static struct amendment *add_amendment(struct attempt *attempt)
{
	struct amendment *all = attempt->amendments;

	if (attempt->amendment_count == ATTEMPT_AMENDMENTS_MAX)
		memmove(all, all + 1, --attempt->amendment_count * sizeof(*all));
	return &all[attempt->amendment_count++];
}

/* A case file has the corrections that its records tell as well. */
static bool is_amended(const struct attempt *attempt, const struct event *event)
{
	const struct amendment amendment = event_amendment(event);

	for (size_t i = 0; i < attempt->amendment_count; i++)
		if (attempt->amendments[i].at_us == amendment.at_us &&
			text_equal(attempt->amendments[i].key, amendment.key) &&
			text_equal(attempt->amendments[i].after, amendment.after))
			return true;
	return false;
}

static void fold_amendment(struct attempt *attempt, const struct event *event)
{
	char text[DETAIL_SIZE];

	copy_text(text, sizeof(text), event);
	if (is_amended(attempt, event) ||
		detail_set(attempt, NULL, event->name, text, event->sequence) < 0)
		return;
	attempt->outcome_amended |= text_equal(event->name, "outcome");
	*add_amendment(attempt) = event_amendment(event);
}

static void note_overrun(struct attempt *attempt, const struct event *event)
{
	const struct budget *budget = budget_find(event->name);
	struct overrun *overrun;

	if (attempt->overrun_count < ATTEMPT_OVERRUNS_MAX)
		attempt->overrun_count++;
	overrun = &attempt->overruns[attempt->overrun_count - 1];
	*overrun = (struct overrun){
		.seconds = event->number,
		.allowed_seconds = event->number,
		.transfers = (enum silence_transfers)event->flag,
		.sequence = event->sequence,
		.since_us = event->at.monotonic_us - event->number * USEC_PER_SEC,
	};
	if (event->at.monotonic_us <= attempt->quiet_until_us)
		overrun->quiet = attempt->quiet;
	if (budget && budget->seconds < overrun->allowed_seconds)
		overrun->allowed_seconds = budget->seconds;
	text_copy(overrun->wait, sizeof(overrun->wait), event->name);
	text_copy(overrun->step, sizeof(overrun->step),
		attempt->operation_name[0] ? attempt->operation_name
		: attempt->stage	   ? restore_stage_name(attempt->stage)
					   : "");
}

/* The silence is over, or the session has ended. */
static void lengthen_overrun(struct attempt *attempt, const struct event *event)
{
	struct overrun *overrun = &attempt->overruns[attempt->overrun_count - 1];

	if (event->at.monotonic_us > overrun->since_us)
		overrun->seconds =
			(uint32_t)((event->at.monotonic_us - overrun->since_us) / USEC_PER_SEC);
}

static void fold_silence(struct attempt *attempt, const struct event *event)
{
	const struct budget *budget = budget_find(event->name);

	if (attempt->silent)
		lengthen_overrun(attempt, event);
	note_overrun(attempt, event);
	attempt->silent = true;
	if (budget && budget->of != SILENCE_OF_PHONE)
		return;
	attempt->health.silences++;
	attempt->health.stalls += event->flag == SILENCE_NO_TRANSFERS;
	attempt->health.stalls_known |= event->flag != SILENCE_TRANSFERS_UNKNOWN;
	if (!attempt->health.first_fault_sequence)
		attempt->health.first_fault_sequence = event->sequence;
}

static void fold_mux_client(struct attempt *attempt, const struct event *event)
{
	struct event sign = *event;

	text_copy(sign.name, sizeof(sign.name), SIGN_OTHER_PROGRAM);
	fold_sign(attempt, &sign);
}

static void fold_port(struct attempt *attempt, const struct event *event)
{
	struct health *health = &attempt->health;

	if (text_equal(event->name, "over-current")) {
		health->over_currents += event->number;
		health->over_currents_known = true;
	} else if (text_equal(event->name, "suspended")) {
		health->suspends++;
	} else if (text_equal(event->name, PORT_TRANSFERS) && attempt->silent) {
		lengthen_overrun(attempt, event);
		attempt->silent = false;
	}
	if (event->number && !health->first_fault_sequence)
		health->first_fault_sequence = event->sequence;
}

static void fold_session_begin(struct attempt *attempt, const struct event *event)
{
	attempt->id = event->session;
	attempt->started = event->at;
	if (event->name[0])
		text_copy(attempt->host, sizeof(attempt->host), event->name);
	text_copy(attempt->host_os, sizeof(attempt->host_os), "linux");
}

static void fold_session_end(struct attempt *attempt, const struct event *event)
{
	if (!attempt->ended_seen)
		attempt->ended = event->at;
	if (!attempt->ended_seen && attempt->silent)
		lengthen_overrun(attempt, event);
	attempt->ended_seen = true;
	if (!attempt->outcome_amended)
		attempt->outcome = (enum outcome)event->number;
	attempt->itunes_code = event->code;
	attempt->came_back = event->mode;
	attempt->end_sequence = event->sequence;
}

enum fold_says {
	PHONE_SPEAKS = 1, /* the phone responds */
	GOES_ON = 2,	  /* the restore continues, whatever error came before */
	TOUCHES = 4,	  /* the tool works with the phone */
};

static const struct fold {
	void (*fold)(struct attempt *attempt, const struct event *event);
	unsigned says; /* the meaning of the event: of enum fold_says */
} folds[] = {
	[EVENT_ATTACH] = {fold_attach, PHONE_SPEAKS},
	[EVENT_MUX_ATTACH] = {fold_attach, PHONE_SPEAKS},
	[EVENT_DETACH] = {fold_detach, 0},
	[EVENT_MUX_DETACH] = {fold_detach, 0},
	[EVENT_LINK_LOST] = {fold_link_lost, 0},
	[EVENT_USB_ERROR] = {fold_usb_error, 0},
	[EVENT_LINK_ERROR] = {fold_link_error, 0},
	[EVENT_LINK_CORRECTED] = {fold_link_corrected, 0},
	[EVENT_LINK_QUIET] = {fold_link_quiet, 0},
	[EVENT_LINK_RATE] = {fold_link_rate, 0},
	[EVENT_MUX_ERROR] = {fold_mux_error, 0},
	[EVENT_PORT] = {fold_port, 0},
	[EVENT_MUX_CLIENT] = {fold_mux_client, 0},
	[EVENT_SIGN] = {fold_sign, 0},
	[EVENT_TOOL_START] = {fold_tool_start, 0},
	[EVENT_TOOL_VERSION] = {fold_tool_version, 0},
	[EVENT_TOOL_END] = {fold_tool_end, 0},
	[EVENT_LOG] = {fold_log, 0},
	[EVENT_FIRMWARE] = {fold_firmware, GOES_ON},
	[EVENT_ACTION] = {fold_action, GOES_ON},
	[EVENT_ENTRY] = {fold_entry, GOES_ON},
	[EVENT_TRANSFER] = {fold_touch, GOES_ON | TOUCHES},
	[EVENT_WAIT] = {fold_wait, GOES_ON},
	[EVENT_STAGE] = {fold_stage, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_OPERATION] = {fold_operation, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_PROGRESS] = {fold_progress, PHONE_SPEAKS | GOES_ON},
	[EVENT_CHECKPOINT] = {fold_checkpoint, PHONE_SPEAKS | GOES_ON | TOUCHES},
	[EVENT_STATUS] = {fold_status, PHONE_SPEAKS | TOUCHES},
	[EVENT_AMR_ERROR] = {fold_amr_error, PHONE_SPEAKS | TOUCHES},
	[EVENT_REPORTED_ERROR] = {fold_reported_error, 0},
	[EVENT_OUTCOME] = {fold_outcome, 0},
	[EVENT_COMPLAINT] = {fold_complaint, 0},
	[EVENT_CONDITION] = {fold_condition, 0},
	[EVENT_TICKET] = {fold_ticket, 0},
	[EVENT_AMENDMENT] = {fold_amendment, 0},
	[EVENT_SILENCE] = {fold_silence, 0},
	[EVENT_SESSION_BEGIN] = {fold_session_begin, 0},
	[EVENT_SESSION_END] = {fold_session_end, 0},
};

/* How to fold a kind of events; NULL if it is not folded. */
static const struct fold *find_fold(enum event_kind kind)
{
	return (size_t)kind < ARRAY_SIZE(folds) && folds[kind].fold ? &folds[kind] : NULL;
}

static enum health_grade grade_health(const struct attempt *attempt)
{
	const struct health *health = &attempt->health;

	if (attempt->outcome != OUTCOME_SUCCEEDED &&
		(health->unexpected_detaches || (attempt->silent && health->silences)))
		return HEALTH_LOST;
	if (health->unexpected_detaches || health->silences || health->usb_errors ||
		health->mux_faults || health->over_currents || health->suspends)
		return HEALTH_DEGRADED;
	return health->attaches || attempt->operation || attempt->status_known ? HEALTH_GOOD
									       : HEALTH_UNKNOWN;
}

bool attempt_is_running(const struct attempt *attempt)
{
	return !attempt->ended_seen && !uuid_is_none(&attempt->id);
}

bool event_phone_speaks(enum event_kind kind)
{
	const struct fold *fold = find_fold(kind);

	return fold && (fold->says & PHONE_SPEAKS);
}

bool event_shows_progress(enum event_kind kind)
{
	const struct fold *fold = find_fold(kind);

	return fold && (fold->says & GOES_ON);
}

/* restored also reports the steps of its clean-up after a failure. */
static bool went_on(const struct event *event, unsigned says)
{
	return (says & GOES_ON) && !(event->kind == EVENT_CHECKPOINT &&
					   checkpoint_says(event->number) == SAYS_CLEAN_UP);
}

bool attempt_server_silent(const struct attempt *attempt)
{
	return attempt->silent && attempt->overrun_count &&
	       waits_for_server(attempt->overruns[attempt->overrun_count - 1].wait);
}

/* The phone may come and go while the tool waits for the server: only the tool shows that this is
 * over. */
static bool ends_silence(const struct attempt *attempt, const struct event *event, unsigned says)
{
	if (!attempt_server_silent(attempt))
		return says & PHONE_SPEAKS;
	return !attempt->at_server;
}

void attempt_fold(struct attempt *attempt, const struct event *event)
{
	const struct fold *fold = find_fold(event->kind);
	unsigned says = fold ? fold->says : 0;

	if (event->source == SOURCE_TOOL && (says & GOES_ON))
		attempt->at_server = false;

	if (went_on(event, says))
		attempt->complaining = false;
	if (fold)
		fold->fold(attempt, event);
	attempt->touched |= (says & TOUCHES) != 0;
	if (!attempt->ended_seen && ends_silence(attempt, event, says)) {
		if (attempt->silent)
			lengthen_overrun(attempt, event);
		attempt->silent = false;
	}
	attempt->health.grade = grade_health(attempt);
}
