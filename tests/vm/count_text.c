/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* count-text TEXT PATH...: counts the text in files, and prints "PATH COUNT" for each. Of
 * /proc/PROCESS/mem it reads the memory that the process can write; the machine has no room for a
 * copy of it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define BLOCK_BYTES 65536
#define TEXT_BYTES_MAX 256

/* A text that two blocks share is found in the second one. */
static unsigned count_range(int fd, const char *text, uint64_t from, uint64_t to)
{
	static char data[TEXT_BYTES_MAX + BLOCK_BYTES];
	const size_t size = strlen(text);
	size_t kept = 0;
	unsigned count = 0;

	while (from < to) {
		size_t wanted = to - from < BLOCK_BYTES ? (size_t)(to - from) : BLOCK_BYTES;
		ssize_t n = pread(fd, data + kept, wanted, (off_t)from);
		const char *end = data + kept + n, *found = data;

		if (n <= 0)
			break;
		while ((found = memmem(found, (size_t)(end - found), text, size))) {
			found += size;
			count++;
		}
		from += (uint64_t)n;
		kept = (size_t)(end - data) < size - 1 ? (size_t)(end - data) : size - 1;
		memmove(data, end - kept, kept);
	}
	return count;
}

static unsigned count_memory(int fd, const char *text, FILE *mappings)
{
	char line[512], rights[5];
	uint64_t from, to;
	unsigned count = 0;

	while (fgets(line, sizeof(line), mappings))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) == 3 &&
			strncmp(rights, "rw", 2) == 0)
			count += count_range(fd, text, from, to);
	return count;
}

static int count_path(const char *text, const char *path)
{
	int process, fd = open(path, O_RDONLY);
	char maps[64];
	FILE *mappings;
	unsigned count;

	if (fd < 0) {
		fprintf(stderr, "count-text: cannot read %s: %m\n", path);
		return 1;
	}
	if (sscanf(path, "/proc/%d/mem", &process) == 1) {
		snprintf(maps, sizeof(maps), "/proc/%d/maps", process);
		mappings = fopen(maps, "r");
		if (!mappings)
			return 1;
		count = count_memory(fd, text, mappings);
		fclose(mappings);
	} else {
		count = count_range(fd, text, 0, INT64_MAX);
	}
	close(fd);
	printf("%s %u\n", path, count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3 || !*argv[1] || strlen(argv[1]) > TEXT_BYTES_MAX)
		return 2;
	for (int i = 2; i < argc; i++)
		if (count_path(argv[1], argv[i]) != 0)
			return 1;
	return 0;
}
