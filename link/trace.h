/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the errors of USB transfers that xHCI controllers report, from a trace instance of the
 * kernel, and finds the ports of the devices that had them. It makes no instance
 * (link/trace-instance does) and does not decide what an error means. Where it is not certain which
 * device it was, it reports nothing. */
#pragma once

#include <stdbool.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

/* Errors of a slot of the controller that are looked at in a second. */
#define TRACE_RATE 10

struct trace;

struct trace_options {
	const char *path;    /* trace_pipe of the instance */
	const char *devices; /* USB devices in sysfs: /sys/bus/usb/devices */
	/* A transfer of the device at this port failed on the wire; `port` is valid during the
	 * call. The callbacks must not free the reader. */
	void (*error)(void *user, const char *port);
	/* Nothing can be read any more; `error` is a negative errno. Called from the loop, once. */
	void (*failed)(void *user, int error);
	void *user;
};

/* Starts to read. `options` is copied, its texts must stay. Returns 0 or a negative errno: -ENOENT
 * if there is no instance; `options->error` may be called from within. The caller owns *ret:
 * trace_free(). */
int trace_new(struct loop *loop, const struct trace_options *options, struct trace **ret);
struct trace *trace_free(struct trace *trace);
DEFINE_FREEP(struct trace, trace_free)

/* Whether this computer has several xHCI controllers. The kernel does not name the controller of an
 * error, so only a device whose endpoint no other device has can be found then. */
bool trace_is_ambiguous(const struct trace *trace);
