/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of the daemon: whether it answers, its sources are up, and the caller has access. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "client/doctor/doctor.h"
#include "client/doctor/system.h"
#include "client/fields.h"
#include "client/phrase.h"
#include "client/sync_report.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/model/host_id.h"
#include "phone/program.h"

#define GROUP "idevicetriage"
#define NEARLY_FULL_PERCENT 80
#define START_IT "systemctl enable --now idevicetriaged.service"

void check_daemon(struct doctor *doctor)
{
	const char *version = field_text_or(doctor->status, "version", "?");

	if (!doctor->status)
		doctor_say(doctor, FINDING_PROBLEM,
			doctor->status_error == -EACCES ? "usermod -a -G " GROUP
							  " USER, then log in again"
							: START_IT,
			"Cannot reach the daemon at %s (%s): restores are not watched.",
			doctor->socket, strerror(-doctor->status_error));
	else if (!text_equal(version, PROJECT_VERSION))
		doctor_say(doctor, FINDING_WARNING, "systemctl restart idevicetriaged.service",
			"The daemon is version %s and this command " PROJECT_VERSION ".", version);
	else
		doctor_say(doctor, FINDING_OK, NULL, "idevicetriaged %s answers.", version);
}

/* Whether the word is in a list that blanks separate. */
static bool has_word(const char *list, const char *word)
{
	static const char blanks[] = " \t";

	for (list += strspn(list, blanks); *list; list += strspn(list, blanks)) {
		size_t length = strcspn(list, blanks);

		if (length == strlen(word) && memcmp(list, word, length) == 0)
			return true;
		list += length;
	}
	return false;
}

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* A group of the system, and whether `user` is a member. */
struct group_entry {
	bool exists;
	gid_t id;
	bool has_member;
};

static struct group_entry find_group(const char *root, const char *name, const char *user)
{
	size_t length = 0;
	CLEANUP(freep) char *bytes = system_read(root, "/etc/group", &length);
	CLEANUP(closefilep) FILE *file = length ? fmemopen(bytes, length, "r") : NULL;
	struct group_entry entry = {0};
	struct group *group;

	while (file && !entry.exists && (group = fgetgrent(file))) {
		if (!text_equal(group->gr_name, name))
			continue;
		entry.exists = true;
		entry.id = group->gr_gid;
		for (char **member = group->gr_mem; *member; member++)
			entry.has_member |= text_equal(*member, user);
	}
	return entry;
}

static void find_user(const char *root, uid_t uid, char *out, size_t size)
{
	size_t length = 0;
	CLEANUP(freep) char *bytes = system_read(root, "/etc/passwd", &length);
	CLEANUP(closefilep) FILE *file = length ? fmemopen(bytes, length, "r") : NULL;
	struct passwd *user = NULL;

	while (file && (user = fgetpwent(file)) && user->pw_uid != uid)
		;
	text_clean(user ? user->pw_name : "", user ? strlen(user->pw_name) : 0, out, size);
}

/* The rest of a line of /proc/PID/status; NULL if it is missing. The caller frees *file. */
static const char *find_line(char *file, const char *key)
{
	char *line = file ? strstr(file, key) : NULL;

	if (!line)
		return NULL;
	line += strlen(key);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void check_caller(struct doctor *doctor)
{
	CLEANUP(freep) char *for_uid = system_read(doctor->root, "/proc/self/status", NULL);
	CLEANUP(freep) char *for_groups = system_read(doctor->root, "/proc/self/status", NULL);
	const char *uids = find_line(for_uid, "\nUid:"),
		   *groups = find_line(for_groups, "\nGroups:");
	char user[64], id[32], advice[160];
	struct group_entry group;

	if (doctor->status || (uids && strtol(uids, NULL, 10) == 0)) {
		doctor_say(doctor, FINDING_OK, NULL, "You may query the daemon.");
		return;
	}
	if (!uids || !groups) {
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "Cannot read your groups from /proc.");
		return;
	}
	find_user(doctor->root, (uid_t)strtoul(uids, NULL, 10), user, sizeof(user));
	group = find_group(doctor->root, GROUP, user);
	snprintf(id, sizeof(id), "%u", (unsigned)group.id);
	snprintf(advice, sizeof(advice), "usermod -a -G " GROUP " %s, then log in again",
		*user ? user : "USER");
	if (!group.exists)
		doctor_say(doctor, FINDING_PROBLEM, "systemd-sysusers",
			"There is no group " GROUP ": only root may query the daemon.");
	else if (has_word(groups, id))
		doctor_say(doctor, FINDING_OK, NULL, "You are in the group " GROUP ".");
	else if (group.has_member)
		doctor_say(doctor, FINDING_PROBLEM, "Log out and in again.",
			"You were added to the group " GROUP " after this login.");
	else
		doctor_say(doctor, FINDING_PROBLEM, advice, "You are not in the group " GROUP ".");
}

/* A source in the daemon's answer; NULL if it has none of that name. */
static struct json_object *find_source(struct doctor *doctor, const char *name)
{
	struct json_object *sources = field_list(doctor->status, "sources");

	for (size_t i = 0; i < field_count(sources); i++) {
		struct json_object *source = field_item(sources, i);

		if (text_equal(field_text_or(source, "name", ""), name))
			return source;
	}
	return NULL;
}

static void say_no_daemon(struct doctor *doctor)
{
	doctor_say(doctor, FINDING_UNKNOWN, NULL,
		"Only the daemon can check this, and it does not answer.");
}

/* Checks a source that must be up: if it is down, reports the reason and the remedy. */
static void check_source(struct doctor *doctor, const char *name, enum finding_result result,
	const char *missing, const char *advice)
{
	struct json_object *source = find_source(doctor, name);

	if (!doctor->status)
		say_no_daemon(doctor);
	else if (!source)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "The daemon has no source %s.", name);
	else if (field_true(source, "up"))
		doctor_say(doctor, FINDING_OK, NULL, "It works.");
	else
		doctor_say(doctor, result, advice, "%s: %s.", missing,
			field_text_or(source, "detail", "unknown reason"));
}

void check_usb_source(struct doctor *doctor)
{
	check_source(doctor, "usb", FINDING_PROBLEM,
		"Phones that connect and disconnect are not detected",
		"Start udev, and allow the daemon to use netlink (RestrictAddressFamilies=, "
		"PrivateNetwork= of its unit).");
}

/* The source works, but may lack a part: its reason says which. */
void check_link(struct doctor *doctor)
{
	struct json_object *source = find_source(doctor, "link");
	const char *detail = source ? field_text_or(source, "detail", "") : "";

	if (source && field_true(source, "up") && text_starts_with(detail, "watching, ")) {
		doctor_say(doctor, FINDING_OK, NULL, "It is %s.", detail);
		return;
	}
	if (field_true(source, "absent")) {
		doctor_say(doctor, FINDING_WARNING,
			"Install the package idevicetriage-link. If this bench must not read its "
			"USB buses, ignore this.",
			"idevicetriage-link is not installed: errors of the USB link are not "
			"recorded, and restores without `run` only in part.");
		return;
	}
	check_source(doctor, "link", FINDING_WARNING,
		"Errors of the USB link are not recorded, and restores without `run` only in part",
		"Run: systemctl enable --now idevicetriage-link.service. The kernel needs usbmon: "
		"modprobe usbmon.");
}

void check_ring(struct doctor *doctor)
{
	check_source(doctor, "ring", FINDING_PROBLEM, "Records are lost when the daemon stops",
		"Let the daemon's user write to its state directory, and free some space on its "
		"disk.");
}

void check_casebook(struct doctor *doctor)
{
	int64_t bytes = field_number_or(doctor->status, "casebookBytes", 0);
	int64_t limit = field_number_or(doctor->status, "casebookLimit", 0);

	if (limit > 0 && bytes >= limit / 100 * NEARLY_FULL_PERCENT) {
		doctor_say(doctor, bytes >= limit ? FINDING_PROBLEM : FINDING_WARNING,
			"Delete old attempts with `idevicetriage purge`, or raise casebook-size in "
			"/etc/idevicetriage/idevicetriaged.conf.",
			"The casebook has %s of %s: %s.", phrase_bytes(bytes).text,
			phrase_bytes(limit).text,
			bytes >= limit ? "notes and imports are refused"
				       : "when it is full, notes and imports are refused");
		return;
	}
	check_source(doctor, "casebook", FINDING_PROBLEM, "Old attempts are not available",
		"Let the daemon's user write to its state directory; a casebook of a later version "
		"needs a daemon of that version.");
}

/* Another id that may be of this computer, or of a copy of it; NULL = none. */
static struct json_object *find_ambiguous(struct doctor *doctor, const char *id)
{
	for (size_t i = 0; i < field_count(doctor->ports); i++) {
		struct json_object *group = field_item(doctor->ports, i);

		if (host_id_is_ambiguous(id, field_text_or(group, "hostId", "")))
			return group;
	}
	return NULL;
}

void check_computer_id(struct doctor *doctor)
{
	const char *id = field_text_or(doctor->status, "hostId", "");
	struct json_object *group = find_ambiguous(doctor, id);
	bool same_machine = memcmp(id, field_text_or(group, "hostId", ""), strcspn(id, "-")) == 0;
	char advice[256];

	if (!doctor->status) {
		say_no_daemon(doctor);
		return;
	}
	if (!group) {
		doctor_say(doctor, FINDING_OK, NULL, "It is clear which attempts are its own.");
		return;
	}
	snprintf(advice, sizeof(advice),
		"If that was another computer: on one of the two, %s and restart it.",
		same_machine ? "empty /etc/machine-id"
			     : "delete the file host-id in the daemon's state directory");
	doctor_say(doctor, FINDING_WARNING, advice,
		"Attempts of %s may come from this computer or from a copy of it (the same %s). "
		"The diagnosis does not count them as another computer.",
		field_text_or(group, "host", "an unnamed computer"),
		same_machine ? "machine id" : "file host-id");
}

/* The usual reason is a missing group: then the journal opens but is empty. */
void check_journal(struct doctor *doctor)
{
	struct json_object *journal = find_source(doctor, "journal");
	struct json_object *kmsg = find_source(doctor, "kmsg");
	const char *advice = "If journald is running, add the daemon's user to the group "
			     "systemd-journal (its unit does that), then restart the daemon.";

	if (!journal || field_true(journal, "up"))
		check_source(doctor, "journal", FINDING_PROBLEM, "", NULL);
	else if (field_true(kmsg, "up"))
		doctor_say(doctor, FINDING_WARNING, advice,
			"Cannot read the journal: %s. The kernel's log is read instead; usbmuxd's "
			"lines are missing.",
			field_text_or(journal, "detail", "unknown reason"));
	else
		doctor_say(doctor, FINDING_PROBLEM, advice,
			"Cannot read the journal: %s. USB errors and usbmuxd's lines are missing.",
			field_text_or(journal, "detail", "unknown reason"));
}

/* Without that program, neither the daemon nor `panics` can query a phone. */
void check_phone_program(struct doctor *doctor)
{
	struct json_object *source = find_source(doctor, "phone");
	const char *path = phone_program_path(), *advice = "Install idevicetriage again.";

	if (!system_exists(doctor->root, path))
		doctor_say(doctor, FINDING_WARNING, advice,
			"%s is missing: `panics` cannot read a phone's reports, and the daemon "
			"cannot query a phone (phone-query, probe-restore).",
			path);
	else if (source && !field_true(source, "up"))
		doctor_say(doctor, FINDING_WARNING, advice, "The daemon cannot query phones: %s.",
			field_text_or(source, "detail", "unknown reason"));
	else
		doctor_say(doctor, FINDING_OK, NULL, "%s is there.", path);
}

#define RESTART_SYNC "systemctl restart idevicetriage-sync.service"
#define CLOCK_SECONDS 60

/* The connection to the server of the shop. */
static void say_sync(struct doctor *doctor, const struct sync_report *report)
{
	int64_t now_us = (int64_t)clock_now().wall_us;
	int64_t since_us = field_number_or(report->object, "behindSinceUSec", 0);
	const char *error = field_text_or(report->object, "lastError", "no reason was given");

	if (report->state == SYNC_NONE)
		doctor_say(doctor, FINDING_OK, NULL,
			"This bench does not share its attempts (no idevicetriage-sync).");
	else if (report->state == SYNC_STOPPED)
		doctor_say(doctor, FINDING_WARNING, RESTART_SYNC,
			"idevicetriage-sync is not running: other benches do not see what fails "
			"here.");
	else if (report->state == SYNC_WAITS)
		doctor_say(doctor, FINDING_WARNING, "journalctl -u idevicetriage-sync",
			"No connection to the server of the shop: %s. %" PRId64 " changes wait.",
			error, report->waiting > 0 ? report->waiting : 0);
	else if (report->waiting > 0 && since_us &&
		 since_us < now_us - (int64_t)(60 * USEC_PER_SEC))
		doctor_say(doctor, FINDING_WARNING, "journalctl -u idevicetriage-sync",
			"%" PRId64 " changes have been waiting for the server since %s.",
			report->waiting, phrase_when(since_us, now_us).text);
	else
		doctor_say(doctor, FINDING_OK, NULL,
			"This bench shares its attempts as %s; nothing waits.",
			field_text_or(report->object, "bench", "?"));
}

void check_sync(struct doctor *doctor)
{
	CLEANUP(sync_report_done) struct sync_report report;
	int64_t ahead;

	sync_report_read(doctor->root, &report);
	say_sync(doctor, &report);
	ahead = report.clock_ahead_seconds;
	if (ahead > CLOCK_SECONDS || ahead < -CLOCK_SECONDS)
		doctor_say(doctor, FINDING_WARNING, "timedatectl set-ntp true",
			"The clock is %" PRId64 " s %s that of the server: other benches see wrong "
			"times.",
			ahead > 0 ? ahead : -ahead, ahead > 0 ? "ahead of" : "behind");
}
