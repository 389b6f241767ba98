/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command for people and scripts. It queries the daemon; only `panics` talks to a phone. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "client/output/output.h"
#include "client/pager.h"
#include "common/base/process.h"
#include "common/base/text.h"

#define DEFAULT_SOCKET "/run/idevicetriage/io.github.idevicetriage"
#define DEFAULT_STATE_DIR "/var/lib/idevicetriage"

int main(int argc, char **argv)
{
	const char *socket = getenv("IDEVICETRIAGE_SOCKET");
	struct context context = {
		.socket = socket && *socket ? socket : DEFAULT_SOCKET,
		.state_dir = DEFAULT_STATE_DIR,
		.output = &output_text,
	};
	int first;

	process_hold_streams();
	context.ignores_children = process_keep_children();
	setlocale(LC_CTYPE, "");
	first = options_read(&context, argc, argv, NULL, NULL);
	if (first < 0)
		return -first;
	if (first == argc) {
		report_error("No command; see `idevicetriage --help`.");
		return EXIT_USAGE;
	}
	if (text_equal(argv[first], "__complete"))
		return complete_words(&context, argc - first - 1, argv + first + 1);
	context.command = command_find(argv[first]);
	if (!context.command)
		return command_unknown(argv[first]);
	return pager_end(&context, context.command->run(&context, argc - first, argv + first));
}
