/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/usb_identity.h"

#include <stddef.h>
#include <string.h>

#include "common/base/macro.h"

#define HEX_DIGITS_MAX 16

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

/* The end of the word at `text`; what stands in brackets belongs to it, spaces as well. */
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

struct usb_identity usb_identity_read(uint16_t product_id, const char *serial)
{
	struct usb_identity identity = {.mode = usb_product_mode(product_id)};

	if (!serial)
		return identity;
	if (identity.mode != MODE_NORMAL_OR_RESTORE)
		read_boot_serial(serial, &identity);
	else if (udid_normalize(serial, identity.udid) == 0)
		identity.ecid = udid_ecid(identity.udid);
	return identity;
}

uint32_t usb_hub_depth(const char *port)
{
	uint32_t depth = 0;

	for (; *port; port++)
		depth += *port == '.';
	return depth;
}
