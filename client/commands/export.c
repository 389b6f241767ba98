/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `export`: writes a phone's attempts, one of them, or all that changed as case files with their
 * records. */
#include <stdio.h>
#include <string.h>

#include "client/fields.h"
#include "client/mask.h"
#include "client/resolve.h"
#include "client/new_file.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pages.h"
#include "client/records.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"

#define CHANGES_AT_ONCE 100

struct export_options {
	const char *path;
	const char *since; /* a cursor */
	bool mask, all;
};

enum { OPTION_MASK = OPTION_OWN, OPTION_ALL, OPTION_SINCE };

static const struct command_option own[] = {
	{"output", 'o', "FILE", "write to this file", COMPLETE_FILE},
	{"mask", OPTION_MASK, NULL, "omit ECID, UDID and tickets: for third parties"},
	{"all", OPTION_ALL, NULL, "all that is stored, a line each, then a cursor"},
	{"since", OPTION_SINCE, "CURSOR", "with --all: what changed after this cursor"},
	{0},
};

static int take(void *user, int option, const char *value)
{
	struct export_options *options = user;

	switch (option) {
	case 'o':
		options->path = value;
		break;
	case OPTION_ALL:
		options->all = true;
		break;
	case OPTION_SINCE:
		options->since = value;
		break;
	default:
		options->mask = true;
	}
	return EXIT_DONE;
}

/* The state of writing a file. */
struct export
{
	struct context *context;
	struct connection *connection;
	FILE *out;
	struct mask *masks; /* NULL: no masking */
	bool lines; /* true in the second of two passes over the records, which writes the tool's
		       log */
	bool first; /* the list is empty so far */
	const char *break_line; /* a line end, or a blank where a case file is one line */
};

/* Writes a value, masked if required; if `open`, an object without its closing brace. */
static int put_value(struct export *export, struct json_object *value, bool open)
{
	CLEANUP(json_object_putp)
	struct json_object *copy =
		export->masks ? mask_json(export->masks, value) : json_object_get(value);
	size_t length;
	CLEANUP(freep) char *text = copy ? json_write_escaped(copy, &length) : NULL;

	if (!text)
		return report_no_memory();
	fwrite(text, 1, open ? length - 1 : length, export->out);
	return EXIT_DONE;
}

/* Writes an item of a list, after a comma unless it is the first. */
static int put_item(struct export *export, struct json_object *value)
{
	fprintf(export->out, "%s%s", export->first ? "" : ",", export->break_line);
	export->first = false;
	return put_value(export, value, false);
}

static bool corrects_ticket(struct json_object *object, const char *key)
{
	return text_equal(field_text_or(object, key, ""), "ticket");
}

/* The name of a person who corrected something is not for third parties. */
static void hide_author(struct export *export, struct json_object *object)
{
	if (export->masks)
		json_object_object_del(object, "by");
}

static int put_record(struct export *export, struct json_object *record)
{
	const char *kind = field_text_or(record, "kind", "");
	struct json_object *text = NULL;

	/* The path of a log names the folder of its user. */
	if (export->masks && (text_equal(kind, "ticket") || text_equal(kind, "tool-log") ||
				     corrects_ticket(record, "name")))
		return EXIT_DONE;
	hide_author(export, record);
	if (!export->lines)
		return put_item(export, record);
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
	fprintf(export->out, ",%s%s", export->break_line, before);
	export->lines = lines;
	export->first = true;
	return records_read(export->context, export->connection, session, 0, put_records, export);
}

/* The attempt with its log, for other readers of case files, and its records, for import. */
static int put_attempt(struct export *export, struct json_object *attempt)
{
	const char *session = field_text_or(attempt, "session", "");
	struct json_object *amendments = field_list(attempt, "amendments");
	int r;

	for (size_t i = 0; i < field_count(amendments); i++)
		hide_author(export, field_item(amendments, i));
	/* The lists are its last members. */
	r = put_value(export, attempt, true);
	if (r == EXIT_DONE)
		r = put_list(export, session, "\"log\": {\"format\": \"auto\", \"lines\": [", true);
	fprintf(export->out, "]}");
	if (r == EXIT_DONE)
		r = put_list(export, session, "\"records\": [", false);
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

/* When the words of the history were noted, corrected and taken back. */
static int put_history_notes(struct export *export, struct json_object *notes)
{
	int r = EXIT_DONE;

	fprintf(export->out, ",%s\"notes\": [", export->break_line);
	export->first = true;
	for (size_t i = 0; r == EXIT_DONE && i < field_count(notes); i++) {
		struct json_object *note = field_item(notes, i);

		if (text_equal(field_text_or(note, "kind", ""), "note"))
			continue;
		hide_author(export, note);
		r = put_item(export, note);
	}
	fprintf(export->out, "]");
	return r;
}

/* What another bench needs of a change, before the case. */
static int put_change_head(struct export *export, struct json_object *change)
{
	CLEANUP(json_object_putp) struct json_object *head = NULL;
	struct json_builder builder = {0};
	static const char *const members[] = {
		"formatVersion", "kind", "id", "writer", "revision", "startedUSec"};
	int r;

	head = json_new_object(&builder);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct json_object *value = NULL;

		if (json_object_object_get_ex(change, members[i], &value))
			json_put(&builder, head, members[i], json_object_get(value));
	}
	if (builder.failed)
		return report_no_memory();
	r = put_value(export, head, true);
	fprintf(export->out, ", ");
	return r;
}

/* Everything before the attempts; `change` NULL = a case file, and not a change. */
static int put_head(struct export *export, struct json_object *change, struct json_object *device,
	struct json_object *notes)
{
	struct json_builder builder = {0};
	CLEANUP(json_object_putp) struct json_object *history = json_new_array(&builder);
	int r;

	for (size_t i = 0; i < field_count(notes); i++)
		if (text_equal(field_text_or(field_item(notes, i), "kind", ""), NOTE_HISTORY) &&
			!field_true(field_item(notes, i), "amended"))
			json_add_text(
				&builder, history, field_text_or(field_item(notes, i), "text", ""));
	if (builder.failed)
		return report_no_memory();
	if (!change)
		fputc('{', export->out);
	r = change ? put_change_head(export, change) : EXIT_DONE;
	if (r != EXIT_DONE)
		return r;
	fprintf(export->out, "\"format\": \"idevicetriage-case\", \"version\": %d,%s\"device\": ",
		CASEFILE_VERSION, export->break_line);
	r = put_value(export, device, false);
	fprintf(export->out, ",%s\"history\": ", export->break_line);
	if (r == EXIT_DONE)
		r = put_value(export, history, false);
	if (r == EXIT_DONE)
		r = put_history_notes(export, notes);
	fprintf(export->out, ",%s\"attempts\": [", export->break_line);
	return r;
}

/* A ticket that was corrected may stand elsewhere too. */
static int mask_tickets(struct export *export, struct json_object *attempt)
{
	struct json_object *amendments = field_list(attempt, "amendments");
	int r = mask_add_word(export->masks, field_text_or(attempt, "ticket", ""));

	for (size_t i = 0; r == 0 && i < field_count(amendments); i++) {
		struct json_object *amendment = field_item(amendments, i);

		if (!corrects_ticket(amendment, "key"))
			continue;
		r = mask_add_word(export->masks, field_text_or(amendment, "before", ""));
		if (r == 0)
			r = mask_add_word(export->masks, field_text_or(amendment, "after", ""));
	}
	return r;
}

/* Tools print the serial number once, people write it anywhere. */
static int learn_masks(void *user, struct json_object *reply)
{
	struct export *export = user;
	struct json_object *records = field_list(reply, "records");

	for (size_t i = 0; i < field_count(records); i++)
		if (mask_learn(export->masks, field_text_or(field_item(records, i), "text", "")) <
			0)
			return report_no_memory();
	return EXIT_DONE;
}

/* Adds every identifier of the phone and the customer in an attempt to the masks. */
static int mask_attempt(struct export *export, const char *session, struct json_object *c)
{
	struct json_object *device = field_object(c, "device");
	int r = records_read(export->context, export->connection, session, 0, learn_masks, export);

	if (r == EXIT_DONE &&
		(mask_add_ecid(export->masks, field_text_or(device, "ecid", "")) < 0 ||
			mask_add(export->masks, field_text_or(device, "udid", "")) < 0 ||
			mask_tickets(export, field_item(field_list(c, "attempts"), 0)) < 0))
		r = report_no_memory();
	return r;
}

static int gather_masks(struct export *export, struct json_object *sessions)
{
	int r = EXIT_DONE;

	for (size_t i = 0; r == EXIT_DONE && i < field_count(sessions); i++) {
		CLEANUP(json_object_putp) struct json_object *reply = NULL;
		const char *session = field_text_or(field_item(sessions, i), "session", "");

		r = ask_attempt(export, session, &reply);
		if (r == EXIT_DONE)
			r = mask_attempt(export, session, field_object(reply, "case"));
	}
	return r;
}

/* `sessions` are names, newest first: a case file has the oldest first. */
static int put_case(struct export *export, struct json_object *sessions, struct json_object *notes)
{
	CLEANUP(json_object_putp) struct json_object *newest = NULL;
	size_t count = field_count(sessions);
	int r;

	if (count == 0) {
		report_error("Nothing is stored about that device: there is nothing to export.");
		return EXIT_UNKNOWN_NAME;
	}
	r = export->masks ? gather_masks(export, sessions) : EXIT_DONE;
	if (r == EXIT_DONE)
		r = ask_attempt(
			export, field_text_or(field_item(sessions, 0), "session", ""), &newest);
	if (r == EXIT_DONE)
		r = put_head(
			export, NULL, field_object(field_object(newest, "case"), "device"), notes);
	for (size_t i = count; r == EXIT_DONE && i > 0; i--) {
		fprintf(export->out, "%s%s", i == count ? "" : ",", export->break_line);
		r = put_session(export, field_text_or(field_item(sessions, i - 1), "session", ""));
	}
	fprintf(export->out, "%s]}\n", export->break_line);
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
	if (r == EXIT_DONE)
		r = pages_ask_rest(export->context, export->connection, device, reply);
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

/* The notes on a phone: its history goes with each attempt. */
static int ask_notes(struct export *export, struct json_object *device, struct json_object **ret)
{
	const char *key = field_text_or(device, "ecid", field_text(device, "udid"));
	struct json_builder builder = {0};
	struct json_object *parameters;

	if (!key)
		return EXIT_DONE;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "device", key);
	json_put_number(&builder, parameters, "limit", 1);
	return rpc_call(export->context, export->connection, "GetCase", &builder, parameters, ret);
}

static int put_changed_attempt(struct export *export, struct json_object *change)
{
	CLEANUP(json_object_putp) struct json_object *notes = NULL;
	struct json_object *c = field_object(change, "case");
	int r = ask_notes(export, field_object(c, "device"), &notes);

	if (r == EXIT_DONE && export->masks) {
		/* What is hidden in one case is text in another. */
		mask_done(export->masks);
		*export->masks = (struct mask){0};
		r = mask_attempt(export, field_text_or(change, "id", ""), c);
	}
	if (r == EXIT_DONE)
		r = put_head(export, change, field_object(c, "device"), field_list(notes, "notes"));
	if (r == EXIT_DONE)
		r = put_attempt(export, field_item(field_list(c, "attempts"), 0));
	fprintf(export->out, "]}\n");
	return r;
}

/* One line. A change that was purged meanwhile is left out. */
static int put_change(struct export *export, struct json_object *listed)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *change;
	int r;

	r = rpc_call_allowing(export->context, export->connection, "ExportChange", &builder,
		json_object_get(listed), INTERFACE "NoSuchChange", &reply);
	if (r != EXIT_DONE || !reply)
		return r;
	change = field_object(reply, "change");
	if (text_equal(field_text_or(listed, "kind", ""), "attempt"))
		return put_changed_attempt(export, change);
	r = put_value(export, change, false);
	fputc('\n', export->out);
	return r;
}

/* Third parties get attempts alone. *ret is NULL after the error `allowed`, which may be NULL. */
static int ask_changes(
	struct export *export, const char *cursor, const char *allowed, struct json_object **ret)
{
	static const char *const kinds[] = {"attempt", "note", "correction", "condition", "purge"};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *list;

	if (cursor)
		json_put_text(&builder, parameters, "cursor", cursor);
	json_put_number(&builder, parameters, "limit", CHANGES_AT_ONCE);
	list = json_new_array(&builder);
	for (size_t i = 0; i < (export->masks ? 1 : ARRAY_SIZE(kinds)); i++)
		json_add_text(&builder, list, kinds[i]);
	json_put(&builder, parameters, "kinds", list);
	return rpc_call_allowing(export->context, export->connection, "ListChanges", &builder,
		parameters, allowed, ret);
}

static void put_cursor(struct export *export, const char *cursor)
{
	fprintf(export->out, "{\"formatVersion\": %d, \"cursor\": \"%s\"}\n", JSON_FORMAT_VERSION,
		cursor);
	fflush(export->out);
}

/* Each page ends with a cursor: whoever reads them can go on after any. */
static int put_changes(struct export *export, const char *since)
{
	CLEANUP(json_object_putp) struct json_object *page = NULL;
	int r = ask_changes(export, since, since ? INVALID_PARAMETER : NULL, &page);

	if (since && r == EXIT_DONE && !page) {
		report_error("--since must be the cursor in the last line of an earlier "
			     "`idevicetriage export --all`, not %s.",
			since);
		return EXIT_USAGE;
	}
	while (r == EXIT_DONE) {
		CLEANUP(json_object_putp) struct json_object *next = NULL;
		struct json_object *changes = field_list(page, "changes");
		const char *cursor = field_text_or(page, "cursor", "");
		size_t count = field_count(changes);

		for (size_t i = 0; r == EXIT_DONE && i < count; i++)
			r = put_change(export, field_item(changes, i));
		if (r != EXIT_DONE)
			return r;
		put_cursor(export, cursor);
		if (count < CHANGES_AT_ONCE)
			return EXIT_DONE;
		r = ask_changes(export, cursor, NULL, &next);
		json_object_put(page);
		page = TAKE_PTR(next);
	}
	return r;
}

static int put_named(struct export *export, const struct name *name)
{
	return name->kind == NAME_SESSION ? put_one_session(export, name->text)
					  : put_device(export, name->text);
}

/* `text` names a device or session; NULL = all. */
static int write_export(
	struct context *context, const struct export_options *options, const char *text)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(new_file_done) struct new_file file = {0};
	CLEANUP(mask_done) struct mask masks = {0};
	struct export export = {.context = context, .masks = options->mask ? &masks : NULL};
	struct name name = {0};
	int r = rpc_open_reading(context, &connection);

	if (r == EXIT_DONE && text)
		r = ask_name(context, connection, text, NAME_ANY, &name);
	if (r == EXIT_DONE)
		r = new_file_open(&file, options->path, NEW_FILE_PRIVATE);
	if (r != EXIT_DONE)
		return r;
	export.connection = connection;
	export.out = file.stream;
	export.break_line = text ? "\n" : " ";
	r = text ? put_named(&export, &name) : put_changes(&export, options->since);
	return r == EXIT_DONE ? new_file_finish(&file) : r;
}

static int run_export(struct context *context, int argc, char **argv)
{
	struct export_options options = {.path = "-"};
	int first = options_read(context, argc, argv, take, &options);

	if (first < 0)
		return -first;
	if (options.all && first < argc)
		return options_too_many("export --all", argv[first]);
	if (options.since && !options.all) {
		report_error("--since needs --all.");
		return EXIT_USAGE;
	}
	if (options.all)
		return write_export(context, &options, NULL);
	if (first == argc) {
		report_error("export needs a device or a session (`idevicetriage sessions` lists "
			     "them), or --all.");
		return EXIT_USAGE;
	}
	if (first + 1 < argc)
		return options_too_many("export", argv[first + 1]);
	return write_export(context, &options, argv[first]);
}

const struct command command_export = {
	.name = "export",
	.arguments = "DEVICE|SESSION|--all",
	.brief = "a case file of a phone",
	.summary = "Write a phone's attempts as a case file, which import reads.",
	.options = own,
	.words = COMPLETE_DEVICE_OR_SESSION,
	.examples = {{"idevicetriage export -o phone.json 5E6F", "all attempts of a phone"},
		{"idevicetriage export --mask 3f9c21aa", "one session, without identifiers"}},
	.run = run_export,
};
