/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads what iBoot and the boot ROM receive before restored runs: commands and files. Facts from
 * libirecovery.c, and from idevicerestore's recovery.c and dfu.c. */
#include <string.h>

#include "common/base/text.h"
#include "common/link/private.h"

#define COMMAND_SIZE 16	    /* bytes of the first word that are compared */
#define HEADER_SEEN_MAX 128 /* bytes of a file that are looked at for its kind */

/* -- commands -- */

static void leave(struct device *device, struct stamp at, const char *awaited)
{
	device->leaves = true;
	device->awaited = awaited;
	device_set_turn(device, at, TURN_PHONE);
}

/* Whether a file of a restore was sent: people use the same requests by hand. */
static bool is_restoring(const struct device *device)
{
	return device->stage != STAGE_NONE;
}

/* The file that was sent starts: iBSS or iBEC. */
static void run_go(struct device *device, struct stamp at)
{
	if (!is_restoring(device)) {
		leave(device, at, NULL);
		return;
	}
	device_emit_name(device, at, EVENT_WAIT, "wait-disconnect");
	leave(device, at, "wait-recovery");
}

/* The restore system starts. */
static void run_bootx(struct device *device, struct stamp at)
{
	if (!is_restoring(device)) {
		leave(device, at, NULL);
		return;
	}
	device_set_stage(device, at, STAGE_BOOT_RAMDISK);
	device_emit_name(device, at, EVENT_WAIT, "wait-restore-mode");
	leave(device, at, NULL);
}

static void run_restart(struct device *device, struct stamp at)
{
	leave(device, at, NULL);
}

static const struct {
	const char *word;
	void (*run)(struct device *device, struct stamp at);
} commands[] = {
	{"go", run_go},
	{"bootx", run_bootx},
	{"reset", run_restart},
	{"reboot", run_restart},
	{"fsboot", run_restart},
};

static void end_upload(struct device *device, struct stamp at)
{
	struct event event = device_event(device, at, EVENT_TRANSFER);
	const struct upload upload = device->upload;

	device->upload = (struct upload){0};
	device_set_step(device, at, restore_stage_name(device->stage));
	/* One that is incomplete without an error may only have lost its records. */
	if (!upload.component || (upload.sent < upload.total && !upload.failed))
		return;
	event.flag = upload.sent < upload.total ? STEP_FAILED : STEP_DONE;
	text_copy(event.name, sizeof(event.name), upload.component);
	device_emit(device, &event);
}

static void read_command(
	struct device *device, struct stamp at, const uint8_t *bytes, size_t length)
{
	char word[COMMAND_SIZE] = "";

	if (device->upload.running)
		end_upload(device, at);
	device->leaves = false;
	if (is_restoring(device))
		device_set_turn(device, at, TURN_HOST);
	memcpy(word, bytes, length < sizeof(word) - 1 ? length : sizeof(word) - 1);
	word[strcspn(word, " \n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (text_equal(commands[i].word, word))
			commands[i].run(device, at);
}

/* -- files: IMG4 and IM4P are DER, IMG3 is older -- */

struct component {
	char kind[5];
	const char *name;
	enum restore_stage stage; /* STAGE_NONE = that of the phone's mode */
};

static const struct component components[] = {
	{"ibss", "iBSS", STAGE_DFU},
	{"ibec", "iBEC", STAGE_NONE},
	{"rdsk", "RestoreRamDisk", STAGE_RECOVERY},
	{"rkrn", "RestoreKernelCache", STAGE_BOOT_RAMDISK},
	{"krnl", "RestoreKernelCache", STAGE_BOOT_RAMDISK},
	{"rdtr", "RestoreDeviceTree", STAGE_RECOVERY},
	{"dtre", "RestoreDeviceTree", STAGE_RECOVERY},
	{"rlgo", "RestoreLogo", STAGE_RECOVERY},
	{"logo", "RestoreLogo", STAGE_RECOVERY},
	{"rtsc", "RestoreTrustCache", STAGE_RECOVERY},
	{"rsep", "RestoreSEP", STAGE_RECOVERY},
	{"sepi", "RestoreSEP", STAGE_RECOVERY},
};

static const struct component *find_component(const uint8_t kind[static 4])
{
	for (size_t i = 0; i < ARRAY_SIZE(components); i++)
		if (memcmp(components[i].kind, kind, 4) == 0)
			return &components[i];
	return NULL;
}

/* The header of a DER element: returns its bytes, and sets the bytes of its contents; 0 = none. */
static size_t der_header(const uint8_t *bytes, size_t length, uint8_t tag, uint64_t *contents)
{
	size_t more;

	if (length < 2 || bytes[0] != tag)
		return 0;
	*contents = bytes[1];
	if (bytes[1] < 0x80)
		return 2;
	more = bytes[1] & 0x7f;
	if (more > 4 || length < 2 + more)
		return 0;
	*contents = 0;
	for (size_t i = 0; i < more; i++)
		*contents = *contents << 8 | bytes[2 + i];
	return 2 + more;
}

#define DER_SEQUENCE 0x30
#define DER_NAME 0x16 /* of four letters here: 16 04 x x x x */
#define DER_NAME_BYTES 6

static bool der_name_is(const uint8_t *bytes, size_t length, const char *name)
{
	return length >= DER_NAME_BYTES && bytes[0] == DER_NAME && bytes[1] == 4 &&
	       (!name || memcmp(bytes + 2, name, 4) == 0);
}

static const struct component *identify_der(
	const uint8_t *bytes, size_t length, uint64_t *ret_total)
{
	uint64_t contents;
	size_t at = der_header(bytes, length, DER_SEQUENCE, &contents);

	if (!at)
		return NULL;
	*ret_total = at + contents;
	if (der_name_is(bytes + at, length - at, "IMG4")) {
		at += DER_NAME_BYTES;
		at += der_header(bytes + at, length - at, DER_SEQUENCE, &contents);
	}
	if (!der_name_is(bytes + at, length - at, "IM4P"))
		return NULL;
	at += DER_NAME_BYTES;
	return der_name_is(bytes + at, length - at, NULL) ? find_component(bytes + at + 2) : NULL;
}

#define IMG3_HEADER 20

static const struct component *identify_img3(
	const uint8_t *bytes, size_t length, uint64_t *ret_total)
{
	uint8_t kind[4];

	if (length < IMG3_HEADER || memcmp(bytes, "3gmI", 4) != 0)
		return NULL;
	*ret_total = (uint64_t)bytes[4] | (uint64_t)bytes[5] << 8 | (uint64_t)bytes[6] << 16 |
		     (uint64_t)bytes[7] << 24;
	for (size_t i = 0; i < sizeof(kind); i++)
		kind[i] = bytes[IMG3_HEADER - 1 - i];
	return find_component(kind);
}

/* Only a file of a restore starts one: people also send other files by hand. */
static void identify(struct device *device, struct stamp at, const uint8_t *bytes, size_t length)
{
	struct event event = device_event(device, at, EVENT_TRANSFER);
	const struct component *component;
	struct upload *upload = &device->upload;
	uint64_t total = 0;

	upload->identified = true;
	if (length > HEADER_SEEN_MAX)
		length = HEADER_SEEN_MAX;
	component = identify_der(bytes, length, &total);
	if (!component)
		component = identify_img3(bytes, length, &total);
	if (!component)
		return;
	upload->component = component->name;
	upload->total = total;
	event.flag = STEP_BEGIN;
	text_copy(event.name, sizeof(event.name), component->name);
	device_emit(device, &event);
	device_set_stage(device, at,
		component->stage		? component->stage
		: device->mode == MODE_RECOVERY ? STAGE_RECOVERY
						: STAGE_DFU);
	device_set_step(device, at, component->name);
	device_set_turn(device, at, TURN_HOST);
}

static void begin_upload(struct device *device, struct stamp at)
{
	if (device->upload.running)
		end_upload(device, at);
	device->upload = (struct upload){.running = true};
	device->permille = -1;
	device->leaves = false;
	if (is_restoring(device))
		device_set_turn(device, at, TURN_HOST);
}

static void read_part(struct device *device, struct stamp at, const uint8_t *bytes, size_t length)
{
	if (!device->upload.running)
		begin_upload(device, at);
	if (!device->upload.identified)
		identify(device, at, bytes, length);
}

void iboot_completed(struct device *device, struct stamp at, int32_t status, uint32_t bytes)
{
	struct upload *upload = &device->upload;
	struct event event = device_event(device, at, EVENT_PROGRESS);

	if (!upload->running)
		return;
	upload->failed |= status != 0;
	upload->sent += bytes;
	if (!upload->component || !upload->total)
		return;
	event.permille = upload->sent >= upload->total
				 ? 1000
				 : (int32_t)(upload->sent * 1000 / upload->total);
	/* Whole percents, as in the tools' logs. */
	event.permille -= event.permille % 10;
	if (event.permille != device->permille && event.permille > 0) {
		device->permille = event.permille;
		device_emit(device, &event);
	}
	if (upload->sent >= upload->total)
		end_upload(device, at);
}

/* -- requests -- */

#define REQUEST_COMMAND 0x40
#define REQUEST_UPLOAD 0x41
#define REQUEST_DFU 0x21
#define DFU_DOWNLOAD 1

void iboot_request(struct device *device, struct stamp at, const uint8_t setup[static 8],
	const uint8_t *bytes, size_t length)
{
	size_t announced = (size_t)setup[6] | (size_t)setup[7] << 8;

	if (setup[0] == REQUEST_COMMAND && length > 0) {
		read_command(device, at, bytes, length);
	} else if (setup[0] == REQUEST_UPLOAD) {
		begin_upload(device, at);
	} else if (setup[0] == REQUEST_DFU && setup[1] == DFU_DOWNLOAD && announced > 0) {
		read_part(device, at, bytes, length);
	} else if (setup[0] == REQUEST_DFU && setup[1] == DFU_DOWNLOAD) {
		/* The end of the file: it starts. */
		if (device->upload.running)
			end_upload(device, at);
		run_go(device, at);
	}
}

void iboot_bulk(struct device *device, struct stamp at, const uint8_t *bytes, size_t length)
{
	if (length > 0 && device->upload.running && !device->upload.identified)
		identify(device, at, bytes, length);
}
