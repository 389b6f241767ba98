/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/follower.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/link/link_watcher.h"
#include "common/model/usb_identity.h"
#include "link/sysfs.h"
#include "link/trace.h"
#include "link/usbmon.h"

#define REASON_SIZE 256
#define PORTS_MAX LINK_DEVICES_MAX
#define BUSES_MAX 32

/* A port at which a phone is or was. */
struct port {
	char name[PORT_SIZE];
	bool present;
	bool followed;
	enum device_mode mode;
	uint32_t bus, address;
	uint64_t boot_us;    /* when a phone in DFU or recovery mode was last here; 0 = never */
	uint64_t running_us; /* when the daemon last reported a running restore here; 0 = never */
};

struct follower {
	struct loop *loop;
	struct follower_options options;
	struct link_watcher *watcher;
	struct trace *trace; /* NULL = it could not be opened */
	int trace_error;     /* a negative errno: it cannot be read */
	int code;	     /* as last reported */
	struct port ports[PORTS_MAX];
	struct usbmon *readers[BUSES_MAX]; /* by number of the bus */
	struct loop_timer *tick;	   /* the watcher's deadline */
	struct loop_timer *second;	   /* while a bus is read */
	struct loop_timer *pause;	   /* while nothing may be read */
	bool paused;
	uint64_t cpu_us;	/* used at the last second */
	uint64_t records, lost; /* since then */
	unsigned bad_seconds;
};

static void report(struct follower *follower, int code, const char *reason)
{
	follower->code = code;
	follower->options.state(follower->options.user, code, reason);
}

static void report_watching(struct follower *follower)
{
	int error = follower->trace_error;
	char reason[REASON_SIZE];

	if (error == 0) {
		report(follower, 0,
			trace_is_ambiguous(follower->trace)
				? "watching, but finds errors that the kernel corrects only while "
				  "one "
				  "phone is connected: this computer has several xHCI controllers"
				: "watching");
		return;
	}
	snprintf(reason, sizeof(reason),
		"watching, without the errors that the kernel corrects: %s; see journalctl -u "
		"idevicetriage-link",
		error == -ENOENT || error == -ENODATA || error == -EPERM
			? "there is no trace of the xHCI controller"
			: strerror(-error));
	report(follower, 0, reason);
}

static uint32_t read_number(const char *port, const char *attribute, int base)
{
	char value[SYSFS_VALUE_SIZE];

	return sysfs_read(SYSFS_USB_DEVICES, port, attribute, value)
		       ? (uint32_t)strtoul(value, NULL, base)
		       : 0;
}

/* Another device may be at the port since the event. */
static bool read_device(
	const char *port, char serial[static SYSFS_VALUE_SIZE], struct link_device *ret)
{
	struct link_device device = {
		.bus = read_number(port, "busnum", 10),
		.address = read_number(port, "devnum", 10),
		.vendor = (uint16_t)read_number(port, "idVendor", 16),
		.product = (uint16_t)read_number(port, "idProduct", 16),
	};

	if (sysfs_read(SYSFS_USB_DEVICES, port, "serial", serial))
		device.serial = serial;
	text_copy(device.port, sizeof(device.port), port);
	if (device.bus == 0 || device.bus >= BUSES_MAX || device.vendor != USB_VENDOR_APPLE)
		return false;
	*ret = device;
	return true;
}

static struct port *find_port(struct follower *follower, const char *name)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (text_equal(follower->ports[i].name, name))
			return &follower->ports[i];
	return NULL;
}

/* The port of that name, else a free one, else the one that has been free for the longest. */
static struct port *add_port(struct follower *follower, const char *name)
{
	struct port *best = find_port(follower, name);

	for (size_t i = 0; !best && i < PORTS_MAX; i++)
		if (!follower->ports[i].name[0])
			best = &follower->ports[i];
	if (best) {
		text_copy(best->name, sizeof(best->name), name);
		return best;
	}
	for (size_t i = 0; i < PORTS_MAX; i++) {
		struct port *port = &follower->ports[i];

		if (!port->present && (!best || port->boot_us < best->boot_us))
			best = port;
	}
	if (best) {
		*best = (struct port){0};
		text_copy(best->name, sizeof(best->name), name);
	}
	return best;
}

static bool is_running(const struct port *port, uint64_t now_us)
{
	return port->running_us && now_us - port->running_us < FOLLOWER_RUNNING_US;
}

static bool is_wanted(const struct follower *follower, const struct port *port, uint64_t now_us)
{
	if (is_running(port, now_us))
		return true;
	if (follower->options.all_modes || device_mode_is_boot(port->mode) ||
		port->mode == MODE_RESTORE)
		return true;
	return port->boot_us && now_us - port->boot_us < FOLLOWER_RESTORE_US;
}

static void close_bus(struct follower *follower, uint32_t bus)
{
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (follower->ports[i].followed && follower->ports[i].bus == bus)
			return;
	follower->readers[bus] = usbmon_free(follower->readers[bus]);
}

/* Stops following the phone at the port; its last records are read first. */
static void leave(struct follower *follower, struct port *port)
{
	if (!port->followed)
		return;
	if (follower->readers[port->bus])
		usbmon_drain(follower->readers[port->bus]);
	link_watcher_detach(follower->watcher, port->bus, port->address, clock_now());
	port->followed = false;
	close_bus(follower, port->bus);
}

static void set_deadline(struct follower *follower, struct stamp now)
{
	uint64_t deadline_us = link_watcher_deadline(follower->watcher);

	if (deadline_us == 0)
		loop_timer_stop(follower->tick);
	else
		loop_timer_start(follower->tick, deadline_us > now.monotonic_us
							 ? deadline_us - now.monotonic_us
							 : USBMON_BATCH_US);
}

static void on_record(void *user, const void *record, size_t length)
{
	struct follower *follower = user;

	link_watcher_feed(follower->watcher, clock_now(), record, length);
}

static void on_batch(void *user, uint32_t bus, uint32_t records, uint32_t lost)
{
	struct follower *follower = user;
	struct stamp now = clock_now();

	follower->records += records;
	follower->lost += lost;
	if (lost)
		link_watcher_lost(follower->watcher, bus, lost);
	link_watcher_tick(follower->watcher, now);
	set_deadline(follower, now);
}

static void on_tick(void *user)
{
	struct follower *follower = user;
	struct stamp now = clock_now();

	link_watcher_tick(follower->watcher, now);
	set_deadline(follower, now);
}

/* Errors on the wire count only while failed transfers are seen too. */
static void on_wire_error(void *user, const char *name)
{
	struct follower *follower = user;
	const struct port *port = find_port(follower, name);
	struct stamp now = clock_now();

	if (!port || !port->followed || !follower->readers[port->bus])
		return;
	link_watcher_wire_error(follower->watcher, name, now);
	set_deadline(follower, now);
}

static void on_trace_failed(void *user, int error)
{
	struct follower *follower = user;

	follower->trace_error = error;
	if (follower->code == 0)
		report_watching(follower);
}

static void write_open_failure(uint32_t bus, int error, char reason[static REASON_SIZE])
{
	if (error == -ENOENT)
		snprintf(reason, REASON_SIZE,
			"the kernel module usbmon is not loaded; run: modprobe usbmon");
	else
		snprintf(reason, REASON_SIZE, "cannot read /dev/usbmon%u: %s", (unsigned)bus,
			strerror(-error));
}

static void report_open_failure(struct follower *follower, uint32_t bus, int error)
{
	char reason[REASON_SIZE];

	write_open_failure(bus, error, reason);
	report(follower, error, reason);
}

/* Reads nothing for FOLLOWER_PAUSE_US. */
static void pause_reading(struct follower *follower, int code, const char *reason)
{
	report(follower, code, reason);
	follower->paused = true;
	loop_timer_start(follower->pause, FOLLOWER_PAUSE_US);
}

static void stop_reading(struct follower *follower)
{
	for (size_t i = 0; i < BUSES_MAX; i++)
		follower->readers[i] = usbmon_free(follower->readers[i]);
	loop_timer_stop(follower->second);
}

/* The reader must not be freed from its own callback; the end of the pause frees it. */
static void on_failed(void *user, uint32_t bus, int error)
{
	char reason[REASON_SIZE];

	write_open_failure(bus, error, reason);
	pause_reading(user, error, reason);
}

static uint64_t cpu_used_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USEC_PER_SEC +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void open_bus(struct follower *follower, uint32_t bus)
{
	const struct usbmon_handler handler = {on_record, on_batch, on_failed, follower};
	int r;

	if (follower->readers[bus] || follower->paused)
		return;
	r = usbmon_new(follower->loop, bus, &handler, &follower->readers[bus]);
	if (r < 0) {
		report_open_failure(follower, bus, r);
		return;
	}
	report_watching(follower);
	follower->cpu_us = cpu_used_us();
	follower->records = follower->lost = 0;
	follower->bad_seconds = 0;
	loop_timer_start(follower->second, USEC_PER_SEC);
}

/* Starts to follow the phone at the port, if it is wanted. */
static void join(struct follower *follower, struct port *port, struct stamp now)
{
	char serial[SYSFS_VALUE_SIZE];
	struct link_device device;

	if (!is_wanted(follower, port, now.monotonic_us) ||
		!read_device(port->name, serial, &device) ||
		!link_watcher_attach(follower->watcher, &device, now))
		return;
	port->followed = true;
	port->bus = device.bus;
	port->address = device.address;
	open_bus(follower, port->bus);
}

static void on_attach(struct follower *follower, const struct event *event)
{
	struct port *port = add_port(follower, event->port);

	if (!port)
		return;
	leave(follower, port);
	port->present = true;
	port->mode = event->mode;
	if (device_mode_is_boot(port->mode))
		port->boot_us = event->at.monotonic_us;
	join(follower, port, event->at);
}

static void on_detach(struct follower *follower, const struct event *event)
{
	struct port *port = find_port(follower, event->port);

	if (!port)
		return;
	if (device_mode_is_boot(port->mode))
		port->boot_us = event->at.monotonic_us;
	leave(follower, port);
	port->present = false;
}

void follower_handle_usb_event(void *user, const struct event *event)
{
	if (event->kind == EVENT_ATTACH)
		on_attach(user, event);
	else if (event->kind == EVENT_DETACH)
		on_detach(user, event);
}

static void on_pause_end(void *user)
{
	struct follower *follower = user;

	follower->paused = false;
	stop_reading(follower);
	for (size_t i = 0; i < PORTS_MAX; i++)
		if (follower->ports[i].followed)
			open_bus(follower, follower->ports[i].bus);
}

void follower_set_running(void *user, const char *name)
{
	struct follower *follower = user;
	struct port *port = find_port(follower, name);
	struct stamp now = clock_now();

	if (!port)
		return;
	port->running_us = now.monotonic_us;
	if (port->present && !port->followed)
		join(follower, port, now);
}

/* Stops following phones that are in normal mode, and phones whose place another device has: udev
 * reports that one later. */
static void check_ports(struct follower *follower)
{
	uint64_t now_us = clock_now().monotonic_us;

	for (size_t i = 0; i < PORTS_MAX; i++) {
		struct port *port = &follower->ports[i];

		if (!port->followed)
			continue;
		if (read_number(port->name, "devnum", 10) != port->address ||
			(!follower->options.all_modes && !is_running(port, now_us) &&
				link_watcher_service(follower->watcher, port->bus, port->address) ==
					LINK_SERVICE_LOCKDOWN))
			leave(follower, port);
	}
}

/* Returns whether the last second was too much for this program or this computer. */
static bool is_overloaded(struct follower *follower, char reason[static REASON_SIZE])
{
	uint64_t cpu_us = cpu_used_us(), used_us = cpu_us - follower->cpu_us;
	uint64_t all = follower->records + follower->lost, lost = follower->lost;
	bool bad = lost * 100 > all * FOLLOWER_LOST_PERCENT ||
		   used_us * 100 > USEC_PER_SEC * FOLLOWER_CPU_PERCENT;

	follower->cpu_us = cpu_us;
	follower->records = follower->lost = 0;
	follower->bad_seconds = bad ? follower->bad_seconds + 1 : 0;
	if (follower->bad_seconds < FOLLOWER_BAD_SECONDS)
		return false;
	snprintf(reason, REASON_SIZE,
		"switched off for %u s: this computer is too slow to follow the USB bus "
		"(%llu of %llu records lost, %llu %% of a processor in the last second)",
		(unsigned)(FOLLOWER_PAUSE_US / USEC_PER_SEC), (unsigned long long)lost,
		(unsigned long long)all, (unsigned long long)(used_us * 100 / USEC_PER_SEC));
	return true;
}

static void on_second(void *user)
{
	struct follower *follower = user;
	char reason[REASON_SIZE];

	check_ports(follower);
	if (is_overloaded(follower, reason)) {
		stop_reading(follower);
		pause_reading(follower, -EOVERFLOW, reason);
		return;
	}
	for (size_t i = 0; i < BUSES_MAX; i++) {
		if (follower->readers[i]) {
			loop_timer_start(follower->second, USEC_PER_SEC);
			return;
		}
	}
}

static void open_trace(struct follower *follower)
{
	const struct trace_options options = {
		.path = follower->options.trace,
		.devices = SYSFS_USB_DEVICES,
		.error = on_wire_error,
		.failed = on_trace_failed,
		.user = follower,
	};

	follower->trace_error = trace_new(follower->loop, &options, &follower->trace);
}

static int start(struct follower *follower)
{
	int r;

	follower->watcher = link_watcher_new(follower->options.sink, follower->options.user);
	if (!follower->watcher)
		return -ENOMEM;
	r = loop_timer_new(follower->loop, on_tick, follower, &follower->tick);
	if (r == 0)
		r = loop_timer_new(follower->loop, on_second, follower, &follower->second);
	if (r == 0)
		r = loop_timer_new(follower->loop, on_pause_end, follower, &follower->pause);
	if (r < 0)
		return r;
	open_trace(follower);
	if (access("/dev/usbmon0", F_OK) < 0)
		report_open_failure(follower, 0, -ENOENT);
	else
		report_watching(follower);
	return 0;
}

int follower_new(struct loop *loop, const struct follower_options *options, struct follower **ret)
{
	CLEANUP(follower_freep) struct follower *follower = calloc(1, sizeof(*follower));
	int r;

	if (!follower)
		return -ENOMEM;
	follower->loop = loop;
	follower->options = *options;
	r = start(follower);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(follower);
	return 0;
}

static void log_stats(const struct link_watcher *watcher)
{
	struct link_watcher_stats stats = link_watcher_stats(watcher);

	log_debug("%llu records, %llu of other devices, %llu lost, %zu bytes of memory",
		(unsigned long long)stats.records, (unsigned long long)stats.foreign,
		(unsigned long long)stats.lost, link_watcher_memory(watcher));
}

struct follower *follower_free(struct follower *follower)
{
	if (!follower)
		return NULL;
	if (follower->watcher)
		log_stats(follower->watcher);
	for (size_t i = 0; i < BUSES_MAX; i++)
		usbmon_free(follower->readers[i]);
	trace_free(follower->trace);
	loop_timer_free(follower->tick);
	loop_timer_free(follower->second);
	loop_timer_free(follower->pause);
	link_watcher_free(follower->watcher);
	free(follower);
	return NULL;
}
