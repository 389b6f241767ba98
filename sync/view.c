/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "sync/report.h"

#define STALE_US (180 * USEC_PER_SEC) /* the service writes its report every few seconds */
#define SHOWN_GROUPS 10
#define GROUP_MAX 1000 /* attempts; failures() of schema.sql counts no more of a group */

static const char *get_text(struct json_object *object, const char *key)
{
	const char *text = "";

	json_get_text(object, key, &text);
	return text;
}

static int64_t get_number(struct json_object *object, const char *key)
{
	int64_t number = 0;

	json_get_number(object, key, &number);
	return number;
}

static void print_time(const char *label, int64_t us)
{
	time_t seconds = (time_t)(us / (int64_t)USEC_PER_SEC);
	struct tm parts;
	char text[40];

	if (us && localtime_r(&seconds, &parts) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts))
		printf("%-14s%s\n", label, text);
}

static void print_groups(struct json_object *report)
{
	struct json_object *groups = NULL;

	json_get_array(report, "shop", &groups);
	for (size_t i = 0; groups && i < json_object_array_length(groups) && i < SHOWN_GROUPS;
		i++) {
		struct json_object *group = json_object_array_get_idx(groups, i);
		bool full = get_number(group, "attempts") >= GROUP_MAX;

		printf("%s %s: %" PRId64 " of %" PRId64 " restores failed, %" PRId64
		       " phones, %" PRId64 " benches (%s)\n",
			get_text(group, "kind"), get_text(group, "key"),
			get_number(group, "failed"), get_number(group, "attempts"),
			get_number(group, "phones"), get_number(group, "benches"),
			full ? "the newest 1000" : "90 days");
	}
}

static void print_report(struct json_object *report, bool stopped)
{
	int64_t ahead = get_number(report, "clockAheadSeconds");
	int64_t backlog = -1;

	printf("%-14s%s\n", "State", stopped ? "not running" : get_text(report, "state"));
	printf("%-14s%s as %s\n", "Server", get_text(report, "server"), get_text(report, "bench"));
	if (json_get_number(report, "backlog", &backlog) > 0)
		printf("%-14s%" PRId64 "\n", "Waiting", backlog);
	print_time("Waiting since", get_number(report, "behindSinceUSec"));
	print_time("Last contact", get_number(report, "lastContactUSec"));
	if (*get_text(report, "lastError")) {
		printf("%-14s%s\n", "Last error", get_text(report, "lastError"));
		print_time("", get_number(report, "lastErrorUSec"));
	}
	if (ahead > 60 || ahead < -60)
		printf("%-14sthis computer's is %" PRId64 " s %s the server's: set it.\n", "Clock",
			ahead > 0 ? ahead : -ahead, ahead > 0 ? "ahead of" : "behind");
	print_groups(report);
}

int view_status(const struct settings *settings)
{
	CLEANUP(json_object_putp) struct json_object *report = NULL;
	int64_t now = (int64_t)clock_now().wall_us, backlog = -1;
	size_t length;
	bool stopped;
	int r = report_read(settings->status, &report);

	if (r < 0) {
		fprintf(stderr,
			"Cannot read %s: %s. Start the service: systemctl start "
			"idevicetriage-sync.\n",
			settings->status, strerror(-r));
		return 1;
	}
	stopped = text_equal(get_text(report, "state"), "stopped") ||
		  get_number(report, "updatedUSec") < now - (int64_t)STALE_US;
	json_get_number(report, "backlog", &backlog);
	if (settings->json)
		printf("%s\n", json_write(report, &length));
	else
		print_report(report, stopped);
	if (stopped || !text_equal(get_text(report, "state"), "connected"))
		return 1;
	return backlog == 0 ? 0 : 1;
}
