/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `panics`: what a phone's panic reports say about its parts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/rpc.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/panic_files.h"
#include "client/commands/phone_reports.h"
#include "common/base/text.h"

struct choices {
	bool files;
	bool verbose;
	const char *folder; /* where reports are kept; NULL = nowhere */
};

static const struct option own[] = {
	{"file", no_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"verbose", no_argument, NULL, 'v'},
	{0},
};

static int take(void *user, int option, const char *value)
{
	struct choices *choices = user;

	if (option == 'f')
		choices->files = true;
	else if (option == 'o')
		choices->folder = value;
	else
		choices->verbose = true;
	return EXIT_DONE;
}

static int show_file(struct context *context, const char *path, bool verbose)
{
	CLEANUP(json_object_putp) struct json_object *panic = NULL;
	char message[PANICS_MESSAGE_SIZE];
	int r = panics_explain_file(path, &panic, message);

	if (r == -ENOMEM)
		return report_no_memory();
	if (r < 0) {
		report_error("Cannot read %s as a panic report: %s.", path, message);
		return EXIT_REFUSED;
	}
	context->output->panic(&context->layout, panic, verbose);
	return EXIT_DONE;
}

static int show_files(struct context *context, int count, char **paths, bool verbose)
{
	int code = EXIT_DONE;

	for (int i = 0; i < count; i++) {
		int r = show_file(context, paths[i], verbose);

		if (r != EXIT_DONE)
			code = r;
	}
	return code;
}

/* What becomes of a phone's reports, one after the other. */
struct reading {
	struct context *context;
	const struct choices *choices;
	int folder; /* -1: they are not kept */
	int code;
};

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* A report that is there from before is the same: its name has its time. */
static bool keep_report(struct reading *reading, const char *name, const char *bytes, size_t length)
{
	CLEANUP(closep) int fd = -1;
	int r;

	if (reading->folder < 0)
		return true;
	fd = openat(
		reading->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return true;
	r = fd < 0 ? -errno : write_all(fd, bytes, length);
	if (r == 0)
		return true;
	if (fd >= 0)
		unlinkat(reading->folder, name, 0);
	report_error("Cannot write %s/%s: %s.", reading->choices->folder, name, strerror(-r));
	reading->code = EXIT_REFUSED;
	return false;
}

static bool take_report(void *user, const char *name, const char *bytes, size_t length)
{
	struct reading *reading = user;
	CLEANUP(json_object_putp) struct json_object *panic = NULL;
	char message[PANICS_MESSAGE_SIZE];
	int r;

	if (!keep_report(reading, name, bytes, length))
		return false;
	r = panics_explain(name, bytes, length, &panic, message);
	if (r == -ENOMEM) {
		reading->code = report_no_memory();
		return false;
	}
	if (r < 0)
		report_error("Cannot read %s as a panic report: %s.", name, message);
	else
		reading->context->output->panic(
			&reading->context->layout, panic, reading->choices->verbose);
	return true;
}

static bool has_name(struct json_object *device, const char *name)
{
	const char *port = field_text(device, "port"), *ecid = field_text(device, "ecid");
	size_t length = strlen(name), whole = ecid ? strlen(ecid) : 0;

	return (port && text_equal(port, name)) ||
	       (length >= 4 && length <= whole && strcasecmp(ecid + whole - length, name) == 0);
}

/* The daemon knows ports, and the ECIDs of phones whose UDID has none. Returns false where it does
 * not know the name, or is not there. */
static bool ask_udid(struct context *context, const char *name, char udid[static UDID_SIZE])
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct json_object *devices;

	if (rpc_open_quietly(context, &connection) < 0 ||
		rpc_call_plain(context, connection, "ListDevices", &reply) != EXIT_DONE)
		return false;
	devices = field_list(reply, "devices");
	for (size_t i = 0; i < field_count(devices); i++) {
		struct json_object *device = field_item(devices, i);
		const char *found = field_text(device, "udid");

		if (found && has_name(device, name) &&
			!text_equal(field_text_or(device, "mode", ""), "gone"))
			return text_copy(udid, UDID_SIZE, found);
	}
	return false;
}

static int find_phone(struct context *context, const char *name, char udid[static UDID_SIZE])
{
	char message[PHONE_MESSAGE_SIZE];
	int r = phone_find(name, udid, message);

	if (r == -ENOEXEC) {
		report_error("%s", message);
		return EXIT_REFUSED;
	}
	if (r > 1) {
		report_error("%s fits more than one phone; type more of it.", name);
		return EXIT_UNKNOWN_NAME;
	}
	if (r == 1 || ask_udid(context, name, udid))
		return EXIT_DONE;
	if (r < 0)
		report_error("%s", message);
	else
		report_error("usbmuxd lists no phone %s; connect it and wait until its system has "
			     "started.",
			name);
	return EXIT_UNKNOWN_NAME;
}

static int open_folder(const char *path, int *ret)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		report_error("Cannot create %s: %m.", path);
		return EXIT_REFUSED;
	}
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret >= 0)
		return EXIT_DONE;
	report_error("Cannot open %s: %m.", path);
	return EXIT_REFUSED;
}

static int show_phone(struct context *context, const char *name, const struct choices *choices)
{
	struct reading reading = {context, choices, -1, EXIT_DONE};
	char udid[UDID_SIZE], message[PHONE_MESSAGE_SIZE];
	int r = find_phone(context, name, udid);

	if (r == EXIT_DONE && choices->folder)
		r = open_folder(choices->folder, &reading.folder);
	if (r != EXIT_DONE)
		return r;
	r = phone_reports(udid, take_report, &reading, message);
	closep(&reading.folder);
	if (r < 0) {
		report_error("The phone %s", message);
		return EXIT_REFUSED;
	}
	if (r == 0)
		report_error("The phone has no panic reports.");
	return reading.code;
}

int command_panics(struct context *context, int argc, char **argv)
{
	struct choices choices = {0};
	int first = options_read(context, argc, argv, "fo:v", own, take, &choices);

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("Name the phone, or reports: `idevicetriage panics --file "
			     "panic-full-*.ips`.");
		return EXIT_USAGE;
	}
	if (choices.files)
		return show_files(context, argc - first, argv + first, choices.verbose);
	if (first + 1 < argc)
		return options_too_many("panics", argv[first + 1]);
	return show_phone(context, argv[first], &choices);
}
