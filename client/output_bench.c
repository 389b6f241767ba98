/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for eyes: what holds on the bench. */
#include "client/output.h"

#include "client/phrase.h"
#include "common/base/text.h"

#define KEY_COLUMN 2
#define VALUE_COLUMN 18

static const char *find_condition(struct json_object *conditions, const char *key)
{
	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), key))
			return field_text(field_item(conditions, i), "value");
	return NULL;
}

static void put_place(struct page *page, struct json_object *place)
{
	struct json_object *conditions = field_list(place, "conditions");
	const char *port = field_text(place, "port");
	const char *name = port ? find_condition(conditions, "portName") : NULL;

	page_paint(page, PAINT_BOLD);
	page_put(page, port ? "Port " : "Phone ");
	page_foreign(page, port ? port : phrase_identifier(place));
	page_paint(page, PAINT_NONE);
	if (name) {
		page_put(page, " (");
		page_foreign(page, name);
		page_put(page, ")");
	}
	page_line(page, 0);
	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i);

		page_tab(page, KEY_COLUMN);
		page_foreign(page, field_text_or(condition, "key", "?"));
		page_tab(page, VALUE_COLUMN);
		page_foreign(page, field_text_or(condition, "value", "?"));
		page_line(page, 0);
	}
}

void text_conditions(struct page *page, struct json_object *reply)
{
	struct json_object *places = field_list(reply, "places");

	for (size_t i = 0; i < field_count(places); i++)
		put_place(page, field_item(places, i));
	if (field_count(places) == 0) {
		page_put(page, "Nothing holds there. Tell it with `idevicetriage conditions "
			       "PORT --cable LABEL` and the like.");
		page_line(page, 0);
	}
}
