/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The casebook: a database of all sealed, entered or imported attempts with their records. This
 * reads it, in the daemon or without one; casebook_file writes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"
#include "common/diagnosis/other_phones.h"
#include "common/model/case.h"
#include "common/model/session.h"
#include "common/store/filter.h"

#define CASEBOOK_NAME "casebook.db" /* in the state directory */

#define CASEBOOK_CONDITIONS_MAX 8192
/* The maximum number of counted attempts: more would block the daemon too long. */
#define CASEBOOK_COUNTED_MAX 4000
#define CASEBOOK_GROUPS_MAX 500

#define ORIGIN_WATCHED "watched"   /* by this bench */
#define ORIGIN_TOLD "told"	   /* entered or imported here */
#define ORIGIN_IMPORTED "imported" /* another bench writes it */

struct casebook;

/* Opens the casebook at `path` for reading. Returns 0 or a negative errno: -ENOENT if there is
 * none, -EBADMSG if it is not a casebook or damaged, -EPROTONOSUPPORT for a later version, -EBUSY
 * if another program has locked it. The caller owns *ret: casebook_free(). */
int casebook_open(const char *path, struct casebook **ret);
struct casebook *casebook_free(struct casebook *book);
/* Frees the pages that SQLite keeps in memory, until they are needed again. */
void casebook_drop_pages(struct casebook *book);
DEFINE_FREEP(struct casebook, casebook_free)

/* A stored attempt. Everything is borrowed. */
struct kept_attempt {
	const struct attempt *attempt;
	const struct identity *identity;
	const char *origin;  /* watched, told or imported */
	uint64_t started_us; /* wall clock; the time of storing if its own is unknown */
};

/* Each is called once per item and returns false to end the visit. */
typedef bool casebook_visit_attempt(void *context, const struct kept_attempt *kept);
/* Whether the attempt of that session and phone is wanted: called before the attempt is read, which
 * takes longer. */
typedef bool casebook_want_attempt(
	void *context, const struct uuid *session, const struct identity *identity);
typedef bool casebook_visit_record(void *context, const struct event *event);
typedef bool casebook_visit_note(void *context, const struct note *note);
/* `place`: a port, or a phone's ECID or UDID; `at_us`: when the condition was set. */
typedef bool casebook_visit_condition(
	void *context, const char *place, const struct condition *condition, uint64_t at_us);

typedef bool casebook_visit_place(void *context, const struct identity *identity,
	const struct whereabouts *where, uint64_t started_us);

/* The property that attempts have in common. */
enum group_by {
	GROUP_PORT,
	GROUP_CABLE,
	GROUP_BENCH,
	GROUP_MODEL,
	GROUP_WEEK,
	GROUP_TOOL,
	GROUP_COUNT
};

/* Attempts that have something in common. Borrowed. */
struct group {
	const char *key;     /* NULL = unknown. Of a week: the date of its Monday, in local time */
	const char *host;    /* of a port, its newest name, where known; else NULL */
	const char *host_id; /* of a port or bench, likewise */
	uint64_t attempts;
	uint64_t failed;
	uint64_t succeeded;
	uint64_t phones; /* different ones */
	/* What the bus showed: failed transfers, bytes, and the time in which they moved; 0 bytes =
	 * it was not watched. */
	uint64_t link_errors, link_bytes, link_ms;
};
typedef bool casebook_visit_group(void *context, const struct group *group);

/* port, cable, bench, model, week or tool; GROUP_COUNT for any other word. */
enum group_by group_by_name(const char *name);

/* All below return 0 or a negative errno, -EBADMSG for a damaged file. Those that find one thing
 * return 1 if it exists and 0 if not. */

/* Finds a phone by its ECID or UDID as written by people. */
int casebook_find_identity(struct casebook *book, const char *name, struct identity *ret);
/* Adds to *identity the keys from attempts of the same phone, and the product that the newest of
 * them names. */
int casebook_complete_identity(struct casebook *book, struct identity *identity);
/* Attempts that may fit the filter, newest first, out of the newest `limit` of them: filter_fits()
 * decides. Attempts that cannot be read, or that `want` rejects, are skipped. */
int casebook_attempts(struct casebook *book, const struct filter *filter, size_t limit,
	casebook_want_attempt *want, casebook_visit_attempt *visit, void *context);
/* Finds the one attempt. */
int casebook_attempt(struct casebook *book, const struct uuid *session,
	casebook_visit_attempt *visit, void *context);
/* The stored records of a session with a sequence higher than `after`, oldest first. */
int casebook_records(struct casebook *book, const struct uuid *session, uint64_t after,
	casebook_visit_record *visit, void *context);
/* The notes on a phone, oldest first. */
int casebook_notes(struct casebook *book, const struct identity *identity,
	casebook_visit_note *visit, void *context);
/* The places where phones were restored since `since_us`, newest first. */
int casebook_places(
	struct casebook *book, uint64_t since_us, casebook_visit_place *visit, void *context);
/* The current conditions at the places of the bench, at most CASEBOOK_CONDITIONS_MAX. */
int casebook_conditions(struct casebook *book, casebook_visit_condition *visit, void *context);
/* Counts the newest attempts since `since_us`, at most CASEBOOK_COUNTED_MAX, group by group: those
 * with most failures first, weeks newest first, at most CASEBOOK_GROUPS_MAX. */
int casebook_count(struct casebook *book, enum group_by by, uint64_t since_us,
	casebook_visit_group *visit, void *context);
