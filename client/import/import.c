/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `import`: adds attempts from logs and case files, made here or elsewhere. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/import/import.h"
#include "client/resolve.h"
#include "client/options.h"
#include "common/base/clock.h"
#include "common/base/text.h"

#define HEAD_BYTES 65536    /* enough to recognise the type of a file */
#define BAR_BYTES (8 << 20) /* minimum size of a file with a progress bar */
#define BAR_EVERY_US (100 * USEC_PER_MSEC)
#define BAR_COLUMNS 20

enum { OPTION_DEVICE = OPTION_OWN, OPTION_DRY_RUN };

static const struct command_option own[] = {
	LOG_OPTIONS,
	{"device", OPTION_DEVICE, "DEVICE", "the phone, for files that name none", COMPLETE_DEVICE},
	{"dry-run", OPTION_DRY_RUN, NULL, "print what would be imported, change nothing"},
	{0},
};

/* The command line as typed: the daemon has not resolved its names yet. */
struct request {
	struct import_options options;
	const char *device;
};

static int take(void *user, int option, const char *value)
{
	struct request *request = user;

	if (option == OPTION_DRY_RUN)
		request->options.dry_run = true;
	else if (option == OPTION_DEVICE)
		request->device = *value ? value : NULL;
	/* An empty value, as scripts pass for an unknown one, counts as absent. */
	else if (!value || *value)
		return reported_read(&request->options.reported, option, value);
	return EXIT_DONE;
}

void import_clear_bar(struct import *import)
{
	if (import->bar_shown)
		fputs("\r\033[K", stderr);
	import->bar_shown = false;
}

static void show_bar(struct import *import, const struct source *source, uint64_t now_us)
{
	int permille = source_permille(source), columns = permille * BAR_COLUMNS / 1000;
	struct layout layout;

	import->bar_us = now_us + BAR_EVERY_US;
	layout_init(&layout, stderr, -1, false);
	fputs("\r\033[K[", stderr);
	for (int i = 0; i < BAR_COLUMNS; i++)
		fputs(i < columns ? layout_sign(&layout, "█", "#") : layout_sign(&layout, "░", "."),
			stderr);
	fprintf(stderr, "] %d %% ", permille / 10);
	fprintf(stderr, "%.*s",
		(int)layout_fitting(&layout, import->member->name, layout.width - BAR_COLUMNS - 10),
		import->member->name);
	fflush(stderr);
	import->bar_shown = true;
}

static long read_wide(struct import *import, struct source *source, char *bytes, size_t size)
{
	static char raw[HEAD_BYTES];
	size_t wanted = sizeof(raw), written = 0;
	long n = 1;

	assert(size >= IMPORT_READ_LEAST);
	if (UNICODE_ROOM(wanted) > size)
		wanted = (size - UNICODE_ROOM(0)) / 2;
	while (written == 0 && n > 0) {
		n = source_read(source, raw, wanted);
		if (n > 0)
			written = unicode_convert(&import->unicode, raw, (size_t)n, bytes);
	}
	return n < 0 ? n : (long)written;
}

long import_read(struct import *import, struct source *source, char *bytes, size_t size)
{
	uint64_t now_us;

	if (import->bar_wanted && source_size(source) >= BAR_BYTES) {
		now_us = clock_now().monotonic_us;
		if (now_us >= import->bar_us)
			show_bar(import, source, now_us);
	}
	return import->unicode.wide ? read_wide(import, source, bytes, size)
				    : source_read(source, bytes, size);
}

void import_complain(struct import *import, enum exit_code code, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	import_clear_bar(import);
	report_error("%s: %s", import->member->label, text);
	if (import->code == EXIT_DONE)
		import->code = code;
}

static bool import_binary(
	struct import *import, struct source *source, const char *head, size_t length)
{
	import_complain(import, EXIT_REFUSED,
		"it is not a log or a case file, plain or in gzip, xz or zip.");
	return true;
}

static bool import_empty(
	struct import *import, struct source *source, const char *head, size_t length)
{
	import_complain(import, EXIT_REFUSED, "it is empty.");
	return true;
}

/* Text in any language has few control characters and few bytes of invalid UTF-8. */
static bool is_binary(const char *head, size_t length)
{
	size_t nuls = 0, odd = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)head[i];

		nuls += c == 0;
		odd += (c < ' ' && !strchr("\t\n\r\b\f\033", c)) || c >= 0x80;
	}
	return nuls * 20 > length || (odd * 10 > length * 4 && !text_is_utf8(head, length));
}

static size_t skip_blanks(const char *head, size_t length)
{
	size_t at = 0;

	while (at < length && strchr(" \t\r\n", head[at]) && head[at])
		at++;
	return at;
}

static bool is_empty(const char *head, size_t length)
{
	return skip_blanks(head, length) == length;
}

static bool is_object(const char *head, size_t length)
{
	size_t at = skip_blanks(head, length);

	return at < length && head[at] == '{';
}

static bool is_report(const char *head, size_t length)
{
	static const char word[] = "\"bug_type\"";

	return is_object(head, length) && memmem(head, length, word, strlen(word));
}

/* What `export --all` writes. */
static bool is_changes(const char *head, size_t length)
{
	static const char key[] = "\"formatVersion\"";
	size_t at = skip_blanks(head, length);

	if (!is_object(head, length))
		return false;
	at++;
	at += skip_blanks(head + at, length - at);
	return length - at > strlen(key) && memcmp(head + at, key, strlen(key)) == 0;
}

/* A log of a tool that writes each line as an object of its own. */
static bool is_object_lines(const char *head, size_t length)
{
	size_t at = skip_blanks(head, length);
	const char *end = memchr(head + at, '\n', length - at);

	if (!end || head[at] != '{')
		return false;
	at = (size_t)(end + 1 - head);
	while (end > head && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	return end[-1] == '}' && at < length && head[at] == '{';
}

static bool is_any(const char *head, size_t length)
{
	return true;
}

/* The types of files; the first match wins. */
static const struct kind {
	bool (*is)(const char *head, size_t length);
	bool (*import)(
		struct import *import, struct source *source, const char *head, size_t length);
	bool worth_a_word; /* report it even if it is one of many in an archive */
} kinds[] = {
	{is_empty, import_empty, false},
	{is_binary, import_binary, false},
	{is_changes, import_changes, true},
	{is_report, import_report, true},
	{is_object_lines, import_log, true},
	{is_object, import_case, true},
	{is_any, import_log, true},
};

static bool import_member(struct import *import, struct source *source)
{
	static char bytes[HEAD_BYTES], converted[UNICODE_ROOM(HEAD_BYTES)];
	const struct kind *kind = kinds;
	const char *head = bytes;
	size_t length, mark;
	bool going_on;
	int r;
	long n;

	import->unicode = (struct unicode){0};
	n = import_read(import, source, bytes, sizeof(bytes));
	import->attempt_count = import->refused_count = 0;
	made_done(&import->made);
	if (n < 0) {
		import_complain(import, EXIT_REFUSED, "%s.", source_problem(source));
		return true;
	}
	mark = unicode_begin(&import->unicode, bytes, (size_t)n);
	head += mark;
	length = (size_t)n - mark;
	if (import->unicode.wide) {
		length = unicode_convert(&import->unicode, head, length, converted);
		head = converted;
	}
	while (!kind->is(head, length))
		kind++;
	if (import->member->of_archive && !kind->worth_a_word)
		return true;
	import->member_count++;
	going_on = kind->import(import, source, head, length);
	r = import_batch_settle(import);
	if (r != EXIT_DONE && import->code == EXIT_DONE)
		import->code = r;
	going_on &= r == EXIT_DONE;
	import_sum_up(import);
	return going_on;
}

static void say_open_failure(struct import *import, const char *path, const char *problem)
{
	report_error("Cannot read %s: %s.", path, problem);
	if (import->code == EXIT_DONE)
		import->code = EXIT_REFUSED;
}

/* Returns false if the import cannot continue. */
static bool import_file(struct import *import, const char *path)
{
	CLEANUP(source_freep) struct source *source = NULL;
	char problem[SOURCE_PROBLEM_SIZE];
	struct source_member member;
	bool going_on = true;
	int r;

	import->member_count = 0;
	if (source_open(path, &source, problem) < 0) {
		say_open_failure(import, path, problem);
		return true;
	}
	import->member = &member;
	while (going_on && (r = source_next(source, &member)) > 0)
		going_on = import_member(import, source);
	import_clear_bar(import);
	if (!going_on)
		return false;
	if (r < 0)
		say_open_failure(import, path, source_problem(source));
	else if (import->member_count == 0)
		say_open_failure(import, path, "it contains nothing that can be imported");
	return true;
}

/* Resolves --device: a whole identifier, or the end of one that the daemon knows. */
static int find_device(struct import *import, const char *text)
{
	CLEANUP(connection_freep) struct connection *asked = NULL;
	struct connection *connection = import->connection;
	struct identity *device = &import->options.device;
	struct name name = {0};
	int r = name_take(text, NAME_DEVICE, &name);

	if (r < 0)
		return -r;
	/* A dry run works without a daemon, but then nobody knows the ends of identifiers. */
	if (r == 0 && !connection && rpc_open_quietly(import->context, &asked) == 0)
		connection = asked;
	r = connection ? ask_name(import->context, connection, text, NAME_DEVICE, &name)
		       : EXIT_DONE;
	if (r != EXIT_DONE)
		return r;
	if (udid_normalize(name.text, device->udid) == 0)
		device->ecid = udid_ecid(device->udid);
	else if (ecid_parse(name.text, &device->ecid) < 0) {
		report_error("--device must be an ECID or a UDID, or the end of one that the "
			     "daemon knows, not %s.",
			text);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int open_daemon(struct import *import)
{
	int r = rpc_open(import->context, &import->connection);

	if (r != EXIT_DONE)
		return r;
	r = spool_open(&import->spool);
	if (r < 0) {
		report_error("Cannot create a temporary file: %s. Set $TMPDIR to another folder.",
			strerror(-r));
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

static int import_files(struct import *import, const char *device, char **paths)
{
	int r = import->options.dry_run ? EXIT_DONE : open_daemon(import);

	if (r == EXIT_DONE && device)
		r = find_device(import, device);
	if (r != EXIT_DONE)
		return r;
	while (*paths && import_file(import, *paths))
		paths++;
	return import->code;
}

static void sort_by_time(struct triage_case *c)
{
	for (size_t i = 1; i < c->attempt_count; i++)
		for (size_t j = i; j > 0 && c->attempts[j]->started.wall_us <
						    c->attempts[j - 1]->started.wall_us;
			j--) {
			struct attempt *later = c->attempts[j - 1];

			c->attempts[j - 1] = c->attempts[j];
			c->attempts[j] = later;
		}
}

int import_read_case(struct context *context, const char *path, struct triage_case **ret)
{
	CLEANUP(triage_case_freep) struct triage_case *c = triage_case_new();
	struct import import = {.context = context, .collected = c};

	if (!c)
		return report_no_memory();
	import_file(&import, path);
	made_done(&import.made);
	if (import.code == EXIT_DONE && c->attempt_count == 0) {
		report_error("Cannot diagnose %s: it contains no restore attempt.", path);
		return EXIT_REFUSED;
	}
	if (import.code != EXIT_DONE)
		return import.code;
	sort_by_time(c);
	*ret = TAKE_PTR(c);
	return EXIT_DONE;
}

static int run_import(struct context *context, int argc, char **argv)
{
	struct request request = {0};
	int first = options_read(context, argc, argv, take, &request);
	struct import import = {.context = context};

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("No file to import; - is standard input.");
		return EXIT_USAGE;
	}
	import.options = request.options;
	import.bar_wanted = context->output->live && isatty(STDERR_FILENO);
	import.code = import_files(&import, request.device, argv + first);
	import_batch_done(&import);
	connection_free(import.connection);
	spool_free(import.spool);
	made_done(&import.made);
	return import.code;
}

const struct command command_import = {
	.name = "import",
	.arguments = "FILE ...",
	.brief = "add logs and case files",
	.summary = "Add restores done elsewhere, from logs of restore tools and case files.",
	.options = own,
	.words = COMPLETE_FILE,
	.examples = {{"idevicetriage import --host 'counter Mac' restore.log",
			     "a restore on another computer"},
		{"idevicetriage import --dry-run restore.log", "what the file contains"}},
	.run = run_import,
};
