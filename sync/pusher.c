/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/pusher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"

#define BATCH 100
#define COUNT_PAGE 200 /* the daemon lists no more at once */
#define COUNT_MAX 100000
#define NUMBER_SIZE 24

static const char insert_attempt[] =
	"INSERT INTO idevicetriage.attempt AS a"
	" (id, revision, device, started, outcome, port, cable, product, tool, content)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (bench, id) DO UPDATE SET revision = excluded.revision,"
	" device = excluded.device, started = excluded.started, received = now(),"
	" outcome = excluded.outcome, port = excluded.port, cable = excluded.cable,"
	" product = excluded.product, tool = excluded.tool, content = excluded.content"
	" WHERE excluded.revision > a.revision";
static const char insert_note[] =
	"INSERT INTO idevicetriage.note AS n (id, device, at, content) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (id) DO UPDATE SET device = excluded.device, at = excluded.at,"
	" received = now(), content = excluded.content"
	" WHERE excluded.at > n.at";
static const char purge[] = "SELECT idevicetriage.purge(ARRAY(SELECT"
			    " jsonb_array_elements_text($1::jsonb)::uuid), $2::boolean,"
			    " to_timestamp($3::float8 / 1000000))";

static const char *format(char text[static NUMBER_SIZE], int64_t number)
{
	snprintf(text, NUMBER_SIZE, "%" PRId64, number);
	return text;
}

static const char *get_text(struct json_object *object, const char *key)
{
	const char *text = NULL;

	json_get_text(object, key, &text);
	return text;
}

static int64_t get_number(struct json_object *object, const char *key)
{
	int64_t number = 0;

	json_get_number(object, key, &number);
	return number;
}

static const char *write_json(struct json_object *value)
{
	size_t length;

	return json_write(value, &length);
}

static int send_attempt(struct pusher *pusher, struct json_object *change, const char *key)
{
	char revision[NUMBER_SIZE];
	struct share_columns columns;

	share_read_columns(change, &columns);
	return server_query(pusher->context->server, insert_attempt, 10,
		(const char *const[]){get_text(change, "id"),
			format(revision, get_number(change, "revision")), key, columns.started,
			columns.outcome, columns.port, columns.cable, columns.product, columns.tool,
			write_json(change)},
		NULL, NULL);
}

static int send_note(struct pusher *pusher, struct json_object *change, const char *key)
{
	char at[NUMBER_SIZE];

	return server_query(pusher->context->server, insert_note, 4,
		(const char *const[]){get_text(change, "id"), key,
			format(at, get_number(change, "timeUSec")), write_json(change)},
		NULL, NULL);
}

static int send_purge(struct pusher *pusher, struct json_object *change)
{
	struct json_object *items = NULL;
	int64_t before_us = get_number(change, "beforeUSec");
	char before[NUMBER_SIZE];

	json_get_array(change, "items", &items);
	if (!items)
		return 0;
	return server_query(pusher->context->server, purge, 3,
		(const char *const[]){write_json(items),
			before_us == get_number(change, "timeUSec") ? "true" : "false",
			before_us ? format(before, before_us) : NULL},
		NULL, NULL);
}

/* Asks the daemon. Returns 0, 1 if it answers with the error `absent`, or a negative errno: then
 * the change is asked for again, for the cursor stays before it. */
static int ask(struct pusher *pusher, const char *method, struct json_builder *builder,
	struct json_object *parameters, const char *absent, struct json_object **ret)
{
	char error[64];
	int r = context_call(pusher->context, method, builder, parameters, ret, error);

	return r > 0 && !text_equal(error, absent) ? -EPROTO : r;
}

/* The phone of an attempt; 0 = unknown here. */
static int ask_ecid(struct pusher *pusher, const char *session, uint64_t *ret)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *c = NULL, *device = NULL;
	int r;

	json_put_text(&builder, parameters, "session", session);
	r = ask(pusher, "ExportAttempt", &builder, parameters, INTERFACE "NoSuchSession", &reply);
	json_get_object(reply, "case", &c);
	json_get_object(c, "device", &device);
	*ret = 0;
	ecid_parse(get_text(device, "ecid") ? get_text(device, "ecid") : "", ret);
	return r < 0 ? r : 0;
}

static int send_change(struct pusher *pusher, struct json_object *change)
{
	struct context *context = pusher->context;
	char key[DEVICE_KEY_SIZE];
	const char *session;
	uint64_t ecid;
	enum share_kind kind = share_kind_of(&context->rules, change, &ecid, &session);
	int r = session ? ask_ecid(pusher, session, &ecid) : 0;

	if (r < 0 || kind == SHARE_NOTHING || (kind != SHARE_PURGE && !ecid))
		return r;
	pusher->count++;
	if (kind == SHARE_PURGE)
		return send_purge(pusher, change);
	phones_see(&context->phones, ecid);
	device_key_make(context->phones.shop_key, ecid, key);
	share_strip(&context->rules, change);
	return kind == SHARE_ATTEMPT ? send_attempt(pusher, change, key)
				     : send_note(pusher, change, key);
}

/* A change that went meanwhile is none. */
static int export_change(struct pusher *pusher, struct json_object *listed)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *change = NULL;
	const char *kind = get_text(listed, "kind"), *id = get_text(listed, "id");
	int r;

	json_put_text(&builder, parameters, "kind", kind ? kind : "");
	json_put_text(&builder, parameters, "id", id ? id : "");
	r = ask(pusher, "ExportChange", &builder, parameters, INTERFACE "NoSuchChange", &reply);
	if (r != 0)
		return r < 0 ? r : 0;
	json_get_object(reply, "change", &change);
	return send_change(pusher, change);
}

/* Returns the number of changes, with the cursor after them, or a negative errno. */
static int list_changes(struct pusher *pusher, const char *cursor, size_t limit,
	struct json_object **ret, char next[static PUSHER_CURSOR_SIZE])
{
	static const char *const kinds[] = {"attempt", "note", "correction", "condition", "purge"};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder),
			   *list = json_new_array(&builder);
	struct json_object *changes = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		json_add_text(&builder, list, kinds[i]);
	json_put_known_text(&builder, parameters, "cursor", cursor);
	json_put_number(&builder, parameters, "limit", (int64_t)limit);
	json_put(&builder, parameters, "kinds", list);
	r = ask(pusher, "ListChanges", &builder, parameters, "", ret);
	if (r < 0)
		return r;
	json_get_array(*ret, "changes", &changes);
	if (!changes || !get_text(*ret, "cursor") ||
		!text_copy(next, PUSHER_CURSOR_SIZE, get_text(*ret, "cursor")))
		return -EPROTO;
	return (int)json_object_array_length(changes);
}

/* One change that the server does not accept must not hold back all others: the batch is repeated
 * change by change, and that one is left out. */
static bool leave_out(struct pusher *pusher, const char *state, const char *reason)
{
	/* Data exceptions and constraints. */
	if (!text_starts_with(state, "22") && !text_starts_with(state, "23"))
		return false;
	if (pusher->limit > 1) {
		pusher->limit = 1;
		return true;
	}
	log_warning("The server does not accept a change: %s. It is left out.", reason);
	pusher->context->report.left_out++;
	text_copy(pusher->pushed, sizeof(pusher->pushed), pusher->next);
	return true;
}

/* Of the connection, a conflict with another transaction, a full disk, a shutdown. */
static bool is_passing(const char *state)
{
	static const char *const classes[] = {"08", "40", "53", "57"};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (text_starts_with(state, classes[i]))
			return true;
	return false;
}

static void on_batch(void *user, const char *state, const char *reason)
{
	struct pusher *pusher = user;
	struct context *context = pusher->context;

	pusher->running = false;
	if (context_committed(context, state, reason)) {
		text_copy(pusher->pushed, sizeof(pusher->pushed), pusher->next);
		context->report.sent += pusher->count;
		pusher->limit = pusher->limit < BATCH / 2 ? pusher->limit * 2 : BATCH;
	} else if (is_passing(state)) {
		server_drop(context->server, reason);
		return;
	} else if (!leave_out(pusher, state, reason)) {
		server_refuse(context->server, reason);
		return;
	}
	pusher_work(pusher);
}

static int send_batch(struct pusher *pusher, struct json_object *reply)
{
	struct json_object *changes = NULL;
	int r = 0;

	pusher->count = 0;
	json_get_array(reply, "changes", &changes);
	for (size_t i = 0; r == 0 && changes && i < json_object_array_length(changes); i++)
		r = export_change(pusher, json_object_array_get_idx(changes, i));
	if (r == 0)
		r = server_query(pusher->context->server, "SELECT idevicetriage.advance($1)", 1,
			(const char *const[]){pusher->next}, NULL, NULL);
	return r == 0 ? server_commit(pusher->context->server, on_batch, pusher) : r;
}

void pusher_work(struct pusher *pusher)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct report *report = &pusher->context->report;
	int r;

	if (!pusher->context->ready || pusher->running)
		return;
	r = list_changes(pusher, pusher->pushed, pusher->limit, &reply, pusher->next);
	if (r == 0) {
		report->backlog = 0;
		report->behind_us = 0;
	}
	if (r <= 0)
		return;
	if (!report->behind_us)
		report->behind_us = clock_now().wall_us;
	if (report->backlog < r)
		report->backlog = r;
	pusher->running = true;
	r = send_batch(pusher, reply);
	/* What was queued must not become part of another batch. */
	if (r < 0)
		server_drop(pusher->context->server, "the daemon did not answer");
}

void pusher_begin(struct pusher *pusher, const char *pushed)
{
	text_copy(pusher->pushed, sizeof(pusher->pushed), pushed ? pushed : "");
	pusher->known = true;
	pusher->limit = BATCH;
}

void pusher_stop(struct pusher *pusher)
{
	pusher->running = false;
}

void pusher_count(struct pusher *pusher)
{
	struct report *report = &pusher->context->report;
	char cursor[PUSHER_CURSOR_SIZE];
	int64_t count = 0;
	int r = 1;

	if (!pusher->known)
		return;
	text_copy(cursor, sizeof(cursor), pusher->pushed);
	while (r > 0 && count < COUNT_MAX) {
		CLEANUP(json_object_putp) struct json_object *reply = NULL;

		r = list_changes(pusher, cursor, COUNT_PAGE, &reply, cursor);
		if (r < 0)
			return;
		count += r;
	}
	report->backlog = count;
	if (count && !report->behind_us)
		report->behind_us = clock_now().wall_us;
}
