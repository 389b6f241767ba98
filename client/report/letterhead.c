/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The letterhead of the shop: a text file, with the name in the first line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "client/new_file.h"
#include "client/report/report_data.h"
#include "common/base/file.h"
#include "common/base/text.h"

#define LETTERHEAD_BYTES_MAX 4096
#define SYSTEM_FILE "/etc/idevicetriage/" LETTERHEAD_FILE

/* Blank lines are left out. */
static void take_lines(struct report *report, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && report->letterhead_lines < LETTERHEAD_LINES_MAX)
		if (line[strspn(line, " \t\r")])
			text_clean(line, strlen(line),
				report->letterhead[report->letterhead_lines++],
				LETTERHEAD_LINE_SIZE);
}

/* Returns an exit code, or -ENOENT. */
static int read_lines(struct report *report, const char *path)
{
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = file_read(path, O_CLOEXEC | O_NONBLOCK, LETTERHEAD_BYTES_MAX, &text, &length);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0) {
		report_error("Cannot read the letterhead %s: %s.", path, strerror(-r));
		return EXIT_REFUSED;
	}
	take_lines(report, text);
	return EXIT_DONE;
}

int report_read_letterhead(struct report *report)
{
	CLEANUP(freep) char *own = new_file_config_path(LETTERHEAD_FILE);
	int r;

	if (!own)
		return report_no_memory();
	r = read_lines(report, own);
	if (r == -ENOENT)
		r = read_lines(report, SYSTEM_FILE);
	return r == -ENOENT ? EXIT_DONE : r;
}
