/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays USB to a program: phones come, change mode and go as lines on standard input say.
 *
 * Usage: umockdev-wrapper mockusb [COMMAND ARGUMENT…]
 *
 * COMMAND, usually the daemon, is started inside the testbed, its standard output going to standard
 * error. mockusb ends with COMMAND and its exit status (128 + signal where one ended it); at the
 * end of standard input or at SIGTERM it sends COMMAND a SIGTERM. Without COMMAND it ends at the
 * end of standard input: other programs join with the environment
 * LD_PRELOAD=libumockdev-preload.so.0 UMOCKDEV_DIR=FOLDER.
 *
 * First it prints "testbed FOLDER", then one line for each line it read, "ok …" or "error REASON":
 *   add PORT normal UDID               also: restore. Answers "ok BUS ADDRESS", the two numbers of
 *                                      usbmuxd's LocationID (BUS << 16 | ADDRESS)
 *   add PORT recovery ECID PRODUCT     also: ibss, ibec (recovery mode in a loaded program), dfu,
 *                                      wtf, port-dfu. ECID in hex, PRODUCT as iPhone12,3
 *   add PORT MODE serial TEXT…         with just that serial string
 *   add PORT VENDOR:PRODUCT TEXT…      any device by its numbers in hex
 *   speed MBITS                        of what is added from now on; at first 480
 *   remove PORT
 *   uevent PORT ACTION                 sends "change", "bind"… for what is attached
 *
 * A port is the kernel's path, such as 1-2 or 3-1.4.2; hubs on the way are there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "common/model/phone_model.h"
#include "common/model/usb_identity.h"
#include "tests/integration/usb_testbed.h"

#define LINE_BYTES_MAX 1024
#define SERIAL_SIZE 256

static const struct {
	const char *mode;
	uint16_t product_id;
	const char *program; /* tags of the boot ROM or of iBoot; NULL = the serial is the UDID */
} modes[] = {
	{"normal", 0x12a8, NULL},
	{"restore", 0x12a8, NULL},
	{"recovery", 0x1281, "IBFL:3D SRNM:[MOCKUSB00000]"},
	{"ibss", 0x1281, "IBFL:3C"},
	{"ibec", 0x1281, "IBFL:3C SRNM:[MOCKUSB00000]"},
	{"dfu", 0x1227, "IBFL:3C SRTG:[iBoot-5281.0.0.100.8]"},
	{"wtf", 0x1222, "IBFL:00"},
	{"port-dfu", 0xf014, "IBFL:3C"},
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = 1;
}

/* Cuts the first word off *text; "" at the end. */
static char *next_word(char **text)
{
	char *word = *text + strspn(*text, " ");

	*text = word + strcspn(word, " ");
	if (**text)
		*(*text)++ = '\0';
	return word;
}

static const char *boot_serial(char *rest, const char *program, char serial[static SERIAL_SIZE])
{
	const char *ecid_text = next_word(&rest);
	const struct model *model = model_by_product(next_word(&rest));
	uint64_t ecid;

	if (!model || ecid_parse(ecid_text, &ecid) < 0)
		return NULL;
	snprintf(serial, SERIAL_SIZE, "CPID:%04X CPRV:11 CPFM:03 SCEP:01 BDID:%02X ECID:%016llX %s",
		model->chip_id, model->board_id, (unsigned long long)ecid, program);
	return serial;
}

static int add_by_mode(struct usb_testbed *testbed, const char *port, const char *mode, char *rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char made[SERIAL_SIZE];
		const char *serial;

		if (!text_equal(modes[i].mode, mode))
			continue;
		if (text_starts_with(rest, "serial "))
			serial = rest + strlen("serial ");
		else
			serial =
				modes[i].program ? boot_serial(rest, modes[i].program, made) : rest;
		if (!serial)
			return -EINVAL;
		return usb_testbed_add(
			testbed, port, USB_VENDOR_APPLE, modes[i].product_id, serial);
	}
	return -EINVAL;
}

static int add(struct usb_testbed *testbed, char *rest)
{
	const char *port = next_word(&rest);
	const char *mode = next_word(&rest);
	unsigned vendor_id, product_id;

	if (sscanf(mode, "%4x:%4x", &vendor_id, &product_id) == 2)
		return usb_testbed_add(testbed, port, (uint16_t)vendor_id, (uint16_t)product_id,
			*rest ? rest : NULL);
	return add_by_mode(testbed, port, mode, rest);
}

static void obey(struct usb_testbed *testbed, char *line)
{
	const char *verb = next_word(&line);
	const char *port;
	int r = -EINVAL;

	if (text_equal(verb, "add")) {
		char *rest = line + strspn(line, " ");
		int bus = atoi(rest);

		r = add(testbed, rest);
		if (r > 0) {
			printf("ok %d %d\n", bus, r);
			return;
		}
	} else if (text_equal(verb, "remove")) {
		r = usb_testbed_remove(testbed, next_word(&line));
	} else if (text_equal(verb, "speed")) {
		usb_testbed_set_speed(testbed, next_word(&line));
		r = 0;
	} else if (text_equal(verb, "uevent")) {
		port = next_word(&line);
		r = usb_testbed_uevent(testbed, port, next_word(&line));
	}
	if (r < 0)
		printf("error %s\n", strerror(-r));
	else
		printf("ok\n");
}

/* Obeys the whole lines of `buffer` and returns how much is left of it. */
static size_t obey_lines(struct usb_testbed *testbed, char *buffer, size_t used)
{
	char *line = buffer;
	char *end;

	while ((end = memchr(line, '\n', used - (size_t)(line - buffer)))) {
		*end = '\0';
		obey(testbed, line);
		line = end + 1;
	}
	used -= (size_t)(line - buffer);
	memmove(buffer, line, used);
	return used;
}

static int start(char **command)
{
	int pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!freopen("/dev/null", "r", stdin) || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(command[0], command);
	fprintf(stderr, "mockusb: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

static int wait_for_child(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Serves until the end of input, a signal, or the end of the child behind `pidfd` (-1 = none). */
static void serve(struct usb_testbed *testbed, int pidfd)
{
	char buffer[LINE_BYTES_MAX];
	size_t used = 0;

	while (!stopped) {
		struct pollfd fds[] = {
			{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = pidfd, .events = POLLIN},
		};
		ssize_t n;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents)
			return;
		n = read(STDIN_FILENO, buffer + used, sizeof(buffer) - used);
		if (n <= 0)
			return;
		used = obey_lines(testbed, buffer, used + (size_t)n);
		if (used == sizeof(buffer)) {
			fprintf(stderr, "mockusb: a line is longer than %d bytes\n",
				LINE_BYTES_MAX);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	CLEANUP(usb_testbed_freep) struct usb_testbed *testbed = usb_testbed_new();
	struct sigaction action = {.sa_handler = on_signal};
	int pid, pidfd;

	if (!testbed) {
		fprintf(stderr, "mockusb: run me by umockdev-wrapper\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	printf("testbed %s\n", usb_testbed_folder(testbed));
	if (argc < 2) {
		serve(testbed, -1);
		return 0;
	}
	pid = start(argv + 1);
	if (pid < 0)
		return 1;
	pidfd = pidfd_open(pid, 0);
	serve(testbed, pidfd);
	kill(pid, SIGTERM);
	return wait_for_child(pid);
}
