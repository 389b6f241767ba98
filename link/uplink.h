/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the daemon: one event a datagram, in its binary form (common/model/event.h). It
 * never waits for the daemon: what the daemon does not receive at once is dropped and counted. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"
#include "daemon/loop.h"

#define UPLINK_RETRY_US UINT64_C(2000000)      /* between two attempts to connect */
#define UPLINK_HEARTBEAT_US UINT64_C(10000000) /* the state is sent again */

struct uplink;

/* The daemon reports a running restore at this port; `port` is valid during the call. */
typedef void uplink_running(void *user, const char *port);

/* Starts to connect to the daemon's socket at `path`, and connects again after the daemon has
 * stopped. Returns 0 or a negative errno; the caller owns *ret: uplink_free(). */
int uplink_new(struct loop *loop, const char *path, uplink_running *running, void *user,
	struct uplink **ret);
struct uplink *uplink_free(struct uplink *uplink);
DEFINE_FREEP(struct uplink, uplink_free)

/* Sends an event; an event_sink. Without a connection, or if the socket is full, it is dropped. */
void uplink_send(void *uplink, const struct event *event);
/* Sets the state of the source: code 0 = it works, else a negative errno and the reason, which is
 * copied. It is sent now, after each connection, and every UPLINK_HEARTBEAT_US. */
void uplink_set_state(struct uplink *uplink, int code, const char *reason);
