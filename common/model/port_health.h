/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The health of a USB port during a restore: transfers, over-current, suspend. It compares periodic
 * readings; it reads nothing itself and diagnoses nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"

/* The sysfs values of a port and its device. */
struct port_facts {
	bool transfers_known;
	uint64_t transfers; /* urbnum: transfers started since the device attached */
	bool over_currents_known;
	uint64_t over_currents; /* over_current_count of the port */
	bool suspended;		/* power/runtime_status; false if unknown */
};

struct port_health {
	char port[PORT_SIZE]; /* the port of the other fields */
	struct port_facts last;
	uint64_t known_us;    /* monotonic: start of uninterrupted knowledge of transfers */
	uint64_t transfer_us; /* monotonic: the last observed change of their number */
	bool counted;	      /* over-currents have been reported once */
};

#define PORTWATCH_EFFECTS_MAX 2 /* conclusions from one reading */

/* Handles a reading of `port`. Writes at most PORTWATCH_EFFECTS_MAX events, EVENT_PORT with port,
 * name and number set, and returns their number: over-current with the count since the last one (0
 * the first time: counting starts here), suspended if the computer has suspended the phone. */
size_t port_health_take(struct port_health *watch, struct stamp now, const char *port,
	const struct port_facts *facts, struct event effects[static PORTWATCH_EFFECTS_MAX]);
/* Whether transfers took place in a wait; both times are monotonic microseconds. Its first quarter
 * does not count, because the transfers of the phone's last message are seen late. */
enum silence_transfers port_health_since(
	const struct port_health *watch, uint64_t began_us, uint64_t now_us);
