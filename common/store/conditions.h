/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions of ports and phones, valid until changed (the cable that is plugged in, a disconnected
 * flex). A table in memory, loaded from the casebook. It applies them to no session. */
#pragma once

#include "common/store/casebook.h"

#define CONDITIONS_PLACES_MAX 256 /* with conditions; one more place ends those of the oldest */

#define CONDITION_UNKNOWN "unknown" /* the value that deletes a condition */

/* The place of conditions: a port, or a phone by either of its keys. */
struct place {
	char port[PORT_SIZE]; /* empty = a phone */
	struct identity identity;
};

/* Parses a place as written by people. Returns false, with *ret untouched, if it is neither port,
 * ECID nor UDID. */
bool place_parse(const char *name, struct place *ret);

/* Its name in the casebook: the ECID of a phone that has one. */
void place_name(const struct place *place, char name[static UDID_SIZE]);

struct conditions;

/* Returns NULL when out of memory. */
struct conditions *conditions_new(void);
struct conditions *conditions_free(struct conditions *conditions);
DEFINE_FREEP(struct conditions, conditions_free)

enum conditions_change {
	CONDITIONS_SAME = 0,
	CONDITIONS_CHANGED = 1,
	CONDITIONS_FULL = 2, /* no room at this place, or for more places until the casebook has
				stored those that ended: nothing was changed */
};

/* Sets a condition of a place; the value "unknown" deletes it. With more than CONDITIONS_PLACES_MAX
 * places, the conditions of the phone end that was changed longest ago (phones come and go), or of
 * the port, if there is no phone. `at_us` is the wall clock. Returns an enum conditions_change. */
int conditions_set(struct conditions *conditions, const struct place *place, const char *key,
	const char *value, uint64_t at_us);
/* The same for a condition that the casebook has already, set at `at_us` on another bench. */
int conditions_take(struct conditions *conditions, const struct place *place, const char *key,
	const char *value, uint64_t at_us);
/* Drops a purged phone from memory; the casebook has no condition of it left. */
void conditions_drop(struct conditions *conditions, const struct identity *identity);
/* Loads the conditions of a newly opened casebook; conditions set before remain. Returns 0 or a
 * negative errno. */
int conditions_load(struct conditions *conditions, struct casebook *book);
/* Writes a condition of the named place; `value` NULL deletes it, and `ended` says that it ended
 * for another place. Returns 0 or a negative errno. */
typedef int conditions_write(
	void *user, const char *place, const char *key, const char *value, bool ended);
/* Calls `write` for each condition set since the last call. Returns 0 or its negative errno;
 * unwritten conditions are retried at the next call. */
int conditions_store(struct conditions *conditions, conditions_write *write, void *user);

/* Called for each place; `conditions` live until it returns. */
typedef void conditions_visit(
	void *context, const struct place *place, const struct condition *conditions, size_t count);
/* Visits the places with conditions, in order, or only one (NULL = all). */
void conditions_show(const struct conditions *conditions, const struct place *only,
	conditions_visit *visit, void *context);
/* The conditions for a session of this phone at this port, key by key; those of the phone come
 * first. Returns NULL at the end; `*position` begins with 0. */
const struct condition *conditions_next(const struct conditions *conditions, const char *port,
	const struct identity *identity, size_t *position);
/* The value of a key at a port; NULL if unknown. */
const char *conditions_at_port(
	const struct conditions *conditions, const char *port, const char *key);
