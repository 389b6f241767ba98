/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define DEVICES "/sys/bus/usb/devices"
#define PATH_SIZE 160
#define VALUE_SIZE 32

static bool read_value(const char *path, char value[static VALUE_SIZE])
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, value, VALUE_SIZE - 1);

	if (n <= 0)
		return false;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return true;
}

static bool read_number(const char *path, uint64_t *ret)
{
	char value[VALUE_SIZE], *end;
	uint64_t number;

	if (!read_value(path, value))
		return false;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || end == value || *end)
		return false;
	*ret = number;
	return true;
}

/* The folder of the port itself, which remains when the device leaves: usb1-port2 of the root hub's
 * interface 1-0:1.0 for 1-2, and 1-2-port3 of the hub's interface 1-2:1.0 for 1-2.3. */
static void port_folder(const char *port, char out[static PATH_SIZE])
{
	const char *dot = strrchr(port, '.');
	int hub = dot ? (int)(dot - port) : (int)strcspn(port, "-");

	if (dot)
		snprintf(out, PATH_SIZE, DEVICES "/%.*s:1.0/%.*s-port%s", hub, port, hub, port,
			dot + 1);
	else
		snprintf(out, PATH_SIZE, DEVICES "/%.*s-0:1.0/usb%.*s-port%s", hub, port, hub, port,
			port + hub + 1);
}

bool usb_port_read(const char *port, struct port_facts *ret)
{
	struct port_facts facts = {0};
	char path[PATH_SIZE], folder[PATH_SIZE], status[VALUE_SIZE];

	if (!usb_port_ok(port, strlen(port)))
		return false;
	snprintf(path, sizeof(path), DEVICES "/%s/urbnum", port);
	facts.transfers_known = read_number(path, &facts.transfers);
	snprintf(path, sizeof(path), DEVICES "/%s/power/runtime_status", port);
	facts.suspended = read_value(path, status) && text_equal(status, "suspended");
	port_folder(port, folder);
	if (snprintf(path, sizeof(path), "%s/over_current_count", folder) < (int)sizeof(path))
		facts.over_currents_known = read_number(path, &facts.over_currents);
	*ret = facts;
	return true;
}
