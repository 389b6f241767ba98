/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/conditions.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define ROOM (2 * CONDITIONS_PLACES_MAX) /* with places that ended, until that is stored */

/* The conditions of one place. A removed condition stays until the casebook has stored the
 * removal. */
struct conditions_place {
	struct place place;
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	bool kept[ATTEMPT_CONDITIONS_MAX]; /* the casebook has the current value */
	size_t count;
	uint64_t changed_us; /* when the newest one was set, on whichever bench */
	bool ended;	     /* for another place; the casebook does not know yet */
};

struct conditions {
	struct conditions_place *places[ROOM]; /* phones first, then ports */
	size_t count;
	bool unkept; /* something is not yet in the casebook */
};

bool place_parse(const char *name, struct place *ret)
{
	struct place place = {0};

	if (udid_normalize(name, place.identity.udid) == 0)
		place.identity.ecid = udid_ecid(place.identity.udid);
	else if (usb_port_ok(name, strlen(name)))
		text_copy(place.port, sizeof(place.port), name);
	else if (ecid_parse(name, &place.identity.ecid) < 0)
		return false;
	*ret = place;
	return true;
}

void place_name(const struct place *place, char name[static UDID_SIZE])
{
	if (place->port[0])
		text_copy(name, UDID_SIZE, place->port);
	else if (place->identity.ecid)
		ecid_format(place->identity.ecid, name);
	else
		text_copy(name, UDID_SIZE, place->identity.udid);
}

static bool is_same(const struct place *a, const struct place *b)
{
	if (a->port[0] || b->port[0])
		return text_equal(a->port, b->port);
	return identity_matches(&a->identity, &b->identity);
}

struct conditions *conditions_new(void)
{
	return calloc(1, sizeof(struct conditions));
}

struct conditions *conditions_free(struct conditions *conditions)
{
	for (size_t i = 0; conditions && i < conditions->count; i++)
		free(conditions->places[i]);
	free(conditions);
	return NULL;
}

static struct conditions_place *find_place(
	const struct conditions *conditions, const struct place *place)
{
	for (size_t i = 0; i < conditions->count; i++)
		if (is_same(&conditions->places[i]->place, place))
			return conditions->places[i];
	return NULL;
}

/* Phones come before ports, so that conditions of the phone itself come first. */
static bool goes_before(const struct place *a, const struct place *b)
{
	char x[UDID_SIZE], y[UDID_SIZE];

	if (!a->port[0] != !b->port[0])
		return !a->port[0];
	place_name(a, x);
	place_name(b, y);
	return strverscmp(x, y) < 0;
}

static struct conditions_place *add_place(struct conditions *conditions, const struct place *place)
{
	struct conditions_place *added;
	size_t at = 0;

	if (conditions->count == ROOM)
		return NULL;
	added = calloc(1, sizeof(*added));
	if (!added)
		return NULL;
	added->place = *place;
	while (at < conditions->count && goes_before(&conditions->places[at]->place, place))
		at++;
	memmove(conditions->places + at + 1, conditions->places + at,
		(conditions->count - at) * sizeof(added));
	conditions->places[at] = added;
	conditions->count++;
	return added;
}

static void remove_place(struct conditions *conditions, const struct conditions_place *place)
{
	size_t at = 0;

	while (conditions->places[at] != place)
		at++;
	free(conditions->places[at]);
	conditions->count--;
	memmove(conditions->places + at, conditions->places + at + 1,
		(conditions->count - at) * sizeof(conditions->places[0]));
}

static struct condition *find_condition(const struct conditions_place *place, const char *key)
{
	for (size_t i = 0; i < place->count; i++)
		if (text_equal(place->conditions[i].key, key))
			return (struct condition *)&place->conditions[i];
	return NULL;
}

static bool holds(const struct condition *condition)
{
	return !text_equal(condition->value, CONDITION_UNKNOWN);
}

/* Returns the condition, or NULL if there is no room. */
static struct condition *add_condition(struct conditions_place *place, const char *key)
{
	struct condition *condition;

	if (place->count == ATTEMPT_CONDITIONS_MAX)
		return NULL;
	condition = &place->conditions[place->count++];
	*condition = (struct condition){.value = CONDITION_UNKNOWN};
	text_copy(condition->key, sizeof(condition->key), key);
	return condition;
}

static bool place_holds(const struct conditions_place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (holds(&place->conditions[i]))
			return true;
	return false;
}

static void note_time(struct conditions_place *place, uint64_t at_us)
{
	if (at_us > place->changed_us)
		place->changed_us = at_us;
}

static void change(struct conditions *conditions, struct conditions_place *place,
	struct condition *condition, const char *value)
{
	text_copy(condition->value, sizeof(condition->value), value);
	place->kept[condition - place->conditions] = false;
	place->ended = false;
	conditions->unkept = true;
}

static void forget_place(struct conditions *conditions, struct conditions_place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (holds(&place->conditions[i]))
			change(conditions, place, &place->conditions[i], CONDITION_UNKNOWN);
	place->ended = true;
}

/* Phones come and go; a port stays. */
static bool is_older(const struct conditions_place *a, const struct conditions_place *b)
{
	if (!a->place.port[0] != !b->place.port[0])
		return !a->place.port[0];
	return a->changed_us < b->changed_us;
}

/* Ends the conditions of the oldest place but `kept` if there are too many. The order in which they
 * came does not matter: benches that exchange them end the same ones. */
static void make_room(struct conditions *conditions, const struct conditions_place *kept)
{
	struct conditions_place *oldest = NULL;
	size_t count = 0;

	for (size_t i = 0; i < conditions->count; i++) {
		struct conditions_place *place = conditions->places[i];

		if (!place_holds(place))
			continue;
		count++;
		if (place != kept && (!oldest || is_older(place, oldest)))
			oldest = place;
	}
	if (count > CONDITIONS_PLACES_MAX)
		forget_place(conditions, oldest);
}

static int set(struct conditions *conditions, const struct place *place, const char *key,
	const char *value, uint64_t at_us, bool foreign)
{
	struct conditions_place *found = find_place(conditions, place);
	struct condition *condition = found ? find_condition(found, key) : NULL;

	if (found)
		note_time(found, at_us);
	if (condition ? text_equal(condition->value, value) : text_equal(value, CONDITION_UNKNOWN))
		return CONDITIONS_SAME;
	if (!found)
		found = add_place(conditions, place);
	if (found && !condition)
		condition = add_condition(found, key);
	if (!condition)
		return CONDITIONS_FULL;
	note_time(found, at_us);
	change(conditions, found, condition, value);
	make_room(conditions, foreign ? NULL : found);
	return CONDITIONS_CHANGED;
}

int conditions_set(struct conditions *conditions, const struct place *place, const char *key,
	const char *value, uint64_t at_us)
{
	return set(conditions, place, key, value, at_us, false);
}

static void remove_condition(struct conditions_place *place, size_t index)
{
	size_t after = --place->count - index;

	memmove(place->conditions + index, place->conditions + index + 1,
		after * sizeof(place->conditions[0]));
	memmove(place->kept + index, place->kept + index + 1, after * sizeof(place->kept[0]));
}

int conditions_take(struct conditions *conditions, const struct place *place, const char *key,
	const char *value, uint64_t at_us)
{
	int r = set(conditions, place, key, value, at_us, true);
	struct conditions_place *found;
	struct condition *condition;

	if (r != CONDITIONS_CHANGED)
		return r;
	found = find_place(conditions, place);
	if (found->ended)
		return r;
	condition = find_condition(found, key);
	found->kept[condition - found->conditions] = true;
	if (!holds(condition))
		remove_condition(found, (size_t)(condition - found->conditions));
	if (found->count == 0)
		remove_place(conditions, found);
	return r;
}

void conditions_drop(struct conditions *conditions, const struct identity *identity)
{
	const struct place place = {.identity = *identity};
	struct conditions_place *found = find_place(conditions, &place);

	if (found)
		remove_place(conditions, found);
}

static bool load_one(void *context, const char *name, const struct condition *kept, uint64_t at_us)
{
	struct conditions *conditions = context;
	struct conditions_place *found;
	struct condition *condition;
	struct place place;

	if (!place_parse(name, &place))
		return true;
	found = find_place(conditions, &place);
	if (found && find_condition(found, kept->key))
		return true;
	if (!found)
		found = add_place(conditions, &place);
	condition = found ? add_condition(found, kept->key) : NULL;
	if (!condition)
		return true;
	text_copy(condition->value, sizeof(condition->value), kept->value);
	found->kept[condition - found->conditions] = true;
	note_time(found, at_us);
	return true;
}

int conditions_load(struct conditions *conditions, struct casebook *book)
{
	/* A new casebook may have replaced a lost one: store all conditions in it. */
	for (size_t i = 0; i < conditions->count; i++)
		memset(conditions->places[i]->kept, 0, sizeof(conditions->places[i]->kept));
	conditions->unkept = true;
	return casebook_conditions(book, load_one, conditions);
}

static int store_place(struct conditions_place *place, conditions_write *write, void *user)
{
	char name[UDID_SIZE];
	int r = 0;

	place_name(&place->place, name);
	for (size_t i = place->count; r == 0 && i > 0; i--) {
		const struct condition *condition = &place->conditions[i - 1];
		bool held = holds(condition);

		if (place->kept[i - 1])
			continue;
		r = write(user, name, condition->key, held ? condition->value : NULL, place->ended);
		place->kept[i - 1] = r == 0;
		if (r == 0 && !held)
			remove_condition(place, i - 1);
	}
	return r;
}

int conditions_store(struct conditions *conditions, conditions_write *write, void *user)
{
	for (size_t i = conditions->count; conditions->unkept && i > 0; i--) {
		struct conditions_place *place = conditions->places[i - 1];
		int r = store_place(place, write, user);

		if (r < 0)
			return r;
		if (place->count == 0)
			remove_place(conditions, place);
	}
	conditions->unkept = false;
	return 0;
}

void conditions_show(const struct conditions *conditions, const struct place *only,
	conditions_visit *visit, void *context)
{
	for (size_t i = 0; i < conditions->count; i++) {
		const struct conditions_place *place = conditions->places[i];
		struct condition held[ATTEMPT_CONDITIONS_MAX];
		size_t count = 0;

		if (only && !is_same(&place->place, only))
			continue;
		for (size_t j = 0; j < place->count; j++)
			if (holds(&place->conditions[j]))
				held[count++] = place->conditions[j];
		if (count > 0)
			visit(context, &place->place, held, count);
	}
}

const struct condition *conditions_next(const struct conditions *conditions, const char *port,
	const struct identity *identity, size_t *position)
{
	for (; *position < conditions->count * ATTEMPT_CONDITIONS_MAX; ++*position) {
		const struct conditions_place *place =
			conditions->places[*position / ATTEMPT_CONDITIONS_MAX];
		size_t index = *position % ATTEMPT_CONDITIONS_MAX;

		if (index >= place->count || !holds(&place->conditions[index]))
			continue;
		if (place->place.port[0] ? text_equal(place->place.port, port)
					 : identity_matches(&place->place.identity, identity)) {
			++*position;
			return &place->conditions[index];
		}
	}
	return NULL;
}

const char *conditions_at_port(
	const struct conditions *conditions, const char *port, const char *key)
{
	struct place place = {0};
	const struct conditions_place *found;
	const struct condition *condition;

	text_copy(place.port, sizeof(place.port), port);
	found = port[0] ? find_place(conditions, &place) : NULL;
	condition = found ? find_condition(found, key) : NULL;
	return condition && holds(condition) ? condition->value : NULL;
}
