/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The search for many texts against the plain search for each. */
#include "tests/unit/test.h"

#include <string.h>

#include "common/base/macro.h"
#include "common/logs/matcher.h"

#define LINE_BYTES 200
#define ROUNDS 20000

/* Few letters, so that texts overlap and begin each other. */
static const char *const texts[] = {"abab", "ababab", "aabb", "bbbbbbbb", "abba", "aaaaaaaaa"};

static struct matcher matcher;

struct seen {
	size_t count, last;
	size_t by_text[ARRAY_SIZE(texts)];
};

static void note(void *user, size_t text, size_t at)
{
	struct seen *seen = user;

	assert_true(at >= seen->last);
	seen->last = at;
	seen->count++;
	seen->by_text[text]++;
}

static const char *text_of(size_t number)
{
	return number < ARRAY_SIZE(texts) ? texts[number] : NULL;
}

static const char *no_text(size_t number)
{
	return NULL;
}

static size_t count_plainly(const char *line, size_t length, const char *text)
{
	size_t count = 0, size = strlen(text);

	for (size_t at = 0; at + size <= length; at++)
		count += memcmp(line + at, text, size) == 0;
	return count;
}

static void test_finds_what_is_there(void **state)
{
	uint32_t random = 1;

	matcher_build(&matcher, text_of);
	for (size_t round = 0; round < ROUNDS; round++) {
		struct seen seen = {.count = 0};
		char line[LINE_BYTES];
		size_t length = round % (LINE_BYTES + 1);

		for (size_t i = 0; i < length; i++) {
			random = random * 1664525 + 1013904223;
			line[i] = "aaabbb bbcaa"[(random >> 16) % 12];
		}
		matcher_run(&matcher, line, length, note, &seen);
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			assert_int_equal(seen.by_text[i], count_plainly(line, length, texts[i]));
	}
}

static void test_no_texts(void **state)
{
	struct seen seen = {.count = 0};

	matcher_build(&matcher, no_text);
	matcher_run(&matcher, "abab", 4, note, &seen);
	assert_int_equal(seen.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_is_there),
		cmocka_unit_test(test_no_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
