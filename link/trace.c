/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/link/xhci_trace.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"
#include "link/sysfs.h"

#define LINE_SIZE 512	/* longer lines are skipped; the kernel's have about 200 bytes */
#define READ_BYTES 4096 /* a page: the kernel returns no more at once */
#define READS_MAX 16	/* a turn */
#define TURN_PAUSE_US (100 * USEC_PER_MSEC)
#define SLOTS 256 /* of a controller; 0 is none */
#define PATH_SIZE 512

/* Where the device of a slot is, as far as the kernel's line says. */
struct place {
	uint32_t port, level, speed; /* zeros = unknown */
};

struct slot {
	struct place place;
	uint64_t second_us; /* the beginning of the second in which errors are counted */
	uint32_t errors;
};

struct trace {
	struct loop *loop;
	struct trace_options options;
	int fd;
	struct loop_io *io;
	struct loop_timer *turn; /* reads on after a pause */
	char line[LINE_SIZE];
	size_t length;
	bool too_long; /* the rest of the line is skipped */
	struct slot slots[SLOTS];
};

/* -- USB devices in sysfs -- */

/* The kernel's enum usb_device_speed; 0 = unknown. */
static uint32_t read_speed(const char *devices, const char *name)
{
	static const struct {
		const char *value;
		uint32_t speed;
	} speeds[] = {{"1.5", 1}, {"12", 2}, {"480", 3}, {"5000", 5}, {"10000", 6}, {"20000", 6}};
	char value[SYSFS_VALUE_SIZE];

	if (!sysfs_read(devices, name, "speed", value))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
		if (text_equal(speeds[i].value, value))
			return speeds[i].speed;
	return 0;
}

/* `name` is a port such as 1-2.3. */
static bool is_at(const char *devices, const char *name, const struct place *place)
{
	const char *last = strchr(name, '-');
	uint32_t level = 1;

	for (const char *dot = last; (dot = strchr(dot + 1, '.')); level++)
		last = dot;
	return level == place->level && strtoul(last + 1, NULL, 10) == place->port &&
	       read_speed(devices, name) == place->speed;
}

static bool is_on_xhci(const char *devices, const char *name)
{
	char root[16], value[SYSFS_VALUE_SIZE];

	snprintf(root, sizeof(root), "usb%lu", strtoul(name, NULL, 10));
	return sysfs_read(devices, root, "product", value) && strstr(value, "xHCI");
}

/* Whether an interface of the device, as it is set up now, has the endpoint. */
static bool has_endpoint(const char *devices, const char *name, uint32_t endpoint)
{
	char path[PATH_SIZE];
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", devices, name);
	directory = opendir(path);
	for (struct dirent *entry; directory && !found && (entry = readdir(directory));) {
		if (!strchr(entry->d_name, ':'))
			continue;
		snprintf(path, sizeof(path), "%s/ep_%02x", entry->d_name, (unsigned)endpoint);
		found = faccessat(dirfd(directory), path, F_OK, 0) == 0;
	}
	if (directory)
		closedir(directory);
	return found;
}

/* Finds the only device on xHCI that has the endpoint and, if `place` is not NULL, is there. */
static bool find_device(const char *devices, const struct place *place, uint32_t endpoint,
	char port[static PORT_SIZE])
{
	DIR *directory = opendir(devices);
	size_t found = 0;

	for (struct dirent *entry; directory && found < 2 && (entry = readdir(directory));) {
		const char *name = entry->d_name;

		if (!usb_port_ok(name, strlen(name)) || (place && !is_at(devices, name, place)) ||
			!is_on_xhci(devices, name) || !has_endpoint(devices, name, endpoint))
			continue;
		text_copy(port, PORT_SIZE, name);
		found++;
	}
	if (directory)
		closedir(directory);
	return found == 1;
}

/* Where the controller of a root hub is: each has one or two root hubs. */
static bool read_controller(const char *devices, const char *root, char out[static PATH_SIZE])
{
	char path[PATH_SIZE], *end;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", devices, root);
	n = readlink(path, out, PATH_SIZE - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	end = strrchr(out, '/');
	if (end)
		*end = '\0';
	return end;
}

static bool has_several_controllers(const char *devices)
{
	char first[PATH_SIZE] = "", controller[PATH_SIZE], product[SYSFS_VALUE_SIZE];
	DIR *directory = opendir(devices);
	bool several = false;

	for (struct dirent *entry; directory && !several && (entry = readdir(directory));) {
		if (!text_starts_with(entry->d_name, "usb") ||
			!sysfs_read(devices, entry->d_name, "product", product) ||
			!strstr(product, "xHCI") ||
			!read_controller(devices, entry->d_name, controller))
			continue;
		if (!first[0])
			text_copy(first, sizeof(first), controller);
		several = !text_equal(first, controller);
	}
	if (directory)
		closedir(directory);
	return several;
}

bool trace_is_ambiguous(const struct trace *trace)
{
	return has_several_controllers(trace->options.devices);
}

/* -- lines -- */

static bool is_allowed(struct slot *slot)
{
	uint64_t now_us = clock_now().monotonic_us;

	if (now_us - slot->second_us >= USEC_PER_SEC) {
		slot->second_us = now_us;
		slot->errors = 0;
	}
	return slot->errors++ < TRACE_RATE;
}

/* A device that was there before the instance has no known place. */
static void handle_error(struct trace *trace, const struct xhci_trace *error)
{
	struct slot *slot = &trace->slots[error->slot];
	const char *devices = trace->options.devices;
	char port[PORT_SIZE];
	bool known;

	if (!is_allowed(slot))
		return;
	known = slot->place.port && !has_several_controllers(devices);
	if (find_device(devices, known ? &slot->place : NULL, error->endpoint, port))
		trace->options.error(trace->options.user, port);
}

static void handle_line(struct trace *trace)
{
	struct xhci_trace line = xhci_trace_read(trace->line);

	if (line.kind == XHCI_TRACE_ERROR)
		handle_error(trace, &line);
	else if (line.kind == XHCI_TRACE_DEVICE)
		trace->slots[line.slot].place = (struct place){line.port, line.level, line.speed};
	else if (line.kind == XHCI_TRACE_LOST)
		memset(trace->slots, 0, sizeof(trace->slots));
}

static void handle_bytes(struct trace *trace, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (trace->length == LINE_SIZE - 1)
			trace->too_long = true;
		else
			trace->line[trace->length++] = bytes[i];
		if (bytes[i] != '\n')
			continue;
		trace->line[trace->length] = '\0';
		if (!trace->too_long)
			handle_line(trace);
		trace->length = 0;
		trace->too_long = false;
	}
}

/* -- reading -- */

/* Returns 1 if there may be more, 0 if not, or a negative errno. */
static int read_turn(struct trace *trace)
{
	char bytes[READ_BYTES];

	for (size_t i = 0; i < READS_MAX; i++) {
		ssize_t n = read(trace->fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		/* The instance was switched off, or is only a file. */
		if (n == 0)
			return -ENODATA;
		handle_bytes(trace, bytes, (size_t)n);
	}
	return 1;
}

static void on_readable(void *user, unsigned ready)
{
	struct trace *trace = user;
	int r = read_turn(trace);

	if (r == 0)
		return;
	trace->io = loop_io_free(trace->io);
	if (r > 0)
		r = loop_timer_start(trace->turn, TURN_PAUSE_US);
	if (r < 0)
		trace->options.failed(trace->options.user, r);
}

static int watch(struct trace *trace)
{
	return loop_watch(trace->loop, trace->fd, LOOP_READ, on_readable, trace, &trace->io);
}

static void on_turn(void *user)
{
	struct trace *trace = user;
	int r = watch(trace);

	if (r < 0)
		trace->options.failed(trace->options.user, r);
}

int trace_new(struct loop *loop, const struct trace_options *options, struct trace **ret)
{
	CLEANUP(trace_freep) struct trace *trace = calloc(1, sizeof(*trace));
	int r;

	if (!trace)
		return -ENOMEM;
	trace->loop = loop;
	trace->options = *options;
	trace->fd = open(options->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace->fd < 0)
		return -errno;
	/* If the unit could not bind the pipe there, an empty file may be in its place. */
	r = read_turn(trace);
	if (r >= 0)
		r = loop_timer_new(loop, on_turn, trace, &trace->turn);
	if (r == 0)
		r = watch(trace);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(trace);
	return 0;
}

struct trace *trace_free(struct trace *trace)
{
	if (!trace)
		return NULL;
	loop_io_free(trace->io);
	loop_timer_free(trace->turn);
	closep(&trace->fd);
	free(trace);
	return NULL;
}
