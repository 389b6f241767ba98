/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text output of `explain`: each meaning with its suspects, checks and sources, and at the end,
 * once, the limits of what they prove. */
#include "client/output/output.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/text.h"

#define LABEL_COLUMN 13
#define PHASE_COLUMN 25
#define RISK_OPENS 5 /* as in experiments.txt */
#define RISK_ERASES 9

static void label(struct layout *layout, const char *text)
{
	layout_line(layout, 2);
	layout_paint(layout, PAINT_DIM);
	layout_put(layout, "%s", text);
	layout_paint(layout, PAINT_NONE);
	layout_tab(layout, LABEL_COLUMN);
}

static void put_labelled(struct layout *layout, const char *name, const char *text)
{
	if (!text)
		return;
	label(layout, name);
	layout_put(layout, "%s", text);
}

/* One text per line. */
static void put_list(struct layout *layout, const char *name, struct json_object *texts)
{
	for (size_t i = 0; i < field_count(texts); i++) {
		if (i == 0)
			label(layout, name);
		else
			layout_line(layout, LABEL_COLUMN);
		layout_put(layout, "%s", json_item_text(texts, i));
	}
}

/* The suspects of one phase in one line. */
static bool put_phase(struct layout *layout, struct json_object *suspects, const char *phase,
	const char *title, bool first)
{
	bool any = false;

	for (size_t i = 0; i < field_count(suspects); i++) {
		struct json_object *suspect = field_item(suspects, i);

		if (!text_equal(field_text_or(suspect, "phase", ""), phase))
			continue;
		if (!any && first)
			label(layout, "Suspects");
		else if (!any)
			layout_line(layout, LABEL_COLUMN);
		if (!any) {
			layout_put(layout, "%s:", title);
			layout_tab(layout, PHASE_COLUMN);
		}
		layout_put(layout, "%s%s", any ? "; " : "", field_text_or(suspect, "title", "?"));
		any = true;
	}
	return any;
}

static void put_suspects(struct layout *layout, struct json_object *suspects)
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
		if (put_phase(layout, suspects, phases[i].phase, phases[i].title, first))
			first = false;
}

static void put_experiments(struct layout *layout, struct json_object *experiments)
{
	for (size_t i = 0; i < field_count(experiments); i++) {
		struct json_object *experiment = field_item(experiments, i);
		int64_t risk = field_number_or(experiment, "risk", 0);

		if (i == 0)
			label(layout, "Try");
		else
			layout_line(layout, LABEL_COLUMN);
		layout_put(layout, "%s (%" PRId64 " min", field_text_or(experiment, "title", "?"),
			field_number_or(experiment, "minutes", 0));
		if (risk >= RISK_ERASES)
			layout_put(layout, ", erases the data");
		else if (risk >= RISK_OPENS)
			layout_put(layout, ", opens the phone");
		layout_put(layout, ")");
	}
}

static void put_names(struct layout *layout, struct json_object *names)
{
	for (size_t i = 0; i < field_count(names); i++)
		layout_put(layout, "%s%s",
			i == 0	 ? ": "
			: i == 1 ? ", also "
				 : ", ",
			json_item_text(names, i));
}

static void put_meaning(struct layout *layout, struct json_object *meaning)
{
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", field_text_or(meaning, "title", "?"));
	layout_paint(layout, PAINT_NONE);
	put_names(layout, field_list(meaning, "names"));
	layout_line(layout, 2);
	layout_put(layout, "%s", field_text_or(meaning, "means", "?"));
	put_labelled(layout, "Shown by", field_text(meaning, "toldBy"));
	put_labelled(layout, "When", field_text(meaning, "stage"));
	put_labelled(layout, "Exercises", field_text(meaning, "exercises"));
	put_suspects(layout, field_list(meaning, "suspects"));
	put_list(layout, "Check", field_list(meaning, "checks"));
	put_experiments(layout, field_list(meaning, "experiments"));
	put_labelled(layout, "Note", field_text(meaning, "note"));
	put_list(layout, "Sources", field_list(meaning, "sources"));
	layout_line(layout, 0);
}

static void put_connector(struct layout *layout, struct json_object *model)
{
	const char *at = field_text(model, "connectorAt");

	label(layout, "Connector");
	layout_put(layout, "%s%s%s", field_text_or(model, "connector", "?"), at ? ": " : "",
		at ? at : "");
}

/* What tells a phone or tablet at a glance. */
static void put_front(struct layout *layout, struct json_object *model)
{
	bool face_id = field_true(model, "faceId"), button = field_true(model, "homeButton");

	if (field_true(model, "handheld"))
		put_labelled(layout, "Front",
			face_id	 ? "Face ID, no home button"
			: button ? "home button, no Face ID"
				 : "no home button, no Face ID");
}

static void put_parts(struct layout *layout, struct json_object *parts)
{
	for (size_t i = 0; i < field_count(parts); i++) {
		if (i == 0)
			label(layout, "Parts");
		layout_put(layout, "%s%s", i ? ", " : "", json_item_text(parts, i));
	}
}

static void put_model(struct layout *layout, struct json_object *model)
{
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", field_text_or(model, "name", "?"));
	layout_paint(layout, PAINT_NONE);
	layout_put(layout, " (%s, board %s)", field_text_or(model, "product", "?"),
		field_text_or(model, "board", "?"));
	put_labelled(layout, "Released", field_text(model, "released"));
	label(layout, "In DFU");
	layout_put(layout, "CPID:%s BDID:%s in its USB serial number; in recovery mode too",
		field_text_or(model, "chipId", "?"), field_text_or(model, "boardId", "?"));
	put_connector(layout, model);
	put_front(layout, model);
	put_parts(layout, field_list(model, "parts"));
	if (field_true(model, "layeredBoard"))
		put_labelled(layout, "Board", "two soldered layers: joints may break in a drop.");
	if (field_true(model, "frontSensorFlexOnI2c"))
		put_labelled(layout, "Earpiece",
			"its flex shares an I2C line with parts that a restore talks to, so that a "
			"shorted flex can fail the restore (our inference from repair reports).");
	put_labelled(layout, "Recovery", field_text(model, "enterRecovery"));
	layout_line(layout, 0);
}

/* The limits of the meanings, each sentence once. */
static void put_cautions(struct layout *layout, struct json_object *meanings)
{
	const char *last = NULL;

	for (size_t i = 0; i < field_count(meanings); i++) {
		struct json_object *meaning = field_item(meanings, i);
		const char *caution = field_text_or(meaning, "caution", "");

		if (field_count(field_list(meaning, "suspects")) == 0 ||
			(last && text_equal(caution, last)))
			continue;
		if (!last)
			layout_line(layout, 0);
		layout_put(layout, "%s", caution);
		layout_line(layout, 0);
		last = caution;
	}
}

void text_explanation(struct layout *layout, struct json_object *explanation, bool another)
{
	struct json_object *meanings = field_list(explanation, "meanings");
	struct json_object *models = field_list(explanation, "models");
	size_t count = field_count(meanings) + field_count(models);

	if (count == 0)
		return;
	if (another)
		layout_line(layout, 0);
	if (count > 1) {
		layout_foreign(layout, field_text_or(explanation, "query", "It"));
		layout_put(layout,
			field_count(meanings) ? " has %zu meanings; the right one depends on where "
						"you read it."
					      : " is the name of %zu models.",
			count);
		layout_line(layout, 0);
	}
	for (size_t i = 0; i < field_count(meanings); i++) {
		if (count > 1)
			layout_line(layout, 0);
		put_meaning(layout, field_item(meanings, i));
	}
	for (size_t i = 0; i < field_count(models); i++) {
		if (i > 0 || count > 1)
			layout_line(layout, 0);
		put_model(layout, field_item(models, i));
	}
	put_cautions(layout, meanings);
}
