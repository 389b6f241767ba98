/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service manager's side is a datagram socket here, and a forked child for what it inherits. */
#include "daemon/systemd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define WATCHDOG_US "20000"

static char folder[] = "/tmp/test-service-XXXXXX";
static char path[sizeof(folder) + 16];

struct rig {
	struct loop *loop;
	int manager;
	struct systemd *service;
	size_t signs; /* of life */
	char heard[256];
};

static int open_socket(const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	unlink(name);
	strcpy(address.sun_path, name);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(loop_new(&rig->loop), 0);
	rig->manager = open_socket(path, SOCK_DGRAM);
	setenv("NOTIFY_SOCKET", path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	systemd_free(rig->service);
	close(rig->manager);
	loop_free(rig->loop);
	free(rig);
	return 0;
}

/* Takes the next word to the manager; false when there is none. */
static bool hear(struct rig *rig)
{
	ssize_t n = recv(rig->manager, rig->heard, sizeof(rig->heard) - 1, MSG_DONTWAIT);

	rig->heard[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void readiness_and_status(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(systemd_new(rig->loop, NULL, NULL, &rig->service), 0);
	systemd_ready(rig->service);
	assert_true(hear(rig));
	assert_string_equal(rig->heard, "READY=1");
	systemd_status(rig->service, "%d phones\nMAINPID=1\xff", 3);
	assert_true(hear(rig));
	assert_string_equal(rig->heard, "STATUS=3 phones MAINPID=1?");
	systemd_status(rig->service, "%d phones\nMAINPID=1\xff", 3);
	assert_false(hear(rig));
	systemd_stopping(rig->service);
	assert_true(hear(rig));
	assert_string_equal(rig->heard, "STOPPING=1");
	/* No watchdog was asked for: nothing is left to wait for. */
	assert_int_equal(loop_run(rig->loop), 0);
	assert_false(hear(rig));
}

static bool has_given_signs(void *user)
{
	struct rig *rig = user;

	while (hear(rig)) {
		assert_string_equal(rig->heard, "WATCHDOG=1");
		rig->signs++;
	}
	return rig->signs >= 4;
}

static void watchdog(void **state)
{
	struct rig *rig = *state;

	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	assert_int_equal(systemd_new(rig->loop, NULL, NULL, &rig->service), 0);
	assert_true(wait_until(rig->loop, has_given_signs, rig));
}

static bool is_sick(void *user)
{
	size_t *asked = user;

	++*asked;
	return false;
}

static bool was_asked(void *user)
{
	size_t *asked = user;

	return *asked >= 4;
}

static void no_watchdog_while_a_thread_hangs(void **state)
{
	struct rig *rig = *state;
	size_t asked = 0;

	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	assert_int_equal(systemd_new(rig->loop, is_sick, &asked, &rig->service), 0);
	assert_true(wait_until(rig->loop, was_asked, &asked));
	assert_false(hear(rig));
}

static void reload(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(systemd_new(rig->loop, NULL, NULL, &rig->service), 0);
	systemd_reloading(rig->service);
	assert_true(hear(rig));
	assert_int_equal(strncmp(rig->heard, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	systemd_ready(rig->service);
	assert_true(hear(rig));
	assert_string_equal(rig->heard, "READY=1");
}

/* What systemd_take_socket() returns for `type` in a process that inherits `fd` as the manager
 * gives it. */
static int take_in_child(int fd, int type)
{
	int status, pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char self[16];

		snprintf(self, sizeof(self), "%d", (int)getpid());
		if (fd >= 0) {
			dup2(fd, 3);
			setenv("LISTEN_PID", self, 1);
			setenv("LISTEN_FDS", "1", 1);
		}
		status = systemd_take_socket(type);
		_exit(status < 0 ? -status : 200 + status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void socket_of_the_manager(void **state)
{
	struct rig *rig = *state;
	char name[sizeof(path) + 8];
	int listener, packets;

	snprintf(name, sizeof(name), "%s.listen", path);
	listener = open_socket(name, SOCK_STREAM);
	assert_int_equal(take_in_child(-1, SOCK_STREAM), ENOENT);
	assert_int_equal(take_in_child(listener, SOCK_STREAM), EINVAL);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(take_in_child(listener, SOCK_STREAM), 203);
	assert_int_equal(take_in_child(listener, SOCK_SEQPACKET), ENOENT);
	assert_int_equal(take_in_child(rig->manager, SOCK_STREAM), EINVAL);
	close(listener);
	unlink(name);
	packets = open_socket(name, SOCK_SEQPACKET);
	assert_int_equal(listen(packets, 1), 0);
	assert_int_equal(take_in_child(packets, SOCK_SEQPACKET), 203);
	assert_int_equal(take_in_child(packets, SOCK_STREAM), ENOENT);
	close(packets);
	unlink(name);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(readiness_and_status),
		RIG_TEST(watchdog),
		RIG_TEST(no_watchdog_while_a_thread_hangs),
		RIG_TEST(reload),
		RIG_TEST(socket_of_the_manager),
	};
	int r;

	assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/notify", folder);
	r = cmocka_run_group_tests_name("service", tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return r;
}
