/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Firmware files: any bytes as the manifest alone, and as a whole archive with all that is checked
 * in it. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/firmware/firmware.h"
#include "client/firmware/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check_file(const uint8_t *data, size_t size)
{
	CLEANUP(json_object_putp) struct json_object *result = NULL;
	CLEANUP(closep) int fd = memfd_create("firmware", MFD_CLOEXEC);
	struct firmware_options options = {.product = "iPhone12,3", .contents = true};
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.path = path;
	(void)firmware_check(&options, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(manifest_freep) struct manifest *manifest = NULL;

	if (size > 2 && data[0] == 'P' && data[1] == 'K')
		check_file(data, size);
	else
		(void)manifest_read((const char *)data, size, &manifest);
	return 0;
}
