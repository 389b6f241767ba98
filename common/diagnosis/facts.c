/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/facts.h"

#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/comparison.h"
#include "common/diagnosis/facts_private.h"
#include "common/diagnosis/memo.h"
#include "common/diagnosis/tool_age.h"

#define FACT_ROW(id, function) [id] = function,
static attempt_test *(*const fact_functions[FACT_COUNT])(const struct case_analysis *) = {
	FACT_FUNCTIONS(FACT_ROW)};

/* The test of the attempts that show it; NULL if it is not true. `fact` is an enum fact_id. */
static attempt_test *fact_test(const struct case_analysis *view, int fact)
{
	struct memo *memo = view->memo;

	assert(fact >= 0 && fact < FACT_COUNT);
	if (!memo->facts[fact].known) {
		memo->facts[fact].known = true;
		memo->facts[fact].test = fact_functions[fact](view);
	}
	return memo->facts[fact].test;
}

static void trace_add(struct trace *trace, const struct attempt *attempt, uint64_t sequence)
{
	if (!sequence || trace->record_count == VERDICT_RECORDS_MAX)
		return;
	for (size_t i = 0; i < trace->record_count; i++)
		if (trace->records[i] == sequence && uuid_equal(&trace->sessions[i], &attempt->id))
			return;
	trace->sessions[trace->record_count] = attempt->id;
	trace->records[trace->record_count++] = sequence;
}

static bool word_among(const struct term *term, const char *word)
{
	for (size_t i = 0; i < term->count; i++)
		if (word_is(term->words[i], word))
			return true;
	return false;
}

static bool number_among(const struct term *term, int64_t number)
{
	for (size_t i = 0; i < term->count; i++)
		if (number && term->numbers[i] == number)
			return true;
	return false;
}

/* The first sign or USB error of a term that the attempt shows; NULL = none. */
static const struct seen_sign *sign_among(const struct term *term, const struct attempt *attempt)
{
	const struct seen_sign *sign = NULL;

	for (size_t i = 0; i < term->count && !sign; i++)
		sign = term->kind == TERM_USB ? attempt_usb_error(attempt, term->numbers[i])
					      : attempt_sign(attempt, term->words[i]);
	return sign;
}

static bool is_older_than_any(const struct term *term, const struct attempt *attempt)
{
	for (size_t i = 0; i < term->count; i++)
		if (firmware_is_older(attempt->firmware_build, term->words[i]) ||
			firmware_is_older(attempt->firmware, term->words[i]))
			return true;
	return false;
}

/* The term of a condition is KEY:VALUE. */
static bool is_condition(const char *word, const struct condition *condition)
{
	size_t length = strlen(condition->key);

	return *word == *condition->key && strncmp(word, condition->key, length) == 0 &&
	       word[length] == ':' && text_equal(word + length + 1, condition->value);
}

static bool condition_among(const struct term *term, const struct attempt *attempt)
{
	for (size_t i = 0; i < term->count; i++)
		for (size_t j = 0; j < attempt->condition_count; j++)
			if (is_condition(term->words[i], &attempt->conditions[j]))
				return true;
	return false;
}

/* The record that shows a term which is true for an attempt. */
static uint64_t record_of_term(const struct term *term, const struct attempt *attempt)
{
	switch (term->kind) {
	case TERM_SIGN:
	case TERM_USB:
		return sign_among(term, attempt)->first_sequence;
	case TERM_OPERATION:
		return attempt->operation_sequence;
	case TERM_CHECKPOINT:
		return attempt->checkpoint_sequence;
	case TERM_AMR:
		return attempt->status_sequence;
	default:
		return attempt->end_sequence;
	}
}

/* Whether a term is true for a failed attempt. */
static bool term_holds_for_attempt(const struct term *term, const struct attempt_view *a)
{
	const struct attempt *attempt = a->attempt;

	switch (term->kind) {
	case TERM_SIGN:
	case TERM_USB:
		return sign_among(term, attempt);
	case TERM_OPERATION:
		return !attempt->operation_passed && number_among(term, attempt->operation);
	case TERM_CHECKPOINT:
		return number_among(term, attempt->checkpoint);
	case TERM_AMR:
		return number_among(term, a->phone_code);
	case TERM_ITUNES:
		return number_among(term, a->code_evidence);
	case TERM_TOOL:
		return word_among(term, attempt->tool);
	case TERM_CAME_BACK:
		return !a->unheard && word_among(term, device_mode_name(attempt->came_back));
	case TERM_STAGE:
		return word_among(term, restore_stage_name(attempt->stage));
	case TERM_ENTRY:
		return word_among(term, device_mode_name(attempt->entry));
	case TERM_ACTION:
		return word_among(term, attempt->action);
	case TERM_CONDITION:
		return condition_among(term, attempt);
	case TERM_OLDER_THAN:
		return is_older_than_any(term, attempt);
	default:
		return false;
	}
}

/* No attempt shows one of its signs. */
static bool lacks_sign(const struct case_analysis *view, const struct term *term)
{
	if (term->kind != TERM_SIGN)
		return false;
	for (size_t i = 0; i < term->count; i++)
		if (case_analysis_may_show(view, term->words[i]))
			return false;
	return true;
}

static bool is_of_attempt(const struct term *term)
{
	return term->kind >= TERM_SIGN && term->kind <= TERM_OLDER_THAN;
}

/* The factors that a term asks about, as bits. */
static uint64_t factors_of(const struct term *term, size_t factor)
{
	return term->each && !term->factors ? FACTOR_BIT(factor) : term->factors;
}

static bool factors_hold(const struct case_analysis *view, const struct term *term, size_t factor,
	const struct attempt_view **shown)
{
	uint64_t asked = factors_of(term, factor);

	if (term->relation == RELATION_IS)
		return term->factors & FACTOR_BIT(factor);
	for (size_t f = 0; f < view->factor_count; f++)
		if (asked & FACTOR_BIT(f) && comparison_holds(view, term->relation, f, shown))
			return true;
	return false;
}

/* `factor` is the one that the rule is tried for; *shown is the attempt that shows it, or NULL. */
static bool term_holds_for_case(const struct case_analysis *view, const struct term *term,
	size_t factor, const struct attempt_view **shown)
{
	*shown = NULL;
	if (term->kind == TERM_FACT)
		return fact_test(view, term->fact) != NULL;
	if (term->kind == TERM_FACTOR)
		return factors_hold(view, term, factor, shown);
	if (term->kind == TERM_TOGETHER)
		return comparison_together(view, term->phase, shown) >= term->times;
	for (size_t i = 0; i < view->c->history_count; i++)
		if (word_among(term, view->c->history[i]))
			return true;
	return false;
}

/* Marks the attempts that show a term of the case, which holds. */
static void mark_term(const struct case_analysis *view, const struct term *term, size_t factor,
	bool marks[static CASE_ANALYSIS_ATTEMPTS_MAX])
{
	attempt_test *test = term->kind == TERM_FACT ? fact_test(view, term->fact) : NULL;

	for (size_t f = 0; term->kind == TERM_FACTOR && f < view->factor_count; f++)
		if (factors_of(term, factor) & FACTOR_BIT(f))
			comparison_mark(view, term->relation, f, marks);
	for (size_t i = 0; i < view->count; i++) {
		const struct attempt_view *a = &view->attempts[i];

		if (term->kind == TERM_TOGETHER)
			marks[i] |= comparison_changed_together(view, a, term->phase);
		if (test && (is_about_successes(test) || a->failed || a->bench_fault))
			marks[i] |= test(a);
	}
}

/* Whether a later attempt that is cited has the same computer and cable. */
static bool is_like_cited(const struct case_analysis *view, const bool *cited, size_t index)
{
	const struct attempt_view *a = &view->attempts[index];

	for (size_t i = index + 1; i < view->count; i++) {
		const struct attempt_view *b = &view->attempts[i];

		if (cited[i] && a->values[FACTOR_ID_HOST][0] == b->values[FACTOR_ID_HOST][0] &&
			a->values[FACTOR_ID_CABLE][0] == b->values[FACTOR_ID_CABLE][0])
			return true;
	}
	return false;
}

/* Cites the ends of the attempts that show what the comparison says, or (`facts`) the facts: the
 * newest ones, and of these first one for each computer and cable. */
static void trace_terms(const struct case_analysis *view, const struct term *terms, size_t count,
	bool facts, size_t factor, struct trace *found)
{
	bool marks[CASE_ANALYSIS_ATTEMPTS_MAX] = {false};
	bool cited[CASE_ANALYSIS_ATTEMPTS_MAX] = {false};

	for (size_t t = 0; t < count; t++)
		if (!terms[t].negated && (terms[t].kind == TERM_FACT) == facts)
			mark_term(view, &terms[t], factor, marks);
	if (!memchr(marks, true, view->count))
		return;
	for (size_t i = 2 * view->count; i > 0 && found->record_count < VERDICT_RECORDS_MAX; i--) {
		size_t index = (i - 1) % view->count;
		const struct attempt *attempt = view->attempts[index].attempt;

		if (!marks[index] || cited[index] ||
			(i > view->count && is_like_cited(view, cited, index)))
			continue;
		cited[index] = true;
		trace_add(found, attempt, attempt->end_sequence);
	}
}

static bool attempt_matches(const struct attempt_view *a, const struct term *terms, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_of_attempt(&terms[i]) &&
			term_holds_for_attempt(&terms[i], a) == terms[i].negated)
			return false;
	return true;
}

/* The terms of the case as a whole, and the last attempt that shows one of them. */
static bool case_matches(const struct case_analysis *view, const struct term *terms, size_t count,
	size_t factor, struct trace *found)
{
	for (size_t i = 0; i < count; i++) {
		const struct attempt_view *shown;

		if (is_of_attempt(&terms[i]))
			continue;
		if (term_holds_for_case(view, &terms[i], factor, &shown) == terms[i].negated)
			return false;
		if (!shown)
			continue;
		found->shown_by = shown;
		found->attempt = shown->index;
	}
	return true;
}

static void match_attempts(const struct case_analysis *view, const struct term *terms, size_t count,
	struct trace *found)
{
	for (size_t i = view->count; i > 0; i--) {
		const struct attempt_view *a = &view->attempts[i - 1];

		if (!a->failed || !attempt_matches(a, terms, count))
			continue;
		if (found->matches++ == 0) {
			found->shown_by = a;
			found->attempt = a->index;
		}
		for (size_t j = 0; j < count; j++)
			if (is_of_attempt(&terms[j]) && !terms[j].negated)
				trace_add(found, a->attempt, record_of_term(&terms[j], a->attempt));
	}
}

bool terms_match(const struct case_analysis *view, const struct term *terms, size_t count,
	size_t factor, struct trace *trace)
{
	struct trace found = {.attempt = SIZE_MAX};
	bool of_attempt = false;

	for (size_t i = 0; i < count; i++) {
		if (!terms[i].negated && lacks_sign(view, &terms[i]))
			return false;
		of_attempt |= is_of_attempt(&terms[i]);
	}
	if (!case_matches(view, terms, count, factor, &found))
		return false;
	trace_terms(view, terms, count, false, factor, &found);
	if (of_attempt)
		match_attempts(view, terms, count, &found);
	else if (!found.record_count)
		trace_terms(view, terms, count, true, factor, &found);
	if (!of_attempt)
		found.matches = 1;
	if (!found.matches)
		return false;
	*trace = found;
	return true;
}

static bool term_holds_for_verdict(
	const struct case_analysis *view, const struct verdict *verdict, const struct term *term)
{
	const struct attempt_view *shown;
	bool holds = false;

	if (term->kind == TERM_VERDICT)
		holds = word_among(term, phase_name(verdict->phase));
	else if (term->kind == TERM_SUSPECT)
		holds = verdict->cause_count && word_among(term, verdict->causes[0].cause);
	else if (!is_of_attempt(term))
		holds = term_holds_for_case(view, term, NO_FACTOR, &shown);
	else if (!lacks_sign(view, term))
		for (size_t i = 0; i < view->count && !holds; i++)
			holds = view->attempts[i].failed &&
				term_holds_for_attempt(term, &view->attempts[i]);
	return holds != term->negated;
}

bool terms_hold_for_verdict(const struct case_analysis *view, const struct verdict *verdict,
	const struct term *terms, size_t count, bool all)
{
	for (size_t i = 0; i < count; i++)
		if (term_holds_for_verdict(view, verdict, &terms[i]) != all)
			return !all;
	return all;
}
