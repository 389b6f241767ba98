/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output of a panic report: the phone's message, and the parts that workshops suspect. */
#include "client/output/output.h"
#include "client/phrase.h"

static void put_head(struct layout *layout, struct json_object *panic)
{
	const char *os = field_text(panic, "osVersion"), *date = field_text(panic, "date");

	layout_paint(layout, PAINT_BOLD);
	layout_foreign(layout, phrase_model(panic));
	layout_paint(layout, PAINT_NONE);
	if (os) {
		layout_put(layout, ", ");
		layout_foreign(layout, os);
	}
	if (date) {
		layout_put(layout, ", ");
		layout_foreign(layout, date);
	}
	layout_line(layout, 2);
	layout_paint(layout, PAINT_DIM);
	layout_foreign(layout, field_text_or(panic, "file", "?"));
	layout_line(layout, 2);
	layout_foreign(layout, field_text_or(panic, "reason", "It gives no reason."));
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

static void put_parts(struct layout *layout, struct json_object *finding)
{
	struct json_object *parts = field_list(finding, "parts");

	if (field_count(parts) == 0) {
		layout_put(layout, "not known on this model");
		return;
	}
	for (size_t i = 0; i < field_count(parts); i++) {
		layout_paint(layout, PAINT_BOLD);
		layout_put(layout, i ? " or " : "");
		layout_foreign(layout, json_item_text(parts, i));
		layout_paint(layout, PAINT_NONE);
	}
	layout_put(layout, " (%s", field_text_or(finding, "strength", "weak"));
	if (field_true(finding, "maybeSoftware"))
		layout_put(layout, ", or software");
	layout_put(layout, ")");
}

static void put_remarks(
	struct layout *layout, struct json_object *finding, const char *key, const char *word)
{
	struct json_object *texts = field_list(finding, key);

	for (size_t i = 0; i < field_count(texts); i++) {
		layout_line(layout, 6);
		layout_paint(layout, PAINT_DIM);
		layout_put(layout, "%s: ", word);
		layout_foreign(layout, json_item_text(texts, i));
		layout_paint(layout, PAINT_NONE);
	}
}

void text_panic(struct layout *layout, struct json_object *panic, bool verbose)
{
	struct json_object *findings = field_list(panic, "findings");

	put_head(layout, panic);
	if (field_count(findings) == 0) {
		layout_put(layout, "  It names no known part.");
		layout_line(layout, 0);
	}
	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);

		layout_line(layout, 2);
		layout_foreign(layout, field_text_or(finding, "shown", "?"));
		layout_put(layout, ": ");
		put_parts(layout, finding);
		if (field_text(finding, "means")) {
			layout_line(layout, 6);
			layout_foreign(layout, field_text(finding, "means"));
		}
		put_remarks(layout, finding, "disagreements", "Disputed");
		if (verbose)
			put_remarks(layout, finding, "sources", "Source");
		layout_line(layout, 0);
	}
}
