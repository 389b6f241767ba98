/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the thread that waits for the disk counts as stuck. */
#include "common/store/disk_sync.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define LIMIT_MS 20000

struct rig {
	struct disk_sync *sync;
	int begun[2], go[2]; /* pipes: the work has begun; it may end */
	bool for_disk;
};

/* The kernel holds the parent of vfork() in the same state as one that waits for a disk. */
static int work(void *user)
{
	struct rig *rig = user;
	char byte = 0;
	pid_t child;

	if (rig->for_disk) {
		child = vfork();
		if (child == 0) {
			(void)!write(rig->begun[1], &byte, 1);
			(void)!read(rig->go[0], &byte, 1);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		return 0;
	}
	(void)!write(rig->begun[1], &byte, 1);
	(void)!read(rig->go[0], &byte, 1);
	return 0;
}

static void begin(struct rig *rig, bool for_disk)
{
	struct pollfd ready;
	char byte;

	rig->for_disk = for_disk;
	assert_int_equal(pipe(rig->begun), 0);
	assert_int_equal(pipe(rig->go), 0);
	assert_int_equal(disk_sync_new(work, rig, &rig->sync), 0);
	assert_false(disk_sync_hangs(rig->sync, (struct stamp){UINT64_MAX / 2, 0}));
	disk_sync_start(rig->sync);
	ready = (struct pollfd){.fd = rig->begun[0], .events = POLLIN};
	assert_int_equal(poll(&ready, 1, LIMIT_MS), 1);
	assert_int_equal(read(rig->begun[0], &byte, 1), 1);
}

static void end(struct rig *rig)
{
	assert_int_equal(write(rig->go[1], "", 1), 1);
	for (int i = 0; disk_sync_result(rig->sync) == -EINPROGRESS && i < LIMIT_MS; i++)
		usleep(1000);
	assert_false(disk_sync_hangs(rig->sync, (struct stamp){UINT64_MAX / 2, 0}));
	disk_sync_free(rig->sync);
	for (size_t i = 0; i < 2; i++) {
		close(rig->begun[i]);
		close(rig->go[i]);
	}
}

static struct stamp later(uint64_t us)
{
	struct stamp now = clock_now();

	now.monotonic_us += us;
	return now;
}

static void a_stuck_thread(void **state)
{
	struct rig rig;

	begin(&rig, false);
	assert_false(disk_sync_hangs(rig.sync, later(DISK_SYNC_HANGS_US / 2)));
	assert_true(disk_sync_hangs(rig.sync, later(DISK_SYNC_HANGS_US + USEC_PER_SEC)));
	end(&rig);
}

static void a_slow_disk(void **state)
{
	struct rig rig;
	bool waits = false;

	begin(&rig, true);
	/* The child runs before the kernel shows its parent as waiting. */
	for (int i = 0; !waits && i < LIMIT_MS; i++) {
		waits = !disk_sync_hangs(rig.sync, later(DISK_SYNC_HANGS_US + USEC_PER_SEC));
		usleep(1000);
	}
	assert_true(waits);
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stuck_thread),
		cmocka_unit_test(a_slow_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
