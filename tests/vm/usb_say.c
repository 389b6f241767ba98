/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usb-say mux PORT TEXT: sends the text to a port of the first phone through usbmuxd, and waits
 * for its echo. usb-say bulk DEVICE TEXT COUNT: sends COUNT transfers full of the text to a device,
 * a path under /dev/bus/usb. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ENDPOINT 4
#define TRANSFER_BYTES 16384

/* The binary form of usbmuxd's protocol. */
struct connect {
	uint32_t size, version, message, tag, device;
	uint16_t port, reserved;
};

struct result {
	uint32_t size, version, message, tag, code;
};

static int say_mux(const char *port, const char *text)
{
	const struct connect connect_request = {
		.size = sizeof(connect_request),
		.message = 2,
		.tag = 1,
		.device = 1,
		.port = htons((uint16_t)atoi(port)),
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/var/run/usbmuxd"};
	const size_t size = strlen(text);
	struct result result;
	char echo[256];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || size > sizeof(echo))
		return 1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	if (write(fd, &connect_request, sizeof(connect_request)) != sizeof(connect_request))
		return 1;
	if (recv(fd, &result, sizeof(result), MSG_WAITALL) != sizeof(result) || result.code != 0)
		return 1;
	if (write(fd, text, size) != (ssize_t)size)
		return 1;
	if (recv(fd, echo, size, MSG_WAITALL) != (ssize_t)size)
		return 1;
	return memcmp(echo, text, size) == 0 ? 0 : 1;
}

static int say_bulk(const char *path, const char *text, const char *count)
{
	static char data[TRANSFER_BYTES];
	struct usbdevfs_bulktransfer transfer = {
		.ep = ENDPOINT,
		.len = sizeof(data),
		.timeout = 5000,
		.data = data,
	};
	unsigned interface = 0;
	int fd = open(path, O_RDWR);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = text[i % strlen(text)];
	if (fd < 0 || ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface) < 0) {
		fprintf(stderr, "usb-say: cannot use %s: %m\n", path);
		return 1;
	}
	for (long i = 0; i < atol(count); i++) {
		if (ioctl(fd, USBDEVFS_BULK, &transfer) != sizeof(data)) {
			fprintf(stderr, "usb-say: cannot send to %s: %m\n", path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "mux") == 0)
		return say_mux(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "bulk") == 0)
		return say_bulk(argv[2], argv[3], argv[4]);
	return 2;
}
