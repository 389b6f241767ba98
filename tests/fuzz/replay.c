/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the files of a corpus through a fuzz target once, without libFuzzer: what a fuzzer found
 * stays a test with every compiler. Usage: replay_NAME DIRECTORY */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (16 * 1024 * 1024)

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static int replay_file(const char *path)
{
	CLEANUP(closefilep) FILE *file = fopen(path, "rb");
	CLEANUP(freep) uint8_t *copy = NULL;
	CLEANUP(freep) uint8_t *data = malloc(INPUT_BYTES_MAX);
	size_t size;

	if (!file || !data)
		return file ? -ENOMEM : -errno;
	size = fread(data, 1, INPUT_BYTES_MAX, file);
	/* Exactly as large as the input, so that a sanitizer sees a read past its end. */
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned count = 0;
	DIR *folder;

	folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (!folder) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder))) {
		char path[PATH_MAX];
		int r;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		r = replay_file(path);
		if (r < 0) {
			fprintf(stderr, "%s: %s\n", path, strerror(-r));
			return 1;
		}
		count++;
	}
	closedir(folder);
	printf("%u inputs\n", count);
	return count > 0 ? 0 : 1;
}
