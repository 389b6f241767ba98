/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/logs/panicfile.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/test.h"

static struct panicfile *read_file(const char *text)
{
	char message[PANICFILE_MESSAGE_SIZE] = "";
	struct panicfile *file = NULL;
	int r = panicfile_parse(text, strlen(text), &file, message);

	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		assert_true(message[0]);
		assert_null(file);
	}
	return file;
}

static void assert_file(
	const char *text, const char *product, const char *os, const char *date, const char *panic)
{
	struct panicfile *file = read_file(text);

	assert_non_null(file);
	assert_string_equal(file->product, product);
	assert_string_equal(file->os, os);
	assert_string_equal(file->date, date);
	assert_string_equal(file->text, panic);
	panicfile_free(file);
}

static void forms(void **state)
{
	assert_file(
		"{\"bug_type\":\"210\",\"timestamp\":\"2024-01-02 03:04:05.00 +0100\","
		"\"os_version\":\"iPhone OS 17.2 (21C62)\"}\n"
		"{\n  \"build\" : \"iPhone OS 17.2 (21C62)\",\n  \"product\" : \"iPhone14,5\",\n"
		"  \"date\" : \"2024-01-02 03:04:04.13 +0100\",\n"
		"  \"panicString\" : \"panic(cpu 0): a\\nb\", \"x\" : [1, {\"y\": 2}]\n}\n",
		"iPhone14,5", "iPhone OS 17.2 (21C62)", "2024-01-02 03:04:05.00 +0100",
		"panic(cpu 0): a\nb");
	/* iOS 9: a line of JSON and text. */
	assert_file("{\"bug_type\":\"110\",\"os_version\":\"iPhone OS 9.3.2 (13F69)\"}\n"
		    "Incident Identifier: X\nHardware Model:      iPhone7,2\n"
		    "Date/Time:           2016-07-01 10:00:00\n\npanic(cpu 0 caller 0x1): c\n",
		"iPhone7,2", "iPhone OS 9.3.2 (13F69)", "2016-07-01 10:00:00",
		"panic(cpu 0 caller 0x1): c\n");
	assert_file("panic(cpu 1): d", "", "", "", "panic(cpu 1): d");
	/* One object is enough; a body that is cut off is read as text. */
	assert_file(
		"{\"product\":\"iPhone12,3\",\"panicString\":\"e\"}", "iPhone12,3", "", "", "e");
	assert_file("{\"os_version\":\"x\"}\n{\"product\" : \"iPhone12,3\",\"panicString\" : "
		    "\"panic(cpu 0): f",
		"iPhone12,3", "x", "", "panic(cpu 0): f");
}

static void no_reports(void **state)
{
	static const char *const texts[] = {"", "{", "{}", "[1]", "null", "hello",
		"{\"a\":1}\n{\"b\":2}", "{\"panicString\":5}",
		"{\"panicString\":null}\n{\"panicString\":[]}"};
	char deep[4096] = "";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_null(read_file(texts[i]));
	for (size_t i = 0; i < 700; i++)
		strcat(deep, "{\"a\":");
	assert_null(read_file(deep));
}

/* A phone's name for itself may be anything. */
static void hostile_fields(void **state)
{
	struct panicfile *file =
		read_file("{\"product\":\"\\u001b[2J\\u0000x\",\"panicString\":\"p\\u0000q\"}");

	assert_non_null(file);
	assert_null(strchr(file->product, '\033'));
	assert_int_equal(file->length, 3);
	panicfile_free(file);
}

/* A list of a million empty objects would take a gigabyte. */
static void a_heavy_one_is_refused(void **state)
{
	static const char head[] = "{\"panicString\":\"panic(cpu 0)\",\"nothing\":[1";
	size_t bytes = 1000000 * strlen(",{}");
	CLEANUP(freep) char *text = malloc(sizeof(head) + bytes + 4);
	char *end;

	assert_non_null(text);
	end = stpcpy(text, head);
	for (size_t i = 0; i < 1000000; i++)
		end = stpcpy(end, ",{}");
	strcpy(end, "]}");
	assert_null(read_file(text));
}

/* json-c reads single quotes and comments, which would hide from the estimate of its size what
 * follows; a report that is not JSON is read as text. */
static void what_only_json_c_reads_takes_no_memory(void **state)
{
	static const char *const heads[] = {"{'\"':[{}", "{/*\"*/\"a\":[{}"};
	static char text[3 * 1000000 + 64];
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		char *end = stpcpy(text, heads[i]);

		for (size_t n = 0; n < 1000000; n++)
			end = stpcpy(end, ",{}");
		strcpy(end, "]}");
		assert_null(read_file(text));
	}
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
}

static void no_such_file(void **state)
{
	char message[PANICFILE_MESSAGE_SIZE] = "";
	struct panicfile *file = NULL;

	assert_int_equal(panicfile_read("/no/such/file", &file, message), -ENOENT);
	assert_true(message[0]);
	assert_int_equal(panicfile_read("/", &file, message), -EISDIR);
	assert_null(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(no_reports),
		cmocka_unit_test(hostile_fields),
		cmocka_unit_test(a_heavy_one_is_refused),
		cmocka_unit_test(what_only_json_c_reads_takes_no_memory),
		cmocka_unit_test(no_such_file),
	};

	return cmocka_run_group_tests_name("panicfile", tests, NULL, NULL);
}
