/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of the computer: disk space, the clock, the restore tool and its libusbmuxd. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "client/doctor/doctor.h"
#include "client/doctor/known_fault.h"
#include "client/doctor/system.h"
#include "client/tool_version.h"
#include "client/run/logfile.h"
#include "common/diagnosis/tool_age.h"
#include "common/model/known_tool.h"
#include "client/fields.h"
#include "client/phrase.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define DISK_LEAST_BYTES (64ull * 1024 * 1024) /* four rings of the default size */
#define DISK_LOW_BYTES (512ull * 1024 * 1024)

/* Reports the free space for `name`, a folder at `path`; `loss` is the consequence of a full
 * disk. */
static void say_room(struct doctor *doctor, const char *name, const char *path, const char *loss)
{
	struct statvfs disk;
	uint64_t free_bytes;

	if (statvfs(path, &disk) < 0) {
		doctor_say(doctor, FINDING_UNKNOWN,
			errno == ENOENT ? "Name the daemon's state directory with --state-dir."
					: NULL,
			"Cannot check %s (%s).", name, strerror(errno));
		return;
	}
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (disk.f_flag & ST_RDONLY)
		doctor_say(doctor, FINDING_PROBLEM, "Remount it read-write.",
			"The disk of %s is read-only.", name);
	else if (free_bytes < DISK_LEAST_BYTES || (disk.f_files && !disk.f_favail))
		doctor_say(doctor, FINDING_PROBLEM, loss, "The disk of %s has %s left%s.", name,
			phrase_bytes((int64_t)free_bytes).text,
			disk.f_files && !disk.f_favail ? " and accepts no more files" : "");
	else if (free_bytes < DISK_LOW_BYTES)
		doctor_say(doctor, FINDING_WARNING, "Free some space on it.",
			"The disk of %s has %s left.", name,
			phrase_bytes((int64_t)free_bytes).text);
	else
		doctor_say(doctor, FINDING_OK, NULL, "The disk of %s has %s left.", name,
			phrase_bytes((int64_t)free_bytes).text);
}

void check_disk(struct doctor *doctor)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", doctor->root, doctor->state_dir);
	say_room(
		doctor, doctor->state_dir, path, "Free some space on it: nothing can be recorded.");
}

/* The caller owns the logs of `run` and their folder: the path is not under `root`. */
void check_log_disk(struct doctor *doctor)
{
	CLEANUP(freep) char *folder = logfile_default_path(NULL), *at = NULL;
	char *slash;

	if (folder)
		at = strdup(folder);
	if (!at)
		return;
	/* `run` creates missing folders. */
	while (!system_exists("", at) && (slash = strrchr(at, '/')) && slash != at)
		*slash = '\0';
	if (system_exists("", at) && access(at, W_OK) < 0 && errno == EACCES)
		doctor_say(doctor, FINDING_PROBLEM,
			"Make it yours with chown, or set XDG_STATE_HOME.",
			"You cannot write to %s, where run writes the logs of restore tools.", at);
	else
		say_room(doctor, folder, at,
			"Free some space on it: the logs of restore tools are incomplete.");
}

/* Whether the clock is synchronised: 1 or 0, or a negative errno if the kernel does not say.
 * timesyncd leaves a file; other programs set the kernel's flag. */
static int is_synchronised(const char *root)
{
	struct timex clock = {0};

	if (system_exists(root, "/run/systemd/timesync/synchronized"))
		return 1;
	/* The kernel's clock does not belong to a test's tree. */
	if (*root)
		return 0;
	if (adjtimex(&clock) < 0)
		return -errno;
	return !(clock.status & STA_UNSYNC);
}

/* A clock that was never set shows a time before this program was built. */
void check_clock(struct doctor *doctor)
{
	int64_t now_us = (int64_t)clock_now().wall_us, made_us;
	struct stat program;
	int synchronised;

	if (stat("/proc/self/exe", &program) == 0) {
		made_us = (int64_t)program.st_mtim.tv_sec * (int64_t)USEC_PER_SEC;
		if (now_us < made_us) {
			doctor_say(doctor, FINDING_PROBLEM, "timedatectl set-ntp true",
				"The clock shows %s, before this program was built (%s): signing "
				"servers and the order of attempts need the right time.",
				phrase_minute(now_us).text, phrase_minute(made_us).text);
			return;
		}
	}
	synchronised = is_synchronised(doctor->root);
	if (synchronised < 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL,
			"Cannot read the state of the clock (%s).", strerror(-synchronised));
	else if (!synchronised)
		doctor_say(doctor, FINDING_WARNING, "timedatectl set-ntp true",
			"The clock shows %s, and nothing synchronises it.",
			phrase_minute(now_us).text);
	else
		doctor_say(doctor, FINDING_OK, NULL, "It is synchronised.");
}

/* The newest year of a firmware restored with this version of the tool; 0 = none known. */
static int newest_firmware(
	struct doctor *doctor, const char *tool, const char *version, char *out, size_t size)
{
	int newest = 0;

	*out = '\0';
	for (size_t i = 0; i < field_count(doctor->sessions); i++) {
		struct json_object *session = field_item(doctor->sessions, i);
		const char *firmware = field_text_or(session, "firmware", "");
		int year = firmware_year(firmware);

		if (!text_equal(field_text_or(session, "tool", ""), tool) ||
			!text_equal(field_text_or(session, "toolVersion", version), version) ||
			year <= newest)
			continue;
		newest = year;
		text_clean(firmware, strlen(firmware), out, size);
	}
	return newest;
}

#define MUX_LIBRARY "libusbmuxd-2.0.so."

static const struct known_fault *fault_of_library(const char *file)
{
	return text_starts_with(file, MUX_LIBRARY)
		       ? known_fault_of("libusbmuxd", file + strlen(MUX_LIBRARY))
		       : NULL;
}

/* A search for libusbmuxd in a folder and its folders for architectures. */
struct library_search {
	const char *root;
	const char *folder;
	char found[SYSTEM_NAME_SIZE]; /* the faulty one, else any one with its full version */
};

static bool look_at_library(void *user, const char *name)
{
	struct library_search *search = user;

	if (fault_of_library(name) || (!search->found[0] && text_starts_with(name, MUX_LIBRARY) &&
					      strchr(name + strlen(MUX_LIBRARY), '.')))
		text_copy(search->found, sizeof(search->found), name);
	return !fault_of_library(search->found);
}

static bool look_into_folder(void *user, const char *name)
{
	struct library_search *search = user;
	char path[PATH_MAX];

	if (!look_at_library(search, name))
		return false;
	if (strstr(name, "-linux-gnu")) {
		snprintf(path, sizeof(path), "%s/%s", search->folder, name);
		system_each(search->root, path, look_at_library, search);
	}
	return true;
}

void check_mux_library(struct doctor *doctor)
{
	static const char *const folders[] = {"/usr/local/lib", "/usr/lib", "/usr/lib64"};
	struct library_search search = {.root = doctor->root};
	const struct known_fault *fault;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		search.folder = folders[i];
		system_each(doctor->root, folders[i], look_into_folder, &search);
	}
	fault = fault_of_library(search.found);
	if (!search.found[0])
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "No libusbmuxd was found.");
	else if (fault)
		doctor_say(doctor, FINDING_WARNING, fault->advice, "%s is installed: %s",
			search.found, fault->means);
	else
		doctor_say(doctor, FINDING_OK, NULL, "%s is installed.", search.found);
}

/* The newest model on this bench: that the daemon knows at a port, or that USB shows. */
static const struct model *newest_model(struct doctor *doctor)
{
	static struct system_phone phones[SYSTEM_PHONES_MAX];
	int count = system_phones(doctor->root, phones);
	const struct model *newest = NULL, *model;

	for (int i = 0; i < count; i++)
		if (phones[i].model && (!newest || phones[i].model->released > newest->released))
			newest = phones[i].model;
	for (size_t i = 0; i < field_count(doctor->devices); i++) {
		struct json_object *device = field_item(doctor->devices, i);

		if (!field_text(device, "port"))
			continue;
		model = model_by_product(field_text_or(device, "productType", ""));
		if (model && (!newest || model->released > newest->released))
			newest = model;
	}
	return newest;
}

static void judge_version(struct doctor *doctor, const char *tool, const char *version)
{
	static const char update[] =
		"Install a newer one (idevicetriage(1), A NEWER RESTORE TOOL), "
		"or restore with Finder, iTunes or Apple Devices, before you "
		"judge the phone.";
	int month = tool_version_month(tool, version), year = month / 100, newest;
	const struct model *model = newest_model(doctor);
	char firmware[64];

	newest = newest_firmware(doctor, tool, version, firmware, sizeof(firmware));
	if (!month)
		doctor_say(doctor, FINDING_OK, NULL, "%s %s is installed; its age is unknown.",
			tool, version);
	else if (model && tool_precedes(tool, version, model->released))
		doctor_say(doctor, FINDING_PROBLEM, update,
			"%s %s is from %d, but the attached %s (%s) was released in %04d-%02d: it "
			"may not support the parts of this model.",
			tool, version, year, model->name, model->product, model->released / 100,
			model->released % 100);
	else if (newest > year)
		doctor_say(doctor, FINDING_PROBLEM, update,
			"%s %s is from %d, but firmware %s from %d was restored with it: it does "
			"not support the requests of such a phone.",
			tool, version, year, firmware, newest);
	else
		doctor_say(doctor, FINDING_WARNING, update,
			"%s %s is from %d: phones with newer firmware send requests that it does "
			"not support, and fail like broken ones.",
			tool, version, year);
}

static void judge_tool(struct doctor *doctor, const char *tool, const char *version)
{
	char package[TOOL_PACKAGE_SIZE] = "", both[TOOL_VERSION_SIZE];

	tool_package_ask(tool, package);
	tool_version_join(version, package, both);
	judge_version(doctor, tool, both);
}

void check_tool(struct doctor *doctor)
{
	char version[TOOL_VERSION_SIZE];
	size_t found = 0, count;
	const struct known_tool *tools = known_tool_all(&count);
	int r;

	for (size_t i = 0; i < count; i++) {
		r = tools[i].ask ? tool_version_ask(tools[i].name, version) : -ENOENT;
		if (r == -ENOENT)
			continue;
		found++;
		if (r < 0)
			doctor_say(doctor, FINDING_UNKNOWN, NULL,
				"%s does not print its version (%s).", tools[i].name, strerror(-r));
		else
			judge_tool(doctor, tools[i].name, version);
	}
	if (!found)
		doctor_say(doctor, FINDING_WARNING,
			"Install one, such as idevicerestore, or restore with a program that run "
			"can start.",
			"Your PATH has no known restore tool.");
}
