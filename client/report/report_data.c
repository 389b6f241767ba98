/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/report_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

static int compare_cited(const void *a, const void *b)
{
	const struct cited *left = a, *right = b;

	if (left->sequence == right->sequence)
		return strcmp(left->session, right->session);
	return left->sequence < right->sequence ? -1 : 1;
}

/* A record that a finding cites by number and, from newer daemons, by session. */
static struct cited cited_at(struct json_object *finding, size_t index)
{
	struct json_object *records = field_list(finding, "records");
	struct json_object *sessions = field_list(finding, "sessions");
	const char *session = sessions ? json_item_text(sessions, index) : NULL;

	return (struct cited){
		.sequence = json_object_get_int64(field_item(records, index)),
		.session = session ? session : "",
	};
}

static void cite(struct report *report, struct json_object *findings)
{
	for (size_t i = 0; i < field_count(findings); i++) {
		struct json_object *finding = field_item(findings, i);
		size_t count = field_count(field_list(finding, "records"));

		for (size_t k = 0; k < count && report->cited_count < REPORT_CITED_MAX; k++)
			report->cited[report->cited_count++] = cited_at(finding, k);
	}
}

static void list_cited(struct report *report)
{
	struct json_object *verdict = field_object(report->diagnosis, "verdict");
	struct json_object *causes = field_list(verdict, "causes");
	size_t kept = 0;

	for (size_t i = 0; i < field_count(causes); i++) {
		cite(report, field_list(field_item(causes, i), "evidence"));
		cite(report, field_list(field_item(causes, i), "counterEvidence"));
	}
	cite(report, field_list(verdict, "silences"));
	qsort(report->cited, report->cited_count, sizeof(report->cited[0]), compare_cited);
	for (size_t i = 0; i < report->cited_count; i++)
		if (i == 0 || compare_cited(&report->cited[i], &report->cited[kept - 1]) != 0)
			report->cited[kept++] = report->cited[i];
	report->cited_count = kept;
}

static void list_attempts(struct report *report, struct json_object *sessions, size_t count)
{
	for (size_t i = 0; i < report->attempt_count; i++) {
		struct report_attempt *attempt = &report->attempts[i];

		/* The reply has the newest first. */
		attempt->session = field_item(sessions, report->attempt_count - 1 - i);
		attempt->id = field_text(attempt->session, "session");
		attempt->number = count - report->attempt_count + 1 + i;
	}
}

int report_init(struct report *report, struct json_object *diagnosis)
{
	struct json_object *sessions = field_list(diagnosis, "sessions");
	size_t count = field_count(sessions);

	*report = (struct report){.diagnosis = diagnosis};
	report->attempt_count = count < REPORT_ATTEMPTS_MAX ? count : REPORT_ATTEMPTS_MAX;
	report->attempts_left_out = count - report->attempt_count;
	/* One more, to avoid the special case of none. */
	report->attempts = calloc(report->attempt_count + 1, sizeof(report->attempts[0]));
	report->cited = calloc(REPORT_CITED_MAX, sizeof(report->cited[0]));
	if (!report->attempts || !report->cited)
		return -ENOMEM;
	list_attempts(report, sessions, count);
	list_cited(report);
	return 0;
}

void report_done(struct report *report)
{
	for (size_t i = 0; report->cited && i < report->cited_count; i++)
		json_object_put(report->cited[i].record);
	free(report->cited);
	free(report->attempts);
	json_object_put(report->notes);
	json_object_put(report->status);
	json_object_put(report->diagnosis);
	*report = (struct report){0};
}

static struct cited *find_cited(const struct report *report, int64_t sequence, const char *session)
{
	struct cited key = {.sequence = sequence, .session = session};

	return bsearch(&key, report->cited, report->cited_count, sizeof(key), compare_cited);
}

struct cited *report_find_cited(
	const struct report *report, struct json_object *finding, size_t index)
{
	struct cited cited = cited_at(finding, index);

	return find_cited(report, cited.sequence, cited.session);
}

static void keep_record(
	struct cited *cited, const struct report_attempt *attempt, struct json_object *record)
{
	if (!cited || cited->record)
		return;
	cited->record = json_object_get(record);
	cited->attempt = attempt ? attempt->number : 0;
}

static void keep_cited(
	struct report *report, const struct report_attempt *attempt, struct json_object *record)
{
	int64_t sequence = field_number_or(record, "sequence", 0);

	if (attempt)
		keep_record(find_cited(report, sequence, attempt->id), attempt, record);
	keep_record(find_cited(report, sequence, ""), attempt, record);
}

int64_t report_take_log(
	struct report *report, struct report_attempt *attempt, struct json_object *reply)
{
	struct json_object *records = field_list(reply, "records");
	int64_t last = 0;

	for (size_t i = 0; i < field_count(records); i++) {
		struct json_object *record = field_item(records, i);

		if (attempt)
			course_take(&attempt->course, record);
		keep_cited(report, attempt, record);
		last = field_number_or(record, "sequence", last);
	}
	if (attempt)
		attempt->course.lost += field_number_or(reply, "lost", 0);
	return last;
}

void report_finish(struct report *report)
{
	for (size_t i = 0; i < report->attempt_count; i++)
		course_finish(&report->attempts[i].course);
}

size_t report_count_outcome(const struct report *report, const char *outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < report->attempt_count; i++)
		count += text_equal(
			field_text_or(report->attempts[i].session, "outcome", ""), outcome);
	return count;
}
