/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/sigbus_guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The handler reads these; they change only while the mapping is not used. */
static uintptr_t first, end, page_bytes;
static volatile sig_atomic_t broke;

/* mmap(2) is a plain system call on Linux: it may be called in a signal handler. */
static bool replace_page(uintptr_t address)
{
	uintptr_t page = address & ~(page_bytes - 1);

	if (address < first || address >= end)
		return false;
	return mmap((void *)page, page_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (replace_page((uintptr_t)info->si_addr))
		broke = 1;
	else
		/* The access is tried again, and ends the process. */
		signal(number, SIG_DFL);
	errno = saved;
}

void sigbus_guard_start(void *bytes, size_t size)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	first = (uintptr_t)bytes;
	end = first + size;
	broke = 0;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

void sigbus_guard_stop(void)
{
	signal(SIGBUS, SIG_DFL);
	first = end = 0;
}

bool sigbus_guard_broke(void)
{
	return broke;
}
