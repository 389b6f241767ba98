/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads in the system's journal what the kernel, usbmuxd and the service manager say of the way to
 * the phone. Believes only fields that journald sets itself; writes nothing to the journal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "common/model/usb_identity.h"
#include "daemon/loop.h"
#include "daemon/sources/source.h"

struct journal_options {
	const char *cursor_path;    /* keeps the place over restarts; NULL = begin at the end */
	const char *folder;	    /* a folder of journal files, NULL = the system's journal */
	find_usb_place *find_place; /* may be NULL */
	void *find_place_user;
};

/* What was written while the daemon was away is read up to this age. */
#define JOURNAL_CATCH_UP_MAX_US (10 * 60 * USEC_PER_SEC)

struct journal;

/* Starts to read. To `sink` go, from the loop,
 *   EVENT_SOURCE     name = journal, code = 0 up, negative errno down, text = why; once a change
 *   EVENT_USB_ERROR  code, name = sign of linksigns.txt, text = line, port as far as known
 *   EVENT_MUX_ERROR  the same of usbmuxd or the computer; udid where the line has it
 *   EVENT_MUX_CLIENT a program that connects to usbmuxd, also our own: name, number = process
 * each with the time its writer gave it, which may be before that of events that came already.
 * A journal that cannot be read is no failure: it is said, and tried again. Returns 0 or -ENOMEM.
 * The caller owns *ret: journal_free(). `sink` may not free it. */
int journal_new(struct loop *loop, const struct journal_options *options, event_sink *sink,
	void *user, struct journal **ret);
/* Keeps the place and stops. Returns NULL. */
struct journal *journal_free(struct journal *journal);
DEFINE_FREEP(struct journal, journal_free)
