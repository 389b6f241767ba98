/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time set by a test: a program linked with it uses this clock and these timers instead of the
 * system's clock and daemon/loop's timers. It supports no descriptors and no signals. */
#pragma once

#include "common/base/clock.h"

/* Sets both clocks without firing a timer. */
void fake_time_set(struct stamp now);
/* Advances both clocks to that monotonic time, and fires each timer at its time. */
void fake_time_pass(uint64_t until_monotonic_us);
