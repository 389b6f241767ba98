/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `check-firmware`: whether a firmware file is whole and for the device, before a restore. */
#include <errno.h>
#include <linux/ioprio.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/command.h"
#include "client/firmware/firmware.h"
#include "client/options.h"
#include "client/output/output.h"
#include "client/resolve.h"
#include "common/base/text.h"

enum { OPTION_DEVICE = OPTION_OWN, OPTION_QUICK };

static const struct command_option own[] = {
	{"device", OPTION_DEVICE, "DEVICE", "the phone that it is for, or iPhone12,3",
		COMPLETE_DEVICE},
	{"quick", OPTION_QUICK, NULL, "do not read the contents", COMPLETE_NOTHING},
	{0},
};

struct request {
	const char *device;
	bool quick;
};

static int take(void *user, int option, const char *value)
{
	struct request *request = user;

	if (option == OPTION_DEVICE)
		request->device = value;
	else
		request->quick = true;
	return EXIT_DONE;
}

/* The product type of a phone that the daemon knows; the caller owns *reply, which has it. */
static int ask_product(
	struct context *context, const char *device, struct json_object **reply, const char **ret)
{
	CLEANUP(connection_freep) struct connection *connection = NULL;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder);
	struct name name;
	int r = rpc_open(context, &connection);

	if (r == EXIT_DONE)
		r = ask_name(context, connection, device, NAME_DEVICE, &name);
	if (r != EXIT_DONE) {
		json_object_put(parameters);
		return r;
	}
	json_put_text(&builder, parameters, "device", name.text);
	r = rpc_call(context, connection, "GetCase", &builder, parameters, reply);
	if (r != EXIT_DONE)
		return r;
	*ret = field_text(field_object(*reply, "device"), "productType");
	if (*ret)
		return EXIT_DONE;
	report_error("The model of %s is not known. Name it: --device iPhone12,3.", device);
	return EXIT_UNKNOWN_NAME;
}

static void show_progress(void *user, unsigned percent)
{
	const bool *terminal = user;

	if (*terminal)
		fprintf(stderr, "\rReading the firmware file: %u %%\033[K", percent);
	if (*terminal && percent == 100)
		fputs("\r\033[K", stderr);
}

/* A restore may read the same disk. */
static void give_way(void)
{
	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

static int check(struct context *context, const char *path, const struct request *request,
	const char *product)
{
	CLEANUP(json_object_putp) struct json_object *result = NULL;
	bool terminal = isatty(STDERR_FILENO);
	const struct firmware_options options = {
		.path = path,
		.product = product,
		.contents = !request->quick,
		.progress = show_progress,
		.user = &terminal,
	};
	int r;

	give_way();
	r = firmware_check(&options, &result);

	if (r == -ENOMEM)
		return report_no_memory();
	if (r < 0) {
		report_error("Cannot read %s: %s.", path,
			r == -EINVAL ? "it is not a file" : strerror(-r));
		return EXIT_REFUSED;
	}
	context->output->doctor(&context->layout, result);
	return field_number_or(result, "problems", 0) > 0 ? EXIT_SOFTWARE : EXIT_DONE;
}

static int run_check_firmware(struct context *context, int argc, char **argv)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	struct request request = {0};
	const char *product = NULL;
	int first = options_read(context, argc, argv, take, &request);
	int r;

	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("check-firmware needs a file, such as iPhone12,3_18.6_Restore.ipsw.");
		return EXIT_USAGE;
	}
	if (first + 1 < argc)
		return options_too_many("check-firmware", argv[first + 1]);
	if (request.device && model_by_product(request.device))
		product = request.device;
	else if (request.device) {
		r = ask_product(context, request.device, &reply, &product);
		if (r != EXIT_DONE)
			return r;
	}
	return check(context, argv[first], &request, product);
}

const struct command command_check_firmware = {
	.name = "check-firmware",
	.arguments = "FILE [--device DEVICE]",
	.brief = "a firmware file",
	.summary = "Check whether a firmware file is whole and for the device.",
	.options = own,
	.words = COMPLETE_FILE,
	.examples = {{"idevicetriage check-firmware iPhone.ipsw", "exits with 11 if it is damaged"},
		{"idevicetriage check-firmware iPhone.ipsw --device iPhone12,3",
			"also: is it for that model?"}},
	.run = run_check_firmware,
};
