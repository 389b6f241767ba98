/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A listening Unix socket, created here or inherited. It accepts no connections. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

struct listen_socket {
	int fd;
	struct sockaddr_un address; /* of a socket created here */
	bool made_here;
	dev_t device; /* identify the created file, so that no other file is removed */
	ino_t inode;
};

/* Creates a socket of `type` (SOCK_STREAM, SOCK_SEQPACKET) at `path` with mode 0660, and listens.
 * Replaces a socket that no process listens on. Returns 0, -EADDRINUSE if a process listens there
 * or the file is not a socket, -ENAMETOOLONG, or another negative errno. */
int listen_at(const char *path, int type, struct listen_socket *ret);
/* Takes ownership of `fd`, and closes it on failure. Returns 0, or -ENOTSOCK if it is not a
 * listening Unix socket. */
int listen_take(int fd, struct listen_socket *ret);
/* Closes the socket; deletes the file that listen_at() created. */
void listen_close(struct listen_socket *socket);
