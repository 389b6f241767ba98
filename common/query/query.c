/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/query/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/query/collect.h"
#include "common/model/phone_model.h"
#include "common/wire/records.h"
#include "common/wire/varlink.h"

/* The state of an answer, for visits of the store. */
struct answer {
	const struct query *query;
	struct call *call;
	struct json_builder *builder;
	struct json_object *list;
	size_t room; /* items that the list can still hold */
};

static struct answer answer_new(const struct query *query, struct call *call, size_t room)
{
	return (struct answer){query, call, &call->builder, json_new_array(&call->builder), room};
}

static void answer_put(struct answer *answer, const char *key)
{
	json_put(answer->builder, answer->call->answer, key, answer->list);
}

/* Sessions */

static struct json_object *session_json(
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

static bool add_session(void *context, const struct found_attempt *found)
{
	struct answer *answer = context;

	if (answer->room-- == 0)
		return false;
	json_add(
		answer->builder, answer->list, session_json(answer->query, answer->builder, found));
	return true;
}

/* A page of sessions. */
struct page {
	struct answer answer;
	struct uuid last;
	bool more;
};

static bool add_to_page(void *context, const struct found_attempt *found)
{
	struct page *page = context;

	page->more = page->answer.room == 0;
	if (page->more)
		return false;
	page->last = found->attempt->id;
	return add_session(&page->answer, found);
}

/* The sessions that fit, newest first: the first ones, or those after a session. Returns API_OK, or
 * API_INVALID_PARAMETER if there is no such session. */
static int put_sessions(const struct query *query, struct call *call, const struct filter *filter,
	const struct uuid *after, size_t limit)
{
	struct page page = {.answer = answer_new(query, call, limit)};
	char last[UUID_TEXT_SIZE];
	int r = 0;

	if (after)
		r = store_select_after(query->store, filter, after, add_to_page, &page);
	else
		store_select(query->store, filter, NULL, add_to_page, &page);
	answer_put(&page.answer, "sessions");
	if (page.more) {
		uuid_format(&page.last, last);
		json_put_text(&call->builder, call->answer, "cursor", last);
	}
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

static int list_sessions(const struct query *query, struct call *call)
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
	return put_sessions(query, call, &filter, cursor ? &after : NULL, limit);
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
			json_add(builder, array, session_json(query, builder, &found));
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

	one->json = session_json(one->query, one->builder, found);
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

/* Phones */

static struct json_object *device_json(
	const struct query *query, struct json_builder *builder, const struct bench_device *device)
{
	const struct bench *bench = query->store->bench;
	const struct model *model = model_by_product(device->identity.product);
	struct device_record record = {
		.identity = &device->identity,
		.port = device->port,
		.port_name = conditions_at_port(query->store->conditions, device->port, "portName"),
		.name = model ? model->name : NULL,
		.mode = query->live ? device->mode : MODE_UNKNOWN,
		.fault = query->live ? bench_mux_fault(bench, device) : NULL,
		.listing = &device->listing,
	};

	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);

		if (session->running && identity_matches(&session->identity, &device->identity))
			record.session = session->attempt.id;
	}
	return device_to_json(builder, &record);
}

struct json_object *query_devices(const struct query *query, struct json_builder *builder)
{
	const struct bench *bench = query->store->bench;
	struct json_object *array = json_new_array(builder);

	for (size_t i = 0; query->live && i < bench_device_count(bench); i++)
		json_add(builder, array, device_json(query, builder, bench_device(bench, i)));
	return array;
}

struct json_object *query_device(
	const struct query *query, struct json_builder *builder, const struct identity *identity)
{
	const struct bench *bench = query->store->bench;
	const struct bench_device gone = {.identity = *identity, .mode = MODE_GONE};

	for (size_t i = 0; i < bench_device_count(bench); i++)
		if (identity_matches(&bench_device(bench, i)->identity, identity))
			return device_json(query, builder, bench_device(bench, i));
	return device_json(query, builder, &gone);
}

static void put_device(
	const struct query *query, struct call *call, const struct identity *identity)
{
	json_put(&call->builder, call->answer, "device",
		query_device(query, &call->builder, identity));
}

static int list_devices(const struct query *query, struct call *call)
{
	json_put(&call->builder, call->answer, "devices", query_devices(query, &call->builder));
	return API_OK;
}

/* Records */

static int read_log(const struct query *query, struct call *call)
{
	struct collection records = {.builder = &call->builder, .bytes_room = REPLY_BYTES};
	struct uuid session, *only = NULL;
	uint64_t lost = 0;
	int64_t after = 0;
	int r = call_session(call, &session);

	if (r == API_OK)
		r = call_limit(call, VARLINK_RECORDS_MAX, &records.room);
	if (r != API_OK)
		return r;
	if (!uuid_is_none(&session))
		only = &session;
	if (only && !store_has_session(query->store, only))
		return API_NO_SUCH_SESSION;
	call_number(call, "after", &after);
	records.array = json_new_array(&call->builder);
	r = store_records(query->store, only, (uint64_t)after, collect_record, &records, &lost);
	json_put(&call->builder, call->answer, "records", records.array);
	json_put_number(&call->builder, call->answer, "lost", (int64_t)lost);
	return r;
}

/* Diagnosis */

/* The subject of a question: a phone, or a session whose phone is unidentified. */
struct subject {
	struct identity identity;
	struct uuid session;
};

static bool take_subject(void *context, const struct found_attempt *found)
{
	struct subject *subject = context;

	subject->identity = *found->identity;
	subject->session = found->attempt->id;
	return false;
}

/* The newest session at a port whose phone is unidentified. */
static bool find_unnamed(const struct bench *bench, const char *port, struct subject *ret)
{
	for (size_t i = bench_session_count(bench); i > 0; i--) {
		const struct session *session = bench_session(bench, i - 1);

		if (identity_is_known(&session->identity) ||
			!text_equal(session->attempt.port, port))
			continue;
		ret->session = session->attempt.id;
		return true;
	}
	return false;
}

static int find_subject(const struct query *query, struct call *call, struct subject *ret)
{
	const char *device = call_text(call, "device");
	struct uuid session;
	int r = call_session(call, &session);

	if (r != API_OK)
		return r;
	if (device) {
		if (!store_find_identity(query->store, device, &ret->identity))
			return API_NO_SUCH_DEVICE;
		return identity_is_known(&ret->identity) ||
				       find_unnamed(query->store->bench, device, ret)
			       ? API_OK
			       : API_NO_SUCH_DEVICE;
	}
	if (!uuid_is_none(&session))
		store_attempt(query->store, &session, take_subject, ret);
	else
		store_attempts(query->store, NULL, 1, take_subject, ret);
	return uuid_is_none(&ret->session) ? API_NO_SUCH_SESSION : API_OK;
}

static int diagnose_subject(
	const struct query *query, const struct subject *subject, struct verdict *ret)
{
	return identity_is_known(&subject->identity)
		       ? store_diagnose(query->store, &subject->identity, ret)
		       : store_diagnose_session(query->store, &subject->session, ret);
}

static void put_subject_sessions(
	const struct query *query, struct call *call, const struct subject *subject)
{
	const struct filter filter = {.identity = &subject->identity};
	struct answer answer;

	if (identity_is_known(&subject->identity)) {
		put_sessions(query, call, &filter, NULL, QUERY_SESSIONS_MAX);
		return;
	}
	answer = answer_new(query, call, 1);
	store_attempt(query->store, &subject->session, add_session, &answer);
	answer_put(&answer, "sessions");
}

static int answer_diagnose(const struct query *query, struct call *call)
{
	CLEANUP(freep) struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct subject subject = {0};
	int r = verdict ? find_subject(query, call, &subject) : -ENOMEM;

	if (r != API_OK)
		return r;
	r = diagnose_subject(query, &subject, verdict);
	if (r != 0)
		return r == STORE_NO_SESSION ? API_NO_SUCH_SESSION : r;
	put_subject_sessions(query, call, &subject);
	put_device(query, call, &subject.identity);
	json_put(&call->builder, call->answer, "verdict", verdict_to_json(&call->builder, verdict));
	return API_OK;
}

/* Cases */

static bool add_note(void *context, const struct note *note)
{
	struct answer *answer = context;

	json_add(answer->builder, answer->list, note_to_json(answer->builder, note));
	return true;
}

static int get_case(const struct query *query, struct call *call)
{
	struct answer notes = answer_new(query, call, SIZE_MAX);
	struct store *store = query->store;
	struct identity identity;
	const struct filter filter = {.identity = &identity};
	size_t limit;
	int r = call_limit(call, QUERY_SESSIONS_MAX, &limit);

	if (r != API_OK) {
		json_object_put(notes.list);
		return r;
	}
	if (!store_find_identity(store, call_text(call, "device"), &identity)) {
		json_object_put(notes.list);
		return API_NO_SUCH_DEVICE;
	}
	if (store->book)
		store->error = casebook_notes(store->book, &identity, add_note, &notes);
	answer_put(&notes, "notes");
	put_sessions(query, call, &filter, NULL, limit);
	put_device(query, call, &identity);
	return API_OK;
}

/* Copies the single attempt. */
static bool copy_attempt(void *context, const struct found_attempt *found)
{
	struct triage_case *c = context;
	struct attempt *attempt = triage_case_add(c);

	if (!attempt)
		return false;
	*attempt = *found->attempt;
	c->identity = *found->identity;
	return false;
}

static int export_attempt(const struct query *query, struct call *call)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	CLEANUP(freep) char *text = NULL;
	struct json_object *object;
	struct uuid session;
	int r = c ? call_session(call, &session) : -ENOMEM;

	if (r != API_OK)
		return r;
	if (!store_attempt(query->store, &session, copy_attempt, c))
		return API_NO_SUCH_SESSION;
	r = c->attempt_count == 1 ? casefile_write(c, CASEFILE_REVEAL, &text) : -ENOMEM;
	if (r == 0)
		r = json_read(text, strlen(text), &object);
	if (r == 0)
		json_put(&call->builder, call->answer, "case", object);
	return r;
}

/* Names */

/* What a typed text names. A list that is full says so. */
struct lookup {
	const struct query *query;
	struct call *call;
	struct typed_name name;
	struct identity phones[QUERY_FOUND_MAX];
	size_t phone_count;
	struct json_object *sessions; /* the list that is being filled */
	bool cut;
};

static bool is_found(const struct lookup *lookup, const struct identity *identity)
{
	for (size_t i = 0; i < lookup->phone_count; i++)
		if (identity_matches(&lookup->phones[i], identity))
			return true;
	return false;
}

static void find_phone(struct lookup *lookup, const struct identity *identity)
{
	if (!identity_is_known(identity) || is_found(lookup, identity))
		return;
	if (lookup->phone_count == QUERY_FOUND_MAX)
		lookup->cut = true;
	else
		lookup->phones[lookup->phone_count++] = *identity;
}

static bool want_new_phone(
	void *context, const struct uuid *session, const struct identity *identity)
{
	return !is_found(context, identity);
}

static bool take_phone(void *context, const struct found_attempt *found)
{
	struct lookup *lookup = context;

	find_phone(lookup, found->identity);
	return !lookup->cut;
}

static bool take_session(void *context, const struct found_attempt *found)
{
	struct lookup *lookup = context;
	bool full = json_object_array_length(lookup->sessions) >= QUERY_FOUND_MAX;

	lookup->cut = lookup->cut || full;
	if (full)
		return false;
	json_add(&lookup->call->builder, lookup->sessions,
		session_json(lookup->query, &lookup->call->builder, found));
	return true;
}

/* Also phones that have a note only, or are only on the bench. */
static void find_phones(struct lookup *lookup)
{
	const struct query *query = lookup->query;
	const struct filter filter = {.name = &lookup->name, .names = NAMES_PHONE};
	const struct filter of_ticket = {.name = &lookup->name, .names = NAMES_TICKET};
	struct identity identity;

	for (size_t i = 0; i < bench_device_count(query->store->bench); i++) {
		const struct bench_device *device = bench_device(query->store->bench, i);

		if (filter_names_phone(&lookup->name, &device->identity))
			find_phone(lookup, &device->identity);
	}
	if ((lookup->name.ecid || lookup->name.udid[0]) &&
		store_find_identity(query->store, lookup->name.text, &identity))
		find_phone(lookup, &identity);
	store_select(query->store, &filter, want_new_phone, take_phone, lookup);
	store_select(query->store, &of_ticket, want_new_phone, take_phone, lookup);
}

static void find_sessions(struct lookup *lookup, enum names_what what, const char *key)
{
	const struct filter filter = {.name = &lookup->name, .names = what};

	lookup->sessions = json_new_array(&lookup->call->builder);
	store_select(lookup->query->store, &filter, NULL, take_session, lookup);
	json_put(&lookup->call->builder, lookup->call->answer, key, lookup->sessions);
}

static void add_port(
	void *context, const struct place *place, const struct condition *conditions, size_t count)
{
	struct lookup *lookup = context;

	for (size_t i = 0; place->port[0] && i < count; i++)
		if (text_equal(conditions[i].key, "portName") &&
			strcasecmp(conditions[i].value, lookup->name.text) == 0)
			json_add_text(&lookup->call->builder, lookup->sessions, place->port);
}

static int find_name(const struct query *query, struct call *call)
{
	CLEANUP(freep) struct lookup *lookup = calloc(1, sizeof(*lookup));
	struct json_builder *builder = &call->builder;
	struct json_object *devices;
	struct identity identity;

	if (!lookup)
		return -ENOMEM;
	lookup->query = query;
	lookup->call = call;
	lookup->name = typed_name(call_text(call, "name"));
	find_phones(lookup);
	devices = json_new_array(builder);
	for (size_t i = 0; i < lookup->phone_count; i++)
		json_add(builder, devices, query_device(query, builder, &lookup->phones[i]));
	json_put(builder, call->answer, "devices", devices);
	lookup->sessions = json_new_array(builder);
	if (usb_port_ok(lookup->name.text, strlen(lookup->name.text)) &&
		bench_find_identity(query->store->bench, lookup->name.text, &identity))
		json_add_text(builder, lookup->sessions, lookup->name.text);
	conditions_show(query->store->conditions, NULL, add_port, lookup);
	json_put(builder, call->answer, "ports", lookup->sessions);
	find_sessions(lookup, NAMES_SESSION, "sessions");
	find_sessions(lookup, NAMES_TICKET, "ticketSessions");
	json_put_bool(builder, call->answer, "cut", lookup->cut);
	return API_OK;
}

/* Statistics */

/* The groups of attempts in an answer. */
struct groups {
	struct answer answer;
	enum group_by by;
	uint64_t attempts;
};

static bool is_of_this_computer(const struct store *store, const struct group *group)
{
	if (group->host_id)
		return text_equal(group->host_id, store->host_id);
	return group->host && text_equal(group->host, store->bench_name);
}

/* The group's name for people. */
static const char *name_group(const struct groups *groups, const struct group *group)
{
	const struct store *store = groups->answer.query->store;
	const struct model *model;

	if (!group->key)
		return NULL;
	if (groups->by == GROUP_PORT && is_of_this_computer(store, group))
		return conditions_at_port(store->conditions, group->key, "portName");
	model = groups->by == GROUP_MODEL ? model_by_product(group->key) : NULL;
	return model ? model->name : NULL;
}

static bool add_group(void *context, const struct group *group)
{
	struct groups *groups = context;
	const struct group_record record = {
		.key = group->key,
		.name = name_group(groups, group),
		.host = group->host,
		.host_id = group->host_id,
		.attempts = group->attempts,
		.failed = group->failed,
		.succeeded = group->succeeded,
		.phones = group->phones,
		.link_errors = group->link_errors,
		.link_bytes = group->link_bytes,
		.link_ms = group->link_ms,
	};

	groups->attempts += group->attempts;
	json_add(groups->answer.builder, groups->answer.list,
		group_to_json(groups->answer.builder, &record));
	return true;
}

static int get_statistics(const struct query *query, struct call *call)
{
	const char *given = call_text(call, "by"), *by = given ? given : "port";
	struct casebook *book = query->store->book;
	struct json_builder *builder = &call->builder;
	struct groups groups = {.by = group_by_name(by)};
	int64_t since = 0;
	int r;

	if (groups.by == GROUP_COUNT)
		return call_bad(call, "by");
	if (!book)
		return API_CASEBOOK_UNAVAILABLE;
	call_number(call, "sinceUSec", &since);
	groups.answer = answer_new(query, call, SIZE_MAX);
	r = casebook_count(book, groups.by, (uint64_t)since, add_group, &groups);
	answer_put(&groups.answer, "groups");
	json_put_text(builder, call->answer, "by", by);
	json_put_number(builder, call->answer, "attempts", (int64_t)groups.attempts);
	json_put_bool(builder, call->answer, "cut", groups.attempts >= CASEBOOK_COUNTED_MAX);
	return r < 0 ? call_no_casebook(call, r) : API_OK;
}

/* Changes */

struct changes {
	struct answer answer;
	uint64_t last;
};

static bool add_change(void *context, uint64_t number, const struct uuid *session)
{
	struct changes *changes = context;
	char text[UUID_TEXT_SIZE];

	uuid_format(session, text);
	json_add_text(changes->answer.builder, changes->answer.list, text);
	changes->last = number;
	return true;
}

/* The number of a change as a cursor. */
static bool read_cursor(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *ret <= INT64_MAX;
}

static int list_changes(const struct query *query, struct call *call)
{
	const char *cursor = call_text(call, "cursor");
	struct changes changes = {0};
	char text[24];
	size_t limit;
	int r = call_limit(call, QUERY_SESSIONS_MAX, &limit);

	if (r != API_OK)
		return r;
	if (cursor && !read_cursor(cursor, &changes.last))
		return call_bad(call, "cursor");
	if (!query->store->book)
		return API_CASEBOOK_UNAVAILABLE;
	changes.answer = answer_new(query, call, SIZE_MAX);
	r = casebook_changes(query->store->book, changes.last, limit, add_change, &changes);
	answer_put(&changes.answer, "sessions");
	snprintf(text, sizeof(text), "%" PRIu64, changes.last);
	json_put_text(&call->builder, call->answer, "cursor", text);
	return r < 0 ? call_no_casebook(call, r) : API_OK;
}

/* Conditions */

static void add_place(
	void *context, const struct place *place, const struct condition *conditions, size_t count)
{
	struct answer *answer = context;

	json_add(answer->builder, answer->list,
		place_to_json(answer->builder, place->port[0] ? place->port : NULL,
			&place->identity, conditions, count));
}

int query_put_places(const struct query *query, struct call *call, const char *name)
{
	struct answer answer;
	struct place place;

	if (name && !place_parse(name, &place))
		return call_bad(call, "place");
	answer = answer_new(query, call, SIZE_MAX);
	conditions_show(query->store->conditions, name ? &place : NULL, add_place, &answer);
	answer_put(&answer, "places");
	return API_OK;
}

static int get_conditions(const struct query *query, struct call *call)
{
	return query_put_places(query, call, call_text(call, "place"));
}

static const struct parameter no_parameters[] = {PARAMETERS_END};
static const struct parameter sessions_parameters[] = {{"device", PARAMETER_TEXT, false},
	{"name", PARAMETER_TEXT, false}, {"ticket", PARAMETER_TEXT, false},
	{"port", PARAMETER_TEXT, false}, {"model", PARAMETER_TEXT, false},
	{"outcome", PARAMETER_TEXT, false}, {"sinceUSec", PARAMETER_COUNT, false},
	{"untilUSec", PARAMETER_COUNT, false}, {"limit", PARAMETER_COUNT, false},
	{"cursor", PARAMETER_TEXT, false}, PARAMETERS_END};
static const struct parameter name_parameters[] = {{"name", PARAMETER_TEXT, true}, PARAMETERS_END};
static const struct parameter log_parameters[] = {{"session", PARAMETER_TEXT, false},
	{"after", PARAMETER_COUNT, false}, {"limit", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter diagnose_parameters[] = {
	{"device", PARAMETER_TEXT, false}, {"session", PARAMETER_TEXT, false}, PARAMETERS_END};
static const struct parameter case_parameters[] = {
	{"device", PARAMETER_TEXT, true}, {"limit", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter session_parameters[] = {
	{"session", PARAMETER_TEXT, true}, PARAMETERS_END};
static const struct parameter changes_parameters[] = {
	{"cursor", PARAMETER_TEXT, false}, {"limit", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter statistics_parameters[] = {
	{"by", PARAMETER_TEXT, false}, {"sinceUSec", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter place_parameters[] = {
	{"place", PARAMETER_TEXT, false}, PARAMETERS_END};

static const struct query_method methods[] = {
	{"ListDevices", no_parameters, list_devices},
	{"ListSessions", sessions_parameters, list_sessions},
	{"Find", name_parameters, find_name},
	{"ReadLog", log_parameters, read_log},
	{"Diagnose", diagnose_parameters, answer_diagnose},
	{"GetCase", case_parameters, get_case},
	{"ExportAttempt", session_parameters, export_attempt},
	{"ListChanges", changes_parameters, list_changes},
	{"GetStatistics", statistics_parameters, get_statistics},
	{"GetConditions", place_parameters, get_conditions},
};

const struct query_method *query_find(const char *name)
{
	size_t length = strlen(VARLINK_INTERFACE ".");

	if (strncmp(name, VARLINK_INTERFACE ".", length) == 0)
		name += length;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (text_equal(methods[i].name, name))
			return &methods[i];
	return NULL;
}

struct json_object *query_call(const struct query *query, const char *method,
	struct json_object *parameters, const char **ret_error)
{
	const struct query_method *found = query_find(method);
	struct call call = {.method = method, .parameters = parameters};
	int r = found ? call_check(&call, found->parameters) : API_METHOD_NOT_IMPLEMENTED;

	*ret_error = NULL;
	call.answer = json_new_object(&call.builder);
	if (r == API_OK)
		r = found->handle(query, &call);
	if (r != API_OK) {
		if (!found)
			call.detail = method;
		json_object_put(call.answer);
		call.answer = call_refuse(&call, r, ret_error);
	}
	return json_finish(&call.builder, call.answer);
}
