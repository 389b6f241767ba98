/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/pages.h"

#include <inttypes.h>
#include <string.h>

#include "client/mask.h"
#include "client/report/words.h"
#include "common/base/text.h"
#include "common/diagnosis/knowledge.h"

#define TRIED_MAX 8 /* attempts on the customer's page; the annex has all */

static struct json_object *verdict_of(const struct report *report)
{
	return field_object(report->diagnosis, "verdict");
}

static const char *phase_of(const struct report *report)
{
	const char *phase = field_text_or(verdict_of(report), "phase", "undecided");
	bool running = field_text(verdict_of(report), "running") != NULL;

	if (!running && field_object(verdict_of(report), "worksSince"))
		return "works";
	if (field_count(field_list(verdict_of(report), "causes")))
		return phase;
	/* What happened so far is not a result. */
	if (running)
		return "running";
	return text_equal(phase, "undecided") ? "unknown" : phase;
}

static struct json_object *first_cause(const struct report *report)
{
	struct json_object *causes = field_list(verdict_of(report), "causes");

	return field_count(causes) ? field_item(causes, 0) : NULL;
}

/* The newest ticket of an attempt. */
static const char *ticket_of(const struct report *report)
{
	for (size_t i = report->attempt_count; i > 0; i--) {
		const char *ticket = field_text(report->attempts[i - 1].session, "ticket");

		if (ticket && *ticket)
			return ticket;
	}
	return NULL;
}

/* The shop's own words: nothing in them is masked. */
static void put_letterhead(struct html *html, const struct report *report)
{
	bool reveal = html->reveal;

	if (report->letterhead_lines == 0)
		return;
	html->reveal = true;
	html_begin(html, "div", "shop");
	for (size_t i = 0; i < report->letterhead_lines; i++)
		html_foreign_in(html, "p", NULL, report->letterhead[i]);
	html_end(html);
	html->reveal = reveal;
}

static void put_header(struct html *html, const struct report *report)
{
	struct json_object *device = field_object(report->diagnosis, "device");

	put_letterhead(html, report);
	html_begin(html, "header", "head");
	html_begin(html, "div", NULL);
	html_put_in(html, "p", "kicker", "Restore diagnosis");
	html_begin(html, "h1", NULL);
	html_foreign(html, phrase_model_or(device, "Phone, model not known"));
	html_end(html);
	html_end(html);
	html_begin(html, "dl", "facts");
	html_fact(html, "Date", phrase_minute(report->made_us).text);
	html_fact(html, "Ticket", ticket_of(report));
	html_fact(html, "Identifier", phrase_identifier(device));
	html_end(html);
	html_end(html);
}

static void put_scale(struct html *html, const char *label, enum strength strength)
{
	html_begin(html, "div", "sure");
	html_begin(html, "p", "scale");
	html_put_in(html, "span", "label", "%s: ", label);
	html_put_in(html, "strong", NULL, "%s", words_strength_name(strength));
	html_begin(html, "span", "steps");
	html_set(html, "aria-hidden", "true");
	for (int i = STRENGTH_WEAK; i <= STRENGTH_CONCLUSIVE; i++)
		html_put_in(html, "i", i <= (int)strength ? "on" : NULL, "%s", "");
	html_end(html);
	html_end(html);
	html_put_in(html, "p", "soft", "%s", words_strength_meaning(strength));
	html_end(html);
}

static const struct cause_info *find_cause(const char *word)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (text_equal(word, knowledge_causes[i].word))
			return &knowledge_causes[i];
	return NULL;
}

/* Nobody needs a first suspect in a phone that works again. */
static bool is_past_riddle(const struct report *report)
{
	return text_equal(phase_of(report), "works") &&
	       text_equal(field_text_or(verdict_of(report), "phase", ""), "undecided");
}

static enum strength strength_of(struct json_object *object)
{
	return strength_from_name(field_text_or(object, "strength", "none"));
}

/* How sure the suspected cause is; STRENGTH_NONE: the page names none. */
static enum strength suspicion(const struct report *report)
{
	return text_equal(phase_of(report), "none") || is_past_riddle(report)
		       ? STRENGTH_NONE
		       : strength_of(first_cause(report));
}

/* The suspected cause in plain words, and what it is. */
static void put_suspect(struct html *html, const struct report *report)
{
	struct json_object *cause = first_cause(report);
	const struct cause_info *info = find_cause(field_text_or(cause, "cause", ""));
	enum strength sure = suspicion(report);
	bool decided = !text_equal(phase_of(report), "undecided");
	/* The phase may be stronger than its single cause. */
	bool weaker = decided && sure < strength_of(verdict_of(report));

	if (sure == STRENGTH_NONE)
		return;
	html_begin(html, "p", "suspect");
	html_put(html, !decided || weaker		       ? "First suspect: "
		       : text_equal(phase_of(report), "works") ? "What it was: "
							       : "What it is: ");
	html_foreign_in(html, "strong", NULL,
		field_text_or(cause, "title", field_text_or(cause, "cause", "?")));
	html_put(html, ".");
	if (info) {
		html_put(html, " ");
		html_foreign(html, info->means);
	}
	if (weaker)
		html_put(html, " This is less sure than the result itself.");
	html_end(html);
}

/* The page has one strength: that of the result, or of the suspect if there is no result yet. */
static void put_sure(struct html *html, const struct report *report)
{
	bool undecided = text_equal(phase_of(report), "undecided");
	enum strength strength = undecided		  ? suspicion(report)
				 : is_past_riddle(report) ? STRENGTH_NONE
							  : strength_of(verdict_of(report));

	if (strength != STRENGTH_NONE)
		put_scale(
			html, undecided ? "How sure the suspect is" : "How sure this is", strength);
}

/* The verdict's summary: a tool's message in it may contain an identifier. */
static void put_summary(struct html *html, const struct report *report)
{
	CLEANUP(freep)
	char *masked = mask_text(NULL, field_text_or(verdict_of(report), "summary", ""), true);

	if (masked)
		html_foreign_in(html, "p", NULL, masked);
}

/* Since when the phone works again, and what was changed. */
static void put_works_since(struct html *html, const struct report *report)
{
	struct json_object *since = field_object(verdict_of(report), "worksSince");
	struct json_object *changes = field_list(since, "changes");

	if (!text_equal(phase_of(report), "works"))
		return;
	html_begin(html, "p", NULL);
	html_put(
		html, "It has worked since attempt %" PRId64, field_number_or(since, "attempt", 0));
	for (size_t i = 0; i < field_count(changes); i++) {
		html_put(html, i ? ", " : ": ");
		html_foreign(html, json_object_get_string(field_item(changes, i)));
	}
	html_put(html, field_count(changes) ? "." : "; no change is known.");
	html_end(html);
}

static void put_result(struct html *html, const struct report *report)
{
	const char *tone = words_tone(phase_of(report));
	int64_t code;

	html_begin(html, "section", "result");
	html_set(html, "data-tone", tone);
	html_put_in(html, "p", "kicker", "Result");
	html_put_in(html, "h2", NULL, "%s",
		words_headline(phase_of(report), strength_of(verdict_of(report))).text);
	put_works_since(html, report);
	put_suspect(html, report);
	if (text_equal(phase_of(report), "unknown"))
		put_summary(html, report);
	if (field_number(verdict_of(report), "itunesCode", &code) && code)
		html_put_in(html, "p", "soft",
			"iTunes and Finder show this failure as error %" PRId64 ".", code);
	put_sure(html, report);
	html_end(html);
}

/* The condition of that key; NULL if there is none. */
static struct json_object *find_condition(struct json_object *session, const char *key)
{
	struct json_object *conditions = field_list(session, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), key))
			return field_item(conditions, i);
	return NULL;
}

/* Whether something was known of the attempt before that is not known of this one. */
static bool lacks_something(struct json_object *session, struct json_object *before)
{
	struct json_object *conditions = field_list(before, "conditions");

	for (size_t i = 0; i < field_count(conditions); i++)
		if (!find_condition(session, field_text_or(field_item(conditions, i), "key", "")))
			return true;
	return *field_text_or(before, "host", "") && !*field_text_or(session, "host", "");
}

/* Without the numbers by which USB knows a hub. */
static struct phrase plain_condition(struct json_object *condition)
{
	if (text_equal(field_text_or(condition, "key", ""), "hub"))
		return (struct phrase){"behind a hub"};
	return phrase_condition(condition);
}

static void put_known(struct html *html, const char *before, const char *text, size_t *count)
{
	html_put(html, "%s%s", (*count)++ ? ", " : "", before);
	html_foreign(html, text);
}

/* What held in an attempt; only what is new where `before`, the attempt before, is not NULL. */
static size_t put_conditions(
	struct html *html, struct json_object *session, struct json_object *before)
{
	struct json_object *conditions = field_list(session, "conditions");
	const char *host = field_text_or(session, "host", "");
	size_t count = 0;

	if (*host && !text_equal(field_text_or(before, "host", ""), host))
		put_known(html, "computer ", host, &count);
	for (size_t i = 0; i < field_count(conditions); i++) {
		struct json_object *condition = field_item(conditions, i), *old;

		old = find_condition(before, field_text_or(condition, "key", ""));
		if (phrase_condition_is_spare(conditions, condition) ||
			(old && text_equal(plain_condition(old).text,
					plain_condition(condition).text)))
			continue;
		put_known(html, "", plain_condition(condition).text, &count);
	}
	return count;
}

static struct phrase stop_of(struct json_object *session)
{
	const char *stage = words_stage(field_text_or(session, "stage", ""));
	struct phrase phrase = {""};
	int64_t code = phrase_itunes_code(session);

	if (!text_equal(field_text_or(session, "outcome", ""), "failed") || !*stage)
		return phrase;
	if (code)
		snprintf(phrase.text, PHRASE_BYTES, "it stopped %s (error %" PRId64 ")", stage,
			code);
	else
		snprintf(phrase.text, PHRASE_BYTES, "it stopped %s", stage);
	return phrase;
}

/* What held in it and where it stopped; "as before" stands for what the attempt before says. */
static void put_circumstances(
	struct html *html, struct json_object *session, struct json_object *before)
{
	bool alike = before && !lacks_something(session, before);
	size_t count = put_conditions(html, session, alike ? before : NULL);
	struct phrase stop = stop_of(session);

	if (count == 0)
		html_put(html, alike ? "as before" : "nothing special was noted");
	else if (alike)
		html_put(html, ", otherwise as before");
	if (*stop.text && !(alike && text_equal(stop_of(before).text, stop.text)))
		html_put(html, "; %s", stop.text);
}

static void put_try(struct html *html, const struct report_attempt *attempt,
	const struct report_attempt *before)
{
	struct json_object *session = attempt->session;
	const char *outcome = field_text_or(session, "outcome", "unknown");

	html_begin(html, "li", NULL);
	html_put_in(html, "span", "number", "%zu", attempt->number);
	html_put_in(html, "time", NULL, "%s", report_minute(session).text);
	html_begin(html, "span", "chip");
	html_set(html, "data-tone", words_outcome_tone(outcome));
	html_put(html, "%s", words_outcome(outcome));
	html_end(html);
	html_begin(html, "p", "soft");
	put_circumstances(html, session, before ? before->session : NULL);
	html_end(html);
	html_end(html);
}

static void put_tries(struct html *html, const struct report *report)
{
	size_t count = report->attempt_count;
	size_t first = count > TRIED_MAX ? count - TRIED_MAX : 0;
	size_t left_out = report->attempts_left_out + first;

	html_begin(html, "section", "tried");
	html_put_in(html, "h2", NULL, "What was tried");
	if (count == 0)
		html_put_in(html, "p", NULL, "No restore of this phone was watched here.");
	if (left_out > 0)
		html_put_in(html, "p", "soft", "The newest %zu of %zu attempts.", (size_t)TRIED_MAX,
			count + report->attempts_left_out);
	html_begin(html, "ol", "tries");
	for (size_t i = first; i < count; i++)
		put_try(html, &report->attempts[i], i > first ? &report->attempts[i - 1] : NULL);
	html_end(html);
	html_end(html);
}

static void put_meaning(struct html *html, const struct report *report)
{
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "What this means");
	html_begin(html, "ul", "meanings");
	for (size_t i = 0; words_meaning(phase_of(report), i); i++)
		html_put_in(html, "li", NULL, "%s", words_meaning(phase_of(report), i));
	html_end(html);
	html_end(html);
}

void report_put_next_step(struct html *html, const struct report *report)
{
	struct json_object *next = field_object(verdict_of(report), "nextStep");
	struct json_object *outcomes = field_list(next, "outcomes");

	html_foreign_in(html, "p", NULL,
		field_text_or(next, "text", field_text_or(next, "experiment", "?")));
	if (field_count(outcomes) == 0)
		return;
	html_begin(html, "ul", "outcomes");
	for (size_t i = 0; i < field_count(outcomes); i++) {
		struct json_object *outcome = field_item(outcomes, i);

		html_begin(html, "li", NULL);
		html_put(html, "If ");
		html_foreign(html, field_text_or(outcome, "if", "?"));
		html_put(html, ": ");
		html_foreign(html, field_text_or(outcome, "then", "?"));
		html_end(html);
	}
	html_end(html);
}

static void put_next(struct html *html, const struct report *report)
{
	html_begin(html, "section", "next");
	html_put_in(html, "h2", NULL, "The next step");
	if (field_object(verdict_of(report), "nextStep"))
		report_put_next_step(html, report);
	else
		html_put_in(html, "p", NULL, "%s",
			text_equal(phase_of(report), "none") ? "Nothing is left to do."
			: field_text(verdict_of(report), "running")
				? "Wait until the restore that is running has ended."
			: text_equal(phase_of(report), "unknown")
				? "Let one restore of the phone run to its end."
				: "No further test would change this result.");
	html_end(html);
}

void report_put_customer(struct html *html, const struct report *report)
{
	html_begin(html, "article", "sheet customer");
	put_header(html, report);
	put_result(html, report);
	put_next(html, report);
	put_meaning(html, report);
	put_tries(html, report);
	html_put_in(html, "footer", "soft",
		"Identifiers are shortened on this page. The words for how sure a result is are "
		"weak, moderate, strong and conclusive. The technician's annex has the "
		"observations behind it.");
	html_end(html);
}
