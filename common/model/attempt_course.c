/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fold of what the tool and the phone reported of a restore: its steps, its end, its waits. */
#include <string.h>

#include "common/base/text.h"
#include "common/model/attempt_private.h"
#include "common/model/budget.h"
#include "common/model/known_tool.h"
#include "common/model/operation.h"

/* The tool's log passes through a file that is read a little later; USB events arrive at once. */
#define LOG_LAG_US (5 * USEC_PER_SEC)

void fold_operation(struct attempt *attempt, const struct event *event)
{
	attempt_reach_stage(attempt, STAGE_RESTORE);
	if (attempt->operation != event->number)
		attempt->permille = -1;
	attempt->operation = event->number;
	attempt->operation_sequence = event->sequence;
	attempt->later_step = 0;
	attempt->operation_passed = false;
	text_copy(attempt->operation_name, sizeof(attempt->operation_name), event->name);
}

void fold_progress(struct attempt *attempt, const struct event *event)
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

void fold_checkpoint(struct attempt *attempt, const struct event *event)
{
	bool clean_up = checkpoint_says(event->number) == SAYS_CLEAN_UP;

	attempt_reach_stage(attempt, STAGE_RESTORE);
	fold_result(attempt, event);
	if (event->flag == CHECKPOINT_FAILURE) {
		attempt_copy_text(attempt->failure_text, sizeof(attempt->failure_text), event);
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

void fold_status(struct attempt *attempt, const struct event *event)
{
	if (!attempt->status_known)
		take_back_loss(attempt, event);
	attempt->status_known = true;
	attempt->status = event->code;
	attempt->status_sequence = event->sequence;
}

void fold_amr_error(struct attempt *attempt, const struct event *event)
{
	attempt->amr_error_known = true;
	attempt->amr_error = event->code;
}

void fold_reported_error(struct attempt *attempt, const struct event *event)
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
void fold_tool_start(struct attempt *attempt, const struct event *event)
{
	const struct known_tool *tool = known_tool_by_name(event->name);

	text_copy(attempt->tool, sizeof(attempt->tool), event->name);
	if (tool && tool->custom && event->text_length &&
		memmem(event->text, event->text_length, tool->custom, strlen(tool->custom)))
		attempt_see_sign(attempt, SIGN_CUSTOM_FIRMWARE, 0, event->sequence);
}

/* Whether the text is the known version without what follows it in brackets. */
static bool is_known_version(const struct attempt *attempt, const struct event *event)
{
	return text_equal(attempt->tool, event->name) &&
	       strncmp(attempt->version, event->text, event->text_length) == 0 &&
	       text_starts_with(attempt->version + event->text_length, " (");
}

void fold_tool_version(struct attempt *attempt, const struct event *event)
{
	if (event->flag && attempt->tool[0])
		return;
	/* A line that names the tool without its version, or without its package, says nothing new
	 * of a known one. */
	if (event->text_length ? !is_known_version(attempt, event)
			       : !text_equal(attempt->tool, event->name))
		attempt_copy_text(attempt->version, sizeof(attempt->version), event);
	text_copy(attempt->tool, sizeof(attempt->tool), event->name);
}

void fold_tool_end(struct attempt *attempt, const struct event *event)
{
	attempt->exit_known = true;
	attempt->exit_status = event->code;
}

void fold_log(struct attempt *attempt, const struct event *event)
{
	if (event->code > 0)
		attempt->log_offset = (uint64_t)event->code;
}

void fold_firmware(struct attempt *attempt, const struct event *event)
{
	text_copy(attempt->firmware, sizeof(attempt->firmware), event->name);
	attempt_copy_text(attempt->firmware_build, sizeof(attempt->firmware_build), event);
}

void fold_action(struct attempt *attempt, const struct event *event)
{
	text_copy(attempt->action, sizeof(attempt->action), event->name);
}

void fold_entry(struct attempt *attempt, const struct event *event)
{
	attempt->entry = event->mode;
	attempt_refine_mode(attempt, event->mode);
	if (event->mode == MODE_RESTORE)
		attempt_reach_stage(attempt, STAGE_RESTORE);
}

void fold_stage(struct attempt *attempt, const struct event *event)
{
	attempt_reach_stage(attempt, (enum restore_stage)event->number);
}

void fold_outcome(struct attempt *attempt, const struct event *event)
{
	/* Success is the phone's report; a later "failed" from the tool does not revoke it. */
	if (attempt->outcome != OUTCOME_SUCCEEDED && !attempt->outcome_amended)
		attempt->outcome = (enum outcome)event->number;
}

void fold_complaint(struct attempt *attempt, const struct event *event)
{
	attempt->complaining = event->text_length > 0;
	attempt->before_start |= event->flag != 0;
	if (attempt->complaining)
		attempt_copy_text(attempt->complaint, sizeof(attempt->complaint), event);
}

/* An event of this kind is enough: the tool now works with the phone. */
void fold_touch(struct attempt *attempt, const struct event *event)
{
}

static bool waits_for_server(const char *wait)
{
	const struct budget *budget = budget_find(wait);

	return budget && budget->of == SILENCE_OF_SERVER;
}

/* A tool that asks for a ticket has not touched the phone. */
void fold_wait(struct attempt *attempt, const struct event *event)
{
	bool at_server = waits_for_server(event->name);

	attempt->touched |= !at_server;
	if (event->source == SOURCE_TOOL)
		attempt->at_server = at_server && event->flag != STEP_DONE;
}

bool attempt_server_silent(const struct attempt *attempt)
{
	return attempt->silent && attempt->overrun_count &&
	       waits_for_server(attempt->overruns[attempt->overrun_count - 1].wait);
}
