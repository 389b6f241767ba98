/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person typed for a device or a session, resolved against what is known. */
#pragma once

#include "client/rpc.h"

enum name_kind { NAME_DEVICE = 1, NAME_SESSION = 2, NAME_ANY = 3 };

struct name {
	enum name_kind kind;
	char text[128]; /* as the daemon takes it */
};

/* Takes a text that needs no looking up: a whole session identifier, an ECID, UDID or port. Returns
 * 1 where it is one; 0 where it has to be looked up, with *ret what to take it for if nothing
 * matches; or minus an exit code after saying why it is neither. */
int name_take(const char *text, enum name_kind wanted, struct name *ret);
/* Looks a text up as the end of an identifier in lists of Session and Device, which may be NULL.
 * *ret is untouched where nothing matches. Returns EXIT_DONE, or EXIT_UNKNOWN_NAME after saying
 * that it fits more than one. */
int name_find(const char *text, enum name_kind wanted, struct json_object *sessions,
	struct json_object *devices, struct name *ret);
/* Both, with the lists from the daemon. Returns EXIT_DONE, or an exit code after saying why. */
int ask_name(struct context *context, struct connection *connection, const char *text,
	enum name_kind wanted, struct name *ret);
/* Diagnose of what a person typed for a device or session; NULL = of the newest session's phone.
 * Returns EXIT_DONE with *ret owned by the caller, or an exit code after saying why. */
int ask_diagnosis(struct context *context, struct connection *connection, const char *text,
	struct json_object **ret);
