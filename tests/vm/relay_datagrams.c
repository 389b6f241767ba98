/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* relay-datagrams FROM TO: passes on the datagrams between who connects to the socket FROM and the
 * socket TO, and writes all of them to standard output. It ends with the first connection. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

/* Returns whether there may be more. */
static int pass(int from, int to)
{
	static char data[65536];
	ssize_t n = recv(from, data, sizeof(data), 0);

	return n > 0 && write(STDOUT_FILENO, data, (size_t)n) == n &&
	       send(to, data, (size_t)n, MSG_NOSIGNAL) == n;
}

static int relay(int one, int other)
{
	struct pollfd ends[] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};

	while (poll(ends, 2, -1) > 0) {
		if (ends[0].revents && !pass(one, other))
			return 0;
		if (ends[1].revents && !pass(other, one))
			return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un from, to;
	int listening, one, other;

	if (argc != 3)
		return 2;
	from = address_of(argv[1]);
	to = address_of(argv[2]);
	listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	other = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (bind(listening, (struct sockaddr *)&from, sizeof(from)) < 0 ||
		listen(listening, 1) < 0) {
		perror(argv[1]);
		return 1;
	}
	one = accept(listening, NULL, NULL);
	if (one < 0 || connect(other, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror(argv[2]);
		return 1;
	}
	return relay(one, other);
}
