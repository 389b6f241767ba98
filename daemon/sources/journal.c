/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/sources/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/logs/link_log.h"
#include "daemon/sources/path_watch.h"
#include "daemon/sources/source.h"

#define LINE_SIZE 1024 /* of a line, with the NUL; longer lines are truncated */
#define FIELD_SIZE 64
#define CURSOR_SIZE 512			   /* journald's have about 150 characters */
#define ENTRIES_A_TURN 32		   /* per turn of the loop, so that it is not blocked */
#define RETRY_US (10 * USEC_PER_SEC)	   /* minimum wait after an unreadable journal */
#define SAFETY_NET_US (600 * USEC_PER_SEC) /* the same if its folders are watched */
#define FOLDERS_MAX 2
#define POLL_US (1 * USEC_PER_SEC)	  /* if the kernel cannot report changes */
#define SAVE_PERIOD_US (1 * USEC_PER_SEC) /* a crash makes this much be read twice */
#define REASON_SIZE 200
#define READING "reading"
#define READING_WITH_GAP READING "; entries that were not read yet may have been deleted"

struct journal {
	struct loop *loop;
	event_sink *sink;
	void *user;
	find_usb_place *find_place;
	void *find_place_user;
	char cursor_path[PATH_MAX];
	char folder[PATH_MAX];
	sd_id128_t boot;

	sd_journal *handle; /* NULL = down; then the timer waits for a retry */
	bool placed;	    /* `handle` is at an entry that was read, or at the start */
	struct loop_io *io;
	struct loop_timer *timer;
	bool waiting;				 /* `handle` is open, but no entry is readable */
	struct path_watch *watches[FOLDERS_MAX]; /* of its folders; NULL = not possible */
	bool from_end; /* reading failed at the stored position: do not return there */
	int told;      /* code of the last EVENT_SOURCE; 1 = none yet */
	struct mux_watch mux;
	uint64_t read_to_us; /* journald's time up to which all entries were read; 0 = unknown */
	char saved_cursor[CURSOR_SIZE];
	uint64_t saved_us; /* when the position was last stored */
	bool unsaved;	   /* events were sent since then */
};

static void tell_source(struct journal *journal, int code, const char *reason)
{
	if (journal->told == code)
		return;
	journal->told = code;
	source_report(SOURCE_KERNEL, "journal", code, reason, journal->sink, journal->user);
}

/* Copies a field of the current entry as clean text. Returns false if it is missing. */
static bool read_field(struct journal *journal, const char *name, char *out, size_t size)
{
	const void *data;
	size_t length, skip = strlen(name) + 1;

	if (sd_journal_get_data(journal->handle, name, &data, &length) < 0 || length < skip)
		return false;
	text_clean((const char *)data + skip, length - skip, out, size);
	return true;
}

/* The time of the current entry by its writer's clock. Returns false for an entry of another boot:
 * its monotonic clock is not comparable. */
static bool read_time(struct journal *journal, struct stamp *ret)
{
	char source_text[FIELD_SIZE];
	struct stamp at;
	sd_id128_t boot;

	if (sd_journal_get_monotonic_usec(journal->handle, &at.monotonic_us, &boot) < 0 ||
		!sd_id128_equal(boot, journal->boot) ||
		sd_journal_get_realtime_usec(journal->handle, &at.wall_us) < 0)
		return false;
	if (read_field(journal, "_SOURCE_MONOTONIC_TIMESTAMP", source_text, sizeof(source_text))) {
		uint64_t source_us = strtoull(source_text, NULL, 10);

		if (source_us > 0 && source_us <= at.monotonic_us) {
			at.wall_us -= at.monotonic_us - source_us;
			at.monotonic_us = source_us;
		}
	}
	*ret = at;
	return true;
}

/* Identifies the writer of the current entry by fields that only journald can set. */
static bool read_writer(struct journal *journal, enum link_writer *ret)
{
	char field[FIELD_SIZE];

	if (read_field(journal, "_TRANSPORT", field, sizeof(field)) &&
		text_equal(field, "kernel")) {
		/* Entries that programs write to /dev/kmsg have another facility than the
		 * kernel's. */
		*ret = LINK_KERNEL;
		return read_field(journal, "SYSLOG_FACILITY", field, sizeof(field)) &&
		       text_equal(field, "0");
	}
	if (read_field(journal, "_SYSTEMD_UNIT", field, sizeof(field)) &&
		text_equal(field, "usbmuxd.service")) {
		*ret = LINK_USBMUXD;
		return true;
	}
	*ret = LINK_MANAGER;
	return read_field(journal, "_PID", field, sizeof(field)) && text_equal(field, "1");
}

static void find_port(struct journal *journal, struct link_finding *finding)
{
	char field[FIELD_SIZE];
	struct usb_place place;

	if (!finding->port[0] && !finding->bus &&
		read_field(journal, "_KERNEL_DEVICE", field, sizeof(field)))
		kernel_device_read(field, finding->port, &finding->bus, &finding->address);
	if (!finding->port[0] && finding->bus && journal->find_place &&
		journal->find_place(
			journal->find_place_user, finding->bus, finding->address, &place))
		text_copy(finding->port, sizeof(finding->port), place.port);
}

static void tell_finding(struct journal *journal, enum link_writer writer, struct stamp at,
	const struct link_finding *finding, const char *line)
{
	struct event event = {
		.at = at,
		.kind = finding->sign->kind,
		.source = writer == LINK_KERNEL ? SOURCE_KERNEL : SOURCE_USBMUXD,
		.code = finding->code,
		.ecid = udid_ecid(finding->udid),
	};

	text_copy(event.port, sizeof(event.port), finding->port);
	text_copy(event.udid, sizeof(event.udid), finding->udid);
	text_copy(event.name, sizeof(event.name), finding->sign->id);
	event_set_text(&event, line);
	journal->sink(journal->user, &event);
}

/* Reports a program that connects to usbmuxd. Returns false if the line is about something else. */
static bool tell_client(struct journal *journal, struct stamp at, const char *line)
{
	struct event event = {.at = at, .kind = EVENT_MUX_CLIENT, .source = SOURCE_USBMUXD};

	if (!mux_client_read(line, event.name, &event.number))
		return false;
	journal->sink(journal->user, &event);
	return true;
}

/* Returns whether the current entry was reported. */
static bool read_entry(struct journal *journal)
{
	struct link_finding finding = {0};
	enum link_writer writer;
	char line[LINE_SIZE];
	struct stamp at;

	if (!read_writer(journal, &writer) || !read_field(journal, "MESSAGE", line, sizeof(line)) ||
		!read_time(journal, &at))
		return false;
	if (writer == LINK_USBMUXD && tell_client(journal, at, line))
		return true;
	if (writer == LINK_USBMUXD)
		finding.sign = mux_watch_line(&journal->mux, line);
	if (!finding.sign && !link_pattern_read(writer, line, &finding))
		return false;
	find_port(journal, &finding);
	tell_finding(journal, writer, at, &finding, line);
	return true;
}

static void closefilep(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Overwrites the cursor with a line of a fixed size. Replacing the file by rename would make some
 * file systems sync it at once, and block the loop. */
static int write_cursor(const char *path, const char *cursor)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	char line[CURSOR_SIZE];
	size_t length = strlen(cursor);
	ssize_t written;

	if (fd < 0)
		return -errno;
	if (length >= sizeof(line))
		return -ENAMETOOLONG;
	memcpy(line, cursor, length);
	memset(line + length, '\n', sizeof(line) - length);
	written = pwrite(fd, line, sizeof(line), 0);
	if (written < 0)
		return -errno;
	return (size_t)written == sizeof(line) ? 0 : -ENOSPC;
}

/* Stores the position. After a lost write some lines are read twice, so it is not synced. */
static void save_cursor(struct journal *journal)
{
	CLEANUP(freep) char *cursor = NULL;
	int r;

	journal->unsaved = false;
	journal->saved_us = clock_now().monotonic_us;
	if (!*journal->cursor_path || !journal->placed || !journal->handle ||
		sd_journal_get_cursor(journal->handle, &cursor) < 0 ||
		text_equal(cursor, journal->saved_cursor))
		return;
	r = write_cursor(journal->cursor_path, cursor);
	if (r < 0) {
		log_warning("journal: cannot store the position in %s: %s", journal->cursor_path,
			strerror(-r));
		/* Report it once, not with each line. */
		*journal->cursor_path = '\0';
		return;
	}
	text_copy(journal->saved_cursor, sizeof(journal->saved_cursor), cursor);
}

static bool save_is_due(const struct journal *journal)
{
	return journal->unsaved && clock_now().monotonic_us >= journal->saved_us + SAVE_PERIOD_US;
}

static void close_journal(struct journal *journal)
{
	journal->io = loop_io_free(journal->io);
	sd_journal_close(journal->handle);
	journal->handle = NULL;
	journal->placed = false;
	journal->waiting = false;
}

static void go_down(struct journal *journal, int code, const char *reason)
{
	close_journal(journal);
	loop_timer_start(journal->timer, RETRY_US);
	tell_source(journal, code, reason);
}

/* Something was written. A busy journal without permission is checked only every RETRY_US. */
static void on_written(void *user, unsigned ready)
{
	struct journal *journal = user;

	journal->io = loop_io_free(journal->io);
	loop_timer_start(journal->timer, RETRY_US);
}

/* A folder of the journal was created. */
static void on_folder(void *user)
{
	struct journal *journal = user;

	if (!journal->handle || journal->waiting)
		loop_timer_start(journal->timer, 0);
}

/* Nothing is readable yet: waits for a change instead of polling. */
static void wait_for_entries(struct journal *journal)
{
	int fd = sd_journal_get_fd(journal->handle);

	if (fd < 0 ||
		loop_watch(journal->loop, fd, LOOP_READ, on_written, journal, &journal->io) < 0)
		return;
	journal->waiting = true;
	loop_timer_start(journal->timer, SAFETY_NET_US);
}

/* Whether entries that were not read may have been deleted: the oldest one that is left is newer
 * than the last that was read. Looks at the entries of all writers, not only at ours. */
static bool has_gap(const struct journal *journal)
{
	uint64_t oldest_us;

	return journal->read_to_us &&
	       sd_journal_get_cutoff_realtime_usec(journal->handle, &oldest_us, NULL) > 0 &&
	       oldest_us > journal->read_to_us;
}

/* Files were added or deleted. The position is an entry, not a file, so reading continues. */
static void on_files_changed(struct journal *journal)
{
	if (has_gap(journal))
		source_report(SOURCE_KERNEL, "journal", 0, READING_WITH_GAP, journal->sink,
			journal->user);
}

/* No entry is left to read. */
static void note_end(struct journal *journal)
{
	uint64_t newest_us;

	if (sd_journal_get_cutoff_realtime_usec(journal->handle, NULL, &newest_us) > 0)
		journal->read_to_us = newest_us;
}

/* Reads the available entries, some at a time, and schedules the next read. */
static void read_entries(struct journal *journal)
{
	char reason[REASON_SIZE];
	bool told = false;
	int r = 1;

	for (size_t i = 0; i < ENTRIES_A_TURN && r > 0; i++) {
		r = sd_journal_next(journal->handle);
		if (r > 0) {
			journal->placed = true;
			(void)sd_journal_get_realtime_usec(journal->handle, &journal->read_to_us);
			told |= read_entry(journal);
		}
	}
	if (r == 0)
		note_end(journal);
	if (told) {
		journal->from_end = false;
		journal->unsaved = true;
	}
	if (save_is_due(journal))
		save_cursor(journal);
	if (r < 0) {
		journal->from_end = true;
		snprintf(reason, sizeof(reason), "cannot be read further: %s", strerror(-r));
		go_down(journal, r, reason);
	} else if (r > 0) {
		loop_timer_start(journal->timer, 0);
	} else if (journal->unsaved) {
		loop_timer_start(journal->timer, SAVE_PERIOD_US);
	} else if (sd_journal_reliable_fd(journal->handle) <= 0) {
		loop_timer_start(journal->timer, POLL_US);
	}
}

static void on_changed(void *user, unsigned ready)
{
	struct journal *journal = user;
	int r = sd_journal_process(journal->handle);

	if (r < 0) {
		go_down(journal, r, "its changes cannot be followed");
		return;
	}
	if (r == SD_JOURNAL_INVALIDATE)
		on_files_changed(journal);
	read_entries(journal);
}

static int add_matches(sd_journal *handle)
{
	/* Matches of the same field: or; of different fields: and; the groups: or. */
	static const char *const groups[][2] = {
		{"_TRANSPORT=kernel", "SYSLOG_FACILITY=0"},
		{"_SYSTEMD_UNIT=usbmuxd.service", NULL},
		{"UNIT=usbmuxd.service", "_PID=1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		int r = sd_journal_add_disjunction(handle);

		for (size_t j = 0; j < ARRAY_SIZE(groups[i]) && groups[i][j] && r >= 0; j++)
			r = sd_journal_add_match(handle, groups[i][j], 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads the cursor of the last entry that the last run read. */
static bool read_cursor(const struct journal *journal, char cursor[static CURSOR_SIZE])
{
	CLEANUP(closefilep) FILE *file = NULL;

	if (!*journal->cursor_path || journal->from_end)
		return false;
	file = fopen(journal->cursor_path, "re");
	if (!file || !fgets(cursor, CURSOR_SIZE, file))
		return false;
	cursor[strcspn(cursor, "\n")] = '\0';
	return true;
}

/* The time of a cursor's entry. 0 if it is of another boot or unknown: sd-journal may change the
 * form of its cursors. */
static uint64_t cursor_time(const struct journal *journal, const char *cursor)
{
	char boot[SD_ID128_STRING_MAX];
	const char *boot_at = strstr(cursor, ";b="), *time_at = strstr(cursor, ";t=");
	uint64_t time_us;

	sd_id128_to_string(journal->boot, boot);
	if (!boot_at || !text_starts_with(boot_at + strlen(";b="), boot) || !time_at ||
		sscanf(time_at, ";t=%" SCNx64, &time_us) != 1)
		return 0;
	return time_us;
}

/* Goes back one entry, so that the next one to read is the current one. sd-journal cannot continue
 * from before the first entry; the head is equivalent. */
static int step_back(sd_journal *handle)
{
	int r = sd_journal_previous(handle);

	return r == 0 ? sd_journal_seek_head(handle) : r;
}

/* Moves to the entry where the last run stopped, or before the first one that is left after it.
 * Returns 1 with the time of that entry, or 0 if there is none. */
static int seek_kept_place(struct journal *journal, uint64_t *ret_us)
{
	char cursor[CURSOR_SIZE];
	uint64_t last_us;
	int r;

	if (!read_cursor(journal, cursor) || sd_journal_seek_cursor(journal->handle, cursor) < 0)
		return 0;
	last_us = cursor_time(journal, cursor);
	if (!journal->read_to_us)
		journal->read_to_us = last_us;
	if (sd_journal_next(journal->handle) <= 0 ||
		sd_journal_get_realtime_usec(journal->handle, ret_us) < 0)
		return 0;
	/* journald copies entries from /run to /var: the same one has another cursor there. */
	if (sd_journal_test_cursor(journal->handle, cursor) > 0 || *ret_us == last_us) {
		journal->placed = true;
		return 1;
	}
	log_info("journal: the entry where the last run stopped no longer exists; continuing "
		 "at the next one");
	r = step_back(journal->handle);
	return r < 0 ? r : 1;
}

/* Moves to the end. */
static int seek_end(struct journal *journal)
{
	int r = sd_journal_seek_tail(journal->handle);

	if (r < 0)
		return r;
	/* Moves to the last entry, so that the next one is the first new one. sd-journal cannot
	 * continue from the tail itself; if no entry matches yet, the head is equivalent. */
	r = sd_journal_previous(journal->handle);
	if (r == 0)
		return sd_journal_seek_head(journal->handle);
	journal->placed = r > 0;
	return r < 0 ? r : 0;
}

/* Moves to the stored position, but not further back than the limit; without one to the end. */
static int seek_start(struct journal *journal)
{
	uint64_t then_us, now_us = clock_now().wall_us, from_us = now_us - JOURNAL_CATCH_UP_MAX_US;
	int r = seek_kept_place(journal, &then_us);

	/* What is older is not read in any case. */
	if (journal->read_to_us && journal->read_to_us < from_us)
		journal->read_to_us = from_us;
	if (r < 0)
		return r;
	if (r == 0)
		return seek_end(journal);
	if (now_us < then_us || then_us >= from_us)
		return 0;
	return sd_journal_seek_realtime_usec(journal->handle, from_us);
}

/* Without the right group, the system's journal opens but is empty. */
static bool has_entries(sd_journal *handle)
{
	return sd_journal_seek_head(handle) >= 0 && sd_journal_next(handle) > 0;
}

static int open_journal(struct journal *journal)
{
	int r, fd;

	if (*journal->folder)
		r = sd_journal_open_directory(&journal->handle, journal->folder, 0);
	else
		r = sd_journal_open(&journal->handle, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (r < 0)
		return r;
	if (!has_entries(journal->handle))
		return -EACCES;
	sd_journal_set_data_threshold(journal->handle, LINE_SIZE);
	r = add_matches(journal->handle);
	if (r < 0)
		return r;
	r = seek_start(journal);
	if (r < 0)
		return r;
	fd = sd_journal_get_fd(journal->handle);
	if (fd < 0)
		return fd;
	return loop_watch(journal->loop, fd, LOOP_READ, on_changed, journal, &journal->io);
}

static void on_timer(void *user)
{
	struct journal *journal = user;
	char reason[REASON_SIZE];
	int r;

	if (journal->handle && !journal->waiting) {
		read_entries(journal);
		return;
	}
	close_journal(journal);
	r = open_journal(journal);
	if (r == -EACCES) {
		loop_timer_start(journal->timer, RETRY_US);
		wait_for_entries(journal);
		tell_source(journal, r,
			"no entry is readable: check that the daemon is in the group "
			"systemd-journal and that journald runs");
	} else if (r < 0) {
		snprintf(reason, sizeof(reason), "cannot be opened: %s", strerror(-r));
		go_down(journal, r, reason);
	} else {
		tell_source(journal, 0, has_gap(journal) ? READING_WITH_GAP : READING);
		read_entries(journal);
	}
}

static void watch_folders(struct journal *journal)
{
	const char *const folders[FOLDERS_MAX] = {
		*journal->folder ? journal->folder : "/run/log/journal", "/var/log/journal"};
	size_t count = *journal->folder ? 1 : FOLDERS_MAX;

	for (size_t i = 0; i < count; i++)
		(void)path_watch_new(
			journal->loop, folders[i], on_folder, journal, &journal->watches[i]);
}

int journal_new(struct loop *loop, const struct journal_options *options, event_sink *sink,
	void *user, struct journal **ret)
{
	CLEANUP(journal_freep) struct journal *journal = NULL;
	int r;

	assert(loop && options && sink && ret);
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return -ENOMEM;
	journal->loop = loop;
	journal->sink = sink;
	journal->user = user;
	journal->find_place = options->find_place;
	journal->find_place_user = options->find_place_user;
	journal->told = 1;
	if (options->cursor_path && !text_copy(journal->cursor_path, sizeof(journal->cursor_path),
					    options->cursor_path))
		return -ENAMETOOLONG;
	if (options->folder &&
		!text_copy(journal->folder, sizeof(journal->folder), options->folder))
		return -ENAMETOOLONG;
	/* Without a boot id, no entry can be matched to this boot, and all times would be
	 * unknown. */
	r = sd_id128_get_boot(&journal->boot);
	if (r < 0)
		log_warning("journal: the id of this boot is unknown: %s", strerror(-r));
	r = loop_timer_new(loop, on_timer, journal, &journal->timer);
	if (r < 0)
		return r;
	watch_folders(journal);
	r = loop_timer_start(journal->timer, 0);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(journal);
	return 0;
}

struct journal *journal_free(struct journal *journal)
{
	if (!journal)
		return NULL;
	save_cursor(journal);
	close_journal(journal);
	for (size_t i = 0; i < FOLDERS_MAX; i++)
		path_watch_free(journal->watches[i]);
	loop_timer_free(journal->timer);
	free(journal);
	return NULL;
}
