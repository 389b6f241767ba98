/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/verdict_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/code.h"
#include "common/diagnosis/knowledge.h"

#define COMPLAINT_SHOWN_SIZE 200 /* bytes in the summary, with the NUL */

/* The phone's status counts more than the end of the tool. */
static bool is_finished(const struct attempt_view *a)
{
	return a->attempt->status_known && a->attempt->status == 0;
}

static bool is_broken_off(const struct attempt_view *a)
{
	return a->attempt->outcome == OUTCOME_ABORTED && !is_finished(a);
}

static bool is_end_unknown(const struct attempt_view *a)
{
	enum outcome outcome = a->attempt->outcome;

	return !a->running && (outcome == OUTCOME_UNKNOWN || outcome == OUTCOME_LOST ||
				      outcome == OUTCOME_ENDED_UNKNOWN);
}

static bool is_not_started(const struct attempt_view *a)
{
	return a->attempt->outcome == OUTCOME_NOT_STARTED;
}

/* The newest attempt of that kind; NULL if there is none. */
static const struct attempt_view *newest(
	const struct case_analysis *view, bool (*is)(const struct attempt_view *a))
{
	for (size_t i = view->count; i > 0; i--)
		if (is(&view->attempts[i - 1]))
			return &view->attempts[i - 1];
	return NULL;
}

static bool is_succeeded(const struct attempt_view *a)
{
	return a->succeeded || is_finished(a);
}

/* What to do where there is no failure to experiment on. */
struct step {
	const char *word, *title, *text;
};

static const struct step let_it_end = {"let-it-end", "let one restore run to its end",
	"Let one restore run to its end: nothing is known of it before the tool ends."};
static const struct step check_start = {"check-start", "check whether the phone starts",
	"Check whether the phone starts. If it does not, let one restore run to its end."};
static const struct step start_again = {"start-again", "fix the error and start the restore again",
	"Fix the error and start the restore again."};
static const struct step restore_again = {"restore-again",
	"restore again with the newest tool and an intact firmware file",
	"Restore again (Update) with the newest tool and an intact firmware file: suspect the data "
	"that the tool supplied before any part."};

static void set_step(struct verdict *verdict, const struct step *step, const char *text)
{
	verdict->next = (struct next_step){.experiment = step->word, .title = step->title};
	text_copy(verdict->next.text, sizeof(verdict->next.text), text ? text : step->text);
}

static const char *remedy_of(const struct attempt *attempt)
{
	for (size_t i = 0; i < knowledge_remedies_count; i++)
		if (attempt_sign(attempt, knowledge_remedies[i].sign))
			return knowledge_remedies[i].text;
	return NULL;
}

static void tell_not_started(const struct attempt *attempt, struct verdict *verdict)
{
	char complaint[COMPLAINT_SHOWN_SIZE];
	size_t length = text_clean(
		attempt->complaint, strlen(attempt->complaint), complaint, sizeof(complaint));

	/* Watched without a tool's log. */
	if (attempt->mode_count && !attempt->tool[0]) {
		snprintf(verdict->summary, sizeof(verdict->summary),
			"No restore was seen: the phone came and went as it does when it is "
			"replugged or restarted. This says nothing about the phone.");
		return;
	}
	snprintf(verdict->summary, sizeof(verdict->summary),
		"No restore has begun, which says nothing about the phone%s%s%s",
		length ? ". The tool said: \"" : "", complaint, length ? "\"" : ".");
	set_step(verdict, &start_again, remedy_of(attempt));
}

/* A person who aborts a restore has a reason, for example that it hangs: an abort is no sign of
 * success. */
void ending_summarize(const struct case_analysis *view, struct verdict *verdict)
{
	const struct attempt_view *success = newest(view, is_succeeded);
	const struct attempt_view *unknown = newest(view, is_end_unknown);
	const struct attempt_view *not_started = newest(view, is_not_started);
	const char *summary = "No failure was seen.";

	verdict->phase = verdict->running == RUNNING_HUNG ? PHASE_UNDECIDED : PHASE_NONE;
	if (view->count == 0 && view->c->attempt_count > 0) {
		verdict->phase = PHASE_UNDECIDED;
		summary = "Undecided: each attempt with this phone was taken back, so nothing is "
			  "known about it.";
	} else if (success && success > unknown) {
		summary = verdict->running ? "What was tried before succeeded."
					   : "No failure was seen: what was tried succeeded.";
	} else if (newest(view, is_broken_off)) {
		verdict->phase = PHASE_UNDECIDED;
		summary = "Undecided: what was tried was broken off before it failed or succeeded.";
		set_step(verdict, &let_it_end, NULL);
	} else if (verdict->running) {
		summary = "";
	} else if (verdict->silence_count) {
		verdict->phase = PHASE_UNDECIDED;
		summary = "Undecided: a phone was silent past its time, and the end of its restore "
			  "was not seen.";
		set_step(verdict, &check_start, NULL);
	} else if (unknown) {
		verdict->phase = PHASE_UNDECIDED;
		summary = "Undecided: how the restore ended is not known.";
		set_step(verdict, &check_start, NULL);
	} else if (not_started) {
		verdict->phase = PHASE_UNDECIDED;
		tell_not_started(not_started->attempt, verdict);
		return;
	}
	text_copy(verdict->summary, sizeof(verdict->summary), summary);
}

void ending_add_failed_step(const struct case_analysis *view, struct verdict *verdict)
{
	const struct attempt_view *success = newest(view, is_succeeded);
	const struct failed_step *step;
	const struct code *code;
	size_t used = strlen(verdict->summary);

	if (!success || success->attempt->failed_step_count == 0)
		return;
	step = &success->attempt->failed_steps[0];
	code = code_by_number(NUMBERING_CHECKPOINT, step->checkpoint);
	if (verdict->phase == PHASE_NONE) {
		verdict->phase = PHASE_UNDECIDED;
		used = 0;
	}
	snprintf(verdict->summary + used, sizeof(verdict->summary) - used,
		"%sThe restore finished, but its step %s (checkpoint 0x%04" PRIX32
		") failed%s%s%s.",
		used ? " " : "",
		step->name[0] ? step->name
		: code	      ? code->names[0]
			      : "of no name",
		step->checkpoint, code && code->exercises ? "; not updated: " : "",
		code && code->exercises ? code->exercises : "",
		success->attempt->failed_step_count > 1 ? ", and other steps failed too" : "");
	if (!verdict->next.experiment)
		set_step(verdict, &restore_again, NULL);
}
