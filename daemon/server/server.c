/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/service_user.h"
#include "daemon/server/listen.h"
#include "daemon/loop.h"

/* A dead peer stays in the list until the loop's next turn frees it: an iteration may still be at
 * it. */
struct peer {
	TAILQ_ENTRY(peer) entry;
	struct server *server;
	struct bufferevent *socket;
	struct ucred who;
	unsigned access;
	void *stream;
	bool dead;
	bool input_ended;  /* it will send no more, but may still read */
	bool stall_timed;  /* an unfinished request has a time limit */
	bool turn_wanted;  /* it waits for its turn */
	uint64_t spent_us; /* on its calls of late */
};

/* The time for a user's calls of late, on all connections: also on those that it has closed. */
struct user_time {
	uid_t user;
	uint64_t spent_us;
};

struct server {
	struct loop *loop;
	struct server_handler handler;
	struct evconnlistener *listener;
	struct listen_socket bound;
	struct loop_timer *reaper;
	struct loop_timer *next_turn;
	struct loop_timer *accept_pause;
	struct loop_timer *gone_check;
	uid_t exchange_user; /* of idevicetriage-sync; 0 = none */
	uint64_t refusal_told_us;
	uint64_t closings_since_us; /* the minute in which `closings` were logged */
	unsigned closings;
	uint64_t accepts_since_us; /* 0 = none since accepting last paused */
	size_t waiting;		   /* peers with turn_wanted */
	struct user_time times[PEERS_MAX + PEERS_SPARE];
	uint64_t halved_us; /* when all times were last halved */
	TAILQ_HEAD(peer_list, peer) peers;
};

static void peer_kill(struct peer *peer)
{
	if (peer->dead)
		return;
	peer->dead = true;
	bufferevent_setcb(peer->socket, NULL, NULL, NULL, NULL);
	bufferevent_disable(peer->socket, EV_READ | EV_WRITE);
	loop_timer_start(peer->server->reaper, 0);
}

static void peer_free(struct peer *peer)
{
	struct server *server = peer->server;

	if (peer->stream)
		server->handler.gone(server->handler.user, peer);
	server->waiting -= peer->turn_wanted;
	TAILQ_REMOVE(&server->peers, peer, entry);
	bufferevent_free(peer->socket);
	free(peer);
}

static void reap(void *user)
{
	struct server *server = user;
	struct peer *peer, *next;

	for (peer = TAILQ_FIRST(&server->peers); peer; peer = next) {
		next = TAILQ_NEXT(peer, entry);
		if (peer->dead)
			peer_free(peer);
	}
}

/* True if the other end is fully closed, not just for writing. */
static bool peer_hung_up(const struct peer *peer)
{
	struct pollfd state = {.fd = bufferevent_getfd(peer->socket)};

	return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
}

/* If a stream's peer has closed its input, epoll does not report its end while nothing is sent. */
static void check_gone(void *user)
{
	struct server *server = user;
	bool waiting = false;
	struct peer *peer;

	TAILQ_FOREACH(peer, &server->peers, entry)
	{
		if (peer->dead || !peer->input_ended || !peer->stream)
			continue;
		if (peer_hung_up(peer))
			peer_kill(peer);
		else
			waiting = true;
	}
	if (waiting)
		loop_timer_start(server->gone_check, GONE_CHECK_SECONDS * USEC_PER_SEC);
}

static void time_request(struct peer *peer, bool unfinished)
{
	static const struct timeval limit = {.tv_sec = REQUEST_STALL_SECONDS};

	if (peer->stall_timed == unfinished)
		return;
	peer->stall_timed = unfinished;
	bufferevent_set_timeouts(peer->socket, unfinished ? &limit : NULL, NULL);
}

static uint64_t now_us(void)
{
	return clock_now().monotonic_us;
}

/* Logs why a connection is closed, and no flood of such lines. */
static void log_closing(const struct peer *peer, const char *why)
{
	struct server *server = peer->server;
	uint64_t now = now_us();

	if (server->closings == 0 ||
		now - server->closings_since_us >= REFUSAL_LOG_SECONDS * USEC_PER_SEC) {
		server->closings_since_us = now;
		server->closings = 0;
	}
	if (server->closings++ >= CLOSINGS_LOG_MAX)
		return;
	log_warning("Closed the connection of process %d of user %u: %s.%s", (int)peer->who.pid,
		(unsigned)peer->who.uid, why,
		server->closings == CLOSINGS_LOG_MAX ? " More are not logged for a minute." : "");
}

/* Reads one call from the input. Returns false if there is none, or the peer was closed. */
static bool read_call(struct peer *peer, struct varlink_call *ret)
{
	struct evbuffer *input = bufferevent_get_input(peer->socket);
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r;

	text = evbuffer_readln(input, &length, EVBUFFER_EOL_NUL);
	if (!text && evbuffer_get_length(input) <= VARLINK_REQUEST_MAX)
		return false;
	r = text && length <= VARLINK_REQUEST_MAX ? varlink_call_read(text, length, ret)
						  : -EMSGSIZE;
	if (r < 0) {
		log_closing(peer, r == -EMSGSIZE  ? "its request is too long"
				  : r == -EBADMSG ? "it does not speak Varlink"
						  : strerror(-r));
		peer_kill(peer);
	}
	return r == 0;
}

/* Pending output is sent first; then written() closes the connection. */
static void close_if_done(struct peer *peer)
{
	if (peer->input_ended && !peer->stream && peer_unread(peer) == 0)
		peer_kill(peer);
}

/* What was long ago counts no more. */
static void halve_times(struct server *server)
{
	uint64_t now = now_us();
	struct peer *peer;

	if (now - server->halved_us < HALVE_US)
		return;
	server->halved_us = now;
	TAILQ_FOREACH(peer, &server->peers, entry)
	peer->spent_us /= 2;
	for (size_t i = 0; i < ARRAY_SIZE(server->times); i++)
		server->times[i].spent_us /= 2;
}

static uint64_t spent_by_user(const struct server *server, uid_t user)
{
	for (size_t i = 0; i < ARRAY_SIZE(server->times); i++)
		if (server->times[i].user == user)
			return server->times[i].spent_us;
	return 0;
}

/* Adds to the user's time; one more user replaces the one with the least. */
static void spend(struct peer *peer, uint64_t us)
{
	struct user_time *times = peer->server->times, *found = &times[0];

	for (size_t i = 0; i < PEERS_MAX + PEERS_SPARE && found->user != peer->who.uid; i++)
		if (times[i].user == peer->who.uid || times[i].spent_us < found->spent_us)
			found = &times[i];
	if (found->user != peer->who.uid)
		*found = (struct user_time){.user = peer->who.uid};
	found->spent_us += us;
	peer->spent_us += us;
}

/* Other peers, and pending output, go first. */
static void serve_later(struct peer *peer)
{
	struct server *server = peer->server;

	if (peer->turn_wanted)
		return;
	peer->turn_wanted = true;
	server->waiting++;
	loop_timer_start(server->next_turn, 0);
}

static void serve(struct peer *peer)
{
	const struct server_handler *handler = &peer->server->handler;
	struct evbuffer *input = bufferevent_get_input(peer->socket);
	uint64_t began_us = clock_used_us(), spent_us = 0, used_us;
	struct varlink_call call;
	bool more = true;

	halve_times(peer->server);
	/* After a large answer, the peer gets one turn of time to read it. */
	for (unsigned i = 0; more && i < CALLS_PER_TURN && !peer->stream; i++) {
		more = read_call(peer, &call);
		if (more) {
			handler->call(handler->user, peer, &call);
			varlink_call_done(&call);
		}
		/* Not the time for which other programs had the processor: no peer caused that. */
		used_us = clock_used_us() - began_us - spent_us;
		spend(peer, used_us);
		spent_us += used_us;
		if (peer->dead)
			return;
		if (peer_unread(peer) > PEER_UNREAD_LOW || spent_us >= SLICE_US)
			break;
	}
	if (!more && peer->input_ended) /* an incomplete request */
		evbuffer_drain(input, evbuffer_get_length(input));
	time_request(peer, !more && !peer->stream && evbuffer_get_length(input) > 0);
	if (peer->stream)
		return;
	if (more)
		serve_later(peer);
	else
		close_if_done(peer);
}

/* The next waiting peer: the connection with the least time, of the user with the least time. */
static struct peer *next_waiting(const struct server *server)
{
	struct peer *peer, *next = NULL;
	uint64_t least_us = 0;

	TAILQ_FOREACH(peer, &server->peers, entry)
	{
		uint64_t user_us;

		if (!peer->turn_wanted)
			continue;
		user_us = spent_by_user(server, peer->who.uid);
		if (next && (user_us > least_us ||
				    (user_us == least_us && peer->spent_us >= next->spent_us)))
			continue;
		next = peer;
		least_us = user_us;
	}
	return next;
}

static void serve_waiting(void *user)
{
	struct server *server = user;
	uint64_t began_us = now_us();
	struct peer *peer;

	while (now_us() - began_us < TURN_US && (peer = next_waiting(server))) {
		peer->turn_wanted = false;
		server->waiting--;
		if (!peer->dead)
			serve(peer);
	}
	if (server->waiting)
		loop_timer_start(server->next_turn, 0);
}

static void came(struct bufferevent *socket, void *user)
{
	struct peer *peer = user;

	loop_work_begin(peer->server->loop);
	/* New calls queue behind waiting peers. */
	if (peer->server->waiting || loop_turn_us(peer->server->loop) >= TURN_US)
		serve_later(peer);
	else
		serve(peer);
	loop_work_end(peer->server->loop);
}

static void written(struct bufferevent *socket, void *user)
{
	struct peer *peer = user;
	struct server *server = peer->server;

	loop_work_begin(server->loop);
	if (peer->stream)
		server->handler.drained(server->handler.user, peer);
	else if (evbuffer_get_length(bufferevent_get_input(socket)) == 0)
		close_if_done(peer);
	loop_work_end(server->loop);
}

static void input_ended(struct peer *peer)
{
	struct server *server = peer->server;

	peer->input_ended = true;
	time_request(peer, false);
	if (!peer->stream) {
		serve_later(peer);
		return;
	}
	if (peer_hung_up(peer))
		peer_kill(peer);
	else
		loop_timer_start(server->gone_check, GONE_CHECK_SECONDS * USEC_PER_SEC);
}

static void happened(struct bufferevent *socket, short what, void *user)
{
	struct peer *peer = user;

	loop_work_begin(peer->server->loop);
	if (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		peer_kill(peer);
	else
		input_ended(peer);
	loop_work_end(peer->server->loop);
}

/* The socket's permissions decide who may connect; further rights depend only on the user. */
static unsigned access_of(const struct server *server, const struct ucred *who)
{
	unsigned access = ACCESS_READ | ACCESS_WRITE;

	if (who->uid == 0 || who->uid == geteuid())
		access |= ACCESS_ADMIN | ACCESS_EXCHANGE;
	else if (who->uid == server->exchange_user)
		access |= ACCESS_EXCHANGE;
	return access;
}

static bool may_add(struct server *server, const struct ucred *who)
{
	unsigned all = 0, of_user = 0;
	struct stamp now;
	struct peer *peer;

	TAILQ_FOREACH(peer, &server->peers, entry)
	{
		all += !peer->dead;
		of_user += !peer->dead && peer->who.uid == who->uid;
	}
	if (all < PEERS_MAX && (who->uid == 0 || of_user < PEERS_PER_USER_MAX))
		return true;
	if (all < PEERS_MAX + PEERS_SPARE && of_user < PEERS_FEW)
		return true;
	now = clock_now();
	if (server->refusal_told_us == 0 ||
		now.monotonic_us - server->refusal_told_us >= REFUSAL_LOG_SECONDS * USEC_PER_SEC) {
		log_warning(
			"Refused process %d of user %u: %u connections are open, %u of this user.",
			(int)who->pid, (unsigned)who->uid, all, of_user);
		server->refusal_told_us = now.monotonic_us;
	}
	return false;
}

static int add_peer(struct server *server, int fd, const struct ucred *who)
{
	CLEANUP(freep) struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return -ENOMEM;
	peer->socket = bufferevent_socket_new(loop_base(server->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!peer->socket)
		return -ENOMEM;
	peer->server = server;
	peer->who = *who;
	peer->access = access_of(server, who);
	/* One byte over the limit is enough to detect a violation; no more is read. */
	bufferevent_setwatermark(peer->socket, EV_READ, 0, VARLINK_REQUEST_MAX + 1);
	bufferevent_setwatermark(peer->socket, EV_WRITE, PEER_UNREAD_LOW, 0);
	bufferevent_setcb(peer->socket, came, written, happened, peer);
	if (bufferevent_enable(peer->socket, EV_READ | EV_WRITE) < 0) {
		bufferevent_free(peer->socket); /* and its descriptor */
		return 0;
	}
	TAILQ_INSERT_TAIL(&server->peers, peer, entry);
	TAKE_PTR(peer);
	return 0;
}

void server_adopt(struct server *server, int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || !may_add(server, &who) ||
		add_peer(server, fd, &who) < 0)
		close(fd);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int length, void *user)
{
	struct server *server = user;

	loop_work_begin(server->loop);
	server_adopt(server, fd);
	/* libevent calls this as long as someone connects. */
	if (server->accepts_since_us == 0) {
		server->accepts_since_us = now_us();
	} else if (now_us() - server->accepts_since_us > SLICE_US) {
		evconnlistener_disable(listener);
		loop_timer_start(server->accept_pause, 0);
	}
	loop_work_end(server->loop);
}

static void accept_failed(struct evconnlistener *listener, void *user)
{
	struct server *server = user;

	log_warning("Cannot accept a connection: %s.", strerror(errno));
	evconnlistener_disable(listener);
	loop_timer_start(server->accept_pause, ACCEPT_PAUSE_SECONDS * USEC_PER_SEC);
}

static void accept_again(void *user)
{
	struct server *server = user;

	server->accepts_since_us = 0;
	if (server->listener)
		evconnlistener_enable(server->listener);
}

int server_new(struct loop *loop, const struct server_handler *handler, struct server **ret)
{
	CLEANUP(server_freep) struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	TAILQ_INIT(&server->peers);
	server->loop = loop;
	server->handler = *handler;
	server->exchange_user = service_user("idevicetriage-sync");
	server->bound.fd = -1;
	r = loop_timer_new(loop, reap, server, &server->reaper);
	if (r >= 0)
		r = loop_timer_new(loop, serve_waiting, server, &server->next_turn);
	if (r >= 0)
		r = loop_timer_new(loop, accept_again, server, &server->accept_pause);
	if (r >= 0)
		r = loop_timer_new(loop, check_gone, server, &server->gone_check);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

/* The latest answers should still arrive; output that would block is dropped. */
static void send_rest(struct peer *peer)
{
	struct evbuffer *output = bufferevent_get_output(peer->socket);

	if (peer->dead || evbuffer_get_length(output) == 0)
		return;
	bufferevent_disable(peer->socket, EV_READ | EV_WRITE);
	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(peer->socket));
}

struct server *server_free(struct server *server)
{
	struct peer *peer;

	if (!server)
		return NULL;
	if (server->listener)
		evconnlistener_free(server->listener);
	listen_close(&server->bound);
	while ((peer = TAILQ_FIRST(&server->peers))) {
		send_rest(peer);
		peer_free(peer);
	}
	loop_timer_free(server->reaper);
	loop_timer_free(server->next_turn);
	loop_timer_free(server->accept_pause);
	loop_timer_free(server->gone_check);
	free(server);
	return NULL;
}

static int start_listening(struct server *server)
{
	/* A backlog of 0: the socket is already listening. */
	server->listener = evconnlistener_new(loop_base(server->loop), accepted, server,
		LEV_OPT_CLOSE_ON_EXEC, 0, server->bound.fd);
	if (!server->listener)
		return -ENOMEM;
	evconnlistener_set_error_cb(server->listener, accept_failed);
	return 0;
}

int server_listen(struct server *server, const char *path)
{
	int r;

	assert(server->bound.fd < 0);
	r = listen_at(path, SOCK_STREAM, &server->bound);
	return r < 0 ? r : start_listening(server);
}

int server_listen_fd(struct server *server, int fd)
{
	int r;

	assert(server->bound.fd < 0);
	r = listen_take(fd, &server->bound);
	return r < 0 ? r : start_listening(server);
}

uid_t peer_user(const struct peer *peer)
{
	return peer->who.uid;
}

unsigned peer_access(const struct peer *peer)
{
	return peer->access;
}

size_t peer_unread(const struct peer *peer)
{
	return evbuffer_get_length(bufferevent_get_output(peer->socket));
}

/* Sends an answer at once if no output is pending: libevent would first wait for the socket.
 * Returns the bytes sent; the caller queues the rest, and all of a stream, which has more to come.
 */
static size_t send_now(const struct peer *peer, const char *frame, size_t length)
{
	ssize_t n = -1;

	if (!peer->stream && peer_unread(peer) == 0)
		n = send(bufferevent_getfd(peer->socket), frame, length,
			MSG_DONTWAIT | MSG_NOSIGNAL);
	return n > 0 ? (size_t)n : 0;
}

int peer_send(struct peer *peer, struct json_object *message)
{
	CLEANUP(json_object_putp) struct json_object *owned = message;
	const char *frame;
	size_t length, sent;

	if (peer->dead)
		return -EPIPE;
	frame = owned ? varlink_frame(owned, &length) : NULL;
	if (frame && peer->stream && peer_unread(peer) + length > PEER_UNREAD_MAX)
		return -EAGAIN;
	sent = frame ? send_now(peer, frame, length) : 0;
	if (frame && sent == length)
		return 0;
	/* A single answer may exceed the limit: only output pending before it counts. */
	if (!frame || peer_unread(peer) > PEER_UNREAD_MAX ||
		bufferevent_write(peer->socket, frame + sent, length - sent) < 0) {
		log_closing(peer, frame ? "it does not read its answers" : strerror(ENOMEM));
		peer_kill(peer);
		return -EPIPE;
	}
	return 0;
}

void peer_set_stream(struct peer *peer, void *stream)
{
	peer->stream = stream;
	/* More calls may be in the buffer. */
	if (!stream)
		serve_later(peer);
}

void *peer_stream(const struct peer *peer)
{
	return peer->stream;
}
