/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A restore tool of any version: to --version it answers what the file `version` beside it says,
 * and all else does the installed one. `run` asks no script. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"

#define TOOL "/usr/bin/idevicerestore"

static int print_version(const char *self)
{
	char path[4096], version[64] = "";
	const char *slash = strrchr(self, '/');
	FILE *file;

	if (!slash)
		return 1;
	snprintf(path, sizeof(path), "%.*s/version", (int)(slash - self), self);
	file = fopen(path, "re");
	if (!file)
		return 1;
	if (fgets(version, sizeof(version), file))
		printf("idevicerestore %s\n", version);
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && text_equal(argv[1], "--version"))
		return print_version(argv[0]);
	execv(TOOL, argv);
	return 127;
}
