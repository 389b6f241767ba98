/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies whose `sessions` come in pages: a `cursor` says that ListSessions has more. */
#pragma once

#include "client/rpc.h"

/* Appends the sessions of a page to those of a reply, whose cursor becomes that of the page. */
void pages_add(struct json_object *reply, struct json_object *page);
/* Appends all other sessions of the device. Returns EXIT_DONE, or an exit code after reporting the
 * error. */
int pages_ask_rest(struct context *context, struct connection *connection, const char *device,
	struct json_object *reply);
