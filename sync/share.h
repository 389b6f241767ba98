/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may leave the bench, and what is accepted from the server: changes (ListChanges) without
 * identifiers of phones, tickets, names of people and texts, and back. It opens nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/id.h"
#include "common/model/host_id.h"
#include "common/wire/json.h"

/* For a request of the daemon (VARLINK_REQUEST_MAX) with the text around it. */
#define SHARE_BYTES_MAX 60000

enum share_kind { SHARE_ATTEMPT, SHARE_NOTE, SHARE_PURGE, SHARE_NOTHING };

struct share_rules {
	const char *host_id; /* of this computer */
	const char *site;    /* before cable labels; empty = none */
	bool text;	     /* notes and words of logs may leave the bench */
};

/* Whether a change of this bench goes to the server, as what. *ret_ecid is the phone's, 0 = it is
 * not in the change; *ret_session then names its attempt, or is NULL. */
enum share_kind share_kind_of(const struct share_rules *rules, struct json_object *change,
	uint64_t *ret_ecid, const char **ret_session);
/* Removes from a change what must not leave the bench. */
void share_strip(const struct share_rules *rules, struct json_object *change);
/* Reads a change from the server of the phone `ecid`, which gets its ECID back. Returns 0 with *ret
 * owned by the caller, -EBADMSG if it is not acceptable, -EALREADY if this bench wrote it, or
 * -ENOMEM. */
int share_accept(const struct share_rules *rules, const char *id, uint64_t ecid, const char *text,
	struct json_object **ret);

/* Members of a shared attempt that the server lists by; NULL = unknown. */
struct share_columns {
	const char *outcome, *started, *port, *cable, *product, *tool;
};
void share_read_columns(struct json_object *change, struct share_columns *ret);
