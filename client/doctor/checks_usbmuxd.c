/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of usbmuxd: whether it is running, how it is started, and its udev rules. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/doctor/doctor.h"
#include "client/doctor/known_fault.h"
#include "client/doctor/service_unit.h"
#include "client/doctor/system.h"
#include "client/tool_version.h"
#include "common/base/text.h"

#define UNIT "usbmuxd.service"
#define RESTART_IT "systemctl restart usbmuxd"
#define USE_DROP_IN                                                                                \
	"install -D -m 644 " EXAMPLE_DIR "/usbmuxd-always-on.conf "                                \
	"/etc/systemd/system/usbmuxd.service.d/always-on.conf, then systemctl daemon-reload, "     \
	"systemctl enable usbmuxd and, with no restore running, systemctl restart usbmuxd"

/* The arguments that make usbmuxd exit with the last phone (usbmuxd(8)). */
static const char *const exit_words[] = {"--systemd", "--udev", "--enable-exit"};
#define EXIT_LETTERS "suz"

/* Whether that argument makes usbmuxd exit with the last phone. Letters may be combined; U and l
 * use the rest of the word. */
static bool is_exit_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(exit_words); i++)
		if (text_equal(word, exit_words[i]))
			return true;
	if (word[0] != '-' || word[1] == '-')
		return false;
	for (word++; *word && *word != 'U' && *word != 'l'; word++)
		if (strchr(EXIT_LETTERS, *word))
			return true;
	return false;
}

/* The same for a whole command line, whose words end with `separator`. */
static bool ends_with_last_phone(const char *line, size_t length, char separator)
{
	char word[64];

	while (length > 0) {
		const char *end = memchr(line, separator, length);
		size_t size = end ? (size_t)(end - line) : length;

		snprintf(word, sizeof(word), "%.*s", (int)size, line);
		if (is_exit_word(word))
			return true;
		size += end != NULL;
		line += size;
		length -= size;
	}
	return false;
}

/* The running usbmuxd; pid 0 if there is none. */
struct running {
	const char *root;
	int pid;
	bool ends_with_last_phone;
};

static bool is_usbmuxd(void *user, const struct system_process *process)
{
	struct running *running = user;
	CLEANUP(freep) char *arguments = NULL;
	char path[64];
	size_t length;

	if (!text_equal(process->name, "usbmuxd"))
		return true;
	running->pid = process->pid;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", process->pid);
	arguments = system_read(running->root, path, &length);
	running->ends_with_last_phone = arguments && ends_with_last_phone(arguments, length, '\0');
	return false;
}

static struct running find_running(const char *root)
{
	struct running running = {.root = root};

	system_each_process(root, is_usbmuxd, &running);
	return running;
}

/* Connects and disconnects at once. Returns 0 or a negative errno. */
static int try_connect(const char *path)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (fd < 0)
		return -errno;
	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static bool is_installed(const char *root)
{
	return system_exists(root, "/usr/sbin/usbmuxd") ||
	       system_exists(root, "/usr/local/sbin/usbmuxd");
}

/* The port of a phone that usbmuxd should list; NULL if none is attached. */
static const char *find_mux_phone(const char *root)
{
	static struct system_phone phones[SYSTEM_PHONES_MAX];
	int count = system_phones(root, phones);

	for (int i = 0; i < count; i++)
		if (phones[i].mode == MODE_NORMAL_OR_RESTORE)
			return phones[i].port;
	return NULL;
}

static void say_not_running(struct doctor *doctor, const char *why)
{
	const char *port = find_mux_phone(doctor->root);
	struct service_unit unit = service_unit_read(doctor->root, UNIT);

	if (!is_installed(doctor->root))
		doctor_say(doctor, FINDING_PROBLEM, "apt-get install usbmuxd",
			"usbmuxd is not installed: no phone can be restored.");
	else if (port)
		doctor_say(doctor, FINDING_PROBLEM, RESTART_IT,
			"usbmuxd is not running with a phone attached (port %s; %s): the phone is "
			"on USB, but no program can reach it. This says nothing about the phone.",
			port, why);
	else if (unit.found && ends_with_last_phone(unit.start, strlen(unit.start), ' '))
		doctor_say(doctor, FINDING_OK, NULL,
			"usbmuxd is not running; udev starts it with the first phone.");
	else
		doctor_say(
			doctor, FINDING_PROBLEM, RESTART_IT, "usbmuxd is not running (%s).", why);
}

void check_usbmuxd(struct doctor *doctor)
{
	char path[PATH_MAX];
	int r;

	text_copy(path, sizeof(path), doctor->mux);
	r = try_connect(path);
	if (r == 0 || r == -EAGAIN)
		doctor_say(doctor, FINDING_OK, NULL, "usbmuxd answers at %s.", path);
	else if (r == -ENOENT || r == -ECONNREFUSED)
		say_not_running(doctor,
			r == -ENOENT ? "it has no socket" : "no program listens on its socket");
	else
		doctor_say(doctor, FINDING_PROBLEM,
			"Give technicians access to it; unset USBMUXD_SOCKET_ADDRESS if it is "
			"wrong.",
			"Cannot connect to %s (%s).", path, strerror(-r));
}

void check_usbmuxd_version(struct doctor *doctor)
{
	char path[PATH_MAX], package[TOOL_PACKAGE_SIZE];
	const struct known_fault *fault;

	snprintf(path, sizeof(path), "%s/usr/sbin/usbmuxd", doctor->root);
	if (tool_package_ask(path, package) < 0) {
		doctor_say(doctor, FINDING_UNKNOWN, NULL,
			"dpkg lists no package of usbmuxd. Cannot check it for known faults such "
			"as "
			"CVE-2025-66004.");
		return;
	}
	fault = known_fault_of("usbmuxd", package);
	if (fault)
		doctor_say(doctor, FINDING_WARNING, fault->advice, "usbmuxd %s is installed: %s",
			package, fault->means);
	else
		doctor_say(doctor, FINDING_OK, NULL,
			"usbmuxd %s is installed: it is not listed as faulty.", package);
}

/* Debian's usbmuxd is told to exit when the last phone leaves. A phone that returns within some
 * tens of milliseconds finds it exiting, and nothing restarts it
 * (github.com/libimobiledevice/usbmuxd/issues/85, measured on Debian 12). */
void check_usbmuxd_start(struct doctor *doctor)
{
	struct service_unit unit = service_unit_read(doctor->root, UNIT);
	struct running running = find_running(doctor->root);
	bool unit_ends = ends_with_last_phone(unit.start, strlen(unit.start), ' ');

	if (!unit.found && !running.pid)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "It has no unit and is not running.");
	else if (unit.masked)
		doctor_say(doctor, FINDING_PROBLEM, "systemctl unmask usbmuxd",
			UNIT " is masked: nothing starts usbmuxd.");
	else if (unit.found && unit_ends)
		doctor_say(doctor, FINDING_WARNING, USE_DROP_IN,
			"usbmuxd exits with the last phone (%s), and may not start again if a "
			"phone leaves and returns within some tens of milliseconds, as in a "
			"restore.",
			unit.start);
	else if (running.pid && running.ends_with_last_phone)
		doctor_say(doctor, FINDING_WARNING,
			unit.found ? RESTART_IT " with no restore running"
				   : "Start it without --systemd, --udev and -z.",
			"The running usbmuxd (process %d) exits with the last phone.", running.pid);
	else if (unit.found && text_equal(unit.restart, "no"))
		doctor_say(doctor, FINDING_WARNING, USE_DROP_IN,
			"usbmuxd keeps running when phones leave, but is not restarted after a "
			"crash.");
	else
		doctor_say(doctor, FINDING_OK, NULL, "usbmuxd keeps running when phones leave.");
}

/* The first folder with a file of that name wins (udev(7)). */
static const char *const rule_folders[] = {
	"/etc/udev/rules.d",
	"/run/udev/rules.d",
	"/usr/local/lib/udev/rules.d",
	"/usr/lib/udev/rules.d",
	"/lib/udev/rules.d",
};

struct rules {
	const char *root;
	size_t folder;
	char found[PATH_MAX];  /* a file that mentions usbmuxd */
	char masked[PATH_MAX]; /* an empty file that overrides one */
};

static bool is_masked(const struct rules *rules, const char *name, char out[static PATH_MAX])
{
	for (size_t i = 0; i < rules->folder; i++) {
		snprintf(out, PATH_MAX, "%s/%s", rule_folders[i], name);
		if (system_exists(rules->root, out))
			return true;
	}
	return false;
}

/* Whether a line that is not a comment contains `word`. */
static bool has_rule(const char *text, const char *word)
{
	char line[1024];

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (line[0] != '#' && strstr(line, word))
			return true;
	}
	return false;
}

static bool look_at_rules(void *user, const char *name)
{
	struct rules *rules = user;
	CLEANUP(freep) char *text = NULL;
	char path[PATH_MAX], above[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", rule_folders[rules->folder], name);
	text = system_read(rules->root, path, NULL);
	if (!text || !has_rule(text, "usbmux") || !has_rule(text, "5ac"))
		return true;
	/* A folder with higher priority has rules of its own. */
	if (is_masked(rules, name, above))
		text_copy(rules->masked, sizeof(rules->masked), above);
	else
		text_copy(rules->found, sizeof(rules->found), path);
	return true;
}

void check_udev_rules(struct doctor *doctor)
{
	static struct rules rules;
	const char *reinstall =
		"apt-get install --reinstall usbmuxd, then udevadm control --reload";
	char advice[PATH_MAX + 64];

	rules = (struct rules){.root = doctor->root};
	for (; rules.folder < ARRAY_SIZE(rule_folders); rules.folder++)
		system_each(doctor->root, rule_folders[rules.folder], look_at_rules, &rules);
	snprintf(advice, sizeof(advice), "Remove %s, then udevadm control --reload", rules.masked);
	if (!rules.found[0] && rules.masked[0])
		doctor_say(doctor, FINDING_PROBLEM, advice,
			"%s hides usbmuxd's udev rules: usbmuxd is not started, and may not open "
			"phones.",
			rules.masked);
	else if (!rules.found[0])
		doctor_say(doctor, FINDING_PROBLEM, reinstall,
			"usbmuxd has no udev rules: nothing starts it, and it may not open "
			"phones.");
	else if (!system_exists(doctor->root, "/run/udev/control"))
		doctor_say(doctor, FINDING_PROBLEM, "systemctl start systemd-udevd",
			"udev is not running: usbmuxd is not started, and may not open phones.");
	else
		doctor_say(doctor, FINDING_OK, NULL, "usbmuxd's rules are in %s.", rules.found);
}
