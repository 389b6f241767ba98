/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/matcher.h"

#include <string.h>

#include "common/base/macro.h"

#define BLOCK_BYTES 2
#define SHIFT_MAX 255

static size_t block_of(const char *bytes)
{
	uint16_t block;

	memcpy(&block, bytes, sizeof(block));
	return block;
}

static void add_text(struct matcher *matcher, const char *text)
{
	size_t length = strlen(text);

	assert(matcher->count < MATCHER_TEXTS_MAX);
	assert(length >= MATCHER_TEXT_MIN && length <= SHIFT_MAX);
	matcher->texts[matcher->count] = text;
	matcher->lengths[matcher->count++] = (uint16_t)length;
	if (length < matcher->window)
		matcher->window = length;
}

static void index_blocks(struct matcher *matcher)
{
	size_t window = matcher->window;

	memset(matcher->shift, (int)(window - BLOCK_BYTES + 1), sizeof(matcher->shift));
	/* Backwards, so that each chain keeps the order of adding. */
	for (size_t i = matcher->count; i > 0; i--) {
		const char *text = matcher->texts[i - 1];
		size_t last = block_of(text + window - BLOCK_BYTES);

		for (size_t at = 0; at + BLOCK_BYTES <= window; at++) {
			uint8_t *shift = &matcher->shift[block_of(text + at)];
			size_t distance = window - BLOCK_BYTES - at;

			if (distance < *shift)
				*shift = (uint8_t)distance;
		}
		matcher->next[i - 1] = matcher->first[last];
		matcher->first[last] = (uint16_t)i;
	}
}

void matcher_build(struct matcher *matcher, matcher_text *text_of)
{
	const char *text;

	matcher->count = 0;
	matcher->window = SHIFT_MAX;
	memset(matcher->first, 0, sizeof(matcher->first));
	for (size_t i = 0; (text = text_of(i)); i++)
		add_text(matcher, text);
	index_blocks(matcher);
}

void matcher_run(const struct matcher *matcher, const char *line, size_t length,
	matcher_found *found, void *user)
{
	size_t window = matcher->window;
	size_t end = window; /* of the current window */

	if (matcher->count == 0)
		return;
	while (end <= length) {
		size_t block = block_of(line + end - BLOCK_BYTES);
		size_t shift = matcher->shift[block];
		size_t at = end - window;

		end += shift ? shift : 1;
		if (shift)
			continue;
		for (size_t i = matcher->first[block]; i; i = matcher->next[i - 1]) {
			size_t size = matcher->lengths[i - 1];

			if (size <= length - at && line[at] == matcher->texts[i - 1][0] &&
				memcmp(line + at, matcher->texts[i - 1], size) == 0)
				found(user, i - 1, at);
		}
	}
}
