/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `wait`: until a restore has ended, for its verdict. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/diagnosis_reply.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/resolve.h"
#include "client/stream.h"
#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/event.h"

#define TIMEOUT_MAX_S (366 * 86400)

enum { OPTION_TICKET = OPTION_OWN, OPTION_NEXT, OPTION_TIMEOUT };

static const struct command_option own[] = {
	{"ticket", OPTION_TICKET, "TICKET", "the newest restore of this ticket, also a later one",
		COMPLETE_TICKET},
	{"next", OPTION_NEXT, NULL, "a restore of the ticket that has not ended yet"},
	{"timeout", OPTION_TIMEOUT, "SECONDS", "give up after this time"},
	{0},
};

struct wait {
	struct context *context;
	struct connection *connection; /* for questions; the other one is used by the stream */
	const char *name;	       /* of the session, as typed; NULL: it is of the ticket */
	const char *ticket;
	bool next;
	int64_t timeout_s;	       /* -1 = none */
	char session[UUID_TEXT_SIZE];  /* empty: the ticket has none yet */
	char earlier[UUID_TEXT_SIZE];  /* with `next`: the ticket's newest one at the start */
	bool looked;		       /* at the sessions, for the first time */
	struct json_object *diagnosis; /* of the session, last; owned */
	bool ended;		       /* the session has ended, or the wait has failed */
	int code;		       /* then: an exit code */
};

/* Ends the stream. */
static int64_t end(struct wait *wait, int code)
{
	wait->ended = true;
	wait->code = code;
	return -ECANCELED;
}

/* The same, without a verdict. */
static int64_t fail(struct wait *wait, int code)
{
	json_object_put(wait->diagnosis);
	wait->diagnosis = NULL;
	return end(wait, code);
}

/* Returns 0 with *ret owned by the caller, or an error for stream_run(). */
static int64_t ask(struct wait *wait, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret)
{
	struct varlink_reply reply = {0};
	int r = rpc_ask_beside(
		wait->context, &wait->connection, method, builder, parameters, &reply);
	int64_t result = 0;

	if (r == -EBADMSG) {
		report_error("The daemon sent an invalid answer to %s.", method);
		return fail(wait, EXIT_REFUSED);
	}
	if (r < 0)
		return r;
	if (reply.error)
		result = fail(wait, rpc_refused(&reply));
	else
		*ret = json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return result;
}

/* Asks for the verdict, and whether the session has ended. */
static int64_t ask_verdict(struct wait *wait)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *diagnosis = NULL;
	struct json_object *session;
	int64_t r;

	json_put_text(&builder, parameters, "session", wait->session);
	r = ask(wait, "Diagnose", &builder, parameters, &diagnosis);
	if (r < 0)
		return r;
	json_object_put(wait->diagnosis);
	wait->diagnosis = diagnosis;
	session = diagnosis_session(diagnosis, wait->session);
	if (session && text_equal(field_text_or(session, "outcome", ""), "running"))
		return 0;
	return end(wait, diagnosis_phase_code(diagnosis));
}

/* Uses the newest session of the ticket: with --next, not one that had ended before. */
static void take_session(struct wait *wait, struct json_object *session)
{
	const char *name = field_text_or(session, "session", "");
	bool running = text_equal(field_text_or(session, "outcome", ""), "running");

	if (wait->next && !wait->looked && !running)
		text_copy(wait->earlier, sizeof(wait->earlier), name);
	if (!text_equal(wait->earlier, name))
		text_copy(wait->session, sizeof(wait->session), name);
}

static int64_t find_session(struct wait *wait)
{
	CLEANUP(json_object_putp) struct json_object *page = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int64_t r;

	json_put_text(&builder, parameters, "ticket", wait->ticket);
	json_put_number(&builder, parameters, "limit", 1);
	r = ask(wait, "ListSessions", &builder, parameters, &page);
	if (r < 0)
		return r;
	if (field_count(field_list(page, "sessions")) > 0)
		take_session(wait, field_item(field_list(page, "sessions"), 0));
	wait->looked = true;
	return 0;
}

/* At the start and after each gap in the records: whether the session has ended. */
static int64_t look(struct wait *wait)
{
	int64_t r = *wait->session ? 0 : find_session(wait);

	return r == 0 && *wait->session ? ask_verdict(wait) : r;
}

static int64_t hear_record(struct wait *wait, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	const char *session = field_text_or(record, "session", "");

	if (!*wait->session && text_equal(kind, event_kind_name(EVENT_TICKET)) &&
		text_equal(field_text_or(record, "text", ""), wait->ticket))
		text_copy(wait->session, sizeof(wait->session), session);
	if (text_equal(kind, event_kind_name(EVENT_SESSION_END)) && *wait->session &&
		text_equal(session, wait->session))
		return ask_verdict(wait);
	return 0;
}

static int64_t hear(struct context *context, void *user, struct json_object *reply)
{
	struct wait *wait = user;
	struct json_object *record = field_object(reply, "record");
	int64_t r = record ? hear_record(wait, record) : look(wait);

	return r < 0 ? r : field_number_or(reply, "sequence", 0);
}

/* At the deadline: the verdict so far. */
static int give_up(struct wait *wait)
{
	int64_t r = look(wait);

	if (r < 0 && !wait->ended)
		fail(wait, rpc_unreachable(wait->context, -ETIMEDOUT));
	if (wait->ended)
		return wait->code;
	if (*wait->session)
		return diagnosis_code(wait->diagnosis);
	report_error("No restore of the ticket %s has begun within %" PRId64 " s.", wait->ticket,
		wait->timeout_s);
	return EXIT_UNKNOWN_NAME;
}

/* Resolves the session that was typed. */
static int name_session(struct wait *wait, struct connection *connection)
{
	struct name name = {0};
	struct uuid uuid;
	int r = ask_name(wait->context, connection, wait->name, NAME_SESSION, &name);

	if (r != EXIT_DONE)
		return r;
	if (uuid_parse(name.text, &uuid) < 0) {
		report_error("No session %s is known here; `idevicetriage sessions` lists the "
			     "known ones.",
			wait->name);
		return EXIT_UNKNOWN_NAME;
	}
	uuid_format(&uuid, wait->session);
	return EXIT_DONE;
}

static int follow(struct wait *wait)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct stream stream = {.method = "Watch", .show = hear, .user = wait};
	struct json_builder builder = {0};
	int r = rpc_open(wait->context, &connection);

	if (r == EXIT_DONE && wait->name)
		r = name_session(wait, connection);
	if (r != EXIT_DONE)
		return r;
	if (wait->timeout_s >= 0)
		stream.deadline_us =
			clock_now().monotonic_us + (uint64_t)wait->timeout_s * USEC_PER_SEC;
	r = stream_run(
		wait->context, TAKE_PTR(connection), &stream, &builder, json_new_object(&builder));
	if (r == -ETIME)
		return give_up(wait);
	return wait->ended ? wait->code : r;
}

/* In the form of `run`: the session, and its verdict. */
static int print(struct wait *wait)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);
	struct json_object *session = diagnosis_session(wait->diagnosis, wait->session);

	json_put_text(&builder, object, "session", wait->session);
	if (session)
		json_put(&builder, object, "result", json_object_get(session));
	json_put(&builder, object, "verdict",
		json_object_get(field_object(wait->diagnosis, "verdict")));
	if (builder.failed)
		return report_no_memory();
	wait->context->output->waited(&wait->context->layout, object);
	return EXIT_DONE;
}

static int take(void *user, int option, const char *value)
{
	struct wait *wait = user;
	int r;

	switch (option) {
	case OPTION_TICKET:
		wait->ticket = value;
		return EXIT_DONE;
	case OPTION_NEXT:
		wait->next = true;
		return EXIT_DONE;
	default:
		r = option_number("--timeout", value, 0, &wait->timeout_s);
		if (wait->timeout_s > TIMEOUT_MAX_S)
			wait->timeout_s = TIMEOUT_MAX_S;
		return r;
	}
}

static int check_arguments(const struct wait *wait, int count, char **words)
{
	if (count > (wait->ticket ? 0 : 1))
		return options_too_many("wait", words[wait->ticket ? 0 : 1]);
	if (!wait->ticket && count == 0) {
		report_error("wait needs a session or --ticket; see `idevicetriage help wait`.");
		return EXIT_USAGE;
	}
	if (wait->next && !wait->ticket) {
		report_error("wait: --next needs --ticket; see `idevicetriage help wait`.");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int run_wait(struct context *context, int argc, char **argv)
{
	struct wait wait = {.context = context, .timeout_s = -1};
	int r, first = options_read(context, argc, argv, take, &wait);

	if (first < 0)
		return -first;
	r = check_arguments(&wait, argc - first, argv + first);
	if (r != EXIT_DONE)
		return r;
	wait.name = first < argc ? argv[first] : NULL;
	r = follow(&wait);
	if (wait.diagnosis && print(&wait) != EXIT_DONE)
		r = EXIT_REFUSED;
	json_object_put(wait.diagnosis);
	connection_free(wait.connection);
	return r;
}

const struct command command_wait = {
	.name = "wait",
	.arguments = "SESSION | --ticket TICKET",
	.brief = "until a restore ends",
	.summary = "Wait until a restore has ended, and print its verdict.",
	.options = own,
	.words = COMPLETE_SESSION,
	.exits_with_phase = true,
	.examples = {{"idevicetriage wait 5c0ffee1", "exits like diagnose when it has ended"},
		{"idevicetriage wait --ticket 4711 --next --timeout 7200",
			"the next restore of a ticket, for two hours at most"}},
	.run = run_wait,
};
