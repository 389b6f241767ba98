/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the kernel's lines about phone connections from its log buffer, if there is no journal. The
 * buffer has no lines of usbmuxd, and reading it needs permission for /dev/kmsg. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"
#include "daemon/sources/source.h"

#define KMSG_PATH "/dev/kmsg"

struct kmsg_options {
	const char *path;	    /* NULL = KMSG_PATH */
	find_usb_place *find_place; /* may be NULL */
	void *find_place_user;
};

struct kmsg;

/* Starts to read new lines. `sink` gets
 *   EVENT_SOURCE     name = kmsg, code = 0 up, negative errno down, text = why; the first from
 *                    within this call; again with code 0 after lines were lost, with their number
 *   EVENT_USB_ERROR, EVENT_MUX_ERROR  as from the journal, but only lines of the kernel
 * A missing permission is not a failure. Returns 0 or -ENOMEM. The caller owns *ret: kmsg_free().
 * `sink` must not free it. */
int kmsg_new(struct loop *loop, const struct kmsg_options *options, event_sink *sink, void *user,
	struct kmsg **ret);
struct kmsg *kmsg_free(struct kmsg *kmsg);
DEFINE_FREEP(struct kmsg, kmsg_free)
