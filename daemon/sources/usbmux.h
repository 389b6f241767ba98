/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listens to usbmuxd: which phones it lists, when it dies and comes back. Connects to no phone;
 * outlives every usbmuxd. */
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
	const char
		*address; /* as in USBMUXD_SOCKET_ADDRESS, NULL = the default path; it is copied */
	find_usb_place *find_place; /* may be NULL */
	void *find_place_user;
	uint64_t retry_first_us; /* 0 = USBMUX_RETRY_FIRST_US */
	uint64_t answer_max_us;	 /* 0 = USBMUX_ANSWER_MAX_US */
};

/* The wait before a new connection: doubled each time from the first to the longest. Debian's
 * usbmuxd ends with the last phone, so "absent" is usual: then its socket is watched for, and the
 * longest wait is a safety net alone. Where that cannot be, the wait delays its news. */
#define USBMUX_RETRY_FIRST_US (100 * USEC_PER_MSEC)
#define USBMUX_RETRY_MAX_US (1 * USEC_PER_SEC)
#define USBMUX_RETRY_ABSENT_US (600 * USEC_PER_SEC)
#define USBMUX_ANSWER_MAX_US (5 * USEC_PER_SEC) /* its answer takes milliseconds */

struct usbmux;

/* Starts to listen: first events come from the loop, not from this call. To `sink` go
 *   EVENT_SOURCE      name = usbmuxd, code = 0 up, negative errno down, text = why; once a change
 *   EVENT_MUX_ATTACH  ecid, udid, port, speed, hub depth as far as known; USB only, no network
 *   EVENT_MUX_DETACH  the same device; code not 0 and text where usbmuxd ended and not the phone:
 *                     then after the EVENT_SOURCE that says so
 * usbmuxd absent or talking nonsense is no failure. Returns 0, or a negative errno: no memory.
 * The caller owns *ret: usbmux_free(). `sink` may not free it. */
int usbmux_new(struct loop *loop, const struct usbmux_options *options, event_sink *sink,
	void *user, struct usbmux **ret);
/* Leaves usbmuxd without any event. Returns NULL. */
struct usbmux *usbmux_free(struct usbmux *usbmux);
DEFINE_FREEP(struct usbmux, usbmux_free)

/* A phone came on USB, so usbmuxd is likely to start: begins the waits over at the first. */
void usbmux_wake(struct usbmux *usbmux);
/* Whether usbmuxd took the request to listen and still does. */
bool usbmux_is_up(const struct usbmux *usbmux);
