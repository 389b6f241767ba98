/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the journal adapter: real journal files, which systemd-journal-remote makes of text,
 * and what the adapter tells of them. */
/* It reads no journal of this computer. */
#pragma once

#include "daemon/sources/journal.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <systemd/sd-id128.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "tests/unit/test.h"
#include "tests/unit/wait.h"

#define KERNEL "_TRANSPORT=kernel\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\n"

struct rig {
	char base[64], folder[80], cursor[80], text_path[80];
	struct loop *loop;
	struct kept_events events;
	struct journal *journal;
	FILE *text;
	uint64_t now_us, wall_us;
	char boot[SD_ID128_STRING_MAX];
	size_t files, archived, vacuumed, want;
};

static inline int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	sd_id128_t boot;

	assert_non_null(rig);
	strcpy(rig->base, "/tmp/test-journal-XXXXXX");
	assert_non_null(mkdtemp(rig->base));
	snprintf(rig->folder, sizeof(rig->folder), "%s/journal", rig->base);
	snprintf(rig->cursor, sizeof(rig->cursor), "%s/cursor", rig->base);
	snprintf(rig->text_path, sizeof(rig->text_path), "%s/text", rig->base);
	assert_int_equal(mkdir(rig->folder, 0700), 0);
	assert_int_equal(loop_new(&rig->loop), 0);
	assert_int_equal(sd_id128_get_boot(&boot), 0);
	sd_id128_to_string(boot, rig->boot);
	rig->now_us = clock_now().monotonic_us;
	rig->wall_us = clock_now().wall_us - 60 * USEC_PER_SEC;
	*state = rig;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct rig *rig = *state;

	journal_free(rig->journal);
	loop_free(rig->loop);
	nftw(rig->base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(rig);
	return 0;
}

/* Writes entries as journalctl -o export has them; file_end() makes a journal file of them. */
static inline void file_begin(struct rig *rig)
{
	rig->text = fopen(rig->text_path, "w");
	assert_non_null(rig->text);
}

static inline uint64_t entry_in_boot(
	struct rig *rig, const char *boot, const char *fields, const char *message)
{
	rig->now_us += 1000;
	rig->wall_us += 1000;
	fprintf(rig->text,
		"__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n"
		"_BOOT_ID=%s\n%sMESSAGE=%s\n\n",
		rig->wall_us, rig->now_us, boot, fields, message);
	return rig->now_us;
}

static inline uint64_t entry(struct rig *rig, const char *fields, const char *message)
{
	return entry_in_boot(rig, rig->boot, fields, message);
}

static inline void file_end(struct rig *rig)
{
	char command[512];

	assert_int_equal(fclose(rig->text), 0);
	rig->files++;
	snprintf(command, sizeof(command),
		"%s -o %s/made.journal %s/text >%s/output 2>&1 && "
		"mv %s/made.journal %s/%zu.journal",
		getenv("SYSTEMD_JOURNAL_REMOTE"), rig->base, rig->base, rig->base, rig->base,
		rig->folder, rig->files);
	assert_int_equal(system(command), 0);
}

/* As journald rotates: the active file gets the name of an archived one, the next file its name. */
static inline void rotate(struct rig *rig)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/%zu.journal", rig->folder, rig->files);
	snprintf(to, sizeof(to), "%s/@%zu.journal", rig->folder, ++rig->archived);
	assert_int_equal(rename(from, to), 0);
	rig->files--;
}

/* Deletes the archived files, oldest first, up to this one. */
static inline void vacuum(struct rig *rig, size_t last)
{
	char path[128];

	while (rig->vacuumed < last) {
		snprintf(path, sizeof(path), "%s/@%zu.journal", rig->folder, ++rig->vacuumed);
		assert_int_equal(unlink(path), 0);
	}
}

static inline bool find_place(void *user, uint32_t bus, uint32_t address, struct usb_place *ret)
{
	if (bus != 2 || address != 3)
		return false;
	*ret = (struct usb_place){.port = "2-1.4"};
	return true;
}

static inline void begin(struct rig *rig, bool with_cursor)
{
	const struct journal_options options = {
		.folder = rig->folder,
		.cursor_path = with_cursor ? rig->cursor : NULL,
		.find_place = find_place,
	};

	assert_int_equal(
		journal_new(rig->loop, &options, keep_event, &rig->events, &rig->journal), 0);
}

static inline bool has_events(void *user)
{
	struct rig *rig = user;

	return rig->events.count >= rig->want;
}

static inline void expect_events(struct rig *rig, size_t count)
{
	rig->want = count;
	assert_true(wait_until(rig->loop, has_events, rig));
	assert_int_equal(rig->events.count, count);
}

static inline void begin_at_the_end_of(struct rig *rig)
{
	file_begin(rig);
	entry(rig, KERNEL, "usb 1-1: device descriptor read/64, error -71");
	file_end(rig);
	begin(rig, true);
	expect_events(rig, 1);
	assert_int_equal(nth_event(&rig->events, EVENT_SOURCE, 0)->code, 0);
}
