/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/store.h"
#include "common/store/schema.h"
#include "common/store/casebook_file.h"
#include "common/store/exchange.h"
#include "tests/unit/case_builder.h"
#include "tests/unit/test.h"

#define PLANS_MAX 256

static const struct identity phone = {
	.ecid = 0xF234567812345678, .udid = "00008030-F234567812345678", .product = "iPhone12,3"};
static const struct identity other = {.udid = "0123456789abcdef0123456789abcdef01234567"};

/* A folder with a casebook, and what is needed to write and read it. */
struct fixture {
	char folder[64];
	char path[96];
	struct casebook_file *file;
	struct casebook *book;
};

/* Every statement that the casebook ran, once. */
static char *statements[PLANS_MAX];
static size_t statement_count;

static int note_statement(unsigned kind, void *user, void *statement, void *text)
{
	const char *sql = sqlite3_sql(statement);

	for (size_t i = 0; i < statement_count; i++)
		if (text_equal(statements[i], sql))
			return 0;
	if (statement_count < PLANS_MAX)
		statements[statement_count++] = strdup(sql);
	return 0;
}

static int watch_statements(sqlite3 *db, char **message, const void *api)
{
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
}

static void open_book(struct fixture *fixture)
{
	struct casebook_report report;

	assert_int_equal(casebook_file_open(fixture->path, &report, &fixture->file), 0);
	assert_int_equal(casebook_open(fixture->path, &fixture->book), 0);
}

static void close_book(struct fixture *fixture)
{
	fixture->book = casebook_free(fixture->book);
	fixture->file = casebook_file_free(fixture->file);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/casebook-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->folder, CASEBOOK_NAME);
	open_book(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	close_book(fixture);
	snprintf(command, sizeof(command), "rm -r %s", fixture->folder);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

static struct stamp at(uint64_t second)
{
	return (struct stamp){.wall_us = second * USEC_PER_SEC, .monotonic_us = 1};
}

static struct uuid name(uint8_t number)
{
	return (struct uuid){{1, number}};
}

static int keep_attempt_at(struct fixture *fixture, uint8_t number, const struct identity *identity,
	struct stamp started)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct attempt *attempt = add_4013(c, "one", "A");
	const struct casebook_seal seal = {
		.attempt = attempt, .identity = identity, .origin = "told"};

	attempt->id = name(number);
	attempt->started = started;
	return casebook_file_add(fixture->file, at(1000 + number), &seal);
}

static int keep_attempt(struct fixture *fixture, uint8_t number, const struct identity *identity)
{
	return keep_attempt_at(fixture, number, identity, at(number));
}

static bool count_one(void *context, const struct kept_attempt *kept)
{
	*(size_t *)context += 1;
	return true;
}

static size_t count(struct fixture *fixture, const struct identity *identity)
{
	const struct filter filter = {.identity = identity};
	size_t found = 0;

	assert_int_equal(
		casebook_attempts(fixture->book, &filter, 100, NULL, count_one, &found), 0);
	return found;
}

/* no_statement_scans_a_table() looks at their plans. */
static void each_filter_finds_its_attempts(void **state)
{
	const struct typed_name name = typed_name("beef");
	const struct filter filters[] = {
		{.ticket = "17"},
		{.port = "1-2"},
		{.products = {"iPhone12,3"}, .product_count = 1},
		{.products = {"iPhone10,1", "iPhone10,4"}, .product_count = 2},
		{.outcome = "aborted"},
		{.name = &name, .names = NAMES_PHONE},
		{.name = &name, .names = NAMES_TICKET},
		{.name = &name, .names = NAMES_SESSION},
		{.name = &name, .names = NAMES_PHONE | NAMES_TICKET | NAMES_SESSION},
		{.ticket = "17", .outcome = "failed", .since_us = 1, .until_us = 2},
	};
	struct fixture *fixture = *state;
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		assert_int_equal(
			casebook_attempts(fixture->book, &filters[i], 100, NULL, count_one, &found),
			0);
	assert_int_equal(found, 0);
}

static void an_attempt_is_added_once(void **state)
{
	struct fixture *fixture = *state;
	struct identity found = {0};

	assert_int_equal(keep_attempt(fixture, 1, &phone), 1);
	assert_int_equal(keep_attempt(fixture, 1, &phone), 0);
	assert_int_equal(keep_attempt(fixture, 2, &other), 1);
	assert_int_equal(count(fixture, NULL), 2);
	assert_int_equal(count(fixture, &phone), 1);
	assert_int_equal(casebook_find_identity(fixture->book, "0xF234567812345678", &found), 1);
	assert_string_equal(found.udid, phone.udid);
	assert_string_equal(found.product, phone.product);
	assert_int_equal(casebook_find_identity(fixture->book, "0x1111111111", &found), 0);
	assert_int_equal(casebook_find_identity(fixture->book, "nonsense", &found), 0);
}

static bool note_number(void *context, const struct kept_attempt *kept)
{
	char *out = context;

	out[strlen(out)] = (char)('0' + kept->attempt->id.bytes[1]);
	return true;
}

/* Benches get each other's attempts in different orders. */
static void attempts_of_one_instant_have_one_order(void **state)
{
	struct fixture *fixture = *state;
	const struct filter filter = {.identity = &phone};
	char order[8] = "";

	assert_int_equal(keep_attempt_at(fixture, 3, &phone, at(5)), 1);
	assert_int_equal(keep_attempt_at(fixture, 1, &phone, at(5)), 1);
	assert_int_equal(keep_attempt_at(fixture, 2, &phone, at(5)), 1);
	assert_int_equal(keep_attempt_at(fixture, 4, &phone, at(4)), 1);
	assert_int_equal(
		casebook_attempts(fixture->book, &filter, 100, NULL, note_number, order), 0);
	assert_string_equal(order, "3214");
}

static void sealing_again_tells_it_anew(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct casebook_seal seal = {
		.attempt = add_4013(c, "one", "A"), .identity = &phone, .origin = "watched"};
	struct casebook_kept kept = {0};

	c->attempts[0]->id = name(1);
	assert_int_equal(casebook_file_kept(fixture->file, &c->attempts[0]->id, &kept), 0);
	assert_false(kept.sealed);
	assert_int_equal(casebook_file_seal(fixture->file, at(1), &seal), 0);
	c->attempts[0]->itunes_code = 4005;
	assert_int_equal(casebook_file_seal(fixture->file, at(2), &seal), 0);
	assert_int_equal(count(fixture, NULL), 1);
	assert_int_equal(casebook_file_kept(fixture->file, &c->attempts[0]->id, &kept), 0);
	assert_true(kept.sealed);
}

struct walk {
	uint64_t next; /* the sequence that comes next */
	size_t count;
};

static bool walk_on(void *context, const struct event *event)
{
	struct walk *walk = context;
	char text[32];

	assert_int_equal(event->sequence, walk->next++);
	snprintf(text, sizeof(text), "line %llu", (unsigned long long)event->sequence);
	assert_int_equal(event->text_length, strlen(text));
	assert_memory_equal(event->text, text, event->text_length);
	walk->count++;
	return true;
}

static void keep_lines(struct fixture *fixture, uint64_t first, uint64_t last)
{
	static uint8_t bytes[RECORD_RUN_BYTES_MAX];
	struct record_run run = {.first = first, .last = last, .bytes = bytes};
	struct uuid session = name(7);

	for (uint64_t i = first; i <= last; i++) {
		struct event event = {.kind = EVENT_LOG, .sequence = i};
		char text[32];

		snprintf(text, sizeof(text), "line %llu", (unsigned long long)i);
		event_set_text(&event, text);
		run.length = record_run_append(bytes, run.length, &event);
	}
	assert_int_equal(casebook_file_keep(fixture->file, at(1), &session, &run), 0);
}

static void records_come_back_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct uuid session = name(7);
	struct casebook_kept kept = {0};
	struct walk walk = {.next = 4};

	keep_lines(fixture, 1, 5);
	keep_lines(fixture, 6, 9);
	keep_lines(fixture, 6, 9); /* once more, as after a crash between ring and casebook */
	assert_int_equal(casebook_records(fixture->book, &session, 3, walk_on, &walk), 0);
	assert_int_equal(walk.count, 6);
	assert_int_equal(casebook_file_kept(fixture->file, &session, &kept), 0);
	assert_int_equal(kept.last_sequence, 9);
	assert_false(kept.sealed);
}

static bool is_word(void *context, const struct note *note)
{
	*(size_t *)context +=
		text_equal(note->kind, NOTE_HISTORY) && strlen(note->text) == 6 && !note->amended;
	return true;
}

static int store_note(struct fixture *fixture, struct note note)
{
	return casebook_file_note(fixture->file, &phone, &note);
}

static int add_note(struct fixture *fixture, uint64_t second, const char *kind, const char *text)
{
	return store_note(fixture, (struct note){.id = uuid_make(at(second)),
					   .at_us = second * USEC_PER_SEC,
					   .kind = kind,
					   .text = text,
					   .by = "anna"});
}

static void a_word_of_history_is_noted_once(void **state)
{
	struct fixture *fixture = *state;
	struct identity known = {0};
	size_t found = 0;

	for (int i = 0; i < 3; i++)
		assert_int_equal(add_note(fixture, 1, "history", "liquid"), 0);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(casebook_notes(fixture->book, &other, is_word, &found), 0);
	assert_int_equal(found, 1);
	/* A phone that was only noted is known too. */
	assert_int_equal(casebook_find_identity(fixture->book, phone.udid, &known), 1);
	assert_int_equal(known.ecid, phone.ecid);
	assert_int_equal(casebook_find_identity(fixture->book, other.udid, &known), 0);
}

/* A word that was taken back counts no more, and an import does not bring it back; a person can. */
static void a_note_is_corrected_and_taken_back(void **state)
{
	struct fixture *fixture = *state;
	struct note first = {.id = name(1), .at_us = 1, .kind = NOTE_HISTORY, .text = "liquid"};
	struct note removal = {
		.id = name(2), .at_us = 2, .kind = NOTE_REMOVAL, .text = "", .by = "anna"};
	struct note again = {.id = name(3), .at_us = 3, .kind = NOTE_HISTORY, .text = "liquid"};
	size_t found = 0;

	removal.amends = first.id;
	assert_int_equal(store_note(fixture, first), 0);
	assert_int_equal(store_note(fixture, removal), 0);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &found), 0);
	assert_int_equal(found, 0);
	assert_int_equal(store_note(fixture, again), 0);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &found), 0);
	assert_int_equal(found, 0);
	again.by = "anna";
	assert_int_equal(store_note(fixture, again), 0);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &found), 0);
	assert_int_equal(found, 1);
	/* The correction is a word that is noted already. */
	assert_int_equal(add_note(fixture, 4, NOTE_HISTORY, "drop"), 0);
	removal = (struct note){.id = name(5),
		.at_us = 5,
		.kind = NOTE_HISTORY,
		.text = "drop",
		.by = "anna",
		.amends = again.id};
	assert_int_equal(store_note(fixture, removal), 0);
	found = 0;
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &found), 0);
	assert_int_equal(found, 0);
}

struct told_conditions {
	char text[256];
};

static bool add_condition(
	void *context, const char *place, const struct condition *condition, uint64_t at_us)
{
	struct told_conditions *told = context;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s %s=%s;", place, condition->key,
		condition->value);
	return true;
}

static bool add_group(void *context, const struct group *group)
{
	assert_int_equal(group->failed, group->attempts);
	assert_in_range(group->phones, 1, 2);
	*(size_t *)context += group->attempts;
	return true;
}

static bool add_place(void *context, const struct identity *identity,
	const struct whereabouts *where, uint64_t started_us)
{
	*(size_t *)context += where->outcome == OUTCOME_FAILED && text_equal(where->cable, "A");
	return true;
}

static void attempts_are_counted_along_an_index(void **state)
{
	struct fixture *fixture = *state;
	size_t counted = 0, places = 0;

	keep_attempt(fixture, 1, &other);
	for (uint8_t i = 2; i <= 4; i++)
		keep_attempt(fixture, i, i == 2 ? &phone : &other);
	for (int by = 0; by < GROUP_COUNT; by++)
		assert_int_equal(casebook_count(fixture->book, (enum group_by)by, 2 * USEC_PER_SEC,
					 add_group, &counted),
			0);
	assert_int_equal(counted, 3 * GROUP_COUNT);
	assert_int_equal(group_by_name("weather"), GROUP_COUNT);
	assert_int_equal(group_by_name("week"), GROUP_WEEK);
	assert_int_equal(casebook_places(fixture->book, 3 * USEC_PER_SEC, add_place, &places), 0);
	assert_int_equal(places, 2);
}

/* A phone that only had to start used no cable, port or computer. */
static void a_phone_that_only_had_to_start_was_nowhere(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct attempt *attempt = add_attempt(c, "one", "A", OUTCOME_FAILED);
	const struct casebook_seal seal = {
		.attempt = attempt, .identity = &other, .origin = "told"};
	size_t places = 0;

	attempt->id = name(1);
	text_copy(attempt->action, sizeof(attempt->action), "boot");
	assert_int_equal(casebook_file_add(fixture->file, at(1), &seal), 1);
	keep_attempt(fixture, 2, &phone);
	assert_int_equal(casebook_places(fixture->book, 0, add_place, &places), 0);
	assert_int_equal(places, 1);
}

static void the_last_word_on_a_place_holds(void **state)
{
	struct fixture *fixture = *state;
	struct casebook_file *file = fixture->file;
	struct told_conditions told = {0};

	assert_int_equal(casebook_file_condition(file, at(1), "1-2", "cable", "A"), 0);
	assert_int_equal(casebook_file_condition(file, at(2), "1-2", "cable", "B"), 0);
	assert_int_equal(casebook_file_condition(file, at(3), "1-2", "battery", "original"), 0);
	assert_int_equal(casebook_file_condition(file, at(4), "1-3", "cable", "C"), 0);
	assert_int_equal(casebook_file_condition(file, at(5), "1-3", "cable", NULL), 0);
	assert_int_equal(casebook_conditions(fixture->book, add_condition, &told), 0);
	assert_string_equal(told.text, "1-2 battery=original;1-2 cable=B;");
}

/* Reads all of a file and what stands beside it. */
static bool file_contains(const struct fixture *fixture, const char *text)
{
	char command[256];

	snprintf(command, sizeof(command), "cat %s* | grep -aq -e '%s'", fixture->path, text);
	return system(command) == 0;
}

static void purging_a_phone_leaves_no_byte_of_it(void **state)
{
	struct fixture *fixture = *state;
	const struct casebook_purge purge = {.identity = &phone};
	CLEANUP(casebook_purged_done) struct casebook_purged purged = {0};
	size_t notes = 0;

	keep_attempt(fixture, 1, &phone);
	keep_attempt(fixture, 2, &other);
	add_note(fixture, 1, "note", "left in the rain");
	assert_true(file_contains(fixture, phone.udid));
	assert_int_equal(casebook_file_purge(fixture->file, &purge, &purged), 0);
	assert_int_equal(purged.count, 1);
	assert_int_equal(count(fixture, &phone), 0);
	assert_int_equal(count(fixture, &other), 1);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &notes), 0);
	close_book(fixture);
	assert_false(file_contains(fixture, phone.udid));
	assert_false(file_contains(fixture, "left in the rain"));
	assert_true(file_contains(fixture, other.udid));
}

static void purging_by_date_keeps_what_is_newer(void **state)
{
	struct fixture *fixture = *state;
	const struct casebook_purge purge = {.before_us = 3 * USEC_PER_SEC};
	CLEANUP(casebook_purged_done) struct casebook_purged purged = {0};
	struct uuid first = name(1), last = name(5);

	for (uint8_t i = 1; i <= 5; i++)
		keep_attempt(fixture, i, &phone);
	assert_int_equal(casebook_file_purge(fixture->file, &purge, &purged), 0);
	assert_int_equal(purged.count, 2);
	assert_true(casebook_purged_has(&purged, &first));
	assert_false(casebook_purged_has(&purged, &last));
	assert_int_equal(count(fixture, &phone), 3);
}

static void what_is_too_old_expires(void **state)
{
	struct fixture *fixture = *state;
	struct uuid session = name(7);
	struct walk walk = {.next = 1};
	size_t notes = 0;

	keep_lines(fixture, 1, 5);
	for (uint8_t i = 1; i <= 100; i++)
		keep_attempt(fixture, i, &phone);
	add_note(fixture, 90, "history", "liquid");
	add_note(fixture, 92, "history", "looped");
	while (casebook_file_expire(fixture->file, 200 * USEC_PER_SEC, 200 * USEC_PER_SEC,
		       2 * USEC_PER_SEC, 91 * USEC_PER_SEC) > 0)
		;
	assert_int_equal(count(fixture, &phone), 10);
	assert_int_equal(casebook_notes(fixture->book, &phone, is_word, &notes), 0);
	assert_int_equal(notes, 1);
	assert_int_equal(casebook_records(fixture->book, &session, 0, walk_on, &walk), 0);
	assert_int_equal(walk.count, 0);
}

#define DAY UINT64_C(86400)
#define DAY_US (DAY * USEC_PER_SEC)
#define TODAY (20000 * DAY)

/* An attempt that the bench watched then, with a record. */
static void watch_attempt(struct fixture *fixture, uint8_t number, uint64_t second)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	struct attempt *attempt = add_4013(c, "one", "A");
	struct event event = {.sequence = number, .kind = EVENT_LOG, .at = at(second)};
	uint8_t bytes[RECORD_RUN_BYTES_MAX];
	struct casebook_seal seal = {.attempt = attempt, .identity = &phone, .origin = "watched"};

	attempt->id = name(number);
	attempt->started = at(second);
	seal.run = (struct record_run){number, number, bytes, record_run_append(bytes, 0, &event)};
	assert_int_equal(casebook_file_seal(fixture->file, at(second), &seal), 0);
}

/* Returns how many attempts are left, and of how many their records. */
static struct left {
	size_t attempts, records;
} expire_at(struct fixture *fixture, uint64_t second)
{
	uint64_t now_us = second * USEC_PER_SEC, trusted_us, records_us, attempts_us;
	struct left left = {.attempts = 0};

	assert_int_equal(casebook_file_trusted_time(fixture->file, now_us, &trusted_us), 0);
	records_us = trusted_us > 30 * DAY_US ? trusted_us - 30 * DAY_US : 0;
	attempts_us = trusted_us > 730 * DAY_US ? trusted_us - 730 * DAY_US : 0;
	while (casebook_file_expire(fixture->file, now_us, trusted_us, records_us, attempts_us) > 0)
		;
	for (uint8_t i = 1; i < UINT8_MAX; i++) {
		struct uuid session = name(i);
		struct casebook_kept kept;

		assert_int_equal(casebook_file_kept(fixture->file, &session, &kept), 0);
		left.attempts += kept.sealed;
		left.records += kept.last_sequence > 0;
	}
	return left;
}

/* A restore each day, as many days as the records stay and more. */
static void watch_days(struct fixture *fixture, uint8_t days)
{
	for (uint8_t i = 1; i <= days; i++)
		watch_attempt(fixture, i, TODAY - (days - i) * DAY);
}

static void a_day_older_expires_a_day_later(void **state)
{
	struct fixture *fixture = *state;

	watch_days(fixture, 40);
	assert_int_equal(expire_at(fixture, TODAY + 1).attempts, 40);
	assert_int_equal(expire_at(fixture, TODAY + 1).records, 30);
	assert_int_equal(expire_at(fixture, TODAY + DAY + 1).records, 29);
}

/* A year within a minute counts as a week, and whatever is watched meanwhile ages nothing. */
static void a_clock_that_runs_ahead_expires_nothing_recent(void **state)
{
	struct fixture *fixture = *state;

	watch_days(fixture, 40);
	assert_int_equal(expire_at(fixture, TODAY + 1).records, 30);
	for (uint8_t year = 1; year <= 3; year++) {
		watch_attempt(fixture, 50 + year, TODAY + year * 365 * DAY);
		assert_int_equal(
			expire_at(fixture, TODAY + year * 365 * DAY + 60).records, 23 + year);
		/* It is right again. */
		assert_int_equal(expire_at(fixture, TODAY + 60).attempts, 40 + year);
		assert_int_equal(expire_at(fixture, TODAY + 60).records, 23 + year);
	}
}

/* After a long vacation the age of data follows. */
static void what_a_computer_missed_follows(void **state)
{
	struct fixture *fixture = *state;

	watch_days(fixture, 10);
	assert_int_equal(expire_at(fixture, TODAY + 1).records, 10);
	assert_int_equal(expire_at(fixture, TODAY + 35 * DAY).records, 10);
	for (uint64_t day = 36; day < 63; day++)
		expire_at(fixture, TODAY + day * DAY);
	watch_attempt(fixture, 50, TODAY + 63 * DAY);
	assert_int_equal(expire_at(fixture, TODAY + 63 * DAY).records, 1);
}

/* It was set only after the restore: the computer has no battery. */
static void a_clock_that_was_behind_expires_as_the_restores_before(void **state)
{
	struct fixture *fixture = *state;

	watch_days(fixture, 10);
	watch_attempt(fixture, 50, DAY);
	watch_attempt(fixture, 51, TODAY + DAY);
	assert_int_equal(expire_at(fixture, DAY + 1).records, 12);
	assert_int_equal(expire_at(fixture, TODAY + DAY + 1).attempts, 12);
	assert_int_equal(expire_at(fixture, TODAY + DAY + 1).records, 12);
	watch_attempt(fixture, 52, TODAY + 30 * DAY);
	for (uint64_t day = 2; day < 32; day++)
		expire_at(fixture, TODAY + day * DAY);
	assert_int_equal(expire_at(fixture, TODAY + 32 * DAY).records, 1);
}

#define HOST_ID "0123456789ab-cdefcdefcdef"

static void run_sql(const struct fixture *fixture, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A casebook of each earlier version is brought to the newest, and keeps what it has. */
static void an_earlier_version_is_migrated(void **state)
{
	struct fixture *fixture = *state;

	for (size_t version = 1; version < casebook_version; version++) {
		struct casebook_report report;
		char settings[96];

		close_book(fixture);
		unlink(fixture->path);
		for (size_t i = 0; i < version; i++)
			run_sql(fixture, casebook_steps[i]);
		snprintf(settings, sizeof(settings),
			"PRAGMA application_id = %d; PRAGMA user_version = %zu",
			CASEBOOK_APPLICATION, version);
		run_sql(fixture, settings);
		run_sql(fixture, "INSERT INTO attempts (id, origin, started_us, ended_us, outcome,"
				 " told) VALUES (x'01', 'told', 1, 1, 'failed',"
				 " '{\"format\":\"idevicetriage-case\",\"version\":1,"
				 "\"attempts\":[{}]}')");
		assert_int_equal(casebook_file_open(fixture->path, &report, &fixture->file), 0);
		assert_int_equal(report.from_version, version);
		assert_false(report.set_aside);
		assert_int_equal(casebook_open(fixture->path, &fixture->book), 0);
		assert_int_equal(count(fixture, NULL), 1);
		assert_int_equal(keep_attempt(fixture, 1, &phone), 1);
		assert_int_equal(add_note(fixture, 1, "history", "liquid"), 0);
	}
}

static bool has_id(void *context, const struct kept_attempt *kept)
{
	if (text_equal(kept->attempt->host_id, HOST_ID))
		*(size_t *)context += 1;
	return true;
}

/* What the bench itself saw before computers had ids is its own; what people added may not be. */
static void attempts_without_an_id_get_that_of_the_bench(void **state)
{
	struct fixture *fixture = *state;
	const struct filter all = {0};
	size_t found = 0;

	for (uint8_t i = 1; i <= 2; i++)
		keep_attempt(fixture, i, &phone);
	run_sql(fixture, "UPDATE attempts SET origin = 'watched' WHERE number = 1");
	assert_int_equal(casebook_file_identify(fixture->file, HOST_ID), 0);
	assert_int_equal(casebook_file_identify(fixture->file, "another"), 0);
	assert_int_equal(casebook_attempts(fixture->book, &all, 100, NULL, has_id, &found), 0);
	assert_int_equal(found, 1);
}

static bool check_renamed(void *context, const struct group *group)
{
	*(size_t *)context += 1;
	assert_int_equal(group->attempts, 2);
	assert_string_equal(group->key, "new");
	assert_string_equal(group->host_id, HOST_ID);
	return true;
}

static void a_renamed_bench_is_one_bench(void **state)
{
	struct fixture *fixture = *state;
	size_t groups = 0;

	for (uint8_t i = 1; i <= 2; i++)
		keep_attempt(fixture, i, &phone);
	run_sql(fixture, "UPDATE attempts SET host_id = '" HOST_ID "',"
			 " host = iif(started_us = 1000000, 'old', 'new')");
	assert_int_equal(casebook_count(fixture->book, GROUP_BENCH, 0, check_renamed, &groups), 0);
	assert_int_equal(groups, 1);
}

static void a_later_version_stays_as_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct casebook_report report;
	char version[64];

	keep_attempt(fixture, 1, &phone);
	close_book(fixture);
	run_sql(fixture, "PRAGMA user_version = 99");
	assert_int_equal(
		casebook_file_open(fixture->path, &report, &fixture->file), -EPROTONOSUPPORT);
	assert_int_equal(casebook_open(fixture->path, &fixture->book), -EPROTONOSUPPORT);
	snprintf(version, sizeof(version), "PRAGMA user_version = %zu", casebook_version);
	run_sql(fixture, version);
	open_book(fixture);
	assert_int_equal(count(fixture, NULL), 1);
}

static void a_damaged_file_is_set_aside(void **state)
{
	struct fixture *fixture = *state;
	struct casebook_report report;
	char command[256];

	keep_attempt(fixture, 1, &phone);
	close_book(fixture);
	snprintf(command, sizeof(command),
		"dd if=/dev/urandom of=%s bs=512 count=1 conv=notrunc status=none", fixture->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(casebook_open(fixture->path, &fixture->book), -EBADMSG);
	assert_int_equal(casebook_file_open(fixture->path, &report, &fixture->file), 0);
	assert_true(report.set_aside);
	assert_int_equal(casebook_open(fixture->path, &fixture->book), 0);
	assert_int_equal(count(fixture, NULL), 0);
	snprintf(command, sizeof(command), "test -e %s.bad", fixture->path);
	assert_int_equal(system(command), 0);
}

static void a_locked_casebook_is_busy(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(keep_attempt(fixture, 1, &phone), -EBUSY);
	assert_int_equal(count(fixture, NULL), 0);
	sqlite3_close(db);
	assert_int_equal(keep_attempt(fixture, 1, &phone), 1);
}

/* What another bench stored */

#define ELSEWHERE "bbbbbbbbbbbb-bbbbbbbbbbbb"

static int take_attempt(struct fixture *fixture, uint8_t number, uint64_t revision)
{
	CLEANUP(triage_case_freep) struct triage_case *c = case_of("iPhone12,3");
	const struct written written = {.writer = ELSEWHERE, .revision = revision};
	struct attempt *attempt = add_4013(c, "two", revision % 2 ? "odd" : "even");

	c->identity = phone;
	attempt->id = name(number);
	attempt->started = at(number);
	return exchange_attempt(fixture->file, at(1000), c, &written);
}

static bool is_change(void *context, uint64_t number, enum change_kind kind, const struct uuid *id)
{
	unsigned *kinds = context;

	*kinds += 1u << (4 * kind);
	return true;
}

/* How many changes there are of each kind, a hexadecimal digit each. */
static unsigned changes(struct fixture *fixture)
{
	unsigned kinds = 0;

	assert_int_equal(casebook_changes(fixture->book, ~0u, 0, 100, is_change, &kinds), 0);
	return kinds;
}

static void an_attempt_of_another_bench_has_its_revision(void **state)
{
	struct fixture *fixture = *state;
	struct written written;
	struct uuid id = name(1);

	assert_int_equal(casebook_file_identify(fixture->file, HOST_ID), 0);
	assert_int_equal(take_attempt(fixture, 1, 7), EXCHANGE_ADDED);
	assert_int_equal(take_attempt(fixture, 1, 7), EXCHANGE_PRESENT);
	assert_int_equal(take_attempt(fixture, 1, 6), EXCHANGE_PRESENT);
	assert_int_equal(take_attempt(fixture, 1, 8), EXCHANGE_REPLACED);
	assert_int_equal(casebook_written(fixture->book, &id, &written), 1);
	assert_true(written.foreign && written.revision == 8);
	assert_string_equal(written.writer, ELSEWHERE);
	watch_attempt(fixture, 2, 2);
	assert_int_equal(take_attempt(fixture, 2, UINT32_MAX), EXCHANGE_PRESENT);
	assert_int_equal(changes(fixture), 0x2);
}

static struct correction correct(uint8_t number, uint64_t second, const char *cable)
{
	struct amendment amendment = {.key = "cable", .at_us = second * USEC_PER_SEC};
	struct uuid id = name(number);

	text_copy(amendment.after, sizeof(amendment.after), cable);
	return correction_of(&id, &amendment);
}

static bool see_cable(void *context, const struct kept_attempt *kept)
{
	text_copy(context, CONDITION_VALUE_SIZE, attempt_condition(kept->attempt, "cable"));
	return false;
}

static void assert_cable(struct fixture *fixture, uint8_t number, const char *expected)
{
	char cable[CONDITION_VALUE_SIZE] = "";
	struct uuid id = name(number);

	casebook_attempt(fixture->book, &id, see_cable, cable);
	assert_string_equal(cable, expected);
}

static void the_last_correction_holds_in_any_order(void **state)
{
	struct fixture *fixture = *state;
	const struct correction late = correct(1, 20, "late"), early = correct(1, 10, "early");
	struct correction found;
	uint64_t last_us;

	assert_int_equal(exchange_correction(fixture->file, at(9), &late, NULL), EXCHANGE_ADDED);
	assert_int_equal(take_attempt(fixture, 1, 7), EXCHANGE_ADDED);
	assert_cable(fixture, 1, "late");
	assert_int_equal(exchange_correction(fixture->file, at(9), &early, NULL), EXCHANGE_ADDED);
	assert_int_equal(exchange_correction(fixture->file, at(9), &early, NULL), EXCHANGE_PRESENT);
	assert_int_equal(take_attempt(fixture, 1, 8), EXCHANGE_REPLACED);
	assert_cable(fixture, 1, "late");
	assert_int_equal(casebook_correction_holds(fixture->book, &late), 1);
	assert_int_equal(casebook_correction_holds(fixture->book, &early), 0);
	assert_int_equal(casebook_last_correction(fixture->book, &late.attempt, &last_us), 1);
	assert_int_equal(last_us, late.at_us);
	assert_int_equal(casebook_correction(fixture->book, &early.id, &found), 1);
	assert_string_equal(found.after, "early");
	assert_int_equal(changes(fixture), 0x201);
}

static int take_condition(struct fixture *fixture, uint64_t second, const char *host_id,
	const char *writer, const char *value)
{
	struct set_condition condition = {
		.id = uuid_make(at(second)), .at_us = second * USEC_PER_SEC, .key = "cable"};

	text_copy(condition.place, sizeof(condition.place), "1-2");
	text_copy(condition.host_id, sizeof(condition.host_id), host_id);
	text_copy(condition.writer, sizeof(condition.writer), writer);
	text_copy(condition.value, sizeof(condition.value), value);
	return exchange_condition(fixture->file, &condition);
}

static void the_last_writer_of_a_condition_holds(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(take_condition(fixture, 5, "", "b", "5b"), EXCHANGE_ADDED);
	assert_int_equal(take_condition(fixture, 5, "", "a", "5a"), EXCHANGE_PRESENT);
	assert_int_equal(take_condition(fixture, 5, "", "c", ""), EXCHANGE_ADDED);
	assert_int_equal(take_condition(fixture, 4, "", "d", "4d"), EXCHANGE_PRESENT);
	assert_int_equal(take_condition(fixture, 1, ELSEWHERE, "d", "1d"), EXCHANGE_ADDED);
	assert_int_equal(changes(fixture), 0x2000);
	assert_int_equal(casebook_file_condition(fixture->file, at(1), "1-2", "cable", "mine"), 0);
	assert_int_equal(take_condition(fixture, 5, "", "d", "late"), EXCHANGE_PRESENT);
}

static bool copy_purge(void *context, const struct purge *purge)
{
	*(struct purge *)context = *purge;
	return false;
}

static bool copy_id(void *context, uint64_t number, enum change_kind kind, const struct uuid *id)
{
	*(struct uuid *)context = *id;
	return true;
}

static void what_was_purged_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	const struct casebook_purge all = {.identity = &phone, .whole = true};
	const struct correction correction = correct(1, 20, "late");
	const struct note note = {
		.id = name(9), .at_us = 1, .kind = "note", .text = "wet", .by = ""};
	struct identity found = {0};
	struct casebook_purged purged;
	struct purge purge;
	struct uuid id;

	take_attempt(fixture, 1, 7);
	assert_int_equal(exchange_note(fixture->file, &phone, &note), EXCHANGE_ADDED);
	assert_int_equal(casebook_file_purge(fixture->file, &all, &purged), 0);
	casebook_purged_done(&purged);
	assert_int_equal(changes(fixture), 0x10000);
	assert_int_equal(take_attempt(fixture, 1, 8), EXCHANGE_PURGED);
	assert_int_equal(take_attempt(fixture, 2, 8), EXCHANGE_PURGED);
	assert_int_equal(exchange_note(fixture->file, &phone, &note), EXCHANGE_PURGED);
	assert_int_equal(
		exchange_correction(fixture->file, at(9), &correction, NULL), EXCHANGE_PURGED);
	casebook_changes(fixture->book, ~0u, 0, 100, copy_id, &id);
	assert_int_equal(casebook_purge(fixture->book, &id, copy_purge, &purge), 1);
	assert_true(purge_is_of(&purge, &phone) && !purge_is_of(&purge, &other));
	assert_int_equal(purge.item_count, 2);
	assert_int_equal(exchange_find_phone(fixture->file, &purge, &found), 0);
	assert_false(identity_is_known(&found));
	while (casebook_file_expire(
		       fixture->file, INT64_MAX, clock_now().wall_us + 731 * DAY_US, 0, 1) > 0)
		;
	assert_int_equal(changes(fixture), 0);
	assert_int_equal(take_attempt(fixture, 1, 8), EXCHANGE_ADDED);
}

/* SQLite tells in its plan whether a statement has to look at every row. */
static void assert_no_scan(sqlite3 *db, const char *sql)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *plan;

	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(plan, 3);

		/* The newest of all are taken along their index, up to a limit. */
		if (strstr(detail, "SCAN") && !strstr(detail, "CONSTANT ROW") &&
			!strstr(detail, "USING INDEX attempts_in_time") &&
			!strstr(detail, "json_each") && !strstr(detail, "(subquery"))
			fail_msg("%s\n%s", sql, detail);
	}
	sqlite3_finalize(plan);
	sqlite3_free(explain);
}

/* Comes last: looks at every statement that the tests before it made the casebook run. */
static void no_statement_scans_a_table(void **state)
{
	struct fixture *fixture = *state;
	size_t checked = 0;
	sqlite3 *db;

	sqlite3_cancel_auto_extension((void (*)(void))watch_statements);
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	for (size_t i = 0; i < statement_count; i++) {
		if (strstr(statements[i], "WHERE") && !strstr(statements[i], "CREATE")) {
			assert_no_scan(db, statements[i]);
			checked++;
		}
		free(statements[i]);
	}
	assert_in_range(checked, 15, PLANS_MAX - 1);
	sqlite3_close(db);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_filter_finds_its_attempts),
		CASE(an_attempt_is_added_once),
		CASE(attempts_of_one_instant_have_one_order),
		CASE(sealing_again_tells_it_anew),
		CASE(records_come_back_in_order),
		CASE(a_word_of_history_is_noted_once),
		CASE(a_note_is_corrected_and_taken_back),
		CASE(the_last_word_on_a_place_holds),
		CASE(attempts_are_counted_along_an_index),
		CASE(a_phone_that_only_had_to_start_was_nowhere),
		CASE(purging_a_phone_leaves_no_byte_of_it),
		CASE(purging_by_date_keeps_what_is_newer),
		CASE(what_is_too_old_expires),
		CASE(a_day_older_expires_a_day_later),
		CASE(a_clock_that_runs_ahead_expires_nothing_recent),
		CASE(what_a_computer_missed_follows),
		CASE(a_clock_that_was_behind_expires_as_the_restores_before),
		CASE(an_earlier_version_is_migrated),
		CASE(attempts_without_an_id_get_that_of_the_bench),
		CASE(a_renamed_bench_is_one_bench),
		CASE(a_later_version_stays_as_it_is),
		CASE(a_damaged_file_is_set_aside),
		CASE(a_locked_casebook_is_busy),
		CASE(an_attempt_of_another_bench_has_its_revision),
		CASE(the_last_correction_holds_in_any_order),
		CASE(the_last_writer_of_a_condition_holds),
		CASE(what_was_purged_is_not_taken),
		CASE(no_statement_scans_a_table),
	};

	sqlite3_auto_extension((void (*)(void))watch_statements);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
