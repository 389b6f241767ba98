/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/link/link_watcher.h"
#include "tests/rig/bus.h"

/* Plays what was made and returns the events as lines; the caller frees nothing. */
static const char *play(const struct bus *bus, struct link_watcher_stats *ret_stats)
{
	static struct bus_lines lines;
	struct link_watcher *watcher;

	lines = (struct bus_lines){0};
	watcher = link_watcher_new(bus_write_line, &lines);
	assert_non_null(watcher);
	bus_play(bus, watcher);
	if (ret_stats)
		*ret_stats = link_watcher_stats(watcher);
	assert_true(link_watcher_memory(watcher) <= LINK_MEMORY_MAX);
	link_watcher_free(watcher);
	return lines.text;
}

static size_t count(const char *text, const char *part)
{
	size_t found = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		found++;
	return found;
}

#define assert_has(text, part)                                                                     \
	do {                                                                                       \
		if (!strstr(text, part))                                                           \
			print_error("missing \"%s\" in:\n%s", part, text);                         \
		assert_non_null(strstr(text, part));                                               \
	} while (0)
#define assert_lacks(text, part)                                                                   \
	do {                                                                                       \
		if (strstr(text, part))                                                            \
			print_error("unexpected \"%s\" in:\n%s", part, text);                      \
		assert_null(strstr(text, part));                                                   \
	} while (0)

static void test_whole_restore(void **state)
{
	static const char expected[] = "transfer iBEC 0 0 1 0\n"
				       "stage - 2 0 0 0\n";
	/* In this order. */
	static const char *const order[] = {"transfer iBEC 0 0 1 0\n", "stage - 2 0 0 0\n",
		"progress - 0 0 0 500\n", "progress - 0 0 0 1000\n", "transfer iBEC 0 0 2 0\n",
		"wait wait-disconnect ", "wait wait-recovery ", "transfer RestoreRamDisk 0 0 1 0\n",
		"stage - 2 0 0 0\n", "transfer RestoreRamDisk 0 0 2 0\n",
		"transfer RestoreKernelCache 0 0 1 0\n", "stage - 3 0 0 0\n",
		"wait wait-restore-mode ", "identity - ", "tool-version idevicerestore 0 0 1 0\n",
		"stage - 4 0 0 0\n", "wait restored-silence ",
		"checkpoint wait_for_storage 1549 0 1 0\n",
		"checkpoint wait_for_storage 1549 0 2 0\n",
		"operation Creating partition map 11 0 0 0\n",
		"operation Creating filesystem 12 0 0 0\n", "progress - 0 0 0 300\n",
		"transfer filesystem 0 0 1 0\n", "wait asr ", "wait restored-silence ",
		"operation Restoring image 13 0 0 0\n", "progress - 0 0 0 500\n",
		"transfer filesystem 0 0 2 0\n", "progress - 0 0 0 1000\n",
		"status Restore Finished 0 0 0 0\n", "outcome - 1 0 0 0\n",
		"amr-error - 0 0 0 0\n"};
	struct bus_connection image;
	struct link_watcher_stats stats;
	struct bus bus;
	const char *text, *at;

	bus_init(&bus);
	bus_restore(&bus, BUS_AT_STATUS, &image);
	text = play(&bus, &stats);
	at = text;
	assert_has(text, expected);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const char *found = strstr(at, order[i]);

		if (!found)
			print_error("missing \"%s\" after:\n%s", order[i], at);
		assert_non_null(found);
		at = found + strlen(order[i]);
	}
	/* Bytes of the image, in the step in which it was sent. */
	assert_has(text, "link-rate Creating filesystem ");
	assert_lacks(text, "link-error");
	assert_lacks(text, "link-quiet");
	assert_lacks(text, "inner");
	assert_int_equal(stats.invalid, 0);
	assert_int_equal(stats.resynchronised, 0);
	assert_int_equal(stats.withheld, 0);
	bus_done(&bus);
}

/* Small transfers and small captures of large ones change nothing but what is lost. */
static void test_split_packets(void **state)
{
	struct bus_connection image;
	struct bus bus;

	bus_init(&bus);
	bus.transfer_max = 1024;
	bus_restore(&bus, BUS_AT_STATUS, &image);
	assert_has(play(&bus, NULL), "status Restore Finished 0 0 0 0\n");
	bus_done(&bus);
	bus_init(&bus);
	bus.captured_max = 2048;
	bus_restore(&bus, BUS_AT_STATUS, &image);
	assert_has(play(&bus, NULL), "status Restore Finished 0 0 0 0\n");
	bus_done(&bus);
}

static void test_old_mux(void **state)
{
	struct bus_connection image;
	struct bus bus;

	bus_init(&bus);
	bus.mux_version = 1;
	bus_restore(&bus, BUS_AT_STATUS, &image);
	assert_has(play(&bus, NULL), "status Restore Finished 0 0 0 0\n");
	bus_done(&bus);
}

/* -- errors -- */

static void start_restored(struct bus *bus, enum bus_point point)
{
	struct bus_connection image;

	bus_init(bus);
	bus_restore(bus, point, &image);
}

static void test_error_proves_the_link(void **state)
{
	static const struct {
		int status;
		uint8_t endpoint;
		const char *line; /* NULL = no event */
	} cases[] = {
		{-EPROTO, BUS_ENDPOINT_IN, "link-error bulk-in 1 -71 133 0\n"},
		{-EILSEQ, BUS_ENDPOINT_OUT, "link-error bulk-out 1 -84 4 0\n"},
		{-ETIME, BUS_ENDPOINT_OUT, "link-error bulk-out 1 -62 4 0\n"},
		{-EOVERFLOW, BUS_ENDPOINT_IN, "link-error bulk-in 1 -75 133 0\n"},
		{-EPIPE, BUS_ENDPOINT_IN, "link-error bulk-in 1 -32 133 0\n"},
		{-ENOENT, BUS_ENDPOINT_IN, NULL},
		{-ECONNRESET, BUS_ENDPOINT_IN, NULL},
		{-ESHUTDOWN, BUS_ENDPOINT_IN, NULL},
		{-EREMOTEIO, BUS_ENDPOINT_IN, NULL},
	};
	struct bus bus;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start_restored(&bus, BUS_AT_OPERATION);
		bus_transfer(&bus, cases[i].endpoint, cases[i].status, NULL, 0);
		bus_pass(&bus, 2000);
		if (cases[i].line)
			assert_has(play(&bus, NULL), cases[i].line);
		else
			assert_lacks(play(&bus, NULL), "link-error");
		bus_done(&bus);
		/* The same where the phone leaves. */
		start_restored(&bus, BUS_AT_OPERATION);
		bus_transfer(&bus, cases[i].endpoint, cases[i].status, NULL, 0);
		bus_pass(&bus, 300);
		bus_detach(&bus);
		bus_pass(&bus, 2000);
		assert_lacks(play(&bus, NULL), "link-error");
		bus_done(&bus);
	}
}

static void test_errors_are_counted(void **state)
{
	struct bus bus;

	start_restored(&bus, BUS_AT_OPERATION);
	for (int i = 0; i < 3; i++)
		bus_transfer(&bus, BUS_ENDPOINT_IN, -EPROTO, NULL, 0);
	bus_pass(&bus, 2000);
	assert_has(play(&bus, NULL), "link-error bulk-in 3 -71 133 0\n");
	bus_done(&bus);
}

/* iBoot refuses requests that it does not know, and a phone told to leave takes transfers along. */
static void test_masks(void **state)
{
	struct bus bus;

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x40, 0, -EPIPE, "getenv x", 9);
	bus_request(&bus, 0xc0, 0, -EPIPE, NULL, 64);
	bus_pass(&bus, 3000);
	assert_lacks(play(&bus, NULL), "link-error");
	bus_request(&bus, 0x40, 0, -EPROTO, "getenv x", 9);
	bus_pass(&bus, 3000);
	assert_has(play(&bus, NULL), "link-error control 1 -71 0 0\n");
	bus_done(&bus);

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x40, 0, 0, "bootx", 6);
	bus_request(&bus, 0xc0, 0, -EPROTO, NULL, 64);
	bus_pass(&bus, 5000);
	assert_lacks(play(&bus, NULL), "link-error");
	bus_done(&bus);

	start_restored(&bus, BUS_AT_STATUS);
	bus_transfer(&bus, BUS_ENDPOINT_IN, -EPROTO, NULL, 0);
	bus_pass(&bus, 5000);
	assert_lacks(play(&bus, NULL), "link-error");
	bus_done(&bus);
}

static void test_corrected(void **state)
{
	struct bus bus;

	start_restored(&bus, BUS_AT_OPERATION);
	for (int i = 0; i < 3; i++) {
		bus_corrected(&bus);
		bus_pass(&bus, 2000);
	}
	assert_has(play(&bus, NULL), "link-corrected - 3 0 4 0\n");
	/* The next attach begins at none, and a phone that leaves is no bad cable. */
	bus_detach(&bus);
	bus_attach(&bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_corrected(&bus);
	bus_pass(&bus, 2000);
	bus_corrected(&bus);
	bus_detach(&bus);
	bus_pass(&bus, 2000);
	assert_int_equal(count(play(&bus, NULL), "link-corrected"), 4);
	assert_int_equal(count(play(&bus, NULL), "link-corrected - 1 "), 2);
	bus_done(&bus);
}

/* The error that ends a transfer is on the wire too. */
static void test_not_corrected(void **state)
{
	struct bus bus;

	start_restored(&bus, BUS_AT_OPERATION);
	bus_corrected(&bus);
	bus_transfer(&bus, BUS_ENDPOINT_IN, -EPROTO, NULL, 0);
	bus_pass(&bus, 2000);
	assert_lacks(play(&bus, NULL), "link-corrected");
	assert_int_equal(count(play(&bus, NULL), "link-error"), 1);
	bus_corrected(&bus);
	bus_corrected(&bus);
	bus_pass(&bus, 2000);
	assert_has(play(&bus, NULL), "link-corrected - 2 0 4 0\n");
	bus_done(&bus);
}

/* Linux corrects four; a kernel that corrects more leaves the number at that. */
static void test_corrected_most(void **state)
{
	struct bus bus;

	start_restored(&bus, BUS_AT_OPERATION);
	for (int i = 0; i < 7; i++) {
		bus_corrected(&bus);
		bus_pass(&bus, 2000);
	}
	assert_has(play(&bus, NULL), "link-corrected - 4 0 4 0\n");
	assert_int_equal(count(play(&bus, NULL), "link-corrected"), 4);
	bus_done(&bus);
}

/* -- silence -- */

static void test_phone_takes_nothing(void **state)
{
	struct bus bus;

	start_restored(&bus, BUS_AT_IMAGE);
	bus_submit(&bus, BUS_ENDPOINT_OUT, "x", 1);
	bus_pass(&bus, 45000);
	assert_has(play(&bus, NULL), "link-quiet phone 10 0 1 0\n");
	assert_has(play(&bus, NULL), "link-quiet phone 20 0 1 0\n");
	assert_has(play(&bus, NULL), "link-quiet phone 40 0 1 0\n");
	assert_int_equal(count(play(&bus, NULL), "link-quiet"), 3);
	bus_done(&bus);

	/* It still sends. */
	start_restored(&bus, BUS_AT_IMAGE);
	bus_submit(&bus, BUS_ENDPOINT_OUT, "x", 1);
	bus_pass(&bus, 5000);
	bus_transfer(&bus, BUS_ENDPOINT_IN, 0, "x", 1);
	bus_pass(&bus, 8000);
	assert_has(play(&bus, NULL), "link-quiet phone 10 0 5 0\n");
	bus_done(&bus);
}

/* usbmuxd may send nothing more: no transfer is pending, but it is the phone that takes no data. */
static void test_window_closed(void **state)
{
	static const uint8_t data[1024];
	struct bus_connection restored, image;
	struct bus bus;

	bus_init(&bus);
	restored = bus_restore(&bus, BUS_AT_IMAGE, &image);
	bus.window = sizeof(data) / 256;
	bus_send(&bus, &image, BUS_TO_PHONE, "data", 4);
	bus.acknowledges = false;
	bus_send(&bus, &image, BUS_TO_PHONE, data, sizeof(data));
	bus_pass(&bus, 5000);
	bus_say(&bus, &restored, BUS_FROM_PHONE, "<key>x</key><true/>");
	bus_pass(&bus, 7000);
	assert_has(play(&bus, NULL), "link-quiet phone 10 0 5 0\n");
	/* The phone has read it. */
	bus.acknowledges = true;
	bus_send(&bus, &image, BUS_TO_PHONE, "data", 4);
	bus_pass(&bus, 12000);
	assert_has(play(&bus, NULL), "link-quiet host 10 0 3 0\n");
	bus_done(&bus);
}

static void test_whose_turn(void **state)
{
	static const struct {
		enum bus_point point;
		const char *line;
	} cases[] = {
		{BUS_AT_UPLOAD, "link-quiet host 10 0 3 0\n"},
		{BUS_AT_OPERATION, "link-quiet phone 10 0 2 0\n"},
		{BUS_AT_REQUEST, "link-quiet host 10 0 3 0\n"},
		{BUS_AT_IMAGE, "link-quiet host 10 0 3 0\n"},
	};
	struct bus bus;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start_restored(&bus, cases[i].point);
		bus_pass(&bus, 15000);
		assert_has(play(&bus, NULL), cases[i].line);
		assert_int_equal(count(play(&bus, NULL), "link-quiet"), 1);
		bus_done(&bus);
	}
}

/* While the image is sent, another connection may open: it does not bring the image. */
static void test_other_connection_with_image(void **state)
{
	static const uint8_t part[32768];
	struct bus_connection restored, image, other;
	struct bus bus;

	bus_init(&bus);
	restored = bus_restore(&bus, BUS_AT_OPERATION, &image);
	bus_say(&bus, &restored, BUS_FROM_PHONE,
		"<key>DataType</key><string>SystemImageData</string><key>MsgType</key>"
		"<string>DataRequestMsg</string>");
	other = bus_open(&bus, 1082);
	bus_send(&bus, &other, BUS_TO_PHONE, "BeginCtrl", 10);
	image = bus_open(&bus, 12345);
	for (int i = 0; i < 40; i++)
		bus_send(&bus, &image, BUS_TO_PHONE, part, sizeof(part));
	bus_close(&bus, &other);
	bus_pass(&bus, 15000);
	assert_lacks(play(&bus, NULL), "transfer filesystem 0 0 2 ");
	assert_has(play(&bus, NULL), "link-quiet host 10 0 3 0\n");
	bus_close(&bus, &image);
	assert_has(play(&bus, NULL), "transfer filesystem 0 0 2 ");
	bus_done(&bus);
}

/* Nothing that is not known of a restore makes a silence: a phone may stay in recovery mode. */
static void test_no_restore_no_silence(void **state)
{
	struct bus bus;

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_pass(&bus, 600000);
	bus_detach(&bus);
	bus_attach(&bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_greet(&bus);
	bus_pass(&bus, 600000);
	assert_string_equal(play(&bus, NULL), "");
	bus_done(&bus);
}

/* -- other words of restored -- */

static void say_in_restore(struct bus *bus, const char *dict)
{
	struct bus_connection restored, image;

	bus_init(bus);
	restored = bus_restore(bus, BUS_AT_OPERATION, &image);
	bus_say(bus, &restored, BUS_FROM_PHONE, dict);
}

/* A sequence number as far behind as ahead is no repeated segment: the dialogue goes on there. */
static void test_stream_that_leaps(void **state)
{
	struct bus_connection restored, image;
	struct bus bus;

	bus_init(&bus);
	restored = bus_restore(&bus, BUS_AT_OPERATION, &image);
	restored.next[BUS_FROM_PHONE] += UINT32_C(1) << 31;
	bus_say(&bus, &restored, BUS_FROM_PHONE,
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key>"
		"<integer>18446744073709551615</integer>");
	assert_has(play(&bus, NULL), "status - 0 -1 0 0\n");
	bus_done(&bus);
}

static void test_final_status(void **state)
{
	struct bus bus;
	const char *text;

	say_in_restore(&bus,
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key><integer>"
		"18446744073709551615</integer><key>AMRError</key><integer>1015</integer>");
	text = play(&bus, NULL);
	assert_has(text, "status - 0 -1 0 0\n");
	assert_has(text, "outcome - 2 0 0 0\n");
	assert_has(text, "amr-error - 0 1015 0 0\n");
	bus_done(&bus);
}

static void test_failed_checkpoint(void **state)
{
	struct bus bus;
	const char *text;

	say_in_restore(&bus,
		"<key>CHECKPOINT_COMPLETE</key><true/><key>CHECKPOINT_ERROR</key><string>in words "
		"of "
		"the log</string><key>CHECKPOINT_ID</key><integer>4294903308</integer>"
		"<key>CHECKPOINT_NAME</key><string>update_gas_gauge</string><key>CHECKPOINT_RESULT"
		"</key><integer>-7</integer><key>MsgType</key><string>CheckpointMsg</string>");
	text = play(&bus, NULL);
	assert_has(text, "checkpoint update_gas_gauge 1548 -7 2 0\n");
	assert_has(text, "checkpoint update_gas_gauge 1548 -7 4 0\n");
	assert_lacks(text, "words");
	bus_done(&bus);
}

/* Below protocol 14 operations are numbered otherwise. */
static void test_old_protocol(void **state)
{
	struct bus_connection restored;
	struct bus bus;

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_greet(&bus);
	restored = bus_open(&bus, 62078);
	bus_say(&bus, &restored, BUS_TO_PHONE, "<key>Request</key><string>QueryType</string>");
	bus_say(&bus, &restored, BUS_FROM_PHONE,
		"<key>RestoreProtocolVersion</key><integer>13</integer><key>Type</key><string>"
		"com.apple.mobile.restored</string>");
	bus_say(&bus, &restored, BUS_FROM_PHONE,
		"<key>MsgType</key><string>ProgressMsg</string><key>Operation</key><integer>46"
		"</integer>");
	assert_has(play(&bus, NULL), " 47 0 0 0\n");
	bus_done(&bus);
}

/* Made by python3: plistlib.dumps({"MsgType": "ProgressMsg", "Operation": 28, "Progress": 40},
 * fmt=plistlib.FMT_BINARY). */
static const uint8_t binary_progress[] =
	"bplist00\xd3\x01\x02\x03\x04\x05\x06WMsgTypeYOperationXProgress["
	"ProgressMsg\x10\x1c\x10\x28"
	"\x08\x0f\x17!*68\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0:";

static void test_binary_message(void **state)
{
	size_t length = sizeof(binary_progress) - 1;
	uint8_t damaged[sizeof(binary_progress)];
	struct bus_connection restored, image;
	struct bus bus;

	bus_init(&bus);
	restored = bus_restore(&bus, BUS_AT_OPERATION, &image);
	/* Damaged ones before it do no harm. */
	for (size_t i = 8; i < length; i++) {
		memcpy(damaged, binary_progress, length);
		damaged[i] ^= 0xff;
		bus_say_body(&bus, &restored, BUS_FROM_PHONE, damaged, length, (uint32_t)length);
	}
	bus_say_body(&bus, &restored, BUS_FROM_PHONE, binary_progress, length, (uint32_t)length);
	assert_has(play(&bus, NULL), "operation Waiting for NAND 28 0 0 0\n");
	assert_has(play(&bus, NULL), "progress - 0 0 0 400\n");
	bus_done(&bus);
}

/* The computer answers with a file of 20 MB: then it is the phone's turn. */
static void test_large_answers(void **state)
{
	static const char *const kinds[] = {
		"<?xml version=\"1.0\"?><plist><dict><key>File</key><data>", "bplist00"};
	size_t length = 20 * 1024 * 1024;
	char *file = malloc(length);

	assert_non_null(file);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct bus_connection restored, image;
		struct bus bus;

		memset(file, 'A', length);
		memcpy(file, kinds[i], strlen(kinds[i]));
		memcpy(file + length - 22, "</data></dict></plist>", 22);
		bus_init(&bus);
		restored = bus_restore(&bus, BUS_AT_REQUEST, &image);
		bus_say_body(&bus, &restored, BUS_TO_PHONE, file, length, (uint32_t)length);
		bus_pass(&bus, 15000);
		assert_has(play(&bus, NULL), "transfer NORData 0 0 2 0\n");
		assert_has(play(&bus, NULL), "link-quiet phone 10 0 2 0\n");
		bus_done(&bus);
	}
	free(file);
}

/* -- DFU -- */

static void test_dfu(void **state)
{
	uint8_t file[2048] = {0x30, 0x82, 0x07, 0xfc, 0x16, 4, 'I', 'M', 'G', '4', 0x30, 0x82, 0x07,
		0xf2, 0x16, 4, 'I', 'M', '4', 'P', 0x16, 4, 'i', 'b', 's', 's'};
	struct bus bus;
	const char *text;

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_DFU, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x21, 1, 0, file, 1024);
	bus_request(&bus, 0xa1, 3, 0, "\0\0\0\0\5\0", 6);
	bus_request(&bus, 0x21, 1, 0, file + 1024, 1024);
	bus_request(&bus, 0x21, 1, 0, NULL, 0);
	bus_detach(&bus);
	text = play(&bus, NULL);
	assert_has(text, "transfer iBSS 0 0 1 0\nstage - 1 0 0 0\n");
	assert_has(text, "progress - 0 0 0 500\n");
	assert_has(text, "transfer iBSS 0 0 2 0\n");
	assert_has(text, "wait wait-disconnect 0 0 0 0\nwait wait-recovery 0 0 0 0\n");
	bus_done(&bus);
}

/* What people send by hand is no restore. */
static void test_hand_sent_commands(void **state)
{
	uint8_t picture[512] = {"nothing of a restore"};
	struct bus bus;

	bus_init(&bus);
	bus_attach(&bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x40, 0, 0, "setenv auto-boot true", 22);
	bus_request(&bus, 0x40, 0, 0, "saveenv", 8);
	bus_request(&bus, 0x41, 0, 0, NULL, 0);
	bus_transfer(&bus, 0x04, 0, picture, sizeof(picture));
	bus_pass(&bus, 60000);
	bus_request(&bus, 0x40, 0, 0, "go", 3);
	bus_request(&bus, 0x40, 0, 0, "bootx", 6);
	bus_request(&bus, 0x40, 0, 0, "reboot", 7);
	bus_pass(&bus, 500);
	bus_detach(&bus);
	bus_attach(&bus, BUS_PRODUCT_DFU, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x21, 1, 0, picture, sizeof(picture));
	bus_request(&bus, 0x21, 1, 0, NULL, 0);
	bus_detach(&bus);
	assert_lacks(play(&bus, NULL), "stage");
	assert_lacks(play(&bus, NULL), "wait");
	assert_lacks(play(&bus, NULL), "transfer");
	assert_lacks(play(&bus, NULL), "link-quiet host");
	bus_done(&bus);
}

static void test_service(void **state)
{
	struct link_watcher *watcher;
	struct bus_lines lines = {0};
	struct bus_connection image;
	struct bus bus;

	bus_init(&bus);
	bus_restore(&bus, BUS_AT_QUERY, &image);
	watcher = link_watcher_new(bus_write_line, &lines);
	bus_play(&bus, watcher);
	assert_int_equal(link_watcher_service(watcher, 1, bus.address), LINK_SERVICE_RESTORED);
	assert_int_equal(link_watcher_service(watcher, 2, 9), LINK_SERVICE_UNKNOWN);
	link_watcher_free(watcher);
	bus_done(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_restore),
		cmocka_unit_test(test_split_packets),
		cmocka_unit_test(test_old_mux),
		cmocka_unit_test(test_error_proves_the_link),
		cmocka_unit_test(test_errors_are_counted),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_corrected),
		cmocka_unit_test(test_not_corrected),
		cmocka_unit_test(test_corrected_most),
		cmocka_unit_test(test_phone_takes_nothing),
		cmocka_unit_test(test_window_closed),
		cmocka_unit_test(test_whose_turn),
		cmocka_unit_test(test_other_connection_with_image),
		cmocka_unit_test(test_no_restore_no_silence),
		cmocka_unit_test(test_stream_that_leaps),
		cmocka_unit_test(test_final_status),
		cmocka_unit_test(test_failed_checkpoint),
		cmocka_unit_test(test_old_protocol),
		cmocka_unit_test(test_binary_message),
		cmocka_unit_test(test_large_answers),
		cmocka_unit_test(test_dfu),
		cmocka_unit_test(test_hand_sent_commands),
		cmocka_unit_test(test_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
