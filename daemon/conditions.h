/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standing conditions: what holds at a port, or for a phone, until it is changed (the cable that is
 * plugged in there, a flex that is out). Held in memory, kept in the casebook. It applies them to
 * no session. */
#pragma once

#include "common/casebook/casebook.h"
#include "daemon/io/casebook_file.h"

#define CONDITIONS_PLACES_MAX 256

/* Where conditions hold: a port, or a phone by either of its keys. */
struct place {
	char port[PORT_SIZE]; /* empty = a phone */
	struct identity identity;
};

/* Reads a place as people write it. Returns 0, or -ENODEV for what is neither port, ECID nor UDID.
 */
int place_parse(const char *name, struct place *ret);

struct conditions;

/* Returns NULL when memory is out. */
struct conditions *conditions_new(void);
struct conditions *conditions_free(struct conditions *conditions);
DEFINE_FREEP(struct conditions, conditions_free)

/* Sets what holds at a place; the value "unknown" forgets it. Returns 1 where that is another value
 * than before, 0 where it is not, -E2BIG where there is no room for it, or -ENOMEM. */
int conditions_set(struct conditions *conditions, const struct place *place, const char *key,
	const char *value);
/* Forgets a phone. */
void conditions_forget(struct conditions *conditions, const struct identity *identity);
/* Takes over what a casebook keeps that was just opened; what was set before stays. Returns 0 or a
 * negative errno. */
int conditions_load(struct conditions *conditions, struct casebook *book);
/* Brings what was set since into the casebook. Returns 0 or a negative errno; what is not kept yet
 * is tried again next time. */
int conditions_keep(struct conditions *conditions, struct casebook_file *file, struct stamp now);

/* Called for each place; `conditions` live until it returns. */
typedef void conditions_visit(
	void *context, const struct place *place, const struct condition *conditions, size_t count);
/* Visits the places where something holds, in their order, or the one. */
void conditions_show(const struct conditions *conditions, const struct place *only,
	conditions_visit *visit, void *context);
/* What holds for a session of this phone at this port, key by key: first what is told of the phone.
 * Returns NULL at the end; `*position` begins with 0. */
const struct condition *conditions_next(const struct conditions *conditions, const char *port,
	const struct identity *identity, size_t *position);
/* The value of a key at a port; NULL where it is not known. */
const char *conditions_at_port(
	const struct conditions *conditions, const char *port, const char *key);
