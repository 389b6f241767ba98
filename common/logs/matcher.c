/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/matcher.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/macro.h"

#define PART_BYTES sizeof(uint32_t)
#define FACTOR UINT32_C(0x9e3779b1) /* 2^32 divided by the golden ratio: spreads the heads */

static uint32_t part_at(const char *text)
{
	uint32_t part;

	memcpy(&part, text, sizeof(part));
	return part;
}

static size_t slot_of(uint32_t head)
{
	return head * FACTOR >> (32 - MATCHER_SLOT_BITS);
}

static void add_text(struct matcher *matcher, const char *text)
{
	size_t length = strlen(text);

	assert(matcher->count < MATCHER_TEXTS_MAX);
	assert(length >= MATCHER_TEXT_MIN && length <= UINT16_MAX);
	matcher->texts[matcher->count].text = text;
	matcher->texts[matcher->count].head = part_at(text);
	matcher->texts[matcher->count].tail = part_at(text + length - PART_BYTES);
	matcher->texts[matcher->count++].length = (uint16_t)length;
}

void matcher_build(struct matcher *matcher, matcher_text *text_of)
{
	const char *text;

	matcher->count = 0;
	memset(matcher->first, 0, sizeof(matcher->first));
	for (size_t i = 0; (text = text_of(i)); i++)
		add_text(matcher, text);
	/* Backwards, so that each chain keeps the order of adding. */
	for (size_t i = matcher->count; i > 0; i--) {
		uint16_t *first = &matcher->first[slot_of(matcher->texts[i - 1].head)];

		matcher->texts[i - 1].next = *first;
		*first = (uint16_t)i;
	}
}

/* Whether the text is at the start of the `left` bytes, whose head is the text's. */
static bool is_at(const struct matcher *matcher, size_t text, const char *bytes, size_t left)
{
	size_t length = matcher->texts[text].length;

	/* Many texts begin alike, but few of them also end alike. */
	return length <= left &&
	       matcher->texts[text].tail == part_at(bytes + length - PART_BYTES) &&
	       memcmp(bytes, matcher->texts[text].text, length) == 0;
}

/* The next place, from `at`, where a text may begin. */
static size_t find_head(const struct matcher *matcher, const char *line, size_t at, size_t end)
{
	while (at < end && !matcher->first[slot_of(part_at(line + at))])
		at++;
	return at;
}

void matcher_run(const struct matcher *matcher, const char *line, size_t length,
	matcher_found *found, void *user)
{
	size_t end = length < PART_BYTES ? 0 : length - PART_BYTES + 1; /* of the heads */

	for (size_t at = 0; (at = find_head(matcher, line, at, end)) < end; at++) {
		uint32_t head = part_at(line + at);

		for (size_t i = matcher->first[slot_of(head)]; i; i = matcher->texts[i - 1].next)
			if (matcher->texts[i - 1].head == head &&
				is_at(matcher, i - 1, line + at, length - at))
				found(user, i - 1, at);
	}
}
