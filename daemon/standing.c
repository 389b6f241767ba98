/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/standing.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/base/text.h"

#define FORGOTTEN "unknown"

/* What is told of one place. A forgotten condition stays until the casebook knows. */
struct standing_place {
	struct place place;
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	bool kept[ATTEMPT_CONDITIONS_MAX]; /* the casebook has it so */
	size_t count;
};

struct standing {
	struct standing_place *places[STANDING_PLACES_MAX]; /* phones first, then ports */
	size_t count;
	bool unkept; /* something is not in the casebook yet */
};

static bool is_port(const char *name)
{
	return isdigit((unsigned char)name[0]) && strchr(name, '-') &&
	       strspn(name, "0123456789-.") == strlen(name) && strlen(name) < PORT_SIZE;
}

int place_parse(const char *name, struct place *ret)
{
	struct place place = {0};

	if (udid_normalize(name, place.identity.udid) == 0)
		place.identity.ecid = udid_ecid(place.identity.udid);
	else if (is_port(name))
		text_copy(place.port, sizeof(place.port), name);
	else if (ecid_parse(name, &place.identity.ecid) < 0)
		return -ENODEV;
	*ret = place;
	return 0;
}

/* Its name in the casebook. A phone that has an ECID is known by that. */
static void name_place(const struct place *place, char name[static UDID_SIZE])
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

struct standing *standing_new(void)
{
	return calloc(1, sizeof(struct standing));
}

struct standing *standing_free(struct standing *standing)
{
	for (size_t i = 0; standing && i < standing->count; i++)
		free(standing->places[i]);
	free(standing);
	return NULL;
}

static struct standing_place *find_place(const struct standing *standing, const struct place *place)
{
	for (size_t i = 0; i < standing->count; i++)
		if (is_same(&standing->places[i]->place, place))
			return standing->places[i];
	return NULL;
}

/* Phones stand before ports, so that what is told of the phone itself comes first. */
static bool goes_before(const struct place *a, const struct place *b)
{
	char x[UDID_SIZE], y[UDID_SIZE];

	if (!a->port[0] != !b->port[0])
		return !a->port[0];
	name_place(a, x);
	name_place(b, y);
	return strverscmp(x, y) < 0;
}

static struct standing_place *add_place(struct standing *standing, const struct place *place)
{
	struct standing_place *added;
	size_t at = 0;

	if (standing->count == STANDING_PLACES_MAX)
		return NULL;
	added = calloc(1, sizeof(*added));
	if (!added)
		return NULL;
	added->place = *place;
	while (at < standing->count && goes_before(&standing->places[at]->place, place))
		at++;
	memmove(standing->places + at + 1, standing->places + at,
		(standing->count - at) * sizeof(added));
	standing->places[at] = added;
	standing->count++;
	return added;
}

static void remove_place(struct standing *standing, const struct standing_place *place)
{
	size_t at = 0;

	while (standing->places[at] != place)
		at++;
	free(standing->places[at]);
	standing->count--;
	memmove(standing->places + at, standing->places + at + 1,
		(standing->count - at) * sizeof(standing->places[0]));
}

static struct condition *find_condition(const struct standing_place *place, const char *key)
{
	for (size_t i = 0; i < place->count; i++)
		if (text_equal(place->conditions[i].key, key))
			return (struct condition *)&place->conditions[i];
	return NULL;
}

static bool holds(const struct condition *condition)
{
	return !text_equal(condition->value, FORGOTTEN);
}

/* Returns the condition, or NULL where there is no room. */
static struct condition *add_condition(struct standing_place *place, const char *key)
{
	struct condition *condition;

	if (place->count == ATTEMPT_CONDITIONS_MAX)
		return NULL;
	condition = &place->conditions[place->count++];
	*condition = (struct condition){.value = FORGOTTEN};
	text_copy(condition->key, sizeof(condition->key), key);
	return condition;
}

int standing_set(
	struct standing *standing, const struct place *place, const char *key, const char *value)
{
	struct standing_place *found = find_place(standing, place);
	struct condition *condition = found ? find_condition(found, key) : NULL;

	if (condition ? text_equal(condition->value, value) : text_equal(value, FORGOTTEN))
		return 0;
	if (!found)
		found = add_place(standing, place);
	if (found && !condition)
		condition = add_condition(found, key);
	if (!condition)
		return -E2BIG;
	text_copy(condition->value, sizeof(condition->value), value);
	found->kept[condition - found->conditions] = false;
	standing->unkept = true;
	return 1;
}

void standing_forget(struct standing *standing, const struct identity *identity)
{
	const struct place place = {.identity = *identity};
	struct standing_place *found = find_place(standing, &place);

	for (size_t i = 0; found && i < found->count; i++)
		standing_set(standing, &place, found->conditions[i].key, FORGOTTEN);
}

static bool load_one(void *context, const char *name, const struct condition *kept)
{
	struct standing *standing = context;
	struct standing_place *found;
	struct condition *condition;
	struct place place;

	if (place_parse(name, &place) < 0)
		return true;
	found = find_place(standing, &place);
	if (found && find_condition(found, kept->key))
		return true;
	if (!found)
		found = add_place(standing, &place);
	condition = found ? add_condition(found, kept->key) : NULL;
	if (!condition)
		return true;
	text_copy(condition->value, sizeof(condition->value), kept->value);
	found->kept[condition - found->conditions] = true;
	return true;
}

int standing_load(struct standing *standing, struct casebook *book)
{
	/* A new casebook may stand where one was lost: it gets all that is known. */
	for (size_t i = 0; i < standing->count; i++)
		memset(standing->places[i]->kept, 0, sizeof(standing->places[i]->kept));
	standing->unkept = true;
	return casebook_conditions(book, load_one, standing);
}

static void remove_condition(struct standing_place *place, size_t index)
{
	size_t after = --place->count - index;

	memmove(place->conditions + index, place->conditions + index + 1,
		after * sizeof(place->conditions[0]));
	memmove(place->kept + index, place->kept + index + 1, after * sizeof(place->kept[0]));
}

static int keep_place(struct casebook_file *file, struct stamp now, struct standing_place *place)
{
	char name[UDID_SIZE];
	int r = 0;

	name_place(&place->place, name);
	for (size_t i = place->count; r == 0 && i > 0; i--) {
		const struct condition *condition = &place->conditions[i - 1];
		bool held = holds(condition);

		if (place->kept[i - 1])
			continue;
		r = casebook_file_condition(
			file, now, name, condition->key, held ? condition->value : NULL);
		place->kept[i - 1] = r == 0;
		if (r == 0 && !held)
			remove_condition(place, i - 1);
	}
	return r;
}

int standing_keep(struct standing *standing, struct casebook_file *file, struct stamp now)
{
	for (size_t i = standing->count; standing->unkept && i > 0; i--) {
		struct standing_place *place = standing->places[i - 1];
		int r = keep_place(file, now, place);

		if (r < 0)
			return r;
		if (place->count == 0)
			remove_place(standing, place);
	}
	standing->unkept = false;
	return 0;
}

void standing_show(const struct standing *standing, const struct place *only, standing_visit *visit,
	void *context)
{
	for (size_t i = 0; i < standing->count; i++) {
		const struct standing_place *place = standing->places[i];
		struct condition conditions[ATTEMPT_CONDITIONS_MAX];
		size_t count = 0;

		if (only && !is_same(&place->place, only))
			continue;
		for (size_t j = 0; j < place->count; j++)
			if (holds(&place->conditions[j]))
				conditions[count++] = place->conditions[j];
		if (count > 0)
			visit(context, &place->place, conditions, count);
	}
}

const struct condition *standing_next(const struct standing *standing, const char *port,
	const struct identity *identity, size_t *position)
{
	for (; *position < standing->count * ATTEMPT_CONDITIONS_MAX; ++*position) {
		const struct standing_place *place =
			standing->places[*position / ATTEMPT_CONDITIONS_MAX];
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

const char *standing_at_port(const struct standing *standing, const char *port, const char *key)
{
	struct place place = {0};
	const struct standing_place *found;
	const struct condition *condition;

	text_copy(place.port, sizeof(place.port), port);
	found = port[0] ? find_place(standing, &place) : NULL;
	condition = found ? find_condition(found, key) : NULL;
	return condition && holds(condition) ? condition->value : NULL;
}
