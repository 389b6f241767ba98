/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/history_word.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct history_word words[] = {
#include "common/knowledge/history.inc"
};

const struct history_word *history_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(words[i].word, word))
			return &words[i];
	return NULL;
}

const struct history_word *history_words(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(words);
	return words;
}
