/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A casebook with a million attempts: how long it takes to show one phone's case, with its
 * diagnosis, and the same with a thousand attempts in the same run. Then a phone that has
 * a thousand attempts itself: what its diagnosis takes, and reading the attempts that it uses. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/store/store.h"
#include "common/casefile/casefile.h"
#include "common/diagnosis/verdict.h"
#include "common/store/casebook_file.h"

#define ATTEMPTS_MANY 1000000
#define ATTEMPTS_FEW 1000
#define ATTEMPTS_OF_A_PHONE 10
#define READ_ROUNDS 40
#define ROUNDS 1000
#define LIMIT_US 2000 /* p99 with ATTEMPTS_MANY */

static uint64_t no_record(void *user, const struct event *event)
{
	return 0;
}

static struct uuid no_id(void *user, struct stamp now)
{
	return (struct uuid){{0}};
}

/* A typical attempt of idevicerestore, as a case file. */
static char *told_new(void)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct attempt *attempt = c ? triage_case_add(c) : NULL;
	char *text = NULL;

	if (!attempt)
		return NULL;
	strcpy(c->identity.product, "iPhone12,3");
	strcpy(attempt->host, "bench-1");
	strcpy(attempt->tool, "idevicerestore");
	attempt->outcome = OUTCOME_FAILED;
	attempt->stage = STAGE_RESTORE;
	attempt->operation = 28;
	attempt->ended_seen = true;
	attempt_set_condition(attempt, "cable", "A", 3);
	for (size_t i = 0; i < 6; i++) {
		attempt->modes[i].mode = i % 2 ? MODE_RESTORE : MODE_RECOVERY;
		attempt->modes[i].sequence = i;
		snprintf(attempt->signs[i].id, NAME_SIZE, "sign-number-%zu", i);
		attempt->signs[i].count = 1;
	}
	attempt->mode_count = attempt->sign_count = 6;
	return casefile_write(c, CASEFILE_REVEAL, &text) < 0 ? NULL : text;
}

/* Uses its own SQL: one transaction per attempt would take an hour. */
static int fill(const char *path, int64_t count, int64_t of_a_phone)
{
	CLEANUP(freep) char *told = told_new();
	sqlite3_stmt *insert = NULL;
	sqlite3 *db = NULL;
	int r = sqlite3_open(path, &db);

	if (r == SQLITE_OK)
		r = sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db,
			"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
			" WHERE i + 1 < ?1) INSERT INTO attempts (id, origin, ecid, product,"
			" started_us, ended_us, host, port, cable, outcome, told) SELECT"
			" randomblob(16), 'watched', 1 + i % (?1 / ?2), 'iPhone12,3',"
			" 1700000000000000 + i * 1000000, 1700000000000000 + i * 1000000 + 600,"
			" 'bench-1', '1-2', 'A', 'failed', ?3 FROM n",
			-1, &insert, NULL);
	if (r == SQLITE_OK) {
		sqlite3_bind_int64(insert, 1, count);
		sqlite3_bind_int64(insert, 2, of_a_phone);
		sqlite3_bind_text(insert, 3, told, -1, SQLITE_STATIC);
		r = sqlite3_step(insert) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
	}
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return r == SQLITE_OK ? 0 : -1;
}

/* Makes one phone's case and diagnosis. Returns its attempts. */
static size_t show(struct casebook *book, const struct bench *bench, uint64_t ecid)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	static struct verdict verdict;
	struct store history = {.bench = bench, .book = book};
	struct identity identity;
	char name[ECID_TEXT_SIZE];

	ecid_format(ecid, name);
	if (!store_find_identity(&history, name, &identity) ||
		store_case(&history, &identity, &c) < 0 || diagnose(c, &verdict) < 0)
		return 0;
	return c->attempt_count;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of this process: other programs on the machine do not count. */
static double processor_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The 99th percentiles, in microseconds of processor time; 0 if it failed. */
struct percentiles {
	uint64_t open;	  /* with the casebook open, as in the daemon */
	uint64_t opening; /* with opening it, as in the command without a daemon */
};

static bool play(const char *path, struct bench *bench, uint64_t phones,
	uint64_t times[static ROUNDS], bool opening)
{
	CLEANUP(casebook_freep) struct casebook *book = NULL;

	for (size_t i = 0; i < ROUNDS; i++) {
		double begin_us = processor_us();

		if (opening)
			book = casebook_free(book);
		if (!book && casebook_open(path, &book) < 0)
			return false;
		if (show(book, bench, 1 + i * 7919 % phones) != ATTEMPTS_OF_A_PHONE)
			return false;
		times[i] = (uint64_t)(processor_us() - begin_us);
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	return true;
}

static struct percentiles measure(const char *folder, int64_t count)
{
	CLEANUP(bench_freep) struct bench *bench = bench_new("", "", 100, no_record, no_id, NULL);
	CLEANUP(casebook_file_freep) struct casebook_file *file = NULL;
	uint64_t phones = (uint64_t)count / ATTEMPTS_OF_A_PHONE;
	uint64_t open[ROUNDS], opening[ROUNDS];
	struct casebook_report report;
	char path[128];

	snprintf(path, sizeof(path), "%s/%" PRId64 ".db", folder, count);
	if (!bench || casebook_file_open(path, &report, &file) < 0 ||
		fill(path, count, ATTEMPTS_OF_A_PHONE) < 0 ||
		!play(path, bench, phones, open, false) ||
		!play(path, bench, phones, opening, true))
		return (struct percentiles){0};
	printf("%8" PRId64 " attempts: a case of %d: median %" PRIu64
	       " us, with opening the casebook %" PRIu64 " us\n",
		count, ATTEMPTS_OF_A_PHONE, open[ROUNDS / 2], opening[ROUNDS / 2]);
	return (struct percentiles){open[ROUNDS * 99 / 100], opening[ROUNDS * 99 / 100]};
}

/* The least of many rounds. Returns false if it failed. */
static bool measure_big_case(const char *folder)
{
	CLEANUP(bench_freep) struct bench *bench = bench_new("", "", 100, no_record, no_id, NULL);
	CLEANUP(casebook_file_freep) struct casebook_file *file = NULL;
	CLEANUP(casebook_freep) struct casebook *book = NULL;
	const struct identity identity = {.ecid = 1};
	static struct verdict verdict;
	struct casebook_report report;
	struct store history = {.bench = bench};
	double reading_us = 0, diagnosis_us = 0;
	size_t count = 0;
	char path[128];

	snprintf(path, sizeof(path), "%s/big.db", folder);
	if (!bench || casebook_file_open(path, &report, &file) < 0 ||
		fill(path, ATTEMPTS_FEW, ATTEMPTS_FEW) < 0 || casebook_open(path, &book) < 0)
		return false;
	history.book = book;
	for (unsigned i = 0; i < READ_ROUNDS; i++) {
		CLEANUP(triage_case_freep) struct triage_case *c = NULL;
		double us, start = processor_us();

		if (store_case(&history, &identity, &c) < 0)
			return false;
		us = processor_us() - start;
		reading_us = i == 0 || us < reading_us ? us : reading_us;
		start = processor_us();
		if (diagnose(c, &verdict) < 0)
			return false;
		us = processor_us() - start;
		diagnosis_us = i == 0 || us < diagnosis_us ? us : diagnosis_us;
		count = c->attempt_count;
	}
	printf("| diagnosis of a case with %d attempts | %.1f ms of processor time | < 1 ms | %s | "
	       "the %zu newest, compared with each other |\n",
		ATTEMPTS_FEW, diagnosis_us / 1e3, diagnosis_us < 1e3 ? "yes" : "no", count);
	printf("| the same, reading its attempts first | %.1f ms of processor time | - | - | JSON "
	       "|\n",
		reading_us / 1e3);
	return true;
}

int main(void)
{
	char folder[] = "/var/tmp/bench-casebook-XXXXXX", command[64];
	struct percentiles few, many;
	bool big;

	if (!mkdtemp(folder))
		return 1;
	big = measure_big_case(folder);
	few = measure(folder, ATTEMPTS_FEW);
	many = measure(folder, ATTEMPTS_MANY);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command) != 0 || !few.opening || !many.opening || !big)
		return 1;
	printf("| case of one device among %d attempts, p99 | %.1f ms of processor time | < 2 ms | "
	       "%s | JSON |\n",
		ATTEMPTS_MANY, (double)many.open / 1e3, many.open < LIMIT_US ? "yes" : "no");
	printf("| the same, opening the casebook first | %.1f ms of processor time | - | - | "
	       "SQLite "
	       "reads the schema |\n",
		(double)many.opening / 1e3);
	printf("p99 with %d attempts beside %d: %.2f\n", ATTEMPTS_MANY, ATTEMPTS_FEW,
		(double)many.open / (double)few.open);
	return many.open < LIMIT_US ? 0 : 1;
}
