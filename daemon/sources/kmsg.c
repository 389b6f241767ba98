/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/link_log.h"
#include "daemon/sources/source.h"

#define RECORD_SIZE 8192 /* the kernel refuses a read with a buffer smaller than its record */
#define LINE_SIZE 1024	 /* of a line, with the NUL; longer lines are truncated */
#define FIELD_SIZE 64
#define RECORDS_A_TURN 64 /* per turn of the loop, so that it is not blocked */
#define FACILITY_SHIFT 3
#define REASON_SIZE 200
#define READING "reading, without usbmuxd's lines"

struct kmsg {
	event_sink *sink;
	void *user;
	find_usb_place *find_place;
	void *find_place_user;
	int fd;
	struct loop_io *io;
	uint64_t next_sequence; /* of the record after the last that was read; 0 = none was read */
};

static void tell_source(struct kmsg *kmsg, int code, const char *reason)
{
	source_report(SOURCE_KERNEL, "kmsg", code, reason, kmsg->sink, kmsg->user);
}

static void find_port(struct kmsg *kmsg, const char *device, struct link_finding *finding)
{
	struct usb_place place;

	if (finding->port[0])
		return;
	kernel_device_read(device, finding->port, &finding->bus, &finding->address);
	if (!finding->port[0] && finding->bus && kmsg->find_place &&
		kmsg->find_place(kmsg->find_place_user, finding->bus, finding->address, &place))
		text_copy(finding->port, sizeof(finding->port), place.port);
}

/* The time of a record: microseconds of the kernel's clock, which is CLOCK_MONOTONIC within a few
 * milliseconds. */
static struct stamp time_of(uint64_t record_us)
{
	struct stamp at = clock_now();

	if (record_us < at.monotonic_us) {
		at.wall_us -= at.monotonic_us - record_us;
		at.monotonic_us = record_us;
	}
	return at;
}

/* The kernel numbers its records in order; a missing one was overwritten before it was read. */
static void note_gap(struct kmsg *kmsg, uint64_t sequence)
{
	char reason[REASON_SIZE];

	if (kmsg->next_sequence && sequence > kmsg->next_sequence) {
		snprintf(reason, sizeof(reason), READING "; %" PRIu64 " lines were lost",
			sequence - kmsg->next_sequence);
		tell_source(kmsg, 0, reason);
	}
	kmsg->next_sequence = sequence + 1;
}

/* Reads "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];MESSAGE\n DEVICE=…\n" (the kernel's
 * Documentation/ABI/testing/dev-kmsg). `record` ends with NUL. */
static void read_record(struct kmsg *kmsg, const char *record)
{
	const char *message = strchr(record, ';');
	const char *device = strstr(record, "\n DEVICE=");
	char line[LINE_SIZE], device_text[FIELD_SIZE] = "";
	struct link_finding finding;
	struct event event = {.source = SOURCE_KERNEL};
	unsigned priority;
	uint64_t sequence, record_us;

	if (!message || sscanf(record, "%u,%" SCNu64 ",%" SCNu64 ",", &priority, &sequence,
				&record_us) != 3)
		return;
	note_gap(kmsg, sequence);
	/* Entries that programs write to /dev/kmsg have another facility than the kernel's 0. */
	if (priority >> FACILITY_SHIFT != 0)
		return;
	message++;
	text_clean(message, strcspn(message, "\n"), line, sizeof(line));
	if (!link_pattern_read(LINK_KERNEL, line, &finding))
		return;
	if (device) {
		device += strlen("\n DEVICE=");
		text_clean(device, strcspn(device, "\n"), device_text, sizeof(device_text));
	}
	find_port(kmsg, device_text, &finding);
	event.at = time_of(record_us);
	event.kind = finding.sign->kind;
	event.code = finding.code;
	text_copy(event.port, sizeof(event.port), finding.port);
	text_copy(event.name, sizeof(event.name), finding.sign->id);
	event_set_text(&event, line);
	kmsg->sink(kmsg->user, &event);
}

static void on_readable(void *user, unsigned ready)
{
	struct kmsg *kmsg = user;
	char record[RECORD_SIZE], reason[REASON_SIZE];
	ssize_t n = 0;

	for (size_t i = 0; i < RECORDS_A_TURN; i++) {
		n = read(kmsg->fd, record, sizeof(record) - 1);
		/* EPIPE: records were overwritten; the next read continues after the gap. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		read_record(kmsg, record);
	}
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EPIPE || errno == EINTR)))
		return;
	kmsg->io = loop_io_free(kmsg->io);
	snprintf(reason, sizeof(reason), "cannot be read further: %s",
		n == 0 ? "it ended" : strerror(errno));
	tell_source(kmsg, n == 0 ? -EPIPE : -errno, reason);
}

static int open_log(struct kmsg *kmsg, struct loop *loop, const char *path)
{
	kmsg->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg->fd < 0)
		return -errno;
	/* Start at the end; a file that cannot seek has no old records. */
	lseek(kmsg->fd, 0, SEEK_END);
	return loop_watch(loop, kmsg->fd, LOOP_READ, on_readable, kmsg, &kmsg->io);
}

int kmsg_new(struct loop *loop, const struct kmsg_options *options, event_sink *sink, void *user,
	struct kmsg **ret)
{
	CLEANUP(kmsg_freep) struct kmsg *kmsg = NULL;
	char reason[REASON_SIZE];
	int r;

	assert(loop && options && sink && ret);
	kmsg = calloc(1, sizeof(*kmsg));
	if (!kmsg)
		return -ENOMEM;
	kmsg->sink = sink;
	kmsg->user = user;
	kmsg->find_place = options->find_place;
	kmsg->find_place_user = options->find_place_user;
	r = open_log(kmsg, loop, options->path ? options->path : KMSG_PATH);
	if (r < 0) {
		snprintf(reason, sizeof(reason), "cannot be read: %s", strerror(-r));
		tell_source(kmsg, r, reason);
	} else {
		tell_source(kmsg, 0, READING);
	}
	*ret = TAKE_PTR(kmsg);
	return 0;
}

struct kmsg *kmsg_free(struct kmsg *kmsg)
{
	if (!kmsg)
		return NULL;
	loop_io_free(kmsg->io);
	closep(&kmsg->fd);
	free(kmsg);
	return NULL;
}
