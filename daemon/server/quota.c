/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/server/quota.h"

#define DAY_S UINT64_C(86400)

/* Forgets the part of a day's limit that belongs to the time since the last call. */
static void forget(struct quota_user *user, uint64_t limit, uint64_t now_s)
{
	uint64_t passed_s = now_s > user->at_s ? now_s - user->at_s : 0;
	uint64_t freed = passed_s < DAY_S
				 ? limit / DAY_S * passed_s + limit % DAY_S * passed_s / DAY_S
				 : user->bytes;

	user->bytes -= freed < user->bytes ? freed : user->bytes;
	user->at_s = now_s;
}

/* The user's entry, else an unused one, else that of the user who sent least. */
static struct quota_user *find_user(struct quota *quota, uid_t user, uint64_t limit, uint64_t now_s)
{
	struct quota_user *least = &quota->users[0];

	for (unsigned i = 0; i < QUOTA_USERS_MAX; i++) {
		struct quota_user *entry = &quota->users[i];

		forget(entry, limit, now_s);
		if (entry->bytes > 0 && entry->user == user)
			return entry;
		if (entry->bytes < least->bytes)
			least = entry;
	}
	*least = (struct quota_user){.user = user, .at_s = now_s};
	return least;
}

bool quota_spend(struct quota *quota, uid_t user, uint64_t bytes, uint64_t limit, uint64_t now_s)
{
	struct quota_user *entry = find_user(quota, user, limit, now_s);

	if (bytes > limit || entry->bytes > limit - bytes)
		return false;
	entry->bytes += bytes;
	return true;
}
