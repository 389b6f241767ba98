/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a USB port shows of itself while a restore runs on it: whether transfers take place, whether
 * too much current was drawn, whether the phone was put to sleep. Compares what is read from time
 * to time; reads nothing itself and judges no cause. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

/* What sysfs tells of a port and the device at it. */
struct port_facts {
	bool transfers_known;
	uint64_t transfers; /* urbnum: transfers that were begun since the device came */
	bool over_currents_known;
	uint64_t over_currents; /* over_current_count of the port */
	bool suspended;		/* power/runtime_status; false where it is not known */
};

struct port_health {
	char port[PORT_SIZE]; /* that the rest is about */
	struct port_facts last;
	uint64_t known_us;    /* monotonic: since when transfers are known without a break */
	uint64_t transfer_us; /* monotonic: when their number was last seen to change */
	bool counted;	      /* over-currents were told of once */
};

#define PORTWATCH_EFFECTS_MAX 2 /* conclusions from one reading */

/* Takes a reading of `port`. Writes at most PORTWATCH_EFFECTS_MAX events, EVENT_PORT with port,
 * name and number set, and returns how many: over-current with how often it happened since the last
 * one (0 the first time: from here on it is counted), suspended when the phone has gone to sleep.
 */
size_t port_health_take(struct port_health *watch, struct stamp now, const char *port,
	const struct port_facts *facts, struct event effects[static PORTWATCH_EFFECTS_MAX]);
/* Whether transfers took place in a wait; both times are monotonic microseconds. Its first quarter
 * does not count: the transfers of the phone's last word are seen after it. */
enum silence_transfers port_health_since(
	const struct port_health *watch, uint64_t began_us, uint64_t now_us);
