/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The logs of all development cases: what is read from each, and that no damage to one brings the
 * reader down or a success into it. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/model/attempt.h"
#include "common/logs/toollog.h"

#define LOG_BYTES_MAX 65536
#define DAMAGED_ROUNDS 40
#define EVENTS_A_LINE_MAX 8

/* What the log alone says. Names of signs with a blank between them. */
static const struct expected {
	const char *file;
	size_t attempt;
	enum outcome outcome;
	enum restore_stage stage;
	uint32_t operation, checkpoint;
	int64_t status; /* -1000 = none */
	const char *tool;
	const char *signs;
} expected[] = {
#define NO_STATUS -1000
#include "tests/unit/toollog_cases.inc"
};

struct reading {
	struct attempt attempt;
	struct toollog_stats stats;
	uint64_t events;
};

static void hear(void *user, const struct event *event)
{
	struct reading *reading = user;

	reading->events++;
	assert_true(text_is_utf8(event->text ? event->text : "", event->text_length));
	assert_true(event->text_length <= EVENT_TEXT_MAX);
	attempt_fold(&reading->attempt, event);
}

static void read_log(struct reading *reading, const char *text, size_t length, size_t piece)
{
	CLEANUP(toollog_freep) struct toollog *log = toollog_new(hear, reading);
	struct stamp now = {.monotonic_us = 1};

	assert_non_null(log);
	attempt_init(&reading->attempt);
	reading->events = 0;
	for (size_t at = 0; at < length; at += piece)
		toollog_feed(log, now, text + at, length - at < piece ? length - at : piece);
	toollog_finish(log, now);
	reading->stats = toollog_stats(log);
}

static void read_text(struct reading *reading, const char *text)
{
	read_log(reading, text, strlen(text), 4096);
}

/* The lines of an attempt's log, each with its end; empty where it has none. */
static void join_lines(struct json_object *attempt, char text[static LOG_BYTES_MAX])
{
	struct json_object *log, *lines;
	size_t length = 0;

	text[0] = '\0';
	if (!json_object_object_get_ex(attempt, "log", &log) ||
		!json_object_object_get_ex(log, "lines", &lines))
		return;
	for (size_t i = 0; i < json_object_array_length(lines); i++)
		length += (size_t)snprintf(text + length, LOG_BYTES_MAX - length, "%s\n",
			json_object_get_string(json_object_array_get_idx(lines, i)));
	assert_true(length < LOG_BYTES_MAX);
}

typedef void log_visitor(const char *file, size_t attempt, char *text);

static void visit_file(const char *file, log_visitor *visit)
{
	static char text[LOG_BYTES_MAX];
	struct json_object *root, *attempts;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", CASES, file);
	root = json_object_from_file(path);
	assert_non_null(root);
	assert_true(json_object_object_get_ex(root, "attempts", &attempts));
	for (size_t i = 0; i < json_object_array_length(attempts); i++) {
		join_lines(json_object_array_get_idx(attempts, i), text);
		if (*text)
			visit(file, i, text);
	}
	json_object_put(root);
}

/* Calls `visit` for each log. Returns how many there were. */
static void visit_logs(log_visitor *visit)
{
	DIR *folder = opendir(CASES);
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			visit_file(entry->d_name, visit);
	closedir(folder);
}

static size_t visited;

static const struct expected *find_expected(const char *file, size_t attempt)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (text_equal(expected[i].file, file) && expected[i].attempt == attempt)
			return &expected[i];
	fail_msg("%s, attempt %zu: not in the table", file, attempt);
	return NULL;
}

static void join_signs(const struct attempt *attempt, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < attempt->sign_count && length < size; i++)
		length += (size_t)snprintf(
			out + length, size - length, "%s%s", i ? " " : "", attempt->signs[i].id);
}

static void check_reading(const char *file, size_t number, char *text)
{
	const struct expected *e = find_expected(file, number);
	struct reading reading;
	const struct attempt *attempt = &reading.attempt;
	char signs[512];

	visited++;
	read_text(&reading, text);
	join_signs(attempt, signs, sizeof(signs));
	if (attempt->outcome != e->outcome || attempt->stage != e->stage ||
		attempt->operation != e->operation || attempt->checkpoint != e->checkpoint ||
		(attempt->status_known ? attempt->status : NO_STATUS) != e->status ||
		!text_equal(attempt->tool, e->tool) || !text_equal(signs, e->signs))
		fail_msg("{\"%s\", %zu, %d, %d, %u, 0x%x, %d, \"%s\", \"%s\"},", file, number,
			attempt->outcome, attempt->stage, attempt->operation, attempt->checkpoint,
			attempt->status_known ? (int)attempt->status : NO_STATUS, attempt->tool,
			signs);
}

static void test_cases_are_read_right(void **state)
{
	visited = 0;
	visit_logs(check_reading);
	assert_int_equal(visited, ARRAY_SIZE(expected));
}

/* However a log comes in, it is the same log. */
static void check_pieces(const char *file, size_t number, char *text)
{
	static const size_t pieces[] = {1, 2, 7, 80, LOG_BYTES_MAX};
	struct reading first, other;

	read_log(&first, text, strlen(text), 4096);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		read_log(&other, text, strlen(text), pieces[i]);
		if (memcmp(&first, &other, sizeof(first)) != 0)
			fail_msg("%s: otherwise in pieces of %zu bytes", file, pieces[i]);
	}
}

static void test_pieces_make_no_difference(void **state)
{
	visit_logs(check_pieces);
}

static uint32_t random_state;

static uint32_t next_random(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

static size_t flip_bytes(char *text, size_t length)
{
	for (size_t i = 0; i < length / 100 + 1; i++)
		text[next_random() % length] = (char)next_random();
	return length;
}

static size_t truncate_text(char *text, size_t length)
{
	return next_random() % (length + 1);
}

static size_t shuffle_lines(char *text, size_t length)
{
	static char copy[LOG_BYTES_MAX];
	char *lines[2048];
	size_t count = 0, written = 0;

	memcpy(copy, text, length);
	copy[length] = '\0';
	for (char *line = strtok(copy, "\n"); line && count < ARRAY_SIZE(lines);
		line = strtok(NULL, "\n"))
		lines[count++] = line;
	for (; count > 0; count--) {
		size_t pick = next_random() % count;

		written += (size_t)sprintf(text + written, "%s\n", lines[pick]);
		lines[pick] = lines[count - 1];
	}
	return written;
}

/* A failed log never becomes a success, and events stay in proportion to what there is to read. */
static void check_damage(const char *file, size_t number, char *text)
{
	static size_t (*const damages[])(char *, size_t) = {
		flip_bytes, truncate_text, shuffle_lines};
	static char damaged[LOG_BYTES_MAX];
	size_t length = strlen(text);
	struct reading whole, reading;

	read_text(&whole, text);
	for (size_t i = 0; i < DAMAGED_ROUNDS * ARRAY_SIZE(damages); i++) {
		size_t left;

		memcpy(damaged, text, length + 1);
		left = damages[i % ARRAY_SIZE(damages)](damaged, length);
		read_log(&reading, damaged, left, 1 + next_random() % 300);
		assert_true(reading.events <= EVENTS_A_LINE_MAX * (reading.stats.lines + 1));
		if (whole.attempt.outcome != OUTCOME_SUCCEEDED)
			assert_int_not_equal(reading.attempt.outcome, OUTCOME_SUCCEEDED);
	}
}

static void test_damage_is_borne(void **state)
{
	random_state = 4013;
	visit_logs(check_damage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_are_read_right),
		cmocka_unit_test(test_pieces_make_no_difference),
		cmocka_unit_test(test_damage_is_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
