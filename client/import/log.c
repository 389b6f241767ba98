/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs of restore tools: text that is split into attempts while it is read. */
#include "client/import/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/logs/logsplit.h"

#define READ_BYTES 65536
/* A file's last write may be this much before the time of its last line. */
#define LATE_US (60 * USEC_PER_SEC)
#define DAY_SECONDS 86400

struct reading {
	struct import *import;
	struct logsplit *split;
	uint64_t base_us; /* wall clock at LOGSPLIT_EPOCH_US; 0 = unknown so far */
	bool broken;	  /* the import cannot continue */
};

/* Reads "restore_001c2d6a3c8a802e_1732307100.log", idevicerestore's own names for logs: the phone,
 * and the second of the start (idevicerestore.c). Returns false for other names. */
static bool read_name(const char *name, struct identity *identity, uint64_t *ret_wall_us)
{
	char word[UDID_SIZE], end[8] = "";
	uint64_t seconds;

	if (sscanf(name, "restore_%47[0-9A-Fa-f-]_%" SCNu64 "%7s", word, &seconds, end) < 2) {
		if (sscanf(name, "restore_%" SCNu64 "%7s", &seconds, end) < 1)
			return false;
		word[0] = '\0';
	}
	if (!text_starts_with(end, ".log") || seconds < 1000000000 || seconds > 9999999999)
		return false;
	*ret_wall_us = seconds * USEC_PER_SEC;
	if (strlen(word) == 16)
		sscanf(word, "%16" SCNx64, &identity->ecid);
	else
		udid_normalize(word, identity->udid);
	return true;
}

/* The instant at which this computer's local time was that time on that day. */
static uint64_t local_time(struct tm day, uint64_t us)
{
	time_t seconds;

	day.tm_hour = (int)(us / (3600 * USEC_PER_SEC));
	day.tm_min = (int)(us / (60 * USEC_PER_SEC) % 60);
	day.tm_sec = (int)(us / USEC_PER_SEC % 60);
	day.tm_isdst = -1;
	seconds = mktime(&day);
	return seconds > 0 ? (uint64_t)seconds * USEC_PER_SEC + us % USEC_PER_SEC : 0;
}

/* The start of a log whose lines have a time of day without a date: the last such time before the
 * last write of the file. */
static uint64_t before(uint64_t written_us, uint64_t us)
{
	time_t written = (time_t)(written_us / USEC_PER_SEC);
	struct tm day;
	uint64_t begin;

	if (!localtime_r(&written, &day))
		return written_us;
	begin = local_time(day, us);
	if (begin > written_us + LATE_US) {
		written -= DAY_SECONDS;
		if (!localtime_r(&written, &day))
			return written_us;
		begin = local_time(day, us);
	}
	return begin;
}

/* The start of a log whose name has the second and whose first line the time of day: the line is
 * more precise, if its computer has the time zone of this one. */
static uint64_t in_name_and_line(uint64_t named_us, uint64_t us)
{
	uint64_t begin = before(named_us, us);

	return begin >= named_us && begin <= named_us + LATE_US ? begin : named_us;
}

static uint64_t find_base(const struct source_member *member, const struct toollog_time *time)
{
	struct identity identity;
	uint64_t named_us;

	if (time->known && time->year > 1970 && time->month >= 1 && time->month <= 12 &&
		time->day >= 1)
		return local_time((struct tm){.tm_year = time->year - 1900,
					  .tm_mon = time->month - 1,
					  .tm_mday = time->day},
			time->us);
	if (read_name(member->name, &identity, &named_us))
		return time->known ? in_name_and_line(named_us, time->us) : named_us;
	return time->known ? before(member->wall_us, time->us) : member->wall_us;
}

static uint64_t wall_time(const struct reading *reading, uint64_t monotonic_us)
{
	return reading->base_us + monotonic_us - LOGSPLIT_EPOCH_US;
}

static void take_record(void *user, const struct event *event)
{
	struct reading *reading = user;

	if (reading->import->spool)
		spool_add(reading->import->spool, event);
}

/* Creates a case with one attempt. NULL when out of memory. */
static struct triage_case *make_case(struct reading *reading, const struct logsplit_attempt *told)
{
	struct triage_case *c = triage_case_new();
	struct attempt *attempt = c ? triage_case_add(c) : NULL;
	struct identity identity = *told->identity;
	uint64_t named_us;

	if (!attempt)
		return triage_case_free(c);
	if (!identity.ecid && !identity.udid[0])
		read_name(reading->import->member->name, &identity, &named_us);
	c->identity = identity;
	*attempt = *told->attempt;
	/* For logs without times, the last digit keeps the order of their attempts. */
	attempt->started.wall_us =
		wall_time(reading, attempt->started.monotonic_us) + reading->import->attempt_count;
	attempt->ended.wall_us =
		wall_time(reading, attempt->ended.monotonic_us) + reading->import->attempt_count;
	return c;
}

static void refuse_unknown(struct import *import, struct toollog_stats stats)
{
	if (stats.later > 0)
		import_complain(import, EXIT_REFUSED,
			"it contains no line of a known restore tool. %" PRIu64 " of its %" PRIu64
			" lines begin in an unknown form: if a restore tool wrote them, that tool "
			"is newer than this program. Update idevicetriage.",
			stats.later, stats.lines);
	else
		import_complain(
			import, EXIT_REFUSED, "it contains no line of a known restore tool.");
}

static void take_attempt(void *user, const struct logsplit_attempt *told)
{
	struct reading *reading = user;
	struct import *import = reading->import;
	struct import_attempt attempt = {.content = told->lines_seen,
		.of_log = true,
		.mixed = told->mixed,
		.lines = told->lines};

	if (reading->broken)
		return;
	if (logsplit_stats(reading->split).understood == 0) {
		if (import->member->of_archive)
			import->member_count--; /* it was only an accompanying file */
		else
			refuse_unknown(import, logsplit_stats(reading->split));
		return;
	}
	if (!reading->base_us)
		reading->base_us = find_base(import->member, &told->first_time);
	if (reading->base_us > clock_now().wall_us)
		reading->base_us = clock_now().wall_us;
	attempt.c = make_case(reading, told);
	if (!attempt.c) {
		import->code = report_no_memory();
		reading->broken = true;
		return;
	}
	reading->broken = !import_deliver(import, &attempt);
	triage_case_free(attempt.c);
	if (import->spool)
		spool_clear(import->spool);
}

bool import_log(struct import *import, struct source *source, const char *head, size_t length)
{
	static const struct logsplit_taker taker = {take_record, take_attempt};
	static char bytes[READ_BYTES];
	struct reading reading = {.import = import};
	CLEANUP(logsplit_freep) struct logsplit *split = logsplit_new(&taker, &reading);
	long n;

	reading.split = split;
	if (import->spool)
		spool_clear(import->spool);
	if (!split) {
		import->code = report_no_memory();
		return false;
	}
	logsplit_feed(split, head, length);
	while (!reading.broken && (n = import_read(import, source, bytes, sizeof(bytes))) > 0)
		logsplit_feed(split, bytes, (size_t)n);
	if (!reading.broken && n < 0)
		/* The last attempt is incomplete: a complete file would give another one. */
		import_complain(import, EXIT_REFUSED, "%s%s", source_problem(source),
			import->collected ? "."
					  : "; everything before that is imported, except the "
					    "last attempt.");
	else if (!reading.broken)
		logsplit_finish(split);
	return !reading.broken;
}
