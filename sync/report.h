/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `run` reports of itself: a file that `status`, `doctor` and `metrics` read. No identifier of
 * a phone is in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/wire/json.h"

struct report {
	const char *path;
	const char *state; /* starting, connected, waiting, refused, stopped */
	char bench[64];	   /* its role on the server */
	char server[256];
	char error[256]; /* the last one; empty = none */
	uint64_t error_us;
	uint64_t contact_us; /* the server last stored or answered something */
	uint64_t behind_us;  /* since then, changes wait to be sent; 0 = none wait */
	int64_t backlog;     /* their number; -1 = unknown */
	uint64_t sent, received, left_out;
	int64_t clock_ahead_seconds; /* of this computer, compared with the server */
	struct json_object *shop; /* by cable and tool, over all benches; owned; NULL = unknown */
};

void report_error_text(struct report *report, const char *text);
/* Writes the file. Returns 0 or a negative errno. */
int report_write(const struct report *report);
/* Reads it. Returns 0, or a negative errno; the caller owns *ret. */
int report_read(const char *path, struct json_object **ret);
