/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/run/plan.h"

#include <string.h>

#include "client/conditions.h"
#include "client/options.h"
#include "client/run/tool.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define ARGUMENTS_BYTES_MAX 16384 /* of the tool's command line, for the daemon */

enum { OPTION_PORT = OPTION_OWN, OPTION_TICKET, OPTION_LOG, OPTION_ECID };

const struct command_option plan_options[] = {
	CONDITION_OPTIONS,
	{"port", OPTION_PORT, "PORT", "the USB port", COMPLETE_PORT},
	{"ticket", OPTION_TICKET, "TICKET", "the ticket number of the shop", COMPLETE_TICKET},
	{"log", OPTION_LOG, "FILE", "write the tool's log to this file", COMPLETE_FILE},
	{"ecid", OPTION_ECID, "ECID", "the phone, if the tool's own options do not name it"},
	{0},
};

static int add_condition(void *user, const char *key, const char *value)
{
	struct plan *plan = user;
	struct json_object *condition = json_new_object(&plan->builder);

	json_put_text(&plan->builder, condition, "key", key);
	json_put_text(&plan->builder, condition, "value", value);
	json_add(&plan->builder, plan->conditions, condition);
	return EXIT_DONE;
}

static int take_ecid(struct plan *plan, const char *value)
{
	if (ecid_parse(value, &plan->ecid) == 0)
		return EXIT_DONE;
	report_error("--ecid must be an ECID such as 0x1A2B3C4D5E6F, not %s.", value);
	return EXIT_USAGE;
}

/* Of this computer: the daemon finds the phone and the conditions there by it. */
static int take_port(struct plan *plan, const char *value)
{
	plan->port = value;
	if (usb_port_ok(value, strlen(value)))
		return EXIT_DONE;
	report_error("--port must be a USB port such as 1-2.3, not %s. `idevicetriage status` "
		     "lists those with a phone.",
		value);
	return EXIT_USAGE;
}

static int take(void *user, int option, const char *value)
{
	struct plan *plan = user;
	int r;

	if (value && !text_is_utf8(value, strlen(value))) {
		report_error("%s is not valid UTF-8.", value);
		return EXIT_USAGE;
	}
	r = condition_read(option, value, add_condition, plan);
	if (r >= 0)
		return r;
	switch (option) {
	case OPTION_PORT:
		return take_port(plan, value);
	case OPTION_TICKET:
		plan->ticket = value;
		return EXIT_DONE;
	case OPTION_LOG:
		plan->log = value;
		return EXIT_DONE;
	default:
		return take_ecid(plan, value);
	}
}

int plan_read(struct plan *plan, struct context *context, int argc, char **argv)
{
	plan->conditions = json_new_array(&plan->builder);
	return options_read(context, argc, argv, take, plan);
}

void plan_done(struct plan *plan)
{
	json_object_putp(&plan->conditions);
	plan->conditions = NULL;
}

/* The daemon needs the tool's options, not an endless list of file names. */
static struct json_object *build_words(struct json_builder *builder, char **argv, char **end)
{
	struct json_object *list = json_new_array(builder);
	size_t bytes = 0;

	for (; argv < end; argv++) {
		bytes += strlen(*argv);
		if (bytes > ARGUMENTS_BYTES_MAX)
			break;
		json_add_text(builder, list, *argv);
	}
	return list;
}

struct json_object *plan_begin(struct plan *plan, char **argv)
{
	struct json_builder *builder = &plan->builder;
	struct json_object *begin = json_new_object(builder);
	char udid[UDID_SIZE], ecid[ECID_TEXT_SIZE];
	char **tool = tool_word(argv), **end = argv;
	const char *slash = strrchr(tool[0], '/');
	uint64_t named;

	while (*end)
		end++;
	tool_named_phone((const char *const *)tool, &named, udid);
	ecid_format(plan->ecid ? plan->ecid : named, ecid);
	json_put_text(builder, begin, "tool", slash ? slash + 1 : tool[0]);
	if (slash || tool > argv)
		json_put(builder, begin, "program", build_words(builder, argv, tool + 1));
	json_put(builder, begin, "arguments", build_words(builder, tool + 1, end));
	json_put(builder, begin, "conditions", json_object_get(plan->conditions));
	json_put_known_text(builder, begin, "ticket", plan->ticket);
	json_put_known_text(builder, begin, "ecid", ecid);
	json_put_known_text(builder, begin, "udid", udid);
	json_put_known_text(builder, begin, "port", plan->port);
	return json_finish(builder, begin);
}
