/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a text that a person typed may name. */
#include "common/query/private.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/usb_identity.h"

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
	bool full = json_count(lookup->sessions) >= QUERY_FOUND_MAX;

	lookup->cut = lookup->cut || full;
	if (full)
		return false;
	json_add(&lookup->call->builder, lookup->sessions,
		query_session_json(lookup->query, &lookup->call->builder, found));
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

int query_find_name(const struct query *query, struct call *call)
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
