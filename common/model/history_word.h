/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for a phone's history, from knowledge/history.txt, with their meanings. Notes may use
 * other words too. */
#pragma once

#include <stddef.h>

struct history_word {
	const char *word;
	const char *means;
};

/* Returns the word, or NULL if it is unknown. */
const struct history_word *history_word(const char *word);
/* All of them in alphabetical order. */
const struct history_word *history_words(size_t *ret_count);
