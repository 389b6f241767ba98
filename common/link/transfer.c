/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors, silences and rates of a phone's transfers, whatever their contents. */
#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/link/private.h"

/* A hub reports a phone that leaves within a quarter of a second, and a busy kernel removes it
 * later still. Longer than LINK_STAYS_US, because a wrong error costs more than a late one. */
#define STAYS_US (1 * USEC_PER_SEC)
#define QUIET_US (10 * USEC_PER_SEC)
#define RATE_US (10 * USEC_PER_SEC)
#define RATE_BYTES_MIN 65536 /* messages alone have no rate */

_Static_assert(STAYS_US >= LINK_STAYS_US, "a phone must stay as long as the event says");

/* Whether the error of a transfer is one of the link (usb/error-codes.rst); -ETIMEDOUT comes from
 * virtual controllers alone. A request that the phone refuses (-EPIPE on endpoint 0) is answered.
 * Not of the link: a transfer that its program or the kernel cancelled (-ENOENT, -ECONNRESET), or
 * whose phone has left (-ESHUTDOWN, -ENODEV). */
static bool is_fault(uint8_t endpoint, int32_t status)
{
	static const int32_t faults[] = {-EPROTO, -EILSEQ, -ETIME, -ETIMEDOUT, -EOVERFLOW, -EPIPE};

	if (status == -EPIPE && (endpoint & ~USB_IN) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i] == status)
			return true;
	return false;
}

void fault_add(struct device *device, struct stamp at, enum event_kind kind, int32_t code,
	uint8_t endpoint)
{
	struct fault *place = NULL;

	/* Transfers of a phone that changes its mode end with it. */
	if (device->leaves)
		return;
	for (size_t i = FAULTS_MAX; i-- > 0;) {
		struct fault *fault = &device->faults[i];

		if (!fault->count) {
			place = fault;
		} else if (fault->kind == kind && fault->code == code &&
			   fault->endpoint == endpoint) {
			fault->count++;
			return;
		}
	}
	if (place)
		*place = (struct fault){
			.at = at, .kind = kind, .code = code, .endpoint = endpoint, .count = 1};
}

/* -- pending transfers -- */

void transfers_forget(struct device *device)
{
	memset(device->transfers, 0, sizeof(device->transfers));
}

static struct transfer *find_transfer(struct device *device, uint64_t id)
{
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (device->transfers[i].since_us && device->transfers[i].id == id)
			return &device->transfers[i];
	return NULL;
}

void transfers_submitted(struct device *device, struct stamp at, uint64_t id, uint8_t endpoint)
{
	struct transfer *place = find_transfer(device, id);

	for (size_t i = 0; !place && i < TRANSFERS_MAX; i++)
		if (!device->transfers[i].since_us)
			place = &device->transfers[i];
	if (!place) {
		place = &device->transfers[0];
		for (size_t i = 1; i < TRANSFERS_MAX; i++)
			if (device->transfers[i].since_us < place->since_us)
				place = &device->transfers[i];
	}
	*place = (struct transfer){.id = id, .since_us = at.monotonic_us, .endpoint = endpoint};
}

static void count_moved(struct device *device, struct stamp at, uint32_t bytes)
{
	uint64_t since = device->moved_us ? device->moved_us : device->moved_since_us;
	uint64_t silence = at.monotonic_us - since;

	/* A few messages before a long silence do not begin a measurement. */
	if (!since || (device->moved_bytes < RATE_BYTES_MIN && silence > RATE_US)) {
		device->moved_since_us = at.monotonic_us;
		device->moved_silence_us = 0;
	} else if (silence > device->moved_silence_us) {
		device->moved_silence_us = silence;
	}
	device->moved_us = at.monotonic_us;
	device->moved_bytes += bytes;
	device->moved_total += bytes;
}

void transfers_completed(struct device *device, struct stamp at, uint64_t id, uint8_t endpoint,
	int32_t status, uint32_t bytes)
{
	struct transfer *transfer = find_transfer(device, id);
	uint64_t since = transfer && status == 0 ? transfer->since_us : 0;

	/* The transfers of an endpoint complete in order: the end of an older one was lost. */
	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (device->transfers[i].endpoint == endpoint &&
			device->transfers[i].since_us < since)
			device->transfers[i].since_us = 0;
	if (transfer)
		transfer->since_us = 0;
	if (status == -EPROTO && endpoint & ~USB_IN)
		device->failures++;
	if (is_fault(endpoint, status))
		fault_add(device, at, EVENT_LINK_ERROR, status, endpoint);
	if (!bytes)
		return;
	count_moved(device, at, bytes);
	if (endpoint & USB_IN)
		device->lives_us = at.monotonic_us;
	else
		device->heard_us[TO_PHONE] = at.monotonic_us;
}

/* -- rates -- */

void rate_report(struct device *device, struct stamp at)
{
	struct event event = device_event(device, at, EVENT_LINK_RATE);
	uint64_t silence = device->moved_us ? at.monotonic_us - device->moved_us : 0;

	if (device->moved_bytes >= RATE_BYTES_MIN) {
		if (silence < device->moved_silence_us)
			silence = device->moved_silence_us;
		event.code = (int64_t)device->moved_bytes;
		event.number =
			(uint32_t)((at.monotonic_us - device->moved_since_us) / USEC_PER_MSEC);
		event.flag = (uint32_t)(silence / USEC_PER_MSEC);
		text_copy(event.name, sizeof(event.name), device->step);
		device_emit(device, &event);
		device->moved_bytes = 0;
	}
	device->moved_since_us = device->moved_bytes ? at.monotonic_us : 0;
	device->moved_us = 0;
	device->moved_silence_us = 0;
}

void device_set_step(struct device *device, struct stamp at, const char *step)
{
	if (text_equal(device->step, step))
		return;
	rate_report(device, at);
	text_copy(device->step, sizeof(device->step), step);
}

/* -- silences -- */

/* The current silence: whose turn it is, and since when. */
struct silence {
	enum link_quiet quiet;
	uint64_t since_us;
};

static void consider(struct silence *silence, enum link_quiet quiet, uint64_t since_us)
{
	if (since_us && (!silence->since_us || since_us < silence->since_us))
		*silence = (struct silence){quiet, since_us};
}

static const enum link_quiet quiet_of_turn[] = {
	[TURN_UNKNOWN] = LINK_QUIET_NOBODY,
	[TURN_PHONE] = LINK_QUIET_PHONES_TURN,
	[TURN_HOST] = LINK_QUIET_HOSTS_TURN,
};

static struct silence silence_of(const struct device *device)
{
	struct silence silence = {0};
	uint64_t since = device->turn_us;

	for (size_t i = 0; i < TRANSFERS_MAX; i++)
		if (!(device->transfers[i].endpoint & USB_IN))
			consider(&silence, LINK_QUIET_TAKES_NOTHING, device->transfers[i].since_us);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		consider(
			&silence, LINK_QUIET_TAKES_NOTHING, device->connections[i].closed_since_us);
	if (silence.since_us) {
		if (device->lives_us > silence.since_us)
			silence.quiet = LINK_QUIET_ONLY_SENDS;
		return silence;
	}
	for (size_t direction = 0; direction < DIRECTIONS; direction++)
		if (device->heard_us[direction] > since)
			since = device->heard_us[direction];
	if (device->turn == TURN_UNKNOWN && device->moved_total < RATE_BYTES_MIN)
		return silence;
	return (struct silence){quiet_of_turn[device->turn], since};
}

/* When the silence is reported next: at 10 s, 20 s, 40 s… */
static uint64_t quiet_due(const struct device *device, const struct silence *silence)
{
	uint64_t reported_us = 0;

	if (!silence->since_us)
		return 0;
	if (silence->since_us == device->quiet_since_us)
		reported_us = device->quiet_reported_s * USEC_PER_SEC;
	return silence->since_us + (reported_us ? 2 * reported_us : QUIET_US);
}

static void quiet_tick(struct device *device, struct stamp now)
{
	struct event event = device_event(device, now, EVENT_LINK_QUIET);
	struct silence silence = silence_of(device);
	uint64_t due = quiet_due(device, &silence);

	if (!due || now.monotonic_us < due)
		return;
	device->quiet_since_us = silence.since_us;
	device->quiet_reported_s = (now.monotonic_us - silence.since_us) / USEC_PER_SEC;
	event.number = (uint32_t)device->quiet_reported_s;
	event.flag = silence.quiet;
	text_copy(event.name, sizeof(event.name), link_quiet_who(silence.quiet));
	device_emit(device, &event);
}

/* -- what time shows -- */

/* An error that ends its transfer was on the wire too, but nobody corrected it. */
static void report_corrected(struct device *device, const struct fault *fault)
{
	struct event event = device_event(device, fault->at, EVENT_LINK_CORRECTED);
	uint32_t corrected;

	device->wire_errors += fault->count;
	corrected =
		device->wire_errors > device->failures ? device->wire_errors - device->failures : 0;
	if (corrected > LINK_CORRECTED_MAX)
		corrected = LINK_CORRECTED_MAX;
	if (corrected <= device->corrected)
		return;
	device->corrected = corrected;
	event.number = corrected;
	event.flag = LINK_CORRECTED_MAX;
	device_emit(device, &event);
}

static void report_error(struct device *device, const struct fault *fault)
{
	struct event event = device_event(device, fault->at, EVENT_LINK_ERROR);

	event.code = fault->code;
	event.number = fault->count;
	event.flag = fault->endpoint;
	text_copy(event.name, sizeof(event.name), link_endpoint_name(fault->endpoint));
	device_emit(device, &event);
}

static void report_fault(struct device *device, struct fault *place)
{
	struct fault fault = *place;

	*place = (struct fault){0};
	if (fault.kind == EVENT_LINK_CORRECTED)
		report_corrected(device, &fault);
	else
		report_error(device, &fault);
}

void transfers_tick(struct device *device, struct stamp now)
{
	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (device->faults[i].count &&
			now.monotonic_us >= device->faults[i].at.monotonic_us + STAYS_US)
			report_fault(device, &device->faults[i]);
	quiet_tick(device, now);
	if (device->moved_bytes >= RATE_BYTES_MIN &&
		now.monotonic_us >= device->moved_since_us + RATE_US)
		rate_report(device, now);
}

static void earliest(uint64_t *deadline, uint64_t at)
{
	if (at && (!*deadline || at < *deadline))
		*deadline = at;
}

uint64_t transfers_deadline(const struct device *device)
{
	struct silence silence = silence_of(device);
	uint64_t deadline = quiet_due(device, &silence);

	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (device->faults[i].count)
			earliest(&deadline, device->faults[i].at.monotonic_us + STAYS_US);
	if (device->moved_bytes >= RATE_BYTES_MIN)
		earliest(&deadline, device->moved_since_us + RATE_US);
	return deadline;
}
