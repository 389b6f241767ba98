/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output: the conditions and the counts of the bench. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "client/phrase.h"
#include "common/base/text.h"

#define KEY_COLUMN 2
#define VALUE_COLUMN 18
#define KEY_COLUMNS_MAX 40
#define NUMBER_COLUMNS 10

static const char *find_condition(struct json_object *conditions, const char *key)
{
	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), key))
			return field_text(field_item(conditions, i), "value");
	return NULL;
}

static void put_place(struct layout *layout, struct json_object *place)
{
	struct json_object *conditions = field_list(place, "conditions");
	const char *port = field_text(place, "port");
	const char *name = port ? find_condition(conditions, "portName") : NULL;

	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, port ? "Port " : "Phone ");
	layout_foreign(layout, port ? port : phrase_identifier(place));
	layout_paint(layout, PAINT_NONE);
	if (name) {
		layout_put(layout, " (");
		layout_foreign(layout, name);
		layout_put(layout, ")");
	}
	layout_line(layout, 0);
	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i);

		layout_tab(layout, KEY_COLUMN);
		layout_foreign(layout, field_text_or(condition, "key", "?"));
		layout_tab(layout, VALUE_COLUMN);
		layout_foreign(layout, field_text_or(condition, "value", "?"));
		layout_line(layout, 0);
	}
}

void text_conditions(struct layout *layout, struct json_object *reply)
{
	struct json_object *places = field_list(reply, "places");

	for (size_t i = 0; i < field_count(places); i++)
		put_place(layout, field_item(places, i));
	if (field_count(places) == 0) {
		layout_put(layout, "No conditions are set there. Set them with `idevicetriage "
				   "conditions PORT --cable LABEL` and similar options.");
		layout_line(layout, 0);
	}
}

/* The name of a group. Ports of different computers are different ports. */
static void put_key(struct layout *layout, struct json_object *group)
{
	const char *key = field_text(group, "key"), *name = field_text(group, "name");
	const char *host = field_text(group, "host");

	if (!key) {
		layout_paint(layout, PAINT_DIM);
		layout_put(layout, "not given");
		layout_paint(layout, PAINT_NONE);
	}
	layout_foreign(layout, key ? key : "");
	if (name) {
		layout_put(layout, " (");
		layout_foreign(layout, name);
		layout_put(layout, ")");
	}
	if (host) {
		layout_put(layout, " of ");
		layout_foreign(layout, host);
	}
}

static int key_columns(struct layout *layout, struct json_object *group)
{
	const char *name = field_text(group, "name"), *host = field_text(group, "host");
	int columns = layout_columns(layout, field_text_or(group, "key", "not given"));

	columns += name ? layout_columns(layout, name) + 3 : 0;
	return columns + (host ? layout_columns(layout, host) + 4 : 0);
}

/* The width of the longest key, as far as the numbers leave room for it. */
static int table_columns(
	struct layout *layout, struct json_object *groups, const char *by, bool link)
{
	int most = layout_columns(layout, by);
	int room = layout->width - (link ? 6 : 4) * NUMBER_COLUMNS;

	for (size_t i = 0; i < field_count(groups); i++) {
		int columns = key_columns(layout, field_item(groups, i));

		most = columns > most ? columns : most;
	}
	if (room > KEY_COLUMNS_MAX)
		room = KEY_COLUMNS_MAX;
	if (room < layout_columns(layout, by))
		room = layout_columns(layout, by);
	return most < room ? most : room;
}

/* How often transfers failed: on how much data, and in which time. */
static void put_link_rates(struct layout *layout, struct json_object *group, int column)
{
	static const struct {
		const char *title, *key;
		double unit;
	} rates[] = {
		{"errors/GB", "linkBytes", 1e9},
		{"errors/h", "linkMilliseconds", 3600e3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		double amount = group ? (double)field_number_or(group, rates[i].key, 0) : 0;
		char text[24] = "-";

		if (!group)
			text_copy(text, sizeof(text), rates[i].title);
		else if (amount > 0)
			snprintf(text, sizeof(text), "%.1f",
				(double)field_number_or(group, "linkErrors", 0) * rates[i].unit /
					amount);
		layout_tab(layout, column + (int)((i + 1) * NUMBER_COLUMNS - strlen(text)));
		layout_put(layout, "%s", text);
	}
}

static bool has_link_rates(struct json_object *groups)
{
	for (size_t i = 0; i < field_count(groups); i++)
		if (field_number_or(field_item(groups, i), "linkBytes", 0) > 0)
			return true;
	return false;
}

/* `link`: the bus was watched in at least one attempt. */
static void put_numbers(struct layout *layout, struct json_object *group, int column, bool link)
{
	static const char *const keys[] = {"attempts", "failed", "succeeded", "phones"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char text[24];

		if (group)
			snprintf(
				text, sizeof(text), "%" PRId64, field_number_or(group, keys[i], 0));
		else
			text_copy(text, sizeof(text), keys[i]);
		layout_tab(layout, column + (int)((i + 1) * NUMBER_COLUMNS - strlen(text)));
		layout_put(layout, "%s", text);
	}
	if (link)
		put_link_rates(layout, group, column + (int)ARRAY_SIZE(keys) * NUMBER_COLUMNS);
	layout_line(layout, 0);
}

void text_statistics(struct layout *layout, struct json_object *reply)
{
	struct json_object *groups = field_list(reply, "groups");
	const char *by = field_text_or(reply, "by", "?");
	bool link = has_link_rates(groups);
	int column = table_columns(layout, groups, by, link);

	if (field_count(groups) == 0) {
		layout_put(layout, "There are no attempts to count.");
		layout_line(layout, 0);
		return;
	}
	layout_paint(layout, PAINT_BOLD);
	layout_foreign(layout, by);
	put_numbers(layout, NULL, column, link);
	layout_paint(layout, PAINT_NONE);
	for (size_t i = 0; i < field_count(groups); i++) {
		put_key(layout, field_item(groups, i));
		if (key_columns(layout, field_item(groups, i)) > column)
			layout_line(layout, 0);
		put_numbers(layout, field_item(groups, i), column, link);
	}
	if (field_true(reply, "cut")) {
		layout_put(layout, "Only the newest %" PRId64 " attempts are counted.",
			field_number_or(reply, "attempts", 0));
		layout_line(layout, 0);
	}
}
