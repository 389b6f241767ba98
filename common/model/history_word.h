/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for a phone's history that the diagnosis or the shops share, from
 * knowledge/history.txt. Other words may be noted as well; this says what these mean. */
#pragma once

#include <stddef.h>

struct history_word {
	const char *word;
	const char *means;
};

/* Returns the word, or NULL where it is not known. */
const struct history_word *history_word(const char *word);
/* All of them in alphabetical order. */
const struct history_word *history_words(size_t *ret_count);
