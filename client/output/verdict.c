/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The diagnosis as text: one line that says it, then why, why not, what next, and advice. */
#include "client/output/output.h"

#include <inttypes.h>

#include "client/phrase.h"
#include "common/base/text.h"

#define SAID_MAX 256

static enum paint phase_paint(const char *phase)
{
	static const struct {
		const char *phase;
		enum paint paint;
	} paints[] = {
		{"phase2-hardware", PAINT_BAD},
		{"none", PAINT_GOOD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(paints); i++)
		if (text_equal(phase, paints[i].phase))
			return paints[i].paint;
	return PAINT_WARNING;
}

static const char *cause_title(struct json_object *cause)
{
	return field_text_or(cause, "title", field_text_or(cause, "cause", "?"));
}

static void put_strength(struct layout *layout, struct json_object *object)
{
	const char *strength = field_text(object, "strength");

	if (!strength || !*strength || text_equal(strength, "none"))
		return;
	layout_put(layout, " (");
	layout_foreign(layout, strength);
	layout_put(layout, ")");
}

/* The summary says phase, cause and how sure; undecided has no one cause, so the first suspect is
 * added. */
static void put_title(struct layout *layout, struct json_object *verdict)
{
	const char *phase = field_text_or(verdict, "phase", "undecided");
	struct json_object *causes = field_list(verdict, "causes");

	layout_paint(layout, field_text(verdict, "running") ? PAINT_WARNING : phase_paint(phase));
	layout_foreign(layout, field_text_or(verdict, "summary", phase));
	layout_paint(layout, PAINT_NONE);
	if (text_equal(phase, "undecided") && field_count(causes)) {
		layout_put(layout, " First suspect: ");
		layout_foreign(layout, cause_title(field_item(causes, 0)));
		put_strength(layout, field_item(causes, 0));
		layout_put(layout, ".");
	}
	layout_line(layout, 0);
}

static void heading(struct layout *layout, const char *text)
{
	layout_line(layout, 0);
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", text);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 2);
}

/* What was looked at. */
static void put_case(struct layout *layout, struct json_object *reply)
{
	struct json_object *device = field_object(reply, "device");
	struct json_object *sessions = field_list(reply, "sessions");
	const char *identifier = phrase_identifier(device);
	size_t count = field_count(sessions);
	int64_t code;

	layout_paint(layout, PAINT_DIM);
	layout_foreign(layout, phrase_model(device));
	if (identifier) {
		layout_put(layout, " ");
		layout_foreign(layout, identifier);
	}
	layout_put(layout, ", %zu attempt%s", count, count == 1 ? "" : "s");
	if (field_number(field_object(reply, "verdict"), "itunesCode", &code) && code)
		layout_put(layout, ", what iTunes calls error %" PRId64, code);
	layout_paint(layout, PAINT_NONE);
	text_fault(layout, device, 0);
	layout_line(layout, 0);
}

/* Findings that are printed already. A rule may speak for ten causes: once is enough. */
struct said {
	const char *texts[SAID_MAX];
	const char *of[SAID_MAX]; /* the title of the cause that each stands with */
	size_t count;
	const char *now; /* of the cause that is told now */
};

static void say(struct said *said, const char *text)
{
	if (said->count == SAID_MAX)
		return;
	said->texts[said->count] = text;
	said->of[said->count++] = said->now;
}

/* The title of the cause with which a text stands already; NULL where it does not. */
static const char *said_of(const struct said *said, const char *text)
{
	for (size_t i = 0; i < said->count; i++)
		if (text_equal(said->texts[i], text))
			return said->of[i];
	return NULL;
}

static const char *finding_text(struct json_object *finding)
{
	return field_text_or(finding, "text", "");
}

static void put_proof(struct layout *layout, struct json_object *finding)
{
	struct json_object *records = field_list(finding, "records");

	layout_line(layout, 6);
	layout_paint(layout, PAINT_DIM);
	layout_put(layout, "rule ");
	layout_foreign(layout, field_text_or(finding, "rule", "?"));
	layout_put(layout, ", weight %+" PRId64, field_number_or(finding, "weight", 0));
	for (size_t i = 0; i < field_count(records); i++)
		layout_put(layout, "%s%" PRId64, i ? ", " : ", records ",
			json_object_get_int64(field_item(records, i)));
	layout_put(layout, ", source: ");
	layout_foreign(layout, field_text_or(finding, "source", "?"));
	layout_paint(layout, PAINT_NONE);
}

/* Refers to findings that were printed with the cause `of`, or with several causes where it is
 * empty. */
static void put_left_out(struct layout *layout, size_t left_out, bool all, const char *of)
{
	const char *plural = left_out == 1 ? "" : "s";

	layout_tab(layout, 6);
	if (all)
		layout_put(layout, "same reason%s as ", plural);
	else
		layout_put(layout, "%zu more reason%s: see ", left_out, plural);
	layout_foreign(layout, *of ? of : "above");
	layout_put(layout, ".");
	layout_line(layout, 4);
}

static void put_silences(struct layout *layout, struct json_object *silences, bool verbose)
{
	if (field_count(silences))
		heading(layout, "Silences");
	for (size_t i = 0; i < field_count(silences); i++) {
		struct json_object *silence = field_item(silences, i);

		layout_put(layout, "%s", layout_sign(layout, "•", "*"));
		layout_tab(layout, 4);
		layout_foreign(layout, finding_text(silence));
		if (verbose)
			put_proof(layout, silence);
		layout_line(layout, 2);
	}
}

/* Writes the findings that were not said yet; all of them, with their proof, where `verbose`. */
static void put_findings(struct layout *layout, struct json_object *findings, const char *sign,
	bool verbose, struct said *said)
{
	const char *of = NULL;
	size_t left_out = 0;

	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);
		const char *before = said_of(said, finding_text(finding));

		if (!verbose && before) {
			of = left_out++ && !text_equal(of, before) ? "" : before;
			continue;
		}
		layout_put(layout, "%s", sign);
		layout_tab(layout, 6);
		layout_foreign(layout, finding_text(finding));
		if (verbose)
			put_proof(layout, finding);
		layout_line(layout, 4);
		say(said, finding_text(finding));
	}
	if (left_out == 0)
		return;
	layout_put(layout, "%s", sign);
	put_left_out(layout, left_out, left_out == field_count(findings), of);
}

static bool has_strength(struct json_object *cause)
{
	const char *strength = field_text_or(cause, "strength", "none");

	return *strength && !text_equal(strength, "none");
}

static void put_cause(
	struct layout *layout, struct json_object *cause, bool verbose, struct said *said)
{
	said->now = cause_title(cause);
	layout_paint(layout, PAINT_BOLD);
	layout_foreign(layout, said->now);
	layout_paint(layout, PAINT_NONE);
	put_strength(layout, cause);
	layout_line(layout, 4);
	put_findings(layout, field_list(cause, "evidence"), "+", verbose, said);
	put_findings(layout, field_list(cause, "counterEvidence"), layout_sign(layout, "−", "-"),
		verbose, said);
	layout->indent = 2;
}

static bool has_reasons(struct json_object *cause, const char *side)
{
	return field_count(field_list(cause, side)) > 0;
}

/* A cause that is no suspect: something speaks against it, or nothing at all for it. */
static bool is_cleared(struct json_object *cause)
{
	return !has_strength(cause) &&
	       (has_reasons(cause, "counterEvidence") || !has_reasons(cause, "evidence"));
}

/* The causes for which nothing speaks but what speaks for a whole phase. */
static void put_also(struct layout *layout, struct json_object *causes)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (has_strength(cause) || is_cleared(cause))
			continue;
		layout_put(layout, count++ ? ", " : "Equally possible: ");
		layout_foreign(layout, cause_title(cause));
	}
	if (count > 0) {
		layout_put(layout, ".");
		layout_line(layout, 2);
	}
}

static void put_cleared(
	struct layout *layout, struct json_object *causes, bool verbose, struct said *said)
{
	bool any = false;

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (!is_cleared(cause))
			continue;
		if (!any)
			heading(layout, "Less likely");
		any = true;
		put_cause(layout, cause, verbose, said);
	}
}

static void put_causes(struct layout *layout, struct json_object *causes, bool verbose)
{
	struct said said = {.count = 0};

	if (field_count(causes))
		heading(layout, "Evidence (+) and counter-evidence (-)");
	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (has_strength(cause) || (verbose && !is_cleared(cause)))
			put_cause(layout, cause, verbose, &said);
	}
	if (!verbose)
		put_also(layout, causes);
	put_cleared(layout, causes, verbose, &said);
}

static void put_next(struct layout *layout, struct json_object *next)
{
	struct json_object *outcomes = field_list(next, "outcomes");

	heading(layout, "Next step");
	layout_foreign(layout, field_text_or(next, "text", field_text_or(next, "experiment", "?")));
	for (size_t i = 0; i < field_count(outcomes); i++) {
		struct json_object *outcome = field_item(outcomes, i);

		layout_line(layout, 2);
		layout_put(layout, "%s", layout_sign(layout, "→", ">"));
		layout_tab(layout, 4);
		layout_put(layout, "if ");
		layout_foreign(layout, field_text_or(outcome, "if", "?"));
		layout_put(layout, ": ");
		layout_foreign(layout, field_text_or(outcome, "then", "?"));
	}
	layout_line(layout, 0);
}

static void put_list(struct layout *layout, const char *title, struct json_object *sentences)
{
	if (field_count(sentences))
		heading(layout, title);
	for (size_t i = 0; i < field_count(sentences); i++) {
		layout_put(layout, "%s", layout_sign(layout, "•", "*"));
		layout_tab(layout, 4);
		layout_foreign(layout, json_object_get_string(field_item(sentences, i)));
		layout_line(layout, 2);
	}
}

void text_diagnosis(struct layout *layout, struct json_object *reply, bool verbose)
{
	struct json_object *verdict = field_object(reply, "verdict");
	struct json_object *causes = field_list(verdict, "causes");
	struct json_object *next = field_object(verdict, "nextStep");
	struct json_object *advice = field_list(verdict, "advice");

	put_title(layout, verdict);
	put_case(layout, reply);
	put_silences(layout, field_list(verdict, "silences"), verbose);
	put_causes(layout, causes, verbose);
	if (next)
		put_next(layout, next);
	put_list(layout, "Not known", field_list(verdict, "missing"));
	put_list(layout, "Advice", advice);
}
