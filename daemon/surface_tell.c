/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the API takes from people: conditions that stand. */
#include <errno.h>

#include "common/base/text.h"
#include "daemon/surface.h"

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
	standing_show(surface->standing, name ? &place : NULL, show_place, &places);
	return 0;
}

static int set_conditions(void *user, const char *name, const struct condition *given, size_t count)
{
	struct surface *surface = user;
	struct casebook_file *file = archive_file(surface->archive);
	struct place place;
	int r = place_parse(name, &place);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = standing_set(surface->standing, &place, given[i].key, given[i].value);
		if (r > 0)
			engine_tell_condition(surface->engine, clock_now(), &place, &given[i]);
	}
	/* They hold all the same while the casebook cannot keep them: that is tried again. */
	if (file)
		standing_keep(surface->standing, file, clock_now());
	return r < 0 ? r : 0;
}

void surface_add_tellers(struct api_backend *backend)
{
	backend->conditions = conditions;
	backend->set_conditions = set_conditions;
}
