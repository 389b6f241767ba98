/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `metrics`: the bench's numbers, in the text format of node_exporter's textfile collector. Only
 * counts, no identifiers of phones. */
#include <inttypes.h>
#include <string.h>

#include "client/rpc.h"
#include "client/fields.h"
#include "client/new_file.h"
#include "client/options.h"
#include "common/base/text.h"

static const struct command_option own[] = {
	{"output", 'o', "FILE", "write to this file", COMPLETE_FILE},
	{0},
};

static int take(void *user, int option, const char *value)
{
	const char **path = user;

	*path = value;
	return EXIT_DONE;
}

/* Writes the value of a label: the format escapes these three characters
 * (prometheus.io/docs/instrumenting/exposition_formats). */
static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void put_head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP idevicetriage_%s %s\n# TYPE idevicetriage_%s gauge\n", name, help,
		name);
}

static void put_sources(FILE *out, struct json_object *status)
{
	struct json_object *sources = field_list(status, "sources");

	put_head(out, "source_up", "Whether a source of the daemon works.");
	for (size_t i = 0; i < field_count(sources); i++) {
		fputs("idevicetriage_source_up{", out);
		put_label(out, "source", field_text_or(field_item(sources, i), "name", "?"));
		fprintf(out, "} %d\n", field_true(field_item(sources, i), "up"));
	}
}

static void put_status(FILE *out, struct json_object *status)
{
	put_sources(out, status);
	put_head(out, "devices", "Phones on the bench.");
	fprintf(out, "idevicetriage_devices %" PRId64 "\n",
		field_number_or(status, "deviceCount", 0));
	put_head(out, "running_restores", "Running restores.");
	fprintf(out, "idevicetriage_running_restores %zu\n",
		field_count(field_list(status, "runningSessions")));
}

static void put_outcome(
	FILE *out, const char *by, struct json_object *group, const char *outcome, int64_t number)
{
	fputs("idevicetriage_attempts{", out);
	put_label(out, "by", by);
	fputc(',', out);
	put_label(out, "key", field_text_or(group, "key", ""));
	fputc(',', out);
	put_label(out, "host", field_text_or(group, "host", ""));
	/* Two computers may have one name. */
	if (field_text(group, "hostId")) {
		fputc(',', out);
		put_label(out, "host_id", field_text(group, "hostId"));
	}
	fprintf(out, ",outcome=\"%s\"} %" PRId64 "\n", outcome, number);
}

static void put_groups(FILE *out, struct json_object *reply)
{
	struct json_object *groups = field_list(reply, "groups");
	const char *by = field_text_or(reply, "by", "?");

	for (size_t i = 0; i < field_count(groups); i++) {
		struct json_object *group = field_item(groups, i);
		int64_t failed = field_number_or(group, "failed", 0);
		int64_t succeeded = field_number_or(group, "succeeded", 0);

		put_outcome(out, by, group, "failed", failed);
		put_outcome(out, by, group, "succeeded", succeeded);
		put_outcome(out, by, group, "other",
			field_number_or(group, "attempts", 0) - failed - succeeded);
	}
}

/* If the casebook is unusable, its counts are missing, and source_up shows that. */
static int put_counts(struct context *context, struct connection *connection, FILE *out)
{
	static const char *const ways[] = {"bench", "port", "cable", "model", "tool"};
	int r = EXIT_DONE;

	put_head(out, "attempts", "Restore attempts in the casebook, the newest 4000.");
	for (size_t i = 0; r == EXIT_DONE && i < ARRAY_SIZE(ways); i++) {
		CLEANUP(json_object_putp) struct json_object *reply = NULL;
		struct json_builder builder = {0};
		struct json_object *parameters = json_new_object(&builder);

		json_put_text(&builder, parameters, "by", ways[i]);
		r = rpc_call_allowing(context, connection, "GetStatistics", &builder, parameters,
			INTERFACE "CasebookUnavailable", &reply);
		if (reply)
			put_groups(out, reply);
	}
	return r;
}

static int write_metrics(struct context *context, const char *path)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *status = NULL;
	CLEANUP(new_file_done) struct new_file file = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE)
		r = rpc_call_plain(context, connection, "GetStatus", &status);
	if (r == EXIT_DONE)
		r = new_file_open(&file, path, NEW_FILE_SHARED);
	if (r != EXIT_DONE)
		return r;
	put_status(file.stream, status);
	r = put_counts(context, connection, file.stream);
	return r == EXIT_DONE ? new_file_finish(&file) : r;
}

static int run_metrics(struct context *context, int argc, char **argv)
{
	const char *path = "-";
	int first = options_read(context, argc, argv, take, &path);

	if (first < 0)
		return -first;
	return first < argc ? options_too_many("metrics", argv[first])
			    : write_metrics(context, path);
}

const struct command command_metrics = {
	.name = "metrics",
	.arguments = "",
	.brief = "counts for node_exporter",
	.summary = "Write the numbers of the bench for the textfile collector of node_exporter.",
	.options = own,
	.examples = {{"idevicetriage metrics", "to standard output"},
		{"idevicetriage metrics -o idevicetriage.prom",
			"to a file, as a whole or not at all"}},
	.run = run_metrics,
};
