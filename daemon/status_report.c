/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/status_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"

/* Appends to a text of STATUS_LINE_SIZE; what does not fit is dropped. */
static PRINTF_LIKE(2, 3) void append(char *line, const char *format, ...)
{
	size_t used = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + used, STATUS_LINE_SIZE - used, format, args);
	va_end(args);
}

static void append_count(char *line, size_t count, const char *one, const char *many)
{
	append(line, "%zu %s", count, count == 1 ? one : many);
}

static void append_verdict(char *line, const struct latest_verdict *latest)
{
	append(line, "last verdict: %s", phase_title(latest->phase));
	if (latest->strength > STRENGTH_NONE)
		append(line, ", %s", strength_name(latest->strength));
	if (latest->title)
		append(line, ", %s", latest->title);
}

static size_t count_phones(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench_device_count(bench); i++)
		count += bench_device(bench, i)->mode != MODE_GONE;
	return count;
}

static size_t count_faults(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench_device_count(bench); i++)
		count += bench_mux_fault(bench, bench_device(bench, i)) != NULL;
	return count;
}

/* Counts the running restores, and those whose wait is past its budget. */
static size_t count_restores(const struct bench *bench, size_t *ret_late)
{
	size_t running = 0;

	*ret_late = 0;
	for (size_t i = 0; i < bench_session_count(bench); i++) {
		const struct session *session = bench_session(bench, i);

		running += session->running;
		*ret_late += session->running && session->overrun_told;
	}
	return running;
}

/* Debian's usbmuxd ends with the last phone: where it is missed, the phone has a fault of it. */
static bool is_lost(const struct source_state *source)
{
	return !source->up && !source->not_installed && !text_equal(source->name, "usbmuxd");
}

void status_line(const struct status_parts *parts, char line[static STATUS_LINE_SIZE])
{
	const struct bench *bench = parts->store->bench;
	const struct latest_verdict *latest = diagnoser_latest(parts->diagnoser);
	size_t late, running = count_restores(bench, &late), faults = count_faults(bench);

	line[0] = '\0';
	append_count(line, count_phones(bench), "phone, ", "phones, ");
	append_count(line, running, "restore running", "restores running");
	if (late)
		append(line, " (%zu past its time)", late);
	if (latest->known) {
		append(line, "; ");
		append_verdict(line, latest);
	}
	if (faults) {
		append(line, "; usbmuxd does not serve ");
		append_count(line, faults, "phone", "phones");
	}
	for (size_t i = 0; i < parts->sources->count; i++)
		if (is_lost(&parts->sources->states[i]))
			append(line, "; no source %s", parts->sources->states[i].name);
}

static void dump_phone(const struct bench *bench, const struct bench_device *device)
{
	const struct mux_fault *fault = bench_mux_fault(bench, device);
	const char *product = device->identity.product;

	log_info("state: phone %s on port %s: mode %s, %s, %s%s%s",
		*product ? product : "of an unknown model",
		*device->port ? device->port : "unknown", device_mode_name(device->mode),
		device->on_usb ? "on USB" : "not on USB",
		device->on_mux ? "listed by usbmuxd" : "not listed by usbmuxd",
		fault ? ", fault " : "", fault ? fault->id : "");
}

static void dump_restore(const struct bench *bench, const struct session *session, struct stamp now)
{
	const struct attempt *attempt = &session->attempt;
	uint64_t waited_us = 0, budget_us = 0;
	char id[UUID_TEXT_SIZE];

	uuid_format(&attempt->id, id);
	if (!bench_waiting(bench, session, now, &waited_us, &budget_us))
		waited_us = budget_us = 0;
	log_info("state: restore %s on port %s: stage %s, operation %s, waits %" PRIu64
		 " s of %" PRIu64 " s",
		id, *attempt->port ? attempt->port : "unknown", restore_stage_name(attempt->stage),
		*attempt->operation_name ? attempt->operation_name : "none",
		waited_us / USEC_PER_SEC, budget_us / USEC_PER_SEC);
}

static void dump_store(const struct store *store)
{
	struct ring_extent extent = ring_reader_extent(store->reader);

	log_info("state: ring: records %" PRIu64 " to %" PRIu64 "; casebook %s",
		extent.tail_sequence, extent.next_sequence - 1,
		store->book ? "in use" : "not usable");
}

void status_dump(const struct status_parts *parts, struct stamp now)
{
	const struct bench *bench = parts->store->bench;
	char line[STATUS_LINE_SIZE];

	status_line(parts, line);
	log_info("state: %s; running for %" PRIu64 " s", line,
		(now.monotonic_us - parts->started.monotonic_us) / USEC_PER_SEC);
	for (size_t i = 0; i < bench_device_count(bench); i++)
		if (bench_device(bench, i)->mode != MODE_GONE)
			dump_phone(bench, bench_device(bench, i));
	for (size_t i = 0; i < bench_session_count(bench); i++)
		if (bench_session(bench, i)->running)
			dump_restore(bench, bench_session(bench, i), now);
	for (size_t i = 0; i < parts->sources->count; i++) {
		const struct source_state *source = &parts->sources->states[i];

		log_info("state: source %s: %s%s%s", source->name, source->up ? "works" : "down",
			*source->detail ? ": " : "", source->detail);
	}
	dump_store(parts->store);
}
