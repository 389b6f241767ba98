/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The listening socket and its peers: framing, limits, and the identity of a peer. It has the only
 * buffered sockets of the daemon. It handles Varlink messages but no methods. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/macro.h"
#include "common/wire/varlink.h"

/* The limits documented in idevicetriage-api(7). VARLINK_REQUEST_MAX limits a request,
 * JSON_DEPTH_MAX its nesting. */
#define PEERS_MAX 64
#define PEERS_PER_USER_MAX 16 /* except root */
#define PEERS_SPARE 16	      /* beyond PEERS_MAX, for users who have few of them */
#define PEERS_FEW 4
#define PEER_UNREAD_MAX (1u << 20)  /* bytes of output pending for the peer */
#define PEER_UNREAD_LOW (64u << 10) /* bytes; below this a stream continues */
#define REQUEST_STALL_SECONDS 10    /* limit for an unfinished request without progress */
#define REFUSAL_LOG_SECONDS 60	    /* between two log lines about refused peers */
#define CLOSINGS_LOG_MAX 20	    /* closed connections that are logged in that time */
#define ACCEPT_PAUSE_SECONDS 1	    /* after running out of descriptors */
#define GONE_CHECK_SECONDS 5	    /* between two checks of half-closed streams */
#define CALLS_PER_TURN 16	    /* of one peer, before others get their turn */
#define SLICE_US 1000		    /* the same as time; the call that exceeds it is finished */
#define HALVE_US 200000		    /* the time that a user has used counts half after it */
#define TURN_US 1000		    /* for all peers, before the rest of the daemon gets its turn */

/* What a peer may do; based only on its credentials from the kernel (SO_PEERCRED, unix(7)). */
enum access {
	ACCESS_READ = 1 << 0,
	ACCESS_WRITE = 1 << 1,
	ACCESS_ADMIN = 1 << 2,
	ACCESS_EXCHANGE = 1 << 3, /* delivers what other benches stored and purged */
};

struct loop;
struct peer;
struct server;

/* The callbacks for peers. None is called during another one, nor from peer_send(). */
struct server_handler {
	/* A call arrived. The server owns it; the callback may take its contents. */
	void (*call)(void *user, struct peer *peer, struct varlink_call *call);
	/* A peer with a stream has read enough: at most PEER_UNREAD_LOW bytes are pending. */
	void (*drained)(void *user, struct peer *peer);
	/* A peer with a stream has left; the pointer is valid until the callback returns. */
	void (*gone)(void *user, struct peer *peer);
	void *user;
};

/* Creates a server without a listening socket. `handler` is copied. Returns 0 or a negative errno;
 * the caller owns *ret. */
int server_new(struct loop *loop, const struct server_handler *handler, struct server **ret);
/* Closes everything; calls `gone` for peers with a stream first. Returns NULL. */
struct server *server_free(struct server *server);
DEFINE_FREEP(struct server, server_free)
/* Listens on `path` (mode 0660). Replaces a socket that no process listens on; server_free()
 * deletes it. Returns 0, -EADDRINUSE if another process listens there, or another negative
 * errno. */
int server_listen(struct server *server, const char *path);
/* Listens on a bound, listening socket (socket activation). Takes ownership of `fd`, even on
 * failure. */
int server_listen_fd(struct server *server, int fd);
/* Adds a connected socket like an accepted one; closes it if the limit of peers is reached. */
void server_adopt(struct server *server, int fd);

/* The user of the peer. */
uid_t peer_user(const struct peer *peer);
/* The peer's rights, as enum access bits. */
unsigned peer_access(const struct peer *peer);
/* Sends a message and takes ownership of it. NULL means that building it ran out of memory: the
 * peer is closed, so that it does not wait for an answer. A peer with more than PEER_UNREAD_MAX
 * pending bytes is closed too; if a stream owns the connection, the message is dropped instead and
 * -EAGAIN returned. Otherwise returns 0, or -EPIPE if the peer is closed. */
int peer_send(struct peer *peer, struct json_object *message);
/* Bytes of output pending for the peer. */
size_t peer_unread(const struct peer *peer);
/* Sets the stream that owns the connection, NULL = none: the peer's calls wait until there is
 * none. */
void peer_set_stream(struct peer *peer, void *stream);
void *peer_stream(const struct peer *peer);
