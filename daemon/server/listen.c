/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define LISTEN_BACKLOG 1024 /* a flood of connections delays others, and refuses none */
#define SOCKET_UMASK 0117   /* owner and group only */

/* Removes a socket that no process listens on. Returns 0 or -EADDRINUSE. */
static int remove_stale(const struct sockaddr_un *address, int type)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EADDRINUSE;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return -EADDRINUSE;
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(SOCKET_UMASK);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	return r;
}

int listen_at(const char *path, int type, struct listen_socket *ret)
{
	struct listen_socket made = {.fd = -1, .made_here = true};
	CLEANUP(closep) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;
	int r;

	if (fd < 0)
		return -errno;
	made.address.sun_family = AF_UNIX;
	if (!text_copy(made.address.sun_path, sizeof(made.address.sun_path), path))
		return -ENAMETOOLONG;
	r = remove_stale(&made.address, type);
	if (r >= 0)
		r = bind_private(fd, &made.address);
	if (r < 0)
		return r;
	if (listen(fd, LISTEN_BACKLOG) < 0 || lstat(path, &status) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	made.device = status.st_dev;
	made.inode = status.st_ino;
	made.fd = TAKE_FD(fd);
	*ret = made;
	return 0;
}

int listen_take(int fd, struct listen_socket *ret)
{
	CLEANUP(closep) int owned = fd;
	int listening = 0, family = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0 || !listening ||
		family != AF_UNIX)
		return -ENOTSOCK;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	*ret = (struct listen_socket){.fd = TAKE_FD(owned)};
	return 0;
}

void listen_close(struct listen_socket *socket)
{
	struct stat status;

	if (socket->fd < 0)
		return;
	if (socket->made_here && lstat(socket->address.sun_path, &status) == 0 &&
		status.st_dev == socket->device && status.st_ino == socket->inode)
		unlink(socket->address.sun_path);
	close(socket->fd);
	socket->fd = -1;
}
