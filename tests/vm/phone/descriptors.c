/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/descriptors.h"

#include "common/base/macro.h"
#include "tests/vm/phone/bytes.h"

#include <errno.h>
#include <string.h>

#define LANGUAGE_US_ENGLISH 0x0409
#define DEVICE_DESCRIPTOR_BYTES 18
#define CONFIGURATION_TOTAL_OFFSET 2

enum type {
	TYPE_DEVICE = 1,
	TYPE_CONFIGURATION = 2,
	TYPE_STRING = 3,
	TYPE_INTERFACE = 4,
	TYPE_ENDPOINT = 5,
	TYPE_DFU_FUNCTIONAL = 0x21,
};

/* String numbers as Apple's boot loaders have them: 1 holds the nonces (libirecovery 1.0.0 reads
 * them there). */
enum string {
	STRING_LANGUAGES,
	STRING_NONCES,
	STRING_MANUFACTURER,
	STRING_PRODUCT,
	STRING_SERIAL,
};

#define CONFIGURATION_HEAD 9, TYPE_CONFIGURATION, 0, 0, 1, 1, 0, 0xc0, 250
#define BULK_OUT(number) 7, TYPE_ENDPOINT, (number), 2, 0x00, 0x02, 0
#define BULK_IN(number) 7, TYPE_ENDPOINT, 0x80 | (number), 2, 0x00, 0x02, 0

/* One interface of the DFU class; files come in blocks of 0x800 bytes on the control endpoint. */
static const uint8_t dfu_configuration[] = {
	CONFIGURATION_HEAD,				/**/
	9, TYPE_INTERFACE, 0, 0, 0, 0xfe, 1, 0, 0,	/**/
	7, TYPE_DFU_FUNCTIONAL, 1, 0x0a, 0, 0x00, 0x08, /**/
};

static const uint8_t recovery_configuration[] = {
	CONFIGURATION_HEAD,				 /**/
	9, TYPE_INTERFACE, 0, 0, 2, 0xff, 0xff, 0x51, 0, /**/
	BULK_OUT(ENDPOINT_FROM_HOST),			 /**/
	BULK_IN(ENDPOINT_IBOOT_TO_HOST),		 /**/
};

/* Class 255, subclass 254, protocol 2 is what usbmuxd 1.1.1 looks for. */
static const uint8_t mux_configuration[] = {
	CONFIGURATION_HEAD,				 /**/
	9, TYPE_INTERFACE, 0, 0, 2, 0xff, 0xfe, 0x02, 0, /**/
	BULK_OUT(ENDPOINT_FROM_HOST),			 /**/
	BULK_IN(ENDPOINT_MUX_TO_HOST),			 /**/
};

static const struct {
	const uint8_t *configuration;
	size_t configuration_bytes;
	const char *product;
} shapes[MODE_COUNT] = {
	[MODE_DFU] = {dfu_configuration, sizeof(dfu_configuration),
		"Apple Mobile Device (DFU Mode)"},
	[MODE_RECOVERY] = {recovery_configuration, sizeof(recovery_configuration),
		"Apple Mobile Device (Recovery Mode)"},
	[MODE_IBEC] = {recovery_configuration, sizeof(recovery_configuration),
		"Apple Mobile Device (Recovery Mode)"},
	[MODE_RESTORE] = {mux_configuration, sizeof(mux_configuration), "iPhone"},
	[MODE_NORMAL] = {mux_configuration, sizeof(mux_configuration), "iPhone"},
};

static int device_descriptor(const struct identity *identity, enum mode mode, uint8_t *descriptor)
{
	static const uint8_t fixed[DEVICE_DESCRIPTOR_BYTES] = {
		[0] = DEVICE_DESCRIPTOR_BYTES,
		[1] = TYPE_DEVICE,
		[3] = 0x02, /* USB 2.0 */
		[7] = 64,   /* largest packet of the control endpoint */
		[13] = 0x13,
		[14] = STRING_MANUFACTURER,
		[15] = STRING_PRODUCT,
		[16] = STRING_SERIAL,
		[17] = 1, /* configurations */
	};

	memcpy(descriptor, fixed, sizeof(fixed));
	put_le16(descriptor + 8, identity->vendor);
	put_le16(descriptor + 10, mode_product(mode));
	return sizeof(fixed);
}

static int configuration_descriptor(enum mode mode, uint8_t *descriptor)
{
	const size_t size = shapes[mode].configuration_bytes;

	memcpy(descriptor, shapes[mode].configuration, size);
	put_le16(descriptor + CONFIGURATION_TOTAL_OFFSET, (uint16_t)size);
	return (int)size;
}

static int string_descriptor(const char *text, uint8_t *descriptor)
{
	size_t size = 2;

	for (; *text && size + 2 <= UINT8_MAX; text++, size += 2)
		put_le16(descriptor + size, (uint8_t)*text);
	descriptor[0] = (uint8_t)size;
	descriptor[1] = TYPE_STRING;
	return (int)size;
}

static int language_descriptor(uint8_t *descriptor)
{
	descriptor[0] = 4;
	descriptor[1] = TYPE_STRING;
	put_le16(descriptor + 2, LANGUAGE_US_ENGLISH);
	return 4;
}

static int numbered_string(
	const struct identity *identity, enum mode mode, uint8_t number, uint8_t *descriptor)
{
	char serial[SERIAL_STRING_MAXIMUM_BYTES];

	switch (number) {
	case STRING_LANGUAGES:
		return language_descriptor(descriptor);
	case STRING_NONCES:
		return string_descriptor("NONC:" AP_NONCE " SNON:" SEP_NONCE, descriptor);
	case STRING_MANUFACTURER:
		return string_descriptor("Apple Inc.", descriptor);
	case STRING_PRODUCT:
		return string_descriptor(shapes[mode].product, descriptor);
	case STRING_SERIAL:
		identity_serial_string(identity, mode, serial);
		return string_descriptor(serial, descriptor);
	default:
		return -EPIPE;
	}
}

int descriptor_get(const struct identity *identity, enum mode mode, uint16_t value,
	uint8_t descriptor[DESCRIPTOR_MAXIMUM_BYTES])
{
	switch (value >> 8) {
	case TYPE_DEVICE:
		return device_descriptor(identity, mode, descriptor);
	case TYPE_CONFIGURATION:
		return (value & 0xff) == 0 ? configuration_descriptor(mode, descriptor) : -EPIPE;
	case TYPE_STRING:
		return numbered_string(identity, mode, value & 0xff, descriptor);
	default:
		return -EPIPE;
	}
}
