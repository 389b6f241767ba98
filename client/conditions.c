/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/conditions.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/attempt.h"
#include "common/model/detail.h"
#include "common/model/factor.h"

#define WORDS_SIZE 160 /* bytes of the values of a factor, as a sentence has them */

/* The options with a key of case files; knowledge/factors.txt has the values. */
static const struct {
	int option;
	const char *name;
	const char *key;
} conditions[] = {
	{OPTION_CABLE, "--cable", "cable"},
	{OPTION_EARPIECE, "--earpiece-flex", "earpieceFlex"},
	{OPTION_DISPLAY, "--display", "display"},
	{OPTION_BATTERY, "--battery", "battery"},
};

static void list_values(const struct factor *factor, char words[static WORDS_SIZE])
{
	size_t used = 0;

	words[0] = '\0';
	for (size_t i = 0; i < FACTOR_VALUES_MAX && factor->values[i] && used < WORDS_SIZE; i++)
		used += (size_t)snprintf(
			words + used, WORDS_SIZE - used, "%s, ", factor->values[i]);
	if (used > 2)
		words[used - 2] = '\0';
}

static int refuse_value(const struct factor *factor, const char *name, const char *value)
{
	const char *nearest = factor_nearest_value(factor, value);
	char words[WORDS_SIZE];

	list_values(factor, words);
	report_error("%s must be %s or unknown, not %s.%s%s%s", name, words, value,
		nearest ? " Did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	return EXIT_USAGE;
}

/* Warns of a key that is neither a condition nor another detail of an attempt. */
static void check_key(const char *key)
{
	const char *nearest = factor_nearest_key(key);

	if (factor_by_key(key) || !detail_is_condition(key))
		return;
	if (nearest)
		report_error("%s is not a known condition; did you mean %s?", key, nearest);
	else
		report_error("%s is not a known condition. It counts as a difference between "
			     "attempts and names no part.",
			key);
}

/* `name` is the option or the key, as typed. */
static int check(const char *name, const char *key, const char *value)
{
	const struct factor *factor = factor_by_key(key);

	if (!*value || !text_is_utf8(value, strlen(value))) {
		report_error("%s must be valid UTF-8 and not empty.", name);
		return EXIT_USAGE;
	}
	if (strlen(key) >= CONDITION_KEY_SIZE || strlen(value) >= CONDITION_VALUE_SIZE) {
		report_error("%.40s... is too long: a key has at most %d bytes, a value %d.",
			strlen(key) >= CONDITION_KEY_SIZE ? key : value, CONDITION_KEY_SIZE - 1,
			CONDITION_VALUE_SIZE - 1);
		return EXIT_USAGE;
	}
	if (factor && !factor_takes(factor, value))
		return refuse_value(factor, name, value);
	check_key(key);
	return EXIT_DONE;
}

static int take_checked(
	const char *name, const char *key, const char *value, condition_taker *take, void *user)
{
	int r = check(name, key, value);

	return r == EXIT_DONE ? take(user, key, value) : r;
}

static int read_pair(const char *value, condition_taker *take, void *user)
{
	const char *equals = strchr(value, '=');
	CLEANUP(freep) char *key = NULL;

	if (!equals || equals == value || !equals[1]) {
		report_error("--condition must be KEY=VALUE, not %s.", value);
		return EXIT_USAGE;
	}
	key = strndup(value, (size_t)(equals - value));
	if (!key)
		return report_no_memory();
	return take_checked(key, key, equals + 1, take, user);
}

int condition_read(int option, const char *value, condition_taker *take, void *user)
{
	if (option == OPTION_CONDITION)
		return read_pair(value, take, user);
	if (option == OPTION_MINIMAL)
		return take(user, "minimalBoot", "true");
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].option == option)
			return take_checked(
				conditions[i].name, conditions[i].key, value, take, user);
	return -1;
}
