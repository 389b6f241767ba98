/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/usb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-device.h>
#include <systemd/sd-event.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/model/attempt.h"
#include "daemon/sources/source.h"

#define DEVICES_MAX 256	  /* Apple devices at once */
#define UEVENTS_A_TURN 16 /* per turn of the loop, so that it is not blocked */
#define RECEIVE_BYTES                                                                              \
	(16 * 1024 *                                                                               \
		1024) /* for the kernel's queue of uevents when a hub with many devices resets */
#define SYSPATH_SIZE 512
#define SERIAL_SIZE 256 /* a USB string has at most 126 characters */
#define REASON_SIZE 200

struct usb_device {
	char syspath[SYSPATH_SIZE]; /* identifies a removed device, which is no longer in sysfs */
	uint32_t bus, address;
	struct usb_place place;
	struct usb_identity identity;
	char hub[CONDITION_VALUE_SIZE]; /* parent hub: numbers and name; empty = none */
};

struct usb {
	event_sink *sink;
	void *user;
	sd_event *event;
	sd_device_monitor *monitor;
	struct loop_io *io;
	struct loop_timer
		*more; /* sd-event may have events that its descriptor no longer signals */
	bool full_told;
	size_t device_count;
	struct usb_device devices[DEVICES_MAX];
};

static void enumerator_unrefp(sd_device_enumerator **enumerator)
{
	sd_device_enumerator_unref(*enumerator);
}

static void tell_source(struct usb *usb, int code, const char *reason)
{
	source_report(SOURCE_USB, "usb", code, reason, usb->sink, usb->user);
}

static void tell_device(struct usb *usb, enum event_kind kind, const struct usb_device *device)
{
	const struct model *model = device->identity.model;
	/* Attach and detach both have the time of arrival: udev's own time of an attach could be
	 * before that of the detach that it follows. The kernel's lines have the exact times. */
	struct event event = {
		.at = clock_now(),
		.kind = kind,
		.source = SOURCE_USB,
		.mode = device->identity.mode,
		.ecid = device->identity.ecid,
		.speed_mbps = device->place.speed_mbps,
		.hub_depth = device->place.hub_depth,
	};

	char program[BOOT_PROGRAM_SIZE];

	text_copy(event.udid, sizeof(event.udid), device->identity.udid);
	text_copy(event.port, sizeof(event.port), device->place.port);
	if (model)
		text_copy(event.product, sizeof(event.product), model->product);
	if (kind == EVENT_ATTACH) {
		text_copy(event.name, sizeof(event.name), device->hub);
		boot_program_write(&device->identity.program, program);
		if (*program)
			event_set_text(&event, program);
	}
	if (kind == EVENT_IDENTITY) {
		text_copy(event.name, sizeof(event.name), model->product);
		event_set_text(&event, model->board);
	}
	usb->sink(usb->user, &event);
}

/* A number that the kernel wrote into the uevent: correct for this uevent's device, even if sysfs
 * already shows the next device at the port, or none. */
static uint32_t read_property(sd_device *device, const char *property)
{
	const char *text;

	if (sd_device_get_property_value(device, property, &text) < 0)
		return 0;
	return (uint32_t)strtoul(text, NULL, 10);
}

static uint32_t read_attribute(sd_device *device, const char *attribute)
{
	const char *text;

	if (sd_device_get_sysattr_value(device, attribute, &text) < 0)
		return 0;
	return (uint32_t)strtoul(text, NULL, 10);
}

/* Reads from sysfs what uevents lack. If sysfs already shows another device, uses udev's copy of
 * the serial, in which blanks and brackets are underscores. */
static void read_sysfs(sd_device *from, uint16_t product_id, struct usb_device *device)
{
	char serial[SERIAL_SIZE] = "";
	uint32_t speed = read_attribute(from, "speed");
	const char *text;

	if (sd_device_get_sysattr_value(from, "serial", &text) >= 0)
		text_copy(serial, sizeof(serial), text);
	if (read_attribute(from, "devnum") != device->address) {
		*serial = '\0';
		speed = 0;
		if (sd_device_get_property_value(from, "ID_SERIAL_SHORT", &text) >= 0)
			text_copy(serial, sizeof(serial), text);
		for (char *c = serial; *c; c++)
			*c = *c == '_' ? ' ' : *c;
	}
	device->identity = usb_identity_read(product_id, serial);
	device->place.speed_mbps = speed;
}

/* The device's hub, such as "05e3:0610 USB2.0 Hub". */
static void read_hub(sd_device *from, char out[static CONDITION_VALUE_SIZE])
{
	const char *vendor = "", *product = "", *name = "";
	char text[2 * CONDITION_VALUE_SIZE];
	sd_device *hub;

	if (sd_device_get_parent(from, &hub) < 0)
		return;
	sd_device_get_sysattr_value(hub, "idVendor", &vendor);
	sd_device_get_sysattr_value(hub, "idProduct", &product);
	sd_device_get_sysattr_value(hub, "product", &name);
	snprintf(text, sizeof(text), "%s:%s%s%s", vendor, product, *name ? " " : "", name);
	text_clean(text, strlen(text), out, CONDITION_VALUE_SIZE);
}

/* Returns whether it is a phone or tablet with enough data to report. */
static bool read_device(sd_device *from, struct usb_device *ret)
{
	struct usb_device device = {0};
	const char *syspath, *sysname, *numbers;
	unsigned vendor_id, product_id;

	if (sd_device_get_syspath(from, &syspath) < 0 ||
		sd_device_get_sysname(from, &sysname) < 0 ||
		sd_device_get_property_value(from, "PRODUCT", &numbers) < 0)
		return false;
	if (sscanf(numbers, "%4x/%4x/", &vendor_id, &product_id) != 2 ||
		vendor_id != USB_VENDOR_APPLE ||
		usb_product_mode((uint16_t)product_id) == MODE_UNKNOWN)
		return false;
	if (!text_copy(device.syspath, sizeof(device.syspath), syspath) ||
		!text_copy(device.place.port, sizeof(device.place.port), sysname)) {
		log_warning("usb: %s is nested too deeply; ignored", syspath);
		return false;
	}
	device.bus = read_property(from, "BUSNUM");
	device.address = read_property(from, "DEVNUM");
	device.place.hub_depth = usb_hub_depth(device.place.port);
	read_sysfs(from, (uint16_t)product_id, &device);
	if (device.place.hub_depth > 0)
		read_hub(from, device.hub);
	*ret = device;
	return true;
}

static struct usb_device *find_device(struct usb *usb, const char *syspath)
{
	for (size_t i = 0; i < usb->device_count; i++) {
		if (text_equal(usb->devices[i].syspath, syspath))
			return &usb->devices[i];
	}
	return NULL;
}

static void drop_device(struct usb *usb, struct usb_device *device)
{
	struct usb_device gone = *device;

	*device = usb->devices[--usb->device_count];
	tell_device(usb, EVENT_DETACH, &gone);
}

static void on_add(struct usb *usb, sd_device *from)
{
	struct usb_device device;
	struct usb_device *known;

	if (!read_device(from, &device))
		return;
	known = find_device(usb, device.syspath);
	/* Seen by both the enumeration and the monitor. */
	if (known && known->bus == device.bus && known->address == device.address)
		return;
	/* Its removal was lost in a full queue. */
	if (known)
		drop_device(usb, known);
	if (usb->device_count == DEVICES_MAX) {
		if (!usb->full_told)
			log_warning("usb: more than %d Apple devices; the rest is ignored",
				DEVICES_MAX);
		usb->full_told = true;
		return;
	}
	usb->devices[usb->device_count++] = device;
	tell_device(usb, EVENT_ATTACH, &device);
	if (device.identity.model)
		tell_device(usb, EVENT_IDENTITY, &device);
}

static void on_remove(struct usb *usb, sd_device *from)
{
	struct usb_device *device;
	const char *syspath;

	if (sd_device_get_syspath(from, &syspath) < 0)
		return;
	device = find_device(usb, syspath);
	if (device)
		drop_device(usb, device);
}

static int on_uevent(sd_device_monitor *monitor, sd_device *device, void *user)
{
	sd_device_action_t action;

	if (sd_device_get_action(device, &action) < 0)
		return 0;
	/* bind, unbind and change contain no news about a phone. */
	if (action == SD_DEVICE_ADD)
		on_add(user, device);
	else if (action == SD_DEVICE_REMOVE)
		on_remove(user, device);
	return 0;
}

static void stop_monitor(struct usb *usb)
{
	usb->io = loop_io_free(usb->io);
	usb->monitor = sd_device_monitor_unref(usb->monitor);
	usb->event = sd_event_unref(usb->event);
}

/* Runs sd-event inside our loop; the device monitor of systemd 252 supports nothing else. */
static void run_sd_event(struct usb *usb)
{
	char reason[REASON_SIZE];
	int r = 1;

	if (!usb->event)
		return;
	for (size_t i = 0; i < UEVENTS_A_TURN && r > 0; i++)
		r = sd_event_run(usb->event, 0);
	if (r > 0) {
		loop_timer_start(usb->more, 0);
	} else if (r < 0) {
		stop_monitor(usb);
		snprintf(reason, sizeof(reason), "changes are no longer seen: %s", strerror(-r));
		tell_source(usb, r, reason);
	}
}

static void on_readable(void *user, unsigned ready)
{
	run_sd_event(user);
}

static void on_more(void *user)
{
	run_sd_event(user);
}

static int start_monitor(struct usb *usb, struct loop *loop)
{
	int r;

	r = sd_event_new(&usb->event);
	if (r < 0)
		return r;
	r = sd_device_monitor_new(&usb->monitor);
	if (r < 0)
		return r;
	r = sd_device_monitor_filter_add_match_subsystem_devtype(usb->monitor, "usb", "usb_device");
	if (r < 0)
		return r;
	/* More than the system allows an ordinary user is refused: then the default remains. */
	sd_device_monitor_set_receive_buffer_size(usb->monitor, RECEIVE_BYTES);
	r = sd_device_monitor_attach_event(usb->monitor, usb->event);
	if (r < 0)
		return r;
	r = sd_device_monitor_start(usb->monitor, on_uevent, usb);
	if (r < 0)
		return r;
	return loop_watch(loop, sd_event_get_fd(usb->event), LOOP_READ, on_readable, usb, &usb->io);
}

static int enumerate(struct usb *usb)
{
	CLEANUP(enumerator_unrefp) sd_device_enumerator *enumerator = NULL;
	int r;

	r = sd_device_enumerator_new(&enumerator);
	if (r < 0)
		return r;
	r = sd_device_enumerator_add_match_subsystem(enumerator, "usb", true);
	if (r < 0)
		return r;
	r = sd_device_enumerator_add_match_property(enumerator, "DEVTYPE", "usb_device");
	if (r < 0)
		return r;
	/* A device that udev has not processed yet arrives through the monitor; but a bench may
	 * have no udev. */
	r = sd_device_enumerator_allow_uninitialized(enumerator);
	if (r < 0)
		return r;
	for (sd_device *device = sd_device_enumerator_get_device_first(enumerator); device;
		device = sd_device_enumerator_get_device_next(enumerator))
		on_add(usb, device);
	return 0;
}

int usb_new(struct loop *loop, event_sink *sink, void *user, struct usb **ret)
{
	CLEANUP(usb_freep) struct usb *usb = NULL;
	char reason[REASON_SIZE];
	int r;

	assert(loop && sink && ret);
	usb = calloc(1, sizeof(*usb));
	if (!usb)
		return -ENOMEM;
	usb->sink = sink;
	usb->user = user;
	r = loop_timer_new(loop, on_more, usb, &usb->more);
	if (r < 0)
		return r;

	/* The monitor first: a device that appears during the enumeration is seen by at least one
	 * of the two. */
	r = start_monitor(usb, loop);
	if (r < 0) {
		stop_monitor(usb);
		snprintf(reason, sizeof(reason), "changes cannot be watched: %s", strerror(-r));
		tell_source(usb, r, reason);
	} else {
		tell_source(usb, 0, "watching");
	}
	r = enumerate(usb);
	if (r < 0)
		log_warning("usb: cannot list the attached devices: %s", strerror(-r));
	*ret = TAKE_PTR(usb);
	return 0;
}

struct usb *usb_free(struct usb *usb)
{
	if (!usb)
		return NULL;
	stop_monitor(usb);
	loop_timer_free(usb->more);
	free(usb);
	return NULL;
}

bool usb_find_place(const struct usb *usb, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	for (size_t i = 0; i < usb->device_count; i++) {
		if (usb->devices[i].bus == bus && usb->devices[i].address == address) {
			*ret = usb->devices[i].place;
			return true;
		}
	}
	return false;
}
