/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the lines of tool logs mean. Lines are re-created after real ones, with invented numbers. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/model/attempt.h"
#include "common/model/identity.h"
#include "common/logs/toollog.h"

#define EVENTS_MAX 64

struct heard {
	struct event events[EVENTS_MAX];
	char texts[EVENTS_MAX][256];
	size_t count;
	size_t logs;
	struct attempt attempt;
};

static void hear(void *user, const struct event *event)
{
	struct heard *heard = user;

	attempt_fold(&heard->attempt, event);
	if (event->kind == EVENT_LOG) {
		heard->logs++;
		return;
	}
	assert_true(heard->count < EVENTS_MAX);
	heard->events[heard->count] = *event;
	snprintf(heard->texts[heard->count++], sizeof(heard->texts[0]), "%.*s",
		(int)event->text_length, event->text ? event->text : "");
}

/* Feeds a log in pieces of `piece` bytes. */
static struct toollog_stats read_log(
	struct heard *heard, const char *text, size_t length, size_t piece)
{
	struct toollog *log;
	struct toollog_stats stats;

	memset(heard, 0, sizeof(*heard));
	attempt_init(&heard->attempt);
	log = toollog_new(hear, heard);
	assert_non_null(log);
	for (size_t at = 0; at < length; at += piece)
		toollog_feed(log, (struct stamp){.monotonic_us = 1}, text + at,
			length - at < piece ? length - at : piece);
	toollog_finish(log, (struct stamp){.monotonic_us = 2});
	stats = toollog_stats(log);
	toollog_free(log);
	return stats;
}

static const struct event *find(const struct heard *heard, enum event_kind kind)
{
	for (size_t i = 0; i < heard->count; i++)
		if (heard->events[i].kind == kind)
			return &heard->events[i];
	return NULL;
}

static const struct event *must_find(const struct heard *heard, enum event_kind kind)
{
	const struct event *event = find(heard, kind);

	assert_non_null(event);
	return event;
}

static void test_lines_of_all_generations(void **state)
{
	static const struct {
		const char *line;
		enum event_kind kind;
		int64_t number, code;
		const char *name;
	} lines[] = {
		{"Waiting for NAND (28)", EVENT_OPERATION, 28, 0, "Waiting for NAND"},
		{"10:15:00.123    <Info> Waiting for NAND (28)", EVENT_OPERATION, 28, 0,
			"Waiting for NAND"},
		{"10:15:00.123:  Waiting for NAND (28)", EVENT_OPERATION, 28, 0,
			"Waiting for NAND"},
		{"Partition NAND device (28)", EVENT_OPERATION, 28, 0, "Partition NAND device"},
		/* A restored of protocol 13 counts one lower; the name is right. */
		{"Updating gas gauge software (46)", EVENT_OPERATION, 47, 0,
			"Updating gas gauge software"},
		{"Identified device as d421ap, iPhone12,3", EVENT_IDENTITY, 0, 0, "iPhone12,3"},
		{"Found device in DFU mode", EVENT_ENTRY, 0, 0, ""},
		{"Product Version: 14.8.1", EVENT_FIRMWARE, 0, 0, "14.8.1"},
		{"IPSW Product Version: 17.5", EVENT_FIRMWARE, 0, 0, "17.5"},
		{"Variant: Customer Upgrade Install (IPSW)", EVENT_ACTION, 0, 0, "update"},
		{"This restore will erase your device data.", EVENT_ACTION, 0, 0, "erase"},
		{"Status: Disk Failure", EVENT_STATUS, 0, 6, "Disk Failure"},
		{"Status: Restore Finished", EVENT_STATUS, 0, 0, "Restore Finished"},
		{"Unhandled status message (1110)", EVENT_STATUS, 0, 1110, ""},
		{"ERROR: Could not read data (-256). Aborting.", EVENT_SIGN, 0, 0, "link-lost"},
		{"12:00:01.000   <Error> Could not read data (-256). Aborting.", EVENT_SIGN, 0, 0,
			"link-lost"},
		{"Checkpoint 1621 complete with code 0", EVENT_CHECKPOINT, 0x655, 0, ""},
		{"Checkpoint 18446744069414585938 complete with code 14", EVENT_CHECKPOINT, 0x652,
			14, ""},
		{"23:59:59.999 <Verbose> Checkpoint started   id: 0x60D (wait_for_storage)",
			EVENT_CHECKPOINT, 0x60d, 0, "wait_for_storage"},
		{"Checkpoint completed id: 0x60D (wait_for_storage) result=6", EVENT_CHECKPOINT,
			0x60d, 6, "wait_for_storage"},
		{"Checkpoint FAILURE id: 0x648 result=0: [0]D(failed to install splat)",
			EVENT_CHECKPOINT, 0x648, 0, ""},
		{"Waiting for device to enter restore mode...", EVENT_WAIT, 0, 0,
			"wait-restore-mode"},
		{"Trying to fetch new SHSH blob", EVENT_WAIT, 0, 0, "signing"},
		{"Received SHSH blobs", EVENT_WAIT, 0, 0, "signing"},
		{"Sending Baseband TSS request...", EVENT_WAIT, 0, 0, "signing"},
		{"23:59:59.999 <Info> Sending Savage TSS request...", EVENT_WAIT, 0, 0, "signing"},
		{"Checking if SEP is being signed...", EVENT_WAIT, 0, 0, "signing"},
		{"idevicerestore 1.0.1-git-3-gabcdef (libirecovery 1.2.0, libtatsu 1.0.3)",
			EVENT_TOOL_VERSION, 0, 0, "idevicerestore"},
		{"[10:32:09.0877-GMT]{1>3} CHECKPOINT FAILURE:(FAILURE:6) RESTORED:[0x060D] "
		 "wait_for_storage [0]D(storage)",
			EVENT_CHECKPOINT, 0x60d, 6, "wait_for_storage"},
		{"Checkpoint started   id: 0x624 (restore_images)\r", EVENT_CHECKPOINT, 0x624, 0,
			"restore_images"},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct event *event;
		char line[256];

		snprintf(line, sizeof(line), "%s\n", lines[i].line);
		read_log(&heard, line, strlen(line), 3);
		event = find(&heard, lines[i].kind);
		if (!event)
			fail_msg("%s: no %s", lines[i].line, event_kind_name(lines[i].kind));
		if (event->number != lines[i].number || event->code != lines[i].code ||
			!text_equal(event->name, lines[i].name))
			fail_msg("%s: number %u code %lld name %s", lines[i].line, event->number,
				(long long)event->code, event->name);
	}
}

/* A part of a number is another number: error 1f is not 15, status 68 not 6. */
static void test_numbers_that_are_not_whole(void **state)
{
	static const struct {
		const char *text;
		enum event_kind kind;
	} lines[] = {
		{"0: AMRestoreErrorDomain/f\x02"
		 "ffffff: failed to update\n",
			EVENT_AMR_ERROR},
		{"0: AMRestoreErrorDomain/f", EVENT_AMR_ERROR},
		{"1: RamrodErrorDomain/3?c: gas gauge\n", EVENT_REPORTED_ERROR},
		{"Unhandled status message (6", EVENT_STATUS},
		{"Unhandled status message (6\xb8)\n", EVENT_STATUS},
		{"Restore completed, status: 40", EVENT_REPORTED_ERROR},
		{"Restore completed, status: 40\xb1"
		 "3\n",
			EVENT_REPORTED_ERROR},
		{"ECID: 79312", EVENT_IDENTITY},
		{"ECID: 7931?2336\n", EVENT_IDENTITY},
		{"UniqueChipID: 79x2\n", EVENT_IDENTITY},
		{"\t<key>AMRError</key>\n\t<integer>1?</integer>\n", EVENT_AMR_ERROR},
		{"\t<key>AMRError</key>\n\t<integer>1", EVENT_AMR_ERROR},
		{"[10:32:09.0877-GMT]{1>3} CHECKPOINT FAILURE:(FAILURE:1x) RESTORED:[0x060D] w\n",
			EVENT_AMR_ERROR},
		{"CHECKPOINT FAILURE:(FAILURE:6) RESTORED:[0x06x0D] wait\n", EVENT_CHECKPOINT},
		{"Checkpoint 16?1 complete with code 0\n", EVENT_CHECKPOINT},
		{"Checkpoint 1621 complete with code 1?\n", EVENT_CHECKPOINT},
		{"Checkpoint completed id: 0x60D (wait_for_storage) result=?\n", EVENT_CHECKPOINT},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		read_log(&heard, lines[i].text, strlen(lines[i].text), 3);
		if (find(&heard, lines[i].kind))
			fail_msg("%s: %s", lines[i].text, event_kind_name(lines[i].kind));
	}
}

/* The same words in the phone's own log and in the tool's lines are two things: a full phone was
 * read as a full computer. */
static void test_signs_depend_on_who_wrote_the_line(void **state)
{
	static const struct {
		const char *text, *sign; /* NULL = none */
	} logs[] = {
		{"ASR: Could not restore - No space left on device\n", "storage-full"},
		{"[10:32:09.0877-GMT]{1>3} write: No space left on device\n", "storage-full"},
		{"ASR STATUS: fail\nwrite failed: No space left on device\n", "storage-full"},
		{"Log is available:\nwrite failed: No space left on device\n", "storage-full"},
		{"ERROR: Unable to write file: No space left on device\n", "disk-full"},
		{"cp: No space left on device\n", "disk-full"},
		{"ASR STATUS: fail\nERROR: Unable to write: No space left on device\n",
			"disk-full"},
		{"ASR STATUS: fail\nOSError: [Errno 28] No space left on device\n", "disk-full"},
		{"Log is available:\nrecv: Connection reset by peer\n", NULL},
		{"recv: Connection reset by peer\n", "host-link-reset"},
		{"Log is available:\nasr: checksum does not match\n", NULL},
		{"ERROR: checksum does not match\n", "firmware-file"},
		{"Log is available:\nJan  1 00:00:12 localhost kernel[0]\n", "clock-lost"},
		{"Jan  1 00:00:12 bench idevicerestore: begins\n", NULL},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		const struct event *sign;

		read_log(&heard, logs[i].text, strlen(logs[i].text), 3);
		sign = find(&heard, EVENT_SIGN);
		if (!sign != !logs[i].sign || (sign && !text_equal(sign->name, logs[i].sign)))
			fail_msg("%s: %s", logs[i].text, sign ? sign->name : "no sign");
	}
}

/* The phone's updaters count their own errors: 1017 there is no number of the modem. */
static void test_numbers_of_updaters_are_their_own(void **state)
{
	static const char text[] = "0: AMRestoreErrorDomain/6: failed\n"
				   "1: RamrodErrorDomain/3f9: updater failed\n";
	const struct event *error;
	struct heard heard;

	read_log(&heard, text, strlen(text), 3);
	error = must_find(&heard, EVENT_REPORTED_ERROR);
	assert_int_equal(error->code, 1017);
	assert_string_equal(error->name, "ramrod");
}

static void test_lines_that_mean_nothing(void **state)
{
	static const char *const lines[] = {
		"FDR 0x7f32540010b0 timeout waiting for command",
		"recv(9, 4) failed: connection closed",
		"unrecognized request 'GetValue'",
		"DONE",
		"Some text (28)",
		"[not a bar]",
		"Checkpoint reached",
		"Status: something new",
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		read_log(&heard, lines[i], strlen(lines[i]), 1000);
		if (heard.count != 0)
			fail_msg("%s: %s", lines[i], event_kind_name(heard.events[0].kind));
		assert_int_equal(heard.logs, 1);
	}
}

static void test_link_events(void **state)
{
	static const char text[] =
		"idevice_event_cb: device 001c2d6a3c8a802e (udid: 00008030-001C2D6A3C8A802E) "
		"connected in "
		"restore mode\n"
		"irecv_event_cb: device 001c2d6a3c8a802e (udid: N/A) disconnected\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 7);
	assert_int_equal(heard.count, 3);
	assert_int_equal(heard.events[0].kind, EVENT_ATTACH);
	assert_int_equal(heard.events[0].mode, MODE_RESTORE);
	assert_string_equal(heard.events[0].udid, "00008030-001C2D6A3C8A802E");
	assert_int_equal(heard.events[1].kind, EVENT_TOOL_VERSION);
	assert_int_equal(heard.events[2].kind, EVENT_DETACH);
	assert_true(heard.events[2].ecid == 0x001c2d6a3c8a802e);
}

/* Logs of wrappers and of other tools name the phone in their own ways; the board tells the model.
 */
static void test_who_the_phone_is(void **state)
{
	static const struct {
		const char *text;
		uint64_t ecid;
		const char *product, *board;
	} logs[] = {
		{"[13:12:58.146][8272] : ECID: 7931233653391406\n", 7931233653391406, "", ""},
		{"[13:12:58.146][8272] : Identified device as d421ap, iPhone12,3\n", 0,
			"iPhone12,3", "d421ap"},
		{"* ECID: 7931233653391406\n", 7931233653391406, "", ""},
		{"* Device: iPhone 8 (GSM) (iPhone10,4 - d201ap) in DFU mode\n", 0, "iPhone10,4",
			"d201ap"},
		{"2026-08-01 10:00:00 bench root[77] INFO connected device: <Device ecid: async "
		 "hardware_model: d421ap image4-support: 4>\n",
			0, "iPhone12,3", "d421ap"},
		{"hardware_model: d421ap\n", 0, "iPhone12,3", "d421ap"},
		{"hardware info: {'BoardID': 6, 'UniqueChipID': 7931233653391406}\n",
			7931233653391406, "", ""},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		struct identity identity = {0};

		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		for (size_t j = 0; j < heard.count; j++) {
			heard.events[j].text = heard.texts[j];
			identity_fold(&identity, &heard.events[j]);
		}
		if (identity.ecid != logs[i].ecid ||
			!text_equal(identity.product, logs[i].product) ||
			!text_equal(identity.board, logs[i].board))
			fail_msg("%s: %s %s", logs[i].text, identity.product, identity.board);
	}
}

/* The step that failed names the place, not the operation that was announced before it. */
static void test_a_failed_step_after_the_operation(void **state)
{
	static const struct {
		const char *text;
		bool passed;
	} logs[] = {
		{"Updating baseband (19)\n"
		 "Checkpoint started   id: 0x6A6 (install_splat)\n"
		 "Checkpoint FAILURE id: 0x6A6 result=-1: [0]D(failed to install splat)\n",
			true},
		{"Updating baseband (19)\n"
		 "Checkpoint started   id: 0x6A6 (install_splat)\n"
		 "Checkpoint completed id: 0x6A6 (install_splat) result=-1\n",
			true},
		{"Checkpoint started   id: 0x132A (await_update_baseband_legacy)\n"
		 "Updating baseband (19)\n"
		 "Checkpoint completed id: 0x132A (await_update_baseband_legacy) result=-1\n",
			false},
		{"Updating baseband (19)\n"
		 "Checkpoint started   id: 0x6A6 (install_splat)\n"
		 "Checkpoint completed id: 0x6A6 (install_splat) result=0\n",
			false},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		assert_int_equal(heard.attempt.operation, 19);
		assert_int_equal(heard.attempt.operation_passed, logs[i].passed);
	}
}

/* A log without the tool's own name has the shape of its lines; a name counts more. */
static void test_the_tool_by_its_lines(void **state)
{
	static const struct {
		const char *text, *tool;
	} logs[] = {
		{"Found device in Recovery mode\n", "idevicerestore"},
		{"Identified device as d421ap, iPhone12,3\n", "idevicerestore"},
		{"irecv_event_cb: device 001c2d6a3c8a802e (udid: N/A) disconnected\n",
			"idevicerestore"},
		{"Checkpoint started   id: 0x60D (wait_for_storage)\n", "idevicerestore"},
		{"Found device in DFU mode\nfuturerestore init done\n", "futurerestore"},
		{"futurerestore init done\nFound device in DFU mode\n", "futurerestore"},
		{"Waiting for NAND (28)\n", ""},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		if (!text_equal(heard.attempt.tool, logs[i].tool))
			fail_msg("%s: %s", logs[i].text, heard.attempt.tool);
	}
}

/* What is no error leaves no sign, however it is worded. */
static void test_errors_are_read_in_errors_alone(void **state)
{
	static const struct {
		const char *text, *sign;
	} logs[] = {
		{"ERROR: Unable to fetch SE ticket\n", "ticket-lacking"},
		{"12:00:01.000   <Error> Unable to fetch SE ticket\n", "ticket-lacking"},
		{"Unable to fetch SE ticket\n", "ticket-lacking"},
		{"what=APTicket can't be used for this restore\n", "ticket-misfit"},
		{"ERROR: Unable to extract baseband firmware from ipsw\n", "component-not-made"},
		{"ERROR: Unable to extract BuildManifest from x.ipsw. Firmware file might be "
		 "corrupt.\n",
			"firmware-file"},
		{"Unknown data request 'PersonalizedData' received\n", "old-tool"},
		{"ERROR: restore_send_firmware_updater_data: Got unknown updater name "
		 "'Centauri'.\n",
			"updater-unknown"},
		{"WARNING: Unable to fetch SE ticket\n", NULL},
		{"12:00:01.000    <Info> Unable to fetch SE ticket\n", NULL},
		{"Sending APTicket now...\n", NULL},
		{"ERROR: Unable to extract component X. Trying to continue anyway.\n", NULL},
		{"ASR: __decompressChunk() error: 5\n", "image-broken-off"},
		{"ASR: __decompressChunk() error: 22\n", "image-invalid"},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		const struct event *event;

		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		event = find(&heard, EVENT_SIGN);
		if (logs[i].sign ? !event || !text_equal(event->name, logs[i].sign) : event != NULL)
			fail_msg("%s: %s", logs[i].text, event ? event->name : "no sign");
	}
}

/* Bars come with \r, without any end, a dozen on a line, and with an error glued to the last. */
static void test_bars(void **state)
{
	static const char text[] = "\r[==        ]   3.1%\r[==        ]   3.1%[====      ]   6.2%"
				   "ERROR: Unable to send data to ASR. Sent 0 of 20 bytes.\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 5);
	assert_int_equal(heard.count, 4);
	assert_int_equal(heard.events[0].permille, 31);
	assert_int_equal(heard.events[1].permille, 62);
	assert_int_equal(heard.events[2].kind, EVENT_COMPLAINT);
	assert_string_equal(heard.events[3].name, "image-link-lost");
	assert_int_equal(heard.logs, 1);
	assert_string_equal(
		heard.texts[3], "ERROR: Unable to send data to ASR. Sent 0 of 20 bytes.");
}

/* The exit status and DONE are no verdict: only the phone's last word is a success. */
static void test_done_is_no_success(void **state)
{
	static const char done[] = "Not sending NORData... Quitting...\nDONE\n";
	static const char finished[] = "Status: Restore Finished\nDONE\n";
	struct heard heard;

	read_log(&heard, done, strlen(done), 9);
	assert_null(find(&heard, EVENT_OUTCOME));
	read_log(&heard, finished, strlen(finished), 9);
	assert_int_equal(must_find(&heard, EVENT_OUTCOME)->number, OUTCOME_SUCCEEDED);
}

/* The failing step is the last one open before the clean-up, not the clean-up that reports it. */
static void test_failing_checkpoint(void **state)
{
	static const char text[] =
		"Checkpoint started   id: 0x67B (perform_restore_installing)\n"
		"Checkpoint started   id: 0x60D (wait_for_storage)\n"
		"Checkpoint completed id: 0x60D (wait_for_storage) result=0\n"
		"Checkpoint started   id: 0x6A6 (install_splat)\n"
		"Checkpoint started   id: 0x67C (cleanup)\n"
		"Checkpoint completed id: 0x67C (cleanup) result=0\n"
		"Checkpoint FAILURE id: 0x648 result=0: [0]D(failed to install splat)\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 11);
	assert_int_equal(heard.attempt.checkpoint, 0x6a6);
	assert_string_equal(heard.attempt.checkpoint_name, "install_splat");
	assert_string_equal(heard.attempt.failure_text, "[0]D(failed to install splat)");
}

static void test_device_log(void **state)
{
	static const char text[] = "Log is available:\n"
				   "Searching for NAND service\n"
				   "bbupdater: Creating transport, attempts remaining 0...\n"
				   "Waiting for NAND (28)\n"
				   "a line of the tool\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 4);
	assert_string_equal(heard.texts[0], "Searching for NAND service");
	assert_int_equal(heard.events[0].kind, EVENT_DEVICE_LOG);
	assert_string_equal(must_find(&heard, EVENT_SIGN)->name, "baseband-transport");
	assert_int_equal(heard.events[heard.count - 1].kind, EVENT_OPERATION);
	assert_string_equal(heard.events[heard.count - 1].name, "Waiting for NAND");
}

static void test_amr_error(void **state)
{
	static const char text[] =
		"<dict>\n\t<key>AMRError</key>\n\t<integer>14</integer>\n</dict>\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 4);
	assert_int_equal(must_find(&heard, EVENT_AMR_ERROR)->code, 14);
}

/* A line without end is cut, counted, and does not hide the next one. */
static void test_endless_line(void **state)
{
	size_t length = 3 << 20;
	char *text = malloc(length + 64);
	struct heard heard;
	struct toollog_stats stats;

	assert_non_null(text);
	memset(text, 'x', length);
	strcpy(text + length, "\nWaiting for NAND (28)\n");
	stats = read_log(&heard, text, strlen(text), 65536);
	assert_int_equal(stats.lines, 2);
	assert_int_equal(stats.cut, 1);
	assert_int_equal(must_find(&heard, EVENT_OPERATION)->number, 28);
	free(text);
}

/* The letters of a certificate once said that something failed. */
static void test_dumps_say_nothing(void **state)
{
#define DATA "MIIFezCCA2OgAwIBAgIBATANBgkqhkiGfailedBAUFADB7MQswCQYDVQQGEwJVUzET\n"
	static const char text[] = "<Info> idevicerestore 1.0.1\n<dict>\n\t<data>\n\t" DATA DATA
				   "\t</data>\n</dict>\n",
			  after[] = "<Error> something failed\n" DATA DATA DATA DATA DATA DATA DATA
				  DATA DATA;
	struct heard heard;

	assert_int_equal(read_log(&heard, text, strlen(text), 7).lines, 7);
	assert_int_equal(heard.logs, 7);
	assert_null(find(&heard, EVENT_COMPLAINT));
	read_log(&heard, after, strlen(after), 64);
	assert_int_equal(must_find(&heard, EVENT_COMPLAINT)->text_length, 24);
#undef DATA
}

/* One other character, wherever it is, and the line is no dump: it says that something failed. */
static void test_dumps_have_only_certain_letters(void **state)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	static const char tool[] = "<Info> idevicerestore 1.0.1\n",
			  line[] = "failedMIIFezCCA2OgAwIBAgIBATANBgkqhkiGBAUFADB\n";

	for (size_t at = strlen("failed"); line[at] != '\n'; at++) {
		for (char c = ' '; c <= '~'; c++) {
			char text[sizeof(tool) + sizeof(line)];
			struct heard heard;

			strcpy(stpcpy(text, tool), line);
			text[strlen(tool) + at] = c;
			read_log(&heard, text, strlen(text), sizeof(text));
			assert_true(!find(&heard, EVENT_COMPLAINT) == !!strchr(letters, c));
		}
	}
}

/* NULs, broken UTF-8 and escapes never reach an event. */
static void test_foreign_bytes(void **state)
{
	static const char text[] = "Identified device as d\xff\xfe"
				   "ap, iPhone\x1b[31m12,3\0more\n\xc0\x80\n";
	struct heard heard;

	read_log(&heard, text, sizeof(text) - 1, 1);
	for (size_t i = 0; i < heard.count; i++) {
		assert_true(text_is_utf8(heard.events[i].name, strlen(heard.events[i].name)));
		assert_null(strchr(heard.events[i].name, 0x1b));
		assert_null(strchr(heard.texts[i], 0x1b));
	}
	assert_int_equal(heard.logs, 2);
}

/* A pasted log: HTML's escapes, a console's wrapping, Windows' ends of lines. */
static void test_pastes(void **state)
{
	static const char text[] =
		"<string>[15:31:07.0219-GMT]{3&gt;7} CHECKPOINT BEGIN: RESTORED:[0x0624] restore_im"
		"ages\r\n"
		"[15:31:09.0000-GMT]{3>7} CHECKPOINT FAILURE:(FAILURE:14) RESTORED:[0x0624] "
		"resto\r\n"
		"re_images [0]D(ASR failed)[1]D(checksum)\r\n"
		"[15:31:09.0001-GMT]{3>7} CHECKPOINT BEGIN: RESTORED:[0x0648] cleanup\r\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 13);
	assert_int_equal(heard.attempt.checkpoint, 0x624);
	assert_string_equal(heard.attempt.checkpoint_name, "restore_images");
	assert_string_equal(heard.attempt.failure_text, "[0]D(ASR failed)[1]D(checksum)");
	assert_int_equal(heard.attempt.amr_error, 14);
	assert_int_equal(heard.logs, 4);
}

/* Colours of a terminal stand anywhere, in the midst of words too. */
static void test_terminal_escapes(void **state)
{
	static const char text[] = "\x1b[1;31mERROR: \x1b[0mUnable to rest\x1b[0more device\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 3);
	assert_int_equal(must_find(&heard, EVENT_OUTCOME)->number, OUTCOME_FAILED);
}

/* An error behind a line that had no end. */
static void test_glued_error(void **state)
{
	static const char text[] =
		"Sending RestoreSEP (12 bytes)... ERROR: Unable to restore device\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 100);
	assert_int_equal(must_find(&heard, EVENT_TRANSFER)->flag, STEP_BEGIN);
}

struct times {
	uint64_t us[8];
	size_t count;
};

static void note_time(void *user, const struct event *event)
{
	struct times *times = user;

	assert_true(times->count < ARRAY_SIZE(times->us));
	if (event->kind == EVENT_LOG)
		times->us[times->count++] = event->at.monotonic_us;
}

/* Read later, the times of a log are its own: past midnight, with lines that have none, and with
 * one that was late. */
static void test_own_clock(void **state)
{
	static const char text[] = "23:59:59.500    <Info> one\n"
				   "no time\n"
				   "00:00:01.000    <Info> two\n"
				   "00:00:00.900    <Info> late\n"
				   "00:00:02.000    <Info> three\n";
	struct times times = {.count = 0};
	CLEANUP(toollog_freep) struct toollog *log = toollog_new(note_time, &times);
	struct stamp at = {.monotonic_us = 1000};

	toollog_set_clock(log, TOOLLOG_OWN);
	toollog_feed(log, at, text, strlen(text));
	toollog_finish(log, at);
	assert_int_equal(times.count, 5);
	assert_int_equal(times.us[0], 1000);
	assert_int_equal(times.us[1], 1000);
	assert_int_equal(times.us[2], 1000 + 1500000);
	assert_int_equal(times.us[3], 1000 + 1500000);
	assert_int_equal(times.us[4], 1000 + 2500000);
}

/* What the libraries log with -d: it occurs in good restores too, is no sign and ends no restore.
 */
static void test_debug_lines_of_libraries(void **state)
{
	static const char text[] =
		"Sending iBEC (1057708 bytes)...\n"
		"10:15:00.123 idevice.c:759 internal_connection_receive_timeout(): ERROR: "
		"usbmuxd_recv_timeout returned -104 (Connection reset by peer)\n"
		"10:15:00.124 service.c:167 service_receive_with_timeout(): could not read data\n"
		"10:15:00.125 restore.c:310 restored_client_new(): could not connect to restored "
		"(device 00008030)\n"
		"[libusbmuxd] usbmuxd_send: Error -32 when sending: Broken pipe\n"
		"10:15:00.126 <Debug> ERROR: Unable to get (null)-ApNonce from lockdownd\n"
		"ERROR: Unable to get (null)-SEPNonce from lockdownd\n";
	static const char lost[] = "ERROR: Unable to send payload to ASR\n";
	char both[sizeof(text) + sizeof(lost)];
	struct heard heard;

	read_log(&heard, text, strlen(text), 50);
	assert_null(find(&heard, EVENT_SIGN));
	assert_null(find(&heard, EVENT_COMPLAINT));
	/* The tool's own error after them counts. */
	snprintf(both, sizeof(both), "%s%s", text, lost);
	read_log(&heard, both, strlen(both), 50);
	assert_string_equal(must_find(&heard, EVENT_SIGN)->name, "image-link-lost");
}

/* Apple's library, as 3uTools, Finder and iTunes on Windows print it. */
static void test_apple(void **state)
{
	static const char text[] =
		"00:32:01.594: requested restore behavior: Erase\n"
		"00:34:31.933: Recovery mode device connected with ECID: 0x1C2D6A3C8A802E\n"
		"00:35:20.000: <Restore Device 0x7f96>: operation 28 progress -1\n"
		"00:35:21.000: Started checkpoint id: 0x60D (wait_for_storage)\n"
		"[17:59:01.7505] Changing state from 'Restoring' to 'Transitioning'\n"
		"[18:09:01.7655] Unexpected device state 'Recovery' expected 'RestoreOS'\n"
		"[18:09:01.7655] Restore completed, status: 4013\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 50);
	assert_string_equal(heard.attempt.action, "erase");
	assert_int_equal(heard.attempt.operation, 28);
	assert_string_equal(heard.attempt.operation_name, "Waiting for NAND");
	assert_int_equal(heard.attempt.checkpoint, 0x60d);
	assert_true(must_find(&heard, EVENT_ATTACH)->ecid == 0x1c2d6a3c8a802e);
	assert_string_equal(must_find(&heard, EVENT_SIGN)->name, "bounced-to-recovery");
	assert_int_equal(must_find(&heard, EVENT_REPORTED_ERROR)->code, 4013);
	assert_int_equal(heard.attempt.outcome, OUTCOME_FAILED);
}

static void test_apple_success(void **state)
{
	static const char text[] = "00:41:36.361: device returned success\n"
				   "00:41:36.463: <Restore Device 0x7f96>: Restore succeeded\n";
	static const char recovery[] =
		"2019-11-03 09:12:20.522 [1a4c:b30]: command device request for "
		"'getenv ramdisk-delay' failed: 2008\n"
		"2019-11-03 09:12:26.438 [1a4c:b30]: <Recovery Mode Device 0052C6E8>: "
		"Recovery mode succeeded\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 50);
	assert_int_equal(heard.attempt.outcome, OUTCOME_SUCCEEDED);
	/* A mode that was left well is not a restore that went well, and its noise no sign. */
	read_log(&heard, recovery, strlen(recovery), 50);
	assert_int_equal(heard.attempt.outcome, OUTCOME_UNKNOWN);
	assert_null(find(&heard, EVENT_SIGN));
	assert_string_equal(heard.attempt.tool, "itunes");
}

static void test_pymobiledevice3(void **state)
{
	static const char text[] =
		"2024-05-01 10:00:00 bench pymobiledevice3.restore.restore[77] DEBUG "
		"progress-bar: {'MsgType': 'ProgressMsg', 'Operation': 'WAIT_FOR_NAND', "
		"'Progress': 10}\n"
		"2024-05-01 10:00:01 bench pymobiledevice3.restore.restore[77] DEBUG "
		"checkpoint: {'CHECKPOINT_COMPLETE': True, 'CHECKPOINT_RESULT': 6, "
		"'CHECKPOINT_NAME': 'wait_for_storage', 'CHECKPOINT_ID': 4294968845, "
		"'MsgType': 'CheckpointMsg'}\n"
		"2024-05-01 10:00:02 bench pymobiledevice3.restore.restore[77] DEBUG "
		"status message: {'AMRError': 6, 'MsgType': 'StatusMsg', 'Status': 6}\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 60);
	assert_string_equal(heard.attempt.tool, "pymobiledevice3");
	assert_int_equal(heard.attempt.operation, 28);
	assert_int_equal(heard.attempt.permille, 100);
	assert_int_equal(heard.attempt.checkpoint, 0x60d);
	assert_int_equal(heard.attempt.status, 6);
	assert_int_equal(heard.attempt.amr_error, 6);
	assert_int_equal(heard.attempt.outcome, OUTCOME_FAILED);
}

/* A request for a ticket is no work with the phone. pymobiledevice3 prints nothing of the answer:
 * its next line shows that it has gone on. */
static void test_signing(void **state)
{
	static const char asks[] =
		"2024-05-01 10:00:00 bench pymobiledevice3.restore.tss[77] INFO Sending TSS "
		"request...\n";
	static const char goes_on[] =
		"2024-05-01 10:00:00 bench pymobiledevice3.restore.tss[77] INFO Sending TSS "
		"request...\n"
		"2024-05-01 10:00:01 bench pymobiledevice3.restore.recovery[77] INFO setting "
		"auto-boot\n";
	static const char answered[] = "Trying to fetch new SHSH blob\nReceived SHSH blobs\n";
	struct heard heard;

	read_log(&heard, asks, strlen(asks), 60);
	assert_true(heard.attempt.at_server);
	assert_false(heard.attempt.touched);
	read_log(&heard, goes_on, strlen(goes_on), 60);
	assert_false(heard.attempt.at_server);
	read_log(&heard, answered, strlen(answered), 60);
	assert_false(heard.attempt.at_server);
	assert_false(heard.attempt.touched);
}

static void test_futurerestore(void **state)
{
	static const char failed[] = "futurerestore init done\n"
				     "[Error] ERROR: Unable to restore device\n"
				     "[exception]:\nwhat=ERROR: x\ncode=-11\n"
				     "Done: restoring failed!\n";
	static const char done[] = "Done: restoring succeeded!\n";
	struct heard heard;

	read_log(&heard, failed, strlen(failed), 9);
	assert_string_equal(heard.attempt.tool, "futurerestore");
	assert_int_equal(heard.attempt.outcome, OUTCOME_FAILED);
	/* Its number is no exit status, and none of a signal. */
	assert_null(find(&heard, EVENT_REPORTED_ERROR));
	read_log(&heard, done, strlen(done), 9);
	assert_int_equal(heard.attempt.outcome, OUTCOME_SUCCEEDED);
}

static void test_usbmuxd(void **state)
{
	static const char text[] =
		"[10:00:00.000][3] Connected to v2.0 device 3 on location 0x10002 with serial "
		"number 00008030-001C2D6A3C8A802E\n"
		"[10:00:05.000][3] Removed device 3 on location 0x10002\n"
		"[10:00:06.000][2] RX transfer timed out for device 1-7\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 9);
	assert_int_equal(heard.count, 3);
	assert_int_equal(heard.events[2].kind, EVENT_MUX_ERROR);
	assert_string_equal(heard.events[2].name, "usbmuxd-transfer");
	assert_int_equal(heard.events[0].kind, EVENT_MUX_ATTACH);
	assert_true(heard.events[0].ecid == 0x001c2d6a3c8a802e);
	assert_int_equal(heard.events[1].kind, EVENT_MUX_DETACH);
}

/* Logs that a thread quotes or indents, with a computer's own digits and HTML's escapes. */
static void test_quoted(void **state)
{
	static const char text[] =
		"> > Waiting for NAND (28)\n"
		">ECID: 7931233653391406\n"
		"    10:00:00.000:  Unmounting filesystems (29)\n"
		"\xdb\xb1\xdb\xb0:\xdb\xb0\xdb\xb0:\xdb\xb0\xdb\xb5.\xdb\xb0\xdb\xb0\xdb\xb0: "
		"&nbsp;Creating partition map (11)\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 7);
	assert_int_equal(heard.count, 4);
	assert_int_equal(heard.events[0].number, 28);
	assert_true(heard.events[1].ecid == 7931233653391406);
	assert_int_equal(heard.events[2].number, 29);
	assert_int_equal(heard.events[3].number, 11);
}

/* The flash program of 3uTools names its steps without numbers; the phone is in its restore program
 * from the first one on, and not where its kernel had been sent. */
static void test_3utools(void **state)
{
	static const char begin[] = "10:00:00.000:  LibVersion: 20220922\n"
				    "10:00:00.001:  Found a device with mode: Recovery \n"
				    "10:00:00.002:  Checking iDevice firmware "
				    "C:\\Files\\iPhone11,8_16.2_20C65_Restore.ipsw\n"
				    "10:00:00.003:  Firmware version: 16.2\n"
				    "10:00:00.004:  Found ECID 7931233653391406\n"
				    "10:00:05.000:  Sending Ramdisk\n"
				    "10:00:15.000:  Sending KernelCache\n"
				    "10:00:24.000:  About to restore device... \n";
	static const char restore[] = "10:00:27.000:  Sending RootTicket\n"
				      "10:00:27.100:  Waiting for NAND\n"
				      "10:00:30.000:  Unmounting Filesystem\n"
				      "10:00:31.000:  Creating Partition Map \n";
	char text[1024];
	struct heard heard;

	read_log(&heard, begin, strlen(begin), 11);
	assert_string_equal(heard.attempt.tool, "3utools");
	assert_int_equal(heard.attempt.entry, MODE_RECOVERY);
	assert_string_equal(must_find(&heard, EVENT_IDENTITY)->name, "iPhone11,8");
	assert_int_equal(heard.attempt.stage, STAGE_BOOT_RAMDISK);
	snprintf(text, sizeof(text), "%s%s", begin, restore);
	read_log(&heard, text, strlen(text), 11);
	assert_int_equal(heard.attempt.stage, STAGE_RESTORE);
	assert_int_equal(heard.attempt.operation, 11);
	read_log(&heard, restore + 34, strlen(restore + 34), 11);
	assert_int_equal(heard.attempt.operation, 0); /* nobody else tells them so */
}

/* What only a running restore can say tells that the phone was in it. */
static void test_stage_of_fragments(void **state)
{
	static const char *const fragments[] = {
		"Sending RootTicket now...\n",
		"Done sending FDR Trust Data\n",
		"Status: Verification Error\n",
		"ERROR: Unable to successfully restore device\n",
		"2024-05-01 10:00:00 bench root[7] INFO about to send filesystem...\n",
		"2024-05-01 10:00:00 bench root[7] INFO validating the filesystem\n",
	};
	static const char other[] = "ERROR: Unable to restore device\n";
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		read_log(&heard, fragments[i], strlen(fragments[i]), 64);
		assert_int_equal(heard.attempt.stage, STAGE_RESTORE);
	}
	read_log(&heard, other, strlen(other), 64);
	assert_int_equal(heard.attempt.stage, STAGE_NONE);
}

/* A step that fails takes those around it with it: the first one told is the one. */
static void test_failures_within(void **state)
{
	static const char whole[] =
		"[10:00:00.0000-GMT]{3>5} CHECKPOINT BEGIN: RESTORED:[0x067B] "
		"perform_restore_installing\n"
		"[10:00:01.0000-GMT]{3>5} CHECKPOINT FAILURE:(FAILURE:-1) (null):[0x1309] "
		"update_generic\n"
		"[10:00:02.0000-GMT]{3>5} CHECKPOINT BEGIN: RESTORED:[0x0634] fdr_recover\n"
		"[10:00:03.0000-GMT]{3>5} CHECKPOINT FAILURE:(FAILURE:53) RESTORED:[0x0634] "
		"fdr_recover\n"
		"[10:00:03.0001-GMT]{3>5} CHECKPOINT FAILURE:(FAILURE:53) RESTORED:[0x067B] "
		"perform\n";
	static const char end[] =
		"[10:00:03.0001-GMT]{3>5} CHECKPOINT FAILURE:(FAILURE:53) RESTORED:[0x067B] "
		"perform\n"
		"[10:00:03.0002-GMT]{3>5} CHECKPOINT END: RESTORED:[0x067C] cleanup_boot_command\n"
		"restore-step-ids = {0x1103067B:60;0x11030634:64}\n";
	struct heard heard;

	read_log(&heard, whole, strlen(whole), 64);
	assert_int_equal(heard.attempt.checkpoint, 0x634);
	read_log(&heard, end, strlen(end), 64);
	assert_int_equal(heard.attempt.checkpoint, 0x634);
}

/* Asked what it will need, the baseband's updater is not at its step yet. */
static void test_baseband_is_asked(void **state)
{
	static const char text[] = "bbupdater: BEGIN: Command: requirePartitionMount\n"
				   "bbupdater: \tcmdCopyRequirePartitionMount: supports REFS 1\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 64);
	assert_int_equal(heard.attempt.operation, 0);
}

/* "DFU Restore Phase" and its kin tell the mode that Apple's library was at. */
static void test_apple_phase(void **state)
{
	static const char text[] = "[17:59:01.7501] Finished DFU Restore Phase: Successful\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 64);
	assert_int_equal(heard.attempt.stage, STAGE_DFU);
}

/* pymobiledevice3 names the phone in one line, and is named in traces that are of no restore. */
static void test_pymobiledevice3_phone(void **state)
{
	static const char text[] =
		"2024-05-01 10:00:00 bench root[77] INFO connected device: <Device ecid: "
		"7931233653391406 hardware_model: d421ap image4-support: 4>\n";
	static const char trace[] =
		"  File \"pymobiledevice3/services/mobilebackup2.py\", line 365, in device_link\n"
		"pymobiledevice3.exceptions.ConnectionTerminatedError\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 64);
	assert_true(must_find(&heard, EVENT_IDENTITY)->ecid == 7931233653391406);
	assert_string_equal(heard.attempt.tool, "pymobiledevice3");
	assert_int_equal(read_log(&heard, trace, strlen(trace), 64).understood, 0);
}

/* A program's source and another program's last word are no restore. */
static void test_no_log(void **state)
{
	static const char text[] = "\t\terror(\"ERROR: Unable to restore device\\n\");\n"
				   "[INFO] DONE\n";
	struct heard heard;

	assert_int_equal(read_log(&heard, text, strlen(text), 64).understood, 0);
	assert_int_equal(heard.attempt.outcome, OUTCOME_UNKNOWN);
}

/* Bars have labels, and messages directly behind them; a message before a bar is a line too. */
static void test_labelled_bars(void **state)
{
	static const char text[] =
		"\rUploading [=====     ]  45.0% ERROR: Unable to send iBEC component: timeout\n"
		"\rVerifying 'iPhone_18.3 (22D63).ipsw' [==========] 100.0% \n"
		"Waiting for NAND (28)[===       ]  30.5% Unmounting filesystems (29)\n"
		"Cryptex1,SystemOS [==        ]  20.0% Cryptex1,SystemOS [===       ]  30.0% \n"
		"Extracting:   0.5\n"
		"ramdisk: [x=] 5%\n";
	static const int permilles[] = {450, 1000, 305, 200, 300, 500};
	struct heard heard;
	size_t bars = 0;

	assert_int_equal(read_log(&heard, text, strlen(text), 5).lines, 4);
	for (size_t i = 0; i < heard.count; i++)
		if (heard.events[i].kind == EVENT_PROGRESS)
			assert_int_equal(heard.events[i].permille, permilles[bars++]);
	assert_int_equal(bars, ARRAY_SIZE(permilles));
	assert_string_equal(must_find(&heard, EVENT_TRANSFER)->name, "iBEC");
	assert_int_equal(must_find(&heard, EVENT_OPERATION)->number, 28);
	assert_int_equal(heard.attempt.operation, 29);
}

/* tqdm draws its bars with blocks, counts and a rate; the next line of the log is glued to it. */
static void test_tqdm_bars(void **state)
{
	static const char text[] =
		"\r  0%|          | 0/12345 [00:00<?, ?it/s]"
		"\r 45%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8c   | 5555/12345 [00:46<00:57, "
		"118.42it/s]2026-08-22 10:15:00 bench Task-1-pymobiledevice3.restore.restore[77] "
		"INFO filesystem validated\n"
		"\rverify-restore:  12%|#2        | 12/100 [00:05<00:36,  2.4it/s]\n"
		"load is 45%| of all\n";
	struct heard heard;

	assert_int_equal(read_log(&heard, text, strlen(text), 7).lines, 2);
	assert_int_equal(heard.events[0].permille, 0);
	assert_int_equal(heard.events[1].permille, 450);
	assert_string_equal(heard.attempt.tool, "pymobiledevice3");
	assert_int_equal(heard.attempt.operation, 14);
	assert_int_equal(heard.attempt.permille, 120);
}

/* An operation that the tool has no name for ends the one before it. */
static void test_unknown_operations(void **state)
{
	static const struct {
		const char *text;
		uint32_t operation;
		const char *name;
	} logs[] = {
		{"Waiting for NAND (28)\nUnknown operation (83)\n", 83, ""},
		{"Waiting for NAND (28)\nUnknown operation (60)\n", 60, "Updating Savage"},
		{"Connected to com.apple.mobile.restored, version 13\nUnknown operation (59)\n", 60,
			"Updating Savage"},
		{"Connected to com.apple.mobile.restored, version 15\nUnknown operation (59)\n", 59,
			"Updating SE Firmware"},
		{"progress-bar: {'Operation': 'WAIT_FOR_NAND', 'Progress': 0}\n"
		 "progress-bar: {'Operation': 83, 'Progress': 0}\n",
			83, ""},
		{"2026-08-22 10:15:00 bench Task-1-pymobiledevice3.restore.restore[7] INFO "
		 "version: "
		 "13\nprogress-bar: {'Operation': 'PAIR_STOCKHOLM', 'Progress': 0}\n",
			55, "Updating Stockholm"},
		{"Waiting for NAND (28)\nUnknown operation (0)\n", 28, "Waiting for NAND"},
		{"Waiting for NAND (28)\nUnhandled progress operation 83 (83)\n", 28,
			"Waiting for NAND"},
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		if (heard.attempt.operation != logs[i].operation ||
			!text_equal(heard.attempt.operation_name, logs[i].name))
			fail_msg("%s: %u %s", logs[i].text, heard.attempt.operation,
				heard.attempt.operation_name);
	}
}

/* The first two steps of --plain-progress are before the restore. */
static void test_plain_progress(void **state)
{
	static const char before[] = "progress: 0 0.600000\nprogress: 1 1.000000\n";
	static const char within[] = "progress: 3 0.250000\n";
	struct heard heard;

	assert_int_equal(read_log(&heard, before, strlen(before), 9).understood, 2);
	assert_null(find(&heard, EVENT_PROGRESS));
	read_log(&heard, within, strlen(within), 9);
	assert_int_equal(must_find(&heard, EVENT_PROGRESS)->permille, 250);
}

/* Newer versions dump the final status as text for people. */
static void test_amr_error_of_a_printed_plist(void **state)
{
	static const char text[] = "Unhandled status message (28)\n"
				   "{\n  \"AMRError\": 4109,\n  \"MsgType\": \"StatusMsg\",\n"
				   "  \"Status\": 28\n}\n";
	static const char other[] = "{\n  \"Status\": 5,\n}\n";
	struct heard heard;

	read_log(&heard, text, strlen(text), 4);
	assert_int_equal(must_find(&heard, EVENT_AMR_ERROR)->code, 4109);
	assert_int_equal(heard.attempt.status, 28);
	read_log(&heard, other, strlen(other), 4);
	assert_int_equal(heard.count, 0);
}

#define PMD "2026-08-22 10:15:00 bench Task-1-pymobiledevice3.restore.restore[77] "

/* pymobiledevice3 10 without -v: the phone's final status is one line, the phone's number is among
 * the hardware, and what it sends shows the stage. */
static void test_pymobiledevice3_10(void **state)
{
	static const char text[] = PMD
		"INFO connected device: <Device ecid: async hardware_model: async "
		"image4-support: async>\n" PMD "INFO Sending RestoreKernelCache (7 bytes)...\n" PMD
		"INFO hardware info: {'BoardID': 6, 'UniqueChipID': 7931233653391406}\n" PMD
		"ERROR disk failure\n";
	static const char other[] = "2026-08-22 10:15:00 bench backup[77] ERROR fail\n";
	struct identity identity = {0};
	struct heard heard;

	read_log(&heard, text, strlen(text), 60);
	for (size_t i = 0; i < heard.count; i++) {
		heard.events[i].text = heard.texts[i];
		identity_fold(&identity, &heard.events[i]);
	}
	assert_true(identity.ecid == 7931233653391406);
	assert_string_equal(identity.board, "");
	assert_string_equal(must_find(&heard, EVENT_TRANSFER)->name, "RestoreKernelCache");
	assert_int_equal(heard.attempt.status, 6);
	assert_int_equal(heard.attempt.outcome, OUTCOME_FAILED);
	assert_string_equal(heard.attempt.tool, "pymobiledevice3");
	read_log(&heard, other, strlen(other), 60);
	assert_null(find(&heard, EVENT_STATUS));
}

/* The exception at the end of a traceback is the error: not its frames, whatever stands in them. */
static void test_frames_of_tracebacks(void **state)
{
	static const char text[] =
		PMD "ERROR Failed to handle StatusMsg\n"
		    "Traceback (most recent call last):\n"
		    "  File \"pymobiledevice3/restore/restore.py\", line 1688, in restore_device\n"
		    "    raise ValueError(\"No space left on device, Segmentation fault\")\n"
		    "pymobiledevice3.exceptions.ConnectionTerminatedError: lost\n";
	static const char cut[] = "Traceback (most recent call last):\n"
				  "    raise NoDeviceConnectedError()\n" PMD "ERROR fail\n";
	struct heard heard;
	size_t complaints = 0;

	read_log(&heard, text, strlen(text), 60);
	for (size_t i = 0; i < heard.count; i++) {
		complaints += heard.events[i].kind == EVENT_COMPLAINT;
		assert_false(text_equal(heard.events[i].name, "disk-full"));
		assert_int_not_equal(heard.events[i].kind, EVENT_REPORTED_ERROR);
	}
	assert_int_equal(complaints, 2);
	assert_string_equal(heard.attempt.complaint,
		"pymobiledevice3.exceptions.ConnectionTerminatedError: lost");
	read_log(&heard, cut, strlen(cut), 60);
	assert_int_equal(heard.attempt.status, 14);
}

/* The forks of futurerestore begin with a release, the first one with a commit. */
static void test_futurerestore_versions(void **state)
{
	static const struct {
		const char *text, *version; /* NULL = another program */
	} logs[] = {
		{"Version: v2.0.0(22a5d89b0123456789abcdef-322)\n", "v2.0.0"},
		{"Version: 76ae6df60123456789abcdef - 314\n", "76ae6df60123456789abcdef"},
		{"Odysseus for 32-bit support: yes\n", ""},
		{"Version: 16.3.1\n", NULL},
		{"Version: 16.3.1 (20D67)\n", NULL},
	};
	static const char failed[] = "futurerestore: failed with exception:\n[exception]:\n";
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		read_log(&heard, logs[i].text, strlen(logs[i].text), 9);
		if (!text_equal(heard.attempt.tool, logs[i].version ? "futurerestore" : "") ||
			(logs[i].version && !text_equal(heard.attempt.version, logs[i].version)))
			fail_msg("%s: %s %s", logs[i].text, heard.attempt.tool,
				heard.attempt.version);
	}
	read_log(&heard, failed, strlen(failed), 9);
	assert_int_equal(heard.attempt.outcome, OUTCOME_FAILED);
}

/* go-ios erases phones and restores none: its log is of no restore that began. */
static void test_go_ios(void **state)
{
	static const char *const lines[] = {
		"{\"time\":\"2026-08-22T10:15:00.123456789+02:00\",\"level\":\"WARN\",\"msg\":"
		"\"go-ios agent is not running. You might need to start it\"}\n",
		"{\"time\":\"2026-08-22T10:15:00Z\",\"level\":\"INFO\",\"msg\":\"start erasing\","
		"\"module\":\"mcinstall\"}\n",
		"time=2026-08-22T10:15:00.123+02:00 level=INFO msg=\"start erasing\" "
		"module=mcinstall\n",
	};
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct toollog_stats stats = read_log(&heard, lines[i], strlen(lines[i]), 9);

		assert_string_equal(heard.attempt.tool, "go-ios");
		assert_true(heard.attempt.before_start);
		assert_int_equal(stats.later, 0);
	}
}

/* Reads lines of one form, with a number for "@@", after the tool's banner. */
static struct toollog_stats read_form(struct heard *heard, const char *form, size_t count)
{
	static const char banner[] = "idevicerestore 2.0.0 (libirecovery 2.0.0)\n";
	size_t used = strlen(banner), length = strlen(form);
	char text[4096];

	assert_true(used + count * length < sizeof(text) && count < 60);
	memcpy(text, banner, used);
	for (size_t i = 0; i < count; i++, used += length) {
		char *number;

		memcpy(text + used, form, length + 1);
		number = strchr(text + used, '@');
		number[0] = (char)('0' + i / 10);
		number[1] = (char)('0' + i % 10);
	}
	return read_log(heard, text, used, 31);
}

/* Lines of a later form are counted and told once, and no success is read from them. */
static void test_later_forms(void **state)
{
	static const struct {
		const char *form;
		bool later;
	} forms[] = {
		{"{\"lvl\":1,\"at\":\"10:15:@@\",\"text\":\"Status: Restore Finished\"}\n", true},
		{"<2027-01-30 10:15:@@> Status: Restore Finished\n", true},
		{"[10:15:@@ | info] Status: Restore Finished\n", true},
		{"Jan 30 10:15:@@ restore: Status: Restore Finished\n", true},
		{"10:15:@@.123 <Disaster> Checking filesystems (15)\n", true},
		{"2027-01-30 10:15:@@ bench pymobiledevice3.restore.restore[77] SPAM text\n", true},
		{"10:15:@@.123    <Info> Waiting for NAND (28)\n", false},
		{"2027-01-30 10:15:@@ bench pymobiledevice3.restore.restore[77] INFO x\n", false},
		{"[10:32:@@.0877-GMT]{1>3} CHECKPOINT NOTICE: text\n", false},
		{"Checking filesystems (@@)\n", false},
		{"{ \"AMRError\": @@\n", false},
	};
	static const char foreign[] = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n";
	struct heard heard;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct toollog_stats stats = read_form(&heard, forms[i].form, 12);
		const struct event *sign = find(&heard, EVENT_SIGN);
		bool told = sign && text_equal(sign->name, SIGN_LATER_LOG);

		if (told != forms[i].later || stats.later != (told ? 12 : 0))
			fail_msg("%s: %d, %d lines", forms[i].form, told, (int)stats.later);
		assert_int_not_equal(heard.attempt.outcome, OUTCOME_SUCCEEDED);
	}
	/* A few lines are an accident, and a log that no tool is known of may be any program's. */
	read_form(&heard, forms[0].form, 4);
	assert_null(find(&heard, EVENT_SIGN));
	read_log(&heard, foreign, strlen(foreign), 9);
	assert_null(find(&heard, EVENT_SIGN));
}

/* A level that is not known hides no message. */
static void test_unknown_level(void **state)
{
	static const char text[] = "10:15:00.123   <Fatal> Waiting for NAND (28)\n";
	struct heard heard;

	assert_int_equal(read_log(&heard, text, strlen(text), 9).later, 1);
	assert_int_equal(must_find(&heard, EVENT_OPERATION)->number, 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_all_generations),
		cmocka_unit_test(test_numbers_that_are_not_whole),
		cmocka_unit_test(test_signs_depend_on_who_wrote_the_line),
		cmocka_unit_test(test_numbers_of_updaters_are_their_own),
		cmocka_unit_test(test_lines_that_mean_nothing),
		cmocka_unit_test(test_link_events),
		cmocka_unit_test(test_who_the_phone_is),
		cmocka_unit_test(test_a_failed_step_after_the_operation),
		cmocka_unit_test(test_the_tool_by_its_lines),
		cmocka_unit_test(test_errors_are_read_in_errors_alone),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_done_is_no_success),
		cmocka_unit_test(test_failing_checkpoint),
		cmocka_unit_test(test_device_log),
		cmocka_unit_test(test_amr_error),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_dumps_say_nothing),
		cmocka_unit_test(test_dumps_have_only_certain_letters),
		cmocka_unit_test(test_foreign_bytes),
		cmocka_unit_test(test_pastes),
		cmocka_unit_test(test_terminal_escapes),
		cmocka_unit_test(test_glued_error),
		cmocka_unit_test(test_own_clock),
		cmocka_unit_test(test_debug_lines_of_libraries),
		cmocka_unit_test(test_apple),
		cmocka_unit_test(test_apple_success),
		cmocka_unit_test(test_pymobiledevice3),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_futurerestore),
		cmocka_unit_test(test_usbmuxd),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_3utools),
		cmocka_unit_test(test_stage_of_fragments),
		cmocka_unit_test(test_failures_within),
		cmocka_unit_test(test_baseband_is_asked),
		cmocka_unit_test(test_apple_phase),
		cmocka_unit_test(test_pymobiledevice3_phone),
		cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_labelled_bars),
		cmocka_unit_test(test_tqdm_bars),
		cmocka_unit_test(test_unknown_operations),
		cmocka_unit_test(test_plain_progress),
		cmocka_unit_test(test_amr_error_of_a_printed_plist),
		cmocka_unit_test(test_pymobiledevice3_10),
		cmocka_unit_test(test_frames_of_tracebacks),
		cmocka_unit_test(test_futurerestore_versions),
		cmocka_unit_test(test_go_ios),
		cmocka_unit_test(test_later_forms),
		cmocka_unit_test(test_unknown_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
