/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time that a test sets: a program that is linked with it has this clock and these timers in the
 * place of the system's and of daemon/loop. It serves no descriptor and no signal. */
#pragma once

#include "common/base/clock.h"

/* Sets both clocks, without a timer that fires. */
void fake_time_set(struct stamp now);
/* Moves both clocks on to the monotonic moment, with each timer at its time. */
void fake_time_pass(uint64_t until_monotonic_us);
