/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/model/mux_client_role.h"

#include <stddef.h>

#include "common/base/macro.h"
#include "common/base/text.h"

static const struct {
	const char *name;
	enum program_role role;
} programs[] = {
	{"usbmuxd", PROGRAM_OWN},
	{"idevicetriage", PROGRAM_OWN},
	{"idevicerestore", PROGRAM_TOOL},
	{"futurerestore", PROGRAM_TOOL},
	{"pymobiledevice3", PROGRAM_TOOL},
	{"gvfs", PROGRAM_DESKTOP},
	{"ifuse", PROGRAM_DESKTOP},
};

enum program_role program_role(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (text_starts_with(name, programs[i].name))
			return programs[i].role;
	return PROGRAM_OTHER;
}
