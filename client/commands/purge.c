/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `purge`: deletes the data of a phone, or data from before a day. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/fields.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/tool_logs.h"
#include "common/base/clock.h"

struct purge_options {
	int64_t before_us;
	bool yes;
};

enum { OPTION_BEFORE = OPTION_OWN };

static const struct command_option own[] = {
	{"before", OPTION_BEFORE, "DAY", "only attempts from before this day"},
	{"yes", 'y', NULL, "do not ask"},
	{0},
};

/* Reads the start of a day in local time. */
static int read_day(const char *value, int64_t *ret)
{
	struct tm parts = {.tm_isdst = -1};
	const char *rest = strptime(value, "%Y-%m-%d", &parts);
	time_t seconds = rest && !*rest ? mktime(&parts) : -1;

	if (seconds <= 0) {
		report_error("--before must be a day such as 2026-01-31, not %s.", value);
		return EXIT_USAGE;
	}
	*ret = (int64_t)seconds * (int64_t)USEC_PER_SEC;
	return EXIT_DONE;
}

static int take(void *user, int option, const char *value)
{
	struct purge_options *options = user;

	if (option == OPTION_BEFORE)
		return read_day(value, &options->before_us);
	options->yes = true;
	return EXIT_DONE;
}

/* A purge cannot be undone: asks on a terminal, and requires the option elsewhere. */
static int confirm(const struct purge_options *options, const char *device)
{
	char answer[16] = "";

	if (options->yes)
		return EXIT_DONE;
	if (!isatty(STDIN_FILENO)) {
		report_error("A purge cannot be undone: add --yes to confirm it in a script.");
		return EXIT_USAGE;
	}
	fprintf(stderr, "Purge %s%s%s for good? Type yes: ",
		device ? "everything stored about " : "the attempts", device ? device : "",
		options->before_us ? " from before that day" : "");
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0) {
		report_error("Nothing was purged.");
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

/* Completes the purge, prints it, and reports what is left. Returns an exit code. */
static int finish(struct context *context, struct json_object *reply)
{
	int r = tool_logs_delete(reply);

	context->output->purged(&context->layout, reply);
	if (!field_true(reply, "pending"))
		return r;
	report_error("Another program reads the casebook, or the disk is slow: deleted data stays "
		     "in the write-ahead log until then.");
	return EXIT_REFUSED;
}

static int purge(struct context *context, const struct purge_options *options, const char *device)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters;
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE && device)
		r = ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r == EXIT_DONE)
		r = confirm(options, device);
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	if (device)
		json_put_text(&builder, parameters, "device", name.text);
	if (options->before_us)
		json_put_number(&builder, parameters, "beforeUSec", options->before_us);
	r = rpc_call(context, connection, "Purge", &builder, parameters, &reply);
	return r == EXIT_DONE ? finish(context, reply) : r;
}

static int run_purge(struct context *context, int argc, char **argv)
{
	struct purge_options options = {0};
	int first = options_read(context, argc, argv, take, &options);

	if (first < 0)
		return -first;
	if (first == argc && !options.before_us) {
		report_error("purge needs a device, or --before DAY, or both.");
		return EXIT_USAGE;
	}
	if (first + 1 < argc)
		return options_too_many("purge", argv[first + 1]);
	return purge(context, &options, first < argc ? argv[first] : NULL);
}

const struct command command_purge = {
	.name = "purge",
	.arguments = "[DEVICE]",
	.brief = "delete a phone",
	.summary = "Delete a phone, or attempts from before a day. Cannot be undone.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage purge --before 2025-01-31 --yes",
			     "old attempts of all phones"},
		{"idevicetriage purge --yes 5E6F", "all about this phone"}},
	.run = run_purge,
};
