/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/run/piece.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define PAUSE_FIRST_US (100 * USEC_PER_MSEC)
#define PAUSE_MOST_US (5 * USEC_PER_SEC)
#define ANSWER_US (30 * USEC_PER_SEC) /* for one answer of the daemon */
/* After the tool's end: for one answer, and to reconnect to a lost daemon. A person who waits for
 * the restore should not wait for the daemon. */
#define AFTERMATH_US (2 * USEC_PER_SEC)
#define STALLS_MOST 8
#define BEGINS_MOST 4

void feed_init(
	struct feed *feed, const char *socket, struct json_object *begin, uint64_t ask_every_us)
{
	*feed = (struct feed){
		.socket = socket,
		.begin = begin,
		.pause_us = PAUSE_FIRST_US,
		.ask_every_us = ask_every_us,
	};
}

void feed_done(struct feed *feed)
{
	feed->connection = connection_free(feed->connection);
	json_object_putp(&feed->begin);
	json_object_putp(&feed->progress);
	feed->begin = feed->progress = NULL;
}

void feed_hold(struct feed *feed, uint64_t until_us)
{
	feed->hold_us = feed->next_us = until_us;
}

void feed_release(struct feed *feed, const char *version)
{
	struct json_builder builder = {0};

	json_put_known_text(&builder, feed->begin, "toolVersion", version);
	feed->hold_us = feed->next_us = 0;
}

int feed_fd(const struct feed *feed)
{
	return feed->connection ? connection_fd(feed->connection) : -1;
}

short feed_events(const struct feed *feed)
{
	return feed->connection ? connection_events(feed->connection) : 0;
}

uint64_t feed_next(const struct feed *feed)
{
	return feed->state == FEED_OVER ? UINT64_MAX : feed->next_us;
}

/* No more attempts. */
static void give_up(struct feed *feed, const char *why)
{
	if (!feed->problem[0])
		text_copy(feed->problem, sizeof(feed->problem), why);
	feed->connection = connection_free(feed->connection);
	feed->state = FEED_OVER;
}

/* Handles a lost or failed connection. */
static void part(struct feed *feed, int error, uint64_t now_us)
{
	bool had = feed->session[0] != '\0';

	if (!feed->told)
		snprintf(feed->notice, sizeof(feed->notice),
			had ? "The connection to the daemon broke (%s); the tool continues, and "
			      "the daemon gets the rest when it is back."
			    : "The daemon is not reachable (%s); the tool runs unwatched until it "
			      "is.",
			strerror(-error));
	feed->told = true;
	feed->connection = connection_free(feed->connection);
	feed->state = FEED_APART;
	feed->next_us = now_us + feed->pause_us;
	feed->pause_us = feed->pause_us * 2 > PAUSE_MOST_US ? PAUSE_MOST_US : feed->pause_us * 2;
	/* The tool has ended: do not make the caller wait for an absent daemon. */
	if (feed->ended_us && (!had || now_us - feed->ended_us > AFTERMATH_US))
		give_up(feed, had ? "the connection to the daemon broke and was not restored"
				  : "the daemon was not reachable");
}

/* Sends a call and waits for its answer in `state`. */
static void call(struct feed *feed, const char *method, struct json_builder *builder,
	struct json_object *parameters, enum feed_state state, uint64_t now_us)
{
	int r = connection_send(feed->connection, builder, method, parameters, false);

	if (r < 0) {
		part(feed, r, now_us);
		return;
	}
	feed->state = state;
	feed->next_us = now_us + (feed->ended_us ? AFTERMATH_US : ANSWER_US);
}

static void connect_now(struct feed *feed, uint64_t now_us)
{
	int r = connection_open(feed->socket, &feed->connection);

	if (r < 0) {
		part(feed, r, now_us);
		return;
	}
	feed->state = FEED_IDLE;
	/* First query the end of the daemon's copy. */
	feed->next_us = now_us;
}

/* Sends the log from `offset` on; an empty piece is only a query. Returns false if nothing can be
 * sent yet. */
static bool append(struct feed *feed, const struct logfile *log, int64_t limit, uint64_t now_us)
{
	struct json_builder builder = {0};
	struct json_object *parameters;
	int64_t left = limit > feed->offset ? limit - feed->offset : 0;
	bool last = feed->ended_us != 0 && left <= PIECE_READ_BYTES;
	char bytes[PIECE_READ_BYTES];
	size_t length;

	length = logfile_read(
		log, feed->offset, bytes, left < PIECE_READ_BYTES ? (size_t)left : sizeof(bytes));
	length = piece_prepare(bytes, length, last);
	if (length == 0 && now_us < feed->next_us)
		return false;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "session", feed->session);
	json_put_number(&builder, parameters, "offset", feed->offset);
	json_put_bytes(&builder, parameters, "text", bytes, length);
	feed->sent_to = feed->offset + (int64_t)length;
	call(feed, "AppendLog", &builder, parameters, FEED_APPENDING, now_us);
	return true;
}

static void end_session(struct feed *feed, const struct tool *tool, uint64_t now_us)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	json_put_text(&builder, parameters, "session", feed->session);
	json_put_number(&builder, parameters, tool->killed ? "signal" : "exitStatus", tool->number);
	call(feed, "EndRun", &builder, parameters, FEED_ENDING, now_us);
}

static void begin_session(struct feed *feed, uint64_t now_us)
{
	struct json_builder builder = {0};

	feed->begins++;
	call(feed, "BeginRun", &builder, json_object_get(feed->begin), FEED_BEGINNING, now_us);
}

static void keep_progress(struct feed *feed, struct json_object *session, uint64_t now_us)
{
	if (!session)
		return;
	json_object_putp(&feed->progress);
	feed->progress = json_object_get(session);
	feed->progress_us = now_us;
}

static void take_begun(struct feed *feed, struct json_object *parameters, uint64_t now_us)
{
	const char *session = field_text(parameters, "session");

	if (!session || !text_copy(feed->session, sizeof(feed->session), session)) {
		feed->session[0] = '\0';
		give_up(feed, "the daemon assigned no session");
		return;
	}
	feed->offset = 0;
	feed->state = FEED_IDLE;
	feed->next_us = now_us;
}

static void take_appended(
	struct feed *feed, struct json_object *parameters, int64_t limit, uint64_t now_us)
{
	int64_t offset = field_number_or(parameters, "offset", -1);

	keep_progress(feed, field_object(parameters, "progress"), now_us);
	feed->state = FEED_IDLE;
	feed->next_us = now_us + feed->ask_every_us;
	if (offset < 0 || offset > limit) {
		give_up(feed, "the daemon sent an offset beyond the log");
		return;
	}
	if (offset > feed->offset || feed->sent_to == feed->offset)
		feed->stalls = 0;
	else if (++feed->stalls > STALLS_MOST)
		give_up(feed, "the daemon does not accept the log");
	feed->offset = offset;
}

/* The user has sent the bytes of a day: from now on, the daemon only gets the end of the tool. */
static void refuse_log(struct feed *feed)
{
	static const char why[] = "the daemon accepts no more from this user today";

	text_copy(feed->problem, sizeof(feed->problem), why);
	snprintf(feed->notice, sizeof(feed->notice),
		"The tool continues, but %s: the rest of its log is not watched. Import the log "
		"tomorrow, or ask the administrator to raise daily-limit.",
		why);
	feed->log_refused = true;
	feed->state = FEED_IDLE;
	feed->next_us = UINT64_MAX;
}

/* Handles an error from the daemon. */
static void take_refusal(struct feed *feed, const char *error, uint64_t now_us)
{
	char why[FEED_SENTENCE_BYTES - 64];

	if (text_equal(error, INTERFACE "NoSuchSession") && feed->begins < BEGINS_MOST) {
		/* The daemon lost its state: send the whole log again. */
		feed->session[0] = '\0';
		feed->state = FEED_IDLE;
		return;
	}
	if (text_equal(error, INTERFACE "SessionEnded") && feed->ended_us) {
		feed->ended_told = true;
		feed->state = FEED_OVER;
		return;
	}
	if (text_equal(error, INTERFACE "TooManySessions") && !feed->ended_us) {
		part(feed, -EBUSY, now_us);
		return;
	}
	if (text_equal(error, INTERFACE "DailyLimit") && feed->state == FEED_APPENDING) {
		refuse_log(feed);
		return;
	}
	snprintf(why, sizeof(why), "the daemon refused with %s",
		text_starts_with(error, INTERFACE) ? error + strlen(INTERFACE) : error);
	snprintf(feed->notice, sizeof(feed->notice),
		"The tool continues, but %s: the rest of its log is not watched.", why);
	give_up(feed, why);
}

static void take_reply(
	struct feed *feed, const struct varlink_reply *reply, int64_t limit, uint64_t now_us)
{
	if (reply->error) {
		take_refusal(feed, reply->error, now_us);
		return;
	}
	feed->told = false;
	feed->pause_us = PAUSE_FIRST_US;
	switch (feed->state) {
	case FEED_BEGINNING:
		take_begun(feed, reply->parameters, now_us);
		break;
	case FEED_APPENDING:
		take_appended(feed, reply->parameters, limit, now_us);
		break;
	case FEED_ENDING:
		keep_progress(feed, field_object(reply->parameters, "result"), now_us);
		feed->ended_told = true;
		feed->state = FEED_OVER;
		break;
	default:
		give_up(feed, "the daemon sent an unexpected answer");
	}
}

/* Handles received replies. */
static void receive(struct feed *feed, int64_t limit, uint64_t now_us)
{
	int r = connection_work(feed->connection);

	while (feed->connection && feed->state != FEED_OVER) {
		struct varlink_reply reply = {0};
		int n = connection_next(feed->connection, &reply);

		if (n < 0)
			r = n;
		if (n <= 0)
			break;
		take_reply(feed, &reply, limit, now_us);
		varlink_reply_done(&reply);
	}
	if (feed->connection && feed->state != FEED_OVER) {
		if (r == 0 && feed->state != FEED_IDLE && now_us >= feed->next_us)
			r = -ETIMEDOUT;
		if (r < 0)
			part(feed, r, now_us);
	}
}

void feed_work(struct feed *feed, const struct logfile *log, int64_t limit, const struct tool *tool,
	uint64_t now_us)
{
	if (tool->ended && !feed->ended_us) {
		feed->ended_us = now_us;
		feed->hold_us = 0;
		if (feed->state == FEED_APART)
			feed->next_us = now_us;
		else if (feed->next_us > now_us + AFTERMATH_US)
			feed->next_us = now_us + AFTERMATH_US;
	}
	if (now_us < feed->hold_us)
		return;
	if (feed->state == FEED_APART && now_us >= feed->next_us)
		connect_now(feed, now_us);
	if (feed->connection && feed->state != FEED_OVER)
		receive(feed, limit, now_us);
	if (feed->state != FEED_IDLE)
		return;
	if (!feed->session[0])
		begin_session(feed, now_us);
	else if ((feed->log_refused || !append(feed, log, limit, now_us)) && feed->ended_us)
		end_session(feed, tool, now_us);
}
