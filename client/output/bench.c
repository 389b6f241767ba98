/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for eyes: what holds on the bench, and what was counted there. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "client/phrase.h"
#include "common/base/text.h"

#define KEY_COLUMN 2
#define VALUE_COLUMN 18
#define KEY_COLUMNS_MAX 40
#define NUMBER_COLUMNS 11

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

/* What a group is called. Ports of different computers are different ports. */
static void put_key(struct page *page, struct json_object *group)
{
	const char *key = field_text(group, "key"), *name = field_text(group, "name");
	const char *host = field_text(group, "host");

	if (!key) {
		page_paint(page, PAINT_DIM);
		page_put(page, "not given");
		page_paint(page, PAINT_NONE);
	}
	page_foreign(page, key ? key : "");
	if (name) {
		page_put(page, " (");
		page_foreign(page, name);
		page_put(page, ")");
	}
	if (host) {
		page_put(page, " of ");
		page_foreign(page, host);
	}
}

/* The columns that the longest key takes. */
static int key_columns(struct page *page, struct json_object *groups, const char *by)
{
	int most = page_columns(page, by);

	for (size_t i = 0; i < field_count(groups); i++) {
		struct json_object *group = field_item(groups, i);
		const char *name = field_text(group, "name"), *host = field_text(group, "host");
		int columns = page_columns(page, field_text_or(group, "key", "not told"));

		columns += name ? page_columns(page, name) + 3 : 0;
		columns += host ? page_columns(page, host) + 4 : 0;
		most = columns > most ? columns : most;
	}
	return most < KEY_COLUMNS_MAX ? most : KEY_COLUMNS_MAX;
}

static void put_numbers(struct page *page, struct json_object *group, int column)
{
	static const char *const keys[] = {"attempts", "failed", "succeeded", "phones"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char text[24];

		if (group)
			snprintf(
				text, sizeof(text), "%" PRId64, field_number_or(group, keys[i], 0));
		else
			text_copy(text, sizeof(text), keys[i]);
		page_tab(page, column + (int)((i + 1) * NUMBER_COLUMNS - strlen(text)));
		page_put(page, "%s", text);
	}
	page_line(page, 0);
}

void text_statistics(struct page *page, struct json_object *reply)
{
	struct json_object *groups = field_list(reply, "groups");
	const char *by = field_text_or(reply, "by", "?");
	int column = key_columns(page, groups, by);

	if (field_count(groups) == 0) {
		page_put(page, "No attempt of that time can be counted.");
		page_line(page, 0);
		return;
	}
	page_paint(page, PAINT_BOLD);
	page_foreign(page, by);
	put_numbers(page, NULL, column);
	page_paint(page, PAINT_NONE);
	for (size_t i = 0; i < field_count(groups); i++) {
		put_key(page, field_item(groups, i));
		put_numbers(page, field_item(groups, i), column);
	}
	if (field_true(reply, "cut")) {
		page_put(page, "Only the newest %" PRId64 " attempts are counted.",
			field_number_or(reply, "attempts", 0));
		page_line(page, 0);
	}
}
