/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The logs of Apple's library, which iTunes, Finder, Apple Devices, PurpleRestore, iMazing and
 * 3uTools all use. Shapes from public logs: one whole restore by 3uTools (iOS 18.3), failures of
 * Finder (macOS 26), and parts of iTunes' logs on Windows. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/toollog_private.h"

static void read_checkpoint(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	const char *name;
	int64_t id;

	name = toollog_number(rest, 16, "$ (", &id);
	if (!name)
		return;
	sscanf(name, " (%63[^)]", event.name);
	event.number = (uint32_t)id & 0xffff;
	event.flag = (uint32_t)state;
	toollog_emit(log, &event);
}

/* "<Restore Device 0x7f96>: operation 28 progress -1". Only in restore mode are these the numbers
 * of restored; the other modes use their own small numbers, which only show the mode. */
static void read_device(struct toollog *log, const char *rest, int stage)
{
	const char *said = strstr(rest, ">: ");
	const struct operation *operation;
	uint32_t number;
	int32_t percent;

	if (!said)
		return;
	if (log->tool)
		toollog_emit_tool(log, log->tool, NULL);
	said += strlen(">: ");
	if (sscanf(said, "operation %8" SCNu32 " progress %8" SCNd32, &number, &percent) != 2) {
		toollog_emit_number(log, EVENT_STAGE, (uint32_t)stage);
		if (stage == STAGE_RESTORE && text_starts_with(said, "Restore succeeded"))
			toollog_read_outcome(log, rest, OUTCOME_SUCCEEDED);
		else if (strstr(said, " failed"))
			toollog_read_outcome(log, rest, OUTCOME_FAILED);
		return;
	}
	operation = operation_by_number(number);
	if (stage != STAGE_RESTORE)
		toollog_emit_number(log, EVENT_STAGE, (uint32_t)stage);
	else if (number != log->operation)
		toollog_emit_tool_operation(log, number, operation ? operation->name : "");
	if (percent >= 0 && percent <= 100)
		toollog_emit_permille(log, percent * 10);
}

/* "Recovery mode device connected with ECID: 0x1A"; "Muxed" means everything that usbmuxd lists. */
static void read_link(struct toollog *log, const char *rest, int kind)
{
	struct event event = toollog_event(log, (enum event_kind)kind);
	const char *ecid = strstr(log->message, "ECID: 0x");
	int64_t number;

	event.mode = toollog_mode(log->message);
	if (event.mode == MODE_UNKNOWN)
		return;
	if (kind == EVENT_DETACH)
		event.mode = MODE_UNKNOWN;
	if (ecid && toollog_number(ecid + strlen("ECID: 0x"), 16, "$ ,.;)", &number))
		event.ecid = (uint64_t)number;
	toollog_emit(log, &event);
}

/* "(personalize=YES d421ap ecid=0x1a, chipid=…" */
static void read_identity(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	const char *ecid = strstr(rest, " ecid=0x");
	int64_t number;

	if (!ecid || !toollog_number(ecid + strlen(" ecid=0x"), 16, "$ ,)", &number))
		return;
	event.ecid = (uint64_t)number;
	event.text = rest;
	event.text_length = (size_t)(ecid - rest);
	toollog_emit(log, &event);
}

static void read_action(struct toollog *log, const char *rest, int value)
{
	toollog_emit_name(log, EVENT_ACTION, *rest == 'E' ? "erase" : "update");
}

/* "Restore completed, status: 4013": Apple's own numbering. */
static void read_end(struct toollog *log, const char *rest, int value)
{
	int64_t code;

	if (!toollog_number(rest, 10, "$ ,.;)", &code))
		return;
	if (code != 0)
		toollog_emit_code(log, EVENT_REPORTED_ERROR, code, "itunes");
	toollog_emit_number(log, EVENT_OUTCOME, code == 0 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED);
}

static void read_success(struct toollog *log, const char *rest, int value)
{
	toollog_emit_code(log, EVENT_STATUS, 0, "Restore Finished");
}

/* "'Recovery' expected 'RestoreOS'": the phone returned in the wrong mode. */
static void read_unexpected(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_ATTACH);

	event.mode = toollog_mode(rest);
	if (event.mode != MODE_UNKNOWN)
		toollog_emit(log, &event);
}

static void read_transition(struct toollog *log, const char *rest, int value)
{
	toollog_emit_name(log, EVENT_WAIT, "return");
}

/* "DFU Restore Phase: Successful", "Recovery Restore Phase: Failed" */
static void read_phase(struct toollog *log, const char *rest, int value)
{
	static const struct {
		enum device_mode mode;
		enum restore_stage stage;
	} stages[] = {{MODE_DFU, STAGE_DFU}, {MODE_RECOVERY, STAGE_RECOVERY},
		{MODE_RESTORE, STAGE_RESTORE}};
	enum device_mode mode = toollog_mode(rest);

	for (size_t i = 0; i < ARRAY_SIZE(stages) && strstr(rest, " Restore Phase"); i++)
		if (stages[i].mode == mode)
			toollog_emit_number(log, EVENT_STAGE, (uint32_t)stages[i].stage);
}

static void read_tool(struct toollog *log, const char *rest, int tool)
{
	static const char *const tools[] = {"itunes", "finder", "3utools", "purplerestore"};

	toollog_emit_tool(log, tools[tool], NULL);
}

static const struct toollog_rule rules[] = {
	{"Started checkpoint id: 0x", RULE_BEGINS, read_checkpoint, CHECKPOINT_STARTED},
	{"Completed checkpoint id: 0x", RULE_BEGINS, read_checkpoint, CHECKPOINT_COMPLETED},
	{"<Restore Device ", RULE_BEGINS, read_device, STAGE_RESTORE},
	{"<Recovery Mode Device ", RULE_BEGINS, read_device, STAGE_RECOVERY},
	{"<DFU Device ", RULE_BEGINS, read_device, STAGE_DFU},
	{"device returned success", RULE_BEGINS, read_success, 0},
	{" mode device connected with ECID: ", RULE_WITHIN, read_link, EVENT_ATTACH},
	{" mode device connected", RULE_WITHIN, read_link, EVENT_ATTACH},
	{" mode device disconnected", RULE_WITHIN, read_link, EVENT_DETACH},
	{"ap=(personalize=YES ", RULE_WITHIN, read_identity, 0},
	{"requested restore behavior: ", RULE_BEGINS, read_action, 0},
	{"Restore completed, status: ", RULE_BEGINS, read_end, 0},
	{"Depth:0 Code:", RULE_BEGINS, toollog_read_code, 0},
	{"Finished ", RULE_BEGINS, read_phase, 0},
	{"Unexpected device state '", RULE_WITHIN, read_unexpected, 0},
	{"Changing state from 'Restoring' to 'Transitioning'", RULE_BEGINS, read_transition, 0},
	{"WinDFU::", RULE_BEGINS, read_tool, 0},
	{"AMPDevicesAgent", RULE_BEGINS, read_tool, 1},
	{"Run the flash program of iTunes", RULE_BEGINS, read_tool, 2},
	{"PurpleRestore", RULE_BEGINS, read_tool, 3},
};

const struct toollog_family toollog_apple = {rules, ARRAY_SIZE(rules), false};
