/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The diagnosis as text: the headline, the next step, then why, why not, what is not tested or not
 * known, and advice. */
#include "client/output/output.h"

#include <inttypes.h>
#include <limits.h>

#include "client/phrase.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/diagnosis/verdict.h"

#define SHOWN_MAX 3 /* suspects, and causes that are less likely; --all shows the others */

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

static void put_headline(struct layout *layout, struct json_object *verdict)
{
	const char *phase = field_text_or(verdict, "phase", "undecided");
	bool works = field_object(verdict, "worksSince") != NULL;

	layout_paint(layout, field_text(verdict, "running") ? PAINT_WARNING
			     : works			    ? PAINT_GOOD
							    : phase_paint(phase));
	layout_foreign(layout, field_text_or(verdict, "summary", phase));
	layout_paint(layout, PAINT_NONE);
}

void text_short_diagnosis(struct layout *layout, struct json_object *reply)
{
	struct json_object *verdict = field_object(reply, "verdict");
	struct json_object *next = field_object(verdict, "nextStep");
	int width = layout->width;

	/* Scripts read line by line. */
	if (!layout->terminal)
		layout->width = INT_MAX;
	put_headline(layout, verdict);
	if (next) {
		layout_put(layout, " Next: ");
		layout_foreign(layout,
			field_text_or(next, "title", field_text_or(next, "experiment", "?")));
		layout_put(layout, ".");
	}
	layout_line(layout, 0);
	layout->width = width;
}

static void heading(struct layout *layout, const char *text)
{
	layout_line(layout, 0);
	layout_paint(layout, PAINT_BOLD);
	layout_put(layout, "%s", text);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 2);
}

/* Whether another computer made the attempt, as far as known. */
static const char *other_computer(const struct layout *layout, struct json_object *session)
{
	const char *id = field_text_or(session, "hostId", "");

	return layout->here[0] && *id && !text_equal(id, layout->here) ? id : NULL;
}

/* How many attempts computer `id` made, of those from number `first` on: 0 if one before is its
 * own. */
static size_t count_elsewhere(
	const struct layout *layout, struct json_object *sessions, size_t first, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(sessions); i++) {
		const char *other = other_computer(layout, field_item(sessions, i));

		if (!other || !text_equal(other, id))
			continue;
		if (i < first)
			return 0;
		count++;
	}
	return count;
}

/* The attempts on other benches, newest first: "1 on bench-2, yesterday". */
static void put_elsewhere(struct layout *layout, struct json_object *sessions)
{
	int64_t now_us = (int64_t)clock_now().wall_us;

	for (size_t i = 0; i < field_count(sessions); i++) {
		struct json_object *session = field_item(sessions, i);
		const char *id = other_computer(layout, session);
		size_t count = id ? count_elsewhere(layout, sessions, i, id) : 0;

		if (!count)
			continue;
		layout_put(layout, ", %zu on ", count);
		layout_foreign(layout, field_text_or(session, "host", id));
		layout_put(layout, " (%s)",
			phrase_day(field_number_or(session, "startedUSec", 0), now_us).text);
	}
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
	layout_foreign(layout, phrase_model_or(device, "phone of unknown model"));
	if (identifier) {
		layout_put(layout, " ");
		layout_foreign(layout, identifier);
	}
	layout_put(layout, ", %zu attempt%s", count, count == 1 ? "" : "s");
	put_elsewhere(layout, sessions);
	if (field_number(field_object(reply, "verdict"), "itunesCode", &code) && code)
		layout_put(layout, ", error %" PRId64 " in iTunes", code);
	layout_paint(layout, PAINT_NONE);
	text_fault(layout, device, 0);
	layout_line(layout, 0);
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

/* Causes that are shown with their reasons. */
struct shown {
	struct json_object *causes[VERDICT_CAUSES_MAX];
	size_t count;
	bool apart; /* they differ: what speaks for each of them is said once, before them */
};

static bool has_text(struct json_object *findings, const char *text)
{
	for (size_t i = 0; i < field_count(findings); i++)
		if (text_equal(finding_text(field_item(findings, i)), text))
			return true;
	return false;
}

static bool is_shared(const struct shown *shown, struct json_object *finding)
{
	if (!shown->apart)
		return false;
	for (size_t i = 0; i < shown->count; i++)
		if (!has_text(field_list(shown->causes[i], "evidence"), finding_text(finding)))
			return false;
	return true;
}

static void put_finding(
	struct layout *layout, struct json_object *finding, const char *sign, bool verbose)
{
	layout_put(layout, "%s", sign);
	layout_tab(layout, 6);
	layout_foreign(layout, finding_text(finding));
	if (verbose)
		put_proof(layout, finding);
	layout_line(layout, 4);
}

static void put_findings(struct layout *layout, struct json_object *findings, const char *sign,
	const struct shown *shown, bool verbose)
{
	for (size_t i = 0; i < field_count(findings); i++)
		if (!is_shared(shown, field_item(findings, i)))
			put_finding(layout, field_item(findings, i), sign, verbose);
}

static void put_shared(struct layout *layout, const struct shown *shown)
{
	struct json_object *findings =
		shown->count ? field_list(shown->causes[0], "evidence") : NULL;
	bool any = false;

	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);

		if (!is_shared(shown, finding))
			continue;
		if (!any) {
			layout_put(layout, "each of these");
			layout_line(layout, 4);
		}
		any = true;
		put_finding(layout, finding, "+", false);
	}
	layout->indent = 2;
}

static bool has_strength(struct json_object *cause)
{
	const char *strength = field_text_or(cause, "strength", "none");

	return *strength && !text_equal(strength, "none");
}

static bool has_reasons(struct json_object *cause, const char *side)
{
	return field_count(field_list(cause, side)) > 0;
}

/* A cause that is no suspect, and that something speaks against. */
static bool is_cleared(struct json_object *cause)
{
	return !has_strength(cause) && has_reasons(cause, "counterEvidence");
}

/* A cause for which nothing speaks but what speaks for its whole phase. */
static bool is_also_possible(struct json_object *cause)
{
	return !has_strength(cause) && !is_cleared(cause) && has_reasons(cause, "evidence");
}

static const char *minus(const struct layout *layout)
{
	return layout_sign(layout, "−", "-");
}

static bool same_findings(struct json_object *a, struct json_object *b, const char *side)
{
	struct json_object *x = field_list(a, side), *y = field_list(b, side);
	bool same = field_count(x) == field_count(y);

	for (size_t i = 0; same && i < field_count(x); i++)
		same = text_equal(finding_text(field_item(x, i)), finding_text(field_item(y, i)));
	return same;
}

/* Whether two causes are suspected as much and for the same reasons. */
static bool is_like(struct json_object *a, struct json_object *b)
{
	return text_equal(field_text_or(a, "strength", ""), field_text_or(b, "strength", "")) &&
	       same_findings(a, b, "evidence") && same_findings(a, b, "counterEvidence");
}

static void put_cause_reasons(
	struct layout *layout, struct json_object *cause, const struct shown *shown, bool verbose)
{
	put_strength(layout, cause);
	layout_line(layout, 4);
	put_findings(layout, field_list(cause, "evidence"), "+", shown, verbose);
	put_findings(layout, field_list(cause, "counterEvidence"), minus(layout), shown, verbose);
	layout->indent = 2;
}

/* The causes that `is` picks, in one line behind `before`: all but the first `skipped`. */
static void put_line_of_causes(struct layout *layout, struct json_object *causes,
	bool (*is)(struct json_object *cause), size_t skipped, const char *before)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (!is(cause) || count++ < skipped)
			continue;
		layout_put(layout, "%s", count == skipped + 1 ? before : "; ");
		layout_foreign(layout, cause_title(cause));
		put_strength(layout, cause);
	}
	if (count > skipped) {
		layout_put(layout, ".");
		layout_line(layout, 2);
	}
}

/* Writes causes with their reasons, those of the same reasons as one. */
static void put_shown(struct layout *layout, const struct shown *shown, bool verbose)
{
	put_shared(layout, shown);
	for (size_t i = 0; i < shown->count; i++) {
		struct json_object *cause = shown->causes[i];

		layout_paint(layout, PAINT_BOLD);
		layout_foreign(layout, cause_title(cause));
		layout_paint(layout, PAINT_NONE);
		if (i + 1 < shown->count && is_like(cause, shown->causes[i + 1]))
			layout_put(layout, "; ");
		else
			put_cause_reasons(layout, cause, shown, verbose);
	}
}

/* Writes the causes that `is` picks with their reasons. Returns how many there are. */
static size_t put_reasons(struct layout *layout, struct json_object *causes,
	bool (*is)(struct json_object *cause), const char *title, enum detail detail)
{
	struct shown shown = {.count = 0};
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes) && shown.count < VERDICT_CAUSES_MAX; i++) {
		struct json_object *cause = field_item(causes, i);

		if (!is(cause) || (count++ >= SHOWN_MAX && detail < DETAIL_ALL))
			continue;
		shown.apart |= shown.count > 0 && detail != DETAIL_VERBOSE &&
			       !is_like(shown.causes[shown.count - 1], cause);
		shown.causes[shown.count++] = cause;
	}
	if (shown.count)
		heading(layout, title);
	put_shown(layout, &shown, detail == DETAIL_VERBOSE);
	return count;
}

static bool any_cause(struct json_object *causes, bool (*is)(struct json_object *cause))
{
	for (size_t i = 0; i < field_count(causes); i++)
		if (is(field_item(causes, i)))
			return true;
	return false;
}

static bool is_contested(struct json_object *cause)
{
	return has_strength(cause) && has_reasons(cause, "counterEvidence");
}

static void put_suspects(struct layout *layout, struct json_object *causes, enum detail detail)
{
	size_t count = put_reasons(layout, causes, has_strength,
		any_cause(causes, is_contested) ? "Evidence (+) and counter-evidence (-)"
						: "Evidence (+)",
		detail);

	if (detail >= DETAIL_ALL) {
		put_reasons(layout, causes, is_also_possible, "Equally possible", detail);
		return;
	}
	put_line_of_causes(layout, causes, has_strength, SHOWN_MAX, "Also suspected (see --all): ");
	if (count == 0 && any_cause(causes, is_also_possible))
		layout_line(layout, 0);
	put_line_of_causes(layout, causes, is_also_possible, 0, "Equally possible: ");
}

/* What speaks most against a cause. */
static const char *best_counter_evidence(struct json_object *cause)
{
	struct json_object *findings = field_list(cause, "counterEvidence"), *best = NULL;

	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);

		if (!best ||
			field_number_or(finding, "weight", 0) < field_number_or(best, "weight", 0))
			best = finding;
	}
	return best ? finding_text(best) : "";
}

/* Whether a cause before this one is less likely for the same reason. */
static bool is_in_line_before(struct json_object *causes, size_t index)
{
	const char *reason = best_counter_evidence(field_item(causes, index));

	for (size_t i = 0; i < index; i++)
		if (is_cleared(field_item(causes, i)) &&
			text_equal(best_counter_evidence(field_item(causes, i)), reason))
			return true;
	return false;
}

/* The causes that are less likely for the same reason as the one at `first`, then the reason. */
static void put_cleared_group(struct layout *layout, struct json_object *causes, size_t first)
{
	const char *reason = best_counter_evidence(field_item(causes, first));
	size_t count = 0;

	for (size_t i = first; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (!is_cleared(cause) || !text_equal(best_counter_evidence(cause), reason) ||
			count++ >= SHOWN_MAX)
			continue;
		layout_put(layout, count == 1 ? "" : "; ");
		layout_foreign(layout, cause_title(cause));
	}
	if (count > SHOWN_MAX)
		layout_put(layout, "; %zu more", count - SHOWN_MAX);
	layout_line(layout, 4);
	layout_put(layout, "%s", minus(layout));
	layout_tab(layout, 6);
	layout_foreign(layout, reason);
	layout_line(layout, 2);
}

static void put_cleared(struct layout *layout, struct json_object *causes, enum detail detail)
{
	size_t groups = 0;

	if (detail >= DETAIL_ALL) {
		put_reasons(layout, causes, is_cleared, "Less likely", detail);
		return;
	}
	for (size_t i = 0; i < field_count(causes) && groups < SHOWN_MAX; i++) {
		if (!is_cleared(field_item(causes, i)) || is_in_line_before(causes, i))
			continue;
		if (groups++ == 0)
			heading(layout, "Less likely");
		put_cleared_group(layout, causes, i);
	}
}

static void put_untested(struct layout *layout, struct json_object *causes)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		const char *test = field_text(field_item(causes, i), "untested");

		if (!test)
			continue;
		if (count++ == 0)
			layout_line(layout, 0);
		layout_put(layout, count == 1 ? "Not tested yet: " : ", ");
		layout_foreign(layout, test);
	}
	if (count > 0) {
		layout_put(layout, ".");
		layout_line(layout, 0);
	}
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

/* What was tried settles it, or no test is left. */
static void put_no_next(struct layout *layout)
{
	heading(layout, "Next step");
	layout_put(layout, "None: no further test would change this verdict.");
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

void text_diagnosis(struct layout *layout, struct json_object *reply, enum detail detail)
{
	struct json_object *verdict = field_object(reply, "verdict");
	struct json_object *causes = field_list(verdict, "causes");
	struct json_object *next = field_object(verdict, "nextStep");

	if (detail == DETAIL_SHORT) {
		text_short_diagnosis(layout, reply);
		return;
	}
	put_headline(layout, verdict);
	layout_line(layout, 0);
	put_case(layout, reply);
	if (next)
		put_next(layout, next);
	else if (field_count(causes) && !field_text(verdict, "running"))
		put_no_next(layout);
	put_silences(layout, field_list(verdict, "silences"), detail == DETAIL_VERBOSE);
	put_suspects(layout, causes, detail);
	put_cleared(layout, causes, detail);
	put_untested(layout, causes);
	put_list(layout, "Not counted", field_list(verdict, "notCounted"));
	put_list(layout, "Not known", field_list(verdict, "missing"));
	put_list(layout, "Advice", field_list(verdict, "advice"));
}
