/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/accuracy/floors.h"

#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define FLOORS_MAX 32

struct floor {
	char name[32];
	char kind[16];
	size_t limit;
};

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_kind(const char *word)
{
	return text_equal(word, "at-least") || text_equal(word, "at-most");
}

/* Returns the number of limits, or -1 for an invalid line. */
static int read_floors(const char *path, struct floor floors[static FLOORS_MAX])
{
	CLEANUP(closefilep) FILE *file = fopen(path, "re");
	char line[256];
	int count = 0;

	if (!file) {
		fprintf(stderr, "Cannot open %s: %m\n", path);
		return -1;
	}
	while (fgets(line, sizeof(line), file)) {
		char rest[2];
		struct floor *floor = &floors[count];

		if (line[strspn(line, " \t\n")] == '\0' || line[0] == '#')
			continue;
		if (count + 1 == FLOORS_MAX ||
			sscanf(line, "%31s %15s %zu %1s", floor->name, floor->kind, &floor->limit,
				rest) != 3 ||
			!is_kind(floor->kind)) {
			fprintf(stderr, "%s: syntax error: %s", path, line);
			return -1;
		}
		count++;
	}
	return count;
}

static bool figure_holds(const struct figure *figure, const struct floor *floor)
{
	bool least = text_equal(floor->kind, "at-least");
	bool holds = least ? figure->value >= floor->limit : figure->value <= floor->limit;
	const char *word = "";

	if (!holds)
		word = "  FAILED";
	else if (figure->value != floor->limit)
		word = least ? "  better: raise the floor" : "  better: lower the limit";
	printf("  %-14s %5zu  %s %zu%s\n", figure->name, figure->value, floor->kind, floor->limit,
		word);
	return holds;
}

bool floors_hold(const char *path, const struct figure *figures, size_t count)
{
	struct floor floors[FLOORS_MAX];
	int floor_count = read_floors(path, floors);
	bool hold = floor_count == (int)count;

	if (!hold && floor_count >= 0)
		fprintf(stderr, "%s: %d limits for %zu figures\n", path, floor_count, count);
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (int j = 0; j < floor_count && !found; j++) {
			found = text_equal(floors[j].name, figures[i].name);
			if (found)
				hold &= figure_holds(&figures[i], &floors[j]);
		}
		if (!found)
			printf("  %-14s %5zu  has no limit  FAILED\n", figures[i].name,
				figures[i].value);
		hold &= found;
	}
	return hold;
}
