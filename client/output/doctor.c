/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output: the findings of `doctor`, with coloured problems and the remedy below each. */
#include "client/output/output.h"

#include <inttypes.h>

#include "common/base/text.h"

#define TEXT_COLUMN 15

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

static void put_result(struct layout *layout, const char *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		if (!text_equal(results[i].result, result))
			continue;
		layout_paint(layout, results[i].paint);
		layout_put(layout, "%s", results[i].word);
		layout_paint(layout, PAINT_NONE);
	}
	layout_tab(layout, TEXT_COLUMN);
}

static void put_finding(struct layout *layout, struct json_object *finding)
{
	const char *advice = field_text(finding, "advice");

	put_result(layout, field_text_or(finding, "result", ""));
	layout_paint(layout, PAINT_BOLD);
	layout_foreign(layout, field_text_or(finding, "title", "?"));
	layout_put(layout, ": ");
	layout_paint(layout, PAINT_NONE);
	layout_foreign(layout, field_text_or(finding, "text", ""));
	if (advice) {
		layout_line(layout, TEXT_COLUMN);
		layout_put(layout, "%s ", layout_sign(layout, "→", "->"));
		layout_tab(layout, TEXT_COLUMN + 3);
		layout_foreign(layout, advice);
	}
	layout_line(layout, 0);
}

static void put_count(struct layout *layout, struct json_object *reply, const char *key,
	enum paint paint, const char *word)
{
	int64_t count = field_number_or(reply, key, 0);

	layout_paint(layout, count ? paint : PAINT_NONE);
	layout_put(layout, "%" PRId64 " %s%s, ", count, word, count == 1 ? "" : "s");
	layout_paint(layout, PAINT_NONE);
}

void text_doctor(struct layout *layout, struct json_object *reply)
{
	struct json_object *checks = field_list(reply, "checks");

	for (size_t i = 0; i < field_count(checks); i++)
		put_finding(layout, field_item(checks, i));
	layout_line(layout, 0);
	put_count(layout, reply, "problems", PAINT_BAD, "problem");
	put_count(layout, reply, "warnings", PAINT_WARNING, "warning");
	layout_put(layout, "%" PRId64 " not-checkable", field_number_or(reply, "notCheckable", 0));
	layout_line(layout, 0);
}
