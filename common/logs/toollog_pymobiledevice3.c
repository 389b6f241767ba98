/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of pymobiledevice3's restore: the phone's messages as Python dictionaries. Shapes from
 * its restore.py. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/toollog_private.h"

#define NAME "pymobiledevice3"
#define OPERATION_MAX 999

/* The value of a key in a dictionary; NULL if the key is missing. */
static const char *value_of(const char *dictionary, const char *key)
{
	char quoted[NAME_SIZE];
	const char *found;

	snprintf(quoted, sizeof(quoted), "'%s': ", key);
	found = strstr(dictionary, quoted);
	return found ? found + strlen(quoted) : NULL;
}

static bool number_of(const char *dictionary, const char *key, int64_t *ret)
{
	const char *value = value_of(dictionary, key);

	return value && toollog_number(value, 10, ",}", ret);
}

static bool word_of(const char *dictionary, const char *key, char out[static NAME_SIZE])
{
	const char *value = value_of(dictionary, key);

	if (!value || *value != '\'')
		return false;
	snprintf(out, NAME_SIZE, "%.*s", (int)strcspn(value + 1, "'"), value + 1);
	return true;
}

static void read_checkpoint(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_CHECKPOINT);
	const char *complete = value_of(rest, "CHECKPOINT_COMPLETE");
	char error[NAME_SIZE];
	int64_t id;

	toollog_emit_tool(log, NAME, NULL);
	if (!number_of(rest, "CHECKPOINT_ID", &id))
		return;
	event.number = (uint32_t)id & 0xffff;
	event.flag = complete && text_starts_with(complete, "True") ? CHECKPOINT_COMPLETED
								    : CHECKPOINT_STARTED;
	number_of(rest, "CHECKPOINT_RESULT", &event.code);
	word_of(rest, "CHECKPOINT_NAME", event.name);
	if (word_of(rest, "CHECKPOINT_ERROR", error)) {
		event.flag = CHECKPOINT_FAILURE;
		event_set_text(&event, error);
	}
	toollog_emit(log, &event);
}

/* {'MsgType': 'ProgressMsg', 'Operation': 'WAIT_FOR_NAND', 'Progress': 0}: operations unknown to it
 * stay numbers. It names those of each protocol by their numbers in protocol 14. */
static void read_progress(struct toollog *log, const char *rest, int value)
{
	const struct operation *operation = NULL;
	char word[NAME_SIZE] = "";
	int64_t number = 0, progress;

	toollog_emit_tool(log, NAME, NULL);
	if (word_of(rest, "Operation", word))
		number = operation_by_name(word);
	else if (!number_of(rest, "Operation", &number) || number < 0 || number > OPERATION_MAX)
		number = 0;
	number = toollog_adapt_operation(log, (uint32_t)number);
	operation = operation_by_number((uint32_t)number);
	if (number && number != log->operation)
		toollog_emit_tool_operation(
			log, (uint32_t)number, operation ? operation->name : "");
	if (number_of(rest, "Progress", &progress) && progress >= 0 && progress <= 100)
		toollog_emit_permille(log, (int32_t)progress * 10);
}

static void read_status(struct toollog *log, const char *rest, int value)
{
	int64_t code;

	toollog_emit_tool(log, NAME, NULL);
	if (number_of(rest, "AMRError", &code))
		toollog_emit_code(log, EVENT_AMR_ERROR, code, "");
	/* The phone's log follows again, line by line. */
	log->opens_device_log = true;
	/* A long message is truncated at the end. */
	if (number_of(rest, "Status", &code))
		toollog_emit_status(log, code, code == 0 ? "Restore Finished" : "");
}

/* It prints nothing while it waits for the signing server, and nothing of its answer. */
static void read_tool(struct toollog *log, const char *rest, int value)
{
	if (log->at_server)
		toollog_read_signing(log, rest, STEP_DONE);
	toollog_emit_tool(log, NAME, NULL);
}

/* The phone's final status as it prints it without -v: only in words. */
static void read_last_word(struct toollog *log)
{
	static const struct {
		const char *text;
		int code;
	} statuses[] = {
		{"verification error", -1},
		{"disk failure", 6},
		{"fail", 14},
		{"failed to mount filesystems", 27},
		{"failed to load SEP firmware", 50},
		{"failed to recover FDR data", 53},
		{"X-Gold Baseband Update Failed. Defective Unit?", 1015},
	};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (text_equal(log->message, statuses[i].text))
			toollog_emit_status(log, statuses[i].code, statuses[i].text);
	if (text_equal(log->message, "unknown error"))
		toollog_emit_number(log, EVENT_OUTCOME, OUTCOME_FAILED);
}

/* A line of one of its loggers without a rule of its own. */
static void read_logger(struct toollog *log, const char *rest, int value)
{
	static const char version[] = "version: ";

	read_tool(log, rest, value);
	if (!log->tool)
		return;
	if (log->severity == SEVERITY_ERROR)
		read_last_word(log);
	else if (text_starts_with(log->message, version))
		toollog_number(log->message + strlen(version), 10, "$", &log->protocol);
}

/* It is not a line of the phone, whatever precedes it. */
static void read_python_error(struct toollog *log, const char *rest, int value)
{
	log->in_device_log = log->phone_speaks = false;
}

static void read_wait(struct toollog *log, const char *rest, int value)
{
	toollog_emit_tool(log, NAME, NULL);
	toollog_emit_number(log, EVENT_STAGE, STAGE_BOOT_RAMDISK);
	toollog_emit_name(log, EVENT_WAIT, "wait-restore-mode");
}

static void read_stage(struct toollog *log, const char *rest, int stage)
{
	toollog_emit_tool(log, NAME, NULL);
	toollog_read_stage(log, rest, stage);
}

static void read_transfer(struct toollog *log, const char *rest, int state)
{
	struct event event = toollog_event(log, EVENT_TRANSFER);

	event.flag = (uint32_t)state;
	snprintf(event.name, sizeof(event.name), "%.*s", (int)strcspn(rest, " ."), rest);
	toollog_emit(log, &event);
	toollog_emit_number(log, EVENT_STAGE, STAGE_RESTORE);
}

/* What version 10 prints for the values that it has not read yet. */
#define UNREAD "async"

/* "connected device: <Device ecid: 7931233653391406 hardware_model: d421ap image4-support: 4>" */
static void read_connected(struct toollog *log, const char *rest, int value)
{
	static const char key[] = "ecid: ", board_key[] = "hardware_model: ";
	struct event event = toollog_event(log, EVENT_IDENTITY);
	const char *ecid = strstr(rest, key), *board = strstr(rest, board_key);
	int64_t number;

	toollog_emit_tool(log, NAME, NULL);
	if (ecid && toollog_number(ecid + strlen(key), 10, " ", &number))
		event.ecid = (uint64_t)number;
	if (board) {
		event.text = board + strlen(board_key);
		event.text_length = strcspn(event.text, " >");
	}
	if (board && text_starts_with(event.text, UNREAD))
		event.text_length = 0;
	if (event.ecid || event.text_length)
		toollog_emit(log, &event);
}

/* "hardware info: {'BoardID': 10, 'UniqueChipID': 7931233653391406, ...}" */
static void read_hardware(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	int64_t number;

	read_stage(log, rest, STAGE_RESTORE);
	if (!number_of(rest, "UniqueChipID", &number) || number == 0)
		return;
	event.ecid = (uint64_t)number;
	toollog_emit(log, &event);
}

static void read_board(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);

	event.text = rest;
	event.text_length = strcspn(rest, " >,");
	if (event.text_length && !text_starts_with(rest, UNREAD))
		toollog_emit(log, &event);
}

static const struct toollog_rule rules[] = {
	{"searching among connected devices via lockdownd", RULE_BEGINS, read_tool, 0},
	{"waiting for device to be available in Recovery mode", RULE_BEGINS, read_tool, 0},
	{"connected device: <", RULE_BEGINS, read_connected, 0},
	{"checkpoint: {", RULE_BEGINS, read_checkpoint, 0},
	{"progress-bar: {", RULE_BEGINS, read_progress, 0},
	{"status message: {", RULE_BEGINS, read_status, 0},
	{"PreviousRestoreLog: ", RULE_BEGINS, read_stage, STAGE_RESTORE},
	{"waiting for device to connect for restored service", RULE_BEGINS, read_wait, 0},
	{"hardware_model: ", RULE_WITHIN, read_board, 0},
	{"hardware info: {", RULE_BEGINS, read_hardware, 0},
	{"saved_debug_info: ", RULE_BEGINS, read_stage, STAGE_RESTORE},
	{"about to send ", RULE_BEGINS, read_transfer, STEP_BEGIN},
	{"connecting to ASR", RULE_BEGINS, read_stage, STAGE_RESTORE},
	{"validating the filesystem", RULE_BEGINS, read_stage, STAGE_RESTORE},
	/* Python's word for an error of the computer's system. */
	{"[Errno ", RULE_WITHIN, read_python_error, 0},
};

const struct toollog_family toollog_pymobiledevice3 = {rules, ARRAY_SIZE(rules), false};

/* The names of its loggers, after the rules for all messages; traces of its other services have
 * paths. */
static const struct toollog_rule names[] = {
	{" pymobiledevice3.", RULE_WITHIN, read_logger, 0},
	{"-pymobiledevice3.", RULE_WITHIN, read_logger, 0},
};

const struct toollog_family toollog_pymobiledevice3_names = {names, ARRAY_SIZE(names), false};
