/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/ring_keeper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/log.h"

#define SYNC_PERIOD_US (1 * USEC_PER_SEC)
#define RING_FILE_NAME "ring"

struct ring_keeper {
	struct ring_keeper_options options;
	char path[PATH_MAX + sizeof(RING_FILE_NAME) + 1];
	struct ring_file *file;
	struct loop_timer *timer;
	bool in_memory; /* there is no file to sync */
	bool timer_runs;
	int error; /* of the last sync, as reported; 0 = none */
};

static const char *describe(int error)
{
	switch (error) {
	case 0:
		return "";
	case -ESTALE:
		return "another file was put in its place";
	default:
		return strerror(-error);
	}
}

static void report(struct ring_keeper *keeper, const char *why)
{
	struct event source = {
		.at = clock_now(),
		.kind = EVENT_SOURCE,
		.source = SOURCE_DAEMON,
		.name = "ring",
		.code = keeper->error,
	};

	event_set_text(&source, why);
	keeper->options.sink(keeper->options.user, &source);
}

bool ring_keeper_hangs(const struct ring_keeper *keeper, struct stamp now)
{
	return ring_file_hangs(keeper->file, now);
}

void ring_keeper_report(struct ring_keeper *keeper)
{
	report(keeper, keeper->error ? "no disk: records are lost when the daemon stops" : "");
}

/* If the ring's file was removed, creates a new one; its folder too. */
static int replace_lost_file(struct ring_keeper *keeper)
{
	int r = ring_file_mend(keeper->file, keeper->path, clock_now());

	if (r == -ENOENT && mkdir(keeper->options.state_dir, 0750) == 0)
		r = ring_file_mend(keeper->file, keeper->path, clock_now());
	if (r > 0) {
		log_warning("%s was removed or truncated. Started a new one with the remaining "
			    "records.",
			keeper->path);
		keeper->options.on_replaced(keeper->options.user);
	}
	return r;
}

static void start_timer(struct ring_keeper *keeper)
{
	if (keeper->timer_runs || keeper->in_memory)
		return;
	keeper->timer_runs = true;
	loop_timer_start(keeper->timer, SYNC_PERIOD_US);
}

static void on_sync(void *user)
{
	struct ring_keeper *keeper = user;
	int r = replace_lost_file(keeper);

	keeper->timer_runs = false;
	if (r >= 0)
		r = ring_file_sync(keeper->file);
	if (r > 0)
		r = 0;
	/* To learn how the sync ends, also if no record follows. */
	if (ring_file_syncs(keeper->file))
		start_timer(keeper);
	if ((keeper->error < 0) == (r < 0))
		return;
	keeper->error = r;
	if (r < 0)
		log_error("Cannot write %s to disk: %s. Records stay in memory.", keeper->path,
			describe(r));
	report(keeper, describe(r));
}

void ring_keeper_observe(void *user, const struct event *record)
{
	start_timer(user);
}

static void log_opening(const char *path, const struct ring_file_report *report)
{
	if (report->origin == RING_FILE_SET_ASIDE)
		log_warning("Cannot read %s: %s. Renamed it to %s.bad and started a new ring.",
			path, report->reason == -EBADMSG ? "damaged" : "of a later version", path);
	if (report->origin == RING_FILE_OPENED && report->reason < 0)
		log_warning("Cannot resize %s: %s. It keeps its size.", path,
			strerror(-report->reason));
}

static int open_file(struct ring_keeper *keeper)
{
	const struct ring_keeper_options *options = &keeper->options;
	struct ring_file_report report = {0};
	int r = mkdir(options->state_dir, 0750) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = ring_file_open(
			keeper->path, options->bytes, clock_now(), &report, &keeper->file);
	if (r == -EBUSY) {
		log_error("Cannot use %s: another idevicetriaged uses it. Stop that one, or choose "
			  "another --state-dir.",
			keeper->path);
		return r;
	}
	if (r < 0) {
		log_error("Cannot use %s: %s. Records stay in memory and are lost when the daemon "
			  "stops.",
			keeper->path, strerror(-r));
		keeper->error = r;
		keeper->in_memory = true;
		return ring_file_open_memory(options->bytes, clock_now(), &keeper->file);
	}
	log_opening(keeper->path, &report);
	return 0;
}

int ring_keeper_new(
	struct loop *loop, const struct ring_keeper_options *options, struct ring_keeper **ret)
{
	CLEANUP(ring_keeper_freep) struct ring_keeper *keeper = calloc(1, sizeof(*keeper));
	int r;

	if (!keeper)
		return -ENOMEM;
	keeper->options = *options;
	snprintf(keeper->path, sizeof(keeper->path), "%s/" RING_FILE_NAME, options->state_dir);
	r = loop_timer_new(loop, on_sync, keeper, &keeper->timer);
	if (r == 0)
		r = open_file(keeper);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(keeper);
	return 0;
}

struct ring_keeper *ring_keeper_free(struct ring_keeper *keeper)
{
	if (!keeper)
		return NULL;
	loop_timer_free(keeper->timer);
	ring_file_free(keeper->file);
	free(keeper);
	return NULL;
}

struct ring_file *ring_keeper_file(struct ring_keeper *keeper)
{
	return keeper->file;
}

struct ring *ring_keeper_ring(struct ring_keeper *keeper)
{
	return ring_file_ring(keeper->file);
}

const struct ring_reader *ring_keeper_reader(const struct ring_keeper *keeper)
{
	return ring_file_reader(keeper->file);
}
