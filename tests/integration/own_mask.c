/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LD_PRELOAD, before libumockdev-preload: that of Debian 12 (0.17.16) blocks all signals around its
 * work and keeps the mask of before in one place for all threads, written before it takes its lock.
 * The main thread can then get the mask of a thread that has all signals blocked, for ever. Here it
 * is kept for each thread. */
#include "tests/preload.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

/* Whether an address is in code of libumockdev-preload. */
static bool is_umockdev(void *address)
{
	Dl_info caller;

	return dladdr(address, &caller) && caller.dli_fname &&
	       strstr(caller.dli_fname, "libumockdev-preload");
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	static __thread sigset_t own;
	bool ours = is_umockdev(__builtin_return_address(0));
	int r;

	if (ours && set && !before)
		set = &own;
	r = NEXT(pthread_sigmask)(how, set, before);
	if (ours && before)
		own = *before;
	return r;
}
