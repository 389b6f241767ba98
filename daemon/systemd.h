/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service manager's protocol (sd-daemon): readiness, status line, watchdog and the inherited
 * socket. Without a service manager it does nothing. */
#pragma once

#include <stdbool.h>

#include "common/base/macro.h"
#include "daemon/loop.h"

struct systemd;

/* Whether all threads of the daemon work. */
typedef bool systemd_is_healthy(void *user);

/* Starts to ping the watchdog from the loop, twice per WATCHDOG_USEC, if the manager requests it. A
 * ping is left out while `is_healthy` (NULL = always) says no. Returns 0 or a negative errno; the
 * caller owns *ret: systemd_free(). */
int systemd_new(
	struct loop *loop, systemd_is_healthy *is_healthy, void *user, struct systemd **ret);
struct systemd *systemd_free(struct systemd *service);
DEFINE_FREEP(struct systemd, systemd_free)

/* Reports that the daemon is ready for requests. */
void systemd_ready(struct systemd *service);
/* Reports that the daemon reloads its settings; systemd_ready() ends that. */
void systemd_reloading(struct systemd *service);
/* Reports that the daemon is stopping. */
void systemd_stopping(struct systemd *service);
/* Sets the status line of `systemctl status`; sent only if it changes. Line ends become blanks. */
void systemd_status(struct systemd *service, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes the beginning of the machine's id, hashed for this program, as hex digits that fill `size`
 * (with the NUL; at most 33). Returns 0 or a negative errno: sd_id128_get_machine_app_specific(3).
 */
int systemd_machine_id(char *text, size_t size);

/* Returns the listening Unix socket of `type` (SOCK_STREAM, SOCK_SEQPACKET) that the manager
 * passed; the caller owns the descriptor. Returns -ENOENT if the manager passed none of this type,
 * or -EINVAL if it passed anything that is not such a socket. Call it once for each type. */
int systemd_take_socket(int type);
