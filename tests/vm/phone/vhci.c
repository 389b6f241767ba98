/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/vhci.h"

#include "common/base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#define ATTACH_PATH "/sys/devices/platform/vhci_hcd.0/attach"
#define DEVICE_ID 1
#define SPEED_HIGH 3 /* enum usb_device_speed of linux/usb/ch9.h */
#define RETRY_INTERVAL_US 500
#define RETRY_COUNT 4000

static int write_attach(unsigned port, int kernel_end)
{
	CLEANUP(closep) int fd = open(ATTACH_PATH, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* The kernel looks the socket's number up in the process that writes. */
	if (dprintf(fd, "%u %d %d %d", port, kernel_end, DEVICE_ID, SPEED_HIGH) < 0)
		return -errno;
	return 0;
}

int vhci_attach(unsigned port, int *ret_socket)
{
	const struct timespec pause = {.tv_nsec = RETRY_INTERVAL_US * 1000L};
	CLEANUP(closep) int ours = -1;
	CLEANUP(closep) int kernels = -1;
	int ends[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	kernels = ends[1];
	/* The port stays taken for a moment after a device was unplugged. */
	for (int attempt = 0; attempt < RETRY_COUNT; attempt++) {
		r = write_attach(port, kernels);
		if (r == 0) {
			*ret_socket = TAKE_FD(ours);
			return 0;
		}
		if (r != -EBUSY && r != -EINVAL)
			return r;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}
