/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/query/collect.h"

#include "common/wire/records.h"

/* The approximate size of a record's members without its text. */
#define RECORD_BYTES 400

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
