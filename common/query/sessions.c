/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of sessions: what fits a filter. */
#include "common/query/private.h"

#include "common/base/text.h"
#include "common/wire/records.h"

struct json_object *query_session_json(
	const struct query *query, struct json_builder *builder, const struct found_attempt *found)
{
	const struct session *session = found->session;
	struct session_record record = {
		.attempt = found->attempt,
		.identity = found->identity,
		.running = session && session->running,
	};

	if (query->live && session &&
		bench_waiting(query->store->bench, session, clock_now(), &record.silent_us,
			&record.budget_us))
		record.budget = session->budget->name;
	return session_to_json(builder, &record);
}

bool query_add_session(void *context, const struct found_attempt *found)
{
	struct answer *answer = context;

	if (answer->room-- == 0)
		return false;
	json_add(answer->builder, answer->list,
		query_session_json(answer->query, answer->builder, found));
	return true;
}

bool query_add_to_page(void *context, const struct found_attempt *found)
{
	struct page *page = context;

	page->more = page->answer.room == 0;
	if (page->more)
		return false;
	page->last = found->attempt->id;
	return query_add_session(&page->answer, found);
}

void query_put_page(struct call *call, struct page *page)
{
	char last[UUID_TEXT_SIZE];

	answer_put(&page->answer, "sessions");
	if (!page->more)
		return;
	uuid_format(&page->last, last);
	json_put_text(&call->builder, call->answer, "cursor", last);
}

int query_put_sessions(const struct query *query, struct call *call, const struct filter *filter,
	const struct uuid *after, size_t limit)
{
	struct page page = {.answer = answer_new(query, call, limit)};
	int r = 0;

	if (after)
		r = store_select_after(query->store, filter, after, query_add_to_page, &page);
	else
		store_select(query->store, filter, NULL, query_add_to_page, &page);
	query_put_page(call, &page);
	return r == STORE_NO_SESSION ? call_bad(call, "cursor") : API_OK;
}

/* A text of the call that selects sessions; an empty one selects nothing. */
static bool take_text(const struct call *call, const char *key, const char **ret)
{
	*ret = call_text(call, key);
	return !*ret || **ret;
}

static void take_time(const struct call *call, const char *key, uint64_t *ret)
{
	int64_t at_us;

	if (call_number(call, key, &at_us))
		*ret = (uint64_t)at_us;
}

/* Everything but the phone. */
static int read_filter(struct call *call, struct filter *filter, struct typed_name *name)
{
	const char *model = call_text(call, "model"), *text;

	if (!take_text(call, "ticket", &filter->ticket))
		return call_bad(call, "ticket");
	if (!take_text(call, "port", &filter->port))
		return call_bad(call, "port");
	if (model && !filter_set_model(filter, model))
		return call_bad(call, "model");
	filter->outcome = call_text(call, "outcome");
	if (filter->outcome && !filter_outcome_ok(filter->outcome))
		return call_bad(call, "outcome");
	if (!take_text(call, "name", &text))
		return call_bad(call, "name");
	if (text) {
		*name = typed_name(text);
		filter->name = name;
		filter->names = NAMES_PHONE | NAMES_TICKET | NAMES_SESSION;
	}
	take_time(call, "sinceUSec", &filter->since_us);
	take_time(call, "untilUSec", &filter->until_us);
	return API_OK;
}

int query_list_sessions(const struct query *query, struct call *call)
{
	const char *device = call_text(call, "device"), *cursor = call_text(call, "cursor");
	struct filter filter = {0};
	struct typed_name name;
	struct identity identity;
	struct uuid after;
	size_t limit;
	int r = call_limit(call, QUERY_SESSIONS_MAX, &limit);

	if (r == API_OK)
		r = read_filter(call, &filter, &name);
	if (r != API_OK)
		return r;
	if (cursor && uuid_parse(cursor, &after) < 0)
		return call_bad(call, "cursor");
	if (device && !store_find_identity(query->store, device, &identity))
		return API_NO_SUCH_DEVICE;
	filter.identity = device ? &identity : NULL;
	return query_put_sessions(query, call, &filter, cursor ? &after : NULL, limit);
}

struct json_object *query_running(const struct query *query, struct json_builder *builder)
{
	const struct bench *bench = query->store->bench;
	struct json_object *array = json_new_array(builder);

	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);
		const struct found_attempt found = {
			&session->attempt, &session->identity, session, 0};

		if (session->running)
			json_add(builder, array, query_session_json(query, builder, &found));
	}
	return array;
}

/* A single session. */
struct one_session {
	const struct query *query;
	struct json_builder *builder;
	struct json_object *json;
};

static bool show_session(void *context, const struct found_attempt *found)
{
	struct one_session *one = context;

	one->json = query_session_json(one->query, one->builder, found);
	return false;
}

int query_put_session(
	const struct query *query, struct call *call, const struct uuid *session, const char *key)
{
	struct one_session one = {.query = query, .builder = &call->builder};

	if (!store_attempt(query->store, session, show_session, &one))
		return API_NO_SUCH_SESSION;
	json_put(&call->builder, call->answer, key, one.json);
	return API_OK;
}
