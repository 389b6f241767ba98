/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program's data as JSON in the shapes of the .varlink file, for the daemon's answers and for
 * the client without a daemon. It decides nothing and reads no clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/model/attempt.h"
#include "common/model/case.h"
#include "common/model/event.h"
#include "common/model/mux_visibility.h"
#include "common/model/session.h"
#include "common/diagnosis/verdict.h"
#include "common/wire/json.h"

/* A phone of the bench. Empty texts and an ecid of 0 are unknown; texts are borrowed. */
struct device_record {
	const struct identity *identity;
	const char *port;
	const char *port_name; /* in the shop; NULL = none */
	const char *name;      /* for people; NULL = none */
	enum device_mode mode;
	struct uuid session;	       /* running on it; none = none */
	const struct mux_fault *fault; /* NULL = no known fault of usbmuxd */
	const struct mux_visibility
		*listing; /* since when, and what shows it; set where `fault` is */
};

/* A session. Everything is borrowed. */
struct session_record {
	const struct attempt *attempt;
	const struct identity *identity;
	bool running;
	const char *budget; /* name of the current wait; NULL = none */
	uint64_t silent_us; /* length of the wait so far */
	uint64_t budget_us; /* allowed length of the wait */
};

/* Attempts with a common property. Texts are borrowed; NULL = unknown. */
struct group_record {
	const char *key;
	const char *name; /* for people */
	const char *host;
	const char *host_id;
	uint64_t attempts;
	uint64_t failed;
	uint64_t succeeded;
	uint64_t phones;
	uint64_t link_errors, link_bytes, link_ms; /* 0 bytes = the bus was not watched */
};

/* The values belong to the caller (or to their container). When out of memory they are NULL, with
 * the failure recorded in the builder. Unknown fields are omitted. */
struct json_object *record_to_json(struct json_builder *builder, const struct event *event);
/* A note about a phone. */
struct json_object *note_to_json(struct json_builder *builder, const struct note *note);
/* Reads a record back: `text` gets its text, cleaned and truncated. Returns 0, or -EINVAL with *ret
 * untouched for an invalid record or an unknown kind. */
int record_from_json(
	struct json_object *object, struct event *ret, char text[static EVENT_TEXT_MAX + 1]);
struct json_object *device_to_json(
	struct json_builder *builder, const struct device_record *device);
struct json_object *session_to_json(
	struct json_builder *builder, const struct session_record *session);
struct json_object *amendments_to_json(
	struct json_builder *builder, const struct amendment *amendments, size_t count);
struct json_object *group_to_json(struct json_builder *builder, const struct group_record *group);
/* A port (NULL = none) or a phone, with its conditions. */
struct json_object *place_to_json(struct json_builder *builder, const char *port,
	const struct identity *identity, const struct condition *conditions, size_t count);
struct json_object *verdict_to_json(struct json_builder *builder, const struct verdict *verdict);
