/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of other benches: each one that is read must be written and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/query/change_json.h"
#include "tests/fuzz/fuzz.h"

#define OWN "0123456789ab-cdefcdefcdef"

static struct json_object *write_change(struct json_builder *builder, struct read_change *change)
{
	switch (change->kind) {
	case CHANGE_ATTEMPT:
		return change_of_attempt(builder, &change->id, &change->written,
			casefile_to_json(change->c, CASEFILE_REVEAL));
	case CHANGE_NOTE:
		return change_of_note(builder, &change->identity, &change->note);
	case CHANGE_CORRECTION:
		return change_of_correction(builder, &change->correction);
	case CHANGE_CONDITION:
		return change_of_condition(builder, &change->condition, OWN);
	default:
		return change_of_purge(builder, &change->purge);
	}
}

static void compare(const struct read_change *a, const struct read_change *b)
{
	if (a->kind != b->kind || !uuid_equal(&a->id, &b->id) ||
		!text_equal(a->note_kind, b->note_kind) || !text_equal(a->text, b->text) ||
		!text_equal(a->correction.after, b->correction.after) ||
		!text_equal(a->condition.place, b->condition.place) ||
		!text_equal(a->condition.host_id, b->condition.host_id) ||
		a->identity.ecid != b->identity.ecid || a->purge.before_us != b->purge.before_us ||
		a->purge.item_count != b->purge.item_count ||
		memcmp(a->purge.ecid, b->purge.ecid, sizeof(a->purge.ecid)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) struct read_change *change = malloc(sizeof(*change));
	CLEANUP(freep) struct read_change *again = malloc(sizeof(*again));
	CLEANUP(json_object_putp) struct json_object *object = NULL, *written = NULL;
	struct json_builder builder = {0};
	char message[CHANGE_MESSAGE_SIZE];

	if (!change || !again || json_read((const char *)data, size, &object) < 0)
		return 0;
	if (change_read(object, change, message) == 0) {
		written = json_finish(&builder, write_change(&builder, change));
		if (!written || change_read(written, again, message) < 0)
			abort();
		compare(change, again);
		change_done(again);
	}
	change_done(change);
	return 0;
}
