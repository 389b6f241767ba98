/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The users that own services. */
#pragma once

#include <sys/types.h>

/* The id of a service's user, as systemd-sysusers(8) adds it to /etc/passwd; 0, which is root, if
 * there is none. It reads that file alone: a name service, which getpwnam(3) would ask, may hang.
 */
uid_t service_user(const char *name);
