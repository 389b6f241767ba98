/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `attempt`: adds a restore that the daemon did not see: on another computer, or earlier. Or
 * corrects a past attempt. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/reported.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/model/usb_identity.h"

enum { OPTION_SESSION = OPTION_OWN, OPTION_REMOVE };

static const struct command_option own[] = {
	ATTEMPT_OPTIONS,
	UNSET_OPTION("with --session: delete this value"),
	{"session", OPTION_SESSION, "SESSION", "correct this attempt", COMPLETE_SESSION},
	{"remove", OPTION_REMOVE, NULL, "with --session: withdraw the attempt"},
	{0},
};

struct attempt_request {
	struct reported reported;
	const char *session; /* to correct; NULL = a new one */
	bool corrects;	     /* an option that makes sense for a past one alone */
};

static int take(void *user, int option, const char *value)
{
	struct attempt_request *request = user;

	if (option == OPTION_SESSION) {
		request->session = value;
		return EXIT_DONE;
	}
	request->corrects |= option == OPTION_REMOVE || option == OPTION_UNSET;
	if (option == OPTION_REMOVE)
		return reported_set(&request->reported, "--remove", "outcome", "withdrawn");
	return reported_read(&request->reported, option, value);
}

/* Adds the phone's identifiers, if the daemon lists it at a port or has more of them. */
static int know_phone(struct context *context, struct connection *connection, const char *name,
	struct identity *identity)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *devices;
	int r;

	if (udid_normalize(name, identity->udid) == 0)
		identity->ecid = udid_ecid(identity->udid);
	else
		ecid_parse(name, &identity->ecid);
	r = rpc_call_plain(context, connection, "ListDevices", &reply);
	devices = field_list(reply, "devices");
	for (size_t i = 0; r == EXIT_DONE && i < field_count(devices); i++) {
		struct json_object *device = field_item(devices, i);
		struct identity known = {0};

		ecid_parse(field_text_or(device, "ecid", ""), &known.ecid);
		udid_normalize(field_text_or(device, "udid", ""), known.udid);
		text_copy(known.product, sizeof(known.product),
			field_text_or(device, "productType", ""));
		if (identity_matches(identity, &known) ||
			(text_equal(field_text_or(device, "port", ""), name) &&
				!text_equal(field_text_or(device, "mode", ""), "gone")))
			identity_merge(identity, &known);
	}
	if (r != EXIT_DONE || identity->ecid || identity->udid[0])
		return r;
	if (!usb_port_ok(name, strlen(name)))
		return report_unknown_device(name);
	report_error("No identified phone is at %s. Name the phone by its ECID or UDID.", name);
	return EXIT_UNKNOWN_NAME;
}

static int send(struct context *context, struct connection *connection, const struct triage_case *c)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	int r;

	json_put(&builder, parameters, "case", casefile_to_json(c, CASEFILE_REVEAL));
	r = rpc_call(context, connection, "AddAttempt", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		context->output->told(&context->layout, reply);
	return r;
}

static int add(struct context *context, const struct reported *reported, const char *device)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct attempt *attempt = c ? triage_case_add(c) : NULL;
	struct name name = {0};
	int r;

	if (!attempt)
		return report_no_memory();
	attempt->started = clock_now();
	attempt->id = uuid_make(attempt->started);
	r = reported_apply(reported, attempt, &c->identity);
	if (r == EXIT_DONE)
		r = rpc_open(context, &connection);
	if (r == EXIT_DONE)
		r = ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r == EXIT_DONE)
		r = know_phone(context, connection, name.text, &c->identity);
	if (r == EXIT_DONE)
		r = reported_check_port(context, connection, reported);
	return r == EXIT_DONE ? send(context, connection, c) : r;
}

/* Reports missing options. */
static int check(const struct attempt_request *request, int words)
{
	if (request->corrects)
		report_error("--unset and --remove need --session SESSION.");
	else if (words == 0)
		report_error("attempt needs the device that was restored, or --session SESSION.");
	else if (!reported_text(&request->reported, "outcome"))
		report_error("attempt needs --outcome %s.", detail_wants("outcome"));
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

static int run_attempt(struct context *context, int argc, char **argv)
{
	struct attempt_request request = {0};
	int r, first = options_read(context, argc, argv, take, &request);

	if (first < 0)
		return -first;
	if (first + !request.session < argc)
		return options_too_many("attempt", argv[first + !request.session]);
	if (request.session)
		return reported_correct(context, &request.reported, request.session);
	r = check(&request, argc - first);
	return r == EXIT_DONE ? add(context, &request.reported, argv[first]) : r;
}

const struct command command_attempt = {
	.name = "attempt",
	.arguments = "DEVICE|--session SESSION",
	.brief = "a restore done elsewhere",
	.summary = "Add a restore that the daemon did not see, or correct a past one.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage attempt 1-2.3 --outcome failed --error 4013 --host Mac",
			     "a restore on another computer"},
		{"idevicetriage attempt --session 3f9c21aa --cable L07", "it was another cable"}},
	.run = run_attempt,
};
