/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports from the phone itself: what a panic names becomes a word of the phone's history. */
#include <errno.h>
#include <string.h>

#include "client/import/import.h"
#include "client/panic_files.h"
#include "common/base/text.h"

#define REPORT_BYTES_MAX (16u * 1024 * 1024)
#define READ_BYTES 65536

/* Reads the whole member. Returns its bytes, or NULL after reporting the error. */
static char *read_member(struct import *import, struct source *source, const char *head,
	size_t length, size_t *ret_length)
{
	CLEANUP(freep) char *bytes = malloc(REPORT_BYTES_MAX);
	long n = 1;

	if (!bytes) {
		import_complain(import, EXIT_REFUSED, "out of memory.");
		return NULL;
	}
	memcpy(bytes, head, length);
	while (n > 0 && REPORT_BYTES_MAX - length >= IMPORT_READ_LEAST) {
		size_t left = REPORT_BYTES_MAX - length;

		n = import_read(
			import, source, bytes + length, left < READ_BYTES ? left : READ_BYTES);
		if (n > 0)
			length += (size_t)n;
	}
	if (n < 0) {
		import_complain(import, EXIT_REFUSED, "%s.", source_problem(source));
		return NULL;
	}
	*ret_length = length;
	return TAKE_PTR(bytes);
}

/* Adds a word to the phone's history; adding it twice has no further effect. */
static int note_word(struct import *import, const char *word)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	const struct identity *device = &import->options.device;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	char ecid[ECID_TEXT_SIZE];

	ecid_format(device->ecid, ecid);
	json_put_text(&builder, parameters, "device", device->ecid ? ecid : device->udid);
	json_put_text(&builder, parameters, "kind", "history");
	json_put_text(&builder, parameters, "text", word);
	return rpc_call(
		import->context, import->connection, "AddNote", &builder, parameters, &reply);
}

/* Sends the findings of the panic to the daemon, for a known phone. */
static int note_panic(struct import *import, struct json_object *panic)
{
	const struct identity *device = &import->options.device;
	struct json_object *findings = field_list(panic, "findings");
	int r = EXIT_DONE;

	if (!import->connection)
		return EXIT_DONE;
	if (!device->ecid && !device->udid[0]) {
		import_complain(
			import, EXIT_REFUSED, "it does not name its phone; add --device DEVICE.");
		return EXIT_DONE;
	}
	for (size_t i = 0; r == EXIT_DONE && i < field_count(findings); i++) {
		const char *word = field_text(field_item(findings, i), "history");

		if (word)
			r = note_word(import, word);
	}
	return r;
}

static void collect_words(struct triage_case *c, struct json_object *panic)
{
	struct json_object *findings = field_list(panic, "findings");

	for (size_t i = 0; i < field_count(findings); i++) {
		const char *word = field_text(field_item(findings, i), "history");

		if (word)
			triage_case_add_history(c, word);
	}
}

bool import_report(struct import *import, struct source *source, const char *head, size_t length)
{
	CLEANUP(json_object_putp) struct json_object *panic = NULL;
	CLEANUP(freep) char *bytes = NULL;
	char message[PANICS_MESSAGE_SIZE];
	int r;

	bytes = read_member(import, source, head, length, &length);
	if (!bytes)
		return true;
	r = panics_explain(import->member->label, bytes, length, &panic, message);
	if (r < 0) {
		import_complain(import, EXIT_REFUSED,
			"it is a report of the phone, but not of a panic or a restore.");
		return true;
	}
	if (import->collected) {
		collect_words(import->collected, panic);
		return true;
	}
	import_clear_bar(import);
	import->context->output->panic(&import->context->layout, panic, false);
	r = note_panic(import, panic);
	if (r != EXIT_DONE && import->code == EXIT_DONE)
		import->code = r;
	return r != EXIT_UNREACHABLE;
}
