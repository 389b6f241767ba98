/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/report/report_data.h"

#include "client/resolve.h"
#include "client/phrase.h"
#include "client/records.h"
#include "common/base/clock.h"
#include "common/wire/varlink.h"

#define LOOSE_MAX 64 /* cited records that are queried one by one */

struct taking {
	struct report *report;
	struct report_attempt *attempt;
};

static int take_reply(void *user, struct json_object *reply)
{
	struct taking *taking = user;

	report_take_log(taking->report, taking->attempt, reply);
	return EXIT_DONE;
}

/* Queries the cited record of that sequence, which is in no session of the report. */
static int read_loose(struct context *context, struct connection *connection, struct report *report,
	int64_t sequence)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put_number(&builder, parameters, "after", sequence - 1);
	json_put_number(&builder, parameters, "limit", 1);
	r = rpc_call(context, connection, "ReadLog", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		report_take_log(report, NULL, reply);
	return r;
}

/* Without a running daemon there is no status. */
static int read_status(
	struct context *context, struct connection *connection, struct json_object **ret)
{
	struct json_builder builder = {0};

	return rpc_call_allowing(context, connection, "GetStatus", &builder, NULL,
		VARLINK_SERVICE ".MethodNotImplemented", ret);
}

/* The notes on the phone; none if it is unidentified. */
static int read_notes(struct context *context, struct connection *connection, struct report *report)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	const char *device = phrase_identifier(field_object(report->diagnosis, "device"));
	struct json_builder builder = {0};
	struct json_object *parameters;
	int r;

	if (!device)
		return EXIT_DONE;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "device", device);
	r = rpc_call_allowing(context, connection, "GetCase", &builder, parameters,
		INTERFACE "NoSuchDevice", &reply);
	if (r == EXIT_DONE)
		report->notes = json_object_get(field_list(reply, "notes"));
	return r;
}

static int read_logs(struct context *context, struct connection *connection, struct report *report)
{
	size_t loose = 0;
	int r = EXIT_DONE;

	for (size_t i = 0; r == EXIT_DONE && i < report->attempt_count; i++) {
		struct taking taking = {report, &report->attempts[i]};

		if (taking.attempt->id)
			r = records_read(
				context, connection, taking.attempt->id, 0, take_reply, &taking);
	}
	for (size_t i = 0; r == EXIT_DONE && i < report->cited_count && loose < LOOSE_MAX; i++)
		if (!report->cited[i].record && !*report->cited[i].session) {
			r = read_loose(context, connection, report, report->cited[i].sequence);
			loose++;
		}
	return r;
}

int report_gather(struct context *context, const char *text, struct report *ret)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_object *diagnosis = NULL;
	int r = rpc_open_reading(context, &connection);

	*ret = (struct report){0};
	if (r == EXIT_DONE)
		r = ask_diagnosis(context, connection, text, &diagnosis);
	if (r != EXIT_DONE)
		return r;
	if (report_init(ret, diagnosis) < 0)
		return report_no_memory();
	ret->made_us = (int64_t)clock_now().wall_us;
	r = read_status(context, connection, &ret->status);
	if (r == EXIT_DONE)
		r = read_notes(context, connection, ret);
	if (r == EXIT_DONE)
		r = read_logs(context, connection, ret);
	if (r == EXIT_DONE)
		report_finish(ret);
	return r;
}
