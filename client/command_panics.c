/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `panics`: what a phone's panic reports say about its parts. */
#include <errno.h>

#include "client/options.h"
#include "client/output.h"
#include "client/panics.h"

struct choices {
	bool files;
	bool verbose;
};

static const struct option own[] = {
	{"file", no_argument, NULL, 'f'},
	{"verbose", no_argument, NULL, 'v'},
	{0},
};

static int take(void *user, int option, const char *value)
{
	struct choices *choices = user;

	if (option == 'f')
		choices->files = true;
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
		return say_no_memory();
	if (r < 0) {
		complain("%s cannot be read as a panic report: %s.", path, message);
		return EXIT_REFUSED;
	}
	context->output->panic(&context->page, panic, verbose);
	return EXIT_DONE;
}

int command_panics(struct context *context, int argc, char **argv)
{
	struct choices choices = {0};
	int first = options_read(context, argc, argv, "fv", own, take, &choices);
	int code = EXIT_DONE;

	if (first < 0)
		return -first;
	if (!choices.files || first == argc) {
		complain("Name the reports: `idevicetriage panics --file panic-full-*.ips`.");
		return EXIT_USAGE;
	}
	for (int i = first; i < argc; i++) {
		int r = show_file(context, argv[i], choices.verbose);

		if (r != EXIT_DONE)
			code = r;
	}
	return code;
}
