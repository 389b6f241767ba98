/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects visited items in a JSON array, within the limits of a reply. */
#pragma once

#include "common/store/store.h"
#include "common/wire/json.h"

/* The approximate maximum size of a reply to ReadLog, in bytes of JSON. */
#define REPLY_BYTES (1u << 20)

/* Set builder, array and the room. */
struct collection {
	struct json_builder *builder;
	struct json_object *array;
	size_t room; /* items */
	size_t bytes_room;
	bool cut; /* not all items fitted */
	uint64_t last_sequence;
};

/* A casebook_visit_record with a struct collection as context. */
bool collect_record(void *context, const struct event *event);
