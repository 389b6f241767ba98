/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/usb_identity.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define HEX_DIGITS_MAX 16
#define FLAG_FROM_STORAGE 1 /* in IBFL */

static const struct {
	uint16_t first, last;
	enum device_mode mode;
} product_modes[] = {
	{0x1222, 0x1222, MODE_WTF},
	{0x1227, 0x1227, MODE_DFU},
	{0x1280, 0x1283, MODE_RECOVERY},
	{0x1290, 0x12af, MODE_NORMAL_OR_RESTORE},
	{0x1881, 0x1881, MODE_PORT_DFU}, /* KIS, the debug interface of newer boot ROMs */
	{0x1901, 0x1905, MODE_NORMAL_OR_RESTORE},
	{0x8600, 0x8600, MODE_NORMAL_OR_RESTORE},
	{0xf014, 0xf014, MODE_PORT_DFU},
};

enum device_mode usb_product_mode(uint16_t product_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(product_modes); i++) {
		if (product_id >= product_modes[i].first && product_id <= product_modes[i].last)
			return product_modes[i].mode;
	}
	return MODE_UNKNOWN;
}

/* Reads 1 to 16 hex digits that end at `end`. */
static bool read_hex(const char *text, const char *end, uint64_t *ret)
{
	uint64_t value = 0;

	if (text == end || end - text > HEX_DIGITS_MAX)
		return false;
	for (; text < end; text++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, *text | 0x20);

		if (!digit || !*digit || *text < '0')
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*ret = value;
	return true;
}

/* The end of the word at `text`; brackets and their content, including spaces, belong to it. */
static const char *word_end(const char *text)
{
	bool bracket = false;

	for (; *text && (bracket || *text != ' '); text++) {
		if (*text == '[')
			bracket = true;
		else if (*text == ']')
			bracket = false;
	}
	return text;
}

static void read_boot_serial(const char *serial, struct usb_identity *identity)
{
	enum { CPID, BDID, ECID, KEYS };
	static const char *const keys[KEYS] = {"CPID:", "BDID:", "ECID:"};
	uint64_t values[KEYS] = {0};
	bool told[KEYS] = {false};

	while (*serial) {
		const char *end = word_end(serial);

		for (size_t i = 0; i < KEYS; i++) {
			size_t length = strlen(keys[i]);

			if (strncmp(serial, keys[i], length) == 0)
				told[i] = read_hex(serial + length, end, &values[i]);
		}
		serial = end + strspn(end, " ");
	}
	if (told[ECID])
		identity->ecid = values[ECID];
	if (told[CPID] && told[BDID] && values[CPID] <= UINT32_MAX && values[BDID] <= UINT32_MAX)
		identity->model = model_by_chip((uint32_t)values[CPID], (uint32_t)values[BDID]);
}

/* Finds the boot program in a serial string, or in the output of boot_program_write(). */
static struct boot_program boot_program_read(const char *serial)
{
	struct boot_program program = {0};

	while (*serial) {
		const char *end = word_end(serial);
		uint64_t flags;

		if (text_starts_with(serial, "SRNM")) {
			program.named = true;
		} else if (text_starts_with(serial, "IBFL:") &&
			   read_hex(serial + strlen("IBFL:"), end, &flags) && flags <= UINT32_MAX) {
			program.known = true;
			program.flags = (uint32_t)flags;
		}
		serial = end + strspn(end, " ");
	}
	return program.known ? program : (struct boot_program){0};
}

struct boot_program boot_program_of(const struct event *attach)
{
	char text[BOOT_PROGRAM_SIZE] = "";

	if (attach->source == SOURCE_USB && attach->text_length < sizeof(text))
		memcpy(text, attach->text ? attach->text : "", attach->text_length);
	return boot_program_read(text);
}

void boot_program_write(const struct boot_program *program, char out[static BOOT_PROGRAM_SIZE])
{
	out[0] = '\0';
	if (program->known)
		snprintf(out, BOOT_PROGRAM_SIZE, "IBFL:%02" PRIX32 "%s", program->flags,
			program->named ? " SRNM" : "");
}

bool boot_program_differs(const struct boot_program *a, const struct boot_program *b)
{
	return a->known && b->known && (a->flags != b->flags || a->named != b->named);
}

bool boot_program_is_loaded(const struct boot_program *program)
{
	return program->known && !(program->flags & FLAG_FROM_STORAGE);
}

bool boot_program_follows(const struct boot_program *before, const struct boot_program *now)
{
	if (!boot_program_differs(before, now))
		return false;
	if (boot_program_is_loaded(now))
		return true;
	return !boot_program_is_loaded(before) && before->named && !now->named;
}

struct usb_identity usb_identity_read(uint16_t product_id, const char *serial)
{
	struct usb_identity identity = {.mode = usb_product_mode(product_id)};

	if (!serial)
		return identity;
	if (identity.mode != MODE_NORMAL_OR_RESTORE) {
		read_boot_serial(serial, &identity);
		identity.program = boot_program_read(serial);
	} else if (udid_normalize(serial, identity.udid) == 0) {
		identity.ecid = udid_ecid(identity.udid);
	}
	return identity;
}

bool usb_port_ok(const char *text, size_t length)
{
	const char *dash = memchr(text, '-', length);

	return dash && dash + 1 < text + length && length < PORT_SIZE && text[0] >= '1' &&
	       text[0] <= '9' && strspn(text, "0123456789-.") >= length;
}

uint32_t usb_hub_depth(const char *port)
{
	uint32_t depth = 0;

	for (; *port; port++)
		depth += *port == '.';
	return depth;
}
