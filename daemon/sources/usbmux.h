/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows usbmuxd: the phones it lists, its end and its restart. It connects to no phone and
 * survives every usbmuxd. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"
#include "daemon/sources/source.h"

#define USBMUX_DEFAULT_PATH "/var/run/usbmuxd"

struct usbmux_options {
	const char *address; /* as in USBMUXD_SOCKET_ADDRESS; NULL = the default path; copied */
	const char *program; /* usbmuxd itself, to say whether it is installed; NULL = where Debian
				and a build from source put it */
	find_usb_place *find_place; /* may be NULL */
	void *find_place_user;
	uint64_t retry_first_us; /* 0 = USBMUX_RETRY_FIRST_US */
	uint64_t answer_max_us;	 /* 0 = USBMUX_ANSWER_MAX_US */
};

/* The wait before a new connection doubles from the first to the longest. Debian's usbmuxd exits
 * with the last phone, so "absent" is usual: then path_watch reports its socket, and the longest
 * wait is only a safety net. If the path cannot be watched, the wait delays the report. */
#define USBMUX_RETRY_FIRST_US (100 * USEC_PER_MSEC)
#define USBMUX_RETRY_MAX_US (1 * USEC_PER_SEC)
#define USBMUX_RETRY_ABSENT_US (600 * USEC_PER_SEC)
#define USBMUX_ANSWER_MAX_US (5 * USEC_PER_SEC) /* its answer takes milliseconds */

struct usbmux;

/* Starts to listen. From the loop, never from this call, `sink` gets
 *   EVENT_SOURCE      name = usbmuxd, code = 0 up, negative errno down (-ENOPKG: it is not
 * installed), text = why; once per change EVENT_MUX_ATTACH  ecid, udid, port, speed, hub depth if
 * known; only USB, not network EVENT_MUX_DETACH  the same device; if usbmuxd ended and not the
 * phone's connection, code is not 0, text is set, and the EVENT_SOURCE comes first An absent
 * usbmuxd and invalid messages are not failures. Returns 0 or -ENOMEM. The caller owns *ret:
 * usbmux_free(). `sink` must not free it. */
int usbmux_new(struct loop *loop, const struct usbmux_options *options, event_sink *sink,
	void *user, struct usbmux **ret);
/* Disconnects without an event. Returns NULL. */
struct usbmux *usbmux_free(struct usbmux *usbmux);
DEFINE_FREEP(struct usbmux, usbmux_free)

/* A phone appeared on USB, so usbmuxd probably starts: restarts the waits at the first. */
void usbmux_wake(struct usbmux *usbmux);
