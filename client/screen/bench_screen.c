/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/screen/bench_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "client/board/tiles.h"
#include "client/phrase.h"
#include "client/question.h"
#include "client/rpc.h"
#include "client/screen/page.h"
#include "client/screen/terminal.h"
#include "common/base/text.h"

#define PAUSE_FIRST_US (USEC_PER_SEC / 10)
#define PAUSE_MOST_US (5 * USEC_PER_SEC)
#define COMMAND_WAIT_US (5 * USEC_PER_SEC) /* for a command that runs when the screen ends */
#define INPUT_SIZE 256
#define WORDS_MAX 12

static const char hints[] = "? help  q quit  Enter diagnosis  c cable  n note  e correct  r report";
struct bench_screen;

/* A key that asks for a text and then runs one of our commands. */
struct action {
	int key;
	bool (*begin)(struct bench_screen *screen, const struct tile *tile);
	void (*run)(struct bench_screen *screen, const char *input);
};

struct bench_screen {
	struct context *context;
	struct board board;
	struct tiles_view view;
	struct terminal terminal;
	struct canvas canvas;
	bool dirty; /* what is shown has changed */
	bool ended;

	struct connection *stream, *asking; /* NULL = apart */
	uint64_t retry_us, pause_us;	    /* monotonic */
	bool pending;			    /* an answer to `call` */
	struct board_call call;

	struct tile subject;	     /* of the text or the question */
	bool wants_diagnosis;	     /* of `subject`, to be shown */
	struct page page;	     /* shown instead of the tiles, if it is open */
	const struct action *action; /* what the last line asks for; NULL = nothing */
	char question[TILE_TEXT_SIZE * 2];
	char input[INPUT_SIZE];
	char message[TILE_LONG_SIZE]; /* until the next key */
	struct question child;	      /* a command of ours that runs */
};

static void say(struct bench_screen *screen, const char *text)
{
	text_clean(text, strlen(text), screen->message, sizeof(screen->message));
	screen->dirty = true;
}

/* -- The commands behind the keys -- */

/* Runs one of our own commands beside the screen. Its sentences are the answer. There is one at a
 * time: what was typed must not be lost. */
static void run_command(struct bench_screen *screen, const char *const *words)
{
	const char *argv[WORDS_MAX] = {"/proc/self/exe", "--socket", screen->context->socket};
	size_t count = 3;
	int r;

	if (screen->context->reveal)
		argv[count++] = "--reveal";
	while (*words && count + 1 < ARRAY_SIZE(argv))
		argv[count++] = *words++;
	r = question_start(argv, &screen->child);
	if (r < 0)
		say(screen, strerror(-r));
	else
		say(screen, "...");
}

/* Joins the lines of a text, with one blank between words. */
static void join_lines(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		bool blank = *in == ' ' || *in == '\n';

		if (!blank || (out > text && out[-1] != ' '))
			*out++ = blank ? ' ' : *in;
	}
	*out = '\0';
}

static void hear_command(struct bench_screen *screen)
{
	char *text = screen->child.answer;

	if (screen->child.fd < 0 || !question_hear(&screen->child))
		return;
	text[screen->child.length] = '\0';
	join_lines(text);
	say(screen, text_starts_with(text, "idevicetriage: ") ? text + strlen("idevicetriage: ")
							      : text);
	question_end(&screen->child);
}

/* Lets a command end before the screen does. Returns whether `message` is its answer, which nobody
 * has seen. */
static bool finish_command(struct bench_screen *screen)
{
	if (screen->child.fd < 0)
		return false;
	say(screen, "The last command gave no answer.");
	question_wait(&screen->child, COMMAND_WAIT_US);
	hear_command(screen);
	question_end(&screen->child);
	return true;
}

static bool begin_cable(struct bench_screen *screen, const struct tile *tile)
{
	if (!tile->port[0]) {
		say(screen, "The port of this phone is not known.");
		return false;
	}
	snprintf(screen->question, sizeof(screen->question),
		"Cable at %.120s from now on: ", tile->label);
	return true;
}

static void run_cable(struct bench_screen *screen, const char *input)
{
	const char *words[] = {"conditions", screen->subject.port, "--cable", input, NULL};

	run_command(screen, words);
}

static bool begin_note(struct bench_screen *screen, const struct tile *tile)
{
	if (!tile->device[0]) {
		say(screen, "No phone is at this port.");
		return false;
	}
	snprintf(screen->question, sizeof(screen->question), "Note about %.120s: ", tile->phone);
	return true;
}

static void run_note(struct bench_screen *screen, const char *input)
{
	const char *words[] = {"note", screen->subject.device, "--", input, NULL};

	run_command(screen, words);
}

static bool begin_correction(struct bench_screen *screen, const struct tile *tile)
{
	if (!tile->session[0] || tile->state == TILE_RESTORING || tile->state == TILE_SILENT) {
		say(screen, "This tile shows no restore that has ended.");
		return false;
	}
	snprintf(screen->question, sizeof(screen->question),
		"Correct attempt %s (cable=L07, outcome=succeeded, ...): ",
		phrase_session(tile->session));
	return true;
}

static void run_correction(struct bench_screen *screen, const char *input)
{
	char option[INPUT_SIZE + 8];
	const char *words[] = {"attempt", "--session", screen->subject.session, option, NULL};

	snprintf(option, sizeof(option), "--%s", input);
	if (strchr(input, '='))
		run_command(screen, words);
	else
		say(screen, "Type the right value as NAME=VALUE, such as cable=L07.");
}

static bool begin_report(struct bench_screen *screen, const struct tile *tile)
{
	if (!tile->session[0]) {
		say(screen, "No restore of this phone was watched in the last 12 hours.");
		return false;
	}
	snprintf(screen->question, sizeof(screen->question), "Write the report to: ");
	snprintf(screen->input, sizeof(screen->input), "report-%s.html",
		phrase_session(tile->session));
	return true;
}

static void run_report(struct bench_screen *screen, const char *input)
{
	const char *words[] = {"report", "-o", input, screen->subject.session, NULL};

	run_command(screen, words);
}

static const struct action actions[] = {
	{'c', begin_cable, run_cable},
	{'n', begin_note, run_note},
	{'e', begin_correction, run_correction},
	{'r', begin_report, run_report},
};

/* -- The whole screen -- */

static void open_page(struct bench_screen *screen, struct json_object *diagnosis)
{
	page_open(&screen->page, diagnosis, &screen->context->layout, screen->canvas.width);
	screen->dirty = true;
}

static void draw_last_line(struct bench_screen *screen)
{
	struct canvas *canvas = &screen->canvas;
	int row = canvas->height - 1, column;

	if (!screen->action) {
		canvas_put(canvas, row, 1, canvas->width - 1,
			screen->message[0] ? STYLE_BOLD : STYLE_DIM,
			screen->message[0]	   ? screen->message
			: screen->terminal.in >= 0 ? hints
						   : "");
		return;
	}
	column = 1 + canvas_put(canvas, row, 1, canvas->width - 1, STYLE_BOLD, screen->question);
	/* The end of a long input. */
	for (const char *input = screen->input;; input++) {
		int columns = canvas_columns(canvas, input);

		if (column + columns >= canvas->width && (*input & 0xc0) != 0x80 && *input)
			continue;
		canvas_put(canvas, row, column, columns, STYLE_PLAIN, input);
		canvas_fill(canvas, row, column + columns, 1, L' ', STYLE_REVERSE);
		return;
	}
}

/* Draws the screen, if there is something new to show. Returns 0 or -ENOMEM. */
static int draw(struct bench_screen *screen, struct stamp now)
{
	struct terminal *terminal = &screen->terminal;
	int width, height;

	terminal_size(terminal, &width, &height);
	if (width != screen->canvas.width || height != screen->canvas.height) {
		if (canvas_resize(&screen->canvas, width, height) < 0)
			return -ENOMEM;
		page_wrap(&screen->page, &screen->context->layout, width);
		screen->dirty = true;
	}
	if ((!screen->dirty && !terminal->redraw) || !terminal_ready(terminal))
		return 0;
	board_build(&screen->board, now);
	canvas_clear(&screen->canvas);
	if (screen->page.text)
		page_draw(&screen->page, &screen->canvas, screen->message);
	else
		tiles_draw(&screen->board, &screen->view, &screen->canvas);
	draw_last_line(screen);
	screen->dirty = false;
	return terminal_show(terminal, &screen->canvas);
}

/* -- Keys -- */

static void press_in_question(struct bench_screen *screen, int key)
{
	size_t length = strlen(screen->input);
	const struct action *action = screen->action;

	if (key == KEY_ESCAPE || key == KEY_ENTER)
		screen->action = NULL;
	if (key == KEY_ENTER && length > 0)
		action->run(screen, screen->input);
	if (key == KEY_BACKSPACE && length > 0) {
		do
			length--;
		while (length > 0 && (screen->input[length] & 0xc0) == 0x80);
		screen->input[length] = '\0';
	}
	if (key >= ' ' && key <= 0xff && length + 1 < sizeof(screen->input)) {
		screen->input[length] = (char)key;
		screen->input[length + 1] = '\0';
	}
}

static void press_in_page(struct bench_screen *screen, int key)
{
	if (page_press(&screen->page, key, screen->canvas.height))
		return;
	page_close(&screen->page);
	screen->wants_diagnosis = false;
	screen->message[0] = '\0';
}

static void press_action(struct bench_screen *screen, int key, const struct tile *tile)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (actions[i].key != key)
			continue;
		if (screen->child.fd >= 0) {
			say(screen, "The last command has not ended yet.");
			return;
		}
		screen->subject = *tile;
		screen->input[0] = '\0';
		if (actions[i].begin(screen, tile))
			screen->action = &actions[i];
	}
}

static void press_in_tiles(struct bench_screen *screen, int key)
{
	const struct tile *tile = tiles_selected(&screen->board, &screen->view);

	screen->message[0] = '\0';
	if (key == 'q')
		screen->ended = true;
	else if (key == '?')
		open_page(screen, NULL);
	else if (key >= KEY_UP && key <= KEY_LEFT) {
		const enum tiles_step steps[] = {TILES_UP, TILES_DOWN, TILES_RIGHT, TILES_LEFT};

		tiles_move(&screen->board, &screen->view, &screen->canvas, steps[key - KEY_UP]);
	} else if (key == KEY_ENTER && tile && tile->device[0]) {
		screen->subject = *tile;
		screen->wants_diagnosis = true;
	} else if (tile)
		press_action(screen, key, tile);
}

static void take_keys(struct bench_screen *screen)
{
	int key;

	while (!screen->ended && (key = terminal_key(&screen->terminal)) != KEY_NONE) {
		screen->dirty = true;
		if (screen->action)
			press_in_question(screen, key);
		else if (screen->page.text)
			press_in_page(screen, key);
		else
			press_in_tiles(screen, key);
	}
}

/* -- The daemon -- */

static void part(struct bench_screen *screen, struct stamp now)
{
	screen->stream = connection_free(screen->stream);
	screen->asking = connection_free(screen->asking);
	screen->pending = false;
	board_connect(&screen->board, false);
	screen->retry_us = now.monotonic_us + screen->pause_us;
	screen->pause_us *= 2;
	if (screen->pause_us > PAUSE_MOST_US)
		screen->pause_us = PAUSE_MOST_US;
	screen->dirty = true;
}

/* Calls Watch over the stream, and has a second connection for questions. */
static void join(struct bench_screen *screen, struct stamp now)
{
	struct json_builder builder = {0};

	if (!screen->stream && connection_open(screen->context->socket, &screen->stream) < 0) {
		part(screen, now);
		return;
	}
	if (connection_open(screen->context->socket, &screen->asking) < 0 ||
		connection_send(
			screen->stream, &builder, "Watch", json_new_object(&builder), true) < 0) {
		part(screen, now);
		return;
	}
	board_connect(&screen->board, true);
	screen->dirty = true;
}

static void hear_stream(struct bench_screen *screen, struct stamp now)
{
	int r = connection_work(screen->stream), n;
	struct varlink_reply reply = {0};

	while ((n = connection_next(screen->stream, &reply)) > 0) {
		if (reply.error) {
			r = -EPROTO;
		} else {
			screen->pause_us = PAUSE_FIRST_US;
			board_change(&screen->board, reply.parameters, now);
		}
		varlink_reply_done(&reply);
	}
	if (r < 0 || n < 0)
		part(screen, now);
}

static void say_refusal(struct bench_screen *screen, const struct varlink_reply *reply)
{
	char sentence[RPC_REFUSAL_SIZE];

	if (rpc_refusal(reply, sentence) == EXIT_UNKNOWN_NAME)
		say(screen, "No restore of this phone is known here.");
	else
		say(screen, sentence);
}

static void hear_answer(struct bench_screen *screen, struct stamp now)
{
	struct varlink_reply reply = {0};
	int r = connection_work(screen->asking);
	int n = connection_next(screen->asking, &reply);

	if (n > 0 && screen->pending) {
		screen->pending = false;
		if (screen->call.method)
			board_answer(&screen->board, &screen->call,
				reply.error ? NULL : reply.parameters, now);
		else if (reply.error)
			say_refusal(screen, &reply);
		else
			open_page(screen, reply.parameters);
		screen->dirty = true;
	}
	varlink_reply_done(&reply);
	if (n < 0 || (n == 0 && r < 0))
		part(screen, now);
}

/* The diagnosis for the screen: a call without a method in `call`. */
static void ask_diagnosis_shown(struct bench_screen *screen)
{
	struct json_object *parameters;

	screen->wants_diagnosis = false;
	screen->call = (struct board_call){.question = ASK_DIAGNOSIS};
	parameters = json_new_object(&screen->call.builder);
	json_put_text(&screen->call.builder, parameters,
		screen->subject.session[0] ? "session" : "device",
		screen->subject.session[0] ? screen->subject.session : screen->subject.device);
	screen->call.parameters = parameters;
}

static void ask(struct bench_screen *screen, struct stamp now)
{
	const char *method = "Diagnose";
	struct json_object *parameters;

	if (screen->pending || !screen->asking)
		return;
	if (screen->wants_diagnosis)
		ask_diagnosis_shown(screen);
	else if (board_next(&screen->board, now, &screen->call))
		method = screen->call.method;
	else
		return;
	parameters = screen->call.parameters;
	screen->call.parameters = NULL;
	screen->pending = true;
	if (connection_send(screen->asking, &screen->call.builder, method, parameters, false) < 0)
		part(screen, now);
}

/* -- The loop -- */

static int due_ms(const struct bench_screen *screen, struct stamp now)
{
	/* What is due is drawn then. */
	if (!terminal_ready(&screen->terminal))
		return -1;
	if (screen->stream)
		return screen->pending ? -1 : board_due_ms(&screen->board, now);
	return screen->retry_us <= now.monotonic_us
		       ? 0
		       : (int)((screen->retry_us - now.monotonic_us) / USEC_PER_MSEC) + 1;
}

static void wait_and_hear(struct bench_screen *screen, int timeout_ms)
{
	struct pollfd polls[] = {
		{.fd = screen->stream ? connection_fd(screen->stream) : -1,
			.events = screen->stream ? connection_events(screen->stream) : 0},
		{.fd = screen->asking ? connection_fd(screen->asking) : -1,
			.events = screen->asking ? connection_events(screen->asking) : 0},
		{.fd = screen->child.fd, .events = POLLIN},
	};
	struct stamp now;

	screen->dirty |= !terminal_wait(&screen->terminal, polls, ARRAY_SIZE(polls), timeout_ms);
	now = clock_now();
	if (polls[0].revents && screen->stream)
		hear_stream(screen, now);
	if (polls[1].revents && screen->asking)
		hear_answer(screen, now);
	if (polls[2].revents)
		hear_command(screen);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	take_keys(screen);
}

static int loop(struct bench_screen *screen)
{
	while (!screen->ended && !screen->terminal.ended) {
		struct stamp now = clock_now();

		if (!screen->asking && now.monotonic_us >= screen->retry_us)
			join(screen, now);
		ask(screen, now);
		if (draw(screen, now) < 0)
			return report_no_memory();
		wait_and_hear(screen, due_ms(screen, clock_now()));
	}
	return EXIT_DONE;
}

int bench_screen_run(struct context *context, const struct screen_request *request)
{
	struct bench_screen *screen = calloc(1, sizeof(*screen));
	bool answered;
	int r;

	if (!screen) {
		connection_free(request->connection);
		return report_no_memory();
	}
	screen->context = context;
	screen->stream = request->connection;
	screen->pause_us = PAUSE_FIRST_US;
	screen->child.fd = -1;
	screen->canvas.utf8 = context->layout.utf8;
	board_init(&screen->board, context->layout.utf8, context->reveal);
	screen->board.only = request->only;
	terminal_open(&screen->terminal, context->layout.color, context->layout.utf8);
	r = loop(screen);
	answered = finish_command(screen);
	page_close(&screen->page);
	board_done(&screen->board);
	canvas_done(&screen->canvas);
	connection_free(screen->stream);
	connection_free(screen->asking);
	terminal_close(&screen->terminal);
	if (answered)
		printf("%s\n", screen->message);
	free(screen);
	return r;
}
