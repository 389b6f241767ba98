/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/resolve.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"

#define END_LEAST 4 /* minimum characters of an identifier's end */
#define SESSIONS_LOOKED_AT 1000

/* The matches so far. */
struct match {
	const char *text;
	size_t count; /* different ones */
	struct name name;
};

static bool ends_with(const char *whole, const char *end)
{
	size_t length = strlen(end);

	return length >= END_LEAST && strlen(whole) >= length &&
	       strcasecmp(whole + strlen(whole) - length, end) == 0;
}

static void match_one(struct match *match, enum name_kind kind, const char *whole)
{
	if (strlen(whole) >= sizeof(match->name.text))
		return;
	if (match->count > 0 && strcasecmp(match->name.text, whole) == 0)
		return;
	match->count++;
	match->name.kind = kind;
	text_copy(match->name.text, sizeof(match->name.text), whole);
}

/* A device counts as one match if its ECID, its UDID or both end with the text. */
static void match_device(struct match *match, struct json_object *object)
{
	const char *ecid = field_text(object, "ecid"), *udid = field_text(object, "udid");
	bool fits =
		(ecid && ends_with(ecid, match->text)) || (udid && ends_with(udid, match->text));

	if (fits)
		match_one(match, NAME_DEVICE, ecid ? ecid : udid);
}

/* Searches lists of Session and of Device; either may be NULL. */
static void match_lists(struct match *match, enum name_kind wanted, struct json_object *sessions,
	struct json_object *devices)
{
	for (size_t i = 0; i < field_count(sessions); i++) {
		struct json_object *item = field_item(sessions, i);
		const char *session = field_text(item, "session");

		if ((wanted & NAME_SESSION) && session && ends_with(session, match->text))
			match_one(match, NAME_SESSION, session);
		if (wanted & NAME_DEVICE)
			match_device(match, item);
	}
	for (size_t i = 0; (wanted & NAME_DEVICE) && i < field_count(devices); i++)
		match_device(match, field_item(devices, i));
}

/* The kind of name that the daemon accepts directly; 0 if a lookup is needed. */
static enum name_kind whole_name(const char *text)
{
	char udid[UDID_SIZE];
	struct uuid uuid;
	uint64_t ecid;

	if (uuid_parse(text, &uuid) == 0)
		return NAME_SESSION;
	if (text_starts_with(text, "0x") && ecid_parse(text, &ecid) == 0)
		return NAME_DEVICE;
	if (udid_normalize(text, udid) == 0)
		return NAME_DEVICE;
	if (usb_port_ok(text, strlen(text)))
		return NAME_DEVICE;
	return 0;
}

/* Looks a text up as the end of an identifier in lists of Session and Device, which may be NULL.
 * *ret is untouched if nothing matches. Returns EXIT_DONE, or EXIT_UNKNOWN_NAME after reporting
 * that it matches more than one. */
static int name_find(const char *text, enum name_kind wanted, struct json_object *sessions,
	struct json_object *devices, struct name *ret)
{
	struct match match = {.text = text};

	match_lists(&match, wanted, sessions, devices);
	if (match.count > 1) {
		report_error("%s matches more than one device or session; type more of it.", text);
		return EXIT_UNKNOWN_NAME;
	}
	if (match.count == 1)
		*ret = match.name;
	return EXIT_DONE;
}

int name_take(const char *text, enum name_kind wanted, struct name *ret)
{
	enum name_kind kind = whole_name(text);

	ret->kind = wanted & NAME_DEVICE ? NAME_DEVICE : NAME_SESSION;
	if (!text_copy(ret->text, sizeof(ret->text), text)) {
		report_error("%.40s... names no device and no session.", text);
		return -EXIT_UNKNOWN_NAME;
	}
	if (kind & wanted)
		ret->kind = kind;
	return (kind & wanted) != 0;
}

int ask_name(struct context *context, struct connection *connection, const char *text,
	enum name_kind wanted, struct name *ret)
{
	CLEANUP(json_object_putp) struct json_object *devices = NULL, *sessions = NULL;
	struct json_builder builder = {0};
	struct json_object *limit;
	int r = name_take(text, wanted, ret);

	if (r != 0)
		return r < 0 ? -r : EXIT_DONE;
	limit = json_new_object(&builder);
	json_put_number(&builder, limit, "limit", SESSIONS_LOOKED_AT);
	r = rpc_call(context, connection, "ListSessions", &builder, limit, &sessions);
	if (r == EXIT_DONE && (wanted & NAME_DEVICE))
		r = rpc_call_plain(context, connection, "ListDevices", &devices);
	if (r != EXIT_DONE)
		return r;
	return name_find(text, wanted, field_list(sessions, "sessions"),
		field_list(devices, "devices"), ret);
}

int ask_diagnosis(struct context *context, struct connection *connection, const char *text,
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
	return rpc_call(context, connection, "Diagnose", &builder, parameters, ret);
}
