/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays courses through the real daemons of a shop under a clock that it sets, and has the case of
 * the phone judged. Two computers have the daemon; what happens on a Mac is reported by a person.
 */
#pragma once

#include "tests/rig/rig.h"
#include "tests/simulation/stack.h"

#define SHOP_ATTEMPTS_MAX 32
#define SHOP_COMPUTERS 2
#define SHOP_HISTORY_MAX 8

/* How the observations of the sources reach the daemon. */
struct arrival {
	unsigned delay_ms[SOURCE_LINK + 1]; /* at most, by enum event_source */
	unsigned lost_percent;		    /* of events; the log of a tool is complete */
	unsigned doubled_percent;	    /* of attaches and detaches */
	unsigned restart_percent;	    /* of attempts with a restart of the daemon in them */
	bool log_only;			    /* no source but the log of the tool */
};

struct shop {
	struct rig rigs[SHOP_COMPUTERS];
	bool running[SHOP_COMPUTERS];
	bool second_is_mac;
	struct arrival arrival;
	struct dice dice; /* of the arrival */
	struct phone phone;
	const char *history[SHOP_HISTORY_MAX];
	struct attempt *reported[SHOP_ATTEMPTS_MAX]; /* attempts on the Mac */
	size_t reported_count;
};

void shop_open(struct shop *shop);
void shop_close(struct shop *shop);
/* Plays an attempt, and lets `pause_us` pass after it. */
void shop_play(struct shop *shop, const struct course *course, uint64_t pause_us);
/* The verdict on the shop's phone. `shows` prints its attempts. */
void shop_judge(struct shop *shop, bool shows, struct verdict *ret);
