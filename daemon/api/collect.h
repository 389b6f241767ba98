/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects what the backend shows into JSON arrays, within the limits of a reply. */
#pragma once

#include "daemon/api/state.h"

/* A reply to ReadLog ends early rather than hold more: about, in bytes of JSON. */
#define REPLY_BYTES (1u << 20)
#define SESSIONS_MAX 1000 /* in a reply */

/* What a visit needs: set builder, array, and how much goes in. */
struct collection {
	struct json_builder *builder;
	struct json_object *array;
	size_t room; /* items */
	size_t bytes_room;
	bool cut; /* there was no room for all */
	uint64_t last_sequence;
};

/* Visits of the backend (daemon/api/backend.h) with a struct collection as context. */
bool collect_session(void *context, const struct session_record *session);
bool collect_record(void *context, const struct event *event);

/* The devices, and the sessions that run. */
struct json_object *collect_devices(struct api *api, struct json_builder *builder);
struct json_object *collect_running(struct api *api, struct json_builder *builder);
