/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/reported.h"

#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/output/output.h"
#include "client/phrase.h"
#include "client/resolve.h"
#include "client/time_parse.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/model/factor.h"
#include "common/model/phone_model.h"
#include "common/model/usb_identity.h"

static const struct {
	int option;
	const char *name;
	const char *key;
} options[] = {
	{OPTION_OUTCOME, "--outcome", "outcome"},
	{OPTION_ERROR, "--error", "error"},
	{OPTION_HOST, "--host", "host"},
	{OPTION_HOST_OS, "--host-os", "hostOs"},
	{OPTION_TOOL, "--tool", "tool"},
	{OPTION_OPERATION, "--operation", "operation"},
	{OPTION_STAGE, "--stage", "stage"},
	{OPTION_ACTION, "--action", "action"},
	{OPTION_ENTRY, "--entry", "entry"},
	{OPTION_FIRMWARE, "--firmware", "firmware"},
	{OPTION_PORT, "--port", "port"},
	{OPTION_TICKET, "--ticket", "ticket"},
};

static char *find(struct reported *reported, const char *key)
{
	for (size_t i = 0; i < reported->count; i++)
		if (text_equal(reported->details[i].key, key))
			return reported->details[i].text;
	return NULL;
}

const char *reported_text(const struct reported *reported, const char *key)
{
	return find((struct reported *)reported, key);
}

static int refuse(const char *option, const char *key, const char *text)
{
	const char *wants = detail_wants(key);

	if (wants)
		report_error("%s must be %s, not %s.", option, wants, text);
	else
		report_error("%s %.40s... is too long.", option, text);
	return EXIT_USAGE;
}

int reported_set(struct reported *reported, const char *option, const char *key, const char *text)
{
	char *present = find(reported, key), clean[DETAIL_SIZE];

	if (!text_is_utf8(text, strlen(text))) {
		report_error("%s %s is not valid UTF-8.", option, text);
		return EXIT_USAGE;
	}
	text_clean(text, strlen(text), clean, sizeof(clean));
	if (strlen(text) >= sizeof(clean) || !detail_takes(key, clean))
		return refuse(option, key, text);
	if (!present && reported->count == REPORTED_MAX) {
		report_error("A command accepts at most %d details of an attempt.", REPORTED_MAX);
		return EXIT_USAGE;
	}
	if (!present) {
		text_copy(reported->details[reported->count].key, CONDITION_KEY_SIZE, key);
		present = reported->details[reported->count++].text;
	}
	text_copy(present, DETAIL_SIZE, clean);
	return EXIT_DONE;
}

static int take_condition(void *user, const char *key, const char *value)
{
	return reported_set(user, key, key, value);
}

/* Several numbers are one text. */
static int take_error(struct reported *reported, const char *value)
{
	const char *present = reported_text(reported, "error");
	char text[2 * DETAIL_SIZE];

	if (!present || !*present || !detail_takes("error", value))
		return reported_set(reported, "--error", "error", value);
	snprintf(text, sizeof(text), "%s %s", present, value);
	return reported_set(reported, "--error", "error", text);
}

static int take_at(struct reported *reported, const char *value)
{
	int64_t now = (int64_t)clock_now().wall_us, at;
	char text[DETAIL_SIZE];

	if (moment_read(value, now, &at) < 0) {
		report_error("--at must be a time such as \"2026-01-31 14:05\" or 14:05, not %s.",
			value);
		return EXIT_USAGE;
	}
	if (at > now) {
		report_error("--at must be a time in the past, not %s.", value);
		return EXIT_USAGE;
	}
	snprintf(text, sizeof(text), "%" PRId64, at);
	return reported_set(reported, "--at", "started", text);
}

/* The key of an option's name, with or without its dashes: host-os is hostOs. */
static void to_key(const char *name, char key[static CONDITION_KEY_SIZE])
{
	size_t length = 0;
	bool raise = false;

	name += strspn(name, "-");
	for (; *name && length < CONDITION_KEY_SIZE - 1; name++) {
		if (*name != '-')
			key[length++] = raise ? (char)toupper((unsigned char)*name) : *name;
		raise = *name == '-';
	}
	key[length] = '\0';
	if (text_equal(key, "at"))
		text_copy(key, CONDITION_KEY_SIZE, "started");
}

static int take_unset(struct reported *reported, const char *value)
{
	char key[CONDITION_KEY_SIZE];

	to_key(value, key);
	if (!detail_takes(key, "")) {
		report_error("--unset cannot take back %s. Report another one.", value);
		return EXIT_USAGE;
	}
	return reported_set(reported, "--unset", key, "");
}

static const char *nearest_product(const char *text)
{
	const struct model *named = model_by_name(text), *models;
	const char *nearest = NULL;
	size_t count, best = TEXT_FAR;

	if (!named)
		named = model_by_board(text);
	if (named)
		return named->product;
	models = model_all(&count);
	for (size_t i = 0; i < count; i++)
		if (text_is_nearer(text, models[i].product, &best))
			nearest = models[i].product;
	return nearest;
}

/* New phones appear: a model that is not in the table is stored all the same. */
static int take_model(struct reported *reported, const char *value)
{
	int r = reported_set(reported, "--model", "model", value);
	const char *nearest;

	if (r != EXIT_DONE || model_by_product(value))
		return r;
	nearest = nearest_product(value);
	if (nearest)
		report_error("%s is not a known model; did you mean %s?", value, nearest);
	else
		report_error("%s is not a known model. It is stored as typed.", value);
	return r;
}

int reported_read(struct reported *reported, int option, const char *value)
{
	int r = condition_read(option, value, take_condition, reported);

	if (r >= 0)
		return r;
	if (option == OPTION_ERROR)
		return take_error(reported, value);
	if (option == OPTION_AT)
		return take_at(reported, value);
	if (option == OPTION_MODEL)
		return take_model(reported, value);
	if (option == OPTION_UNSET)
		return take_unset(reported, value);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].option == option)
			return reported_set(reported, options[i].name, options[i].key, value);
	return -1;
}

int reported_apply(
	const struct reported *reported, struct attempt *attempt, struct identity *identity)
{
	for (size_t i = 0; i < reported->count; i++) {
		if (detail_set(attempt, identity, reported->details[i].key,
			    reported->details[i].text, 0) == 0)
			continue;
		report_error("An attempt has at most %d conditions.", ATTEMPT_CONDITIONS_MAX);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

const char *reported_by(void)
{
	const char *through_sudo = getenv("SUDO_USER");
	const struct passwd *user = getpwuid(getuid());

	return through_sudo && *through_sudo ? through_sudo : user ? user->pw_name : NULL;
}

/* The name of a port here that is most similar; the text itself if it is one, NULL if none is. */
static const char *nearest_port(struct json_object *places, const char *text)
{
	const char *nearest = NULL;
	size_t best = TEXT_FAR;

	for (size_t i = 0; i < field_count(places); i++) {
		const char *name = phrase_slot(field_item(places, i));

		if (name && strcasecmp(name, text) == 0)
			return text;
		if (name && text_is_nearer(text, name, &best))
			nearest = name;
	}
	return nearest;
}

int reported_check_port(
	struct context *context, struct connection *connection, const struct reported *reported)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	const char *port = reported_text(reported, "port"), *nearest;
	int r;

	if (!port || !*port || usb_port_ok(port, strlen(port)) || reported_text(reported, "host"))
		return EXIT_DONE;
	r = rpc_call_plain(context, connection, "GetConditions", &reply);
	nearest = nearest_port(field_list(reply, "places"), port);
	if (r == EXIT_DONE && nearest && nearest != port)
		report_error("No port here is named %s; did you mean %s?", port, nearest);
	return r;
}

static struct json_object *changes_to_json(
	struct json_builder *builder, const struct reported *reported)
{
	struct json_object *changes = json_new_array(builder);

	for (size_t i = 0; i < reported->count; i++) {
		const char *text = reported->details[i].text;
		struct json_object *change = json_new_object(builder);
		bool unknown = detail_is_condition(reported->details[i].key) &&
			       text_equal(text, "unknown");

		json_put_text(builder, change, "key", reported->details[i].key);
		json_put_text(builder, change, "value", unknown ? "" : text);
		json_add(builder, changes, change);
	}
	return changes;
}

int reported_amend(struct context *context, struct connection *connection, const char *session,
	const struct reported *reported, struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	const char *by = reported_by();

	json_put_text(&builder, parameters, "session", session);
	json_put(&builder, parameters, "changes", changes_to_json(&builder, reported));
	if (by)
		json_put_text(&builder, parameters, "by", by);
	return rpc_call(context, connection, "AmendAttempt", &builder, parameters, ret);
}

int reported_check_keys(const struct reported *reported)
{
	for (size_t i = 0; i < reported->count; i++) {
		const char *key = reported->details[i].key;

		if (!*reported->details[i].text || detail_is_key(key))
			continue;
		report_error("A key is a lower-case letter, then letters and digits, not %s.", key);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static bool is_own(const char *key, const char *text)
{
	return !*text && detail_is_condition(key) && !factor_by_key(key);
}

bool reported_unsets_own(const struct reported *reported)
{
	for (size_t i = 0; i < reported->count; i++)
		if (is_own(reported->details[i].key, reported->details[i].text))
			return true;
	return false;
}

static bool has_condition(struct json_object *conditions, const char *key)
{
	for (size_t i = 0; i < field_count(conditions); i++)
		if (text_equal(field_text_or(field_item(conditions, i), "key", ""), key))
			return true;
	return false;
}

/* "cable, computer"; "none" if there are none. */
static void list_keys(struct json_object *conditions, char *ret, size_t size)
{
	size_t used = (size_t)snprintf(ret, size, "%s", field_count(conditions) ? "" : "none");

	for (size_t i = 0; i < field_count(conditions) && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%s", i ? ", " : "",
			field_text_or(field_item(conditions, i), "key", ""));
}

int reported_check_unset(
	const struct reported *reported, struct json_object *conditions, const char *where)
{
	char keys[ATTEMPT_CONDITIONS_MAX * (CONDITION_KEY_SIZE + 2)];

	for (size_t i = 0; i < reported->count; i++) {
		const char *key = reported->details[i].key;

		if (!is_own(key, reported->details[i].text) || has_condition(conditions, key))
			continue;
		list_keys(conditions, keys, sizeof(keys));
		report_error("Cannot delete %s: %s does not have it. It has %s.", key, where, keys);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int check_session(struct context *context, struct connection *connection,
	const struct reported *reported, const char *session)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters;
	int r;

	if (!reported_unsets_own(reported))
		return EXIT_DONE;
	parameters = json_new_object(&builder);
	json_put_text(&builder, parameters, "name", session);
	r = rpc_call(context, connection, "ListSessions", &builder, parameters, &reply);
	return r != EXIT_DONE ? r
			      : reported_check_unset(reported,
					field_list(field_item(field_list(reply, "sessions"), 0),
						"conditions"),
					phrase_session(session));
}

int reported_correct(struct context *context, const struct reported *reported, const char *session)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct name name = {0};
	int r;

	if (reported->count == 0) {
		report_error("--session needs what is to be corrected, or --unset.");
		return EXIT_USAGE;
	}
	r = reported_check_keys(reported);
	if (r == EXIT_DONE)
		r = rpc_open(context, &connection);
	if (r == EXIT_DONE)
		r = ask_name(context, connection, session, NAME_SESSION, &name);
	if (r == EXIT_DONE)
		r = check_session(context, connection, reported, name.text);
	if (r == EXIT_DONE)
		r = reported_check_port(context, connection, reported);
	if (r == EXIT_DONE)
		r = reported_amend(context, connection, name.text, reported, &reply);
	if (r == EXIT_DONE)
		context->output->amended(&context->layout, reply);
	return r;
}
