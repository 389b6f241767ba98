/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/template.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/diagnosis/comparison.h"

#define WORD_SIZE 160

static void word_number(char *out, uint64_t number, const char *unknown)
{
	if (number)
		snprintf(out, WORD_SIZE, "%" PRIu64, number);
	else
		text_copy(out, WORD_SIZE, unknown);
}

static void word_operation(const struct attempt *attempt, char *out)
{
	if (attempt && attempt->operation_name[0])
		text_copy(out, WORD_SIZE, attempt->operation_name);
	else if (attempt && attempt->operation)
		snprintf(out, WORD_SIZE, "operation %" PRIu32, attempt->operation);
	else
		text_copy(out, WORD_SIZE, "an unknown step");
}

static void word_checkpoint(const struct attempt *attempt, char *out)
{
	if (attempt && attempt->checkpoint_name[0])
		text_copy(out, WORD_SIZE, attempt->checkpoint_name);
	else if (attempt && attempt->checkpoint)
		snprintf(out, WORD_SIZE, "checkpoint 0x%04" PRIX32, attempt->checkpoint);
	else
		text_copy(out, WORD_SIZE, "an unknown checkpoint");
}

static void word_code(const struct attempt_view *about, char *out)
{
	int64_t code = about ? (about->phone_code ? about->phone_code : about->code) : 0;

	if (code)
		snprintf(out, WORD_SIZE, "error %" PRId64, code);
	else
		text_copy(out, WORD_SIZE, "no code");
}

static void word_text(char *out, const char *text, const char *unknown)
{
	text_copy(out, WORD_SIZE, text && *text ? text : unknown);
}

/* The shop's name for the port, if it has one. */
static void word_port(const struct attempt *attempt, char *out)
{
	const char *name = attempt ? attempt_condition(attempt, "portName") : NULL;

	if (!attempt || !attempt->port[0])
		text_copy(out, WORD_SIZE, name ? name : "not known");
	else
		snprintf(out, WORD_SIZE, "%s%s%s", attempt->port, name ? ", " : "",
			name ? name : "");
}

/* What changed in the success that a sentence is about, or else in the newest one. */
static void word_changes(
	const struct case_analysis *view, const struct attempt_view *about, char *out)
{
	for (size_t i = view->count; i > 0 && (!about || !about->contrast_count); i--)
		about = &view->attempts[i - 1];
	if (about && about->contrast_count)
		comparison_describe(view, about, about->contrasts[0].changed, out, WORD_SIZE);
	else
		text_copy(out, WORD_SIZE, "another setup");
}

static void fill_word(const struct case_analysis *view, const struct attempt_view *about,
	uint64_t changed, const char *name, char out[static WORD_SIZE])
{
	const struct attempt *attempt = about ? about->attempt : NULL;

	if (word_is(name, "computers"))
		word_number(out, view->computers, "several");
	else if (word_is(name, "cables"))
		word_number(out, view->cables, "several");
	else if (word_is(name, "failures"))
		word_number(out, view->failed_count, "no");
	else if (word_is(name, "operation"))
		word_operation(attempt, out);
	else if (word_is(name, "checkpoint"))
		word_checkpoint(attempt, out);
	else if (word_is(name, "code"))
		word_code(about, out);
	else if (word_is(name, "tool"))
		word_text(out, attempt ? attempt->tool : NULL, "the restore tool");
	else if (word_is(name, "cable"))
		word_text(out, attempt ? attempt_condition(attempt, "cable") : NULL,
			"the unlabelled one");
	else if (word_is(name, "port"))
		word_port(attempt, out);
	else if (word_is(name, "product"))
		word_text(out, view->c->identity.product, "this phone");
	else if (word_is(name, "words"))
		word_text(out, attempt ? attempt->failure_text : NULL, "nothing more");
	else if (word_is(name, "change") && about)
		comparison_describe(view, about, changed, out, WORD_SIZE);
	else if (word_is(name, "name") && changed)
		text_copy(out, WORD_SIZE, view->factors[__builtin_ctzll(changed)].name);
	else if (word_is(name, "changes"))
		word_changes(view, about, out);
	else
		out[0] = '\0';
}

void wording_fill(const struct case_analysis *view, const struct attempt_view *about,
	uint64_t changed, const char *template, char *out, size_t size)
{
	size_t used = 0;

	if (!about)
		about = case_analysis_last_failure(view);
	while (*template && used + 1 < size) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		char name[32], word[WORD_SIZE];

		if (!end || (size_t)(end - template) > sizeof(name)) {
			out[used++] = *template ++;
			continue;
		}
		text_copy(name, (size_t)(end - template), template + 1);
		fill_word(view, about, changed, name, word);
		text_copy(out + used, size - used, word);
		used += strlen(out + used);
		template = end + 1;
	}
	out[used] = '\0';
}
