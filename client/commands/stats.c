/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `stats`: how many attempts failed, by port, cable, bench, model, week or tool. */
#include "client/time_parse.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "client/rpc.h"
#include "common/base/clock.h"

enum { OPTION_BY = OPTION_OWN, OPTION_SINCE };

#define WHAT "port cable bench model week tool"

static const struct command_option own[] = {
	{"by", OPTION_BY, "WHAT", "port (default), cable, bench, model, week or tool",
		COMPLETE_WORDS, WHAT},
	{"since", OPTION_SINCE, "DAY", "only attempts from this day on"},
	{0},
};

struct stats_options {
	const char *by;
	int64_t since_us;
};

static int take(void *user, int option, const char *value)
{
	struct stats_options *options = user;

	if (option == OPTION_SINCE) {
		if (moment_read(value, (int64_t)clock_now().wall_us, &options->since_us) == 0)
			return EXIT_DONE;
		report_error("--since must be a day such as 2026-01-31, or a time, not %s.", value);
		return EXIT_USAGE;
	}
	return option_word("--by", value, WHAT, &options->by);
}

static int run_stats(struct context *context, int argc, char **argv)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct stats_options options = {.by = "port"};
	struct json_builder builder = {0};
	struct json_object *parameters;
	int r, first = options_read(context, argc, argv, take, &options);

	if (first < 0)
		return -first;
	if (first < argc)
		return options_too_many("stats", argv[first]);
	r = rpc_open_reading(context, &connection);
	if (r != EXIT_DONE)
		return r;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "by", options.by);
	json_put_known_number(&builder, parameters, "sinceUSec", options.since_us);
	r = rpc_call(context, connection, "GetStatistics", &builder, parameters, &reply);
	if (r == EXIT_DONE) {
		pager_begin(context);
		context->output->statistics(&context->layout, reply);
	}
	return r;
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "",
	.brief = "failures by port, cable",
	.summary = "Count the failures by port, cable, bench, model, week or tool.",
	.options = own,
	.examples = {{"idevicetriage stats --by cable", "which cable fails most"},
		{"idevicetriage stats --since 2026-01-31", "from this day on"}},
	.run = run_stats,
};
