/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What no bus should show: cut, reordered, lost and lying records, a phone that speaks nonsense,
 * too many phones; and what must never leave a payload. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/link/link_watcher.h"
#include "tests/rig/bus.h"

#define ROUNDS 100
#define MARK "ivory-lantern"

static uint64_t dice_state;

static uint32_t roll(uint32_t sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % sides;
}

/* The phone in operation 12, and after it messages until one must be read. */
static void make_restore(struct bus *bus)
{
	static const char progress[] =
		"<key>MsgType</key><string>ProgressMsg</string><key>Operation</key><integer>28"
		"</integer><key>Progress</key><integer>%d</integer>";
	struct bus_connection restored, image;
	char dict[256];

	bus_init(bus);
	restored = bus_restore(bus, BUS_AT_IMAGE, &image);
	for (int i = 0; i < 4; i++) {
		bus_pass(bus, 1000);
		snprintf(dict, sizeof(dict), progress, i);
		bus_say(bus, &restored, BUS_FROM_PHONE, dict);
	}
}

/* What was said at the end of make_restore(), undamaged: the first item of it. */
static size_t first_of_end(const struct bus *bus)
{
	size_t passes = 0, i = bus->count;

	while (passes < 4)
		passes += bus->items[--i].kind == BUS_PASS;
	return i;
}

struct play {
	struct link_watcher *watcher;
	struct bus_lines lines;
};

static struct play *begin(void)
{
	static struct play play;

	play.lines = (struct bus_lines){0};
	play.watcher = link_watcher_new(bus_write_line, &play.lines);
	assert_non_null(play.watcher);
	return &play;
}

static void end(struct play *play)
{
	assert_true(link_watcher_memory(play->watcher) <= LINK_MEMORY_MAX);
	link_watcher_free(play->watcher);
}

static void assert_resynchronised(struct play *play, size_t kind, size_t round)
{
	if (!strstr(play->lines.text, "operation Waiting for NAND 28 "))
		print_error(
			"kind %zu, round %zu: not read again:\n%s", kind, round, play->lines.text);
	assert_non_null(strstr(play->lines.text, "operation Waiting for NAND 28 "));
}

/* Plays a restore whose records pass through `damage`, and its whole end. `known`: the phone was
 * already known to be in restore mode, or the end says nothing to a reader. */
typedef void damage(struct bus *bus, size_t item, struct link_watcher *watcher);

static void play_damaged(damage *hurt, size_t kind, size_t first_damaged_percent)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct play *play = begin();
		size_t tail, from;
		struct bus bus;

		dice_state = round;
		make_restore(&bus);
		tail = first_of_end(&bus);
		from = tail * first_damaged_percent / 100;
		for (size_t i = 0; i < bus.count; i++)
			if (i >= from && i < tail && bus.items[i].kind == BUS_RECORD)
				hurt(&bus, i, play->watcher);
			else
				bus_play_item(&bus, i, play->watcher);
		/* Nothing is read of a service that was never seen to be restored. */
		if (link_watcher_service(play->watcher, 1, bus.address) == LINK_SERVICE_RESTORED)
			assert_resynchronised(play, kind, round);
		else
			assert_true(first_damaged_percent < 90);
		end(play);
		bus_done(&bus);
	}
}

/* The items of the dialogue come late in the restore: 90 % of the way, QueryType has been answered.
 */
#define IN_DIALOGUE 92

static void drop(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	if (roll(5))
		bus_play_item(bus, i, watcher);
}

static void drop_and_say(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	if (roll(5))
		bus_play_item(bus, i, watcher);
	else
		link_watcher_lost(watcher, 1, 1);
}

static void cut(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	struct bus_item whole = bus->items[i];

	if (roll(4) == 0)
		bus->items[i].length = roll((uint32_t)whole.length + 1);
	bus_play_item(bus, i, watcher);
	bus->items[i].length = whole.length;
}

static void lie(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	static const uint32_t lies[] = {0, 1, 63, 64, 65, 0x7fffffff, 0x80000000, 0xffffffff};
	uint32_t value = roll(2) ? lies[roll(8)] : roll(100000);

	if (roll(6) == 0)
		memcpy(bus->items[i].bytes + (roll(2) ? 32 : 36), &value, sizeof(value));
	bus_play_item(bus, i, watcher);
}

static void flip(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	if (roll(3) == 0)
		bus->items[i].bytes[roll((uint32_t)bus->items[i].length)] ^=
			(uint8_t)(1 + roll(255));
	bus_play_item(bus, i, watcher);
}

static void swap(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	size_t other = i + 1 + roll(6);

	if (roll(3) == 0 && other < first_of_end(bus) && bus->items[other].kind == BUS_RECORD) {
		struct bus_item item = bus->items[i];

		bus->items[i] = bus->items[other];
		bus->items[other] = item;
	}
	bus_play_item(bus, i, watcher);
}

static void repeat(struct bus *bus, size_t i, struct link_watcher *watcher)
{
	bus_play_item(bus, i, watcher);
	if (roll(4) == 0)
		bus_play_item(bus, i, watcher);
}

static void test_damaged_records(void **state)
{
	static damage *const kinds[] = {drop, drop_and_say, cut, lie, flip, swap, repeat};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		play_damaged(kinds[i], i, 0);
		play_damaged(kinds[i], i, IN_DIALOGUE);
	}
}

/* -- what a phone may say on 62078 -- */

static struct bus_connection open_restored(struct bus *bus)
{
	struct bus_connection image;

	bus_init(bus);
	return bus_restore(bus, BUS_AT_OPERATION, &image);
}

static void say_progress(struct bus *bus, struct bus_connection *restored)
{
	bus_say(bus, restored, BUS_FROM_PHONE,
		"<key>MsgType</key><string>ProgressMsg</string><key>Operation</key><integer>28"
		"</integer>");
}

static void play_whole(struct bus *bus, size_t kind, size_t round)
{
	struct play *play = begin();

	bus_play(bus, play->watcher);
	assert_resynchronised(play, kind, round);
	end(play);
	bus_done(bus);
}

static void test_announced_lengths(void **state)
{
	static const uint32_t lengths[] = {
		0, 1, 8, 9, 300, 100 * 1024 * 1024, 0x7fffffff, 0xffffffff};
	static const char *const bodies[] = {"", "x", "<?xml version=\"1.0\"?><plist><dict>",
		"<?xml version=\"1.0\"?><plist><dict></dict></plist>", "bplist00",
		"bplist00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (size_t j = 0; j < sizeof(bodies) / sizeof(*bodies); j++) {
			struct bus_connection restored;
			struct bus bus;

			restored = open_restored(&bus);
			bus_say_body(&bus, &restored, BUS_FROM_PHONE, bodies[j], strlen(bodies[j]),
				lengths[i]);
			/* A wrong length may reach into the messages after it. */
			say_progress(&bus, &restored);
			say_progress(&bus, &restored);
			say_progress(&bus, &restored);
			play_whole(&bus, i, j);
		}
}

static void test_nonsense(void **state)
{
	for (unsigned round = 0; round < 20; round++) {
		struct bus_connection restored;
		uint8_t noise[20000];
		struct bus bus;

		dice_state = round;
		restored = open_restored(&bus);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)roll(256);
		bus_send(&bus, &restored, BUS_FROM_PHONE, noise, sizeof(noise));
		bus_send(&bus, &restored, BUS_TO_PHONE, noise, sizeof(noise));
		say_progress(&bus, &restored);
		play_whole(&bus, 0, round);
	}
}

static void test_deep_list(void **state)
{
	size_t depth = 200000;
	char *dict = malloc(depth * strlen("<array>") + 1);
	struct bus_connection restored;
	struct bus bus;

	assert_non_null(dict);
	for (size_t i = 0; i < depth; i++)
		memcpy(dict + i * strlen("<array>"), "<array>", strlen("<array>") + 1);
	restored = open_restored(&bus);
	bus_say(&bus, &restored, BUS_FROM_PHONE, dict);
	say_progress(&bus, &restored);
	play_whole(&bus, 0, 0);
	free(dict);
}

/* Only the outermost dictionary counts, and only whole values of the right kind. */
static void test_no_event_of_other_values(void **state)
{
	static const char *const dicts[] = {
		"<key>Inner</key><dict><key>MsgType</key><string>StatusMsg</string><key>Status</"
		"key>"
		"<integer>6</integer></dict>",
		"<key>MsgType</key><dict/><key>Status</key><integer>6</integer>",
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key><string>6</string>",
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key><integer>6x</"
		"integer>",
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key><integer></integer>",
		"<!--<key>--><key>MsgType</key><string>StatusMsg</string><key>Status</"
		"key><integer>6"
		"</integer>",
		"<key>MsgType</key><string><![CDATA[StatusMsg]]></string><key>Status</"
		"key><integer>6"
		"</integer>",
	};

	for (size_t i = 0; i < sizeof(dicts) / sizeof(*dicts); i++) {
		struct play *play = begin();
		struct bus_connection restored;
		struct bus bus;

		restored = open_restored(&bus);
		bus_say(&bus, &restored, BUS_FROM_PHONE, dicts[i]);
		bus_play(&bus, play->watcher);
		assert_null(strstr(play->lines.text, "status "));
		end(play);
		bus_done(&bus);
	}
}

/* -- many -- */

static void test_many_phones(void **state)
{
	struct play *play = begin();
	struct bus buses[LINK_DEVICES_MAX + 2];
	struct bus_connection image;
	struct link_device device = {.bus = 1, .vendor = 0x05ac, .product = BUS_PRODUCT_NORMAL};
	uint8_t unfinished[100] = "bplist00";

	for (size_t i = 0; i < LINK_DEVICES_MAX + 2; i++) {
		struct bus_connection restored;

		bus_init(&buses[i]);
		buses[i].address = (uint32_t)(3 * i + 1);
		restored = bus_restore(&buses[i], BUS_AT_OPERATION, &image);
		/* Each holds a message that goes on. */
		bus_say_body(
			&buses[i], &restored, BUS_FROM_PHONE, unfinished, sizeof(unfinished), 4096);
		bus_say_body(
			&buses[i], &restored, BUS_TO_PHONE, unfinished, sizeof(unfinished), 4096);
	}
	for (size_t i = 0; i < LINK_DEVICES_MAX + 2; i++)
		bus_play(&buses[i], play->watcher);
	assert_int_equal(link_watcher_stats(play->watcher).withheld, 0);
	for (size_t i = 0; i < LINK_DEVICES_MAX + 2; i++)
		assert_int_equal(link_watcher_service(play->watcher, 1, buses[i].address),
			i < LINK_DEVICES_MAX ? LINK_SERVICE_RESTORED : LINK_SERVICE_UNKNOWN);
	assert_true(link_watcher_memory(play->watcher) > LINK_DEVICES_MAX * 8192);
	device.address = 127;
	assert_false(link_watcher_attach(
		play->watcher, &device, (struct stamp){BUS_START_US, BUS_WALL_US}));
	for (size_t i = 0; i < LINK_DEVICES_MAX + 2; i++)
		bus_done(&buses[i]);
	end(play);
}

/* A phone that speaks all the time, one that opens connections without end, and one whose transfers
 * never complete. */
static void test_limits(void **state)
{
	struct play *play = begin();
	struct bus_connection restored;
	struct bus bus;
	uint64_t began;
	char dict[256];

	restored = open_restored(&bus);
	began = bus.now_us;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(dict, sizeof(dict),
			"<key>MsgType</key><string>ProgressMsg</string><key>Operation</"
			"key><integer>%u"
			"</integer><key>Progress</key><integer>%u</integer>",
			11 + i % 2, i % 100);
		bus_say(&bus, &restored, BUS_FROM_PHONE, dict);
	}
	for (unsigned i = 0; i < 1000; i++)
		bus_open(&bus, (uint16_t)(i % 2 ? 62078 : i));
	for (unsigned i = 0; i < 1000; i++)
		bus_submit(&bus, BUS_ENDPOINT_OUT, "x", 1);
	bus_play(&bus, play->watcher);
	assert_true(play->lines.count < 200 + (bus.now_us - began) / (USEC_PER_SEC / 10));
	assert_true(link_watcher_stats(play->watcher).withheld > 1000);
	end(play);
	bus_done(&bus);
}

/* -- privacy -- */

static void find_mark(void *user, const struct event *event)
{
	const char *bytes = (const char *)event;

	for (size_t i = 0; i + strlen(MARK) <= sizeof(*event); i++)
		assert_memory_not_equal(bytes + i, MARK, strlen(MARK));
	assert_int_equal(event->text_length, 0);
	++*(size_t *)user;
}

static void add_foreign(struct bus *bus, uint16_t vendor, uint16_t product)
{
	uint32_t address = bus->address;

	bus->address = 99;
	bus_attach(bus, product, BUS_UDID);
	bus->items[bus->count - 1].vendor = vendor;
	bus_transfer(bus, 0x81, 0, MARK, strlen(MARK));
	bus_request(bus, 0x40, 0, 0, MARK, strlen(MARK));
	bus->address = address;
}

static void speak_to_lockdown(struct bus *bus)
{
	struct bus_connection lockdown;

	bus_attach(bus, BUS_PRODUCT_NORMAL, BUS_UDID);
	bus_greet(bus);
	lockdown = bus_open(bus, 62078);
	bus_say(bus, &lockdown, BUS_TO_PHONE,
		"<key>Label</key><string>" MARK "</string><key>Request</key><string>QueryType"
		"</string>");
	bus_say(bus, &lockdown, BUS_FROM_PHONE,
		"<key>Type</key><string>com.apple.mobile.lockdown</string>");
	bus_say(bus, &lockdown, BUS_TO_PHONE,
		"<key>Label</key><string>" MARK "</string><key>Request</key><string>GetValue"
		"</string>");
	bus_say(bus, &lockdown, BUS_FROM_PHONE,
		"<key>MsgType</key><string>CheckpointMsg</string><key>CHECKPOINT_ID</key><integer>1"
		"</integer><key>CHECKPOINT_NAME</key><string>" MARK "</string>"
		"<key>Type</key><string>" MARK "</string>");
	bus_detach(bus);
}

static void speak_in_restore(struct bus *bus)
{
	struct bus_connection restored, image, files;

	restored = bus_restore(bus, BUS_AT_OPERATION, &image);
	bus_say(bus, &restored, BUS_FROM_PHONE,
		"<key>MsgType</key><string>StatusMsg</string><key>Status</key><integer>6</integer>"
		"<key>Log</key><string>" MARK " &lt;key&gt;DataType&lt;/key&gt;</string>"
		"<key>CHECKPOINT_ERROR</key><string>" MARK "</string>"
		"<key>SerialNumber</key><string>" MARK "</string>");
	bus_say(bus, &restored, BUS_FROM_PHONE,
		"<key>MsgType</key><string>CheckpointMsg</string><key>CHECKPOINT_ID</key><integer>1"
		"</integer><key>CHECKPOINT_NAME</key><string>a name, " MARK "</string>"
		"<key>CHECKPOINT_ERROR</key><string>" MARK "</string>");
	files = bus_open(bus, 50001);
	bus_send(bus, &files, BUS_FROM_PHONE, "CFA6LPAA" MARK, 8 + strlen(MARK));
	/* Its frames may look like messages. */
	bus_say(bus, &files, BUS_FROM_PHONE,
		"<key>MsgType</key><string>DataRequestMsg</string><key>DataType</key><string>" MARK
		"</string>");
	bus_detach(bus);
}

static void test_privacy(void **state)
{
	struct link_watcher *watcher;
	struct bus bus;
	size_t events = 0;

	bus_init(&bus);
	add_foreign(&bus, 0x046d, 0xc31c);
	/* Apple's keyboard. */
	add_foreign(&bus, 0x05ac, 0x024f);
	speak_to_lockdown(&bus);
	speak_in_restore(&bus);
	/* iBoot's variables. */
	bus_attach(&bus, BUS_PRODUCT_RECOVERY, BUS_IBOOT_SERIAL);
	bus_request(&bus, 0x40, 0, 0, MARK, strlen(MARK));
	bus_request(&bus, 0xc0, 0, 0, MARK, strlen(MARK));
	watcher = link_watcher_new(find_mark, &events);
	bus_play(&bus, watcher);
	assert_true(events > 20);
	/* The keyboards' records were not looked at. */
	assert_int_equal(link_watcher_stats(watcher).foreign, 2 * 4);
	link_watcher_free(watcher);
	bus_done(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_records),
		cmocka_unit_test(test_announced_lengths),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_deep_list),
		cmocka_unit_test(test_no_event_of_other_values),
		cmocka_unit_test(test_many_phones),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_privacy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
