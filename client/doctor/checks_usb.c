/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of the connection to attached phones: power saving, speed, hubs, over-current. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/doctor/doctor.h"
#include "client/doctor/known_fault.h"
#include "client/doctor/system.h"
#include "client/fields.h"
#include "client/port_errors.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define DEVICES "/sys/bus/usb/devices"
#define CONTROLLERS "/sys/bus/pci/drivers/xhci_hcd"
#define HUBS_MANY 2
#define ADVICE_SIZE 192
#define SELF_POWERED 0x40 /* of bmAttributes (USB 2.0, 9.6.3) */

/* Lists the phones, or reports why nothing can be checked. Returns their number. */
static int list_phones(struct doctor *doctor, struct system_phone phones[static SYSTEM_PHONES_MAX])
{
	int count = system_phones(doctor->root, phones);

	if (count < 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "Cannot read the USB devices (%s).",
			strerror(-count));
	else if (count == 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "No phone is attached.");
	return count;
}

static bool read_word(
	struct doctor *doctor, const char *device, const char *attribute, char out[static 32])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, attribute);
	return system_read_line(doctor->root, path, out, 32);
}

static long long read_number(
	struct doctor *doctor, const char *device, const char *attribute, int base)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, attribute);
	return system_read_number(doctor->root, path, base);
}

/* Moves from a device to its hub: from 1-2.3 to 1-2. Returns false if that is the computer. */
static bool hub_above(char device[static PORT_SIZE])
{
	char *dot = strrchr(device, '.');

	if (dot)
		*dot = '\0';
	return dot != NULL;
}

/* Whether the device is suspended, or may not wake up. */
static bool is_asleep(struct doctor *doctor, const char *device, char status[static 32])
{
	return read_word(doctor, device, "power/runtime_status", status) &&
	       (text_equal(status, "suspended") || text_equal(status, "suspending") ||
		       text_equal(status, "error"));
}

static void advise_awake(const char *device, const char *more, char out[static ADVICE_SIZE])
{
	snprintf(out, ADVICE_SIZE, "echo on > " DEVICES "/%.*s/power/control%s", PORT_SIZE, device,
		more);
}

/* Returns whether it reported a problem of the phone or a hub before it. */
static bool check_power_of(struct doctor *doctor, const char *port)
{
	char control[32], status[32], device[PORT_SIZE], advice[ADVICE_SIZE];
	bool said = false;

	if (read_word(doctor, port, "power/control", control) && text_equal(control, "auto")) {
		advise_awake(
			port, ", and exclude USB from TLP, powertop and similar tools", advice);
		doctor_say(doctor, FINDING_PROBLEM, advice,
			"The computer may suspend the phone at port %s (autosuspend).", port);
		said = true;
	}
	text_copy(device, sizeof(device), port);
	do {
		if (is_asleep(doctor, device, status)) {
			advise_awake(device, "", advice);
			doctor_say(doctor, FINDING_PROBLEM, advice,
				"The %s at port %s is suspended (%s) while a phone is attached.",
				text_equal(device, port) ? "phone" : "hub", device, status);
			said = true;
		}
	} while (hub_above(device));
	return said;
}

void check_power(struct doctor *doctor)
{
	struct system_phone phones[SYSTEM_PHONES_MAX];
	int count = list_phones(doctor, phones);
	bool said = false;

	for (int i = 0; i < count; i++)
		said |= check_power_of(doctor, phones[i].port);
	if (count > 0 && !said)
		doctor_say(doctor, FINDING_OK, NULL, "No phone is suspended.");
}

void check_speed(struct doctor *doctor)
{
	struct system_phone phones[SYSTEM_PHONES_MAX];
	int count = list_phones(doctor, phones);
	bool said = false;

	for (int i = 0; i < count; i++) {
		long long speed = read_number(doctor, phones[i].port, "speed", 10);

		if (speed < 0 || speed >= USB_PHONE_MBPS)
			continue;
		doctor_say(doctor, FINDING_PROBLEM, "Try another cable, then another port.",
			"The phone at port %s runs at %lld Mbit/s instead of %d: a wire pair or a "
			"contact is bad.",
			phones[i].port, speed, USB_PHONE_MBPS);
		said = true;
	}
	if (count > 0 && !said)
		doctor_say(doctor, FINDING_OK, NULL, "Each phone runs at %d Mbit/s or more.",
			USB_PHONE_MBPS);
}

static bool is_without_supply(struct doctor *doctor, const char *hub)
{
	long long attributes = read_number(doctor, hub, "bmAttributes", 16);

	return attributes >= 0 && !(attributes & SELF_POWERED);
}

/* Returns whether it reported a problem. */
static bool check_hubs_of(struct doctor *doctor, const char *port)
{
	uint32_t depth = usb_hub_depth(port);
	char hub[PORT_SIZE];
	bool said = depth >= HUBS_MANY;

	if (said)
		doctor_say(doctor, FINDING_WARNING, "Use a port of the computer itself.",
			"The phone at port %s is behind %u hubs.", port, depth);
	text_copy(hub, sizeof(hub), port);
	while (hub_above(hub)) {
		if (!is_without_supply(doctor, hub))
			continue;
		doctor_say(doctor, FINDING_WARNING, "Use a hub with its own power supply.",
			"The phone at port %s is behind a hub (port %s) with no power supply of "
			"its own.",
			port, hub);
		said = true;
	}
	return said;
}

void check_hubs(struct doctor *doctor)
{
	struct system_phone phones[SYSTEM_PHONES_MAX];
	int count = list_phones(doctor, phones), behind = 0;
	bool said = false;

	for (int i = 0; i < count; i++) {
		behind += usb_hub_depth(phones[i].port) > 0;
		said |= check_hubs_of(doctor, phones[i].port);
	}
	if (count > 0 && !said && behind)
		doctor_say(doctor, FINDING_OK, NULL,
			"%d of %d phones are behind one hub; if restores fail, try a port of "
			"the computer itself.",
			behind, count);
	else if (count > 0 && !said)
		doctor_say(doctor, FINDING_OK, NULL, "No phone is behind a hub.");
}

struct over_current {
	struct doctor *doctor;
	char interface[SYSTEM_NAME_SIZE]; /* of the current hub */
	size_t counters, said;
};

/* usb1-port2 and 1-3-port2, in the folder of a hub's interface, have the counter of each physical
 * port. */
static bool look_at_port(void *user, const char *name)
{
	struct over_current *all = user;
	char path[PATH_MAX];
	long long count;

	if (!strstr(name, "-port"))
		return true;
	snprintf(path, sizeof(path), DEVICES "/%s/%s/over_current_count", all->interface, name);
	count = system_read_number(all->doctor->root, path, 10);
	all->counters += count >= 0;
	if (count <= 0)
		return true;
	all->said++;
	doctor_say(all->doctor, FINDING_WARNING,
		"Do not judge a restore on this port. Try the phone on another one: if it happens "
		"there too, the phone or its cable draws too much current.",
		"%s was switched off %lld times since it was detected, because of over-current.",
		name, count);
	return true;
}

static bool look_at_interface(void *user, const char *name)
{
	struct over_current *all = user;
	char path[PATH_MAX];

	if (!strchr(name, ':') || !text_copy(all->interface, sizeof(all->interface), name))
		return true;
	snprintf(path, sizeof(path), DEVICES "/%s", name);
	system_each(all->doctor->root, path, look_at_port, all);
	return true;
}

void check_over_current(struct doctor *doctor)
{
	struct over_current all = {.doctor = doctor};
	int r = system_each(doctor->root, DEVICES, look_at_interface, &all);

	if (r < 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "Cannot read the USB devices (%s).",
			strerror(-r));
	else if (!all.counters)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "The kernel does not count it here.");
	else if (!all.said)
		doctor_say(doctor, FINDING_OK, NULL, "No port was switched off.");
}

static bool look_at_controller(void *user, const char *name)
{
	struct over_current *all = user;
	const struct known_fault *fault;
	char path[PATH_MAX], id[32];
	long long vendor, device;

	snprintf(path, sizeof(path), CONTROLLERS "/%s/vendor", name);
	vendor = system_read_number(all->doctor->root, path, 16);
	snprintf(path, sizeof(path), CONTROLLERS "/%s/device", name);
	device = system_read_number(all->doctor->root, path, 16);
	snprintf(id, sizeof(id), "%04llx:%04llx", vendor & 0xffff, device & 0xffff);
	fault = known_fault_of("usb-controller", id);
	if (!fault)
		return true;
	all->said++;
	doctor_say(all->doctor, FINDING_WARNING, fault->advice, "Controller %s: %s", name,
		fault->means);
	return true;
}

/* Corrected errors of one attach, after which it is time to warn: one less than Linux corrects
 * (4) for an endpoint that always ends short, as the phone's does. */
#define CORRECTED_MANY 3

#define PORT_ADVICE                                                                                \
	"Clean the plugs and use another cable at this port. If the errors continue, do not use "  \
	"the "                                                                                     \
	"port. Do not interrupt a running restore."

/* The newest attempt on each port shows how its link is now. */
static bool is_newest_on_port(struct json_object *sessions, size_t index)
{
	const char *port = field_text_or(field_item(sessions, index), "port", "");

	for (size_t i = 0; i < index; i++)
		if (text_equal(field_text_or(field_item(sessions, i), "port", ""), port))
			return false;
	return *port != '\0';
}

static size_t find_corrected(struct doctor *doctor)
{
	size_t said = 0;

	for (size_t i = 0; i < field_count(doctor->sessions); i++) {
		struct json_object *session = field_item(doctor->sessions, i);
		int64_t corrected =
			field_number_or(field_object(session, "health"), "linkCorrected", 0);

		if (corrected < CORRECTED_MANY || !is_newest_on_port(doctor->sessions, i))
			continue;
		said++;
		doctor_say(doctor, FINDING_WARNING, PORT_ADVICE,
			"Port %s: the computer corrected %lld USB errors since the phone was "
			"connected, in the newest attempt there. Linux may correct only 4 before "
			"a transfer fails.",
			field_text(session, "port"), (long long)corrected);
	}
	return said;
}

void check_port_errors(struct doctor *doctor)
{
	size_t said = find_corrected(doctor), at = 0;
	struct port_errors errors;
	char text[256];

	while (port_errors_next(doctor->ports, &at, &errors)) {
		port_errors_describe(&errors, text, sizeof(text));
		doctor_say(doctor, FINDING_WARNING, PORT_ADVICE, "%s", text);
		said++;
	}
	if (!said)
		doctor_say(doctor, FINDING_OK, NULL,
			"No port is known to fail more USB transfers than the others.");
}

/* Since Linux 4.20 the driver repeats a failed transfer, and logs nothing. It clears its count only
 * after a transfer of full length (patch of 2026-05-29), so that the fifth failure of an endpoint
 * that always ends short, as the phone's does, ends the transfer. */
void check_retry(struct doctor *doctor)
{
	struct over_current all = {.doctor = doctor};
	char release[64];
	unsigned major, minor;

	if (!system_read_line(
		    doctor->root, "/proc/sys/kernel/osrelease", release, sizeof(release)) ||
		sscanf(release, "%u.%u", &major, &minor) != 2) {
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "Cannot read the version of the kernel.");
		return;
	}
	system_each(doctor->root, CONTROLLERS, look_at_controller, &all);
	if (all.said)
		return;
	if (major > 4 || (major == 4 && minor >= 20))
		doctor_say(doctor, FINDING_OK, NULL,
			"Linux %u.%u repeats a failed transfer and logs nothing; without a patch "
			"of "
			"2026, the fifth failure ends the connection to a phone.",
			major, minor);
	else
		doctor_say(doctor, FINDING_OK, NULL,
			"Linux %u.%u reports a failed transfer at once.", major, minor);
}
