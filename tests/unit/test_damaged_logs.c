/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Damage to the log of a development case: however it is cut, shuffled or flipped, it is read to
 * its end, and what is lost makes no verdict surer, neither of the case nor of the log alone. The
 * seed is fixed, so that a failure comes back; TRIAGE_SEED gives another one. */
#include "common/casefile/casefile.h"

#include <ctype.h>
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/logs/logsplit.h"
#include "common/diagnosis/verdict.h"
#include "tests/unit/test.h"

#define LOG_BYTES_MAX 65536
#define LINES_MAX 2048
#define ROUNDS 50 /* for each log and each kind of damage */

static uint64_t random_state;

static uint32_t draw(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % limit;
}

/* Each damages `text` of `length` bytes in place and returns its new length. */
static size_t cut_end(char *text, size_t length)
{
	return draw((uint32_t)length + 1);
}

static size_t cut_beginning(char *text, size_t length)
{
	size_t gone = draw((uint32_t)length + 1);

	memmove(text, text + gone, length - gone);
	return length - gone;
}

static size_t lose_lines(char *text, size_t length)
{
	uint32_t one_in = 2 + draw(10);
	size_t written = 0;

	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t size = end ? (size_t)(end + 1 - text) - at : length - at;

		if (draw(one_in)) {
			memmove(text + written, text + at, size);
			written += size;
		}
		at += size;
	}
	return written;
}

/* Another digit instead of one is other evidence, not less: that is left out. */
static size_t flip_bytes(char *text, size_t length)
{
	for (size_t i = 0; i < length / 100 + 1; i++) {
		char *byte = &text[draw((uint32_t)length)];
		char flipped = (char)(*byte ^ (char)(1 + draw(255)));

		if (!isxdigit((unsigned char)*byte) || !isxdigit((unsigned char)flipped))
			*byte = flipped;
	}
	return length;
}

static size_t shuffle_lines(char *text, size_t length)
{
	static char copy[LOG_BYTES_MAX];
	static char *lines[LINES_MAX];
	size_t count = 0, written = 0;

	memcpy(copy, text, length);
	copy[length] = '\0';
	for (char *line = strtok(copy, "\n"); line && count < LINES_MAX; line = strtok(NULL, "\n"))
		lines[count++] = line;
	for (; count > 0; count--) {
		size_t pick = draw((uint32_t)count);

		written += (size_t)sprintf(text + written, "%s\n", lines[pick]);
		lines[pick] = lines[count - 1];
	}
	return written;
}

static const struct damage {
	const char *name;
	size_t (*damage)(char *text, size_t length);
	bool loses; /* nothing but evidence; else lines may come to mean something new */
} damages[] = {
	{"end cut off", cut_end, true},
	{"beginning cut off", cut_beginning, true},
	{"lines lost", lose_lines, true},
	{"bytes flipped", flip_bytes, true},
	{"lines shuffled", shuffle_lines, false},
};

/* One log of a case, with the case around it. */
struct log {
	const char *file;
	size_t attempt;
	struct json_object *root, *object; /* the case, and the log's member of the attempt */
	char text[LOG_BYTES_MAX];
	size_t length;
};

/* How sure a verdict is of the phase; an undecided one is not, whatever it suspects. */
static enum strength surety(const struct verdict *verdict)
{
	return verdict->phase == PHASE_NONE || verdict->phase == PHASE_UNDECIDED
		       ? STRENGTH_NONE
		       : verdict->strength;
}

static bool is_phase_1(const struct verdict *verdict)
{
	return verdict->phase == PHASE_CONNECTION || verdict->phase == PHASE_SOFTWARE;
}

/* Decided, and contrary to what was decided. */
static bool contradicts(const struct verdict *a, const struct verdict *b)
{
	return (is_phase_1(a) && b->phase == PHASE_HARDWARE) ||
	       (a->phase == PHASE_HARDWARE && is_phase_1(b));
}

static void put_lines(struct log *log, const char *text, size_t length)
{
	struct json_object *lines = json_object_new_array();

	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t size = end ? (size_t)(end - text) - at : length - at;
		char clean[EVENT_TEXT_MAX];

		text_clean(text + at, size, clean, sizeof(clean));
		json_object_array_add(lines, json_object_new_string(clean));
		at += size + 1;
	}
	json_object_object_add(log->object, "lines", lines);
}

/* The verdict of the case with this text as the attempt's log. */
static void judge_case(struct log *log, const char *text, size_t length, struct verdict *ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	char message[CASEFILE_MESSAGE_SIZE];
	const char *json;

	put_lines(log, text, length);
	json = json_object_to_json_string_ext(log->root, JSON_C_TO_STRING_PLAIN);
	assert_int_equal(casefile_parse(json, strlen(json), &c, message), 0);
	assert_int_equal(diagnose(c, ret), 0);
}

static void take_record(void *user, const struct event *event)
{
}

static void take_attempt(void *user, const struct logsplit_attempt *told)
{
	struct attempt *attempt = triage_case_add(user);

	assert_non_null(attempt);
	*attempt = *told->attempt;
}

/* The verdict of the log alone, as if it were imported. */
static void judge_log(const struct log *log, const char *text, size_t length, struct verdict *ret)
{
	static const struct logsplit_taker taker = {take_record, take_attempt};
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	CLEANUP(logsplit_freep) struct logsplit *split = logsplit_new(&taker, c);

	assert_non_null(c);
	assert_non_null(split);
	logsplit_feed(split, text, length);
	logsplit_finish(split);
	assert_int_equal(diagnose(c, ret), 0);
}

static void compare(const struct log *log, const struct damage *damage, const char *of,
	const struct verdict *whole, const struct verdict *damaged)
{
	assert_true(strnlen(damaged->summary, sizeof(damaged->summary)) < sizeof(damaged->summary));
	if (!damage->loses)
		return;
	if (surety(damaged) > surety(whole) || contradicts(whole, damaged))
		fail_msg("%s, attempt %zu, %s, %s: \"%s\" (%s) became \"%s\" (%s)", log->file,
			log->attempt, damage->name, of, whole->summary,
			strength_name(whole->strength), damaged->summary,
			strength_name(damaged->strength));
}

static void damage_log(struct log *log)
{
	static char text[LOG_BYTES_MAX];
	static struct verdict case_verdict, log_verdict, damaged;

	judge_case(log, log->text, log->length, &case_verdict);
	judge_log(log, log->text, log->length, &log_verdict);
	for (size_t i = 0; i < ROUNDS * ARRAY_SIZE(damages); i++) {
		const struct damage *damage = &damages[i % ARRAY_SIZE(damages)];
		size_t length;

		memcpy(text, log->text, log->length);
		length = damage->damage(text, log->length);
		judge_case(log, text, length, &damaged);
		compare(log, damage, "of the case", &case_verdict, &damaged);
		judge_log(log, text, length, &damaged);
		compare(log, damage, "of the log", &log_verdict, &damaged);
	}
}

/* Takes the lines of the attempt's log. Returns false where it has none. */
static bool read_log(struct log *log, struct json_object *attempt)
{
	struct json_object *lines;

	log->length = 0;
	if (!json_object_object_get_ex(attempt, "log", &log->object) ||
		!json_object_object_get_ex(log->object, "lines", &lines))
		return false;
	for (size_t i = 0; i < json_object_array_length(lines); i++)
		log->length += (size_t)snprintf(log->text + log->length,
			LOG_BYTES_MAX - log->length, "%s\n",
			json_object_get_string(json_object_array_get_idx(lines, i)));
	assert_true(log->length < LOG_BYTES_MAX);
	return log->length > 0;
}

static size_t damage_file(const char *file)
{
	static struct log log;
	struct json_object *attempts;
	size_t count = 0;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", CASES, file);
	log.file = file;
	log.root = json_object_from_file(path);
	assert_non_null(log.root);
	assert_true(json_object_object_get_ex(log.root, "attempts", &attempts));
	for (log.attempt = 0; log.attempt < json_object_array_length(attempts); log.attempt++) {
		struct json_object *object = json_object_array_get_idx(attempts, log.attempt);
		struct json_object *kept = NULL;

		if (!read_log(&log, object))
			continue;
		json_object_deep_copy(log.object, &kept, NULL);
		damage_log(&log);
		json_object_object_add(object, "log", kept);
		count++;
	}
	json_object_put(log.root);
	return count;
}

static void damage_makes_no_verdict_surer(void **state)
{
	DIR *folder = opendir(CASES);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			count += damage_file(entry->d_name);
	closedir(folder);
	assert_true(count > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(damage_makes_no_verdict_surer)};
	const char *seed = getenv("TRIAGE_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 4013;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
