/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks for other programs that use the phones: their USB devices, or usbmuxd. A restore fails if
 * a second program interferes (github.com/libimobiledevice/idevicerestore/issues/802). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/doctor/doctor.h"
#include "client/doctor/system.h"
#include "common/base/text.h"
#include "common/model/known_tool.h"

/* A search for open files. */
struct search {
	struct doctor *doctor;
	const char *(*what)(const struct search *search, const char *link);
	const struct system_phone *phones;
	int phone_count;
	const uint32_t *peers;
	int peer_count;

	const struct system_process *process; /* the current one */
	size_t hidden;			      /* processes that this user may not inspect */
	size_t said;
};

/* The name of the phone if the link leads to one in the search, else NULL. */
static const char *find_phone(const struct search *search, const char *link)
{
	char node[64];

	for (int i = 0; i < search->phone_count; i++) {
		snprintf(node, sizeof(node), "/dev/bus/usb/%03d/%03d", search->phones[i].bus,
			search->phones[i].address);
		if (text_equal(node, link))
			return search->phones[i].port;
	}
	return NULL;
}

static const char *find_peer(const struct search *search, const char *link)
{
	uint32_t inode;

	if (sscanf(link, "socket:[%" SCNu32 "]", &inode) != 1)
		return NULL;
	for (int i = 0; i < search->peer_count; i++)
		if (search->peers[i] == inode)
			return "usbmuxd";
	return NULL;
}

static void say_found(struct search *search, const char *what)
{
	static const struct {
		enum finding_result result;
		const char *advice;
		const char *means;
	} roles[] = {
		[PROGRAM_OTHER] = {FINDING_PROBLEM, "Stop it before a restore begins.",
			"it can disturb a restore"},
		[PROGRAM_TOOL] = {FINDING_OK, NULL, "a restore tool"},
		[PROGRAM_DESKTOP] = {FINDING_OK, NULL,
			"part of the desktop; it queries every attached phone: close it if "
			"restores are disturbed"},
	};
	enum program_role role = program_role(search->process->name);

	search->said++;
	doctor_say(search->doctor, roles[role].result, roles[role].advice,
		search->peers ? "%s (process %d) talks to %s: %s."
			      : "%s (process %d) has the phone at port %s open: %s.",
		search->process->name, search->process->pid, what, roles[role].means);
}

static bool look_at_file(void *user, const char *number)
{
	struct search *search = user;
	char path[PATH_MAX], link[PATH_MAX];
	const char *what;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", search->process->pid, number);
	if (!system_read_link(search->doctor->root, path, link, sizeof(link)))
		return true;
	what = search->what(search, link);
	if (!what)
		return true;
	say_found(search, what);
	return false;
}

static bool look_at_process(void *user, const struct system_process *process)
{
	struct search *search = user;
	char path[PATH_MAX];

	if (program_role(process->name) == PROGRAM_OWN)
		return true;
	search->process = process;
	snprintf(path, sizeof(path), "/proc/%d/fd", process->pid);
	if (system_each(search->doctor->root, path, look_at_file, search) == -EACCES)
		search->hidden++;
	return true;
}

static void search_processes(struct search *search, const char *nothing)
{
	int r = system_each_process(search->doctor->root, look_at_process, search);

	if (r < 0)
		doctor_say(search->doctor, FINDING_UNKNOWN, NULL, "Cannot read /proc (%s).",
			strerror(-r));
	else if (search->hidden)
		doctor_say(search->doctor, FINDING_UNKNOWN, "Run doctor as root to see them.",
			"%zu processes of other users could not be inspected.", search->hidden);
	else if (!search->said)
		doctor_say(search->doctor, FINDING_OK, NULL, "%s", nothing);
}

void check_holders(struct doctor *doctor)
{
	struct system_phone phones[SYSTEM_PHONES_MAX];
	struct search search = {.doctor = doctor, .what = find_phone, .phones = phones};

	search.phone_count = system_phones(doctor->root, phones);
	if (search.phone_count < 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "Cannot read the USB devices (%s).",
			strerror(-search.phone_count));
	else if (search.phone_count == 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL, "No phone is attached.");
	else
		search_processes(&search, "Only usbmuxd and restore tools use a phone.");
}

void check_mux_clients(struct doctor *doctor)
{
	uint32_t peers[UNIX_PEERS_MAX];
	struct search search = {.doctor = doctor, .what = find_peer, .peers = peers};

	search.peer_count = unix_peers(doctor->mux, peers);
	if (search.peer_count < 0)
		doctor_say(doctor, FINDING_UNKNOWN, NULL,
			"Cannot read the connected programs from the kernel (%s).",
			strerror(-search.peer_count));
	else
		search_processes(&search, "Only the daemon and restore tools use it.");
}
