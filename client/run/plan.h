/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of `run`: the conditions of the attempt and the path of the log. */
#pragma once

#include <stdint.h>

#include "client/command.h"
#include "client/fields.h"
#include "common/base/id.h"

struct plan {
	struct json_builder builder;
	struct json_object *conditions; /* list of Condition; owned */
	const char *ticket;
	const char *port;
	const char *log;
	uint64_t ecid; /* 0 = not given */
};

extern const struct command_option plan_options[];
/* Reads the options of `run`. Returns the index of the tool's name in argv, or minus an exit code
 * after saying why. */
int plan_read(struct plan *plan, struct context *context, int argc, char **argv);
void plan_done(struct plan *plan);
/* The parameters of BeginRun for this plan and the tool's command line; the caller owns them. NULL
 * when out of memory. */
struct json_object *plan_begin(struct plan *plan, char **argv);
