/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is connected to a Unix socket: the kernel's own list (sock_diag(7)). Knows sockets by their
 * numbers only; whose they are stands in /proc. */
#pragma once

#include <stdint.h>

#define UNIX_PEERS_MAX 256

/* Finds the sockets that are connected to the one at `path`, as their inode numbers. Returns how
 * many, or a negative errno where the kernel does not tell. */
int unix_peers(const char *path, uint32_t peers[static UNIX_PEERS_MAX]);
