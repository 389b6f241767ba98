/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/query/query.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/query/collect.h"
#include "common/query/private.h"
#include "common/model/phone_model.h"
#include "common/wire/records.h"
#include "common/wire/varlink.h"

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
	struct bench_device device = {.mode = MODE_GONE};
	struct identity of_bench;

	for (size_t i = 0; i < bench_device_count(bench); i++)
		if (identity_matches(&bench_device(bench, i)->identity, identity)) {
			device = *bench_device(bench, i);
			break;
		}
	of_bench = device.identity;
	/* Of a phone that is gone, its attempts say what it is. */
	if (!query->live || device.mode == MODE_GONE)
		device.identity = *identity;
	identity_merge(&device.identity, &of_bench);
	identity_merge(&device.identity, identity);
	return device_json(query, builder, &device);
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
	if (uuid_is_none(&ret->session))
		return API_NO_SUCH_SESSION;
	store_complete_identity(query->store, &ret->identity);
	return API_OK;
}

/* Adds the sessions of the subject, and gives the verdict on them. */
static int diagnose_subject(const struct query *query, struct call *call,
	const struct subject *subject, struct verdict *ret)
{
	struct page page = {.answer = answer_new(query, call, QUERY_SESSIONS_MAX)};
	int r;

	if (identity_is_known(&subject->identity)) {
		r = store_diagnose(query->store, &subject->identity, query_add_to_page, &page, ret);
	} else {
		r = store_diagnose_session(query->store, &subject->session, ret);
		store_attempt(query->store, &subject->session, query_add_to_page, &page);
	}
	query_put_page(call, &page);
	return r;
}

static int answer_diagnose(const struct query *query, struct call *call)
{
	CLEANUP(freep) struct verdict *verdict = calloc(1, sizeof(*verdict));
	struct subject subject = {0};
	int r = verdict ? find_subject(query, call, &subject) : -ENOMEM;

	if (r != API_OK)
		return r;
	r = diagnose_subject(query, call, &subject, verdict);
	if (r != 0)
		return r == STORE_NO_SESSION ? API_NO_SUCH_SESSION : r;
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
		r = casebook_notes(store->book, &identity, add_note, &notes);
	if (r < 0)
		store->error = r;
	answer_put(&notes, "notes");
	query_put_sessions(query, call, &filter, NULL, limit);
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
	struct uuid session;
	int r = c ? call_session(call, &session) : -ENOMEM;

	if (r != API_OK)
		return r;
	if (!store_attempt(query->store, &session, copy_attempt, c))
		return API_NO_SUCH_SESSION;
	if (c->attempt_count != 1)
		return -ENOMEM;
	json_put(&call->builder, call->answer, "case", casefile_to_json(c, CASEFILE_REVEAL));
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
static const struct parameter changes_parameters[] = {{"cursor", PARAMETER_TEXT, false},
	{"limit", PARAMETER_COUNT, false}, {"kinds", PARAMETER_TEXTS, false}, PARAMETERS_END};
static const struct parameter change_parameters[] = {
	{"kind", PARAMETER_TEXT, true}, {"id", PARAMETER_TEXT, true}, PARAMETERS_END};
static const struct parameter statistics_parameters[] = {
	{"by", PARAMETER_TEXT, false}, {"sinceUSec", PARAMETER_COUNT, false}, PARAMETERS_END};
static const struct parameter place_parameters[] = {
	{"place", PARAMETER_TEXT, false}, PARAMETERS_END};

static const struct query_method methods[] = {
	{"ListDevices", no_parameters, list_devices},
	{"ListSessions", sessions_parameters, query_list_sessions, true},
	{"Find", name_parameters, query_find_name, true},
	{"ReadLog", log_parameters, read_log, true},
	{"Diagnose", diagnose_parameters, answer_diagnose, true},
	{"GetCase", case_parameters, get_case, true},
	{"ExportAttempt", session_parameters, export_attempt},
	{"ListChanges", changes_parameters, query_list_changes},
	{"ExportChange", change_parameters, query_export_change},
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

int query_answer(const struct query *query, const struct query_method *method, struct call *call)
{
	int r, unavailable;

	query->store->error = 0;
	r = method->handle(query, call);
	if (r < 0 || query->store->error == 0)
		return r;
	unavailable = call_no_casebook(call, query->store->error);
	if (r != API_OK || !method->partial)
		return unavailable;
	json_put_text(&call->builder, call->answer, "incomplete", call->detail);
	return API_OK;
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
		r = query_answer(query, found, &call);
	if (r != API_OK) {
		if (!found)
			call.detail = method;
		json_object_put(call.answer);
		call.answer = call_refuse(&call, r, ret_error);
	}
	return json_finish(&call.builder, call.answer);
}
