/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/resolve.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/mask.h"
#include "client/phrase.h"
#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/usb_identity.h"
#include "common/store/filter.h"

#define CHOICES_SHOWN 8
#define LIST_SIZE 800 /* bytes of their names */

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

/* What a text may name. */
struct choice {
	const struct layout *layout;
	struct name first;
	size_t count;
	char list[LIST_SIZE]; /* the first ones, for people */
};

/* Adds one that the daemon accepts as `name`; the words are for people. */
static void add_choice(struct choice *choice, enum name_kind kind, const char *name,
	const char *words, ...) PRINTF_LIKE(4, 5);

static void add_choice(
	struct choice *choice, enum name_kind kind, const char *name, const char *words, ...)
{
	size_t length = strlen(choice->list);
	va_list arguments;

	if (choice->count++ == 0) {
		choice->first.kind = kind;
		text_copy(choice->first.text, sizeof(choice->first.text), name);
	}
	if (choice->count > CHOICES_SHOWN)
		return;
	if (length)
		text_copy(choice->list + length, sizeof(choice->list) - length, ", ");
	length = strlen(choice->list);
	va_start(arguments, words);
	vsnprintf(choice->list + length, sizeof(choice->list) - length, words, arguments);
	va_end(arguments);
}

static void add_device(struct choice *choice, struct json_object *device)
{
	const char *name = phrase_identifier(device);
	CLEANUP(freep)
	char *masked = choice->layout->reveal ? NULL : mask_text(NULL, name, choice->layout->utf8);

	add_choice(
		choice, NAME_DEVICE, name, "%s %s", phrase_model(device), masked ? masked : name);
}

static void add_port(struct choice *choice, struct json_object *port)
{
	const char *name = json_object_get_string(port);

	add_choice(choice, NAME_DEVICE, name, "port %s", name);
}

static void add_session(struct choice *choice, struct json_object *session)
{
	const char *name = field_text_or(session, "session", "");
	int64_t started_us = 0;

	field_number(session, "startedUSec", &started_us);
	add_choice(choice, NAME_SESSION, name, "session %s of %s", phrase_session(name),
		phrase_minute(started_us).text);
}

static void add_list(struct choice *choice, struct json_object *list,
	void (*add)(struct choice *choice, struct json_object *item))
{
	for (size_t i = 0; i < field_count(list); i++)
		add(choice, field_item(list, i));
}

/* A ticket names its phone; its sessions, where a session is wanted or no phone is known. */
static void add_found(struct choice *choice, enum name_kind wanted, struct json_object *found)
{
	if (wanted & NAME_DEVICE) {
		add_list(choice, field_list(found, "devices"), add_device);
		add_list(choice, field_list(found, "ports"), add_port);
	}
	if (wanted & NAME_SESSION)
		add_list(choice, field_list(found, "sessions"), add_session);
	if (wanted & NAME_SESSION && (wanted == NAME_SESSION || choice->count == 0))
		add_list(choice, field_list(found, "ticketSessions"), add_session);
}

/* *ret is untouched if nothing matches. */
static int choose(struct context *context, const char *text, enum name_kind wanted,
	struct json_object *found, struct name *ret)
{
	struct choice choice = {.layout = &context->layout};

	add_found(&choice, wanted, found);
	if (choice.count > 1) {
		report_error("Cannot choose: \"%.64s\" may be %s%s. Give one of them%s.", text,
			choice.list,
			choice.count > CHOICES_SHOWN || field_true(found, "cut") ? " and others"
										 : "",
			wanted & NAME_SESSION ? ", or its session" : "");
		return EXIT_UNKNOWN_NAME;
	}
	if (choice.count == 1)
		*ret = choice.first;
	return EXIT_DONE;
}

int name_take_model(const char *text)
{
	struct filter filter = {0};

	if (filter_set_model(&filter, text))
		return EXIT_DONE;
	report_error("--model must be a known model such as iPhone10,4, d201ap or \"iPhone 8\", "
		     "not %s.",
		text);
	return EXIT_USAGE;
}

int ask_found(struct context *context, struct connection *connection, const char *text,
	struct json_object **ret)
{
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);

	json_put_text(&builder, parameters, "name", text);
	return rpc_call(context, connection, "Find", &builder, parameters, ret);
}

int ask_name(struct context *context, struct connection *connection, const char *text,
	enum name_kind wanted, struct name *ret)
{
	CLEANUP(json_object_putp) struct json_object *found = NULL;
	int r = name_take(text, wanted, ret);

	/* A ticket may look like a port. */
	if (r < 0 || (r > 0 && !usb_port_ok(text, strlen(text))))
		return r < 0 ? -r : EXIT_DONE;
	r = ask_found(context, connection, text, &found);
	return r == EXIT_DONE ? choose(context, text, wanted, found, ret) : r;
}

int report_unknown_device(const char *text)
{
	report_error(
		"No device %s is known here; `idevicetriage sessions` lists the known ones.", text);
	return EXIT_UNKNOWN_NAME;
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
