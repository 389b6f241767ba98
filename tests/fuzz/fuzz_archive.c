/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files to import: plain, compressed, or an archive. Reads all members. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/import/source.h"
#include "common/base/macro.h"
#include "tests/fuzz/fuzz.h"

#define BYTES_MAX (256u << 10) /* of a bomb: more shows no more */

static void read_members(struct source *source)
{
	static char bytes[65536];
	struct source_member member;
	size_t total = 0;

	while (total < BYTES_MAX && source_next(source, &member) > 0) {
		long n;

		while (total < BYTES_MAX && (n = source_read(source, bytes, sizeof(bytes))) > 0)
			total += (size_t)n;
		(void)source_permille(source);
	}
	(void)source_problem(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(source_freep) struct source *source = NULL;
	CLEANUP(closep) int fd = memfd_create("archive", MFD_CLOEXEC);
	char path[64], problem[SOURCE_PROBLEM_SIZE];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (source_open(path, &source, problem) == 0)
		read_members(source);
	return 0;
}
