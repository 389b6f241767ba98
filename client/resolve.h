/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resolves what a person typed for a device or a session. */
#pragma once

#include "client/rpc.h"

enum name_kind { NAME_DEVICE = 1, NAME_SESSION = 2, NAME_ANY = 3 };

struct name {
	enum name_kind kind;
	char text[128]; /* as the daemon accepts it */
};

/* Reads a text that needs no lookup: a whole session identifier, an ECID, UDID or port. Returns 1
 * if it is one; 0 if it needs a lookup, with *ret as the fallback if nothing matches; or minus an
 * exit code after reporting that it is neither. */
int name_take(const char *text, enum name_kind wanted, struct name *ret);
/* Checks a text for the phones of a model. Returns EXIT_DONE, or EXIT_USAGE after reporting that it
 * is no model. */
int name_take_model(const char *text);
/* What a text may name: the reply of Find. Returns EXIT_DONE, or an exit code after reporting the
 * error. */
int ask_found(struct context *context, struct connection *connection, const char *text,
	struct json_object **ret);
/* Resolves a text with the help of the daemon. Returns EXIT_DONE, or an exit code after reporting
 * the error: one that names several lists them. */
int ask_name(struct context *context, struct connection *connection, const char *text,
	enum name_kind wanted, struct name *ret);
/* Reports that nothing here has this name. Returns EXIT_UNKNOWN_NAME. */
int report_unknown_device(const char *text);
/* Calls Diagnose for the device or session that a person typed; NULL = for the newest session's
 * phone. Returns EXIT_DONE with *ret owned by the caller, or an exit code after reporting the
 * error. */
int ask_diagnosis(struct context *context, struct connection *connection, const char *text,
	struct json_object **ret);
