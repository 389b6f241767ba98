/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was stored or changed, for other benches and for scripts. */
#include "common/query/private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/query/change_json.h"

struct changes {
	struct json_builder *builder;
	struct json_object *sessions; /* of the attempts */
	struct json_object *all;
	uint64_t last;
};

static bool add_change(void *context, uint64_t number, enum change_kind kind, const struct uuid *id)
{
	struct changes *changes = context;
	struct json_object *change = json_new_object(changes->builder);
	char text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	if (kind == CHANGE_ATTEMPT)
		json_add_text(changes->builder, changes->sessions, text);
	json_put_text(changes->builder, change, "kind", change_kind_name(kind));
	json_put_text(changes->builder, change, "id", text);
	json_add(changes->builder, changes->all, change);
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

/* The kinds to list, as bits. Returns false for an unknown word. */
static bool read_kinds(struct json_object *array, unsigned *ret)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < json_count(array); i++) {
		enum change_kind kind = change_kind_from_name(json_item_text(array, i));

		if (kind == CHANGE_KIND_COUNT)
			return false;
		kinds |= 1u << kind;
	}
	*ret = kinds;
	return true;
}

int query_list_changes(const struct query *query, struct call *call)
{
	struct json_builder *builder = &call->builder;
	const char *cursor = call_text(call, "cursor");
	struct changes changes = {.builder = builder};
	struct json_object *array = NULL;
	unsigned kinds = 1u << CHANGE_ATTEMPT;
	char text[24];
	size_t limit;
	int r = call_limit(call, QUERY_SESSIONS_MAX, &limit);

	if (r != API_OK)
		return r;
	if (cursor && !read_cursor(cursor, &changes.last))
		return call_bad(call, "cursor");
	if (json_get_array(call->parameters, "kinds", &array) > 0 && !read_kinds(array, &kinds))
		return call_bad(call, "kinds");
	if (!query->store->book)
		return API_CASEBOOK_UNAVAILABLE;
	changes.sessions = json_new_array(builder);
	changes.all = json_new_array(builder);
	r = casebook_changes(query->store->book, kinds, changes.last, limit, add_change, &changes);
	json_put(builder, call->answer, "sessions", changes.sessions);
	json_put(builder, call->answer, "changes", changes.all);
	snprintf(text, sizeof(text), "%" PRIu64, changes.last);
	json_put_text(builder, call->answer, "cursor", text);
	return r < 0 ? call_no_casebook(call, r) : API_OK;
}

/* A change on its way into an answer. */
struct exporting {
	const struct store *store;
	struct json_builder *builder;
	struct json_object *change; /* NULL = there is none */
	int error;
};

static bool put_attempt(void *context, const struct kept_attempt *kept)
{
	struct exporting *exporting = context;
	struct attempt *attempt = (struct attempt *)kept->attempt;
	struct triage_case c = {
		.identity = *kept->identity, .attempts = &attempt, .attempt_count = 1};
	struct written written;

	exporting->error = casebook_written(exporting->store->book, &attempt->id, &written);
	if (exporting->error > 0)
		exporting->change = change_of_attempt(exporting->builder, &attempt->id, &written,
			casefile_to_json(&c, CASEFILE_REVEAL));
	return false;
}

static bool put_note(void *context, const struct identity *identity, const struct note *note)
{
	struct exporting *exporting = context;

	exporting->change = change_of_note(exporting->builder, identity, note);
	return false;
}

static bool put_purge(void *context, const struct purge *purge)
{
	struct exporting *exporting = context;

	exporting->change = change_of_purge(exporting->builder, purge);
	return false;
}

static int find_change(struct exporting *exporting, enum change_kind kind, const struct uuid *id)
{
	struct casebook *book = exporting->store->book;
	struct correction correction;
	struct set_condition condition;
	int r = 0;

	switch (kind) {
	case CHANGE_ATTEMPT:
		r = casebook_attempt(book, id, put_attempt, exporting);
		break;
	case CHANGE_NOTE:
		r = casebook_note(book, id, put_note, exporting);
		break;
	case CHANGE_CORRECTION:
		r = casebook_correction(book, id, &correction);
		if (r > 0)
			exporting->change = change_of_correction(exporting->builder, &correction);
		break;
	case CHANGE_CONDITION:
		r = casebook_condition(book, id, &condition);
		if (r > 0)
			exporting->change = change_of_condition(
				exporting->builder, &condition, exporting->store->host_id);
		break;
	default:
		r = casebook_purge(book, id, put_purge, exporting);
	}
	return r < 0 ? r : exporting->error < 0 ? exporting->error : 0;
}

int query_export_change(const struct query *query, struct call *call)
{
	struct exporting exporting = {.store = query->store, .builder = &call->builder};
	enum change_kind kind = change_kind_from_name(call_text(call, "kind"));
	struct uuid id;
	int r;

	if (kind == CHANGE_KIND_COUNT)
		return call_bad(call, "kind");
	if (uuid_parse(call_text(call, "id"), &id) < 0)
		return call_bad(call, "id");
	if (!query->store->book)
		return API_CASEBOOK_UNAVAILABLE;
	r = find_change(&exporting, kind, &id);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return call_no_casebook(call, r);
	if (!exporting.change)
		return API_NO_SUCH_CHANGE;
	json_put(&call->builder, call->answer, "change", exporting.change);
	return API_OK;
}
