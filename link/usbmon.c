/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/usbmon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common/base/clock.h"

/* The kernel exports no header with these. */
struct usbmon_stats {
	uint32_t queued;
	uint32_t dropped; /* since the last call */
};

struct usbmon_fetch {
	uint32_t *offsets;
	uint32_t fetch;
	uint32_t flush;
};

#define IOC_MAGIC 0x92
#define IOC_STATS _IOR(IOC_MAGIC, 3, struct usbmon_stats)
#define IOC_SET_RING _IO(IOC_MAGIC, 4)
#define IOC_GET_RING _IO(IOC_MAGIC, 5)
#define IOC_FETCH _IOWR(IOC_MAGIC, 7, struct usbmon_fetch)
#define IOC_FLUSH _IO(IOC_MAGIC, 8)

#define HEADER_BYTES 64
#define TYPE_OFFSET 8
#define CAPTURED_OFFSET 36
#define TYPE_FILLER '@' /* pads the ring's end */

#define FETCH_MAX 512  /* records an ioctl */
#define FETCHES_MAX 64 /* ioctls a batch: more than the ring can have */

struct usbmon {
	struct usbmon_handler handler;
	struct loop *loop;
	uint32_t bus;
	int fd;
	const uint8_t *ring;
	size_t ring_bytes;
	struct loop_io *io; /* while the ring is empty */
	struct loop_timer *timer;
	uint64_t busy_until_us; /* transfers are fast: they fill the ring within milliseconds */
	uint32_t offsets[FETCH_MAX];
};

/* Returns the bytes that the record occupies in the ring, 0 if it cannot be read further. */
static size_t pass_record(struct usbmon *usbmon, uint32_t offset)
{
	const uint8_t *record = usbmon->ring + offset;
	uint32_t captured;

	if (usbmon->ring_bytes < HEADER_BYTES || offset > usbmon->ring_bytes - HEADER_BYTES)
		return 0;
	memcpy(&captured, record + CAPTURED_OFFSET, sizeof(captured));
	if (record[TYPE_OFFSET] == TYPE_FILLER)
		return HEADER_BYTES;
	if (captured > usbmon->ring_bytes - HEADER_BYTES - offset)
		return 0;
	usbmon->handler.record(usbmon->handler.user, record, HEADER_BYTES + captured);
	return HEADER_BYTES + captured;
}

/* Returns the number of records, 0 if there are none, or a negative errno. */
static int fetch(struct usbmon *usbmon, size_t *bytes)
{
	struct usbmon_fetch fetch = {.offsets = usbmon->offsets, .fetch = FETCH_MAX};

	if (ioctl(usbmon->fd, IOC_FETCH, &fetch) < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (uint32_t i = 0; i < fetch.fetch && i < FETCH_MAX; i++)
		*bytes += pass_record(usbmon, usbmon->offsets[i]);
	if (ioctl(usbmon->fd, IOC_FLUSH, fetch.fetch) < 0)
		return -errno;
	return (int)fetch.fetch;
}

/* Returns the bytes of the batch, or a negative errno. */
static ssize_t read_batch(struct usbmon *usbmon)
{
	struct usbmon_stats stats = {0};
	uint32_t records = 0;
	size_t bytes = 0;
	int r = 1;

	for (size_t i = 0; i < FETCHES_MAX && r > 0; i++) {
		r = fetch(usbmon, &bytes);
		if (r > 0)
			records += (uint32_t)r;
	}
	if (r < 0)
		return r;
	if (ioctl(usbmon->fd, IOC_STATS, &stats) < 0)
		return -errno;
	usbmon->handler.batch(usbmon->handler.user, usbmon->bus, records, stats.dropped);
	return (ssize_t)bytes;
}

/* How long to collect before the next batch. */
static uint64_t pause_us(const struct usbmon *usbmon)
{
	return clock_now().monotonic_us < usbmon->busy_until_us ? USBMON_BUSY_BATCH_US
								: USBMON_BATCH_US;
}

static void on_readable(void *user, unsigned ready)
{
	struct usbmon *usbmon = user;

	/* Collect for a moment, instead of waking for each transfer. */
	usbmon->io = loop_io_free(usbmon->io);
	loop_timer_start(usbmon->timer, pause_us(usbmon));
}

static void on_timer(void *user)
{
	struct usbmon *usbmon = user;
	ssize_t bytes = read_batch(usbmon);
	int r = bytes < 0 ? (int)bytes : 0;

	if (bytes > 0 && (size_t)bytes > usbmon->ring_bytes / 4)
		usbmon->busy_until_us = clock_now().monotonic_us + USBMON_BUSY_US;
	if (bytes > 0)
		r = loop_timer_start(usbmon->timer, pause_us(usbmon));
	else if (bytes == 0)
		r = loop_watch(
			usbmon->loop, usbmon->fd, LOOP_READ, on_readable, usbmon, &usbmon->io);
	if (r < 0)
		usbmon->handler.failed(usbmon->handler.user, usbmon->bus, r);
}

void usbmon_drain(struct usbmon *usbmon)
{
	/* A failure comes again at the next batch, which reports it. */
	read_batch(usbmon);
}

static int map_ring(struct usbmon *usbmon)
{
	int bytes;
	void *ring;

	/* A smaller ring works too. */
	ioctl(usbmon->fd, IOC_SET_RING, USBMON_RING_BYTES);
	bytes = ioctl(usbmon->fd, IOC_GET_RING);
	if (bytes < 0)
		return -errno;
	ring = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, usbmon->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	usbmon->ring = ring;
	usbmon->ring_bytes = (size_t)bytes;
	return 0;
}

int usbmon_new(
	struct loop *loop, uint32_t bus, const struct usbmon_handler *handler, struct usbmon **ret)
{
	CLEANUP(usbmon_freep) struct usbmon *usbmon = calloc(1, sizeof(*usbmon));
	char path[32];
	int r;

	if (!usbmon)
		return -ENOMEM;
	usbmon->handler = *handler;
	usbmon->loop = loop;
	usbmon->bus = bus;
	snprintf(path, sizeof(path), "/dev/usbmon%u", (unsigned)bus);
	usbmon->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (usbmon->fd < 0)
		return -errno;
	r = map_ring(usbmon);
	if (r == 0)
		r = loop_timer_new(loop, on_timer, usbmon, &usbmon->timer);
	if (r == 0)
		r = loop_timer_start(usbmon->timer, 0);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(usbmon);
	return 0;
}

struct usbmon *usbmon_free(struct usbmon *usbmon)
{
	if (!usbmon)
		return NULL;
	loop_io_free(usbmon->io);
	loop_timer_free(usbmon->timer);
	if (usbmon->ring)
		munmap((void *)usbmon->ring, usbmon->ring_bytes);
	closep(&usbmon->fd);
	free(usbmon);
	return NULL;
}
