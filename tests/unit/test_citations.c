/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guards, over all development cases: the records that a sentence of a verdict cites show what it
 * says. A sentence on failures cites no restore that succeeded, one on a cure only what worked, one
 * that counts computers or cables as many of them, and so on. */
#include "common/diagnosis/verdict.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "tests/unit/test.h"

#define CASES_LEAST 105	    /* of both folders: a test of nothing must fail */
#define CITATIONS_LEAST 300 /* of them all */
/* Attempts that nothing was recorded of are given an end, to be cited by. */
#define TOLD_SEQUENCE UINT64_C(1000000)

static struct verdict verdict;

static uint64_t record(void *user, const struct event *event)
{
	return ++*(uint64_t *)user;
}

static void give_ends(struct triage_case *c)
{
	for (size_t i = 0; i < c->attempt_count; i++)
		if (!c->attempts[i]->end_sequence)
			c->attempts[i]->end_sequence = (i + 1) * TOLD_SEQUENCE;
}

/* The records of an attempt come before its end and after that of the one before it. */
static const struct attempt *attempt_of(const struct triage_case *c, uint64_t sequence)
{
	if (sequence >= TOLD_SEQUENCE)
		return c->attempts[sequence / TOLD_SEQUENCE - 1];
	for (size_t i = 0; i < c->attempt_count; i++)
		if (c->attempts[i]->end_sequence < TOLD_SEQUENCE &&
			sequence <= c->attempts[i]->end_sequence)
			return c->attempts[i];
	return NULL;
}

/* The attempts that a finding cites. */
struct cited {
	const struct attempt *attempts[VERDICT_RECORDS_MAX];
	size_t count;
};

static bool is_success(const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_SUCCEEDED;
}

static size_t count_successes(const struct cited *cited)
{
	size_t count = 0;

	for (size_t i = 0; i < cited->count; i++)
		count += is_success(cited->attempts[i]);
	return count;
}

static const char *cable_of(const struct attempt *attempt)
{
	return attempt_condition(attempt, "cable");
}

static const char *host_of(const struct attempt *attempt)
{
	return attempt->host;
}

static size_t count_different(
	const struct cited *cited, const char *(*text_of)(const struct attempt *attempt))
{
	size_t count = 0;

	for (size_t i = 0; i < cited->count; i++) {
		const char *text = text_of(cited->attempts[i]);
		size_t j = 0;

		while (j < i && !(text && text_of(cited->attempts[j]) &&
					text_equal(text, text_of(cited->attempts[j]))))
			j++;
		count += text && *text && j == i;
	}
	return count;
}

static bool is_flex_off(const struct attempt *attempt)
{
	const char *state = attempt_condition(attempt, "earpieceFlex");
	const char *minimal = attempt_condition(attempt, "minimalBoot");

	return state ? text_equal(state, "disconnected") : minimal && text_equal(minimal, "true");
}

/* What a sentence claims, by its words; returns what the citation lacks, or NULL. */
static const char *find_fault(const char *text, const struct cited *cited)
{
	size_t successes = count_successes(cited);
	bool cure = strstr(text, "It work") || strstr(text, "worked more than once"),
	     again = strstr(text, "failed again");
	bool counts = strstr(text, "2 computers") || strstr(text, "2 cables");

	if (again && (successes == 0 || successes == cited->count))
		return "a cure and the failure after it";
	if (cure && !again && successes < cited->count)
		return "successes alone";
	if (!cure && successes)
		return "failures alone";
	if (strstr(text, "more than once") && cited->count < 2)
		return "two successes";
	if (strstr(text, "It failed") && cited->count == 0)
		return "a failure";
	if (cure && cited->count == 0)
		return "a success";
	if (counts && count_different(cited, host_of) < 2 && strstr(text, "2 computers"))
		return "two computers";
	if (counts && count_different(cited, cable_of) < 2 && strstr(text, "2 cables"))
		return "two cables";
	for (size_t i = 0; i < cited->count; i++)
		if (strstr(text, "failed with the earpiece flex disconnected") &&
			!is_flex_off(cited->attempts[i]))
			return "a failure with the flex off";
	return NULL;
}

static size_t check_finding(
	const char *name, const struct triage_case *c, const struct finding *finding)
{
	struct cited cited = {.count = 0};
	const char *fault;

	for (size_t i = 0; i < finding->record_count; i++) {
		const struct attempt *attempt = attempt_of(c, finding->records[i]);

		if (!attempt)
			fail_msg("%s: \"%s\" cites record %llu of no attempt", name, finding->text,
				(unsigned long long)finding->records[i]);
		cited.attempts[cited.count++] = attempt;
	}
	fault = find_fault(finding->text, &cited);
	if (fault)
		fail_msg("%s: \"%s\" (%s) does not cite %s", name, finding->text, finding->rule,
			fault);
	return cited.count;
}

static size_t check_list(
	const char *name, const struct triage_case *c, const struct finding *findings, size_t count)
{
	size_t citations = 0;

	for (size_t i = 0; i < count; i++)
		citations += check_finding(name, c, &findings[i]);
	return citations;
}

static size_t check_file(const char *path)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "", text[1 << 20];
	FILE *file = fopen(path, "re");
	uint64_t sequence = 0;
	size_t length, citations = 0;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text), file);
	assert_true(length < sizeof(text));
	fclose(file);
	assert_int_equal(casefile_parse_recording(text, length, record, &sequence, &c, message), 0);
	assert_true(sequence < TOLD_SEQUENCE);
	give_ends(c);
	assert_int_equal(diagnose(c, &verdict), 0);
	citations += check_list(path, c, verdict.silences, verdict.silence_count);
	for (size_t i = 0; i < verdict.cause_count; i++) {
		const struct suspect *suspect = &verdict.causes[i];

		citations += check_list(path, c, suspect->evidence, suspect->evidence_count);
		citations += check_list(
			path, c, suspect->counter_evidence, suspect->counter_evidence_count);
	}
	return citations;
}

static void citations_show_what_they_are_cited_for(void **state)
{
	static const char *const folders[] = {CASES, CASES "/../minimal"};
	size_t cases = 0, citations = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		DIR *folder = opendir(folders[i]);
		const struct dirent *entry;

		assert_non_null(folder);
		while ((entry = readdir(folder))) {
			char path[4096];

			if (!strstr(entry->d_name, ".json"))
				continue;
			snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
			citations += check_file(path);
			cases++;
		}
		closedir(folder);
	}
	assert_true(cases >= CASES_LEAST);
	assert_true(citations >= CITATIONS_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(citations_show_what_they_are_cited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
