/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A listening Unix socket, made here or inherited. Accepts nothing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

struct listen_socket {
	int fd;
	struct sockaddr_un address; /* of a socket that was made here */
	bool made_here;
	dev_t device; /* what was made, so that nothing else is removed */
	ino_t inode;
};

/* Makes a socket at `path` with mode 0660, and listens. A socket that nobody listens at any more is
 * replaced. Returns 0, -EADDRINUSE where someone listens there or it is no socket, -ENAMETOOLONG,
 * or a negative errno. */
int listen_at(const char *path, struct listen_socket *ret);
/* Takes over `fd`, and closes it on failure. Returns 0, or -ENOTSOCK where it is no listening Unix
 * socket. */
int listen_take(int fd, struct listen_socket *ret);
/* Closes the socket; removes the file that listen_at() made. */
void listen_close(struct listen_socket *socket);
