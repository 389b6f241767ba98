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

static void put_strength(struct page *page, struct json_object *object)
{
	const char *strength = field_text(object, "strength");

	if (!strength || !*strength || text_equal(strength, "none"))
		return;
	page_put(page, " (");
	page_foreign(page, strength);
	page_put(page, ")");
}

/* The summary says phase, cause and how sure; undecided has no one cause, so the first suspect is
 * added. */
static void put_title(struct page *page, struct json_object *verdict)
{
	const char *phase = field_text_or(verdict, "phase", "undecided");
	struct json_object *causes = field_list(verdict, "causes");

	page_paint(page, field_text(verdict, "running") ? PAINT_WARNING : phase_paint(phase));
	page_foreign(page, field_text_or(verdict, "summary", phase));
	page_paint(page, PAINT_NONE);
	if (text_equal(phase, "undecided") && field_count(causes)) {
		page_put(page, " First suspect: ");
		page_foreign(page, cause_title(field_item(causes, 0)));
		put_strength(page, field_item(causes, 0));
		page_put(page, ".");
	}
	page_line(page, 0);
}

static void heading(struct page *page, const char *text)
{
	page_line(page, 0);
	page_paint(page, PAINT_BOLD);
	page_put(page, "%s", text);
	page_paint(page, PAINT_NONE);
	page_line(page, 2);
}

/* What was looked at. */
static void put_case(struct page *page, struct json_object *reply)
{
	struct json_object *device = field_object(reply, "device");
	struct json_object *sessions = field_list(reply, "sessions");
	const char *identifier = phrase_identifier(device);
	size_t count = field_count(sessions);
	int64_t code;

	page_paint(page, PAINT_DIM);
	page_foreign(page, phrase_model(device));
	if (identifier) {
		page_put(page, " ");
		page_foreign(page, identifier);
	}
	page_put(page, ", %zu attempt%s", count, count == 1 ? "" : "s");
	if (field_number(field_object(reply, "verdict"), "itunesCode", &code) && code)
		page_put(page, ", what iTunes calls error %" PRId64, code);
	page_paint(page, PAINT_NONE);
	text_fault(page, device, 0);
	page_line(page, 0);
}

/* Findings that stand on the page already. A rule may speak for ten causes: once is enough. */
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

static void put_proof(struct page *page, struct json_object *finding)
{
	struct json_object *records = field_list(finding, "records");

	page_line(page, 6);
	page_paint(page, PAINT_DIM);
	page_put(page, "rule ");
	page_foreign(page, field_text_or(finding, "rule", "?"));
	page_put(page, ", weight %+" PRId64, field_number_or(finding, "weight", 0));
	for (size_t i = 0; i < field_count(records); i++)
		page_put(page, "%s%" PRId64, i ? ", " : ", records ",
			json_object_get_int64(field_item(records, i)));
	page_put(page, ", source: ");
	page_foreign(page, field_text_or(finding, "source", "?"));
	page_paint(page, PAINT_NONE);
}

/* Refers to findings that were printed with the cause `of`, or with several causes where it is
 * empty. */
static void put_left_out(struct page *page, size_t left_out, bool all, const char *of)
{
	const char *plural = left_out == 1 ? "" : "s";

	page_tab(page, 6);
	if (all)
		page_put(page, "same reason%s as ", plural);
	else
		page_put(page, "%zu more reason%s: see ", left_out, plural);
	page_foreign(page, *of ? of : "above");
	page_put(page, ".");
	page_line(page, 4);
}

static void put_silences(struct page *page, struct json_object *silences, bool verbose)
{
	if (field_count(silences))
		heading(page, "Silences");
	for (size_t i = 0; i < field_count(silences); i++) {
		struct json_object *silence = field_item(silences, i);

		page_put(page, "%s", page_sign(page, "•", "*"));
		page_tab(page, 4);
		page_foreign(page, finding_text(silence));
		if (verbose)
			put_proof(page, silence);
		page_line(page, 2);
	}
}

/* Writes the findings that were not said yet; all of them, with their proof, where `verbose`. */
static void put_findings(struct page *page, struct json_object *findings, const char *sign,
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
		page_put(page, "%s", sign);
		page_tab(page, 6);
		page_foreign(page, finding_text(finding));
		if (verbose)
			put_proof(page, finding);
		page_line(page, 4);
		say(said, finding_text(finding));
	}
	if (left_out == 0)
		return;
	page_put(page, "%s", sign);
	put_left_out(page, left_out, left_out == field_count(findings), of);
}

static bool has_strength(struct json_object *cause)
{
	const char *strength = field_text_or(cause, "strength", "none");

	return *strength && !text_equal(strength, "none");
}

static void put_cause(struct page *page, struct json_object *cause, bool verbose, struct said *said)
{
	said->now = cause_title(cause);
	page_paint(page, PAINT_BOLD);
	page_foreign(page, said->now);
	page_paint(page, PAINT_NONE);
	put_strength(page, cause);
	page_line(page, 4);
	put_findings(page, field_list(cause, "evidence"), "+", verbose, said);
	put_findings(page, field_list(cause, "counterEvidence"), page_sign(page, "−", "-"), verbose,
		said);
	page->indent = 2;
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
static void put_also(struct page *page, struct json_object *causes)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (has_strength(cause) || is_cleared(cause))
			continue;
		page_put(page, count++ ? ", " : "Equally possible: ");
		page_foreign(page, cause_title(cause));
	}
	if (count > 0) {
		page_put(page, ".");
		page_line(page, 2);
	}
}

static void put_cleared(
	struct page *page, struct json_object *causes, bool verbose, struct said *said)
{
	bool any = false;

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (!is_cleared(cause))
			continue;
		if (!any)
			heading(page, "Less likely");
		any = true;
		put_cause(page, cause, verbose, said);
	}
}

static void put_causes(struct page *page, struct json_object *causes, bool verbose)
{
	struct said said = {.count = 0};

	if (field_count(causes))
		heading(page, "Evidence (+) and counter-evidence (-)");
	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (has_strength(cause) || (verbose && !is_cleared(cause)))
			put_cause(page, cause, verbose, &said);
	}
	if (!verbose)
		put_also(page, causes);
	put_cleared(page, causes, verbose, &said);
}

static void put_next(struct page *page, struct json_object *next)
{
	struct json_object *outcomes = field_list(next, "outcomes");

	heading(page, "Next step");
	page_foreign(page, field_text_or(next, "text", field_text_or(next, "experiment", "?")));
	for (size_t i = 0; i < field_count(outcomes); i++) {
		struct json_object *outcome = field_item(outcomes, i);

		page_line(page, 2);
		page_put(page, "%s", page_sign(page, "→", ">"));
		page_tab(page, 4);
		page_put(page, "if ");
		page_foreign(page, field_text_or(outcome, "if", "?"));
		page_put(page, ": ");
		page_foreign(page, field_text_or(outcome, "then", "?"));
	}
	page_line(page, 0);
}

static void put_list(struct page *page, const char *title, struct json_object *sentences)
{
	if (field_count(sentences))
		heading(page, title);
	for (size_t i = 0; i < field_count(sentences); i++) {
		page_put(page, "%s", page_sign(page, "•", "*"));
		page_tab(page, 4);
		page_foreign(page, json_object_get_string(field_item(sentences, i)));
		page_line(page, 2);
	}
}

void text_diagnosis(struct page *page, struct json_object *reply, bool verbose)
{
	struct json_object *verdict = field_object(reply, "verdict");
	struct json_object *causes = field_list(verdict, "causes");
	struct json_object *next = field_object(verdict, "nextStep");
	struct json_object *advice = field_list(verdict, "advice");

	put_title(page, verdict);
	put_case(page, reply);
	put_silences(page, field_list(verdict, "silences"), verbose);
	put_causes(page, causes, verbose);
	if (next)
		put_next(page, next);
	put_list(page, "Not known", field_list(verdict, "missing"));
	put_list(page, "Advice", advice);
}
