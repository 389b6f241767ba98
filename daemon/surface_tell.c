/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the API takes from people: conditions that stand, notes; and what was counted. */
#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/triage/model.h"
#include "daemon/surface.h"

#define NOTES_MAX 1000 /* of one phone */

/* A visit of places on behalf of the API. */
struct place_visit {
	api_visit_place *visit;
	void *context;
};

static void show_place(
	void *context, const struct place *place, const struct condition *conditions, size_t count)
{
	const struct place_visit *visit = context;
	const struct api_place shown = {
		.port = place->port[0] ? place->port : NULL,
		.identity = &place->identity,
		.conditions = conditions,
		.count = count,
	};

	visit->visit(visit->context, &shown);
}

static int conditions(void *user, const char *name, api_visit_place *visit, void *context)
{
	struct surface *surface = user;
	struct place_visit places = {visit, context};
	struct place place;

	if (name && place_parse(name, &place) < 0)
		return -ENODEV;
	conditions_show(surface->conditions, name ? &place : NULL, show_place, &places);
	return 0;
}

static int set_conditions(void *user, const char *name, const struct condition *given, size_t count)
{
	struct surface *surface = user;
	struct casebook_file *file = sealer_casebook(surface->sealer);
	struct place place;
	int r = place_parse(name, &place);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = conditions_set(surface->conditions, &place, given[i].key, given[i].value);
		if (r > 0)
			recorder_set_condition(surface->recorder, clock_now(), &place, &given[i]);
	}
	/* They hold all the same while the casebook cannot keep them: that is tried again. */
	if (file)
		conditions_keep(surface->conditions, file, clock_now());
	return r < 0 ? r : 0;
}

/* A phone by name, be it one that nobody has seen yet. */
static int find_phone(struct surface *surface, const char *name, struct identity *ret)
{
	struct place place = {0};

	if (!history_find_identity(surface->history, name, ret)) {
		if (place_parse(name, &place) < 0)
			return -ENODEV;
		*ret = place.identity;
	}
	return ret->ecid || ret->udid[0] ? 0 : -ENODEV;
}

static bool count_note(void *context, const struct event *note)
{
	size_t *count = context;

	return ++*count < NOTES_MAX;
}

/* The phone's restore that runs, and whoever watches, hear of it. */
static void tell_note(struct surface *surface, const struct identity *identity, struct stamp now,
	const char *kind, const char *text)
{
	struct event event = {
		.at = now, .kind = EVENT_NOTE, .source = SOURCE_PERSON, .ecid = identity->ecid};

	text_copy(event.udid, sizeof(event.udid), identity->udid);
	text_copy(event.product, sizeof(event.product), identity->product);
	text_copy(event.name, sizeof(event.name), kind);
	event_set_text(&event, text);
	recorder_feed(surface->recorder, &event);
}

static int add_note(void *user, const char *device, const char *kind, const char *text)
{
	struct surface *surface = user;
	struct casebook_file *file = sealer_casebook(surface->sealer);
	struct identity identity = {0};
	struct stamp now = clock_now();
	char clean[EVENT_TEXT_MAX];
	size_t count = 0;
	int r;

	if (!file)
		return -ENOLINK;
	r = find_phone(surface, device, &identity);
	if (r == 0)
		r = casebook_notes(surface->history->book, &identity, count_note, &count);
	if (r < 0 || count >= NOTES_MAX)
		return r < 0 ? r : -E2BIG;
	text_clean(text, strlen(text), clean, sizeof(clean));
	r = casebook_file_note(file, now, &identity, kind, clean);
	if (r < 0)
		return r;
	casebook_file_sync(file);
	tell_note(surface, &identity, now, kind, clean);
	return 0;
}

/* A visit of groups on behalf of the API. */
struct group_visit {
	const struct surface *surface;
	enum group_by by;
	api_visit_group *visit;
	void *context;
};

/* What people call it. */
static const char *name_group(const struct group_visit *visit, const struct group *group)
{
	const struct model *model;

	if (visit->by == GROUP_PORT && group->key && group->host &&
		text_equal(group->host, visit->surface->bench_name))
		return conditions_at_port(visit->surface->conditions, group->key, "portName");
	if (visit->by != GROUP_MODEL || !group->key)
		return NULL;
	model = model_by_product(group->key);
	return model ? model->name : NULL;
}

static bool visit_group(void *context, const struct group *group)
{
	const struct group_visit *visit = context;
	const struct group_record record = {
		.key = group->key,
		.name = name_group(visit, group),
		.host = group->host,
		.attempts = group->attempts,
		.failed = group->failed,
		.succeeded = group->succeeded,
		.phones = group->phones,
	};

	return visit->visit(visit->context, &record);
}

static int statistics(void *user, const char *by, uint64_t since_us, api_visit_group *visit,
	void *context, uint64_t *ret_most)
{
	struct surface *surface = user;
	struct group_visit groups = {surface, group_by_name(by), visit, context};

	if (groups.by == GROUP_COUNT)
		return -EDOM;
	if (!surface->history->book)
		return -ENOLINK;
	*ret_most = CASEBOOK_COUNTED_MAX;
	return casebook_count(surface->history->book, groups.by, since_us, visit_group, &groups);
}

void surface_add_tellers(struct api_backend *backend)
{
	backend->conditions = conditions;
	backend->set_conditions = set_conditions;
	backend->add_note = add_note;
	backend->statistics = statistics;
}
