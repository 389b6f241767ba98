/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define PAUSE_FIRST_US USEC_PER_SEC
#define PAUSE_MOST_US (300 * USEC_PER_SEC)
#define CONNECT_LIMIT_US (20 * USEC_PER_SEC)
#define ANSWER_LIMIT_US (60 * USEC_PER_SEC)
#define SQLSTATE_SIZE 6

/* A statement, or the end of a batch. */
struct sent {
	server_row *row;
	server_end *end;
	bool ends;
	void *user;
};

struct server {
	struct loop *loop;
	const struct target *target;
	struct server_callbacks callbacks;
	struct loop_timer *timer; /* of the pause, or the limit of an answer */
	PGconn *connection;	  /* NULL = in a pause */
	bool connecting;
	struct loop_io *io;
	int fd;
	unsigned interest;
	uint64_t pause_us;
	struct sent sent[SERVER_STATEMENTS_MAX]; /* a ring */
	size_t first, count;
	char state[SQLSTATE_SIZE]; /* of the current batch's first error; empty = none */
	char reason[SERVER_REASON_SIZE];
};

/* One line for people, to stand in a sentence: the first one of a foreign text. */
static void copy_reason(char reason[static SERVER_REASON_SIZE], const char *text)
{
	size_t length = strcspn(text, "\n");

	text_clean(text, length, reason, SERVER_REASON_SIZE);
	length = strlen(reason);
	if (length > 0 && reason[length - 1] == '.')
		reason[length - 1] = '\0';
}

/* Benches that lost one server return one after the other. */
static uint64_t with_jitter(uint64_t pause_us)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return pause_us / 2 + pause_us / 2 * (random % 1024) / 1023;
}

static void disconnect(struct server *server)
{
	server->io = loop_io_free(server->io);
	server->interest = 0;
	PQfinish(server->connection);
	server->connection = NULL;
	server->first = server->count = 0;
	server->state[0] = '\0';
	loop_timer_start(server->timer, with_jitter(server->pause_us));
	server->pause_us *= 2;
	if (server->pause_us > PAUSE_MOST_US)
		server->pause_us = PAUSE_MOST_US;
}

static void lose(struct server *server, const char *text)
{
	char reason[SERVER_REASON_SIZE];

	copy_reason(reason, text && *text ? text : "the connection ended");
	disconnect(server);
	server->callbacks.down(server->callbacks.user, reason);
}

void server_drop(struct server *server, const char *reason)
{
	if (!server->connection)
		return;
	/* If the connection itself failed, libpq says why. */
	lose(server, PQstatus(server->connection) == CONNECTION_BAD
			     ? PQerrorMessage(server->connection)
			     : reason);
}

void server_refuse(struct server *server, const char *reason)
{
	server->pause_us = PAUSE_MOST_US;
	server_drop(server, reason);
}

void server_accept(struct server *server)
{
	server->pause_us = PAUSE_FIRST_US;
}

static void on_ready(void *user, unsigned ready);

/* While it connects, libpq may change its socket: to another address, often under the same number.
 */
static int watch(struct server *server, unsigned interest)
{
	int fd = PQsocket(server->connection);

	if (server->io && !server->connecting && server->fd == fd && server->interest == interest)
		return 0;
	server->io = loop_io_free(server->io);
	server->fd = fd;
	server->interest = interest;
	return fd < 0 ? -EBADF
		      : loop_watch(server->loop, fd, interest, on_ready, server, &server->io);
}

static void send_out(struct server *server)
{
	int r = PQflush(server->connection);

	if (r < 0 || watch(server, r > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ) < 0)
		lose(server, PQerrorMessage(server->connection));
}

static void connect_more(struct server *server)
{
	PostgresPollingStatusType step = PQconnectPoll(server->connection);

	if (step == PGRES_POLLING_FAILED) {
		lose(server, PQerrorMessage(server->connection));
		return;
	}
	if (step != PGRES_POLLING_OK) {
		if (watch(server, step == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE) < 0)
			lose(server, "cannot watch the connection");
		return;
	}
	server->connecting = false;
	loop_timer_stop(server->timer);
	if (PQsetnonblocking(server->connection, 1) < 0 ||
		!PQenterPipelineMode(server->connection) || watch(server, LOOP_READ) < 0) {
		lose(server, PQerrorMessage(server->connection));
		return;
	}
	server->callbacks.up(server->callbacks.user);
}

static void connect_now(struct server *server)
{
	server->connection = PQconnectStartParams(
		target_keywords(server->target), target_values(server->target), 0);
	if (!server->connection || PQstatus(server->connection) == CONNECTION_BAD) {
		lose(server,
			server->connection ? PQerrorMessage(server->connection) : "out of memory");
		return;
	}
	server->connecting = true;
	loop_timer_start(server->timer, CONNECT_LIMIT_US);
	if (watch(server, LOOP_WRITE) < 0)
		lose(server, "cannot watch the connection");
}

static void on_timer(void *user)
{
	struct server *server = user;

	if (!server->connection)
		connect_now(server);
	else
		lose(server, "the server does not answer");
}

static void note_error(struct server *server, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (server->state[0])
		return;
	text_copy(server->state, sizeof(server->state), state ? state : "XX000");
	copy_reason(server->reason, text ? text : PQresultErrorMessage(result));
}

static void end_batch(struct server *server, const struct sent *sent)
{
	char state[SQLSTATE_SIZE];

	memcpy(state, server->state, sizeof(state));
	server->state[0] = '\0';
	if (sent->end)
		sent->end(sent->user, state[0] ? state : NULL, state[0] ? server->reason : NULL);
}

/* A result of the oldest statement; NULL = it has no more. */
static void take(struct server *server, const PGresult *result)
{
	const struct sent *sent = &server->sent[server->first];

	switch (result ? PQresultStatus(result) : PGRES_EMPTY_QUERY) {
	case PGRES_SINGLE_TUPLE:
		if (sent->row)
			sent->row(sent->user, result);
		return;
	case PGRES_FATAL_ERROR:
		note_error(server, result);
		return;
	case PGRES_PIPELINE_SYNC:
	case PGRES_EMPTY_QUERY:
		break;
	default:
		return;
	}
	server->first = (server->first + 1) % SERVER_STATEMENTS_MAX;
	server->count--;
	if (sent->ends)
		end_batch(server, sent);
}

static void notify(struct server *server)
{
	PGnotify *notification;

	while (server->connection && (notification = PQnotifies(server->connection))) {
		/* A bench reads nothing that it has just sent itself. */
		if (notification->be_pid != PQbackendPID(server->connection))
			server->callbacks.notified(server->callbacks.user, notification->extra);
		PQfreemem(notification);
	}
}

/* Takes each result that is complete. A callback may end the connection. */
static void take_results(struct server *server)
{
	while (server->connection && server->count > 0) {
		PGresult *result;

		/* It has an effect at the beginning of each result: memory for one row. */
		PQsetSingleRowMode(server->connection);
		if (PQisBusy(server->connection))
			break;
		result = PQgetResult(server->connection);
		take(server, result);
		PQclear(result);
	}
	if (server->connection && server->count > 0)
		loop_timer_start(server->timer, ANSWER_LIMIT_US);
	else if (server->connection)
		loop_timer_stop(server->timer);
	notify(server);
}

static void on_ready(void *user, unsigned ready)
{
	struct server *server = user;

	if (server->connecting) {
		connect_more(server);
		return;
	}
	if ((ready & LOOP_READ) && !PQconsumeInput(server->connection)) {
		lose(server, PQerrorMessage(server->connection));
		return;
	}
	take_results(server);
	if (server->connection)
		send_out(server);
}

static int queue(struct server *server, const struct sent *sent)
{
	server->sent[(server->first + server->count++) % SERVER_STATEMENTS_MAX] = *sent;
	loop_timer_start(server->timer, ANSWER_LIMIT_US);
	return 0;
}

int server_query(struct server *server, const char *statement, int count, const char *const *values,
	server_row *row, void *user)
{
	if (!server->connection || server->connecting || server->count >= SERVER_STATEMENTS_MAX)
		return -ENOTCONN;
	if (!PQsendQueryParams(server->connection, statement, count, NULL, values, NULL, NULL, 0))
		return -EIO;
	return queue(server, &(struct sent){.row = row, .user = user});
}

int server_commit(struct server *server, server_end *end, void *user)
{
	if (!server->connection || server->connecting || server->count >= SERVER_STATEMENTS_MAX)
		return -ENOTCONN;
	if (!PQpipelineSync(server->connection))
		return -EIO;
	queue(server, &(struct sent){.end = end, .ends = true, .user = user});
	/* The rest goes out when the socket is ready: a callback must not end the connection. */
	return watch(server, LOOP_READ | LOOP_WRITE);
}

const char *server_text(const PGresult *row, int column)
{
	return PQntuples(row) != 1 || column >= PQnfields(row) || PQgetisnull(row, 0, column)
		       ? NULL
		       : PQgetvalue(row, 0, column);
}

int server_new(struct loop *loop, const struct target *target,
	const struct server_callbacks *callbacks, struct server **ret)
{
	CLEANUP(server_freep) struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->target = target;
	server->callbacks = *callbacks;
	server->pause_us = PAUSE_FIRST_US;
	r = loop_timer_new(loop, on_timer, server, &server->timer);
	if (r == 0)
		r = loop_timer_start(server->timer, 0);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	loop_io_free(server->io);
	PQfinish(server->connection);
	loop_timer_free(server->timer);
	free(server);
	return NULL;
}
