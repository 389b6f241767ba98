/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/board/board.h"

#include <string.h>

#include "client/board/private.h"
#include "common/base/text.h"

#define ASK_EVERY_US (USEC_PER_SEC / 4) /* a burst of events is one question */
#define RUNNING_EVERY_US USEC_PER_SEC	/* and what runs is asked less often */

#define BIT(question) (1u << (question))

void board_init(struct board *board, bool utf8, bool reveal)
{
	*board = (struct board){.utf8 = utf8, .reveal = reveal};
}

static void forget_sessions(struct board *board)
{
	for (size_t i = 0; i < board->session_count; i++)
		json_object_put(board->sessions[i].diagnosis);
	board->session_count = 0;
}

void board_done(struct board *board)
{
	for (size_t i = 0; i < BOARD_QUESTIONS; i++)
		json_object_put(board->replies[i]);
	forget_sessions(board);
}

void board_connect(struct board *board, bool connected)
{
	board->connected = connected;
	board->wanted = connected ? BIT(ASK_DIAGNOSIS) - 1 : 0;
	board->asked_us = board->running_us = 0;
}

struct board_session *board_find_session(const struct board *board, const char *session)
{
	for (size_t i = 0; i < board->session_count; i++)
		if (text_equal(board->sessions[i].session, session))
			return (struct board_session *)&board->sessions[i];
	return NULL;
}

/* That of a session, a new one if there is none. */
static struct board_session *remember(struct board *board, const char *session)
{
	struct board_session *found = board_find_session(board, session);

	if (found)
		return found;
	if (board->session_count == ARRAY_SIZE(board->sessions))
		forget_sessions(board);
	found = &board->sessions[board->session_count++];
	*found = (struct board_session){0};
	text_copy(found->session, sizeof(found->session), session);
	return found;
}

static void diagnose_again(struct board *board)
{
	for (size_t i = 0; i < board->session_count; i++)
		board->sessions[i].asked = false;
}

/* What a record may change. Any record of a session may change that session. */
static const struct {
	const char *kind;
	unsigned asks;
	bool verdict;
} news[] = {
	{"attach", BIT(ASK_DEVICES)},
	{"detach", BIT(ASK_DEVICES)},
	{"mux-attach", BIT(ASK_DEVICES)},
	{"mux-detach", BIT(ASK_DEVICES)},
	{"mux-error", BIT(ASK_DEVICES)},
	{"identity", BIT(ASK_DEVICES)},
	{"source", BIT(ASK_STATUS) | BIT(ASK_DEVICES)},
	{"session-begin", BIT(ASK_DEVICES) | BIT(ASK_RUNNING) | BIT(ASK_RECENT)},
	{"session-end", BIT(ASK_DEVICES) | BIT(ASK_RUNNING) | BIT(ASK_RECENT) | BIT(ASK_GROUPS),
		true},
	{"amendment", BIT(ASK_RECENT) | BIT(ASK_GROUPS), true},
	{"condition", BIT(ASK_PLACES) | BIT(ASK_DEVICES) | BIT(ASK_RUNNING), true},
	{"note", 0, true},
	{"diagnosis", 0, true},
};

static void take_rate(struct board *board, struct json_object *record, struct stamp now)
{
	const char *session = field_text(record, "session");
	int64_t bytes = field_number_or(record, "code", 0);
	int64_t duration_ms = field_number_or(record, "number", 0);
	struct board_session *found;

	if (!session || duration_ms <= 0)
		return;
	found = remember(board, session);
	found->rate = (double)bytes / 1e3 / (double)duration_ms;
	found->rate_us = now.monotonic_us;
}

static void take_measurement(struct board *board, struct json_object *record, struct stamp now)
{
	const char *session = field_text(record, "session");
	struct board_session *found = session ? remember(board, session) : NULL;

	if (!found)
		return;
	if (found->ampere_count == TILE_AMPERES_MAX)
		memmove(found->amperes, found->amperes + 1,
			--found->ampere_count * sizeof(found->amperes[0]));
	found->amperes[found->ampere_count++] =
		(float)((double)field_number_or(record, "code", 0) / 1e6);
	found->volts = (double)field_number_or(record, "number", 0) / 1e3;
	found->measured_us = now.monotonic_us;
}

void board_change(struct board *board, struct json_object *change, struct stamp now)
{
	struct json_object *record = field_object(change, "record");
	const char *kind = field_text_or(record, "kind", "");

	/* The first message, or what was lost: anything may have changed. */
	if (!record) {
		board->wanted |= BIT(ASK_DIAGNOSIS) - 1;
		diagnose_again(board);
	}
	if (field_text(record, "session"))
		board->wanted |= BIT(ASK_RUNNING);
	if (text_equal(kind, "link-rate"))
		take_rate(board, record, now);
	if (text_equal(kind, "measurement"))
		take_measurement(board, record, now);
	for (size_t i = 0; i < ARRAY_SIZE(news); i++) {
		if (!text_equal(kind, news[i].kind))
			continue;
		board->wanted |= news[i].asks;
		if (news[i].verdict)
			diagnose_again(board);
	}
}

/* A session whose diagnosis is to be asked; NULL = none. */
static struct board_session *undiagnosed(struct board *board)
{
	for (size_t i = 0; i < board->count; i++) {
		struct board_session *session;

		if (!tile_wants_verdict(&board->tiles[i]))
			continue;
		session = remember(board, board->tiles[i].session);
		if (!session->asked)
			return session;
	}
	return NULL;
}

static bool has_to_ask(const struct board *board)
{
	for (size_t i = 0; i < board->count; i++) {
		const struct board_session *session =
			board_find_session(board, board->tiles[i].session);

		if (tile_wants_verdict(&board->tiles[i]) && (!session || !session->asked))
			return true;
	}
	return (board->wanted & ~BIT(ASK_RUNNING)) != 0;
}

static void fill_call(struct board_call *call, struct stamp now)
{
	static const char *const methods[BOARD_QUESTIONS] = {
		[ASK_STATUS] = "GetStatus",
		[ASK_DEVICES] = "ListDevices",
		[ASK_PLACES] = "GetConditions",
		[ASK_RUNNING] = "ListSessions",
		[ASK_RECENT] = "ListSessions",
		[ASK_GROUPS] = "GetStatistics",
		[ASK_DIAGNOSIS] = "Diagnose",
	};
	struct json_object *parameters = json_new_object(&call->builder);

	call->method = methods[call->question];
	call->parameters = parameters;
	if (call->question == ASK_GROUPS)
		json_put_text(&call->builder, parameters, "by", "port");
	if (call->question == ASK_RUNNING)
		json_put_text(&call->builder, parameters, "outcome", "running");
	if (call->question == ASK_RECENT) {
		json_put_number(&call->builder, parameters, "limit", BOARD_SESSIONS_MAX);
		json_put_number(&call->builder, parameters, "sinceUSec",
			(int64_t)(now.wall_us - BOARD_RECENT_US));
	}
	if (call->question == ASK_DIAGNOSIS)
		json_put_text(&call->builder, parameters, "session", call->session);
}

bool board_next(struct board *board, struct stamp now, struct board_call *ret)
{
	struct board_session *session;
	unsigned due = board->wanted;

	if (!board->connected)
		return false;
	if (now.monotonic_us < board->running_us + RUNNING_EVERY_US)
		due &= ~BIT(ASK_RUNNING);
	if (now.monotonic_us < board->asked_us + ASK_EVERY_US)
		due &= BIT(ASK_RUNNING);
	*ret = (struct board_call){0};
	for (unsigned i = 0; i < ASK_DIAGNOSIS; i++)
		if (due & BIT(i)) {
			ret->question = (enum board_question)i;
			board->wanted &= ~BIT(i);
			fill_call(ret, now);
			return true;
		}
	session = board->wanted & ~BIT(ASK_RUNNING) ? NULL : undiagnosed(board);
	if (!session)
		return false;
	session->asked = true;
	ret->question = ASK_DIAGNOSIS;
	text_copy(ret->session, sizeof(ret->session), session->session);
	fill_call(ret, now);
	return true;
}

void board_answer(struct board *board, const struct board_call *call, struct json_object *reply,
	struct stamp now)
{
	struct json_object **place = &board->replies[call->question];

	if (call->question == ASK_DIAGNOSIS)
		place = &remember(board, call->session)->diagnosis;
	json_object_put(*place);
	*place = json_object_get(reply);
	if (call->question == ASK_RUNNING)
		board->running_us = now.monotonic_us;
	/* The first answers come as fast as they can. */
	if (!(board->wanted & ~BIT(ASK_RUNNING)))
		board->asked_us = now.monotonic_us;
}

static int ms_until(uint64_t at_us, struct stamp now)
{
	return at_us <= now.monotonic_us
		       ? 0
		       : (int)((at_us - now.monotonic_us + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

int board_due_ms(const struct board *board, struct stamp now)
{
	int due_ms = -1, ms;

	if (!board->connected)
		return -1;
	if (board->tick_us)
		due_ms = ms_until(board->tick_us, now);
	if (board->wanted & BIT(ASK_RUNNING)) {
		ms = ms_until(board->running_us + RUNNING_EVERY_US, now);
		due_ms = due_ms < 0 || ms < due_ms ? ms : due_ms;
	}
	if (has_to_ask(board)) {
		ms = ms_until(board->asked_us + ASK_EVERY_US, now);
		due_ms = due_ms < 0 || ms < due_ms ? ms : due_ms;
	}
	return due_ms;
}
