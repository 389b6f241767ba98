/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/simulation/world.h"

#include "common/base/macro.h"
#include "common/base/text.h"

static const char bulk_failed[] =
	"usb PORT: usbfs: USBDEVFS_BULK failed cmd usbmuxd rqt 0 ep 4 len 512 error -71";
static const char read_failed[] = "usb PORT: device descriptor read/64, error -71";
static const char refused[] = "usb PORT: device not accepting address 17, error -71";

static const struct symptom symptoms[] = {
	/* The link. */
	{"errors-and-loss", POINT_OPERATION, ENDING_CONTACT, .kernel = {bulk_failed, bulk_failed}},
	{"silent-loss", POINT_OPERATION, ENDING_CONTACT},
	{"not-enumerated", POINT_KERNEL, ENDING_ABSENT,
		.kernel = {read_failed, read_failed, refused}},
	{"bounced-contact", POINT_KERNEL, ENDING_ABSENT,
		.kernel = {"usb PORT: connect-debounce failed, port disabled"}},
	{"transfer-failed", POINT_OPERATION, ENDING_DROPPED},
	{"upload-broken", POINT_UPLOAD, ENDING_ERROR, .itunes = 2005, .kernel = {bulk_failed},
		.log = {"ERROR: Unable to send RestoreRamDisk component: Unable to upload data to "
			"device"}},
	{"over-current", POINT_OPERATION, ENDING_CONTACT,
		.kernel = {"usb PORT: over-current condition"}},
	{"hub-silent", POINT_OPERATION, ENDING_CONTACT,
		.kernel = {"usb PORT: hub_ext_port_status failed (err = -110)"}},
	{"power-lacking", POINT_KERNEL, ENDING_ABSENT,
		.kernel = {"usb PORT: rejected 1 configuration due to insufficient available bus "
			   "power"}},
	/* The computer. */
	{"overlooked", POINT_KERNEL, ENDING_HIDDEN},
	{"host-disk-full", POINT_FILE, ENDING_ERROR, .itunes = 4026,
		.log = {"ERROR: Unable to write file: No space left on device",
			"ERROR: Unable to extract filesystem from IPSW"}},
	{"usbmuxd-dies-at-boot", POINT_KERNEL, ENDING_MUX},
	{"usbmuxd-dies", POINT_OPERATION, ENDING_MUX},
	/* The tool. */
	{"splat", POINT_OPERATION, ENDING_STATUS, .operation = 18, .status = 14,
		.log = {"Checkpoint started   id: 0x6A6 (install_splat)",
			"Checkpoint FAILURE id: 0x648 result=0: [0]D(failed to install splat)"}},
	{"unknown-request", POINT_OPERATION, ENDING_ERROR, .operation = 36,
		.log = {"ERROR: Unhandled data request type 'DifferentialUpdateImages'",
			"ERROR: Unable to successfully restore device"}},
	{"savage", POINT_OPERATION, ENDING_ERROR, .operation = 36,
		.log = {"ERROR: restore_get_savage_firmware_data: Unable to get Savage ticket",
			"ERROR: restore_send_firmware_updater_data: Couldn't get Savage firmware "
			"data",
			"ERROR: Unable to successfully restore device"}},
	{"tool-crash", POINT_OPERATION, ENDING_CRASH, .operation = 13},
	/* The firmware file, the server, the network. */
	{"file-unreadable", POINT_FILE, ENDING_ERROR, .itunes = 11,
		.log = {"ERROR: Unable to extract BuildManifest from /srv/iPhone.ipsw. Firmware "
			"file might be corrupt."}},
	{"image-checksum", POINT_OPERATION, ENDING_STATUS, .operation = 14, .status = 14,
		.log = {"ASR STATUS: fail", "ASR: Checksum failed.",
			"ASR: Could not validate source - error 22"}},
	{"not-signed", POINT_SERVER, ENDING_ERROR, .itunes = 3194,
		.log = {"ERROR: TSS request failed (status=94, message=This device isn't eligible "
			"for the requested build.)",
			"ERROR: Unable to get SHSH blobs for this device"}},
	{"no-server", POINT_SERVER, ENDING_ERROR, .itunes = 3004,
		.log = {"ERROR: TSS request failed: Could not resolve host: gs.apple.com "
			"(status=-1)",
			"ERROR: Unable to send TSS request",
			"ERROR: Unable to get SHSH blobs for this device"}},
	{"factory-data", POINT_OPERATION, ENDING_STATUS, .operation = 17, .status = 53,
		.log = {"[10:31:09.0144-GMT]{1>3} CHECKPOINT FAILURE:(FAILURE:53) "
			"RESTORED:[0x0634] fdr_recover"}},
	/* The phone's volume. */
	{"volume-full", POINT_OPERATION, ENDING_STATUS, .operation = 17, .status = 14,
		.log = {"fixup_data: write failed: No space left on device"}},
	{"volume-full-bare", POINT_OPERATION, ENDING_STATUS, .operation = 16, .status = 1110},
	/* Parts of the phone. */
	{"kernel-panic", POINT_KERNEL, ENDING_BOUNCE},
	{"falls-to-dfu", POINT_KERNEL, ENDING_DFU},
	{"gone-at-boot", POINT_KERNEL, ENDING_ABSENT},
	{"early-reset", POINT_OPERATION, ENDING_RESET, .operation = 28},
	{"resets", POINT_OPERATION, ENDING_RESET},
	{"charges-forever", POINT_OPERATION, ENDING_HANG, .operation = 39},
	{"gauge-silent", POINT_OPERATION, ENDING_STATUS, .operation = 47, .status = 29,
		.log = {"update_gas_gauge: gasgauge_swupdate returned -4"}},
	{"front-sensor-panic", POINT_OPERATION, ENDING_RESET, .operation = 36,
		.log = {"Panic log is available:", "panic(cpu 0 caller 0xfffffff0): i2cscm1 "
						   "transaction timed out"}},
	{"storage-absent", POINT_OPERATION, ENDING_STATUS, .operation = 28, .status = 28,
		.log = {"Searching for NAND service", "unable to find NAND"}},
	{"storage-waits", POINT_OPERATION, ENDING_HANG, .operation = 28},
	{"storage-writes", POINT_OPERATION, ENDING_STATUS, .operation = 13, .status = 40,
		.log = {"ASR STATUS: fail"}},
	{"modem-transport", POINT_OPERATION, ENDING_STATUS, .operation = 19, .status = 1015,
		.log = {"bbupdater: Creating transport, attempts remaining "
			"0...bbupdater: FAILED(kBBUReturnIOError)",
			"bbupdater: powercycling modem"}},
	{"modem-refused", POINT_OPERATION, ENDING_STATUS, .operation = 19, .status = -1},
	{"enclave", POINT_OPERATION, ENDING_STATUS, .operation = 50, .status = 50},
	{"nfc-silent", POINT_OPERATION, ENDING_STATUS, .operation = 55, .status = 55},
	{"nfc-not-updated", POINT_OPERATION, ENDING_STATUS, .operation = 55, .status = 56},
};

const struct plant plants[] = {
	{"cable", {"cable"}, KNOB_BIT(KNOB_CABLE), 85, .varies = true,
		.symptoms = {{"errors-and-loss", 4}, {"silent-loss", 2}, {"not-enumerated", 2},
			{"bounced-contact", 1}, {"transfer-failed", 2}, {"upload-broken", 1}}},
	{"port or hub", {"port-hub", "host-software"},
		KNOB_BIT(KNOB_PORT) | KNOB_BIT(KNOB_COMPUTER), 85, .varies = true,
		.symptoms = {{"over-current", 2}, {"hub-silent", 2}, {"power-lacking", 1},
			{"errors-and-loss", 2}, {"silent-loss", 1}, {"transfer-failed", 1}}},
	{"computer", {"host-software", "port-hub"}, KNOB_BIT(KNOB_COMPUTER), 95,
		.symptoms = {{"overlooked", 3}, {"host-disk-full", 1}, {"silent-loss", 1}}},
	{"usbmuxd hangs", {"host-software"}, KNOB_BIT(KNOB_USBMUXD) | KNOB_BIT(KNOB_COMPUTER), 95,
		.symptoms = {{"overlooked", 1}}},
	{"usbmuxd dies", {"host-software"}, KNOB_BIT(KNOB_COMPUTER), 80, .varies = true,
		.symptoms = {{"usbmuxd-dies-at-boot", 3}, {"usbmuxd-dies", 1}}},
	{"old tool", {"tool"}, KNOB_BIT(KNOB_TOOL), 100,
		.symptoms = {{"splat", 2}, {"unknown-request", 2}, {"savage", 2},
			{"tool-crash", 1}}},
	{"firmware file", {"firmware-signing"}, KNOB_BIT(KNOB_FIRMWARE), 100,
		.symptoms = {{"file-unreadable", 2}, {"image-checksum", 2}, {"not-signed", 1}}},
	{"network", {"network"}, KNOB_BIT(KNOB_NETWORK), 95,
		.symptoms = {{"no-server", 3}, {"factory-data", 1}}},
	{"storage full", {"user-error"}, KNOB_BIT(KNOB_ACTION), 100,
		.symptoms = {{"volume-full", 2}, {"volume-full-bare", 1}}},
	{"battery", {"power-battery", "battery-gauge"}, KNOB_BIT(KNOB_BATTERY), 90, .varies = true,
		.symptoms = {{"resets", 4}, {"charges-forever", 1}, {"gone-at-boot", 1}}},
	{"battery gauge", {"battery-gauge", "power-battery"}, KNOB_BIT(KNOB_BATTERY), 100,
		.symptoms = {{"gauge-silent", 1}}, .history = {{"third-party-battery", 40}}},
	{"charge flex", {"other-flex"}, KNOB_BIT(KNOB_CHARGE_FLEX), 90, .varies = true,
		.on_line = true,
		.symptoms = {{"errors-and-loss", 3}, {"not-enumerated", 2}, {"silent-loss", 1},
			{"resets", 2}},
		.history = {{"no-charge", 40}, {"panics-charge-flex", 40}, {"liquid", 20}}},
	{"earpiece flex", {"earpiece-flex"}, KNOB_BIT(KNOB_FLEX) | KNOB_BIT(KNOB_MINIMAL), 100,
		.kind = PHONE_FACE_ID,
		.symptoms = {{"kernel-panic", 6}, {"early-reset", 2}, {"front-sensor-panic", 1},
			{"falls-to-dfu", 1}},
		.history = {{"liquid", 50}, {"boot-loop", 30}, {"panics-front-sensors", 20}}},
	{"display", {"other-flex"}, KNOB_BIT(KNOB_DISPLAY), 100,
		.symptoms = {{"kernel-panic", 2}, {"early-reset", 1}},
		.history = {{"display-replaced", 60}, {"drop", 30}}},
	{"camera", {"other-flex"}, KNOB_BIT(KNOB_MINIMAL), 100,
		.anonymous = true, /* part by part is not played */
		.symptoms = {{"kernel-panic", 2}, {"early-reset", 1}, {"nfc-not-updated", 1}}},
	{"storage chip", {"nand"}, 0, 100,
		.symptoms = {{"storage-absent", 2}, {"storage-writes", 2}, {"storage-waits", 1},
			{"falls-to-dfu", 1}, {"kernel-panic", 1}},
		.anonymous = true, .history = {{"panics-storage", 30}}},
	{"modem", {"baseband"}, 0, 100, .symptoms = {{"modem-transport", 2}, {"modem-refused", 1}},
		.history = {{"no-service", 60}}},
	{"audio chip", {"audio-ic", "board"}, 0, 100, .kind = PHONE_AUDIO_IC, .anonymous = true,
		.symptoms = {{"kernel-panic", 2}, {"early-reset", 1}},
		.history = {{"grey-speaker", 80}, {"boot-loop", 40}}},
	{"Secure Enclave", {"sep-fdr"}, 0, 100, .symptoms = {{"enclave", 2}, {"factory-data", 1}}},
	{"NFC chip", {"nfc"}, 0, 100, .symptoms = {{"nfc-silent", 1}, {"nfc-not-updated", 1}}},
	{"board", {"board"}, 0, 98, .varies = true, .anonymous = true,
		.symptoms = {{"kernel-panic", 3}, {"falls-to-dfu", 1}, {"resets", 2},
			{"gone-at-boot", 1}, {"storage-waits", 1}},
		.history = {{"drop", 50}, {"liquid", 20}, {"boot-loop", 20}}},
};

const size_t plant_count = ARRAY_SIZE(plants);

const struct trial trials[] = {
	/* Phase 1. */
	{"swap-cable", {{KNOB_CABLE, NEXT}}, 1},
	{"other-port", {{KNOB_PORT, NEXT}}, 1},
	{"direct-port", {{KNOB_PORT, NEXT}}, 1},
	{"other-phone-same-cable", .good_phone = true},
	{"restart-usbmuxd", {{KNOB_USBMUXD, NEXT}}, 1},
	{"other-network", {{KNOB_NETWORK, NEXT}}, 1},
	{"update-tool", {{KNOB_TOOL, 1}}, 1},
	{"show-server-answer"},
	{"fresh-firmware", {{KNOB_FIRMWARE, NEXT}}, 1},
	{"other-computer", {{KNOB_COMPUTER, 1}}, 1},
	{"update-instead-of-erase", {{KNOB_ACTION, 0}}, 1},
	{"make-room", {{KNOB_ACTION, 1}}, 1},
	{"dfu-restore", {{KNOB_ENTRY, 1}, {KNOB_ACTION, 1}}, 2},
	{"retry-update"},
	{"repeat-success"},
	{"try-update"},
	{"check-mode"},
	{"unlock-phone"},
	{"alone"},
	{"watched-restore"},
	{"unlock-phone"},
	{"show-server-answer"},
	{"other-link", {{KNOB_CABLE, NEXT}, {KNOB_PORT, NEXT}}, 2, .more = 2},
	{"other-bench", {{KNOB_COMPUTER, 1}}, 1, .more = 2},
	{"decide-on-data", .ends = true},
	/* Phase 2. */
	{"disconnect-earpiece-flex", {{KNOB_FLEX, 1}}, 1},
	{"reconnect-earpiece-flex", {{KNOB_FLEX, 0}}, 1},
	{"replace-earpiece-flex", {{KNOB_FLEX, 2}}, 1},
	{"minimal-boot", {{KNOB_MINIMAL, 1}}, 1},
	{"known-good-battery", {{KNOB_BATTERY, 1}}, 1},
	{"known-good-charge-flex", {{KNOB_CHARGE_FLEX, 1}}, 1},
	{"known-good-display", {{KNOB_DISPLAY, 1}}, 1},
	{"display-again", {{KNOB_DISPLAY, 0}}, 1},
	{"charge-and-restart"},
	{"reseat-connectors"},
	{"dry-and-clean", .noted = "cleaned"},
	{"supply-current", .noted = "normal-current-draw"},
	{"connect-again", .part_back = true},
	{"old-part-back", .part_back = true},
	{"part-by-part", .ends = true},
	{"fit-board-part", .ends = true},
	{"fit-new-part", .ends = true},
	{"known-good-display", {{KNOB_DISPLAY, 1}}, 1},
	{"board-shop", .ends = true},
	{"device-shop", .ends = true},
	{"lower-half", .ends = true},
	{"storage-test", .ends = true},
	{"hand-over", .ends = true},
	{"part-by-part", .ends = true},
	{"fit-new-part", .ends = true},
};

const size_t trial_count = ARRAY_SIZE(trials);

const enum knob fixed_order[] = {KNOB_CABLE, KNOB_PORT, KNOB_USBMUXD, KNOB_NETWORK, KNOB_TOOL,
	KNOB_FIRMWARE, KNOB_COMPUTER, KNOB_ACTION, KNOB_FLEX, KNOB_MINIMAL, KNOB_CHARGE_FLEX,
	KNOB_BATTERY, KNOB_DISPLAY};

const size_t fixed_order_count = ARRAY_SIZE(fixed_order);

const struct symptom *symptom_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(symptoms); i++)
		if (text_equal(symptoms[i].name, name))
			return &symptoms[i];
	return NULL;
}

const struct trial *trial_find(const char *experiment)
{
	for (size_t i = 0; i < trial_count; i++)
		if (text_equal(trials[i].experiment, experiment))
			return &trials[i];
	return NULL;
}

bool plant_acts(const struct plant *plant, const struct setup *setup)
{
	for (int knob = 0; knob < KNOB_COUNT; knob++)
		if ((plant->cured_by & KNOB_BIT(knob)) && setup->knobs[knob])
			return false;
	return true;
}

void setup_turn(struct setup *setup, enum knob knob, unsigned value, unsigned own)
{
	setup->knobs[knob] = value == NEXT ? setup->knobs[knob] + 1 : value;
	if (knob != KNOB_COMPUTER)
		return;
	for (int other = 0; other < KNOB_COUNT; other++)
		if (own & KNOB_BIT(other))
			setup->knobs[other]++;
}

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct dice dice_new(uint64_t seed, uint64_t stream)
{
	struct dice dice = {seed};

	dice.state = dice_next(&dice) + stream;
	return dice;
}

unsigned dice_roll(struct dice *dice, unsigned sides)
{
	return (unsigned)(dice_next(dice) % sides);
}
