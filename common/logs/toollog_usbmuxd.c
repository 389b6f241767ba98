/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usbmuxd's own lines in a log: the phones that it lists and removes. Its messages about the link
 * are in the signs. Shapes from usbmuxd's source (usb.c, device.c). */
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/link_log.h"
#include "common/logs/toollog_private.h"

/* "v2.0 device 3 on location 0x10002 with serial number 00008030-001A…" */
static void read_listed(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_MUX_ATTACH);
	const char *serial = strstr(rest, "with serial number ");
	char word[UDID_SIZE];

	if (!serial || sscanf(serial, "with serial number %47s", word) != 1 ||
		udid_normalize(word, event.udid) < 0)
		return;
	event.source = SOURCE_USBMUXD;
	event.mode = MODE_NORMAL_OR_RESTORE;
	event.ecid = udid_ecid(event.udid);
	toollog_emit(log, &event);
}

static void read_removed(struct toollog *log, const char *rest, int value)
{
	struct event event = toollog_event(log, EVENT_MUX_DETACH);

	if (!strstr(rest, " on location 0x"))
		return;
	event.source = SOURCE_USBMUXD;
	toollog_emit(log, &event);
}

static void read_known(struct toollog *log, const char *rest, int value)
{
	log->meant_something = true;
}

bool toollog_read_trouble(struct toollog *log, const char *message)
{
	struct event event = toollog_event(log, EVENT_MUX_ERROR);
	struct link_finding finding;

	if (link_line_is_noise(LINK_USBMUXD, message)) {
		log->meant_something = true;
		return true;
	}
	if (!link_pattern_read(LINK_USBMUXD, message, &finding))
		return false;
	event.source = SOURCE_USBMUXD;
	event.code = finding.code;
	text_copy(event.name, sizeof(event.name), finding.sign->id);
	event_set_text(&event, message);
	toollog_emit(log, &event);
	return true;
}

static const struct toollog_rule rules[] = {
	{"Connected to v", RULE_BEGINS, read_listed, 0},
	{"Removed device ", RULE_BEGINS, read_removed, 0},
	{"Found new device with v/p ", RULE_BEGINS, read_known, 0},
	{"Changing configuration of device ", RULE_BEGINS, read_known, 0},
	{"USB Speed is ", RULE_BEGINS, read_known, 0},
	{"Got serial '", RULE_BEGINS, read_known, 0},
	{"Connecting to new device on location ", RULE_BEGINS, read_known, 0},
};

const struct toollog_family toollog_usbmuxd = {rules, ARRAY_SIZE(rules), false};
