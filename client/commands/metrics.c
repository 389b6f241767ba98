/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `metrics`: the bench's numbers, in the text format of node_exporter's textfile collector. Only
 * counts, no identifiers of phones. */
#include <inttypes.h>
#include <string.h>

#include "client/diagnosis_reply.h"
#include "client/fields.h"
#include "client/new_file.h"
#include "client/options.h"
#include "client/rpc.h"
#include "client/sync_report.h"
#include "common/base/clock.h"
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

static void put_number(FILE *out, const char *name, const char *help, int64_t number)
{
	put_head(out, name, help);
	fprintf(out, "idevicetriage_%s %" PRId64 "\n", name, number);
}

static void put_status(FILE *out, struct json_object *status)
{
	put_sources(out, status);
	put_number(out, "ring_first_record", "The number of the oldest record in the ring.",
		field_number_or(status, "firstSequence", 0));
	put_number(out, "ring_last_record", "The number of the newest record in the ring.",
		field_number_or(status, "lastSequence", 0));
	put_number(out, "ring_damaged_records",
		"Damaged records that the daemon found in the ring at its start.",
		field_number_or(status, "damagedRecords", 0));
	put_number(
		out, "devices", "Phones on the bench.", field_number_or(status, "deviceCount", 0));
	put_number(out, "running_restores", "Running restores.",
		(int64_t)field_count(field_list(status, "runningSessions")));
}

/* The exchange with other benches, where it is set up. */
static void put_sync(FILE *out)
{
	CLEANUP(sync_report_done) struct sync_report report;

	sync_report_read("", &report);
	if (report.state == SYNC_NONE)
		return;
	put_number(out, "sync_connected", "Whether the server of the shop is connected.",
		report.state == SYNC_WORKS);
	if (report.waiting >= 0)
		put_number(
			out, "sync_waiting", "Changes that wait for the server.", report.waiting);
	put_number(out, "sync_last_contact_seconds", "When the server answered last.",
		field_number_or(report.object, "lastContactUSec", 0) / (int64_t)USEC_PER_SEC);
	put_number(out, "sync_left_out", "Changes that the server or the daemon refused.",
		field_number_or(report.object, "leftOut", 0));
	put_number(out, "sync_clock_ahead_seconds", "This clock, compared with the server's.",
		report.clock_ahead_seconds);
}

/* Phones */

static const char *fault_of(struct json_object *device)
{
	return field_text(field_object(device, "fault"), "fault");
}

/* NULL if the phone is not on the bench. */
static const char *port_of(struct json_object *device)
{
	return text_equal(field_text_or(device, "mode", "gone"), "gone")
		       ? NULL
		       : field_text(device, "port");
}

/* How many phones have the value of phone `i`. 0: it has none, or it is not the first with it. A
 * label may appear only once. */
static int64_t count_same(
	struct json_object *devices, size_t i, const char *(*value_of)(struct json_object *device))
{
	const char *value = value_of(field_item(devices, i));
	int64_t count = 0;

	for (size_t k = 0; value && k < field_count(devices); k++) {
		const char *other = value_of(field_item(devices, k));

		if (!other || !text_equal(other, value))
			continue;
		if (k < i)
			return 0;
		count++;
	}
	return count;
}

static void put_hidden(FILE *out, struct json_object *devices)
{
	put_head(out, "hidden_phones", "Phones on USB that usbmuxd does not list, by reason.");
	for (size_t i = 0; i < field_count(devices); i++) {
		int64_t count = count_same(devices, i, fault_of);

		if (!count)
			continue;
		fputs("idevicetriage_hidden_phones{", out);
		put_label(out, "fault", fault_of(field_item(devices, i)));
		fprintf(out, "} %" PRId64 "\n", count);
	}
}

/* The diagnosis of the phone at a port; *ret is NULL if there is none. */
static int ask_diagnosis(struct context *context, struct connection **connection, const char *port,
	struct json_object **ret)
{
	struct varlink_reply reply = {0};
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put_text(&builder, parameters, "device", port);
	r = rpc_ask_beside(context, connection, "Diagnose", &builder, parameters, &reply);
	if (r < 0)
		return rpc_unreachable(context, r);
	*ret = reply.error ? NULL : json_object_get(reply.parameters);
	varlink_reply_done(&reply);
	return EXIT_DONE;
}

static int put_ports(struct context *context, struct connection **connection, FILE *out,
	struct json_object *devices)
{
	int64_t hung = 0;
	int r = EXIT_DONE;

	put_head(out, "port_suspect", "Whether the port is the first suspect for the phone on it.");
	for (size_t i = 0; r == EXIT_DONE && i < field_count(devices); i++) {
		CLEANUP(json_object_putp) struct json_object *diagnosis = NULL;
		const char *port = port_of(field_item(devices, i));

		if (!count_same(devices, i, port_of))
			continue;
		r = ask_diagnosis(context, connection, port, &diagnosis);
		hung += text_equal(
			field_text_or(field_object(diagnosis, "verdict"), "running", ""), "hung");
		fputs("idevicetriage_port_suspect{", out);
		put_label(out, "port", port);
		fprintf(out, "} %d\n", diagnosis_blames_port(diagnosis));
	}
	put_number(out, "hung_restores", "Restores past the budget of their step.", hung);
	return r;
}

static int put_phones(struct context *context, struct connection **connection, FILE *out)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	int r = rpc_call_plain(context, *connection, "ListDevices", &reply);

	if (r != EXIT_DONE)
		return r;
	put_hidden(out, field_list(reply, "devices"));
	return put_ports(context, connection, out, field_list(reply, "devices"));
}

/* Attempts */

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
	put_sync(file.stream);
	r = put_phones(context, &connection, file.stream);
	if (r == EXIT_DONE)
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
