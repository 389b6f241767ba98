/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `doctor`: what on this bench would make a restore fail, and the remedy. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "client/rpc.h"
#include "client/doctor/doctor.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "common/base/text.h"

#define DEFAULT_MUX "/var/run/usbmuxd" /* of usbmuxd(8) */
#define SESSIONS_LOOKED_AT 100

/* Finds usbmuxd's address like its clients: UNIX:PATH or a path in the environment. */
static void find_mux(const char *root, char out[static PATH_MAX])
{
	const char *told = getenv("USBMUXD_SOCKET_ADDRESS");

	if (told && text_starts_with(told, "UNIX:"))
		told += 5;
	if (told && *told)
		text_copy(out, PATH_MAX, told);
	else
		snprintf(out, PATH_MAX, "%s" DEFAULT_MUX, root);
}

/* Queries the daemon for its sources and the newest attempts. Both may be unavailable. */
static void ask_daemon(struct context *context, struct doctor *doctor, struct json_object **status,
	struct json_object **sessions, struct json_object **devices, struct json_object **ports)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct json_object *limit, *by;

	doctor->status_error = rpc_open_quietly(context, &connection);
	if (doctor->status_error < 0)
		return;
	doctor->status_error = -EPROTO;
	if (rpc_call_plain(context, connection, "GetStatus", status) != EXIT_DONE)
		return;
	doctor->status = *status;
	limit = json_new_object(&builder);
	json_put_number(&builder, limit, "limit", SESSIONS_LOOKED_AT);
	if (rpc_call(context, connection, "ListSessions", &builder, limit, sessions) == EXIT_DONE)
		doctor->sessions = field_list(*sessions, "sessions");
	if (rpc_call_plain(context, connection, "ListDevices", devices) == EXIT_DONE)
		doctor->devices = field_list(*devices, "devices");
	by = json_new_object(&builder);
	json_put_text(&builder, by, "by", "port");
	if (rpc_call_allowing(context, connection, "GetStatistics", &builder, by,
		    INTERFACE "CasebookUnavailable", ports) == EXIT_DONE)
		doctor->ports = field_list(*ports, "groups");
}

static int run_doctor(struct context *context, int argc, char **argv)
{
	CLEANUP(json_object_putp) struct json_object *status = NULL, *sessions = NULL;
	CLEANUP(json_object_putp) struct json_object *devices = NULL, *ports = NULL;
	CLEANUP(json_object_putp) struct json_object *result = NULL;
	int first = options_read(context, argc, argv, NULL, NULL);
	/* Only for tests: a tree that replaces the system. */
	const char *root = getenv("IDEVICETRIAGE_SYSROOT");
	struct doctor doctor = {.root = root ? root : ""};
	char mux[PATH_MAX];

	if (first < 0)
		return -first;
	if (first < argc)
		return options_too_many("doctor", argv[first]);
	find_mux(doctor.root, mux);
	doctor.mux = mux;
	doctor.state_dir = context->state_dir;
	doctor.socket = context->socket;
	ask_daemon(context, &doctor, &status, &sessions, &devices, &ports);
	result = doctor_run(&doctor);
	if (!result)
		return report_no_memory();
	pager_begin(context);
	context->output->doctor(&context->layout, result);
	return field_number_or(result, "problems", 0) > 0 ? EXIT_REFUSED : EXIT_DONE;
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.brief = "find faults of the bench",
	.summary = "Check this bench, and print what to change. Changes nothing.",
	.examples = {{"idevicetriage doctor", "exits with 1 if there is a problem"},
		{"idevicetriage --json doctor | jq .problems", "the number of problems"}},
	.run = run_doctor,
};
