/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A panic report as text: what the phone said, and which part workshops suspect. */
#include "client/output/output.h"
#include "client/phrase.h"

static void put_head(struct page *page, struct json_object *panic)
{
	const char *os = field_text(panic, "osVersion"), *date = field_text(panic, "date");

	page_paint(page, PAINT_BOLD);
	page_foreign(page, phrase_model(panic));
	page_paint(page, PAINT_NONE);
	if (os) {
		page_put(page, ", ");
		page_foreign(page, os);
	}
	if (date) {
		page_put(page, ", ");
		page_foreign(page, date);
	}
	page_line(page, 2);
	page_paint(page, PAINT_DIM);
	page_foreign(page, field_text_or(panic, "file", "?"));
	page_line(page, 2);
	page_foreign(page, field_text_or(panic, "reason", "It gives no reason."));
	page_paint(page, PAINT_NONE);
	page_line(page, 0);
}

static void put_parts(struct page *page, struct json_object *finding)
{
	struct json_object *parts = field_list(finding, "parts");

	if (field_count(parts) == 0) {
		page_put(page, "not known on this model");
		return;
	}
	for (size_t i = 0; i < field_count(parts); i++) {
		page_paint(page, PAINT_BOLD);
		page_put(page, i ? " or " : "");
		page_foreign(page, json_item_text(parts, i));
		page_paint(page, PAINT_NONE);
	}
	page_put(page, " (%s", field_text_or(finding, "strength", "weak"));
	if (field_true(finding, "maybeSoftware"))
		page_put(page, ", or software");
	page_put(page, ")");
}

static void put_remarks(
	struct page *page, struct json_object *finding, const char *key, const char *word)
{
	struct json_object *texts = field_list(finding, key);

	for (size_t i = 0; i < field_count(texts); i++) {
		page_line(page, 6);
		page_paint(page, PAINT_DIM);
		page_put(page, "%s: ", word);
		page_foreign(page, json_item_text(texts, i));
		page_paint(page, PAINT_NONE);
	}
}

void text_panic(struct page *page, struct json_object *panic, bool verbose)
{
	struct json_object *findings = field_list(panic, "findings");

	put_head(page, panic);
	if (field_count(findings) == 0) {
		page_put(page, "  It names no part that is known.");
		page_line(page, 0);
	}
	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);

		page_line(page, 2);
		page_foreign(page, field_text_or(finding, "shown", "?"));
		page_put(page, ": ");
		put_parts(page, finding);
		if (field_text(finding, "means")) {
			page_line(page, 6);
			page_foreign(page, field_text(finding, "means"));
		}
		put_remarks(page, finding, "disagreements", "Disputed");
		if (verbose)
			put_remarks(page, finding, "sources", "Source");
		page_line(page, 0);
	}
}
