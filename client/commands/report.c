/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `report`: writes the diagnosis as a page for the customer, with an annex for technicians. */
#include "client/new_file.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/report/report_data.h"
#include "common/base/text.h"

#define DEFAULT_FILE "report.html"

static const struct command_option own[] = {
	{"output", 'o', "FILE", "write to this file (default: report.html)", COMPLETE_FILE},
	{0},
};

static int take(void *user, int option, const char *value)
{
	*(const char **)user = value;
	return EXIT_DONE;
}

/* The written file, in the format that --json prints. */
static struct json_object *describe(const struct report *report, const char *path)
{
	struct json_builder builder = {0};
	struct json_object *object = json_new_object(&builder);
	struct json_object *device = field_object(report->diagnosis, "device");

	json_put_text(&builder, object, "file", path);
	json_put(&builder, object, "device", json_object_get(device));
	json_put_number(&builder, object, "attempts",
		(int64_t)(report->attempt_count + report->attempts_left_out));
	json_put_number(&builder, object, "attemptsLeftOut", (int64_t)report->attempts_left_out);
	return json_finish(&builder, object);
}

static int write_report(struct context *context, const struct report *report, const char *path)
{
	CLEANUP(new_file_done) struct new_file file = {0};
	CLEANUP(json_object_putp) struct json_object *written = NULL;
	int r = new_file_open(&file, path, NEW_FILE_SHARED);

	if (r != EXIT_DONE)
		return r;
	if (report_write(report, file.stream) < 0)
		return report_no_memory();
	r = new_file_finish(&file);
	if (r != EXIT_DONE || text_equal(path, "-"))
		return r;
	written = describe(report, path);
	if (!written)
		return report_no_memory();
	context->output->report(&context->layout, written);
	return EXIT_DONE;
}

static int run_report(struct context *context, int argc, char **argv)
{
	CLEANUP(report_done) struct report report = {0};
	const char *path = DEFAULT_FILE;
	int r, first = options_read(context, argc, argv, take, &path);

	if (first < 0)
		return -first;
	if (first + 1 < argc)
		return options_too_many("report", argv[first + 1]);
	r = report_gather(context, first < argc ? argv[first] : NULL, &report);
	if (r != EXIT_DONE)
		return r;
	r = report_read_letterhead(&report);
	if (r != EXIT_DONE)
		return r;
	report.reveal = context->reveal;
	return write_report(context, &report, path);
}

const struct command command_report = {
	.name = "report",
	.arguments = "[DEVICE|SESSION]",
	.brief = "a page for the customer",
	.summary = "Write the diagnosis as a page for the customer, with an annex for technicians.",
	.options = own,
	.words = COMPLETE_DEVICE_OR_SESSION,
	.examples = {{"idevicetriage report", "the phone of the newest restore, to report.html"},
		{"idevicetriage report -o 5E6F.html 5E6F", "another phone, to this file"}},
	.run = run_report,
};
