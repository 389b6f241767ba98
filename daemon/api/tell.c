/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/tell.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/triage/case.h"
#include "daemon/api/collect.h"

#define NOTE_BYTES_MAX 1000

/* Where places are collected. */
struct place_list {
	struct json_builder *builder;
	struct json_object *array;
};

static void add_place(void *context, const struct api_place *place)
{
	struct place_list *list = context;

	json_add(list->builder, list->array,
		place_to_json(list->builder, place->port, place->identity, place->conditions,
			place->count));
}

static int answer_places(struct request *request, const char *name)
{
	const struct api_backend *backend = &request->api->backend;
	struct place_list list = {&request->builder, json_new_array(&request->builder)};
	int r = backend->conditions(backend->user, name, add_place, &list);

	json_put(&request->builder, request->answer, "places", list.array);
	return r;
}

/* No device is known by a name that is neither port, ECID nor UDID. */
static int refuse_place(struct request *request, int result)
{
	return result == -ENODEV ? request_bad(request, "place") : result;
}

int tell_get_conditions(struct request *request)
{
	return refuse_place(request, answer_places(request, request_text(request, "place")));
}

/* A key is a word of case files: letters and digits. */
static bool is_key(const char *key)
{
	if (!islower((unsigned char)*key))
		return false;
	while (isalnum((unsigned char)*key))
		key++;
	return !*key;
}

int tell_set_conditions(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	const char *place = request_text(request, "place");
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	size_t count = 0;
	int r = request_conditions(request, conditions, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (!is_key(conditions[i].key) || !conditions[i].value[0])
			r = request_bad(request, "conditions");
	if (r == 0)
		r = backend->set_conditions(backend->user, place, conditions, count);
	if (r < 0)
		return r == -E2BIG ? request_bad(request, "conditions") : refuse_place(request, r);
	return answer_places(request, place);
}

/* A word of history is of small letters, digits and dashes. */
static bool is_word(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text) &&
	       strlen(text) < HISTORY_WORD_SIZE;
}

int tell_add_note(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	const char *kind = request_text(request, "kind"), *text = request_text(request, "text");
	bool is_history = kind && strcmp(kind, "history") == 0;
	int r;

	if (kind && !is_history && strcmp(kind, "note") != 0)
		return request_bad(request, "kind");
	if (!text[0] || strlen(text) > NOTE_BYTES_MAX || (is_history && !is_word(text)))
		return request_bad(request, "text");
	r = backend->add_note(backend->user, request_text(request, "device"),
		is_history ? "history" : "note", text);
	return r == -E2BIG ? request_bad(request, "text") : r;
}

/* Where groups are collected. */
struct group_list {
	struct json_builder *builder;
	struct json_object *array;
	uint64_t attempts;
};

static bool add_group(void *context, const struct group_record *group)
{
	struct group_list *list = context;

	list->attempts += group->attempts;
	json_add(list->builder, list->array, group_to_json(list->builder, group));
	return true;
}

int tell_get_statistics(struct request *request)
{
	const struct api_backend *backend = &request->api->backend;
	struct json_builder *builder = &request->builder;
	struct group_list list = {builder, json_new_array(builder), 0};
	const char *by = request_text(request, "by");
	int64_t since = 0;
	uint64_t most = 0;
	int r;

	request_number(request, "sinceUSec", &since);
	r = backend->statistics(
		backend->user, by ? by : "port", (uint64_t)since, add_group, &list, &most);
	json_put(builder, request->answer, "groups", list.array);
	if (r < 0)
		return r == -EDOM ? request_bad(request, "by") : r;
	json_put_text(builder, request->answer, "by", by ? by : "port");
	json_put_number(builder, request->answer, "attempts", (int64_t)list.attempts);
	json_put_bool(builder, request->answer, "cut", list.attempts >= most);
	return 0;
}
