/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a word means as text: each meaning with its suspects, checks and sources, and once at the
 * end what it does not tell. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/text.h"

#define LABEL_COLUMN 13
#define PHASE_COLUMN 25
#define RISK_OPENS 5 /* as in experiments.txt */
#define RISK_ERASES 9

static void label(struct page *page, const char *text)
{
	page_line(page, 2);
	page_paint(page, PAINT_DIM);
	page_put(page, "%s", text);
	page_paint(page, PAINT_NONE);
	page_tab(page, LABEL_COLUMN);
}

static void put_labelled(struct page *page, const char *name, const char *text)
{
	if (!text)
		return;
	label(page, name);
	page_put(page, "%s", text);
}

/* One text a line. */
static void put_list(struct page *page, const char *name, struct json_object *texts)
{
	for (size_t i = 0; i < field_count(texts); i++) {
		if (i == 0)
			label(page, name);
		else
			page_line(page, LABEL_COLUMN);
		page_put(page, "%s", json_item_text(texts, i));
	}
}

/* The suspects of one phase in a line. */
static bool put_phase(struct page *page, struct json_object *suspects, const char *phase,
	const char *title, bool first)
{
	bool any = false;

	for (size_t i = 0; i < field_count(suspects); i++) {
		struct json_object *suspect = field_item(suspects, i);

		if (!text_equal(field_text_or(suspect, "phase", ""), phase))
			continue;
		if (!any && first)
			label(page, "Suspects");
		else if (!any)
			page_line(page, LABEL_COLUMN);
		if (!any) {
			page_put(page, "%s:", title);
			page_tab(page, PHASE_COLUMN);
		}
		page_put(page, "%s%s", any ? "; " : "", field_text_or(suspect, "title", "?"));
		any = true;
	}
	return any;
}

static void put_suspects(struct page *page, struct json_object *suspects)
{
	static const struct {
		const char *phase, *title;
	} phases[] = {
		{"phase1-connection", "connection"},
		{"phase1-software", "software"},
		{"phase2-hardware", "hardware"},
	};
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (put_phase(page, suspects, phases[i].phase, phases[i].title, first))
			first = false;
}

static void put_experiments(struct page *page, struct json_object *experiments)
{
	for (size_t i = 0; i < field_count(experiments); i++) {
		struct json_object *experiment = field_item(experiments, i);
		int64_t risk = field_number_or(experiment, "risk", 0);

		if (i == 0)
			label(page, "Try");
		else
			page_line(page, LABEL_COLUMN);
		page_put(page, "%s (%" PRId64 " min", field_text_or(experiment, "title", "?"),
			field_number_or(experiment, "minutes", 0));
		if (risk >= RISK_ERASES)
			page_put(page, ", erases the data");
		else if (risk >= RISK_OPENS)
			page_put(page, ", opens the phone");
		page_put(page, ")");
	}
}

static void put_names(struct page *page, struct json_object *names)
{
	for (size_t i = 0; i < field_count(names); i++)
		page_put(page, "%s%s",
			i == 0	 ? ": "
			: i == 1 ? ", also "
				 : ", ",
			json_item_text(names, i));
}

static void put_meaning(struct page *page, struct json_object *meaning)
{
	page_paint(page, PAINT_BOLD);
	page_put(page, "%s", field_text_or(meaning, "title", "?"));
	page_paint(page, PAINT_NONE);
	put_names(page, field_list(meaning, "names"));
	page_line(page, 2);
	page_put(page, "%s", field_text_or(meaning, "means", "?"));
	put_labelled(page, "Told by", field_text(meaning, "toldBy"));
	put_labelled(page, "When", field_text(meaning, "stage"));
	put_labelled(page, "Exercises", field_text(meaning, "exercises"));
	put_suspects(page, field_list(meaning, "suspects"));
	put_list(page, "Check", field_list(meaning, "checks"));
	put_experiments(page, field_list(meaning, "experiments"));
	put_labelled(page, "Note", field_text(meaning, "note"));
	put_list(page, "Sources", field_list(meaning, "sources"));
	page_line(page, 0);
}

static void put_model(struct page *page, struct json_object *model)
{
	page_paint(page, PAINT_BOLD);
	page_put(page, "%s", field_text_or(model, "name", "?"));
	page_paint(page, PAINT_NONE);
	page_put(page, " (%s, board %s)", field_text_or(model, "product", "?"),
		field_text_or(model, "board", "?"));
	put_labelled(page, "Connector", field_text(model, "connector"));
	put_labelled(page, "Face ID", field_true(model, "faceId") ? "yes" : "no");
	if (field_true(model, "layeredBoard"))
		put_labelled(page, "Board", "two soldered layers: joints may break in a drop.");
	if (field_true(model, "frontSensorFlexOnI2c"))
		put_labelled(page, "Earpiece",
			"its flex shares an I2C line with parts that a restore talks to, so that a "
			"shorted flex can fail the restore (our inference from repair reports).");
	page_line(page, 0);
}

/* What the meanings do not tell, each sentence once. */
static void put_cautions(struct page *page, struct json_object *meanings)
{
	const char *last = NULL;

	for (size_t i = 0; i < field_count(meanings); i++) {
		struct json_object *meaning = field_item(meanings, i);
		const char *caution = field_text_or(meaning, "caution", "");

		if (field_count(field_list(meaning, "suspects")) == 0 ||
			(last && text_equal(caution, last)))
			continue;
		if (!last)
			page_line(page, 0);
		page_put(page, "%s", caution);
		page_line(page, 0);
		last = caution;
	}
}

void text_explanation(struct page *page, struct json_object *explanation, bool another)
{
	struct json_object *meanings = field_list(explanation, "meanings");
	struct json_object *models = field_list(explanation, "models");
	size_t count = field_count(meanings) + field_count(models);

	if (count == 0)
		return;
	if (another)
		page_line(page, 0);
	if (count > 1) {
		page_foreign(page, field_text_or(explanation, "query", "It"));
		page_put(page, " has %zu meanings; which one depends on where it was read.", count);
		page_line(page, 0);
	}
	for (size_t i = 0; i < field_count(meanings); i++) {
		if (count > 1)
			page_line(page, 0);
		put_meaning(page, field_item(meanings, i));
	}
	for (size_t i = 0; i < field_count(models); i++) {
		if (i > 0 || count > 1)
			page_line(page, 0);
		put_model(page, field_item(models, i));
	}
	put_cautions(page, meanings);
}
