/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/system.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/macro.h"

#define ANSWER_BYTES 65536 /* twice the kernel's limit for one answer */
#define ANSWER_S 2

static int ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} message = {
		.header = {.nlmsg_len = sizeof(message),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = AF_UNIX,
			.udiag_states = UINT32_MAX,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER},
	};

	return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* The peer of a socket with the name `path`; 0 = it has another name, or no peer. */
static uint32_t read_peer(const struct nlmsghdr *header, const char *path)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const struct rtattr *attribute = (const struct rtattr *)(message + 1);
	unsigned length = (unsigned)NLMSG_PAYLOAD(header, sizeof(*message));
	uint32_t peer = 0;
	bool named = false;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return 0;
	for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
		size_t size = RTA_PAYLOAD(attribute);

		if (attribute->rta_type == UNIX_DIAG_NAME)
			named = strnlen(RTA_DATA(attribute), size) == strlen(path) &&
				memcmp(RTA_DATA(attribute), path, strlen(path)) == 0;
		else if (attribute->rta_type == UNIX_DIAG_PEER && size >= sizeof(peer))
			memcpy(&peer, RTA_DATA(attribute), sizeof(peer));
	}
	return named ? peer : 0;
}

/* Reads one datagram. Returns 1 if there are more, 0 at the end, or a negative errno. */
static int take(
	const uint8_t *bytes, unsigned length, const char *path, uint32_t *peers, int *count)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)bytes;

	for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		uint32_t peer;

		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return -EOPNOTSUPP;
		peer = read_peer(header, path);
		if (peer && *count < UNIX_PEERS_MAX)
			peers[(*count)++] = peer;
	}
	return 1;
}

int unix_peers(const char *path, uint32_t peers[static UNIX_PEERS_MAX])
{
	CLEANUP(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	CLEANUP(freep) uint8_t *bytes = malloc(ANSWER_BYTES);
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int count = 0, r;

	if (!bytes)
		return -ENOMEM;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	r = ask(fd);
	if (r < 0)
		return r;
	do {
		ssize_t n = recv(fd, bytes, ANSWER_BYTES, 0);

		if (n < 0)
			return -errno;
		r = take(bytes, (unsigned)n, path, peers, &count);
	} while (r > 0);
	return r < 0 ? r : count;
}
