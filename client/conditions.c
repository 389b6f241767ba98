/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/conditions.h"

#include <string.h>

#include "common/base/text.h"

/* The options, with their words as in case files (an open set has none). */
static const struct {
	int option;
	const char *name;
	const char *key;
	const char *values[5]; /* in addition to unknown */
} conditions[] = {
	{OPTION_CABLE, "--cable", "cable", {NULL}},
	{OPTION_EARPIECE, "--earpiece-flex", "earpieceFlex",
		{"connected", "disconnected", "replaced"}},
	{OPTION_DISPLAY, "--display", "display", {"connected", "disconnected", "replaced"}},
	{OPTION_BATTERY, "--battery", "battery",
		{"original", "replaced", "disconnected", "known-good"}},
};

static int refuse_value(size_t number, const char *value)
{
	const char *const *known = conditions[number].values;

	report_error("%s must be %s, %s, %s%s%s or unknown, not %s.", conditions[number].name,
		known[0], known[1], known[2], known[3] ? ", " : "", known[3] ? known[3] : "",
		value);
	return EXIT_USAGE;
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
	take(user, key, equals + 1);
	return EXIT_DONE;
}

int condition_read(int option, const char *value, condition_taker *take, void *user)
{
	if (option == OPTION_CONDITION)
		return read_pair(value, take, user);
	if (option == OPTION_MINIMAL) {
		take(user, "minimalBoot", "true");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		const char *const *known = conditions[i].values;

		if (conditions[i].option != option)
			continue;
		while (*known && !text_equal(*known, value))
			known++;
		if (conditions[i].values[0] && !*known && !text_equal(value, "unknown"))
			return refuse_value(i, value);
		take(user, conditions[i].key, value);
		return EXIT_DONE;
	}
	return -1;
}
