/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ports of a bench show: one tile a port, in the order of their paths, from the daemon's
 * replies and its Watch stream. It says what to ask; the caller asks. It draws nothing. */
#pragma once

#include "client/fields.h"
#include "client/resolve.h"
#include "common/base/clock.h"
#include "common/base/id.h"

#define TILES_MAX 128
#define BOARD_SESSIONS_MAX 200				     /* ended ones that are asked for */
#define BOARD_RECENT_US (UINT64_C(12) * 3600 * USEC_PER_SEC) /* and how old they may be */
#define TILE_TEXT_SIZE 160
#define TILE_LONG_SIZE 512
#define TILE_AMPERES_MAX 16 /* in the small graph */

enum tile_state {
	TILE_EMPTY,
	TILE_PHONE, /* without a restore */
	TILE_RESTORING,
	TILE_SILENT,	/* its wait is over the budget */
	TILE_UNWATCHED, /* it was restoring; the daemon is away */
	TILE_FAULT,	/* usbmuxd does not list it */
	TILE_SUCCEEDED,
	TILE_FAILED,
	TILE_ABORTED,
	TILE_LOST,
	TILE_NOT_STARTED,
	TILE_UNKNOWN_END,
};

/* All texts are clean, and masked unless `reveal`; except `device`. */
struct tile {
	enum tile_state state;
	bool suspect; /* the port may be what fails */
	bool gone;    /* the phone of the session is not here now */
	char port[32];
	char label[TILE_TEXT_SIZE];
	char phone[TILE_TEXT_SIZE];
	char mode[32];
	char ticket[TILE_TEXT_SIZE], cable[TILE_TEXT_SIZE];
	char device[64];	      /* a name for commands; "" = none */
	char session[UUID_TEXT_SIZE]; /* "" = none */
	char step[TILE_TEXT_SIZE];
	int stage;		      /* passed stages of BOARD_STAGES; the next one runs */
	int permille;		      /* of the step; -1 = unknown */
	int64_t silent_us, budget_us; /* -1 = nothing is waited for; 0 = no budget */
	const char *silent_one;
	double rate, usual; /* MB/s now, and of all restores at this port; 0 = unknown */
	float amperes[TILE_AMPERES_MAX]; /* measured last, oldest first */
	size_t ampere_count;
	double volts;
	int64_t corrected, errors; /* of transfers */
	char verdict[TILE_LONG_SIZE], next[TILE_LONG_SIZE];
};

#define BOARD_STAGES 4 /* recovery, boot, restore, reboot */

enum board_question {
	ASK_STATUS,
	ASK_DEVICES,
	ASK_PLACES,
	ASK_RUNNING,
	ASK_RECENT,
	ASK_GROUPS,
	ASK_DIAGNOSIS, /* of a session */
	BOARD_QUESTIONS
};

/* What is remembered of a session. */
struct board_session {
	char session[UUID_TEXT_SIZE];
	double rate;
	uint64_t rate_us; /* monotonic */
	float amperes[TILE_AMPERES_MAX];
	size_t ampere_count;
	double volts;
	uint64_t measured_us; /* monotonic */
	bool asked;	      /* the diagnosis is that of now */
	struct json_object *diagnosis;
};

/* Initialise with board_init(). */
struct board {
	bool utf8, reveal;
	bool connected;				      /* the stream of the daemon runs */
	struct name only;			      /* without a kind: everything */
	struct json_object *replies[BOARD_QUESTIONS]; /* the last ones; NULL = none */
	unsigned wanted;			      /* bits of questions to ask again */
	/* Monotonic: the last answers and the last one of what runs, over this connection (0 = none
	 * yet), and the next second of a silence (0 = none). */
	uint64_t asked_us, running_us, tick_us;
	struct board_session sessions[TILES_MAX];
	size_t session_count;
	struct tile tiles[TILES_MAX];
	size_t count;
};

/* A question to the daemon. */
struct board_call {
	enum board_question question;
	const char *method;
	char session[UUID_TEXT_SIZE];
	struct json_builder builder;
	struct json_object *parameters; /* the caller's */
};

void board_init(struct board *board, bool utf8, bool reveal);
void board_done(struct board *board);
/* The stream has begun, or has ended: then what was running is not watched. */
void board_connect(struct board *board, bool connected);
/* Uses a message of the Watch stream. */
void board_change(struct board *board, struct json_object *change, struct stamp now);
/* What to ask now. Returns false if nothing is due; with `pending` answers nothing is. */
bool board_next(struct board *board, struct stamp now, struct board_call *ret);
/* Uses the parameters of the answer; NULL = it was refused. */
void board_answer(struct board *board, const struct board_call *call, struct json_object *reply,
	struct stamp now);
/* Makes the tiles. Call it before they are shown. */
void board_build(struct board *board, struct stamp now);
/* The milliseconds until something is due without a message; -1 = never. */
int board_due_ms(const struct board *board, struct stamp now);
/* The bench in a line: its sources, and its suspect ports in *ret_suspects. Returns whether all is
 * well. */
bool board_health(const struct board *board, char health[static TILE_LONG_SIZE],
	char suspects[static TILE_LONG_SIZE]);
