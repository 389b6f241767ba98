/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/event.h"

#include <errno.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

/* Of an endpoint address (USB 2.0 specification, 9.6.6). */
#define USB_ENDPOINT_NUMBER 0x0f
#define USB_ENDPOINT_IN 0x80

struct word {
	int value;
	const char *name;
};

static const struct word kinds[] = {
	{EVENT_BENCH, "bench"},
	{EVENT_SOURCE, "source"},
	{EVENT_ATTACH, "attach"},
	{EVENT_DETACH, "detach"},
	{EVENT_MUX_ATTACH, "mux-attach"},
	{EVENT_MUX_DETACH, "mux-detach"},
	{EVENT_USB_ERROR, "usb-error"},
	{EVENT_MUX_ERROR, "mux-error"},
	{EVENT_IDENTITY, "identity"},
	{EVENT_PORT, "port"},
	{EVENT_MUX_CLIENT, "mux-client"},
	{EVENT_SYSTEM, "system"},
	{EVENT_TOOL_START, "tool-start"},
	{EVENT_TOOL_END, "tool-end"},
	{EVENT_TOOL_VERSION, "tool-version"},
	{EVENT_LOG, "log"},
	{EVENT_FIRMWARE, "firmware"},
	{EVENT_ACTION, "action"},
	{EVENT_ENTRY, "entry"},
	{EVENT_TOOL_LOG, "tool-log"},
	{EVENT_STAGE, "stage"},
	{EVENT_OPERATION, "operation"},
	{EVENT_PROGRESS, "progress"},
	{EVENT_CHECKPOINT, "checkpoint"},
	{EVENT_TRANSFER, "transfer"},
	{EVENT_WAIT, "wait"},
	{EVENT_STATUS, "status"},
	{EVENT_AMR_ERROR, "amr-error"},
	{EVENT_SIGN, "sign"},
	{EVENT_DEVICE_LOG, "device-log"},
	{EVENT_SAVED, "saved"},
	{EVENT_REPORTED_ERROR, "reported-error"},
	{EVENT_OUTCOME, "outcome"},
	{EVENT_COMPLAINT, "complaint"},
	{EVENT_CONDITION, "condition"},
	{EVENT_NOTE, "note"},
	{EVENT_TICKET, "ticket"},
	{EVENT_AMENDMENT, "amendment"},
	{EVENT_MEASUREMENT, "measurement"},
	{EVENT_SESSION_BEGIN, "session-begin"},
	{EVENT_SESSION_END, "session-end"},
	{EVENT_SILENCE, "silence"},
	{EVENT_LINK_LOST, "link-lost"},
	{EVENT_DIAGNOSIS, "diagnosis"},
	{EVENT_LINK_ERROR, "link-error"},
	{EVENT_LINK_CORRECTED, "link-corrected"},
	{EVENT_LINK_QUIET, "link-quiet"},
	{EVENT_LINK_RATE, "link-rate"},
	{0, NULL},
};

static const struct word sources[] = {
	{SOURCE_DAEMON, "daemon"},
	{SOURCE_USBMUXD, "usbmuxd"},
	{SOURCE_USB, "usb"},
	{SOURCE_KERNEL, "kernel"},
	{SOURCE_TOOL, "tool"},
	{SOURCE_PHONE, "phone"},
	{SOURCE_PERSON, "person"},
	{SOURCE_LINK, "link"},
	{0, NULL},
};

static const struct word modes[] = {
	{MODE_NORMAL, "normal"},
	{MODE_RECOVERY, "recovery"},
	{MODE_DFU, "dfu"},
	{MODE_WTF, "wtf"},
	{MODE_RESTORE, "restore"},
	{MODE_USB_ONLY, "usb-only"},
	{MODE_GONE, "gone"},
	{MODE_PORT_DFU, "port-dfu"},
	{MODE_NORMAL_OR_RESTORE, "normal-or-restore"},
	{0, NULL},
};

static const struct word stages[] = {
	{STAGE_NONE, "none"},
	{STAGE_DFU, "dfu"},
	{STAGE_RECOVERY, "recovery"},
	{STAGE_BOOT_RAMDISK, "boot-ramdisk"},
	{STAGE_RESTORE, "restore"},
	{STAGE_REBOOT, "reboot"},
	{STAGE_NORMAL, "normal"},
	{0, NULL},
};

static const struct word outcomes[] = {
	{OUTCOME_SUCCEEDED, "succeeded"},
	{OUTCOME_FAILED, "failed"},
	{OUTCOME_ABORTED, "aborted"},
	{OUTCOME_LOST, "lost"},
	{OUTCOME_NOT_STARTED, "not-started"},
	{OUTCOME_ENDED_UNKNOWN, "ended-unknown"},
	{OUTCOME_WITHDRAWN, "withdrawn"},
	{0, NULL},
};

static const char *word_name(const struct word *words, int value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return "unknown";
}

static int word_value(const struct word *words, const char *name)
{
	for (; words->name; words++)
		if (text_equal(words->name, name))
			return words->value;
	return 0;
}

const char *event_kind_name(enum event_kind kind)
{
	return word_name(kinds, (int)kind);
}

const char *event_source_name(enum event_source source)
{
	return word_name(sources, (int)source);
}

const char *device_mode_name(enum device_mode mode)
{
	return word_name(modes, (int)mode);
}

const char *restore_stage_name(enum restore_stage stage)
{
	return word_name(stages, (int)stage);
}

const char *outcome_name(enum outcome outcome)
{
	return word_name(outcomes, (int)outcome);
}

bool device_mode_is_boot(enum device_mode mode)
{
	return mode == MODE_RECOVERY || mode == MODE_DFU || mode == MODE_PORT_DFU ||
	       mode == MODE_WTF;
}

const char *link_endpoint_name(uint32_t address)
{
	if (!(address & USB_ENDPOINT_NUMBER))
		return "control";
	return address & USB_ENDPOINT_IN ? "bulk-in" : "bulk-out";
}

const char *link_quiet_who(enum link_quiet quiet)
{
	switch (quiet) {
	case LINK_QUIET_TAKES_NOTHING:
	case LINK_QUIET_PHONES_TURN:
	case LINK_QUIET_ONLY_SENDS:
		return "phone";
	case LINK_QUIET_HOSTS_TURN:
		return "host";
	default:
		return "both";
	}
}

enum event_kind event_kind_from_name(const char *name)
{
	return (enum event_kind)word_value(kinds, name);
}

enum event_source event_source_from_name(const char *name)
{
	return (enum event_source)word_value(sources, name);
}

enum device_mode device_mode_from_name(const char *name)
{
	return (enum device_mode)word_value(modes, name);
}

enum restore_stage restore_stage_from_name(const char *name)
{
	return (enum restore_stage)word_value(stages, name);
}

enum outcome outcome_from_name(const char *name)
{
	return (enum outcome)word_value(outcomes, name);
}

void event_set_text(struct event *event, const char *text)
{
	event->text = text;
	event->text_length = text ? strlen(text) : 0;
}

enum field_type { FIELD_INTEGER, FIELD_STRING };

/* The binary form. The numbers are stored in rings: never change or reuse one. */
#define FIELD(number, type, member)                                                                \
	{                                                                                          \
		number, type, offsetof(struct event, member), sizeof(((struct event *)0)->member)  \
	}
#define FIELD_TEXT 20

static const struct field {
	uint8_t number;
	enum field_type type;
	size_t offset, size;
} fields[] = {
	FIELD(1, FIELD_INTEGER, at.monotonic_us),
	FIELD(2, FIELD_INTEGER, at.wall_us),
	FIELD(3, FIELD_INTEGER, kind),
	FIELD(4, FIELD_INTEGER, source),
	FIELD(5, FIELD_INTEGER, mode),
	FIELD(6, FIELD_INTEGER, ecid),
	FIELD(7, FIELD_STRING, udid),
	FIELD(8, FIELD_STRING, port),
	FIELD(9, FIELD_STRING, product),
	FIELD(10, FIELD_INTEGER, code),
	FIELD(11, FIELD_INTEGER, number),
	FIELD(12, FIELD_INTEGER, flag),
	FIELD(13, FIELD_INTEGER, permille),
	FIELD(14, FIELD_INTEGER, speed_mbps),
	FIELD(15, FIELD_INTEGER, hub_depth),
	FIELD(16, FIELD_STRING, name),
	FIELD(17, FIELD_STRING, before),
	FIELD(18, FIELD_STRING, by),
};

#define FIELD_HEADER_BYTES 3

/* Integers are little-endian, and all members are 4 or 8 bytes wide; only little-endian machines
 * are supported (Debian's amd64 and arm64). */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the event format is little-endian");

static uint8_t *put_field(uint8_t *out, uint8_t number, const void *bytes, size_t length)
{
	out[0] = number;
	out[1] = (uint8_t)(length & 0xff);
	out[2] = (uint8_t)(length >> 8);
	memcpy(out + FIELD_HEADER_BYTES, bytes, length);
	return out + FIELD_HEADER_BYTES + length;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

size_t event_encode(const struct event *event, uint8_t out[static EVENT_BYTES_MAX])
{
	uint8_t *at = out;
	size_t text_length = event->text_length;

	if (text_length > EVENT_TEXT_MAX)
		text_length = EVENT_TEXT_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const uint8_t *member = (const uint8_t *)event + fields[i].offset;
		size_t length = fields[i].size;

		if (fields[i].type == FIELD_STRING)
			length = strnlen((const char *)member, length - 1);
		if (!all_zero(member, length))
			at = put_field(at, fields[i].number, member, length);
	}
	if (text_length > 0)
		at = put_field(at, FIELD_TEXT, event->text, text_length);
	return (size_t)(at - out);
}

static int take_field(struct event *event, uint8_t number, const uint8_t *bytes, size_t length)
{
	if (number == FIELD_TEXT) {
		event->text = (const char *)bytes;
		event->text_length = length;
		return length <= EVENT_TEXT_MAX ? 0 : -EBADMSG;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].number != number)
			continue;
		if (fields[i].type == FIELD_STRING ? length >= fields[i].size
						   : length != fields[i].size)
			return -EBADMSG;
		memcpy((uint8_t *)event + fields[i].offset, bytes, length);
		return 0;
	}
	return 0;
}

int event_decode(const uint8_t *bytes, size_t length, struct event *ret)
{
	struct event event = {0};

	while (length > 0) {
		size_t size;
		int r;

		if (length < FIELD_HEADER_BYTES)
			return -EBADMSG;
		size = (size_t)bytes[1] | (size_t)bytes[2] << 8;
		if (size > length - FIELD_HEADER_BYTES)
			return -EBADMSG;
		r = take_field(&event, bytes[0], bytes + FIELD_HEADER_BYTES, size);
		if (r < 0)
			return r;
		bytes += FIELD_HEADER_BYTES + size;
		length -= FIELD_HEADER_BYTES + size;
	}
	*ret = event;
	return 0;
}
