/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/case.h"

#include "common/base/text.h"
#include "common/model/history_word.h"

struct triage_case *triage_case_new(void)
{
	return calloc(1, sizeof(struct triage_case));
}

struct triage_case *triage_case_free(struct triage_case *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->attempt_count; i++)
		free(c->attempts[i]);
	free(c->attempts);
	free(c);
	return NULL;
}

struct attempt *triage_case_add(struct triage_case *c)
{
	CLEANUP(freep) struct attempt *attempt = malloc(sizeof(*attempt));
	struct attempt **attempts;

	if (!attempt)
		return NULL;
	attempts = reallocarray(c->attempts, c->attempt_count + 1, sizeof(struct attempt *));
	if (!attempts)
		return NULL;
	attempt_init(attempt);
	c->attempts = attempts;
	c->attempts[c->attempt_count++] = attempt;
	return TAKE_PTR(attempt);
}

void triage_case_add_history(struct triage_case *c, const char *word)
{
	for (size_t i = 0; i < c->history_count; i++)
		if (text_equal(c->history[i], word))
			return;
	if (c->history_count < CASE_HISTORY_MAX) {
		text_copy(c->history[c->history_count++], HISTORY_WORD_SIZE, word);
		return;
	}
	for (size_t i = CASE_HISTORY_MAX; i > 0 && history_word(word); i--) {
		if (history_word(c->history[i - 1]))
			continue;
		text_copy(c->history[i - 1], HISTORY_WORD_SIZE, word);
		return;
	}
}
