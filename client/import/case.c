/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Case files from `export`: each attempt separately, with its records. */
#include "client/import/import.h"

#include <errno.h>
#include <string.h>

#include "common/base/text.h"
#include "common/casefile/casefile.h"

#define READ_BYTES 65536

/* Reads the whole member. Returns 0 with *ret owned by the caller, or a negative errno after
 * reporting the error. */
static int read_all(struct import *import, struct source *source, const char *head, size_t length,
	char **ret, size_t *ret_length)
{
	CLEANUP(freep) char *text = malloc(length + READ_BYTES);
	size_t size = length + READ_BYTES;
	long n;

	if (!text)
		goto no_memory;
	memcpy(text, head, length);
	while ((n = import_read(import, source, text + length, size - length)) > 0) {
		length += (size_t)n;
		if (length > CASEFILE_BYTES_MAX) {
			import_complain(import, EXIT_REFUSED, "a case file has at most %u MiB.",
				CASEFILE_BYTES_MAX >> 20);
			return -EFBIG;
		}
		if (size - length < READ_BYTES) {
			char *larger = realloc(text, 2 * size);

			if (!larger)
				goto no_memory;
			text = larger;
			size *= 2;
		}
	}
	if (n < 0) {
		import_complain(import, EXIT_REFUSED, "%s.", source_problem(source));
		return -EBADMSG;
	}
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
no_memory:
	import->code = report_no_memory();
	return -ENOMEM;
}

/* A copy of the case with a single attempt. NULL when out of memory. */
static struct json_object *cut_case(struct json_object *whole, struct json_object *attempt)
{
	static const char *const kept[] = {"format", "version", "device", "history"};
	struct json_builder builder = {0};
	struct json_object *part = json_new_object(&builder), *list = json_new_array(&builder);

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		struct json_object *value;

		if (json_object_object_get_ex(whole, kept[i], &value) && value)
			json_put(&builder, part, kept[i], json_object_get(value));
	}
	json_add(&builder, list, json_object_get(attempt));
	json_put(&builder, part, "attempts", list);
	return json_finish(&builder, part);
}

struct recording {
	struct spool *spool; /* NULL = not needed */
	uint64_t count;
	uint64_t lines;
};

static uint64_t record(void *user, const struct event *event)
{
	struct recording *recording = user;
	struct event kept = *event;

	kept.sequence = ++recording->count;
	if (recording->spool)
		spool_add(recording->spool, &kept);
	recording->lines += event->kind == EVENT_LOG;
	return kept.sequence;
}

/* Returns false if the import cannot continue. */
static bool deliver(struct import *import, struct json_object *part, struct json_object *object)
{
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	struct recording recording = {.spool = import->spool};
	struct attempt *told;
	struct import_attempt attempt = {.records = field_list(object, "records")};
	char message[CASEFILE_MESSAGE_SIZE] = "out of memory";
	size_t length;
	const char *text = json_write(part, &length);
	bool going_on;
	int r;

	if (import->spool)
		spool_clear(import->spool);
	r = text ? casefile_parse_recording(text, length, record, &recording, &c, message)
		 : -ENOMEM;
	if (r < 0) {
		import_complain(import, EXIT_REFUSED, "%s.", message);
		return r != -ENOMEM;
	}
	attempt.c = TAKE_PTR(c);
	told = attempt.c->attempts[0];
	told->started.monotonic_us = CASEFILE_EPOCH_US;
	/* For attempts with the same time, the last digit keeps their order. */
	if (uuid_is_none(&told->id) && told->started.wall_us)
		told->started.wall_us += import->attempt_count;
	attempt.lines = recording.lines;
	fingerprint_add(&attempt.content, text, length);
	going_on = import_deliver(import, &attempt);
	triage_case_free(attempt.c);
	return going_on;
}

bool import_case_object(struct import *import, struct json_object *whole)
{
	struct json_object *attempts = field_list(whole, "attempts");
	bool going_on = true;

	if (field_count(attempts) == 0)
		import_complain(import, EXIT_REFUSED, "the case has no attempts.");
	for (size_t i = 0; i < field_count(attempts) && going_on; i++) {
		CLEANUP(json_object_putp)
		struct json_object *part = cut_case(whole, field_item(attempts, i));

		if (!part) {
			import->code = report_no_memory();
			return false;
		}
		going_on = deliver(import, part, field_item(attempts, i));
	}
	return going_on;
}

bool import_case(struct import *import, struct source *source, const char *head, size_t length)
{
	CLEANUP(json_object_putp) struct json_object *whole = NULL;
	CLEANUP(triage_case_freep) struct triage_case *c = NULL;
	CLEANUP(freep) char *text = NULL;
	char message[CASEFILE_MESSAGE_SIZE] = "out of memory";

	if (read_all(import, source, head, length, &text, &length) < 0)
		return true;
	if (casefile_parse(text, length, &c, message) < 0 || json_read(text, length, &whole) < 0) {
		import_complain(import, EXIT_REFUSED, "%s.", message);
		return true;
	}
	return import_case_object(import, whole);
}
