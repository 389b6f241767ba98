/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/service_unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/doctor/system.h"
#include "common/base/text.h"

#define DROP_INS_MAX 64

/* The first folder with a file of that name wins (systemd.unit(5)). */
static const char *const folders[] = {
	"/etc/systemd/system",
	"/run/systemd/system",
	"/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
	"/lib/systemd/system",
};

static bool take_value(const char *line, const char *key, char *out, size_t size)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0)
		return false;
	line += length;
	line += strspn(line, " \t");
	if (*line != '=')
		return false;
	line += 1 + strspn(line + 1, " \t");
	text_clean(line, strlen(line), out, size);
	return true;
}

void service_unit_take(struct service_unit *unit, const char *text)
{
	bool in_service = false;
	char line[SERVICE_VALUE_SIZE];

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (line[0] == '[')
			in_service = text_starts_with(line, "[Service]");
		if (!in_service)
			continue;
		/* An empty value resets the earlier ones. */
		if (!take_value(line, "ExecStart", unit->start, sizeof(unit->start)))
			take_value(line, "Restart", unit->restart, sizeof(unit->restart));
	}
}

struct drop_ins {
	char names[DROP_INS_MAX][SYSTEM_NAME_SIZE];
	size_t count;
};

static bool add_drop_in(void *user, const char *name)
{
	struct drop_ins *all = user;
	size_t length = strlen(name), at = 0;

	if (length < 6 || !text_equal(name + length - 5, ".conf"))
		return true;
	while (at < all->count && strcmp(all->names[at], name) < 0)
		at++;
	if (at < all->count && text_equal(all->names[at], name))
		return true;
	memmove(all->names[at + 1], all->names[at], (all->count - at) * sizeof(all->names[0]));
	text_copy(all->names[at], sizeof(all->names[at]), name);
	return ++all->count < DROP_INS_MAX - 1;
}

/* Reads the first file of that name in the folders. */
static char *read_first(const char *root, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (system_exists(root, path))
			return system_read(root, path, NULL);
	}
	return NULL;
}

static void take_drop_ins(struct service_unit *unit, const char *root, const char *name)
{
	static struct drop_ins all;
	char path[PATH_MAX];

	all.count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s.d", folders[i], name);
		system_each(root, path, add_drop_in, &all);
	}
	for (size_t i = 0; i < all.count; i++) {
		CLEANUP(freep) char *text = NULL;

		snprintf(path, sizeof(path), "%s.d/%s", name, all.names[i]);
		text = read_first(root, path);
		if (text)
			service_unit_take(unit, text);
	}
}

struct service_unit service_unit_read(const char *root, const char *name)
{
	struct service_unit unit = {.restart = "no"};
	CLEANUP(freep) char *text = read_first(root, name);

	if (!text)
		return unit;
	unit.found = true;
	unit.masked = !*text;
	service_unit_take(&unit, text);
	take_drop_ins(&unit, root, name);
	return unit;
}
