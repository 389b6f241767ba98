/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log of 3uTools' own flash program on Windows: idevicerestore's steps in different words,
 * operations without numbers. It does not read the log of iTunes' library, which newer versions use
 * instead. Shapes from logs of 2022 to 2024 in public reports. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/model/operation.h"
#include "common/logs/toollog_private.h"

#define OPERATION_NUMBER_MAX 127 /* higher than any number of restored */

static void read_tool(struct toollog *log, const char *rest, int value)
{
	log->names_operations = true;
	toollog_emit_tool(log, "3utools", NULL);
}

static void read_entry(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_ENTRY);

	read_tool(log, rest, value);
	event.mode = toollog_mode(rest);
	if (event.mode != MODE_UNKNOWN)
		toollog_emit(log, &event);
}

static void read_firmware(struct toollog *log, const char *rest, int value)
{
	text_copy(log->firmware, sizeof(log->firmware), rest);
	toollog_emit_name(log, EVENT_FIRMWARE, rest);
}

/* "C:\3uTools\Firmware\iPhone11,8_16.2_20C65_Restore.ipsw": if the file is for one model, its name
 * contains the model. */
static void read_file(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_IDENTITY);
	const char *file = rest;
	unsigned generation, variant;
	char family[8];
	int used = 0;

	read_tool(log, rest, value);
	for (const char *at = rest; *at; at++)
		if (*at == '\\' || *at == '/')
			file = at + 1;
	if (sscanf(file, "%7[A-Za-z]%3u,%3u%n", family, &generation, &variant, &used) != 3 ||
		file[used] != '_')
		return;
	snprintf(event.name, sizeof(event.name), "%s%u,%u", family, generation, variant);
	toollog_emit(log, &event);
}

/* "Unmounting Filesystem" for "Unmounting filesystems". */
static bool is_name(const char *message, const char *name)
{
	size_t length = strlen(message);

	while (length > 0 && message[length - 1] == ' ')
		length--;
	return length > 0 && strncasecmp(message, name, length) == 0 &&
	       (!name[length] || text_equal(name + length, "s"));
}

bool toollog_read_named_operation(struct toollog *log, const char *message)
{
	const struct operation *operation;

	if (!log->names_operations)
		return false;
	for (uint32_t number = 1; number <= OPERATION_NUMBER_MAX; number++) {
		operation = operation_by_number(number);
		if (!operation || !is_name(message, operation->name))
			continue;
		toollog_emit_tool_operation(log, number, operation->name);
		return true;
	}
	return false;
}

static const struct toollog_rule rules[] = {
	{"LibVersion: ", RULE_BEGINS, read_tool, 0},
	{"matching device type through original information", RULE_BEGINS, read_tool, 0},
	{"Found a device with mode: ", RULE_BEGINS, read_entry, 0},
	{"Checking iDevice firmware ", RULE_BEGINS, read_file, 0},
	{"Firmware version: ", RULE_BEGINS, read_firmware, 0},
};

const struct toollog_family toollog_3utools = {rules, ARRAY_SIZE(rules), false};
