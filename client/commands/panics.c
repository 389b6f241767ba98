/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `panics`: what a phone's panic reports show about its parts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/rpc.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "client/panic_files.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/logs/panicfile.h"
#include "common/wire/json.h"
#include "phone/answer.h"
#include "phone/program.h"

/* For one report or the end. More than a phone needs; the library waits for 30 s, or for ever. */
#define SILENCE_SECONDS 20
#define NAME_END_LEAST 4 /* minimum characters of a UDID's end to identify it */

struct choices {
	bool files;
	bool verbose;
	const char *folder; /* where to store reports; NULL = nowhere */
};

static const struct command_option own[] = {
	{"file", 'f', NULL, "the arguments are report files, not a phone", COMPLETE_FILE},
	{"output", 'o', "FOLDER", "also save the phone's reports there", COMPLETE_FOLDER},
	{"verbose", 'v', NULL, "also print the sources"},
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

/* Reads the program's output, with a deadline. */
struct reader {
	struct phone_process process;
	uint64_t until_us;
	size_t at, used;
	char bytes[PHONE_ANSWER_JSON_MAX];
};

static int reader_open(struct reader *reader, const char *const arguments[])
{
	reader->at = reader->used = 0;
	return phone_process_start(phone_program_path(), arguments, &reader->process);
}

static void reader_close(struct reader *reader)
{
	phone_process_end(&reader->process);
}

/* Sets the deadline, `limit_us` from now. */
static void reader_allow(struct reader *reader, uint64_t limit_us)
{
	reader->until_us = clock_now().monotonic_us + limit_us;
}

/* Waits for more output. Returns 0, -ETIMEDOUT, or -ENODATA if the program has ended. */
static int reader_fill(struct reader *reader)
{
	struct pollfd more = {.fd = reader->process.output, .events = POLLIN};
	ssize_t n = -1;

	while (n < 0) {
		uint64_t now_us = clock_now().monotonic_us;

		if (now_us >= reader->until_us)
			return -ETIMEDOUT;
		if (poll(&more, 1, (int)((reader->until_us - now_us) / USEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(reader->process.output, reader->bytes, sizeof(reader->bytes));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return -ENODATA;
	}
	reader->at = 0;
	reader->used = (size_t)n;
	return 0;
}

static int read_bytes(struct reader *reader, char *out, size_t length)
{
	while (length > 0) {
		size_t piece = reader->used - reader->at;
		int r = piece == 0 ? reader_fill(reader) : 0;

		if (r < 0)
			return r;
		piece = reader->used - reader->at;
		piece = piece < length ? piece : length;
		memcpy(out, reader->bytes + reader->at, piece);
		reader->at += piece;
		out += piece;
		length -= piece;
	}
	return 0;
}

/* Reads a line of at most `size` bytes, without its line end. Returns its length, -ETIMEDOUT,
 * -ENODATA, or -EBADMSG for a longer one. */
static int read_line(struct reader *reader, char *out, size_t size)
{
	for (size_t length = 0; length < size; length++) {
		int r = read_bytes(reader, out + length, 1);

		if (r < 0)
			return r;
		if (out[length] == '\n')
			return (int)length;
	}
	return -EBADMSG;
}

static bool names_phone(const char *name, const char *udid)
{
	size_t length = strlen(name), whole = strlen(udid);
	char wanted[UDID_SIZE];
	uint64_t ecid;

	if (udid_normalize(name, wanted) == 0 && text_equal(wanted, udid))
		return true;
	if (ecid_parse(name, &ecid) == 0 && ecid == udid_ecid(udid))
		return true;
	return length >= NAME_END_LEAST && length <= whole &&
	       strcasecmp(udid + whole - length, name) == 0;
}

static int find_listed(struct json_object *listing, const char *name, char udid[static UDID_SIZE])
{
	struct json_object *phones;
	size_t count;
	int found = 0;

	if (json_get_array(listing, "phones", &phones) != 1)
		return -EBADMSG;
	count = json_count(phones);
	for (size_t i = 0; i < count && i < PHONE_LIST_MAX; i++) {
		const char *text = json_item_text(phones, i);
		char listed[UDID_SIZE];

		if (!text || udid_normalize(text, listed) < 0 || !names_phone(name, listed))
			continue;
		/* The daemon or the list resolves it later. */
		if (strlen(text) < UDID_SIZE && found++ == 0)
			text_copy(udid, UDID_SIZE, text);
	}
	return found;
}

/* Lets the program list the phones. */
static int read_listing(struct reader *reader, struct json_object **ret)
{
	CLEANUP(freep) char *line = malloc(PHONE_ANSWER_JSON_MAX);
	const char *error;
	int r;

	if (!line)
		return -ENOMEM;
	reader_allow(reader, PHONE_DEADLINE_US);
	r = read_line(reader, line, PHONE_ANSWER_JSON_MAX);
	if (r >= 0)
		r = json_read(line, (size_t)r, ret);
	return r == 0 && json_get_text(*ret, "error", &error) == 1 ? -ECONNREFUSED : r;
}

/* Reads reports until the last line. */
static int read_reports(struct reader *reader, phone_report_taken *taken, void *user, char *message)
{
	CLEANUP(freep) char *bytes = malloc(PANICFILE_BYTES_MAX);
	char line[PHONE_HEAD_MAX];
	struct phone_head head;
	int r;

	if (!bytes)
		return -ENOMEM;
	for (;;) {
		reader_allow(reader, SILENCE_SECONDS * USEC_PER_SEC);
		r = read_line(reader, line, sizeof(line));
		if (r >= 0)
			r = phone_head_read(line, (size_t)r, &head);
		if (r < 0)
			return r;
		if (head.last) {
			text_copy(message, PHONE_MESSAGE_SIZE, head.message);
			return head.message[0] ? -EPROTO : (int)(head.count & INT32_MAX);
		}
		r = head.length > PANICFILE_BYTES_MAX ? -EBADMSG
						      : read_bytes(reader, bytes, head.length);
		if (r < 0)
			return r;
		if (!taken(user, head.name, bytes, head.length))
			return 1;
	}
}

/* Writes the sentence for an error on this side of the program. */
static void explain(int error, char *message)
{
	if (error == -ETIMEDOUT)
		snprintf(message, PHONE_MESSAGE_SIZE,
			"did not answer for %d seconds. Replug it and try again.", SILENCE_SECONDS);
	else if (error == -ENODATA || error == -EBADMSG)
		snprintf(message, PHONE_MESSAGE_SIZE,
			"sent an answer that the library cannot read. Restart the phone and try "
			"again.");
	else
		snprintf(message, PHONE_MESSAGE_SIZE, "cannot be read: %s.", strerror(-error));
}

/* Reads the panic reports of that phone, as usbmuxd lists it, one by one. Returns their number, or
 * a negative errno with one sentence for people, from its verb on, in `message`. */
static int phone_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE])
{
	const char *const arguments[] = {"idevicetriage-phone", "reports", udid, NULL};
	CLEANUP(freep) struct reader *reader = malloc(sizeof(*reader));
	int r = reader ? reader_open(reader, arguments) : -ENOMEM;

	message[0] = '\0';
	if (r == 0) {
		r = read_reports(reader, taken, user, message);
		reader_close(reader);
	}
	if (r < 0 && !message[0])
		explain(r, message);
	return r;
}

/* The state of receiving a phone's reports. */
struct reading {
	struct context *context;
	const struct choices *choices;
	int folder; /* -1: they are not stored */
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

/* An existing report with the same name is the same report: the name contains its time. */
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

/* The daemon knows ports, and the ECIDs of phones whose UDID has none. Returns false if it does not
 * know the name, or is not running. */
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

/* Finds the phone among those that usbmuxd lists: its UDID is `name`, ends with it, or contains
 * that ECID; else asks the daemon. Returns EXIT_DONE, or another exit code after reporting the
 * error. */
static int find_phone(struct context *context, const char *name, char udid[static UDID_SIZE])
{
	static const char *const arguments[] = {"idevicetriage-phone", "list", NULL};
	CLEANUP(json_object_putp) struct json_object *listing = NULL;
	CLEANUP(freep) struct reader *reader = malloc(sizeof(*reader));
	int r = reader ? reader_open(reader, arguments) : -ENOMEM;

	if (r < 0) {
		report_error("Cannot start %s: %s. Install idevicetriage again.",
			phone_program_path(), strerror(-r));
		return EXIT_REFUSED;
	}
	r = read_listing(reader, &listing);
	reader_close(reader);
	if (r == 0)
		r = find_listed(listing, name, udid);
	if (r > 1) {
		report_error("%s matches more than one phone; type more of it.", name);
		return EXIT_UNKNOWN_NAME;
	}
	if (r == 1 || ask_udid(context, name, udid))
		return EXIT_DONE;
	if (r < 0)
		report_error("usbmuxd does not answer; is a phone connected?");
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

static int run_panics(struct context *context, int argc, char **argv)
{
	struct choices choices = {0};
	int first = options_read(context, argc, argv, take, &choices);

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("Name a phone, or report files: `idevicetriage panics --file "
			     "panic-full-*.ips`.");
		return EXIT_USAGE;
	}
	pager_begin(context);
	if (choices.files)
		return show_files(context, argc - first, argv + first, choices.verbose);
	if (first + 1 < argc)
		return options_too_many("panics", argv[first + 1]);
	return show_phone(context, argv[first], &choices);
}

const struct command command_panics = {
	.name = "panics",
	.arguments = "DEVICE|--file FILE ...",
	.brief = "read panic reports",
	.summary = "Show which parts the panic reports of a phone point to.",
	.options = own,
	.words = COMPLETE_DEVICE,
	.examples = {{"idevicetriage panics --file panic-full.ips",
			     "a report file, without a phone"},
		{"idevicetriage panics -v --file panic-full.ips", "with the sources"}},
	.run = run_panics,
};
