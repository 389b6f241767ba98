/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's configuration file. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/macro.h"
#include "daemon/options.h"
#include "tests/fuzz/fuzz.h"

/* The sentences about what is refused go nowhere; libFuzzer uses the descriptor itself. */
static void silence(void)
{
	static bool silent;

	if (silent)
		return;
	silent = true;
	stderr = fopen("/dev/null", "we");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(closep) int fd = memfd_create("settings", MFD_CLOEXEC);
	static struct options options;
	char name[] = "idevicetriaged", option[] = "--config", path[64];
	char *argv[] = {name, option, path, NULL};

	silence();
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)options_read(3, argv, &options);
	return 0;
}
