/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `attempt`: adds a restore that the daemon did not see: on another computer, or earlier. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/conditions.h"
#include "client/time_parse.h"
#include "client/resolve.h"
#include "client/options.h"
#include "client/output/output.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/casefile/casefile.h"
#include "common/model/operation.h"

enum {
	OPTION_OUTCOME = CONDITION_OPTIONS_END,
	OPTION_ERROR,
	OPTION_HOST,
	OPTION_TOOL,
	OPTION_OPERATION,
	OPTION_STAGE,
	OPTION_ACTION,
	OPTION_ENTRY,
	OPTION_FIRMWARE,
	OPTION_MODEL,
	OPTION_PORT,
	OPTION_TICKET,
	OPTION_AT,
};

static const struct option own[] = {
	CONDITION_OPTIONS,
	{"outcome", required_argument, NULL, OPTION_OUTCOME},
	{"error", required_argument, NULL, OPTION_ERROR},
	{"host", required_argument, NULL, OPTION_HOST},
	{"tool", required_argument, NULL, OPTION_TOOL},
	{"operation", required_argument, NULL, OPTION_OPERATION},
	{"stage", required_argument, NULL, OPTION_STAGE},
	{"action", required_argument, NULL, OPTION_ACTION},
	{"entry", required_argument, NULL, OPTION_ENTRY},
	{"firmware", required_argument, NULL, OPTION_FIRMWARE},
	{"model", required_argument, NULL, OPTION_MODEL},
	{"port", required_argument, NULL, OPTION_PORT},
	{"ticket", required_argument, NULL, OPTION_TICKET},
	{"at", required_argument, NULL, OPTION_AT},
	{0},
};

struct telling {
	struct triage_case *c;
	struct attempt *attempt; /* the only one of the case */
	bool crowded;		 /* more conditions than fit into an attempt */
};

static int refuse(const char *option, const char *wants, const char *value)
{
	report_error("%s must be %s, not %s.", option, wants, value);
	return EXIT_USAGE;
}

/* Options with a fixed set of words. */
static int take_outcome(struct telling *telling, const char *value)
{
	return option_outcome(value, &telling->attempt->outcome);
}

static int take_stage(struct telling *telling, const char *value)
{
	telling->attempt->stage = restore_stage_from_name(value);
	return telling->attempt->stage != STAGE_NONE
		       ? EXIT_DONE
		       : refuse("--stage", "dfu, recovery, boot-ramdisk, restore, reboot or normal",
				 value);
}

static int take_entry(struct telling *telling, const char *value)
{
	telling->attempt->entry = device_mode_from_name(value);
	return telling->attempt->entry != MODE_UNKNOWN
		       ? EXIT_DONE
		       : refuse("--entry", "normal, recovery, dfu or restore", value);
}

static int take_action(struct telling *telling, const char *value)
{
	if (!text_equal(value, "update") && !text_equal(value, "erase") &&
		!text_equal(value, "boot"))
		return refuse("--action", "update, erase or boot (only tried to start it)", value);
	text_copy(telling->attempt->action, sizeof(telling->attempt->action), value);
	return EXIT_DONE;
}

/* 4013 is iTunes' number; other numberings have a prefix: amr:11. */
static int take_error(struct telling *telling, const char *value)
{
	static const char *const domains[] = {"itunes", "amr", "restored", "tool-exit"};
	const char *colon = strchr(value, ':');
	struct event event = {.kind = EVENT_REPORTED_ERROR, .source = SOURCE_PERSON};
	char domain[16] = "itunes", *end;
	bool known = false;

	if (colon && (size_t)(colon - value) < sizeof(domain))
		text_copy(domain, (size_t)(colon - value) + 1, value);
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		known = known || text_equal(domain, domains[i]);
	errno = 0;
	event.code = strtoll(colon ? colon + 1 : value, &end, 0);
	if (!known || errno || *end || end == (colon ? colon + 1 : value))
		return refuse("--error", "a number, or amr:, restored: or tool-exit: and a number",
			value);
	text_copy(event.name, sizeof(event.name), domain);
	attempt_fold(telling->attempt, &event);
	return EXIT_DONE;
}

static int take_operation(struct telling *telling, const char *value)
{
	struct attempt *attempt = telling->attempt;
	const struct operation *operation;
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*end || end == value)
		number = operation_by_name(value);
	operation = number <= UINT32_MAX ? operation_by_number((uint32_t)number) : NULL;
	if (!operation)
		return refuse("--operation", "the number or name of a restore's operation", value);
	attempt->operation = operation->number;
	text_copy(attempt->operation_name, sizeof(attempt->operation_name), operation->name);
	attempt->stage = STAGE_RESTORE;
	return EXIT_DONE;
}

static int take_tool(struct telling *telling, const char *value)
{
	struct attempt *attempt = telling->attempt;
	const char *blank = strchr(value, ' ');

	text_clean(value, blank ? (size_t)(blank - value) : strlen(value), attempt->tool,
		sizeof(attempt->tool));
	if (blank)
		text_clean(
			blank + 1, strlen(blank + 1), attempt->version, sizeof(attempt->version));
	return EXIT_DONE;
}

static int take_at(struct telling *telling, const char *value)
{
	int64_t now = (int64_t)clock_now().wall_us, at;

	if (moment_read(value, now, &at) < 0)
		return refuse("--at", "a time such as \"2026-01-31 14:05\" or 14:05", value);
	if (at > now)
		return refuse("--at", "a time that has been", value);
	telling->attempt->started.wall_us = (uint64_t)at;
	return EXIT_DONE;
}

/* Labels: any text of limited length. */
static int take_label(struct telling *telling, int option, const char *value)
{
	struct attempt *attempt = telling->attempt;
	const struct {
		int option;
		char *out;
		size_t size;
	} labels[] = {
		{OPTION_HOST, attempt->host, sizeof(attempt->host)},
		{OPTION_FIRMWARE, attempt->firmware, sizeof(attempt->firmware)},
		{OPTION_MODEL, telling->c->identity.product, sizeof(telling->c->identity.product)},
		{OPTION_PORT, attempt->port, sizeof(attempt->port)},
		{OPTION_TICKET, attempt->ticket, sizeof(attempt->ticket)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		if (labels[i].option != option)
			continue;
		if (strlen(value) >= labels[i].size) {
			report_error("%.20s... is too long: at most %zu bytes.", value,
				labels[i].size - 1);
			return EXIT_USAGE;
		}
		text_clean(value, strlen(value), labels[i].out, labels[i].size);
	}
	return EXIT_DONE;
}

static void add_condition(void *user, const char *key, const char *value)
{
	struct telling *telling = user;

	if (attempt_set_condition(telling->attempt, key, value, 0) < 0)
		telling->crowded = true;
}

static int take(void *user, int option, const char *value)
{
	static const struct {
		int option;
		int (*take)(struct telling *telling, const char *value);
	} takers[] = {
		{OPTION_OUTCOME, take_outcome},
		{OPTION_ERROR, take_error},
		{OPTION_TOOL, take_tool},
		{OPTION_OPERATION, take_operation},
		{OPTION_STAGE, take_stage},
		{OPTION_ACTION, take_action},
		{OPTION_ENTRY, take_entry},
		{OPTION_AT, take_at},
	};
	struct telling *telling = user;
	int r = condition_read(option, value, add_condition, telling);

	if (r >= 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].option == option)
			return takers[i].take(telling, value);
	return take_label(telling, option, value);
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
	report_error("No phone with an ECID or UDID is at %s; name it by one of them.", name);
	return EXIT_UNKNOWN_NAME;
}

static int send(
	struct context *context, struct connection *connection, const struct telling *telling)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters, *object = NULL;
	CLEANUP(freep) char *text = NULL;
	int r;

	if (casefile_write(telling->c, CASEFILE_REVEAL, &text) < 0 ||
		json_read(text, strlen(text), &object) < 0)
		return report_no_memory();
	parameters = json_new_object(&builder);
	json_put(&builder, parameters, "case", object);
	r = rpc_call(context, connection, "AddAttempt", &builder, parameters, &reply);
	if (r == EXIT_DONE)
		context->output->told(&context->layout, reply);
	return r;
}

static int tell(struct context *context, struct telling *telling, const char *device)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct name name = {0};
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE)
		r = ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r == EXIT_DONE)
		r = know_phone(context, connection, name.text, &telling->c->identity);
	return r == EXIT_DONE ? send(context, connection, telling) : r;
}

/* Reports missing options. */
static int check(const struct telling *telling, int words)
{
	if (words == 0)
		report_error("attempt needs the device that was restored.");
	else if (telling->attempt->outcome == OUTCOME_UNKNOWN)
		report_error("attempt needs --outcome " OUTCOME_WORDS ".");
	else if (telling->crowded)
		report_error("An attempt has at most %d conditions.", ATTEMPT_CONDITIONS_MAX);
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

int command_attempt(struct context *context, int argc, char **argv)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct telling telling = {.c = c};
	int first, r;

	telling.attempt = c ? triage_case_add(c) : NULL;
	if (!telling.attempt)
		return report_no_memory();
	telling.attempt->started = clock_now();
	telling.attempt->id = uuid_make(telling.attempt->started);
	first = options_read(context, argc, argv, NULL, own, take, &telling);
	if (first < 0)
		return -first;
	r = check(&telling, argc - first);
	if (r != EXIT_DONE)
		return r;
	if (first + 1 < argc)
		return options_too_many("attempt", argv[first + 1]);
	return tell(context, &telling, argv[first]);
}
