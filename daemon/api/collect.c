/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api/collect.h"

/* A record's members beside its text, roughly. */
#define RECORD_BYTES 400

static bool collect_device(void *context, const struct device_record *device)
{
	struct collection *collection = context;

	json_add(collection->builder, collection->array,
		device_to_json(collection->builder, device));
	return true;
}

bool collect_session(void *context, const struct session_record *session)
{
	struct collection *collection = context;

	if (collection->room == 0) {
		collection->cut = true;
		return false;
	}
	collection->room--;
	json_add(collection->builder, collection->array,
		session_to_json(collection->builder, session));
	return true;
}

bool collect_record(void *context, const struct event *event)
{
	struct collection *collection = context;
	size_t bytes = RECORD_BYTES + event->text_length;

	if (collection->room == 0 || collection->bytes_room == 0) {
		collection->cut = true;
		return false;
	}
	collection->room--;
	collection->bytes_room -= bytes < collection->bytes_room ? bytes : collection->bytes_room;
	collection->last_sequence = event->sequence;
	json_add(
		collection->builder, collection->array, record_to_json(collection->builder, event));
	return true;
}

struct json_object *collect_devices(struct api *api, struct json_builder *builder)
{
	struct collection devices = {.builder = builder, .array = json_new_array(builder)};

	api->backend.devices(api->backend.user, collect_device, &devices);
	return devices.array;
}

struct json_object *collect_running(struct api *api, struct json_builder *builder)
{
	struct collection sessions = {
		.builder = builder, .array = json_new_array(builder), .room = SESSIONS_MAX};
	int r = api->backend.sessions(api->backend.user, &(struct api_sessions){.running = true},
		collect_session, &sessions);

	if (r < 0)
		builder->failed = true;
	return sessions.array;
}
