/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `watch` on a terminal: the ports of the bench as a full screen, with keys. */
#pragma once

#include "client/connection.h"
#include "client/resolve.h"

struct screen_request {
	struct connection *connection; /* it has called nothing yet; the screen takes ownership */
	struct name only;	       /* what is watched; without a kind: everything */
};

/* Shows the screen until q or a signal. Returns an exit code. */
int bench_screen_run(struct context *context, const struct screen_request *request);
