/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the messages of the kernel, usbmuxd and the service manager about phone connections from
 * the system's journal. It trusts only fields that journald sets itself, and writes nothing to the
 * journal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"
#include "daemon/sources/source.h"

struct journal_options {
	const char *cursor_path; /* stores the position across restarts; NULL = start at the end */
	const char *folder;	 /* folder of journal files; NULL = the system's journal */
	find_usb_place *find_place; /* may be NULL */
	void *find_place_user;
};

/* Maximum age of entries to read that were written while the daemon was down. */
#define JOURNAL_CATCH_UP_MAX_US (10 * 60 * USEC_PER_SEC)

struct journal;

/* Starts to read. From the loop, `sink` gets
 *   EVENT_SOURCE     name = journal, code = 0 up, negative errno down, text = why; once per change
 *   EVENT_USB_ERROR  code, name = sign of linksigns.txt, text = line, port if known
 *   EVENT_MUX_ERROR  the same for usbmuxd or the computer; udid if the line has it
 *   EVENT_MUX_CLIENT a program that connects to usbmuxd, even our own: name, number = process
 * each with its writer's time, which may be before the time of earlier events. An unreadable
 * journal is not a failure: it is reported and retried. Returns 0 or -ENOMEM. The caller owns *ret:
 * journal_free(). `sink` must not free it. */
int journal_new(struct loop *loop, const struct journal_options *options, event_sink *sink,
	void *user, struct journal **ret);
/* Stores the position and stops. Returns NULL. */
struct journal *journal_free(struct journal *journal);
DEFINE_FREEP(struct journal, journal_free)
