/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/pages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/report/words.h"
#include "common/base/text.h"
#include "common/model/case.h"

#define NOTES_MAX 50 /* the last ones of the list */
#define SAID_MAX 512 /* findings that are printed once and then referred to by number */

/* Findings that are already on the page: a rule may support ten causes. */
struct said {
	struct json_object *findings[SAID_MAX];
	size_t count;
};

static const char *finding_field(struct json_object *finding, const char *key)
{
	return field_text_or(finding, key, "");
}

/* The number, from 1, of the same finding on the page; 0 = none. */
static size_t was_said(const struct said *said, struct json_object *finding)
{
	for (size_t i = 0; i < said->count; i++)
		if (text_equal(finding_field(said->findings[i], "text"),
			    finding_field(finding, "text")) &&
			text_equal(finding_field(said->findings[i], "rule"),
				finding_field(finding, "rule")))
			return i + 1;
	return 0;
}

static void put_word(struct html *html, struct json_object *record, const char *key)
{
	const char *word = field_text(record, key);

	if (!word || !*word)
		return;
	html_put(html, " ");
	html_foreign(html, word);
}

static void put_number(struct html *html, struct json_object *record, const char *key,
	const char *before, const char *after)
{
	int64_t number;

	if (field_number(record, key, &number))
		html_put(html, " %s%" PRId64 "%s", before, number, after);
}

/* Writes a record as a line of the log. */
static void put_record(struct html *html, struct json_object *record, size_t attempt)
{
	html_begin(html, "li", NULL);
	html_begin(html, "span", "soft");
	html_put(html, "#%" PRId64, field_number_or(record, "sequence", 0));
	if (attempt)
		html_put(html, " attempt %zu", attempt);
	if (field_number_or(record, "timeUSec", 0) > 0)
		html_put(html, " %s", phrase_instant(field_number_or(record, "timeUSec", 0)).text);
	html_end(html);
	put_word(html, record, "kind");
	put_word(html, record, "mode");
	put_word(html, record, "name");
	put_word(html, record, "state");
	put_number(html, record, "number", "(", ")");
	put_number(html, record, "code", "code ", "");
	if (field_text(record, "text")) {
		html_put(html, ": ");
		html_begin(html, "q", NULL);
		html_foreign(html, field_text(record, "text"));
		html_end(html);
	}
	html_end(html);
}

static void put_cited(struct html *html, const struct cited *cited)
{
	if (cited && cited->record)
		put_record(html, cited->record, cited->attempt);
	else if (cited)
		html_put_in(html, "li", "soft", "#%" PRId64 ": not shown, or its log was deleted",
			cited->sequence);
}

static void put_records(struct html *html, const struct report *report, struct json_object *finding)
{
	struct json_object *records = field_list(finding, "records");

	if (field_count(records) == 0)
		return;
	html_begin(html, "ul", "log");
	for (size_t i = field_count(records); i > 0; i--)
		put_cited(html, report_find_cited(report, finding, i - 1));
	html_end(html);
}

static void put_finding(struct html *html, const struct report *report, struct json_object *finding,
	struct said *said)
{
	int64_t weight = field_number_or(finding, "weight", 0);
	size_t number = was_said(said, finding);

	html_begin(html, "li", NULL);
	html_begin(html, "span", "weight");
	html_set(html, "data-tone", weight < 0 ? "against" : "for");
	html_put(html, "%s%" PRId64, weight < 0 ? "−" : "+", weight < 0 ? -weight : weight);
	html_end(html);
	html_begin(html, "div", NULL);
	if (number) {
		html_begin(html, "p", NULL);
		html_put_in(html, "b", NULL, "E%zu ", number);
		html_foreign(html, finding_field(finding, "text"));
		html_end(html);
	} else {
		if (said->count < SAID_MAX)
			said->findings[said->count++] = finding;
		html_begin(html, "p", NULL);
		html_put_in(html, "b", NULL, "E%zu ", said->count);
		html_foreign(html, finding_field(finding, "text"));
		html_end(html);
		html_begin(html, "p", "soft");
		html_put(html, "rule ");
		html_foreign(html, finding_field(finding, "rule"));
		html_put(html, "; source: ");
		html_foreign(html, finding_field(finding, "source"));
		html_end(html);
		put_records(html, report, finding);
	}
	html_end(html);
	html_end(html);
}

static void put_findings(struct html *html, const struct report *report, const char *heading,
	struct json_object *findings, struct said *said)
{
	if (field_count(findings) == 0)
		return;
	html_put_in(html, "h4", NULL, "%s", heading);
	html_begin(html, "ol", "findings");
	for (size_t i = 0; i < field_count(findings); i++)
		put_finding(html, report, field_item(findings, i), said);
	html_end(html);
}

static void put_cause(struct html *html, const struct report *report, struct json_object *cause,
	struct said *said)
{
	struct json_object *evidence = field_list(cause, "evidence");
	struct json_object *counter = field_list(cause, "counterEvidence");
	enum strength strength = strength_from_name(field_text_or(cause, "strength", "none"));

	if (strength == 0 && field_count(evidence) == 0 && field_count(counter) == 0)
		return;
	html_begin(html, "h3", NULL);
	html_foreign(html, field_text_or(cause, "title", field_text_or(cause, "cause", "?")));
	html_put(html, " ");
	html_put_in(html, "span", "chip", "%s",
		strength		    ? words_strength_name(strength)
		: field_count(counter) == 0 ? "equally possible"
					    : "less likely");
	html_end(html);
	put_findings(html, report, "Evidence", evidence, said);
	put_findings(html, report, "Counter-evidence", counter, said);
}

/* The tests that nobody made, in one line. */
static void put_untested(struct html *html, struct json_object *causes)
{
	size_t count = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		const char *test = field_text(field_item(causes, i), "untested");

		if (!test)
			continue;
		if (count++ == 0)
			html_begin(html, "p", NULL);
		html_put(html, count == 1 ? "Not tested yet: " : ", ");
		html_foreign(html, test);
	}
	if (count > 0) {
		html_put(html, ".");
		html_end(html);
	}
}

static void put_evidence(struct html *html, const struct report *report)
{
	struct json_object *verdict = field_object(report->diagnosis, "verdict");
	struct json_object *causes = field_list(verdict, "causes");
	CLEANUP(freep) struct said *said = calloc(1, sizeof(*said));

	if (!said) {
		html->failed = true;
		return;
	}
	if (field_count(causes) == 0 && field_count(field_list(verdict, "silences")) == 0)
		return;
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "Evidence and counter-evidence");
	put_findings(html, report, "Silences", field_list(verdict, "silences"), said);
	for (size_t i = 0; i < field_count(causes); i++)
		put_cause(html, report, field_item(causes, i), said);
	put_untested(html, causes);
	html_end(html);
}

static void put_notes(struct html *html, const struct report *report)
{
	size_t count = field_count(report->notes);
	size_t first = count > NOTES_MAX ? count - NOTES_MAX : 0;

	if (count == 0)
		return;
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "Notes");
	if (first > 0)
		html_put_in(html, "p", "soft", "%zu more are left out.", first);
	html_begin(html, "ul", NULL);
	for (size_t i = first; i < count; i++) {
		struct json_object *note = field_item(report->notes, i);
		int64_t time_us = field_number_or(note, "timeUSec", 0);

		if (field_true(note, "amended") ||
			text_equal(field_text_or(note, "kind", ""), NOTE_REMOVAL))
			continue;
		html_begin(html, "li", NULL);
		if (time_us > 0)
			html_put(html, "%s ", phrase_minute(time_us).text);
		if (!text_equal(field_text_or(note, "kind", ""), "note"))
			html_put(html, "history: ");
		html_foreign(html, field_text_or(note, "text", "?"));
		html_end(html);
	}
	html_end(html);
	html_end(html);
}

static void put_list(struct html *html, const char *title, struct json_object *sentences)
{
	if (field_count(sentences) == 0)
		return;
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "%s", title);
	html_begin(html, "ul", NULL);
	for (size_t i = 0; i < field_count(sentences); i++)
		html_foreign_in(html, "li", NULL, json_object_get_string(field_item(sentences, i)));
	html_end(html);
	html_end(html);
}

static void put_next(struct html *html, const struct report *report)
{
	struct json_object *verdict = field_object(report->diagnosis, "verdict");

	if (!field_object(verdict, "nextStep"))
		return;
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "Next step");
	report_put_next_step(html, report);
	html_end(html);
}

static void put_facts(struct html *html, const struct report *report)
{
	struct json_object *device = field_object(report->diagnosis, "device");

	html_begin(html, "dl", "facts wide");
	html_fact(html, "Model", phrase_model(device));
	html_fact(html, "Product type", field_text(device, "productType"));
	html_fact(html, "ECID", field_text(device, "ecid"));
	html_fact(html, "UDID", field_text(device, "udid"));
	html_fact(html, "Port", field_text(device, "port"));
	html_begin(html, "div", NULL);
	html_put_in(html, "dt", NULL, "Attempts");
	html_put_in(html, "dd", NULL, "%zu, of these %zu failed, %zu succeeded",
		report->attempt_count + report->attempts_left_out,
		report_count_outcome(report, "failed"), report_count_outcome(report, "succeeded"));
	html_end(html);
	html_end(html);
	if (!report->reveal)
		html_put_in(html, "p", "soft",
			"Identifiers are shortened to their last four characters.");
}

static void put_sources(struct html *html, struct json_object *sources)
{
	html_begin(html, "ul", NULL);
	for (size_t i = 0; i < field_count(sources); i++) {
		struct json_object *source = field_item(sources, i);
		const char *detail = field_text(source, "detail");

		html_begin(html, "li", NULL);
		html_foreign(html, field_text_or(source, "name", "?"));
		html_put(html, field_true(source, "up")	      ? ": up"
			       : field_true(source, "absent") ? ": absent"
							      : ": down");
		if (detail && *detail) {
			html_put(html, ", ");
			html_foreign(html, detail);
		}
		html_end(html);
	}
	html_end(html);
}

static void put_origin(struct html *html, const struct report *report)
{
	html_begin(html, "section", NULL);
	html_put_in(html, "h2", NULL, "Where this comes from");
	html_begin(html, "p", NULL);
	html_put(html, "Made on %s by idevicetriage %s", phrase_minute(report->made_us).text,
		PROJECT_VERSION);
	if (report->status) {
		html_put(html, " from idevicetriaged ");
		html_foreign(html, field_text_or(report->status, "version", "?"));
		html_put(html, " on bench ");
		html_foreign(html, field_text_or(report->status, "bench", "?"));
		html_put(html, ". Its sources then:");
	} else {
		html_put(html, " from the records of idevicetriaged, which did not run then.");
	}
	html_end(html);
	if (report->status)
		put_sources(html, field_list(report->status, "sources"));
	html_end(html);
}

void report_put_annex(struct html *html, const struct report *report)
{
	struct json_object *verdict = field_object(report->diagnosis, "verdict");

	html_begin(html, "article", "sheet annex");
	html_put_in(html, "p", "kicker", "Technician's annex");
	html_begin(html, "h1", NULL);
	html_foreign(html, field_text_or(verdict, "summary", "No verdict"));
	html_end(html);
	put_facts(html, report);
	put_next(html, report);
	put_evidence(html, report);
	put_list(html, "Not counted", field_list(verdict, "notCounted"));
	put_list(html, "Not known", field_list(verdict, "missing"));
	put_list(html, "Advice", field_list(verdict, "advice"));
	report_put_attempts(html, report);
	put_notes(html, report);
	report_put_courses(html, report);
	put_origin(html, report);
	html_end(html);
}
