/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/puller.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fingerprint.h"
#include "common/base/log.h"
#include "common/base/text.h"

#define KEYS_AT_ONCE 50
#define QUERIES_AT_ONCE 100
#define FAILURES_MAX 200
#define WORD_SIZE 192 /* of a cable's label with its site, or of a tool */

/* Only their users can delete the logs of purged restores. */
static void name_logs(struct json_object *reply)
{
	struct json_object *logs = NULL;

	json_get_array(reply, "toolLogs", &logs);
	for (size_t i = 0; i < json_count(logs); i++) {
		const char *path = "?";

		json_get_text(json_object_array_get_idx(logs, i), "path", &path);
		log_warning(
			"Another bench purged a restore of this one. Its log is left: remove %s.",
			path);
	}
}

/* Gives a change to the daemon, which owns it from then on. Returns 0, 1 if the daemon refused it,
 * or a negative errno. */
static int add_change(struct puller *puller, struct json_object *change)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	const char *result = "";
	char error[64];
	int r;

	json_put(&builder, parameters, "change", change);
	r = context_call(puller->context, "AddChange", &builder, parameters, &reply, error);
	/* A full casebook refuses all that follows as well. */
	if (r > 0 && !puller->put_off) {
		log_warning("The daemon does not accept a change of another bench: %s.", error);
		report_error_text(&puller->context->report,
			"The daemon does not accept a change of another bench");
	}
	/* Unless the change is wrong, it may be accepted later. */
	if (r > 0 && text_equal(error, VARLINK_SERVICE ".InvalidParameter"))
		puller->context->report.left_out++;
	else if (r != 0)
		puller->put_off = true;
	json_get_text(reply, "result", &result);
	name_logs(reply);
	if (text_equal(result, "added") || text_equal(result, "replaced"))
		puller->context->report.received++;
	return r;
}

static void on_memory(void *user, const PGresult *row)
{
	struct puller *puller = user;
	const char *key = server_text(row, 0), *id = server_text(row, 1);
	const char *content = server_text(row, 2);
	struct phone *phone = key ? phones_find_key(&puller->context->phones, key) : NULL;
	struct json_object *change = NULL;
	int r;

	/* The server decides nothing but the content: the phone is one that was asked for. */
	if (!phone || !id || !content || puller->failed)
		return;
	r = share_accept(&puller->context->rules, id, phone->ecid, content, &change);
	if (r == -EBADMSG) {
		log_warning("The server sent something that is no change; it is left out.");
		puller->context->report.left_out++;
	}
	if (r == 0)
		puller->failed = add_change(puller, change) < 0;
}

static void on_purge(void *user, const PGresult *row)
{
	struct puller *puller = user;
	const char *number = server_text(row, 0), *id = server_text(row, 1);
	struct json_builder builder = {0};
	struct uuid uuid;

	if (!number || !id || uuid_parse(id, &uuid) < 0 ||
		json_count(puller->items) >= PULLER_PURGES_MAX)
		return;
	puller->purged_next = strtoll(number, NULL, 10);
	json_add_text(&builder, puller->items, id);
}

/* A word of another bench, which people see. False = null, or longer than any label. */
static bool put_word(
	struct json_builder *builder, struct json_object *object, const char *key, const char *text)
{
	char clean[WORD_SIZE];

	if (!text || strlen(text) >= sizeof(clean))
		return false;
	text_clean(text, strlen(text), clean, sizeof(clean));
	json_put_text(builder, object, key, clean);
	return true;
}

static void on_failure(void *user, const PGresult *row)
{
	static const char *const names[] = {"attempts", "failed", "phones", "benches"};
	struct puller *puller = user;
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);

	if (json_count(puller->failures) >= FAILURES_MAX ||
		!put_word(&builder, object, "kind", server_text(row, 0)) ||
		!put_word(&builder, object, "key", server_text(row, 1)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *number = server_text(row, (int)i + 2);

		json_put_number(&builder, object, names[i], number ? strtoll(number, NULL, 10) : 0);
	}
	json_add(&builder, puller->failures, TAKE_PTR(object));
}

static void on_time(void *user, const PGresult *row)
{
	struct puller *puller = user;
	const char *text = server_text(row, 0);

	if (text)
		text_copy(puller->next_since, sizeof(puller->next_since), text);
}

/* The purges are one change with an id of its own content. */
static bool carry_out_purges(struct puller *puller)
{
	struct fingerprint print = {0};
	struct json_builder builder = {0};
	struct json_object *change;
	char id[UUID_TEXT_SIZE];
	struct uuid uuid;

	if (json_count(puller->items) == 0)
		return true;
	for (size_t i = 0; i < json_count(puller->items); i++) {
		const char *item = json_item_text(puller->items, i);

		fingerprint_add(&print, item, strlen(item));
	}
	uuid = fingerprint_uuid(&print);
	uuid_format(&uuid, id);
	change = json_new_object(&builder);
	json_put_number(&builder, change, "formatVersion", 1);
	json_put_text(&builder, change, "kind", "purge");
	json_put_text(&builder, change, "id", id);
	json_put_number(&builder, change, "timeUSec", (int64_t)clock_now().wall_us);
	json_put(&builder, change, "items", json_object_get(puller->items));
	return add_change(puller, json_finish(&builder, change)) == 0;
}

static void on_purges_stored(void *user, const char *state, const char *reason)
{
	struct puller *puller = user;

	puller->running = false;
	if (context_committed(puller->context, state, reason)) {
		puller->purged = puller->purged_next;
		puller_work(puller);
	}
}

/* Full answers may have a rest. */
static bool store_purges(struct puller *puller)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, puller->purged_next);
	puller->purges_wanted = json_count(puller->items) == PULLER_PURGES_MAX;
	return server_query(puller->context->server, "SELECT idevicetriage.purged($1)", 1,
		       (const char *const[]){number}, NULL, NULL) == 0 &&
	       server_commit(puller->context->server, on_purges_stored, puller) == 0;
}

static void on_read(void *user, const char *state, const char *reason)
{
	struct puller *puller = user;
	bool done = context_committed(puller->context, state, reason) && !puller->failed;

	puller->running = false;
	if (!done) {
		server_drop(puller->context->server, state ? reason : "the daemon did not answer");
		return;
	}
	if (puller->put_off)
		puller->since[0] = '\0';
	else if (puller->all && puller->next_since[0])
		text_copy(puller->since, sizeof(puller->since), puller->next_since);
	if (json_count(puller->failures) > 0) {
		json_object_put(puller->context->report.shop);
		puller->context->report.shop = json_object_get(puller->failures);
	}
	if (puller->purged_next != puller->purged && carry_out_purges(puller)) {
		puller->running = store_purges(puller);
		return;
	}
	puller_work(puller);
}

static int ask_memory(struct puller *puller, const char *keys, bool whole)
{
	return server_query(puller->context->server,
		"SELECT device, id, content FROM idevicetriage.memory($1::text[], $2)", 2,
		(const char *const[]){
			keys, whole || !puller->since[0] ? "-infinity" : puller->since},
		on_memory, puller);
}

/* Asks for the wanted phones of one sort. *ret is true if there were some. */
static int ask_phones(struct puller *puller, bool whole, bool *ret)
{
	struct phones *phones = &puller->context->phones;
	char keys[KEYS_AT_ONCE * DEVICE_KEY_SIZE + 3];
	size_t next = 0;
	int r = 0;

	for (size_t queries = 0; r == 0 && next < phones->count && queries < QUERIES_AT_ONCE;
		queries++) {
		size_t count = 0, length = 1;

		keys[0] = '{';
		for (; next < phones->count && count < KEYS_AT_ONCE; next++) {
			struct phone *phone = &phones->list[next];

			if (!phone->wanted || phone->whole != whole)
				continue;
			length += (size_t)snprintf(keys + length, sizeof(keys) - length, "%s%s",
				count++ ? "," : "", phone->key);
			phone->wanted = phone->whole = false;
		}
		keys[length] = '}';
		keys[length + 1] = '\0';
		if (count)
			r = ask_memory(puller, keys, whole);
		*ret |= count > 0;
	}
	return r;
}

static int ask_rest(struct puller *puller, bool *ret)
{
	struct server *server = puller->context->server;
	char number[24];
	int r = 0;

	if (puller->purges_wanted) {
		snprintf(number, sizeof(number), "%" PRId64, puller->purged);
		r = server_query(server, "SELECT number, id FROM idevicetriage.purges($1)", 1,
			(const char *const[]){number}, on_purge, puller);
	}
	if (r == 0 && puller->failures_wanted)
		r = server_query(server, "SELECT * FROM idevicetriage.failures()", 0, NULL,
			on_failure, puller);
	*ret |= puller->purges_wanted || puller->failures_wanted;
	puller->purges_wanted = puller->failures_wanted = false;
	return r;
}

static void restart_lists(struct puller *puller)
{
	struct json_builder builder = {0};

	json_object_put(puller->items);
	json_object_put(puller->failures);
	puller->items = json_new_array(&builder);
	puller->failures = json_new_array(&builder);
	puller->purged_next = puller->purged;
	puller->next_since[0] = '\0';
	puller->failed = builder.failed;
	puller->all = puller->all_wanted;
	puller->all_wanted = false;
}

void puller_work(struct puller *puller)
{
	bool some = false;
	int r;

	if (!puller->context->ready || puller->running)
		return;
	restart_lists(puller);
	r = ask_phones(puller, true, &some);
	if (r == 0)
		r = ask_phones(puller, false, &some);
	if (r == 0)
		r = ask_rest(puller, &some);
	if (!some)
		return;
	/* A transaction of another bench may have begun before this one and end after it. */
	if (r == 0)
		r = server_query(puller->context->server,
			"SELECT (now() - interval '1 hour')::text", 0, NULL, on_time, puller);
	if (r == 0)
		r = server_commit(puller->context->server, on_read, puller);
	puller->running = r == 0;
	if (r < 0)
		server_drop(puller->context->server, "the connection is busy");
}

void puller_want_all(struct puller *puller)
{
	for (size_t i = 0; i < puller->context->phones.count; i++)
		puller->context->phones.list[i].wanted = true;
	puller->purges_wanted = puller->all_wanted = true;
}

void puller_begin(struct puller *puller, int64_t purged)
{
	puller->purged = purged;
	puller->failures_wanted = true;
	puller_want_all(puller);
}

void puller_stop(struct puller *puller)
{
	puller->running = false;
	/* What was wanted as a whole may not have come. */
	puller->since[0] = '\0';
}

void puller_done(struct puller *puller)
{
	json_object_put(puller->items);
	json_object_put(puller->failures);
}
