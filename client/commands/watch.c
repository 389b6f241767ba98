/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `watch`: the ports of the bench on a full screen, or events as lines as they happen; on a
 * terminal with a live line for each running restore. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/live.h"
#include "client/mask.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/phrase.h"
#include "client/port_errors.h"
#include "client/resolve.h"
#include "client/screen/bench_screen.h"
#include "client/stream.h"
#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define TICK_MS 250
#define ASK_EVERY_US USEC_PER_SEC
#define SESSIONS_LOOKED_AT 32
#define LIVE_LINES_MAX 8
#define LABEL_BYTES 256

enum { OPTION_LINES = OPTION_OWN };

static const struct command_option own[] = {
	{"lines", OPTION_LINES, NULL, "events as lines, also on a terminal"},
	{0},
};

/* Records name a session or a phone, not both. Questions about them, and for the live lines, have
 * their own connection, because the other one is used by the stream. */
struct watch {
	struct context *context;
	struct connection *connection;
	bool lines;		      /* --lines */
	struct name only;	      /* what is watched; without a kind: everything */
	struct json_object *devices;  /* the last answer of ListDevices; NULL = none */
	struct json_object *sessions; /* the last answer of ListSessions, newest first */
	char unknown[UUID_TEXT_SIZE]; /* a session that was not in it */
	struct stamp asked;	      /* for the sessions */
	size_t shown;		      /* live lines */
};

static void hide(struct watch *watch)
{
	FILE *out = watch->context->layout.out;

	if (watch->shown > 1)
		fprintf(out, "\033[%zuA", watch->shown - 1);
	if (watch->shown > 0)
		fputs("\r\033[J", out);
	watch->shown = 0;
}

/* Replaces *answer by that of a method. The stream reports a lost daemon. */
static void ask(struct watch *watch, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **answer)
{
	struct varlink_reply reply = {0};

	if (rpc_ask_beside(
		    watch->context, &watch->connection, method, builder, parameters, &reply) < 0)
		return;
	if (!reply.error) {
		json_object_put(*answer);
		*answer = json_object_get(reply.parameters);
	}
	varlink_reply_done(&reply);
}

static void ask_sessions(struct watch *watch)
{
	struct json_builder builder = {0};
	struct json_object *limit = json_new_object(&builder);

	json_put_number(&builder, limit, "limit", SESSIONS_LOOKED_AT);
	ask(watch, "ListSessions", &builder, limit, &watch->sessions);
	watch->asked = clock_now();
}

/* The phones. */

static bool is_field(struct json_object *object, const char *key, const char *text)
{
	return text && text_equal(field_text_or(object, key, ""), text);
}

static struct json_object *find_session(const struct watch *watch, const char *session)
{
	struct json_object *list = field_list(watch->sessions, "sessions");

	for (size_t i = 0; i < field_count(list); i++)
		if (is_field(field_item(list, i), "session", session))
			return field_item(list, i);
	return NULL;
}

static struct json_object *find_device(const struct watch *watch, struct json_object *record)
{
	static const char *const keys[] = {"ecid", "udid", "port"};
	struct json_object *list = field_list(watch->devices, "devices");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t j = 0; j < field_count(list); j++)
			if (is_field(field_item(list, j), keys[i], field_text(record, keys[i])))
				return field_item(list, j);
	return NULL;
}

/* Whether the record may change which phone a session or a port has. */
static bool is_news(struct watch *watch, struct json_object *record)
{
	static const char *const kinds[] = {
		"attach", "mux-attach", "identity", "session-begin", "condition"};
	const char *session = field_text(record, "session");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_field(record, "kind", kinds[i]))
			return true;
	if (!session || find_session(watch, session) || text_equal(session, watch->unknown))
		return false;
	text_copy(watch->unknown, sizeof(watch->unknown), session);
	return true;
}

/* Session, Device or Record: what says most about the phone of a record. */
static struct json_object *subject_of(struct watch *watch, struct json_object *record)
{
	const char *session = field_text(record, "session");
	struct json_object *found;
	struct json_builder builder = {0};

	if (is_news(watch, record)) {
		ask(watch, "ListDevices", &builder, NULL, &watch->devices);
		ask_sessions(watch);
	}
	found = session ? find_session(watch, session) : find_device(watch, record);
	return found ? found : record;
}

/* Appends to the label, after a blank. */
static void add(char label[static LABEL_BYTES], const char *text)
{
	size_t length = strlen(label);

	if (text)
		snprintf(label + length, LABEL_BYTES - length, "%s%s", length ? " " : "", text);
}

/* The slot or port, the phone and the session, masked; empty if the record is about none of
 * them. */
static void label_of(const struct layout *layout, struct json_object *subject, const char *session,
	char label[static LABEL_BYTES])
{
	const char *slot = phrase_slot(subject), *identifier = phrase_identifier(subject);
	CLEANUP(freep) char *masked = NULL;

	label[0] = '\0';
	add(label, slot ? slot : field_text(subject, "port"));
	add(label, identifier ? identifier : phrase_model_or(subject, NULL));
	add(label, session ? phrase_session(session) : NULL);
	masked = layout->reveal ? NULL : mask_text(NULL, label, layout->utf8);
	if (masked)
		text_copy(label, LABEL_BYTES, masked);
}

static bool is_watched(const struct watch *watch, struct json_object *object)
{
	static const char *const keys[] = {"ecid", "udid", "port"};

	if (!watch->only.kind)
		return true;
	if (watch->only.kind == NAME_SESSION)
		return is_field(object, "session", watch->only.text);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_field(object, keys[i], watch->only.text))
			return true;
	return false;
}

/* A copy of a list with what is watched. */
static struct json_object *watched_items(
	const struct watch *watch, struct json_builder *builder, struct json_object *list)
{
	struct json_object *copy = json_new_array(builder);

	for (size_t i = 0; i < field_count(list); i++)
		if (is_watched(watch, field_item(list, i)))
			json_add(builder, copy, json_object_get(field_item(list, i)));
	return copy;
}

/* Replaces the lists of a state by those of what is watched. */
static void filter_state(const struct watch *watch, struct json_object *reply)
{
	static const char *const lists[] = {"devices", "sessions"};
	struct json_builder builder = {0};

	for (size_t i = 0; watch->only.kind && i < ARRAY_SIZE(lists); i++)
		if (field_list(reply, lists[i]))
			json_put(&builder, reply, lists[i],
				watched_items(watch, &builder, field_list(reply, lists[i])));
}

static int64_t show_change(struct context *context, void *user, struct json_object *reply)
{
	struct watch *watch = user;
	struct json_object *record = field_object(reply, "record"), *subject = NULL;
	char label[LABEL_BYTES] = "";
	int64_t sequence = field_number_or(reply, "sequence", 0);

	if (record && (context->output->live || watch->only.kind))
		subject = subject_of(watch, record);
	if (!record)
		filter_state(watch, reply);
	if (subject && !is_watched(watch, record) && !is_watched(watch, subject))
		return sequence;
	if (subject)
		label_of(&context->layout, subject, field_text(record, "session"), label);
	hide(watch);
	context->output->change(&context->layout, reply, label);
	return sequence;
}

/* The live lines */

static void show_line(struct watch *watch, struct json_object *session, struct stamp now)
{
	struct layout *layout = &watch->context->layout;
	char line[LIVE_BYTES], label[LABEL_BYTES];

	label_of(layout, session, NULL, label);
	live_line(layout, label, session, (int64_t)(now.monotonic_us - watch->asked.monotonic_us),
		(int64_t)now.wall_us - field_number_or(session, "startedUSec", 0), line);
	fprintf(layout->out, "%s%s", watch->shown ? "\n" : "", line);
	watch->shown++;
}

static void tick(struct context *context, void *user)
{
	struct watch *watch = user;
	struct stamp now = clock_now();
	struct json_object *list;

	if (now.monotonic_us - watch->asked.monotonic_us >= ASK_EVERY_US)
		ask_sessions(watch);
	now = clock_now();
	hide(watch);
	context->layout.width = layout_terminal_width(fileno(context->layout.out));
	list = field_list(watch->sessions, "sessions");
	for (size_t i = 0; i < field_count(list) && watch->shown < LIVE_LINES_MAX; i++)
		if (is_field(field_item(list, i), "outcome", "running") &&
			is_watched(watch, field_item(list, i)))
			show_line(watch, field_item(list, i), now);
	fflush(context->layout.out);
}

/* Warns of ports that fail more transfers than the others, before a restore begins there. A daemon
 * without a casebook has no counts. */
static void warn_of_ports(struct context *context, struct connection *connection)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *by = json_new_object(&builder);
	struct port_errors errors;
	char text[256];
	size_t at = 0;

	json_put_text(&builder, by, "by", "port");
	if (rpc_call_allowing(context, connection, "GetStatistics", &builder, by,
		    INTERFACE "CasebookUnavailable", &reply) != EXIT_DONE)
		return;
	while (port_errors_next(field_list(reply, "groups"), &at, &errors)) {
		port_errors_describe(&errors, text, sizeof(text));
		fprintf(stderr, "Warning: %s Run idevicetriage doctor for the remedy.\n", text);
	}
}

/* The form that records have. Returns false if the text is no whole name. */
static bool make_canonical(struct name *name)
{
	char udid[UDID_SIZE];
	struct uuid session;
	uint64_t ecid;

	if (name->kind == NAME_SESSION && uuid_parse(name->text, &session) == 0)
		uuid_format(&session, name->text);
	else if (text_starts_with(name->text, "0x") && ecid_parse(name->text, &ecid) == 0)
		ecid_format(ecid, name->text);
	else if (udid_normalize(name->text, udid) == 0)
		text_copy(name->text, sizeof(name->text), udid);
	else
		return usb_port_ok(name->text, strlen(name->text));
	return true;
}

/* Finds what was typed. A phone or a port that was never seen is waited for. */
static int choose(struct watch *watch, struct connection *connection, const char *text)
{
	int r = ask_name(watch->context, connection, text, NAME_ANY, &watch->only);

	return r == EXIT_DONE && !make_canonical(&watch->only) ? report_unknown_device(text) : r;
}

static bool wants_screen(const struct watch *watch)
{
	const char *term = getenv("TERM");

	return watch->context->output->live && watch->context->layout.terminal && !watch->lines &&
	       term && *term && !text_equal(term, "dumb");
}

static int follow(struct watch *watch, const char *text)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct context *context = watch->context;
	struct json_builder builder = {0};
	struct stream stream = {
		.method = "Watch", .show = show_change, .tick_ms = TICK_MS, .user = watch};
	int r;

	if (context->output->live && context->layout.terminal)
		stream.tick = tick;
	r = rpc_open(context, &connection);
	if (r == EXIT_DONE && text)
		r = choose(watch, connection, text);
	if (r == EXIT_DONE && wants_screen(watch))
		return bench_screen_run(
			context, &(struct screen_request){TAKE_PTR(connection), watch->only});
	if (r == EXIT_DONE && context->output->live)
		warn_of_ports(context, connection);
	if (r == EXIT_DONE)
		r = stream_run(context, TAKE_PTR(connection), &stream, &builder,
			json_new_object(&builder));
	return r;
}

static int take(void *user, int option, const char *value)
{
	struct watch *watch = user;

	watch->lines = true;
	return EXIT_DONE;
}

static int run_watch(struct context *context, int argc, char **argv)
{
	struct watch watch = {.context = context};
	int r, first = options_read(context, argc, argv, take, &watch);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("watch", argv[first + 1]);
	r = follow(&watch, first < argc ? argv[first] : NULL);
	connection_free(watch.connection);
	json_object_put(watch.devices);
	json_object_put(watch.sessions);
	return r;
}

const struct command command_watch = {
	.name = "watch",
	.arguments = "[DEVICE|SESSION]",
	.brief = "the bench, live",
	.summary = "Show the bench on a full screen, or its events as lines as they happen.",
	.options = own,
	.words = COMPLETE_DEVICE_OR_SESSION,
	.examples = {{"idevicetriage watch", "the full screen; ? shows its keys"},
		{"idevicetriage --json watch", "one JSON object a line"}},
	.run = run_watch,
};
