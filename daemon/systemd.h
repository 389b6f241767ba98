/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service manager's protocol (sd-daemon): readiness, a status line, the
 * watchdog's sign of life, the socket it opened for us. Does nothing where there is no manager. */
#pragma once

#include <stdbool.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

struct systemd;

/* Starts to give signs of life from the loop every half of WATCHDOG_USEC, where the manager asks
 * for them. Returns 0 or a negative errno; the caller owns *ret: systemd_free(). */
int systemd_new(struct loop *loop, struct systemd **ret);
struct systemd *systemd_free(struct systemd *service);
DEFINE_FREEP(struct systemd, systemd_free)

/* Tells that requests are served from now on. */
void systemd_ready(struct systemd *service);
/* Tells that the end has begun. */
void systemd_stopping(struct systemd *service);
/* Sets the line of `systemctl status`; sent only when it changes. Line ends become blanks. */
void systemd_status(struct systemd *service, const char *format, ...) PRINTF_LIKE(2, 3);

/* The listening Unix stream socket that the manager passed. Returns the descriptor, which the
 * caller owns, -ENOENT where none was passed, or -EINVAL where it is anything but that one. To be
 * called once. */
int systemd_take_socket(void);
