/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for eyes: what `doctor` found, worst things painted, with what to change below each. */
#include "client/output/output.h"

#include <inttypes.h>

#include "common/base/text.h"

#define TEXT_COLUMN 10

static const struct {
	const char *result;
	const char *word;
	enum paint paint;
} results[] = {
	{"ok", "ok", PAINT_GOOD},
	{"warning", "warning", PAINT_WARNING},
	{"problem", "PROBLEM", PAINT_BAD},
	{"not-checkable", "not-checkable", PAINT_DIM},
};

static void put_result(struct page *page, const char *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		if (!text_equal(results[i].result, result))
			continue;
		page_paint(page, results[i].paint);
		page_put(page, "%s", results[i].word);
		page_paint(page, PAINT_NONE);
	}
	page_tab(page, TEXT_COLUMN);
}

static void put_finding(struct page *page, struct json_object *finding)
{
	const char *advice = field_text(finding, "advice");

	put_result(page, field_text_or(finding, "result", ""));
	page_paint(page, PAINT_BOLD);
	page_foreign(page, field_text_or(finding, "title", "?"));
	page_put(page, ": ");
	page_paint(page, PAINT_NONE);
	page_foreign(page, field_text_or(finding, "text", ""));
	if (advice) {
		page_line(page, TEXT_COLUMN);
		page_put(page, "%s ", page_sign(page, "→", "->"));
		page_tab(page, TEXT_COLUMN + 3);
		page_foreign(page, advice);
	}
	page_line(page, 0);
}

static void put_count(struct page *page, struct json_object *reply, const char *key,
	enum paint paint, const char *words)
{
	int64_t count = field_number_or(reply, key, 0);

	page_paint(page, count ? paint : PAINT_NONE);
	page_put(page, "%" PRId64 " %s", count, words);
	page_paint(page, PAINT_NONE);
}

void text_doctor(struct page *page, struct json_object *reply)
{
	struct json_object *checks = field_list(reply, "checks");

	for (size_t i = 0; i < field_count(checks); i++)
		put_finding(page, field_item(checks, i));
	page_line(page, 0);
	put_count(page, reply, "problems", PAINT_BAD, "problems, ");
	put_count(page, reply, "warnings", PAINT_WARNING, "warnings, ");
	put_count(page, reply, "notCheckable", PAINT_NONE, "not-checkable");
	page_line(page, 0);
}
