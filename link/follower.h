/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides which phones are followed, and reads only the buses that have one. If it cannot keep up,
 * it pauses and reports that. It does not interpret the records: common/link does. */
#pragma once

#include <stdbool.h>

#include "common/base/macro.h"
#include "common/model/event.h"
#include "daemon/loop.h"

/* A phone in normal or restore mode, which look the same, is followed if it was in DFU or recovery
 * mode at the same port no longer ago than this. */
#define FOLLOWER_RESTORE_US UINT64_C(600000000)
/* A port is followed in every mode for this long after the daemon reported a running restore. */
#define FOLLOWER_RUNNING_US UINT64_C(30000000)
/* Limits beyond which nothing is read for FOLLOWER_PAUSE_US. */
#define FOLLOWER_LOST_PERCENT 5 /* of a second's records, in FOLLOWER_BAD_SECONDS */
#define FOLLOWER_CPU_PERCENT 50 /* of a processor, in FOLLOWER_BAD_SECONDS */
#define FOLLOWER_BAD_SECONDS 3	/* one after another */
#define FOLLOWER_PAUSE_US UINT64_C(60000000)

struct follower;

struct follower_options {
	bool all_modes;	   /* follow phones in normal mode too */
	const char *trace; /* of the errors that the kernel corrects: link/trace.h */
	/* Called when the state changes: code 0 = it works, else a negative errno and the reason,
	 * which is valid during the call. */
	void (*state)(void *user, int code, const char *reason);
	event_sink *sink; /* events of the link */
	void *user;
};

/* Returns 0 or a negative errno; the caller owns *ret: follower_free(). */
int follower_new(struct loop *loop, const struct follower_options *options, struct follower **ret);
struct follower *follower_free(struct follower *follower);
DEFINE_FREEP(struct follower, follower_free)

/* Handles an attach or a detach of the USB source (daemon/sources/usb.h); an event_sink. Other
 * events are ignored. */
void follower_handle_usb_event(void *follower, const struct event *event);
/* The daemon reports a running restore at this port: follows the phone there for
 * FOLLOWER_RUNNING_US. Unknown ports are ignored. */
void follower_set_running(void *follower, const char *port);
