/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/sysfs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/macro.h"

bool sysfs_read(const char *devices, const char *name, const char *attribute,
	char value[static SYSFS_VALUE_SIZE])
{
	CLEANUP(closep) int fd = -1;
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/%s", devices, name, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, value, SYSFS_VALUE_SIZE - 1);
	if (n <= 0)
		return false;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return true;
}
