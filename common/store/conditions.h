/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions of the bench: what holds at a port, or for a phone, until it is changed (the cable
 * that is plugged in there, a flex that is out). A table in memory, loaded from the casebook. It
 * applies them to no session. */
#pragma once

#include "common/store/casebook.h"

#define CONDITIONS_PLACES_MAX 256

/* Where conditions hold: a port, or a phone by either of its keys. */
struct place {
	char port[PORT_SIZE]; /* empty = a phone */
	struct identity identity;
};

/* Reads a place as people write it. Returns false, with *ret untouched, for what is neither port,
 * ECID nor UDID. */
bool place_parse(const char *name, struct place *ret);

struct conditions;

/* Returns NULL when out of memory. */
struct conditions *conditions_new(void);
struct conditions *conditions_free(struct conditions *conditions);
DEFINE_FREEP(struct conditions, conditions_free)

enum conditions_change {
	CONDITIONS_SAME = 0,
	CONDITIONS_CHANGED = 1,
	CONDITIONS_FULL = 2, /* no room: nothing was changed */
};

/* Sets what holds at a place; the value "unknown" removes it. Returns an enum conditions_change, or
 * -ENOMEM. */
int conditions_set(struct conditions *conditions, const struct place *place, const char *key,
	const char *value);
/* Forgets a phone. */
void conditions_forget(struct conditions *conditions, const struct identity *identity);
/* Loads what a casebook holds that was just opened; what was set before stays. Returns 0 or a
 * negative errno. */
int conditions_load(struct conditions *conditions, struct casebook *book);
/* Writes what holds at the named place; `value` NULL: it is not known any more. Returns 0 or a
 * negative errno. */
typedef int conditions_write(void *user, const char *place, const char *key, const char *value);
/* Hands what was set since to `write`. Returns 0 or its negative errno; what is not written yet is
 * tried again next time. */
int conditions_store(struct conditions *conditions, conditions_write *write, void *user);

/* Called for each place; `conditions` live until it returns. */
typedef void conditions_visit(
	void *context, const struct place *place, const struct condition *conditions, size_t count);
/* Visits the places where something holds, in their order, or only one (NULL = all). */
void conditions_show(const struct conditions *conditions, const struct place *only,
	conditions_visit *visit, void *context);
/* What holds for a session of this phone at this port, key by key: first what is said of the phone.
 * Returns NULL at the end; `*position` begins with 0. */
const struct condition *conditions_next(const struct conditions *conditions, const char *port,
	const struct identity *identity, size_t *position);
/* The value of a key at a port; NULL where it is not known. */
const char *conditions_at_port(
	const struct conditions *conditions, const char *port, const char *key);
