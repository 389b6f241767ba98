/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journal adapter tells of the journals that were recorded with the phone on a virtual USB
 * bus (tests/vm/fixtures): the same lines that the virtual machine makes, without the machine. */
#include "tests/integration/journal_rig.h"

#define TOLD_SIZE 1024
#define LINE_SIZE 1024
/* Our own line after the recording marks its end. */
#define END_PORT "9-9"
#define END_LINE "usb " END_PORT ": over-current condition"

#define NEVER_ENUMERATED(number)                                                                   \
	"4 descriptor-read 1-1 " number "; 1 power-cycled 1-1 0; "                                 \
	"4 descriptor-read 1-1 " number "; 1 enumeration-failed 1-1 0"

/* usbmuxd connects to itself for each phone; the case asked it for its list. */
#define SEEN "1 usbmuxd - 0"
#define ASKED "1 idevice_id - 0"
#define LISTED SEEN "; " ASKED

/* What each recording is to tell: how many in a row, the sign or program, its port and number. What
 * leaves no trace in any log is told by USB's and usbmuxd's own events instead. */
static const struct recording {
	const char *name;
	const char *told;
} recordings[] = {
	{"disconnect", LISTED},
	{"enumeration-protocol-error", NEVER_ENUMERATED("-71")},
	{"enumeration-recovers", "2 descriptor-read 1-1 -71"},
	{"enumeration-stall", NEVER_ENUMERATED("-32")},
	{"glitch", "2 usbmuxd - 0; 2 idevice_id - 0"},
	{"glitch-race", SEEN},
	{"no-answer", NEVER_ENUMERATED("-110")},
	{"no-mux-version", ASKED},
	{"service-refused", SEEN "; 1 usbmuxd-preflight-failed - -8; " ASKED},
	{"stall", SEEN "; 3 usbmuxd-transfer - 0; " ASKED},
};

/* Moves a time field of the recording behind what the rig wrote; `latest` follows the last one. */
static bool move_time(
	FILE *out, const char *line, const char *field, uint64_t base_us, uint64_t *latest)
{
	const size_t size = strlen(field);
	uint64_t moved_us;

	if (strncmp(line, field, size) != 0)
		return false;
	moved_us = base_us + strtoull(line + size, NULL, 10);
	fprintf(out, "%s%" PRIu64 "\n", field, moved_us);
	if (latest)
		*latest = moved_us;
	return true;
}

/* The wall clock of the first entry; the recordings begin at an invented day. */
static uint64_t first_wall_us(FILE *recording)
{
	uint64_t wall_us = 0;

	assert_int_equal(fscanf(recording, "__REALTIME_TIMESTAMP=%" SCNu64 "\n", &wall_us), 1);
	rewind(recording);
	return wall_us;
}

/* Writes the recording as if it had happened in this boot, after what the rig wrote before. */
static void replay(struct rig *rig, const char *name)
{
	const uint64_t base_us = rig->now_us, base_wall_us = rig->wall_us;
	char path[256], line[LINE_SIZE];
	uint64_t started_us;
	FILE *recording;

	snprintf(path, sizeof(path), "%s/%s.export", RECORDINGS, name);
	recording = fopen(path, "r");
	assert_non_null(recording);
	started_us = first_wall_us(recording);
	while (fgets(line, sizeof(line), recording)) {
		if (move_time(rig->text, line, "__REALTIME_TIMESTAMP=", base_wall_us - started_us,
			    &rig->wall_us) ||
			move_time(
				rig->text, line, "__MONOTONIC_TIMESTAMP=", base_us, &rig->now_us) ||
			move_time(rig->text, line, "_SOURCE_MONOTONIC_TIMESTAMP=", base_us, NULL))
			continue;
		if (strncmp(line, "_BOOT_ID=", strlen("_BOOT_ID=")) == 0)
			fprintf(rig->text, "_BOOT_ID=%s\n", rig->boot);
		else
			fputs(line, rig->text);
	}
	assert_int_equal(fclose(recording), 0);
	fputs("\n", rig->text);
}

static bool end_is_told(void *user)
{
	struct rig *rig = user;
	const struct kept_events *events = &rig->events;

	return events->count > 0 &&
	       strcmp(events->list[events->count - 1].event.port, END_PORT) == 0;
}

static bool same(const struct event *one, const struct event *other)
{
	return strcmp(one->name, other->name) == 0 && strcmp(one->port, other->port) == 0 &&
	       one->code == other->code && one->kind == other->kind;
}

/* Tells the events between the first, which says that the journal is read, and the end line. */
static void tell(const struct kept_events *events, char *told)
{
	size_t used = 0;

	*told = '\0';
	for (size_t i = 1, next; i + 1 < events->count; i = next) {
		const struct event *event = &events->list[i].event;

		for (next = i + 1; next + 1 < events->count; next++)
			if (!same(event, &events->list[next].event))
				break;
		used += (size_t)snprintf(told + used, TOLD_SIZE - used, "%s%zu %s %s %d",
			i > 1 ? "; " : "", next - i, event->name, *event->port ? event->port : "-",
			(int)event->code);
		assert_true(used < TOLD_SIZE);
	}
}

static void recordings_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(recordings); i++) {
		char told[TOLD_SIZE];
		struct rig *rig;

		assert_int_equal(set_up((void **)&rig), 0);
		begin_at_the_end_of(rig);
		file_begin(rig);
		replay(rig, recordings[i].name);
		entry(rig, KERNEL, END_LINE);
		file_end(rig);
		assert_true(wait_until(rig->loop, end_is_told, rig));
		tell(&rig->events, told);
		if (strcmp(told, recordings[i].told) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", recordings[i].name, told,
				recordings[i].told);
		tear_down((void **)&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_are_read),
	};

	if (!getenv("SYSTEMD_JOURNAL_REMOTE")) {
		fprintf(stderr, "SYSTEMD_JOURNAL_REMOTE names no program\n");
		return 77;
	}
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("recordings", tests, NULL, NULL);
}
