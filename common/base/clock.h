/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time, and the only reader of the system's clocks. No arithmetic on calendars. */
#pragma once

#include <stdint.h>

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)

/* One moment on both clocks. `monotonic_us` is CLOCK_MONOTONIC, the clock of kernel messages and
 * uevents: order and durations come from it. `wall_us` is microseconds since 1970 and is for
 * people: it may jump. A stamp from a file has the values in the file; 0 = unknown. */
struct stamp {
	uint64_t monotonic_us;
	uint64_t wall_us;
};

/* Reads both clocks. Never fails. */
struct stamp clock_now(void);
/* The processor time that this thread has used so far. Never fails. */
uint64_t clock_used_us(void);
