/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/identity.h"

#include "common/base/macro.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct identity default_identity = {
	.vendor = 0x05ac,
	.ecid = 0x001C2D6A3C8A802E,
	.chip = 0x8030,
	.board = 0x04,
	.hardware_model = "N104AP",
	.product_type = "iPhone12,1",
	.serial_number = "F4GVIRTUAL01",
	.device_name = "Phone-of-Marta",
	.product_version = "14.8.1",
	.build_version = "18H107",
};

static const struct {
	const char *name;
	uint16_t product;
} modes[MODE_COUNT] = {
	[MODE_DFU] = {"dfu", 0x1227},
	[MODE_RECOVERY] = {"recovery", 0x1281},
	[MODE_IBEC] = {"ibec", 0x1281},
	[MODE_RESTORE] = {"restore", 0x12a8},
	[MODE_NORMAL] = {"normal", 0x12a8},
};

const char *mode_name(enum mode mode)
{
	return modes[mode].name;
}

int mode_from_name(const char *name, enum mode *ret)
{
	for (enum mode mode = 0; mode < MODE_COUNT; mode++) {
		if (strcmp(modes[mode].name, name) == 0) {
			*ret = mode;
			return 0;
		}
	}
	return -EINVAL;
}

uint16_t mode_product(enum mode mode)
{
	return modes[mode].product;
}

void identity_serial_string(
	const struct identity *identity, enum mode mode, char text[SERIAL_STRING_MAXIMUM_BYTES])
{
	const size_t size = SERIAL_STRING_MAXIMUM_BYTES;

	switch (mode) {
	case MODE_DFU:
		snprintf(text, size,
			"CPID:%04" PRIX32 " CPRV:11 CPFM:03 SCEP:01 BDID:%02" PRIX32
			" ECID:%016" PRIX64 " IBFL:3C SRTG:[iBoot-4479.0.0.100.4]",
			identity->chip, identity->board, identity->ecid);
		break;
	case MODE_RECOVERY:
	case MODE_IBEC:
		snprintf(text, size,
			"CPID:%04" PRIX32 " CPRV:11 CPFM:03 SCEP:01 BDID:%02" PRIX32
			" ECID:%016" PRIX64 " IBFL:%s SRNM:[%s]",
			identity->chip, identity->board, identity->ecid,
			mode == MODE_IBEC ? "3C" : "3D", identity->serial_number);
		break;
	default:
		snprintf(text, size, "%08" PRIX32 "%016" PRIX64, identity->chip, identity->ecid);
		break;
	}
}

void identity_udid(const struct identity *identity, char text[UDID_BYTES])
{
	snprintf(text, UDID_BYTES, "%08" PRIX32 "-%016" PRIX64, identity->chip, identity->ecid);
}
