/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Receives what idevicetriage-link sees on the USB bus: one event a datagram. It trusts neither
 * the sender nor the contents: it checks the peer's user, the kind, the lengths, the texts, the
 * time and the rate. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"
#include "daemon/loop.h"

#define LINK_RATE 10		  /* events a second from a port, in the long run */
#define LINK_BURST 50		  /* events at once from a port */
#define LINK_PORTS_MAX 64	  /* ports at the same time; events from more are dropped */
#define LINK_DATAGRAMS_A_TURN 64  /* then it pauses for LINK_TURN_PAUSE_US */
#define LINK_TURN_PAUSE_US 100000 /* so that a flood costs the daemon little */
#define LINK_SILENT_US                                                                             \
	UINT64_C(30000000)		/* without a datagram, the program is reported as down     \
					 */
#define LINK_START_US UINT64_C(5000000) /* the same after the start and after its end */
#define LINK_USER "idevicetriage-link"	/* besides root and the daemon's own user */

struct link_source;

/* Calls `each` for each port at which a restore runs. */
typedef void link_running_ports(
	void *user, void (*each)(void *context, const char *port), void *context);

/* Accepts the program on the listening SOCK_SEQPACKET socket `fd`, which stays the caller's. A new
 * connection replaces the last one. `sink` gets from the loop
 *   EVENT_SOURCE  name = link, code = 0 up, negative errno down or SOURCE_STATE_NOT_INSTALLED,
 *                 text = the reason; once per change
 * and the kinds that event.h lists for the program. The program gets an EVENT_SESSION_BEGIN for
 * each of the `running` ports in answer to its state, which it sends every 10 s. Returns 0 or a
 * negative errno; the caller owns *ret: link_source_free(). `sink` must not free it. */
int link_source_new(struct loop *loop, int fd, link_running_ports *running, event_sink *sink,
	void *user, struct link_source **ret);
struct link_source *link_source_free(struct link_source *source);
DEFINE_FREEP(struct link_source, link_source_free)
