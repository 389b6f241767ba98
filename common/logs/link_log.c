/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/link_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define USB_NODE_MAJOR "c189:" /* USB device nodes in the kernel's devices.txt */
#define ADDRESSES_PER_BUS 128
#define CODE_MAX 4095 /* the largest errno in the kernel */

static const struct link_pattern signs[] = {
#include "common/knowledge/linksigns.inc"
};

/* The line itself is no sign: it is one while a phone is attached. */
static const struct link_pattern left_phone = {
	"usbmuxd-left-phone", LINK_USBMUXD, EVENT_MUX_ERROR, "usbmuxd shutting down", 0};

/* The text after these is from the phone or another program. */
static const char *const quoting[] = {
	": Product: ",
	": Manufacturer: ",
	": SerialNumber: ",
	"ERROR (on device)",
	"Got unhandled payload type",
};

#define GONE "LIBUSB_ERROR_NO_DEVICE" /* as usbmuxd names it: the phone had left */

/* Errors of a request that software cancelled, or of a device that has left. */
static const int neutral_codes[] = {-ENOENT, -ENODEV, -ECONNRESET, -ESHUTDOWN};

/* The first negative number after a blank. */
static int read_code(const char *text)
{
	while ((text = strstr(text, " -"))) {
		char *end;
		long code = strtol(text + 1, &end, 10);

		if (end > text + 2)
			return code >= -CODE_MAX ? (int)code : 0;
		text += 2;
	}
	return 0;
}

static bool is_neutral(const struct link_pattern *sign, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(neutral_codes); i++) {
		if (code == neutral_codes[i])
			return true;
	}
	return code != 0 && code == sign->ignored_code;
}

/* The port with that number of the hub "1-2" or of the root hub "usb1". */
static bool port_of_hub(const char *hub, unsigned number, char port[static PORT_SIZE])
{
	char found[2 * PORT_SIZE];
	unsigned bus;
	int used = 0;

	if (sscanf(hub, "usb%3u%n", &bus, &used) == 1 && !hub[used])
		snprintf(found, sizeof(found), "%u-%u", bus, number);
	else if (usb_port_ok(hub, strlen(hub)))
		snprintf(found, sizeof(found), "%s.%u", hub, number);
	else
		return false;
	if (strlen(found) >= PORT_SIZE)
		return false;
	text_copy(port, PORT_SIZE, found);
	return true;
}

bool kernel_line_port(const char *line, char port[static PORT_SIZE])
{
	char hub[PORT_SIZE];
	const char *dash;
	size_t length;
	unsigned number;
	int used = 0;

	if (!text_starts_with(line, "usb "))
		return false;
	line += strlen("usb ");
	length = strcspn(line, ": ");
	if (line[length] != ':' || length >= PORT_SIZE)
		return false;
	if (usb_port_ok(line, length)) {
		snprintf(port, PORT_SIZE, "%.*s", (int)length, line);
		return true;
	}
	dash = memmem(line, length, "-port", strlen("-port"));
	if (!dash || sscanf(dash, "-port%3u%n", &number, &used) != 1 ||
		dash + used != line + length)
		return false;
	snprintf(hub, sizeof(hub), "%.*s", (int)(dash - line), line);
	return port_of_hub(hub, number, port);
}

bool kernel_device_read(
	const char *text, char port[static PORT_SIZE], uint32_t *bus, uint32_t *address)
{
	char found[PORT_SIZE] = "";
	unsigned minor = 0;
	bool node = sscanf(text, USB_NODE_MAJOR "%6u", &minor) == 1;

	if (!node && text_starts_with(text, "+usb:") &&
		usb_port_ok(text + 5, strcspn(text + 5, ":")))
		snprintf(found, sizeof(found), "%.*s", (int)strcspn(text + 5, ":"), text + 5);
	if (!node && !*found)
		return false;
	text_copy(port, PORT_SIZE, found);
	*bus = node ? minor / ADDRESSES_PER_BUS + 1 : 0;
	*address = node ? minor % ADDRESSES_PER_BUS + 1 : 0;
	return true;
}

/* usbmuxd prints "device 1-7" (bus and address, not a port), or "device" and the UDID. */
static void read_usbmuxd_device(const char *line, struct link_finding *finding)
{
	unsigned bus, address;

	while ((line = strstr(line, "evice "))) {
		char word[UDID_SIZE];

		line += strlen("evice ");
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " ,:"), line);
		if (udid_normalize(word, finding->udid) == 0)
			return;
		if (sscanf(word, "%3u-%3u", &bus, &address) == 2) {
			finding->bus = bus;
			finding->address = address;
			return;
		}
	}
}

/* "Device 3: ERROR: " and what the phone says, of usbmuxd since 2023. */
static bool is_word_of_phone(const char *line)
{
	const char *at = strstr(line, "Device ");
	unsigned number;
	char word[8];

	return at && sscanf(at, "Device %9u: %7[A-Z]:", &number, word) == 2 &&
	       (text_equal(word, "ERROR") || text_equal(word, "WARNING"));
}

static bool quotes(const char *line)
{
	if (is_word_of_phone(line))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(quoting); i++) {
		if (strstr(line, quoting[i]))
			return true;
	}
	return false;
}

/* The first pattern of the table that stands in the line, and where; NULL = none. */
static const struct link_pattern *find_pattern(
	enum link_writer writer, const char *line, const char **ret_at)
{
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		*ret_at = signs[i].writer == writer ? strstr(line, signs[i].text) : NULL;
		if (*ret_at)
			return &signs[i];
	}
	return NULL;
}

bool link_line_is_noise(enum link_writer writer, const char *line)
{
	const struct link_pattern *sign;
	const char *at;

	if (quotes(line))
		return true;
	sign = find_pattern(writer, line, &at);
	return sign && sign->kind == EVENT_NONE;
}

bool link_pattern_read(enum link_writer writer, const char *line, struct link_finding *ret)
{
	struct link_finding finding = {0};
	const char *at;

	if (quotes(line))
		return false;
	finding.sign = find_pattern(writer, line, &at);
	if (!finding.sign || finding.sign->kind == EVENT_NONE)
		return false;
	finding.code = read_code(at);
	if (is_neutral(finding.sign, finding.code) || strstr(line, GONE))
		return false;
	if (writer == LINK_KERNEL)
		kernel_line_port(line, finding.port);
	else if (writer == LINK_USBMUXD)
		read_usbmuxd_device(line, &finding);
	*ret = finding;
	return true;
}

const struct link_pattern *mux_watch_line(struct mux_watch *watch, const char *line)
{
	bool left;

	if (strstr(line, "Connecting to new device on location")) {
		watch->attached++;
	} else if (strstr(line, "Removed device ") && watch->attached > 0) {
		watch->attached--;
	} else if (strstr(line, " starting up")) {
		watch->attached = 0;
	} else if (strstr(line, left_phone.text)) {
		left = watch->attached > 0;
		watch->attached = 0;
		return left ? &left_phone : NULL;
	}
	return NULL;
}

/* "[10:00:01.040][4] Client 11 accepted: idevicerestore[2254]" */
bool mux_client_read(const char *line, char name[static NAME_SIZE], uint32_t *process)
{
	const char *at = strstr(line, "Client "), *bracket;
	unsigned number, pid;
	int used = 0;

	/* The text before it must be usbmuxd's own prefix. */
	if (!at || (at > line && strspn(line, "[]:.0123456789 ") != (size_t)(at - line)) ||
		sscanf(at, "Client %9u accepted: %n", &number, &used) != 1 || !used)
		return false;
	at += used;
	bracket = strrchr(at, '[');
	used = 0;
	if (!bracket || bracket == at || (size_t)(bracket - at) >= NAME_SIZE ||
		sscanf(bracket, "[%9u]%n", &pid, &used) != 1 || !used || bracket[used])
		return false;
	snprintf(name, NAME_SIZE, "%.*s", (int)(bracket - at), at);
	*process = pid;
	return true;
}
