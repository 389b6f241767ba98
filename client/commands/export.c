/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `export`: a phone's attempts, or one of them, as a case file with their records. */
#include <stdio.h>
#include <string.h>

#include "client/fields.h"
#include "client/mask.h"
#include "client/resolve.h"
#include "client/new_file.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/records.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"

struct export_options {
	const char *path;
	bool mask;
};

static const struct option own[] = {
	{"output", required_argument, NULL, 'o'}, {"mask", no_argument, NULL, 'm'}, {0}};

static int take(void *user, int option, const char *value)
{
	struct export_options *options = user;

	if (option == 'o')
		options->path = value;
	else
		options->mask = true;
	return EXIT_DONE;
}

/* A file that is being written. */
struct export
{
	struct context *context;
	struct connection *connection;
	FILE *out;
	bool mask;
	bool lines; /* of the two passes over the records, the one that writes the tool's log */
	bool first; /* nothing stands before in the list */
};

/* Writes a value, and a comma where another stands before it. */
static int put_item(struct export *export, struct json_object *value)
{
	size_t length;
	const char *text = json_write(value, &length);

	if (!text)
		return report_no_memory();
	fprintf(export->out, "%s%s", export->first ? "\n" : ",\n", text);
	export->first = false;
	return EXIT_DONE;
}

static int mask_text(struct json_builder *builder, struct json_object *object, const char *key)
{
	const char *text = field_text(object, key);
	CLEANUP(freep) char *masked = text ? mask_identifiers(text, true) : NULL;

	if (!text)
		return EXIT_DONE;
	if (!masked)
		return report_no_memory();
	json_put_text(builder, object, key, masked);
	return EXIT_DONE;
}

/* For third parties: no identifiers, and none in the texts. */
static int mask_object(struct json_object *object)
{
	static const char *const identifiers[] = {"ecid", "udid", "ticket"};
	static const char *const texts[] = {"text", "name", "failureText", "complaint"};
	struct json_builder builder = {0};
	int r = EXIT_DONE;

	for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++)
		json_object_object_del(object, identifiers[i]);
	for (size_t i = 0; r == EXIT_DONE && i < ARRAY_SIZE(texts); i++)
		r = mask_text(&builder, object, texts[i]);
	return r;
}

static int put_record(struct export *export, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	struct json_object *text = NULL;
	int r = EXIT_DONE;

	if (export->mask) {
		if (text_equal(kind, "ticket"))
			return EXIT_DONE;
		r = mask_object(record);
	}
	if (r != EXIT_DONE || !export->lines)
		return r != EXIT_DONE ? r : put_item(export, record);
	if (!text_equal(kind, "log") || !json_object_object_get_ex(record, "text", &text))
		return EXIT_DONE;
	return put_item(export, text);
}

static int put_records(void *user, struct json_object *reply)
{
	struct export *export = user;
	struct json_object *records = field_list(reply, "records");
	int r = EXIT_DONE;

	for (size_t i = 0; r == EXIT_DONE && i < field_count(records); i++)
		r = put_record(export, field_item(records, i));
	return r;
}

static int put_list(struct export *export, const char *session, const char *before, bool lines)
{
	fprintf(export->out, "%s", before);
	export->lines = lines;
	export->first = true;
	return records_read(export->context, export->connection, session, 0, put_records, export);
}

/* The attempt with its log, for other readers of case files, and its records, for import. */
static int put_attempt(struct export *export, struct json_object *attempt)
{
	CLEANUP(freep) char *session = strdup(field_text_or(attempt, "session", ""));
	size_t length;
	const char *text;
	int r = export->mask ? mask_object(attempt) : EXIT_DONE;

	if (!session)
		return report_no_memory();
	if (r == EXIT_DONE && export->mask && field_object(attempt, "observed"))
		r = mask_object(field_object(attempt, "observed"));
	if (r != EXIT_DONE)
		return r;
	text = json_write(attempt, &length);
	if (!text)
		return report_no_memory();
	/* Without its closing brace: the lists are its last members. */
	fprintf(export->out, "%.*s,\n", (int)length - 1, text);
	r = put_list(export, session, "\"log\": {\"format\": \"auto\", \"lines\": [", true);
	if (r == EXIT_DONE)
		r = put_list(export, session, "]},\n\"records\": [", false);
	fprintf(export->out, "]}");
	return r;
}

static int ask_attempt(struct export *export, const char *session, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	json_put_text(&builder, parameters, "session", session);
	return rpc_call(
		export->context, export->connection, "ExportAttempt", &builder, parameters, ret);
}

static int put_session(struct export *export, const char *session)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	int r = ask_attempt(export, session, &reply);

	if (r != EXIT_DONE)
		return r;
	return put_attempt(
		export, field_item(field_list(field_object(reply, "case"), "attempts"), 0));
}

/* All that comes before the attempts. */
static int put_head(struct export *export, struct json_object *device, struct json_object *notes)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *history = json_new_array(&builder);
	const char *text;
	size_t length;

	for (size_t i = 0; i < field_count(notes); i++)
		if (text_equal(field_text_or(field_item(notes, i), "kind", ""), "history"))
			json_add_text(
				&builder, history, field_text_or(field_item(notes, i), "text", ""));
	if (builder.failed || (export->mask && mask_object(device) != EXIT_DONE))
		return report_no_memory();
	text = json_write(device, &length);
	if (!text)
		return report_no_memory();
	fprintf(export->out,
		"{\"format\": \"idevicetriage-case\", \"version\": %d,\n\"device\": %s,\n",
		CASEFILE_VERSION, text);
	text = json_write(history, &length);
	if (!text)
		return report_no_memory();
	fprintf(export->out, "\"history\": %s,\n\"attempts\": [", text);
	return EXIT_DONE;
}

/* `sessions` are names, newest first: in a case file the oldest comes first. */
static int put_case(struct export *export, struct json_object *sessions, struct json_object *notes)
{
	CLEANUP(json_object_putp) struct json_object *newest = NULL;
	size_t count = field_count(sessions);
	int r;

	if (count == 0) {
		report_error("Nothing is stored about that device: there is nothing to export.");
		return EXIT_UNKNOWN_NAME;
	}
	r = ask_attempt(export, field_text_or(field_item(sessions, 0), "session", ""), &newest);
	if (r == EXIT_DONE)
		r = put_head(export, field_object(field_object(newest, "case"), "device"), notes);
	for (size_t i = count; r == EXIT_DONE && i > 0; i--) {
		fprintf(export->out, i == count ? "\n" : ",\n");
		r = put_session(export, field_text_or(field_item(sessions, i - 1), "session", ""));
	}
	fprintf(export->out, "\n]}\n");
	return r;
}

static int put_device(struct export *export, const char *device)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put_text(&builder, parameters, "device", device);
	r = rpc_call(export->context, export->connection, "GetCase", &builder, parameters, &reply);
	if (r != EXIT_DONE)
		return r;
	return put_case(export, field_list(reply, "sessions"), field_list(reply, "notes"));
}

static int put_one_session(struct export *export, const char *session)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *list = json_new_array(&builder);
	struct json_object *object = json_new_object(&builder);

	json_put_text(&builder, object, "session", session);
	json_add(&builder, list, object);
	return builder.failed ? report_no_memory() : put_case(export, list, NULL);
}

static int write_export(
	struct context *context, const struct export_options *options, const char *text)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(new_file_done) struct new_file file = {0};
	struct export export = {.context = context, .mask = options->mask};
	struct name name = {0};
	int r = rpc_open_reading(context, &connection);

	if (r == EXIT_DONE)
		r = ask_name(context, connection, text, NAME_ANY, &name);
	if (r == EXIT_DONE)
		r = new_file_open(&file, options->path, NEW_FILE_PRIVATE);
	if (r != EXIT_DONE)
		return r;
	export.connection = connection;
	export.out = file.stream;
	r = name.kind == NAME_SESSION ? put_one_session(&export, name.text)
				      : put_device(&export, name.text);
	return r == EXIT_DONE ? new_file_finish(&file) : r;
}

int command_export(struct context *context, int argc, char **argv)
{
	struct export_options options = {.path = "-"};
	int first = options_read(context, argc, argv, "o:", own, take, &options);

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error(
			"export needs a device or a session; `idevicetriage sessions` lists them.");
		return EXIT_USAGE;
	}
	if (first + 1 < argc)
		return options_too_many("export", argv[first + 1]);
	return write_export(context, &options, argv[first]);
}
