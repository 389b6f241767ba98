/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the server is and how it is trusted: a checked connection string. It connects to nothing.
 */
#pragma once

#include "sync/settings.h"

#define TARGET_REASON_SIZE 256

struct target;

/* Checks the connection string and adds what the secrets give (NULL = none: an administrator). On
 * the network, only a server whose certificate is verified is accepted. Returns 0, -EINVAL with the
 * reason for people in `reason`, or -ENOMEM. The caller owns *ret: target_free(). */
int target_new(const char *server, const struct secrets *secrets, struct target **ret,
	char reason[static TARGET_REASON_SIZE]);
struct target *target_free(struct target *target);
DEFINE_FREEP(struct target, target_free)

/* For PQconnectStartParams(): each ends with NULL. */
const char *const *target_keywords(const struct target *target);
const char *const *target_values(const struct target *target);
/* One of the values; the empty text if it is not set. */
const char *target_value(const struct target *target, const char *keyword);
