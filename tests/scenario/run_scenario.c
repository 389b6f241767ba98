/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays a trace of events through the real recorder, diagnoser, sealer and query under a virtual
 * clock, and checks what they then say.
 *
 * A trace is a text file. Blank lines and lines with # are passed over. Else:
 *
 *   TIME KIND [key=value…]   an event at TIME seconds; keys: source, port, mode, ecid, udid, name,
 *                            number, code, flag, permille, run (N: the Nth session of `run`), ago
 *                            (it happened so many seconds before it is told), text (last: takes the
 *                            rest of the line)
 *   TIME wall SECONDS        the wall clock jumps by SECONDS
 *   TIME pass                nothing happens until TIME
 *   TIME restart [N]         the daemon is started anew on the records so far, without the first N
 *   expect sessions N        so many sessions are known
 *   expect work judged=N sealed=N
 *                            verdicts made and sessions sealed since the last such line
 *   expect verdict NAME key=value…
 *                            the answer of Diagnose for that phone: phase, strength, running,
 *                            first (cause)
 *   expect N key=value…      the Nth session (from 1): outcome, itunes, stage, running, operation,
 *                            modes (with commas), back, expected, lost, silences, usb-errors,
 *                            masked, mux-faults, other-programs, hub-depth, grade, port, entry
 *   expect fault NAME ID     the fault of usbmuxd for that phone ("none": no fault)
 *   expect device NAME MODE  the mode of that phone in the device table ("none": not in it)
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/query/query.h"
#include "tests/rig/fake_time.h"
#include "tests/rig/rig.h"

#define FOLDER "/tmp/trace-XXXXXX"
#define RING_BYTES (4u << 20)
#define START_MONOTONIC_US (1000 * USEC_PER_SEC)
#define START_WALL_US UINT64_C(1795391999000000) /* 2026-11-22T23:59:59Z: midnight is near */

struct player {
	struct rig rig;
	const struct bench *bench;
	char folder[sizeof(FOLDER)]; /* of the casebook */
	uint64_t now_us;	     /* since the start of the trace */
	const char *path;
	unsigned line;
	unsigned failures;
};

/* Verdicts made and sessions sealed since somebody looked: the linker puts these before the real
 * ones. */
static unsigned judged, sealed;

int __real_store_diagnose(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct verdict *ret);
int __wrap_store_diagnose(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct verdict *ret);
int __wrap_store_diagnose(struct store *store, const struct identity *identity, store_visit *visit,
	void *context, struct verdict *ret)
{
	judged++;
	return __real_store_diagnose(store, identity, visit, context, ret);
}

int __real_casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);
int __wrap_casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal);
int __wrap_casebook_file_seal(
	struct casebook_file *file, struct stamp now, const struct casebook_seal *seal)
{
	sealed++;
	return __real_casebook_file_seal(file, now, seal);
}

static void complain(struct player *player, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(struct player *player, const char *format, ...)
{
	va_list args;

	player->failures++;
	fprintf(stderr, "%s:%u: ", player->path, player->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static struct uuid number_uuid(unsigned number)
{
	struct uuid id = {{0}};

	id.bytes[15] = (uint8_t)number;
	return id;
}

static void start(struct player *player)
{
	static const struct stamp start = {START_MONOTONIC_US, START_WALL_US};

	judged = sealed = 0;
	fake_time_set(start);
	strcpy(player->folder, FOLDER);
	if (!mkdtemp(player->folder) ||
		rig_init(&player->rig, NULL, "bench-1", player->folder, RING_BYTES) < 0)
		abort();
	rig_observe(&player->rig);
	player->bench = player->rig.store.bench;
}

static void restart(struct player *player, size_t forgotten)
{
	if (rig_restart(&player->rig, forgotten) < 0)
		abort();
	player->bench = player->rig.store.bench;
}

static void finish(struct player *player)
{
	static const char *const names[] = {"", "-wal", "-shm"};
	char path[sizeof(FOLDER) + 32];

	rig_done(&player->rig);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/" CASEBOOK_NAME "%s", player->folder, names[i]);
		unlink(path);
	}
	rmdir(player->folder);
}

static void pass(struct player *player, uint64_t until_us)
{
	fake_time_pass(START_MONOTONIC_US + until_us);
	player->now_us = until_us;
}

/* Takes the next word off the line; the empty word at its end. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");

	*rest = word + strcspn(word, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static void set_number(struct event *event, const char *key, const char *value)
{
	if (text_equal(key, "number"))
		event->number = (uint32_t)strtoul(value, NULL, 0);
	else if (text_equal(key, "code"))
		event->code = strtoll(value, NULL, 0);
	else if (text_equal(key, "flag"))
		event->flag = (uint32_t)strtoul(value, NULL, 0);
	else if (text_equal(key, "permille"))
		event->permille = (int32_t)strtol(value, NULL, 0);
	else if (text_equal(key, "run"))
		event->session = number_uuid((unsigned)strtoul(value, NULL, 0));
}

static bool set_key(struct event *event, const char *key, const char *value)
{
	static const char *const numbers[] = {"number", "code", "flag", "permille", "run"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (text_equal(key, numbers[i])) {
			set_number(event, key, value);
			return true;
		}
	}
	if (text_equal(key, "ago")) {
		event->at.monotonic_us -= (uint64_t)(strtod(value, NULL) * (double)USEC_PER_SEC);
		return true;
	}
	if (text_equal(key, "source"))
		return (event->source = event_source_from_name(value)) != SOURCE_NONE;
	if (text_equal(key, "mode"))
		return (event->mode = device_mode_from_name(value)) != MODE_UNKNOWN;
	if (text_equal(key, "port"))
		return text_copy(event->port, sizeof(event->port), value);
	if (text_equal(key, "name"))
		return text_copy(event->name, sizeof(event->name), value);
	if (text_equal(key, "ecid"))
		return ecid_parse(value, &event->ecid) == 0;
	if (text_equal(key, "udid"))
		return udid_normalize(value, event->udid) == 0;
	return false;
}

static void play_event(struct player *player, const char *kind, char *rest)
{
	struct event event = {.source = SOURCE_USB};

	event.kind = event_kind_from_name(kind);
	if (event.kind == EVENT_NONE)
		complain(player, "no event is called %s", kind);
	event.at = clock_now();
	for (char *word = next_word(&rest); *word; word = next_word(&rest)) {
		char *value = strchr(word, '=');

		if (!value) {
			complain(player, "%s is not key=value", word);
			return;
		}
		*value++ = '\0';
		if (text_equal(word, "text")) {
			if (*rest)
				rest[-1] = ' ';
			event_set_text(&event, value);
			break;
		}
		if (!set_key(&event, word, value))
			complain(player, "%s=%s is not understood", word, value);
	}
	recorder_feed(player->rig.recorder, &event);
}

static void describe_modes(const struct attempt *attempt, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < attempt->mode_count && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "," : "",
			device_mode_name(attempt->modes[i].mode));
}

/* What the session says to `key`, as text. Returns false for an unknown key. */
static bool describe(const struct session *session, const char *key, char *out, size_t size)
{
	const struct attempt *attempt = &session->attempt;
	const struct health *health = &attempt->health;
	const struct seen_sign *other_program = attempt_sign(attempt, SIGN_OTHER_PROGRAM);
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{"itunes", attempt->itunes_code},
		{"operation", attempt->operation},
		{"running", session->running},
		{"expected", health->expected_detaches},
		{"lost", health->unexpected_detaches},
		{"silences", health->silences},
		{"usb-errors", health->usb_errors},
		{"masked", health->usb_errors_masked},
		{"mux-faults", health->mux_faults},
		{"other-programs", other_program ? other_program->count : 0},
		{"checkpoint", attempt->checkpoint},
		{"hub-depth", health->hub_depth},
	};
	const struct {
		const char *key, *value;
	} words[] = {
		{"outcome", outcome_name(attempt->outcome)},
		{"stage", restore_stage_name(attempt->stage)},
		{"back", device_mode_name(attempt->came_back)},
		{"grade", health_grade_name(health->grade)},
		{"port", attempt->port},
		{"entry", device_mode_name(attempt->entry)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (text_equal(key, numbers[i].key))
			return snprintf(out, size, "%lld", (long long)numbers[i].value) > 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(key, words[i].key))
			return text_copy(out, size, words[i].value);
	if (!text_equal(key, "modes"))
		return false;
	describe_modes(attempt, out, size);
	return true;
}

static void expect_session(struct player *player, size_t number, char *rest)
{
	if (number == 0 || number > bench_session_count(player->bench)) {
		complain(player, "there are %zu sessions", bench_session_count(player->bench));
		return;
	}
	for (char *word = next_word(&rest); *word; word = next_word(&rest)) {
		char *value = strchr(word, '=');
		char actual[512];

		if (!value) {
			complain(player, "%s is not key=value", word);
			return;
		}
		*value++ = '\0';
		if (!describe(
			    bench_session(player->bench, number - 1), word, actual, sizeof(actual)))
			complain(player, "a session has no %s", word);
		else if (!text_equal(actual, value))
			complain(player, "%s is %s, not %s", word, actual, value);
	}
}

static void expect_device(struct player *player, char *rest)
{
	const char *name = next_word(&rest);
	const struct bench_device *device = bench_find_device(player->bench, name);
	const char *mode = device ? device_mode_name(device->mode) : "none";

	if (!text_equal(mode, rest))
		complain(player, "device %s is %s, not %s", name, mode, rest);
}

static void expect_fault(struct player *player, char *rest)
{
	const char *name = next_word(&rest);
	const struct bench_device *device = bench_find_device(player->bench, name);
	const struct mux_fault *fault = device ? bench_mux_fault(player->bench, device) : NULL;
	const char *id = fault ? fault->id : "none";

	if (!text_equal(id, rest))
		complain(player, "device %s has the fault %s, not %s", name, id, rest);
}

/* What the answer says to `key`; NULL where it says nothing. */
static const char *describe_verdict(struct json_object *answer, const char *key)
{
	struct json_object *verdict = NULL, *causes = NULL;
	const char *text = NULL;

	json_get_object(answer, "verdict", &verdict);
	if (!text_equal(key, "first")) {
		json_get_text(verdict, key, &text);
		return text;
	}
	if (json_get_array(verdict, "causes", &causes) > 0 && json_object_array_length(causes) > 0)
		json_get_text(json_object_array_get_idx(causes, 0), "cause", &text);
	return text;
}

static void expect_verdict(struct player *player, char *rest)
{
	const struct query query = {.store = &player->rig.store, .live = true};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *answer;
	unsigned before = judged;
	const char *error;

	json_put_text(&builder, parameters, "device", next_word(&rest));
	answer = query_call(&query, "Diagnose", parameters, &error);
	judged = before; /* by the daemon itself */
	for (char *word = next_word(&rest); *word; word = next_word(&rest)) {
		char *value = strchr(word, '=');
		const char *actual;

		if (value)
			*value++ = '\0';
		actual = value && !error ? describe_verdict(answer, word) : NULL;
		if (!actual || !text_equal(actual, value))
			complain(player, "the verdict's %s is %s, not %s", word,
				actual	? actual
				: error ? error
					: "not there",
				value ? value : "?");
	}
	json_object_put(parameters);
	json_object_put(answer);
}

/* Questions are not counted. */
static void expect_work(struct player *player, char *rest)
{
	char actual[64];

	snprintf(actual, sizeof(actual), "judged=%u sealed=%u", judged, sealed);
	if (!text_equal(actual, rest))
		complain(player, "the work was %s, not %s", actual, rest);
	judged = sealed = 0;
}

static void expect(struct player *player, char *rest)
{
	char *what = next_word(&rest);

	if (text_equal(what, "sessions")) {
		if (strtoul(rest, NULL, 10) != bench_session_count(player->bench))
			complain(player, "there are %zu sessions",
				bench_session_count(player->bench));
	} else if (text_equal(what, "device"))
		expect_device(player, rest);
	else if (text_equal(what, "fault"))
		expect_fault(player, rest);
	else if (text_equal(what, "verdict"))
		expect_verdict(player, rest);
	else if (text_equal(what, "work"))
		expect_work(player, rest);
	else
		expect_session(player, strtoul(what, NULL, 10), rest);
}

static void play_line(struct player *player, char *line)
{
	char *rest = line, *first = next_word(&rest), *kind;

	if (text_equal(first, "expect")) {
		expect(player, rest);
		return;
	}
	if (!isdigit((unsigned char)*first)) {
		complain(player, "%s is neither a time nor expect", first);
		return;
	}
	pass(player, (uint64_t)(strtod(first, NULL) * (double)USEC_PER_SEC));
	kind = next_word(&rest);
	if (text_equal(kind, "pass"))
		return;
	if (text_equal(kind, "wall")) {
		struct stamp now = clock_now();

		now.wall_us += (uint64_t)(strtoll(rest, NULL, 10) * (int64_t)USEC_PER_SEC);
		fake_time_set(now);
	} else if (text_equal(kind, "restart")) {
		restart(player, strtoul(rest, NULL, 10));
	} else {
		play_event(player, kind, rest);
	}
}

static unsigned play(const char *path)
{
	static struct player player;
	char line[1024];
	FILE *file = fopen(path, "re");

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	player = (struct player){.path = path};
	start(&player);
	while (fgets(line, sizeof(line), file)) {
		char *first = line + strspn(line, " \t");

		player.line++;
		first[strcspn(first, "\n")] = '\0';
		if (*first && *first != '#')
			play_line(&player, first);
	}
	fclose(file);
	finish(&player);
	return player.failures;
}

int main(int argc, char **argv)
{
	unsigned failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		unsigned failures = play(argv[i]);

		printf("%s %d - %s\n", failures ? "not ok" : "ok", i, strrchr(argv[i], '/') + 1);
		failed += failures > 0;
	}
	return failed > 0;
}
