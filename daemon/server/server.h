/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The listening socket and its peers: framing, limits, who a peer is. The only buffered sockets of
 * the daemon. It knows Varlink's messages and no method. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macro.h"
#include "common/wire/varlink.h"

/* The limits that idevicetriage-api(7) documents. A request is limited by VARLINK_REQUEST_MAX, its
 * nesting by JSON_DEPTH_MAX. */
#define PEERS_MAX 64
#define PEERS_PER_USER_MAX 16	    /* root excepted */
#define PEER_UNREAD_MAX (1u << 20)  /* bytes of output that wait for the peer */
#define PEER_UNREAD_LOW (64u << 10) /* bytes; below that a stream may go on */
#define REQUEST_STALL_SECONDS 10    /* an unfinished request without progress */
#define REFUSAL_LOG_SECONDS 60	    /* between two lines about refused peers */
#define ACCEPT_PAUSE_SECONDS 1	    /* when descriptors are out */
#define GONE_CHECK_SECONDS 5	    /* between two looks at half-closed streams */
#define CALLS_PER_TURN 16	    /* of one peer, before others have their turn */
#define SLICE_US 2000		    /* the same in time; the call that passes it is finished */
#define TURN_US 10000		    /* for all peers, before the rest of the daemon has its turn */

/* What a peer may do; decided by the kernel's word about it alone (SO_PEERCRED, unix(7)). */
enum access {
	ACCESS_READ = 1 << 0,
	ACCESS_WRITE = 1 << 1,
	ACCESS_ADMIN = 1 << 2,
};

struct loop;
struct peer;
struct server;

/* Who serves the peers. None is called while one of them runs, nor from peer_send(). */
struct server_handler {
	/* A call; it is the server's, but may be emptied. */
	void (*call)(void *user, struct peer *peer, struct varlink_call *call);
	/* The peer with a stream has read so much that at most PEER_UNREAD_LOW wait. */
	void (*drained)(void *user, struct peer *peer);
	/* The peer with a stream is gone; the pointer is good until this returns. */
	void (*gone)(void *user, struct peer *peer);
	void *user;
};

/* Makes a server that listens nowhere. `handler` is copied. Returns 0 or a negative errno; the
 * caller owns *ret. */
int server_new(struct loop *loop, const struct server_handler *handler, struct server **ret);
/* Closes everything; peers with a stream are reported as gone before. Returns NULL. */
struct server *server_free(struct server *server);
DEFINE_FREEP(struct server, server_free)
/* Listens on `path` (mode 0660). A socket that nobody listens on any more is replaced;
 * server_free() removes it. Returns 0, -EADDRINUSE where another process listens there, or a
 * negative errno. */
int server_listen(struct server *server, const char *path);
/* Listens on a socket that is bound and listening already (socket activation). Takes `fd`, also
 * where it fails. */
int server_listen_fd(struct server *server, int fd);
/* Takes a connected socket as if it had been accepted; closes it where no peer may be added. */
void server_adopt(struct server *server, int fd);

/* The enum access bits of the peer. */
unsigned peer_access(const struct peer *peer);
/* Sends a message, which is taken; NULL is a message for which memory ran out: the peer is closed,
 * rather than left without an answer. A peer that leaves more than PEER_UNREAD_MAX unread is
 * closed; where a stream owns it, the message is dropped instead and -EAGAIN returned. Otherwise
 * returns 0, or -EPIPE where the peer is closed. */
int peer_send(struct peer *peer, struct json_object *message);
/* Bytes of output that the peer has not taken. */
size_t peer_unread(const struct peer *peer);
/* The stream that owns the connection, NULL = none: its calls wait until there is none again. */
void peer_set_stream(struct peer *peer, void *stream);
void *peer_stream(const struct peer *peer);
