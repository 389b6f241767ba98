/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hook`: runs a command for each event of the bench, one at a time and at least once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "client/bounded_command.h"
#include "client/diagnosis_reply.h"
#include "client/new_file.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/records.h"
#include "client/stream.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/model/event.h"

#define LIMIT_DEFAULT_S 60
#define LIMIT_MAX_S 86400
/* How often the cursor is written while there are only other records. */
#define SAVE_EVERY_US (60 * USEC_PER_SEC)
#define CURSOR_BYTES_MAX 64

struct hook_event {
	const char *name;
	enum event_kind kind; /* of the record */
	/* Whether the diagnosis shows the event; NULL = the record does. */
	bool (*shows)(struct json_object *diagnosis);
};

struct hook {
	struct context *context;
	char **argv;
	const char *wanted; /* the list of --on; NULL = every event */
	const char *cursor; /* path */
	char *own_cursor;   /* the same, if it is the default; owned */
	int lock;
	int64_t limit_s;
	struct connection *connection; /* for questions; the other one is used by the stream */
	int64_t handled;	       /* sequence of the last handled record */
	int64_t saved;		       /* the same in the cursor's file */
	uint64_t saved_us;	       /* monotonic */
	bool read_again; /* the stream was opened again because the daemon dropped records */
};

static const struct hook_event events[] = {
	{"session-ended", EVENT_SESSION_END, NULL},
	{"diagnosis-changed", EVENT_DIAGNOSIS, NULL},
	{"port-suspect", EVENT_DIAGNOSIS, diagnosis_blames_port},
};

/* Whether the comma-separated list contains the word. */
static bool list_has(const char *list, const char *word, size_t length)
{
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (strcspn(list, ",") == length && strncmp(list, word, length) == 0)
			return true;
	}
	return false;
}

static int check_wanted(const char *list)
{
	for (const char *word = list; word; word = strchr(word, ',')) {
		size_t i = 0, length;

		word += *word == ',';
		length = strcspn(word, ",");
		while (i < ARRAY_SIZE(events) && !list_has(events[i].name, word, length))
			i++;
		if (i == ARRAY_SIZE(events)) {
			report_error("--on must list session-ended, diagnosis-changed or "
				     "port-suspect, not %s.",
				list);
			return EXIT_USAGE;
		}
	}
	return EXIT_DONE;
}

/* The cursor */

static int save_cursor(struct hook *hook)
{
	CLEANUP(new_file_done) struct new_file file = {.option = "--cursor"};
	int r = new_file_open(&file, hook->cursor, NEW_FILE_PRIVATE);

	if (r == EXIT_DONE) {
		fprintf(file.stream, "%" PRId64 "\n", hook->handled);
		r = new_file_finish(&file);
	}
	hook->saved_us = clock_now().monotonic_us;
	if (r == EXIT_DONE)
		hook->saved = hook->handled;
	return r;
}

/* Returns EXIT_DONE with *ret untouched if there is no file yet. */
static int read_cursor(const struct hook *hook, int64_t *ret)
{
	CLEANUP(freep) char *text = NULL;
	char *end = NULL;
	size_t length;
	long long number;
	int r = file_read(
		hook->cursor, O_NOCTTY | O_NONBLOCK | O_CLOEXEC, CURSOR_BYTES_MAX, &text, &length);

	if (r == -ENOENT)
		return EXIT_DONE;
	if (r < 0) {
		report_error("Cannot read the cursor %s: %s.", hook->cursor, strerror(-r));
		return EXIT_REFUSED;
	}
	errno = 0;
	number = r == 0 ? strtoll(text, &end, 10) : -1;
	if (errno || end == text || number < 0 || (*end && *end != '\n')) {
		report_error(
			"Cannot use the cursor %s: hook did not write it. Name another file with "
			"--cursor.",
			hook->cursor);
		return EXIT_REFUSED;
	}
	*ret = number;
	return EXIT_DONE;
}

/* Two hooks with one cursor would skip each other's records. */
static int lock_cursor(struct hook *hook)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s.lock", hook->cursor);
	hook->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (hook->lock >= 0 && flock(hook->lock, LOCK_EX | LOCK_NB) == 0)
		return EXIT_DONE;
	if (errno == EWOULDBLOCK)
		report_error(
			"Cannot use the cursor %s: another hook uses it. Name another file with "
			"--cursor.",
			hook->cursor);
	else
		report_error("Cannot lock the cursor with %s: %s. Name another file with "
			     "--cursor.",
			path, strerror(errno));
	return EXIT_REFUSED;
}

/* systemd sets STATE_DIRECTORY for a unit with StateDirectory=: folders separated by colons. */
static int find_cursor(struct hook *hook)
{
	const char *state = getenv("STATE_DIRECTORY");

	if (hook->cursor)
		return EXIT_DONE;
	if (!state || !*state)
		hook->own_cursor = new_file_state_path("hook-cursor");
	else if (asprintf(&hook->own_cursor, "%.*s/hook-cursor", (int)strcspn(state, ":"), state) <
		 0)
		hook->own_cursor = NULL;
	hook->cursor = hook->own_cursor;
	if (!hook->cursor)
		return report_no_memory();
	new_file_make_folders(hook->own_cursor);
	return EXIT_DONE;
}

/* Sets where to begin: after the last handled record, or at first with new records. */
static int find_start(struct hook *hook, struct connection *connection)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	int64_t last;
	int r = rpc_call_plain(hook->context, connection, "GetStatus", &status);

	if (r != EXIT_DONE)
		return r;
	hook->handled = last = field_number_or(status, "lastSequence", 0);
	r = read_cursor(hook, &hook->handled);
	if (r == EXIT_DONE && hook->handled > last) {
		report_error("The daemon has lost or replaced its last records: its last one is "
			     "%" PRId64 ", and the cursor is %" PRId64 ". Continuing after %" PRId64
			     ".",
			last, hook->handled, last);
		hook->handled = last;
	}
	return r == EXIT_DONE ? save_cursor(hook) : r;
}

/* Records */

/* Calls a method over the second connection. Returns 0 with *ret owned by the caller (NULL: the
 * daemon refuses, for example because the phone was purged), or -EAGAIN if the daemon is lost. */
static int ask(struct hook *hook, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret)
{
	struct varlink_reply reply = {0};
	int r = rpc_ask_beside(
		hook->context, &hook->connection, method, builder, parameters, &reply);

	if (r == -EAGAIN)
		return r;
	*ret = r < 0 || reply.error ? NULL : json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return 0;
}

/* The diagnosis of the phone of a record now. *ret is NULL if there is none. */
static int find_diagnosis(struct hook *hook, struct json_object *record, struct json_object **ret)
{
	static const struct {
		const char *field, *parameter;
	} ways[] = {{"session", "session"}, {"ecid", "device"}, {"udid", "device"}};
	struct json_builder builder = {0};
	struct json_object *parameters;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const char *text = field_text(record, ways[i].field);

		if (!text)
			continue;
		parameters = json_new_object(&builder);
		json_put_text(&builder, parameters, ways[i].parameter, text);
		return ask(hook, "Diagnose", &builder, parameters, ret);
	}
	*ret = NULL;
	return 0;
}

static void put_member(struct json_builder *builder, struct json_object *object, const char *key,
	struct json_object *value)
{
	if (value)
		json_put(builder, object, key, json_object_get(value));
}

/* Returns NULL when out of memory. */
static struct json_object *input_new(
	const char *event, struct json_object *record, struct json_object *diagnosis)
{
	struct json_builder builder = {0};
	struct json_object *input = json_new_object(&builder);

	json_put_text(&builder, input, "event", event);
	put_member(&builder, input, "record", record);
	put_member(&builder, input, "session",
		diagnosis_session(diagnosis, field_text(record, "session")));
	put_member(&builder, input, "device", field_object(diagnosis, "device"));
	put_member(&builder, input, "verdict", field_object(diagnosis, "verdict"));
	return json_finish(&builder, input);
}

static void report_end(const struct hook *hook, enum command_end end, int status, const char *event,
	int64_t sequence)
{
	const char *command = hook->argv[0];

	if (end == COMMAND_TIMED_OUT)
		report_error("%s did not end within %" PRId64
			     " s and was killed (%s, record %" PRId64 ").",
			command, hook->limit_s, event, sequence);
	else if (WIFSIGNALED(status))
		report_error("%s was ended by signal %d (%s, record %" PRId64 ").", command,
			WTERMSIG(status), event, sequence);
	else if (WEXITSTATUS(status) != 0)
		report_error("%s failed with status %d (%s, record %" PRId64 ").", command,
			WEXITSTATUS(status), event, sequence);
}

static int run_command(struct hook *hook, const char *event, struct json_object *record,
	struct json_object *diagnosis)
{
	CLEANUP(json_object_putp)
	struct json_object *input = input_new(event, record, diagnosis);
	CLEANUP(json_object_putp)
	struct json_object *versioned = input ? json_versioned(input) : NULL;
	CLEANUP(freep) char *line = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r, status;

	text = versioned ? json_write_escaped(versioned, &length) : NULL;
	if (!text || asprintf(&line, "%s\n", text) < 0) {
		line = NULL;
		report_no_memory();
		return -ECANCELED;
	}
	setenv("IDEVICETRIAGE_EVENT", event, 1);
	r = bounded_command_run(
		hook->argv, line, length + 1, (uint64_t)hook->limit_s * USEC_PER_SEC, &status);
	if (r < 0) {
		report_error("Cannot run %s: %s.", hook->argv[0], strerror(-r));
		return -ECANCELED;
	}
	/* Not handled: it comes again at the next start. */
	if (r == COMMAND_STOPPED)
		return -ECANCELED;
	report_end(hook, r, status, event, field_number_or(record, "sequence", 0));
	return 0;
}

/* Returns 0, or a negative errno for stream_run(). */
static int handle_record(struct hook *hook, struct json_object *record)
{
	CLEANUP(json_object_putp) struct json_object *diagnosis = NULL;
	const char *kind = field_text_or(record, "kind", "");
	int64_t sequence = field_number_or(record, "sequence", 0);
	bool asked = false;

	if (sequence > 0 && sequence <= hook->handled)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		const struct hook_event *event = &events[i];
		int r = 0;

		if (!text_equal(kind, event_kind_name(event->kind)))
			continue;
		if (hook->wanted && !list_has(hook->wanted, event->name, strlen(event->name)))
			continue;
		if (!asked)
			r = find_diagnosis(hook, record, &diagnosis);
		asked = true;
		if (r == 0 && (!event->shows || event->shows(diagnosis)))
			r = run_command(hook, event->name, record, diagnosis);
		if (r < 0)
			return r;
	}
	if (sequence > 0)
		hook->handled = sequence;
	/* A failure was reported. At worst, the command runs again after a restart. */
	if (asked || (hook->handled > hook->saved &&
			     clock_now().monotonic_us - hook->saved_us > SAVE_EVERY_US))
		save_cursor(hook);
	return 0;
}

/* The first reply of a stream without new records: if the daemon lost records that this hook
 * handled, the new ones would be skipped. */
static int check_place(struct hook *hook)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	struct json_builder builder = {0};
	int r = ask(hook, "GetStatus", &builder, NULL, &status);

	if (r < 0 || field_number_or(status, "lastSequence", hook->handled) >= hook->handled)
		return r;
	report_error("The daemon has lost or replaced its last records. Start hook again.");
	return -ECANCELED;
}

static int64_t handle_reply(struct context *context, void *user, struct json_object *reply)
{
	struct hook *hook = user;
	struct json_object *records = field_list(reply, "records");
	int64_t lost = field_number_or(reply, "lost", 0);
	int r = 0;

	/* The daemon drops records of a stream that is read too slowly. The ring may have them. */
	if (lost > 0 && !hook->read_again) {
		hook->read_again = true;
		return -EAGAIN;
	}
	hook->read_again = false;
	if (lost > 0)
		report_error("%" PRId64 " records were overwritten before they could be read; "
			     "events may be missing.",
			lost);
	else if (field_count(records) == 0)
		r = check_place(hook);
	for (size_t i = 0; r == 0 && i < field_count(records); i++)
		r = handle_record(hook, field_item(records, i));
	return r < 0 ? r : hook->handled;
}

static void on_idle(struct context *context, void *user)
{
	struct hook *hook = user;

	if (hook->handled > hook->saved)
		save_cursor(hook);
}

/* The command line */

enum { OPTION_ON = OPTION_OWN, OPTION_CURSOR, OPTION_TIMEOUT };

static const struct command_option own[] = {
	{"on", OPTION_ON, "EVENTS", "only these, separated by commas", COMPLETE_LIST,
		"session-ended diagnosis-changed port-suspect"},
	{"cursor", OPTION_CURSOR, "FILE", "where it stores how far it has come", COMPLETE_FILE},
	{"timeout", OPTION_TIMEOUT, "SECONDS", "end the command after this time (default: 60)"},
	{0},
};

static int take(void *user, int option, const char *value)
{
	struct hook *hook = user;
	int r;

	switch (option) {
	case OPTION_ON:
		hook->wanted = value;
		return check_wanted(value);
	case OPTION_CURSOR:
		hook->cursor = value;
		return EXIT_DONE;
	default:
		r = option_number("--timeout", value, 1, &hook->limit_s);
		if (hook->limit_s > LIMIT_MAX_S)
			hook->limit_s = LIMIT_MAX_S;
		return r;
	}
}

static int follow(struct hook *hook)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	const struct stream stream = {
		.method = "ReadLog",
		.show = handle_reply,
		.tick = on_idle,
		.tick_ms = (int)(SAVE_EVERY_US / USEC_PER_MSEC),
		.user = hook,
	};
	struct json_builder builder = {0};
	int r = find_cursor(hook);

	if (r == EXIT_DONE)
		r = lock_cursor(hook);
	if (r == EXIT_DONE)
		r = rpc_open(hook->context, &connection);
	if (r == EXIT_DONE)
		r = find_start(hook, connection);
	if (r != EXIT_DONE)
		return r;
	return stream_run(hook->context, TAKE_PTR(connection), &stream, &builder,
		records_parameters(&builder, NULL, hook->handled));
}

static int run_hook(struct context *context, int argc, char **argv)
{
	struct hook hook = {.context = context, .limit_s = LIMIT_DEFAULT_S, .lock = -1};
	int r, first = options_read(context, argc, argv, take, &hook);

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("hook needs a command; see `idevicetriage help hook`.");
		return EXIT_USAGE;
	}
	hook.argv = argv + first;
	/* The command need not read its input. */
	signal(SIGPIPE, SIG_IGN);
	r = follow(&hook);
	connection_free(hook.connection);
	closep(&hook.lock);
	free(hook.own_cursor);
	return r;
}

const struct command command_hook = {
	.name = "hook",
	.arguments = "-- COMMAND ...",
	.brief = "run a command per event",
	.summary = "Run a command for each event, with the event as JSON on its standard input.",
	.options = own,
	.words = COMPLETE_PROGRAM,
	.ordered = true,
	.examples = {{"idevicetriage hook -- jq .event", "prints the name of each event"},
		{"idevicetriage hook --on session-ended --cursor hook.cursor -- ./to-ticket",
			"a script of the shop"}},
	.run = run_hook,
};
