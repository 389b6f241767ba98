/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much each user sends to be stored: about `limit` bytes a day. What was sent is forgotten
 * evenly over a day. It reads no clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* With more users, the one who sent least is forgotten. */
#define QUOTA_USERS_MAX 64

struct quota {
	struct quota_user {
		uid_t user;
		uint64_t bytes; /* sent, and not yet forgotten; 0 = unused */
		uint64_t at_s;	/* monotonic, of `bytes` */
	} users[QUOTA_USERS_MAX];
};

/* Adds the bytes of a call. Returns false, and adds nothing, if the user would exceed the limit. */
bool quota_spend(struct quota *quota, uid_t user, uint64_t bytes, uint64_t limit, uint64_t now_s);
