/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `diagnose`: why restores of a phone fail, and what to try next. */
#include "client/name.h"
#include "client/options.h"
#include "client/output.h"
#include "common/base/text.h"

static const struct option own[] = {{"verbose", no_argument, NULL, 'v'}, {0}};

static int take(void *user, int option, const char *value)
{
	*(bool *)user = true;
	return EXIT_DONE;
}

static int phase_code(const char *phase)
{
	static const struct {
		const char *phase;
		enum exit_code code;
	} codes[] = {
		{"none", EXIT_DONE},
		{"phase1-connection", EXIT_CONNECTION},
		{"phase1-software", EXIT_SOFTWARE},
		{"phase2-hardware", EXIT_HARDWARE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (text_equal(phase, codes[i].phase))
			return codes[i].code;
	return EXIT_UNDECIDED;
}

static int ask_diagnosis(struct context *context, struct connection *connection, const char *text,
	struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name = {0};
	int r;

	r = text ? ask_name(context, connection, text, NAME_ANY, &name) : EXIT_DONE;
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	if (text)
		json_put_text(&builder, parameters,
			name.kind == NAME_SESSION ? "session" : "device", name.text);
	return ask(context, connection, "Diagnose", &builder, parameters, ret);
}

int command_diagnose(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	bool verbose = false;
	int r, first = options_read(context, argc, argv, "v", own, take, &verbose);
	const char *text;

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("diagnose", argv[first + 1]);
	text = first < argc ? argv[first] : NULL;
	r = ask_open_reading(context, &connection);
	if (r == EXIT_DONE)
		r = ask_diagnosis(context, connection, text, &reply);
	if (r != EXIT_DONE)
		return r;
	context->output->diagnosis(&context->page, reply, verbose);
	return phase_code(field_text_or(field_object(reply, "verdict"), "phase", ""));
}
