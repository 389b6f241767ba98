/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tiles of `watch`: from the daemon's replies to character cells, at three sizes. */
#include "tests/unit/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/board/tiles.h"
#include "common/base/text.h"

#define NOW_US (UINT64_C(1800000000) * USEC_PER_SEC)
#define ROW_BYTES 4096

static const struct stamp now = {1000 * USEC_PER_SEC, NOW_US};

static struct json_object *read_json(const char *text)
{
	struct json_object *object;

	if (json_read(text, strlen(text), &object) < 0)
		fail_msg("%s", text);
	return object;
}

/* Answers the questions of a kind; the others are refused. */
static void answer(struct board *board, enum board_question question, const char *text)
{
	struct json_object *reply = read_json(text);
	const struct board_call call = {.question = question};

	board_answer(board, &call, reply, now);
	json_object_put(reply);
}

static void change(struct board *board, const char *text, struct stamp at)
{
	struct json_object *object = read_json(text);

	board_change(board, object, at);
	json_object_put(object);
}

/* Takes what is due; returns how many questions there were. */
static int drain(struct board *board, struct stamp at)
{
	struct board_call call;
	int count = 0;

	for (; board_next(board, at, &call); count++) {
		json_object_put(call.parameters);
		if (call.question == ASK_DIAGNOSIS)
			board_answer(board, &call, NULL, at);
	}
	return count;
}

static void add(char text[static ROW_BYTES], const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, ROW_BYTES - length, "%s", more);
}

/* `count` named ports 1-2.1, ...; every one with a phone, from the second on. */
static struct board *board_of(int count)
{
	struct board *board = calloc(1, sizeof(*board));
	char places[ROW_BYTES * 4] = "", devices[ROW_BYTES * 4] = "";

	assert_non_null(board);
	board_init(board, true, false);
	board_connect(board, true);
	drain(board, now);
	for (int i = count; i > 0; i--) {
		size_t length = strlen(places);

		snprintf(places + length, sizeof(places) - length,
			"%s{\"port\":\"1-2.%d\",\"conditions\":[{\"key\":\"portName\",\"value\":"
			"\"slot %d\"}]}",
			*places ? "," : "{\"places\":[", i, i);
		length = strlen(devices);
		if (i > 1)
			snprintf(devices + length, sizeof(devices) - length,
				"%s{\"ecid\":\"0x00000000000000%02X\",\"mode\":\"recovery\","
				"\"productType\":\"iPhone12,3\",\"port\":\"1-2.%d\"}",
				*devices ? "," : "{\"devices\":[", i, i);
	}
	add(places, "]}");
	add(devices, "]}");
	answer(board, ASK_PLACES, places);
	answer(board, ASK_DEVICES, devices);
	answer(board, ASK_STATUS,
		"{\"bench\":\"bench-1\",\"hostId\":\"A\",\"damagedRecords\":0,\"sources\":[{"
		"\"name\":\"usb\",\"up\":true}]}");
	answer(board, ASK_RUNNING,
		"{\"sessions\":[{\"session\":\"01936f00-1111-7222-8333-444455550002\","
		"\"ecid\":\"0x0000000000000002\",\"hostId\":\"A\",\"port\":\"1-2.2\","
		"\"outcome\":\"running\",\"stage\":\"restore\",\"operationName\":\"Creating "
		"filesystem\",\"operation\":12,\"permille\":450,\"silentUSec\":12000000,"
		"\"budgetUSec\":300000000,\"ticket\":\"4711\",\"startedUSec\":1,"
		"\"health\":{\"linkCorrected\":2}}]}");
	answer(board, ASK_RECENT,
		"{\"sessions\":[{\"session\":\"01936f00-1111-7222-8333-444455550003\","
		"\"ecid\":\"0x0000000000000003\",\"hostId\":\"A\",\"port\":\"1-2.3\","
		"\"outcome\":\"failed\",\"stage\":\"restore\",\"operationName\":\"Waiting for "
		"NAND\","
		"\"startedUSec\":1,\"endedUSec\":2}]}");
	answer(board, ASK_GROUPS,
		"{\"groups\":[{\"key\":\"1-2.2\",\"hostId\":\"A\",\"linkBytes\":30000000,"
		"\"linkMilliseconds\":2000},{\"key\":\"1-2.2\",\"hostId\":\"B\",\"linkBytes\":1,"
		"\"linkMilliseconds\":2000}]}");
	board_build(board, now);
	drain(board, now);
	return board;
}

static void free_board(struct board *board)
{
	board_done(board);
	free(board);
}

static struct board_call diagnosis_of(const char *session)
{
	struct board_call call = {.question = ASK_DIAGNOSIS};

	text_copy(call.session, sizeof(call.session), session);
	return call;
}

static void diagnose(struct board *board, const char *cause)
{
	const struct board_call call = diagnosis_of("01936f00-1111-7222-8333-444455550003");
	char text[ROW_BYTES];
	struct json_object *reply;

	snprintf(text, sizeof(text),
		"{\"verdict\":{\"phase\":\"phase2-hardware\",\"summary\":\"Phase 2 (hardware), "
		"strong "
		"evidence; first suspect (moderate): the "
		"storage.\",\"nextStep\":{\"title\":\"repeat "
		"the Update once\"},\"causes\":[{\"cause\":\"%s\",\"strength\":\"strong\"}]}}",
		cause);
	reply = read_json(text);
	board_answer(board, &call, reply, now);
	json_object_put(reply);
	board_build(board, now);
}

/* A row of the canvas as text, without blanks at the end. */
static const char *row_of(const struct canvas *canvas, int row)
{
	static char text[ROW_BYTES];
	size_t length = 0;

	for (int i = 0; i < canvas->width; i++) {
		wchar_t code = canvas_cell(canvas, row, i)->code;

		if (code)
			length += (size_t)wctomb(text + length, code);
	}
	while (length > 0 && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
	return text;
}

static struct canvas drawn(
	const struct board *board, struct tiles_view *view, int width, int height)
{
	struct canvas canvas = {.utf8 = board->utf8};

	assert_int_equal(canvas_resize(&canvas, width, height), 0);
	tiles_draw(board, view, &canvas);
	return canvas;
}

#define assert_row(canvas, row, text) assert_string_equal(row_of(canvas, row), text)

static void test_eight_ports_at_80x24(void **state)
{
	struct board *board = board_of(8);
	struct tiles_view view = {0};
	struct canvas canvas;

	diagnose(board, "storage");
	change(board,
		"{\"record\":{\"kind\":\"link-rate\",\"session\":\"01936f00-1111-7222-8333-"
		"444455550002\",\"code\":14200000,\"number\":1000}}",
		now);
	board_build(board, now);
	canvas = drawn(board, &view, 80, 24);
	assert_row(&canvas, 0,
		"▌  slot 1  1-2.1               · empty     slot 2  1-2.2           ▶ RESTORING");
	assert_row(&canvas, 1,
		"▌                                          ████▒▒░░ Creating filesystem 45 %");
	assert_row(&canvas, 2,
		"▌                                          phone silent 12 s of 5 min");
	assert_row(&canvas, 3,
		"▌                                          iPhone 11 Pro …0002 · ticket 4711");
	assert_row(&canvas, 4,
		"▌                                          2 corrected · 14.2 MB/s, usual 15.0");
	assert_row(&canvas, 5,
		"   slot 3  1-2.3              ✗ FAILED     slot 4  1-2.4            ● RECOVERY");
	assert_row(&canvas, 6, "   Phase 2 (hardware), strong evidence;    iPhone 11 Pro …0004");
	assert_row(&canvas, 8, "   Next: repeat the Update once");
	assert_row(&canvas, 9, "   iPhone 11 Pro …0003");
	assert_row(&canvas, 22, "bench-1: all sources up");
	canvas_done(&canvas);
	free_board(board);
}

static void test_thirty_ports_at_200x60(void **state)
{
	struct board *board = board_of(30);
	struct tiles_shape shape = tiles_shape(30, 200, 60);
	struct tiles_view view = {0};
	struct canvas canvas = drawn(board, &view, 200, 60);

	assert_int_equal(board->count, 30);
	assert_int_equal(shape.columns, 4);
	assert_int_equal(shape.rows, shape.in_all);
	/* In the order of the ports, not of their texts. */
	assert_string_equal(board->tiles[9].port, "1-2.10");
	assert_non_null(strstr(row_of(&canvas, 7 * shape.tile_height), "slot 30"));
	assert_row(&canvas, 58, "bench-1: all sources up");
	canvas_done(&canvas);
	free_board(board);
}

static void test_one_column_at_40(void **state)
{
	struct board *board = board_of(8);
	struct tiles_view view = {0};
	struct canvas canvas;

	diagnose(board, "storage");
	canvas = drawn(board, &view, 40, 24);
	assert_row(&canvas, 2, "   slot 2  1-2.2           ▶ RESTORING");
	assert_row(&canvas, 3, "   ████▒▒░░ Creating filesystem 45 %");
	assert_row(&canvas, 4, "   slot 3  1-2.3              ✗ FAILED");
	assert_row(&canvas, 5, "   Phase 2 (hardware), strong evidence…");
	canvas_done(&canvas);
	free_board(board);
}

/* The selection is always shown, and says which rows are. */
static void test_more_ports_than_rows(void **state)
{
	struct board *board = board_of(30);
	struct tiles_view view = {0};
	struct canvas canvas = drawn(board, &view, 40, 24);

	assert_non_null(strstr(row_of(&canvas, 22), "rows 1-11 of 30"));
	for (int i = 0; i < 50; i++)
		tiles_move(board, &view, &canvas, TILES_DOWN);
	canvas_clear(&canvas);
	tiles_draw(board, &view, &canvas);
	assert_row(&canvas, 20, "▌  slot 30  1-2.30          ● RECOVERY");
	assert_non_null(strstr(row_of(&canvas, 22), "rows 20-30 of 30"));
	canvas_done(&canvas);
	/* Any size draws inside of the canvas. */
	for (int width = 1; width < 100; width += 7)
		for (int height = 1; height < 40; height += 5) {
			canvas = drawn(board, &view, width, height);
			canvas_done(&canvas);
		}
	free_board(board);
}

static void test_a_locale_without_utf8(void **state)
{
	struct board *board = board_of(8);
	struct tiles_view view = {0};
	struct canvas canvas;

	board->utf8 = false;
	board_build(board, now);
	canvas = drawn(board, &view, 80, 24);
	assert_row(&canvas, 1,
		">                                          ####==.. Creating filesystem 45 %");
	for (int row = 0; row < canvas.height; row++)
		for (const char *c = row_of(&canvas, row); *c; c++)
			assert_true(*c > 0);
	canvas_done(&canvas);
	free_board(board);
}

/* Foreign text has no control characters, and wide characters are cut as a whole. */
static void test_foreign_text(void **state)
{
	struct board *board = board_of(2);
	struct tiles_view view = {0};
	struct canvas canvas;

	answer(board, ASK_PLACES,
		"{\"places\":[{\"port\":\"1-2.1\",\"conditions\":[{\"key\":\"portName\",\"value\":"
		"\"\\u001b[2J"
		"\\u202e\\n電話電話電話電話電話電話電話電話電話電話\"}]}]}");
	board_build(board, now);
	canvas = drawn(board, &view, 40, 24);
	assert_row(&canvas, 0, "▌  ?[2J??電話電話電話電話電…   · empty");
	for (int i = 0; i < canvas.width; i++)
		assert_true(canvas_cell(&canvas, 0, i)->code == 0 ||
			    canvas_cell(&canvas, 0, i)->code >= ' ');
	canvas_done(&canvas);
	free_board(board);
}

/* What is seen of a port follows the phone: a failure neither stays where it left, nor is it that
 * of another phone. */
static void test_a_phone_that_moves(void **state)
{
	struct board *board = board_of(4);

	assert_int_equal(board->tiles[2].state, TILE_FAILED);
	answer(board, ASK_DEVICES,
		"{\"devices\":[{\"ecid\":\"0x0000000000000003\",\"mode\":\"recovery\",\"port\":\"1-"
		"2.1\"},"
		"{\"ecid\":\"0x0000000000000009\",\"mode\":\"recovery\",\"port\":\"1-2.3\"}]}");
	board_build(board, now);
	assert_int_equal(board->tiles[0].state, TILE_FAILED);
	assert_int_equal(board->tiles[2].state, TILE_PHONE);
	/* A failing phone leaves by itself. */
	answer(board, ASK_DEVICES, "{\"devices\":[]}");
	board_build(board, now);
	assert_int_equal(board->tiles[2].state, TILE_FAILED);
	assert_true(board->tiles[2].gone);
	assert_int_equal(board->tiles[0].state, TILE_EMPTY);
	free_board(board);
}

/* A phone that has been restored at another port since has failed at no port now. */
static void test_a_phone_that_has_moved_on(void **state)
{
	struct board *board = board_of(4);

	answer(board, ASK_DEVICES, "{\"devices\":[]}");
	answer(board, ASK_RUNNING,
		"{\"sessions\":[{\"session\":\"01936f00-1111-7222-8333-444455550009\","
		"\"ecid\":\"0x0000000000000003\",\"hostId\":\"A\",\"port\":\"1-3\","
		"\"outcome\":\"running\",\"startedUSec\":3}]}");
	board_build(board, now);
	assert_int_equal(board->tiles[2].state, TILE_EMPTY);
	assert_string_equal(board->tiles[4].port, "1-3");
	assert_int_equal(board->tiles[4].state, TILE_RESTORING);
	free_board(board);
}

static void succeed(struct board *board, const char *verdict)
{
	const struct board_call call = diagnosis_of("01936f00-1111-7222-8333-444455550003");
	struct json_object *reply = read_json(verdict);

	answer(board, ASK_RECENT,
		"{\"sessions\":[{\"session\":\"01936f00-1111-7222-8333-444455550003\","
		"\"ecid\":\"0x0000000000000003\",\"hostId\":\"A\",\"port\":\"1-2.3\","
		"\"outcome\":\"succeeded\",\"startedUSec\":1,\"endedUSec\":2}]}");
	board_answer(board, &call, reply, now);
	json_object_put(reply);
	board_build(board, now);
}

/* It works without the flex: the technician has still to replace it. */
static void test_a_success_that_shows_the_fault(void **state)
{
	struct board *board = board_of(8);
	struct tiles_view view = {0};
	struct canvas canvas;

	succeed(board,
		"{\"verdict\":{\"phase\":\"phase2-hardware\",\"summary\":\"It has worked since "
		"attempt "
		"5. Phase 2 (hardware): the port.\",\"worksSince\":{\"fault\":\"Phase 2 "
		"(hardware): "
		"the earpiece (front sensor) flex, strong evidence; its label is long enough for "
		"more than three rows of it.\"},\"nextStep\":{\"title\":\"connect it "
		"again\"},\"causes\":[{\"cause\":\"port-hub\",\"strength\":\"strong\"}]}}");
	canvas = drawn(board, &view, 80, 34);
	assert_non_null(strstr(row_of(&canvas, 8), "slot 3  1-2.3           ✓ SUCCEEDED"));
	assert_row(&canvas, 9, "   Phase 2 (hardware): the earpiece        iPhone 11 Pro …0004");
	assert_row(&canvas, 10, "   (front sensor) flex, strong");
	assert_row(&canvas, 11, "   evidence; its label is long enough");
	assert_row(&canvas, 12, "   for more than three rows of it.");
	assert_row(&canvas, 13, "   Next: connect it again");
	assert_false(board->tiles[2].suspect);
	canvas_done(&canvas);
	succeed(board, "{\"verdict\":{\"phase\":\"none\",\"summary\":\"No failure was seen.\"}}");
	assert_string_equal(board->tiles[2].verdict, "");
	free_board(board);
}

/* One question a change, and nothing is due while nothing changes. */
static void test_no_work_without_a_change(void **state)
{
	struct board *board = board_of(4);
	struct stamp later = {now.monotonic_us + 500 * USEC_PER_MSEC, NOW_US};

	assert_int_equal(drain(board, later), 0);
	/* The next second of the silence. */
	assert_int_equal(board_due_ms(board, now), 1000);
	answer(board, ASK_RUNNING, "{\"sessions\":[]}");
	board_build(board, now);
	assert_int_equal(board_due_ms(board, now), -1);
	for (int i = 0; i < 100; i++)
		change(board, "{\"record\":{\"kind\":\"log\",\"session\":\"x\"}}", now);
	assert_int_equal(board_due_ms(board, later), 500);
	assert_int_equal(drain(board, later), 0);
	later.monotonic_us += 500 * USEC_PER_MSEC;
	assert_int_equal(drain(board, later), 1);
	assert_int_equal(board_due_ms(board, later), -1);
	free_board(board);
}

static void test_a_silence_past_its_budget(void **state)
{
	struct board *board = board_of(4);
	struct stamp later = {now.monotonic_us + 289 * USEC_PER_SEC, NOW_US};
	struct tiles_view view = {0};
	struct canvas canvas;

	board_build(board, later);
	assert_int_equal(board->tiles[1].state, TILE_SILENT);
	/* Its diagnosis is asked, once. */
	assert_int_equal(drain(board, later), 1);
	canvas = drawn(board, &view, 80, 24);
	assert_non_null(strstr(row_of(&canvas, 0), "SILENT"));
	canvas_done(&canvas);
	board_connect(board, false);
	board_build(board, later);
	assert_int_equal(board->tiles[1].state, TILE_UNWATCHED);
	assert_int_equal(board_due_ms(board, later), -1);
	/* Connected, but what ran before is not known to run. */
	board_connect(board, true);
	board_build(board, later);
	assert_int_equal(board->tiles[1].state, TILE_UNWATCHED);
	answer(board, ASK_RUNNING, "{\"sessions\":[]}");
	board_build(board, later);
	assert_int_equal(board->tiles[1].state, TILE_PHONE);
	free_board(board);
}

/* After lost messages, notes and corrections may be among them. */
static void test_lost_messages_renew_the_verdict(void **state)
{
	struct board *board = board_of(4);
	struct board_call call;
	struct stamp later = {now.monotonic_us + USEC_PER_SEC, NOW_US};

	diagnose(board, "storage");
	assert_false(board_next(board, later, &call));
	change(board, "{\"lost\":3}", later);
	for (unsigned i = 0; i < ASK_DIAGNOSIS; i++) {
		assert_true(board_next(board, later, &call));
		json_object_put(call.parameters);
	}
	assert_true(board_next(board, later, &call));
	assert_int_equal(call.question, ASK_DIAGNOSIS);
	json_object_put(call.parameters);
	free_board(board);
}

static void test_suspect_ports(void **state)
{
	struct board *board = board_of(4);
	struct tiles_view view = {0};
	struct canvas canvas;

	answer(board, ASK_GROUPS,
		"{\"groups\":[{\"key\":\"1-2.2\",\"hostId\":\"A\",\"linkBytes\":1000000000,"
		"\"linkMilliseconds\":2000,\"linkErrors\":9},{\"key\":\"1-2.4\",\"hostId\":\"A\","
		"\"linkBytes\":2000000000,\"linkMilliseconds\":2000,\"linkErrors\":0}]}");
	diagnose(board, "port-hub");
	canvas = drawn(board, &view, 80, 24);
	assert_row(&canvas, 22, "bench-1: all sources up  suspect: slot 2, slot 3");
	assert_non_null(strstr(row_of(&canvas, 0), "slot 2 (suspect)"));
	canvas_done(&canvas);
	free_board(board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eight_ports_at_80x24),
		cmocka_unit_test(test_thirty_ports_at_200x60),
		cmocka_unit_test(test_one_column_at_40),
		cmocka_unit_test(test_more_ports_than_rows),
		cmocka_unit_test(test_a_locale_without_utf8),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_a_phone_that_moves),
		cmocka_unit_test(test_a_phone_that_has_moved_on),
		cmocka_unit_test(test_a_success_that_shows_the_fault),
		cmocka_unit_test(test_no_work_without_a_change),
		cmocka_unit_test(test_a_silence_past_its_budget),
		cmocka_unit_test(test_lost_messages_renew_the_verdict),
		cmocka_unit_test(test_suspect_ports),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
