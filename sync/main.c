/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idevicetriage-sync: the shared memory of a shop's benches. */
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "sync/commands.h"

int main(int argc, char **argv)
{
	static struct settings settings;
	int first = settings_read(argc, argv, &settings);
	const char *command = first > 0 && first < argc ? argv[first] : "";
	int rest = first > 0 ? argc - first - 1 : 0;

	process_hold_streams();
	if (first <= 0)
		return first < 0 ? 2 : 0;
	if (settings.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (text_equal(command, "run") && rest == 0)
		return program_run(&settings);
	if (text_equal(command, "init") && rest == 0)
		return admin_init(&settings);
	if (text_equal(command, "enrol") && rest == 1)
		return admin_enrol(&settings, argv[first + 1]);
	if (text_equal(command, "check") && rest == 0)
		return admin_check(&settings);
	if (text_equal(command, "status") && rest == 0)
		return view_status(&settings);
	fprintf(stderr, "idevicetriage-sync: use init, enrol BENCH, run, status or check; see "
			"idevicetriage-sync --help\n");
	return 2;
}
