/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/clock.h"

#include <time.h>

static uint64_t clock_read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

struct stamp clock_now(void)
{
	return (struct stamp){
		.monotonic_us = clock_read_us(CLOCK_MONOTONIC),
		.wall_us = clock_read_us(CLOCK_REALTIME),
	};
}

uint64_t clock_used_us(void)
{
	return clock_read_us(CLOCK_THREAD_CPUTIME_ID);
}
