/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phone's own log of a restore, inside the tools' logs or alone: the checkpoint engine's lines,
 * its state, and the errors at its end. Shapes from device logs in public reports (iOS 10 to 18).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/toollog_private.h"

/* An event's number, not parsed from text: the step that reports the end of the restore. */
#define CHECKPOINT_FINAL_STATUS 0x648

/* "(FAILURE:6) RESTORED:[0x060D] wait_for_storage [0]D(storage did not appear)" */
static void read_engine(struct toollog *log, const char *rest, int state)
{
	static const char failure[] = "(FAILURE:";
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	const char *id = strstr(rest, ":[0x"), *name, *text;
	int64_t number, error;

	if (!id || !toollog_number(id + strlen(":[0x"), 16, "]", &number))
		return;
	event.number = (uint32_t)number & 0xffff;
	event.flag = (uint32_t)state;
	name = strchr(id, ']');
	if (name)
		sscanf(name, "] %63[^ []", event.name);
	text = strstr(id, "[0]D(");
	if (text)
		event_set_text(&event, text);
	if (state == CHECKPOINT_FAILURE)
		event.code = -1;
	if (state == CHECKPOINT_FAILURE && text_starts_with(rest, failure) &&
		toollog_number(rest + strlen(failure), 10, ")", &error) && error != 0)
		event.code = error;
	toollog_emit(log, &event);
	log->cleaning_up |= checkpoint_says(event.number) == SAYS_CLEAN_UP;
	if (state != CHECKPOINT_FAILURE)
		return;
	log->failure_told |= checkpoint_says(event.number) != SAYS_AROUND;
	if (event.code > 0)
		toollog_emit_code(log, EVENT_AMR_ERROR, event.code, "");
}

/* "{0x10030635:57;0x10031300:58}": the open steps, the innermost last. During the phone's clean-up
 * these are the failed ones; before that, the engine's own lines show them. */
static void read_open_steps(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	int64_t id = 0;

	log->meant_something = true;
	for (const char *at = rest; (at = strstr(at, "0x")); at += 2)
		if (!toollog_number(at + strlen("0x"), 16, ":", &id))
			return;
	event.number = (uint32_t)id & 0xffff;
	event.flag = CHECKPOINT_FAILURE;
	if (log->cleaning_up && id && !log->failure_told &&
		checkpoint_says(event.number) != SAYS_CLEAN_UP)
		toollog_emit(log, &event);
}

/* "1: RamrodErrorDomain/3ec: text", a chain of errors with the first cause last. */
static void read_error_chain(struct toollog *log, const char *rest, int of_restore)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	unsigned depth;
	const char *text;
	int64_t code;

	text = toollog_number(rest, 16, ":", &code);
	if (sscanf(log->message, "%2u: ", &depth) != 1 || !text)
		return;
	if (depth == 0 && of_restore)
		toollog_emit_code(log, EVENT_AMR_ERROR, (int32_t)code, "");
	if (!of_restore)
		toollog_emit_code(log, EVENT_REPORTED_ERROR, (int32_t)code, "ramrod");
	if (log->failure_told)
		return;
	event.number = CHECKPOINT_FINAL_STATUS;
	event.flag = CHECKPOINT_FAILURE;
	event_set_text(&event, text + 1 + strspn(text + 1, " "));
	toollog_emit(log, &event);
}

/* The phone's program names its step. In a log without a tool's lines this is the operation;
 * otherwise the tool has already reported it, and the phone's log is about earlier steps. */
static void read_step(struct toollog *log, const char *rest, int operation)
{
	const struct operation *known = operation_by_number((uint32_t)operation);

	log->meant_something = true;
	/* Another line of the same step shows no progress. */
	if (log->phone_step == operation + 1)
		return;
	log->phone_step = operation + 1;
	toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
	if (known && !log->operation_of_tool && known->number != log->operation)
		toollog_emit_operation(log, known->number, known->name);
}

/* "ASR STATUS: fail" */
static void read_image_status(struct toollog *log, const char *rest, int operation)
{
	read_step(log, rest, operation);
	if (text_starts_with(rest, "fail"))
		toollog_complain(log, log->line);
}

static void read_known(struct toollog *log, const char *rest, int value)
{
	log->meant_something = true;
}

static const struct toollog_rule rules[] = {
	{"CHECKPOINT BEGIN: ", RULE_WITHIN, read_engine, CHECKPOINT_STARTED},
	{"CHECKPOINT END: ", RULE_WITHIN, read_engine, CHECKPOINT_COMPLETED},
	{"CHECKPOINT IMMED_RETRY:", RULE_WITHIN, read_engine, CHECKPOINT_WARNING},
	{"CHECKPOINT FAILURE:", RULE_WITHIN, read_engine, CHECKPOINT_FAILURE},
	{"CHECKPOINT NOTICE: ", RULE_WITHIN, read_known, 0},
	{"CHECKPOINT ANOMALY: ", RULE_WITHIN, read_known, 0},
	{"CHECKPOINT PROGRESS: ", RULE_WITHIN, read_known, 0},
	{"restore-step-ids=", RULE_WITHIN, read_open_steps, 0},
	{"restore-step-ids = ", RULE_WITHIN, read_open_steps, 0},
	{"restore-step-", RULE_WITHIN, read_known, 0},
	/* The phone asks which partitions the baseband's step will need, long before that step. */
	{"equirePartitionMount", RULE_WITHIN, read_step, 0},
	{"bbupdater: ", RULE_BEGINS, read_step, 19},
	{"update_baseband: ", RULE_BEGINS, read_step, 19},
	{"update_gas_gauge", RULE_WITHIN, read_step, 47},
	{"ASR STATUS: ", RULE_BEGINS, read_image_status, 13},
	{"ASR VERIFY PROGRESS: ", RULE_BEGINS, read_step, 14},
	/* asr, which writes the system image on the phone. */
	{"ASR: ", RULE_BEGINS, read_known, 0},
	/* The updaters of small parts. */
	{"update_generic_firmware: ", RULE_BEGINS, read_known, 0},
	{"Update[", RULE_BEGINS, read_known, 0},
	{"Searching for NAND service", RULE_BEGINS, read_step, 28},
	{"executing /sbin/fsck", RULE_BEGINS, read_step, 15},
	{"entering mount_filesystems", RULE_BEGINS, read_step, 16},
	{"entering modify_fstab", RULE_BEGINS, read_step, 17},
	{"entering update_NOR", RULE_BEGINS, read_step, 18},
	{"entering ramrod_", RULE_BEGINS, read_step, 0},
	{"AMRestoreErrorDomain/", RULE_WITHIN, read_error_chain, 1},
	{"RamrodErrorDomain/", RULE_WITHIN, read_error_chain, 0},
};

const struct toollog_family toollog_device = {rules, ARRAY_SIZE(rules), true};
