/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the client that handle foreign text: what is masked, how words wrap, and how a log
 * is cut into pieces of which each byte keeps its place. */
#include "tests/unit/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/mask.h"
#include "client/text_layout.h"
#include "client/run/piece.h"
#include "client/run/tool.h"
#include "common/base/text.h"

static void test_mask(void **state)
{
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{"", ""},
		{"About to restore device", "About to restore device"},
		{"ECID: 7887112354070574", "ECID: ..0574"},
		{"-i 0x1A2B3C4D5E6F now", "-i ..5E6F now"},
		{"ECID:001C2D6A3C8A802E IBFL:3D", "ECID:..802E IBFL:3D"},
		{"00008030-001C2D6A3C8A802E", "00008030-..802E"},
		{"0123456789abcdef0123456789abcdef01234567", "..4567"},
		{"SRNM:[F4GZX0QYN70D]", "SRNM:[..N70D]"},
		{"Serial Number: F4GZX0QYN70D", "Serial Number: ..N70D"},
		{"device serial number is F4GZX0QYN70D", "device serial number is ..N70D"},
		{"SerialNumber=F4GZX0QYN70D,", "SerialNumber=..N70D,"},
		{"ECID_iPhone8,1_7887112354070574.shsh2", "ECID_iPhone8,1_..0574.shsh2"},
		{"restore_1a2b3c4d5e6f7a8b_now.log", "restore_..7a8b_now.log"},
		{"ECID: 123456789", "ECID: ..6789"},
		{"-i1A2B3C4D5E6F7A", "-i..6F7A"},
		{"-u0123456789abcdef0123456789abcdef01234567", "-u..4567"},
		{"{'SerialNumber': 'F4GZX0QYN70D'}", "{'SerialNumber': '..N70D'}"},
		{"device is 0123456789abcdef0123456789abcdef01234567", "device is ..4567"},
		/* Not identifiers. */
		{"01936f00-1111-7222-8333-444455556666", "01936f00-1111-7222-8333-444455556666"},
		{"panic at 0xffffff801234abcd", "panic at 0xffffff801234abcd"},
		{"0x1234", "0x1234"},
		{"21F90 (12) 4013", "21F90 (12) 4013"},
		{"serial: 12", "serial: 12"},
		{"serial number unknown", "serial number unknown"},
		{"ECID: unknown, iPhone10,4", "ECID: unknown, iPhone10,4"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *masked = mask_text(NULL, cases[i].text, false);

		assert_string_equal(masked, cases[i].masked);
		free(masked);
	}
}

static void test_mask_of_known_values(void **state)
{
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{"cable of 1a2b3c4d5e", "cable of ..4d5e"},
		{"x1A2B3C4D5Ey", "x..4D5Ey"},
		{"0000001A2B3C4D5E.log", "..4D5E.log"},
		{"ECID 112394517854", "ECID ..7854"},
		{"phoneF4GZX0QYN70D", "phone..N70D"},
		{"Roe-17, and roe-171", "Roe-17, and roe-171"},
		{"/logs/T-1042.log", "/logs/...log"},
		{"T-10421", "T-10421"},
	};
	struct mask mask = {0};

	assert_int_equal(mask_add_ecid(&mask, "0x1A2B3C4D5E"), 0);
	assert_int_equal(mask_add(&mask, "F4GZX0QYN70D"), 0);
	assert_int_equal(mask_add_word(&mask, "T-1042"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *masked = mask_text(&mask, cases[i].text, false);

		assert_string_equal(masked, cases[i].masked);
		free(masked);
	}
	mask_done(&mask);
}

/* A layout on memory, `width` columns wide. */
static struct layout layout_on(FILE *out, int width)
{
	struct layout layout;

	layout_init(&layout, stdout, 0, true);
	layout.out = out;
	layout.width = width;
	return layout;
}

static void test_words_wrap_as_wholes(void **state)
{
	char text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	struct layout layout = layout_on(out, 20);

	layout_put(&layout, "+");
	layout_tab(&layout, 4);
	layout_foreign(&layout, "one two three");
	/* Pieces of one word, with colour between them, stay together. */
	layout_put(&layout, " (");
	layout_paint(&layout, PAINT_BOLD);
	layout_put(&layout, "%s", "weak");
	layout_paint(&layout, PAINT_NONE);
	layout_put(&layout, ")");
	layout_line(&layout, 0);
	fclose(out);
	assert_string_equal(text, "+   one two three\n    (weak)\n");
}

static void test_words_too_long_are_kept(void **state)
{
	char text[2048] = "", word[1500];
	FILE *out = fmemopen(text, sizeof(text), "w");
	struct layout layout = layout_on(out, 20);

	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	layout_foreign(&layout, word);
	layout_line(&layout, 0);
	fclose(out);
	/* A newline may cut it; no character is lost. */
	assert_int_equal(strspn(text, "x\n"), strlen(text));
	assert_true(strlen(text) >= sizeof(word));
}

static void test_cut_by_columns(void **state)
{
	struct layout layout = layout_on(stdout, 80);

	layout.utf8 = true;
	assert_int_equal(layout_columns(&layout, "ä…"), 2);
	assert_int_equal(layout_fitting(&layout, "ä…x", 1), 2);
	assert_int_equal(layout_fitting(&layout, "ä…x", 2), 5);
	assert_int_equal(layout_fitting(&layout, "abc", 10), 3);
	assert_int_equal(layout_fitting(&layout, "abc", 0), 0);
}

static void test_pieces_keep_each_byte_in_place(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool last;
		const char *piece;
		size_t taken;
	} cases[] = {
		{"plain\r\n", 7, false, "plain\r\n", 7},
		{"a\xff\x00z", 4, false, "a??z", 4},
		{"a\xc3\xa4", 3, false, "a\xc3\xa4", 3},
		/* Half a character may be on its way; at the end it is none. */
		{"a\xc3", 2, false, "a", 1},
		{"a\xc3", 2, true, "a?", 2},
		{"\xf0\x9f\x98", 3, false, "", 0},
		{"\xf0\x9f\x98", 3, true, "???", 3},
		/* No beginning of a character: nothing to wait for. */
		{"\xc3x", 2, false, "?x", 2},
		{"\xed\xa0\x80", 3, false, "???", 3},
		{"\x80", 1, false, "?", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char bytes[16];

		memcpy(bytes, cases[i].bytes, cases[i].length);
		assert_int_equal(
			piece_prepare(bytes, cases[i].length, cases[i].last), cases[i].taken);
		assert_memory_equal(bytes, cases[i].piece, cases[i].taken);
	}
}

static void test_pieces_of_any_bytes_are_text_and_fit(void **state)
{
	static char bytes[PIECE_READ_BYTES];
	uint32_t random = 1;

	for (int round = 0; round < 50; round++) {
		size_t taken, encoded = 0;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525 + 1013904223;
			bytes[i] = (char)(random >> (round % 2 ? 24 : 27));
		}
		taken = piece_prepare(bytes, sizeof(bytes), false);
		assert_true(taken > 0);
		assert_true(text_is_utf8(bytes, taken));
		assert_null(memchr(bytes, '\0', taken));
		for (size_t i = 0; i < taken; i++)
			encoded += (unsigned char)bytes[i] < 0x20 ? 6 : 2;
		assert_true(encoded < 2 * 64 * 1024);
	}
}

static void test_phone_in_the_arguments(void **state)
{
	static const char *const lines[][6] = {
		{"idevicerestore", "-e", "-i", "0x1A2B3C4D5E6F", NULL},
		{"idevicerestore", "--ecid=0x1A2B3C4D5E6F", "x.ipsw", NULL},
		{"futurerestore", "-u", "-t", "x.shsh", "-i0x1A2B3C4D5E6F", NULL},
	};
	char udid[UDID_SIZE];
	uint64_t ecid;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		tool_named_phone(lines[i], &ecid, udid);
		assert_int_equal(ecid, 0x1A2B3C4D5E6F);
		assert_string_equal(udid, "");
	}
	tool_named_phone((const char *const[]){"tool", "-u", "00008030-001c2d6a3c8a802e", NULL},
		&ecid, udid);
	assert_string_equal(udid, "00008030-001C2D6A3C8A802E");
	tool_named_phone((const char *const[]){"tool", "-i", NULL}, &ecid, udid);
	assert_int_equal(ecid, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_mask_of_known_values),
		cmocka_unit_test(test_words_wrap_as_wholes),
		cmocka_unit_test(test_words_too_long_are_kept),
		cmocka_unit_test(test_cut_by_columns),
		cmocka_unit_test(test_pieces_keep_each_byte_in_place),
		cmocka_unit_test(test_pieces_of_any_bytes_are_text_and_fit),
		cmocka_unit_test(test_phone_in_the_arguments),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
