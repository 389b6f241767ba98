/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/try/trial.h"

#include "client/phrase.h"
#include "common/base/text.h"

#define FINDINGS_SHOWN 4

static struct json_object *newest(struct json_object *diagnosis)
{
	struct json_object *sessions = field_list(diagnosis, "sessions");

	return field_count(sessions) ? field_item(sessions, 0) : NULL;
}

static bool is(struct json_object *session, const char *outcome)
{
	return text_equal(field_text_or(session, "outcome", ""), outcome);
}

static bool same_step(struct json_object *a, struct json_object *b)
{
	return text_equal(phrase_step(a).text, phrase_step(b).text);
}

static void say_course(struct layout *layout, struct json_object *last, struct json_object *now)
{
	struct phrase step = phrase_step(now), before = phrase_step(last);

	layout_paint(layout, is(now, "succeeded") ? PAINT_GOOD : PAINT_BOLD);
	if (is(now, "succeeded"))
		layout_put(layout, "The restore worked.");
	else if (is(now, "not-started"))
		layout_put(layout, "The restore did not start, so it shows nothing.");
	else if (!is(now, "failed"))
		layout_put(layout, "The restore has no result (%s).",
			field_text_or(now, "outcome", "unknown"));
	else if (!step.text[0])
		layout_put(layout, "The restore failed.");
	else if (is(last, "failed") && same_step(last, now))
		layout_put(layout, "The restore failed at the same point: %s.", step.text);
	else if (is(last, "failed") && before.text[0])
		layout_put(layout, "The restore failed at another point: %s. Before: %s.",
			step.text, before.text);
	else
		layout_put(layout, "The restore failed: %s.", step.text);
	layout_paint(layout, PAINT_NONE);
	layout_line(layout, 0);
}

static bool tests(const struct experiment *experiment, const char *cause)
{
	for (size_t i = 0; i < knowledge_causes_count; i++)
		if (text_equal(knowledge_causes[i].word, cause))
			return experiment->tests & UINT32_C(1) << i;
	return false;
}

static bool has_finding(struct json_object *diagnosis, const char *side, const char *text)
{
	struct json_object *causes = field_list(field_object(diagnosis, "verdict"), "causes");

	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *list = field_list(field_item(causes, i), side);

		for (size_t j = 0; j < field_count(list); j++)
			if (text_equal(field_text_or(field_item(list, j), "text", ""), text))
				return true;
	}
	return false;
}

/* The new findings of a cause on one side. Returns how many there are. */
static size_t say_findings(const struct trial *trial, struct json_object *cause, const char *side,
	const char *sign, size_t shown)
{
	struct layout *layout = &trial->context->layout;
	struct json_object *list = field_list(cause, side);
	size_t count = 0;

	for (size_t i = 0; i < field_count(list) && shown + count < FINDINGS_SHOWN; i++) {
		const char *text = field_text_or(field_item(list, i), "text", "");

		if (has_finding(trial->before, side, text))
			continue;
		layout_put(layout, "%s", sign);
		layout_tab(layout, 4);
		layout_foreign(layout, field_text_or(cause, "title", "?"));
		layout_put(layout, ": ");
		layout_foreign(layout, text);
		layout_line(layout, 2);
		count++;
	}
	return count;
}

static void say_proof(const struct trial *trial, struct json_object *after)
{
	struct layout *layout = &trial->context->layout;
	struct json_object *causes = field_list(field_object(after, "verdict"), "causes");
	size_t count = 0;

	layout_put(layout, "What this shows:");
	layout_line(layout, 2);
	for (size_t i = 0; i < field_count(causes); i++) {
		struct json_object *cause = field_item(causes, i);

		if (!tests(trial->experiment, field_text_or(cause, "cause", "")))
			continue;
		count += say_findings(trial, cause, "evidence", "+", count);
		count += say_findings(
			trial, cause, "counterEvidence", layout_sign(layout, "−", "-"), count);
	}
	if (count == 0) {
		layout_put(layout, "Nothing new for or against the change.");
		layout_line(layout, 0);
	}
	layout->indent = 0;
}

static void say_verdict(struct layout *layout, const char *when, struct json_object *diagnosis)
{
	layout_put(layout, "%s", when);
	layout_tab(layout, 9);
	layout_foreign(layout, field_text_or(field_object(diagnosis, "verdict"), "summary", "?"));
	layout_line(layout, 0);
}

bool outcome_say(const struct trial *trial, struct json_object *after)
{
	struct layout *layout = &trial->context->layout;
	struct json_object *now = newest(after), *known = newest(trial->before);

	if (!now || (known && text_equal(field_text_or(now, "session", "-"),
				      field_text_or(known, "session", ""))))
		return false;
	layout_line(layout, 0);
	say_course(layout, trial->last, now);
	say_proof(trial, after);
	say_verdict(layout, "Before:", trial->before);
	say_verdict(layout, "Now:", after);
	fflush(layout->out);
	return true;
}
