/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A terminal that gives single keys and does not show them. It is restored also when the program
 * crashes or gets no memory; other signals are the caller's. Only one terminal at a time. */
#pragma once

/* Begins, or sets it again after others have changed it. `leave` is written to the terminal at a
 * crash, before its settings are restored; it is borrowed. Without a terminal at `fd` it does
 * nothing. */
void raw_mode_begin(int fd, const char *leave);
/* Restores the settings. A signal handler may call both. */
void raw_mode_end(void);
