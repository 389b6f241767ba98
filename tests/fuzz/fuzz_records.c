/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records from a casebook and from AddRecords: a run, packed or not, or one record as JSON. What is
 * read must be written and read back alike. */
#include <stdlib.h>
#include <string.h>

#include "common/store/schema.h"
#include "common/wire/records.h"
#include "tests/fuzz/fuzz.h"

/* Through JSON and back. Returns false where it is refused. */
static bool pass(const struct event *event, struct json_object **ret_json, struct event *ret,
	char text[static EVENT_TEXT_MAX + 1])
{
	struct json_builder builder = {0};

	*ret_json = record_to_json(&builder, event);
	return !builder.failed && record_from_json(*ret_json, ret, text) == 0;
}

/* The first pass may clean a record that no program wrote; the second changes nothing. */
static void check_record(const struct event *event)
{
	CLEANUP(json_object_putp) struct json_object *first = NULL;
	CLEANUP(json_object_putp) struct json_object *second = NULL;
	CLEANUP(json_object_putp) struct json_object *third = NULL;
	static char texts[3][EVENT_TEXT_MAX + 1];
	struct event once, twice, again;

	if (!pass(event, &first, &once, texts[0]))
		return;
	assert(pass(&once, &second, &twice, texts[1]));
	assert(pass(&twice, &third, &again, texts[2]));
	assert(json_object_equal(second, third));
}

static void walk(const uint8_t *run, size_t length)
{
	static uint8_t copy[RECORD_RUN_BYTES_MAX];
	size_t offset = 0, used = 0;
	struct event event;

	while (record_run_next(run, length, &offset, &event) > 0) {
		check_record(&event);
		if (used < RECORD_RUN_BYTES)
			used = record_run_append(copy, used, &event);
		assert(used <= sizeof(copy));
	}
}

static void read_json(const char *text, size_t length)
{
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	char bytes[EVENT_TEXT_MAX + 1];
	struct event event;

	if (json_read(text, length, &object) == 0 && record_from_json(object, &event, bytes) == 0)
		check_record(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t run[RECORD_RUN_BYTES_MAX];
	int length;

	if (size > RECORD_RUN_BYTES_MAX)
		return 0;
	walk(data, size);
	length = record_run_unpack(data, size, run);
	if (length > 0)
		walk(run, (size_t)length);
	read_json((const char *)data, size);
	return 0;
}
