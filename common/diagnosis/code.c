/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/diagnosis/code.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define SIMILAR_LEAST 3 /* characters: a shorter text is part of too many names */
#define ERRORS                                                                                     \
	(1 << NUMBERING_ITUNES | 1 << NUMBERING_AMR | 1 << NUMBERING_TSS |                         \
		1 << NUMBERING_IRECOVERY | 1 << NUMBERING_SERVICE)
#define ALL ((1 << NUMBERING_COUNT) - 1)

#define ERROR_CAUTION                                                                              \
	"An error number alone proves no cause: idevicetriage diagnose weighs it with all "        \
	"other evidence."
#define PLACE_CAUTION                                                                              \
	"Operations and checkpoints show where a restore stopped, not why: a broken link or a "    \
	"reset stops it anywhere."

static const struct numbering_info infos[NUMBERING_COUNT] = {
	[NUMBERING_ITUNES] = {"itunes", "iTunes error", 0, "iTunes, Finder or Apple Devices",
		ERROR_CAUTION},
	[NUMBERING_AMR] = {"amr", "Restore error", 0,
		"the phone's restore system or Apple's library; iTunes shows the same number",
		ERROR_CAUTION},
	[NUMBERING_TSS] = {"tss", "Signing error", 0,
		"the signing of the firmware with Apple's server; iTunes shows the same number",
		ERROR_CAUTION},
	[NUMBERING_IRECOVERY] = {"irecovery", "libirecovery error", 0,
		"tools on Linux, in recovery and DFU mode", ERROR_CAUTION},
	[NUMBERING_SERVICE] = {"service", "Device service error", 8,
		"Apple's device library, with the phone in normal mode", ERROR_CAUTION},
	[NUMBERING_OPERATION] = {"operation", "Operation", 0,
		"the phone, through the tool; below protocol 14 numbers above 35 are one lower",
		PLACE_CAUTION},
	[NUMBERING_CHECKPOINT] = {"checkpoint", "Checkpoint", 4,
		"the phone's restore system; a number may move from one version of iOS to "
		"another, so go by the name in the log",
		PLACE_CAUTION},
};

static const struct code codes[] = {
#include "common/knowledge/codes.inc"
};

/* Words before a number or name, and the numberings that they select. */
static const struct {
	const char *word;
	unsigned numberings;
} prefixes[] = {
	{"operation", 1 << NUMBERING_OPERATION},
	{"op", 1 << NUMBERING_OPERATION},
	{"checkpoint", 1 << NUMBERING_CHECKPOINT},
	{"started", 1 << NUMBERING_CHECKPOINT},
	{"completed", 1 << NUMBERING_CHECKPOINT},
	{"id", 1 << NUMBERING_CHECKPOINT},
	{"error", ERRORS},
	{"code", ERRORS},
	{"failure", ERRORS | 1 << NUMBERING_CHECKPOINT},
	{"itunes", 1 << NUMBERING_ITUNES | 1 << NUMBERING_AMR | 1 << NUMBERING_TSS},
	{"finder", 1 << NUMBERING_ITUNES | 1 << NUMBERING_AMR | 1 << NUMBERING_TSS},
	{"amr", 1 << NUMBERING_AMR},
	{"amrestoreerrordomain", 1 << NUMBERING_AMR},
	{"status", 1 << NUMBERING_AMR},
	{"tss", 1 << NUMBERING_TSS},
	{"irecv", 1 << NUMBERING_IRECOVERY},
	{"irecovery", 1 << NUMBERING_IRECOVERY},
	{"libirecovery", 1 << NUMBERING_IRECOVERY},
	{"service", 1 << NUMBERING_SERVICE},
};

/* A query, and its results. */
struct search {
	const char *name; /* normalised, not empty; NULL = any */
	bool has_number;
	int64_t number;
	unsigned numberings; /* bit set */
	struct code_match *matches;
	size_t count;
};

const struct code *code_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(codes);
	return codes;
}

/* The first code of each numbering: the table is in their order. */
static size_t first_of(enum numbering numbering)
{
	static size_t firsts[NUMBERING_COUNT + 1];

	if (firsts[NUMBERING_COUNT] == 0) {
		for (size_t i = ARRAY_SIZE(codes); i > 0; i--)
			firsts[codes[i - 1].numbering] = i - 1;
		firsts[NUMBERING_COUNT] = ARRAY_SIZE(codes);
	}
	return firsts[numbering];
}

const struct code *code_by_number(enum numbering numbering, int64_t number)
{
	const struct code *range = NULL;

	for (size_t i = first_of(numbering);
		i < ARRAY_SIZE(codes) && codes[i].numbering == numbering; i++) {
		const struct code *code = &codes[i];

		if (number < code->first || number > code->last)
			continue;
		if (code->first == code->last)
			return code;
		range = range ? range : code;
	}
	return range;
}

enum says code_says(enum numbering numbering, int64_t number)
{
	const struct code *code = number ? code_by_number(numbering, number) : NULL;

	return code ? code->says : SAYS_NOTHING;
}

const struct numbering_info *numbering_info(enum numbering numbering)
{
	return &infos[numbering];
}

/* Converts to lower-case words separated by one space, for comparing names. A minus before a number
 * stays. Returns false if the text is empty or too long. */
static bool tidy(const char *text, char out[static CODE_TEXT_MAX])
{
	size_t length = 0;
	bool gap = false;

	if (strlen(text) >= CODE_TEXT_MAX)
		return false;
	for (const char *c = text; *c; c++) {
		bool minus = *c == '-' && isdigit((unsigned char)c[1]) && (c == text || gap);

		if (!isalnum((unsigned char)*c) && !minus) {
			gap = true;
			continue;
		}
		if (gap && length > 0)
			out[length++] = ' ';
		gap = false;
		out[length++] = (char)tolower((unsigned char)*c);
	}
	out[length] = '\0';
	return length > 0;
}

/* Numbers above the signed range wrap: tools print signed numbers as unsigned. */
static bool read_number(const char *text, size_t length, int64_t *ret)
{
	bool hex = text_starts_with(text, "0x");
	char *end;

	if (!isdigit((unsigned char)text[*text == '-']))
		return false;
	errno = 0;
	if (*text == '-')
		*ret = strtoll(text, &end, 10);
	else
		*ret = (int64_t)strtoull(text, &end, hex ? 16 : 10);
	return errno == 0 && end == text + length;
}

/* The low 16 bits are the number of the checkpoint; the rest are flags: bit 32, all ones of a sign,
 * or the 0x11.. of the phone's own list of steps. */
static bool checkpoint_of(int64_t number, int64_t *ret)
{
	uint64_t bits = (uint64_t)number;
	uint64_t middle = bits >> 16 & 0xffff, high = bits >> 32;
	bool plain = middle == 0 && high <= 1;
	bool of_sign = middle == 0xffff && (high == 0 || high == UINT32_MAX);
	bool of_sign_above = middle == 0 && high == UINT32_MAX;
	bool of_list = middle >> 8 == 0x11 && high == 0;

	*ret = (int64_t)(bits & 0xffff);
	return plain || of_sign || of_sign_above || of_list;
}

/* The number in that numbering: tools print signed numbers as unsigned, and the reverse. */
static bool number_of(enum numbering numbering, int64_t number, int64_t *ret)
{
	*ret = number;
	switch (numbering) {
	case NUMBERING_CHECKPOINT:
		return checkpoint_of(number, ret);
	case NUMBERING_SERVICE:
		if (number < 0 && number >= INT32_MIN)
			*ret = number + (int64_t)UINT32_MAX + 1;
		return true;
	case NUMBERING_OPERATION:
		return number > 0;
	default:
		if (number > INT32_MAX && number <= UINT32_MAX)
			*ret = number - (int64_t)UINT32_MAX - 1;
		return true;
	}
}

static bool has_name(const struct code *code, const char *wanted, bool whole)
{
	char name[CODE_TEXT_MAX];

	for (size_t i = 0; i < CODE_NAMES_MAX && code->names[i]; i++)
		if (tidy(code->names[i], name) &&
			(whole ? text_equal(name, wanted) : strstr(name, wanted) != NULL))
			return true;
	return false;
}

/* The matches stay in the order of the table. */
static void add(struct search *search, const struct code *code, int64_t number)
{
	size_t at = search->count;

	if (search->count == CODE_MATCHES_MAX)
		return;
	for (; at > 0 && search->matches[at - 1].code > code; at--)
		search->matches[at] = search->matches[at - 1];
	search->matches[at] = (struct code_match){.code = code, .number = number};
	search->count++;
}

/* An entry for one number is better than one for a range of the same numbering. */
static bool is_told_better(const struct search *search, const struct code *code)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->matches[i].code->numbering == code->numbering)
			return true;
	return false;
}

static void find(struct search *search, bool ranges)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct code *code = &codes[i];
		int64_t number = code->first;

		if (!(search->numberings & 1U << code->numbering))
			continue;
		if (ranges != (code->first != code->last) ||
			(ranges && is_told_better(search, code)))
			continue;
		if (search->has_number && (!number_of(code->numbering, search->number, &number) ||
						  number < code->first || number > code->last))
			continue;
		if (search->name && !has_name(code, search->name, true))
			continue;
		add(search, code, number);
	}
}

static size_t find_all(struct search *search)
{
	if (!search->has_number && !search->name)
		return 0;
	find(search, false);
	if (search->has_number)
		find(search, true);
	/* idevicerestore prints the phone's 6 as -6. */
	if (search->count == 0 && search->has_number && search->number < 0 &&
		search->number > INT32_MIN && search->numberings & 1 << NUMBERING_AMR) {
		search->number = -search->number;
		search->numberings = 1 << NUMBERING_AMR;
		find(search, false);
		find(search, true);
	}
	return search->count;
}

/* The numberings that the first word selects, if more text follows; 0 if it is not such a word. */
static unsigned prefix_of(const char *text, size_t *ret_length)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		*ret_length = strlen(prefixes[i].word);
		if (text_starts_with(text, prefixes[i].word) && text[*ret_length] == ' ')
			return prefixes[i].numberings;
	}
	return 0;
}

/* Skips the words before number or name; returns the rest. */
static char *skip_prefixes(char *text, unsigned *numberings)
{
	unsigned left;
	size_t length;

	while ((left = prefix_of(text, &length))) {
		*numberings &= left;
		text += length + 1;
	}
	return text;
}

bool code_is_prefix(const char *text)
{
	char tidied[CODE_TEXT_MAX];

	if (!tidy(text, tidied))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (text_equal(tidied, prefixes[i].word))
			return true;
	return false;
}

/* Separates a number before or after the name, as in logs. */
static void split_number(char *text, struct search *search)
{
	size_t first = strcspn(text, " ");
	char *last = strrchr(text, ' ');

	search->name = text;
	if (read_number(text, first, &search->number)) {
		search->has_number = true;
		search->name = text[first] ? text + first + 1 : NULL;
	} else if (last && read_number(last + 1, strlen(last + 1), &search->number)) {
		search->has_number = true;
		*last = '\0';
	}
}

size_t code_find(const char *text, struct code_match ret[static CODE_MATCHES_MAX])
{
	struct search search = {.numberings = ALL, .matches = ret};
	char tidied[CODE_TEXT_MAX], *rest;

	assert(text);
	if (!tidy(text, tidied))
		return 0;
	search.name = tidied;
	if (find_all(&search) > 0)
		return search.count;
	rest = skip_prefixes(tidied, &search.numberings);
	split_number(rest, &search);
	return find_all(&search);
}

size_t code_find_similar(const char *text, struct code_match ret[static CODE_MATCHES_MAX])
{
	struct search search = {.numberings = ALL, .matches = ret};
	char tidied[CODE_TEXT_MAX], *rest;

	assert(text);
	if (!tidy(text, tidied))
		return 0;
	rest = skip_prefixes(tidied, &search.numberings);
	if (strlen(rest) < SIMILAR_LEAST || isdigit((unsigned char)*rest) || *rest == '-')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (search.numberings & 1U << codes[i].numbering &&
			has_name(&codes[i], rest, false))
			add(&search, &codes[i], codes[i].first);
	return search.count;
}
