/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two directions of the exchange share. */
#pragma once

#include "sync/local.h"
#include "sync/phones.h"
#include "sync/report.h"
#include "sync/server.h"
#include "sync/share.h"

struct context {
	struct loop *loop;
	struct local *local;
	struct server *server;
	struct share_rules rules;
	struct phones phones;
	struct report report;
	bool ready; /* the server has accepted this bench */
};

/* A call of the daemon whose failure is only logged. Returns as local_call(). */
int context_call(struct context *context, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret, char error[static 64]);
/* The end of a batch: notes the contact or the error. Returns true if it was committed. */
bool context_committed(struct context *context, const char *state, const char *reason);
