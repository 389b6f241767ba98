/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a report: the builder that nothing foreign breaks out of, and the course of an
 * attempt from records that may say anything. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/report/html.h"
#include "client/report/report_data.h"
#include "client/report/pages.h"
#include "client/report/words.h"

#define SECOND ((int64_t)USEC_PER_SEC)

/* What `write` makes of a text, in the caller's bytes. */
static char *written(
	void (*write)(struct html *html, const char *text), const char *text, bool reveal)
{
	char *page = NULL;
	size_t size;
	struct html html = {.out = open_memstream(&page, &size), .reveal = reveal};

	assert_non_null(html.out);
	write(&html, text);
	assert_int_equal(html.depth, 0);
	assert_false(html.failed);
	fclose(html.out);
	return page;
}

static void write_foreign(struct html *html, const char *text)
{
	html_foreign(html, text);
}

static void write_attribute(struct html *html, const char *text)
{
	html_begin(html, "b", NULL);
	html_set(html, "title", text);
	html_end(html);
}

static void test_foreign_text_is_escaped(void **state)
{
	static const struct {
		const char *text, *page;
	} cases[] = {
		{"", ""},
		{"Status: fine", "Status: fine"},
		{"<script>a & 'b'</script>", "&lt;script&gt;a &amp; &#39;b&#39;&lt;/script&gt;"},
		{"\" onload=x", "&quot; onload=x"},
		{"&lt;", "&amp;lt;"},
		{"a\033[31mb\r\n", "a?[31mb??"},
		{"a\xff<", "a?&lt;"},
		{"\xe2\x80\xae"
		 "gnp\xe2\x81\xa6.exe",
			"?gnp?.exe"},					  /* turned text */
		{"\xe2\x80\xa6\xe2\x82\xac", "\xe2\x80\xa6\xe2\x82\xac"}, /* … € stay */
		{"-i 0x1A2B3C4D5E6F", "-i …5E6F"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *page = written(write_foreign, cases[i].text, false);

		assert_string_equal(page, cases[i].page);
		free(page);
	}
}

static void test_attributes_are_escaped(void **state)
{
	char *page = written(write_attribute, "\"><script>'", false);

	assert_string_equal(page, "<b title=\"&quot;&gt;&lt;script&gt;&#39;\"></b>");
	free(page);
}

/* An identifier that the cut would go through is no identifier any more: it has to be masked
 * before. */
static void test_a_cut_reveals_nothing(void **state)
{
	char text[HTML_FOREIGN_BYTES + 64], *page;
	size_t at = HTML_FOREIGN_BYTES - 12;

	memset(text, '-', sizeof(text));
	memcpy(text + at, "001C2D6A3C8A802E", 17);
	page = written(write_foreign, text, false);
	assert_null(strstr(page, "001C"));
	free(page);
	page = written(write_foreign, text, true);
	assert_non_null(strstr(page, "001C"));
	assert_string_equal(page + strlen(page) - strlen("…"), "…");
	free(page);
}

/* A record of a kind, `s` seconds after the first. */
static struct json_object *record(const char *kind, int64_t s)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);

	json_put_text(&builder, object, "kind", kind);
	json_put_text(&builder, object, "source", "usb");
	json_put_number(&builder, object, "timeUSec", (1000000 + s) * SECOND);
	json_put_number(&builder, object, "monotonicUSec", (500 + s) * SECOND);
	return json_finish(&builder, object);
}

static void take_with(struct course *course, struct json_object *object, const char *key,
	const char *text, int64_t number)
{
	struct json_builder builder = {0};

	if (text)
		json_put_text(&builder, object, key, text);
	else if (key)
		json_put_number(&builder, object, key, number);
	course_take(course, object);
	json_object_put(object);
}

static void take(struct course *course, const char *kind, int64_t s)
{
	take_with(course, record(kind, s), NULL, NULL, 0);
}

static const struct moment *find(const struct course *course, enum moment_kind kind)
{
	for (size_t i = 0; i < course->count; i++)
		if (course->moments[i].kind == kind)
			return &course->moments[i];
	return NULL;
}

static struct course *new_course(void)
{
	struct course *course = calloc(1, sizeof(*course));

	assert_non_null(course);
	return course;
}

static void test_course_of_a_failure(void **state)
{
	struct course *course = new_course();
	const struct moment *silence;

	take_with(course, record("attach", 0), "mode", "restore", 0);
	take_with(course, record("operation", 10), "number", NULL, 28);
	take_with(course, record("operation", 11), "number", NULL, 28);
	take_with(course, record("silence", 140), "number", NULL, 120);
	take_with(course, record("progress", 150), "permille", NULL, 3);
	take(course, "usb-error", 100);
	take(course, "usb-error", 199);
	take(course, "detach", 200);
	take(course, "link-lost", 200);
	take(course, "session-end", 210);
	/* The next day. */
	take_with(course, record("amendment", 90000), "name", "outcome", 0);
	course_finish(course);

	assert_int_equal(course->end_us, 210 * SECOND);
	assert_int_equal(course->counts[MOMENT_OPERATION], 1);
	assert_int_equal(find(course, MOMENT_OPERATION)->from_us, 10 * SECOND);
	assert_int_equal(find(course, MOMENT_OPERATION)->to_us, 200 * SECOND);
	silence = find(course, MOMENT_SILENCE);
	assert_int_equal(silence->from_us, 20 * SECOND);
	assert_int_equal(silence->over_us, 140 * SECOND);
	assert_int_equal(silence->to_us, 150 * SECOND);
	/* The loss is the detach; the error right before it is no evidence. */
	assert_null(find(course, MOMENT_DETACH));
	assert_int_equal(find(course, MOMENT_LINK_LOST)->from_us, 200 * SECOND);
	assert_false(course->moments[2].masked);
	assert_int_equal(course->moments[3].kind, MOMENT_USB_ERROR);
	assert_true(course->moments[3].masked);
	assert_int_equal(course->fold.mode_count, 2);
	free(course);
}

/* A flood of one kind must not hide the others. */
/* What the bus showed: failed transfers are moments, and the data becomes a graph. */
static void test_course_of_the_link(void **state)
{
	struct course *course = new_course();
	struct json_builder builder = {0};
	struct json_object *error = record("link-error", 20);

	take_with(course, record("attach", 0), "mode", "restore", 0);
	for (int64_t i = 1; i <= COURSE_RATES_MAX + 2; i++) {
		struct json_object *rate = record("link-rate", 10 * i);

		json_put_number(&builder, rate, "number", 5000);
		take_with(course, rate, "code", NULL, 20000000);
	}
	json_put_text(&builder, error, "name", "bulk-out");
	json_put_number(&builder, error, "number", 2);
	take_with(course, error, "code", NULL, -71);
	course_finish(course);
	assert_int_equal(course->rate_count, COURSE_RATES_MAX);
	assert_int_equal(course->rates[0].from_us, 5 * SECOND);
	assert_int_equal(course->rates[0].to_us, 10 * SECOND);
	/* The last one holds what came later too. */
	assert_int_equal(course->rates[COURSE_RATES_MAX - 1].bytes, 3 * 20000000);
	assert_int_equal(course->rates[COURSE_RATES_MAX - 1].to_us, course->end_us);
	assert_int_equal(find(course, MOMENT_TRANSFER_ERROR)->number, 2);
	assert_string_equal(find(course, MOMENT_TRANSFER_ERROR)->label, "bulk-out, error -71");
	free(course);
}

static void test_course_is_bounded(void **state)
{
	struct course *course = new_course();

	for (int64_t i = 0; i < 5000; i++)
		take(course, "usb-error", i);
	take(course, "link-lost", 5001);
	course_finish(course);
	assert_true(course->count < COURSE_MOMENTS_MAX);
	assert_int_equal(course->count + course_left_out(course), 5001);
	assert_non_null(find(course, MOMENT_LINK_LOST));
	free(course);
}

/* A restart of the computer sets the monotonic clock back, and one that was only told of has its
 * end days later. */
static void test_course_with_other_clocks(void **state)
{
	struct course *course = new_course();
	struct json_object *other;

	take_with(course, record("operation", 0), "number", NULL, 13);
	other = record("session-end", 300);
	json_object_object_add(other, "monotonicUSec", json_object_new_int64(7 * SECOND));
	course_take(course, other);
	json_object_put(other);
	course_finish(course);
	assert_int_equal(course->end_us, 300 * SECOND);
	free(course);

	course = new_course();
	take_with(course, record("operation", 0), "number", NULL, 13);
	take(course, "usb-error", 60);
	take(course, "session-end", 172800);
	course_finish(course);
	assert_int_equal(course->end_us, 60 * SECOND);
	assert_int_equal(find(course, MOMENT_END)->from_us, 60 * SECOND);
	free(course);
}

static void fill_wildly(struct json_builder *builder, struct json_object *object, size_t i)
{
	static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, INT64_MAX / 2, INT64_MAX};
	static const char *const keys[] = {"timeUSec", "monotonicUSec", "number", "code"};

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		json_put_number(builder, object, keys[k], numbers[i / (k + 1) % 6]);
}

/* Numbers of any size, in every kind: drawn, or not, but nothing overflows. */
static void test_wild_numbers_are_drawn(void **state)
{
	static const char *const kinds[] = {"attach", "detach", "operation", "silence", "usb-error",
		"status", "checkpoint", "link-lost", "tool-end", "session-end", "none"};
	struct report_attempt *attempt = calloc(1, sizeof(*attempt));
	char *page = NULL;
	size_t size;
	struct html html = {.out = open_memstream(&page, &size)};

	attempt->session = json_object_new_object();
	for (size_t i = 0; i < 500; i++) {
		struct json_builder builder = {0};
		struct json_object *object = json_new_object(&builder);

		json_put_text(&builder, object, "kind", kinds[i % 11]);
		json_put_text(&builder, object, "mode", i % 3 ? "restore" : "recovery");
		json_put_text(&builder, object, "state", "failure");
		fill_wildly(&builder, object, i);
		course_take(&attempt->course, object);
		json_object_put(object);
	}
	course_finish(&attempt->course);
	report_put_timeline(&html, attempt);
	fclose(html.out);
	assert_int_equal(html.depth, 0);
	assert_null(strstr(page, "nan"));
	assert_null(strstr(page, "inf%"));
	free(page);
	json_object_put(attempt->session);
	free(attempt);
}

/* A reply of an older or a newer daemon, or of a broken one, is a page all the same. */
static void test_odd_replies_are_pages(void **state)
{
	static const char *const replies[] = {
		"{}",
		"{\"verdict\":{\"phase\":\"phase9\",\"strength\":\"certain\",\"causes\":[{}]}}",
		"{\"verdict\":{\"phase\":\"phase2-hardware\",\"strength\":\"strong\",\"causes\":[{"
		"\"cause\":"
		"\"x\",\"strength\":\"weak\",\"evidence\":[{\"records\":[1,-1,\"a\",null],"
		"\"sessions\":[7]}"
		"]}],\"nextStep\":{},\"advice\":[1,null]},\"sessions\":[{},7,null]}",
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct json_object *diagnosis = NULL;
		struct report report;
		char *page = NULL;
		size_t size;
		FILE *out = open_memstream(&page, &size);

		assert_int_equal(json_read(replies[i], strlen(replies[i]), &diagnosis), 0);
		assert_int_equal(report_init(&report, diagnosis), 0);
		report_finish(&report);
		assert_int_equal(report_write(&report, out), 0);
		fclose(out);
		assert_non_null(strstr(page, "</html>"));
		free(page);
		report_done(&report);
	}
}

/* The page of a phone that works again says so, and names no suspect where none is sure. */
static void test_a_cure_leads_the_page(void **state)
{
	static const char reply[] =
		"{\"verdict\":{\"phase\":\"undecided\",\"strength\":\"weak\",\"summary\":\"It "
		"works\","
		"\"worksSince\":{\"attempt\":2,\"changes\":[\"display replaced\",\"cable B\"]},"
		"\"causes\":[{\"cause\":\"cable\",\"title\":\"the cable\",\"strength\":\"weak\"}],"
		"\"nextStep\":{\"text\":\"Hand it over.\"}},\"sessions\":[]}";
	struct json_object *diagnosis = NULL;
	struct report report;
	char *page = NULL, *annex;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	assert_int_equal(json_read(reply, strlen(reply), &diagnosis), 0);
	assert_int_equal(report_init(&report, diagnosis), 0);
	report_finish(&report);
	assert_int_equal(report_write(&report, out), 0);
	fclose(out);
	annex = strstr(page, "sheet annex");
	if (annex)
		*annex = '\0';
	assert_non_null(strstr(page, "The phone works again"));
	assert_non_null(strstr(page, "It has worked since attempt 2: display replaced, cable B."));
	assert_non_null(strstr(page, "Hand it over."));
	assert_null(strstr(page, "First suspect"));
	assert_null(strstr(page, "not certain"));
	free(page);
	report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_text_is_escaped),
		cmocka_unit_test(test_attributes_are_escaped),
		cmocka_unit_test(test_a_cut_reveals_nothing),
		cmocka_unit_test(test_course_of_a_failure),
		cmocka_unit_test(test_course_of_the_link),
		cmocka_unit_test(test_a_cure_leads_the_page),
		cmocka_unit_test(test_course_is_bounded),
		cmocka_unit_test(test_course_with_other_clocks),
		cmocka_unit_test(test_wild_numbers_are_drawn),
		cmocka_unit_test(test_odd_replies_are_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
