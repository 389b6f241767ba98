/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/macro.h"

#define SIZE_FIRST 16384

/* Grows the buffer to more than `length` bytes. */
static int grow(char **bytes, size_t length, size_t *size)
{
	char *larger;

	if (length < *size)
		return 0;
	larger = realloc(*bytes, *size ? 2 * *size : SIZE_FIRST);
	if (!larger)
		return -ENOMEM;
	*bytes = larger;
	*size = *size ? 2 * *size : SIZE_FIRST;
	return 0;
}

int file_read(const char *path, int flags, size_t max, char **ret, size_t *ret_length)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
	CLEANUP(freep) char *bytes = NULL;
	size_t size = 0, length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n != 0 && length <= max) {
		if (grow(&bytes, length, &size) < 0)
			return -ENOMEM;
		n = read(fd, bytes + length, size - length);
		if (n < 0 && errno != EINTR)
			return -errno;
		length += n > 0 ? (size_t)n : 0;
	}
	*ret_length = length < max ? length : max;
	bytes[*ret_length] = '\0';
	*ret = TAKE_PTR(bytes);
	return length > max ? 1 : 0;
}

int file_sync_name(const char *path)
{
	CLEANUP(closep) int fd = -1;
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash)
		strcpy(folder, ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}
