/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What another bench stored, from `export --all`: a change in each line, and cursors. */
#include "client/import/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/tool_logs.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/query/change_json.h"

#define READ_BYTES 65536
#define REFUSALS_SHOWN 5			   /* lines; the others are counted */
#define REFUSED_CALLS_MAX 10			   /* by the daemon, until the import stops */
#define CALL_BYTES_MAX (VARLINK_REQUEST_MAX - 512) /* the rest is for the text around a change */

/* What became of the changes. */
enum result { RESULT_ADDED, RESULT_REPLACED, RESULT_PRESENT, RESULT_PURGED, RESULT_COUNT };
static const char *const result_names[RESULT_COUNT] = {"added", "replaced", "present", "purged"};

struct stream {
	struct import *import;
	struct read_change *read;
	uint64_t line;
	uint64_t results[RESULT_COUNT], checked, refused;
	unsigned refused_calls;
	bool complete; /* the last line was a cursor */
	bool stopped;  /* the import cannot continue */
};

static void refuse_line(struct stream *stream, const char *reason)
{
	if (stream->refused++ < REFUSALS_SHOWN)
		import_complain(stream->import, EXIT_REFUSED, "line %" PRIu64 ": %s.", stream->line,
			reason);
}

static void stop(struct stream *stream, int code)
{
	stream->stopped = true;
	if (stream->import->code == EXIT_DONE)
		stream->import->code = code;
}

/* The line of an attempt is a case file as well: its case alone, without log and records. NULL when
 * out of memory. */
static struct json_object *change_of_line(struct json_object *line)
{
	static const char *const head[] = {
		"formatVersion", "kind", "id", "writer", "revision", "startedUSec"};
	static const char *const members[] = {"format", "version", "device"};
	struct json_builder builder = {0};
	struct json_object *change = json_new_object(&builder), *c = json_new_object(&builder);
	struct json_object *attempts = field_list(line, "attempts"), *value;

	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		if (json_object_object_get_ex(line, head[i], &value) && value)
			json_put(&builder, change, head[i], json_object_get(value));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_object_get_ex(line, members[i], &value) && value)
			json_put(&builder, c, members[i], json_object_get(value));
	if (attempts)
		json_put(&builder, c, "attempts", json_object_get(attempts));
	json_put(&builder, change, "case", c);
	return json_finish(&builder, change);
}

/* The files of `run` with a purged log are deleted here too. */
static void finish_purge(struct stream *stream, struct json_object *reply)
{
	int r = tool_logs_delete(reply);

	if (r != EXIT_DONE && stream->import->code == EXIT_DONE)
		stream->import->code = r;
	if (field_true(reply, "pending"))
		import_complain(stream->import, EXIT_REFUSED,
			"another program reads the casebook: deleted data stays in the write-ahead "
			"log until then.");
}

/* Sends the change. Returns an enum result, or RESULT_COUNT if the daemon refused it. */
static enum result send_change(struct stream *stream, struct json_object *change)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	enum result result = 0;
	int r;

	json_put(&builder, parameters, "change", json_object_get(change));
	/* Attempts of lines of an earlier version may wait. */
	r = import_batch_settle(stream->import);
	if (r != EXIT_DONE) {
		json_object_put(parameters);
		stop(stream, r);
		return RESULT_COUNT;
	}
	r = rpc_call_allowing(stream->import->context, stream->import->connection, "AddChange",
		&builder, parameters, INTERFACE "NotAllowed", &reply);
	if (r == EXIT_UNREACHABLE ||
		(r != EXIT_DONE && ++stream->refused_calls > REFUSED_CALLS_MAX))
		stop(stream, r);
	if (r != EXIT_DONE)
		refuse_line(stream, "the daemon refused it");
	else if (!reply)
		refuse_line(stream, "it is a purge, and only the administrator may purge. Run the "
				    "import as root");
	if (r != EXIT_DONE || !reply)
		return RESULT_COUNT;
	finish_purge(stream, reply);
	while (result < RESULT_COUNT &&
		!text_equal(result_names[result], field_text_or(reply, "result", "")))
		result++;
	return result;
}

static void take_change(struct stream *stream, struct json_object *line, struct json_object *change)
{
	const struct read_change *read = stream->read;
	enum result result;
	size_t length;
	int r;

	if (!json_write(change, &length) || length > CALL_BYTES_MAX) {
		refuse_line(stream, "it is too long");
		return;
	}
	if (stream->import->options.dry_run) {
		stream->checked++;
		return;
	}
	result = send_change(stream, change);
	if (result == RESULT_COUNT)
		return;
	stream->results[result]++;
	if (read->kind != CHANGE_ATTEMPT || result == RESULT_PURGED)
		return;
	r = import_send_records(stream->import, read->c->attempts[0],
		field_list(field_item(field_list(line, "attempts"), 0), "records"),
		result == RESULT_ADDED);
	if (r != EXIT_DONE)
		stop(stream, r);
}

/* A line without a kind is of an earlier version: an attempt that tells no writer. The verdict on a
 * file asks for attempts alone. */
static void take_object(struct stream *stream, struct json_object *line)
{
	CLEANUP(json_object_putp) struct json_object *change = NULL;
	const char *kind = field_text(line, "kind");
	char message[CHANGE_MESSAGE_SIZE] = "out of memory";
	int r;

	stream->complete = !kind && field_text(line, "cursor");
	if (stream->complete)
		return;
	if (stream->import->collected || (!kind && field_text(line, "format"))) {
		if (field_list(line, "attempts") && !import_case_object(stream->import, line))
			stream->stopped = true;
		return;
	}
	change = kind && text_equal(kind, "attempt") ? change_of_line(line) : json_object_get(line);
	r = change ? change_read(change, stream->read, message) : -ENOMEM;
	if (r == -ENOMEM)
		stop(stream, report_no_memory());
	else if (r < 0)
		refuse_line(stream, message);
	else
		take_change(stream, line, change);
	change_done(stream->read);
}

/* `whole`: it ends with a line end. */
static void take_line(struct stream *stream, const char *text, size_t length, bool whole)
{
	CLEANUP(json_object_putp) struct json_object *line = NULL;

	stream->line++;
	while (length > 0 && strchr(" \t\r", text[length - 1]))
		length--;
	if (length == 0)
		return;
	if (json_read(text, length, &line) == 0)
		take_object(stream, line);
	else if (whole)
		refuse_line(stream, "it is not an object of JSON");
	else
		stream->complete = false;
}

/* Takes the whole lines and moves the rest to the start. Returns its length. */
static size_t take_lines(struct stream *stream, char *text, size_t length)
{
	const char *at = text, *end = text + length, *line_end;

	while (!stream->stopped && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
		take_line(stream, at, (size_t)(line_end - at), true);
		at = line_end + 1;
	}
	memmove(text, at, (size_t)(end - at));
	return (size_t)(end - at);
}

/* Returns false after saying why the member cannot be read to its end. */
static bool read_lines(struct stream *stream, struct source *source, char **text, size_t length)
{
	size_t size = length + READ_BYTES;
	long n = 1;

	length = take_lines(stream, *text, length);
	while (!stream->stopped && n > 0) {
		if (size - length < READ_BYTES) {
			char *larger = realloc(*text, 2 * size);

			if (!larger) {
				stop(stream, report_no_memory());
				return false;
			}
			*text = larger;
			size *= 2;
		}
		n = import_read(stream->import, source, *text + length, size - length);
		if (n > 0)
			length = take_lines(stream, *text, length + (size_t)n);
		if (length > CASEFILE_BYTES_MAX) {
			import_complain(stream->import, EXIT_REFUSED, "a line has at most %u MiB.",
				CASEFILE_BYTES_MAX >> 20);
			return false;
		}
	}
	if (n < 0)
		import_complain(stream->import, EXIT_REFUSED, "%s.", source_problem(source));
	if (n == 0 && length > 0)
		take_line(stream, *text, length, false);
	return n >= 0;
}

static void show(struct stream *stream)
{
	struct import *import = stream->import;
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *object = json_new_object(&builder);

	json_put_text(&builder, object, "file", import->member->label);
	json_put_bool(&builder, object, "dryRun", import->options.dry_run);
	if (import->options.dry_run)
		json_put_number(&builder, object, "changes", (int64_t)stream->checked);
	for (size_t i = 0; i < RESULT_COUNT && !import->options.dry_run; i++)
		json_put_number(&builder, object, result_names[i], (int64_t)stream->results[i]);
	json_put_number(&builder, object, "refused", (int64_t)stream->refused);
	json_put_bool(&builder, object, "complete", stream->complete);
	import_clear_bar(import);
	if (!builder.failed)
		import->context->output->exchanged(&import->context->layout, object);
}

bool import_changes(struct import *import, struct source *source, const char *head, size_t length)
{
	CLEANUP(freep) struct read_change *read = malloc(sizeof(*read));
	CLEANUP(freep) char *text = malloc(length + READ_BYTES);
	struct stream stream = {.import = import, .read = read};
	bool whole;

	if (!read || !text) {
		import->code = report_no_memory();
		return false;
	}
	if (import->options.reported.count > 0 || identity_is_known(&import->options.device)) {
		import_complain(import, EXIT_USAGE,
			"it is of another bench, which knows its attempts: import it without "
			"options.");
		return true;
	}
	memcpy(text, head, length);
	whole = read_lines(&stream, source, &text, length);
	if (import->collected)
		return !stream.stopped;
	if (whole && !stream.stopped && !stream.complete)
		import_complain(import, EXIT_REFUSED,
			"it ends without a cursor, so the rest is missing. What came before is "
			"imported. Import it again when it is complete.");
	if (stream.refused > REFUSALS_SHOWN)
		import_complain(
			import, EXIT_REFUSED, "%" PRIu64 " lines were refused.", stream.refused);
	show(&stream);
	return !stream.stopped;
}
