/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks a firmware file (.ipsw) before a restore: whether it can be read, is complete and is for
 * the device. A damaged file can look like a fault of the phone's storage (idevicerestore#104). It
 * changes nothing. */
#pragma once

#include "client/findings.h"
#include "common/model/phone_model.h"

struct firmware_options {
	const char *path;
	const char *product; /* product type of the device; NULL = any */
	bool contents;	     /* read everything, not only the list of files and the manifest */
	/* Called while the contents are read, with the part that is done; NULL = not wanted. */
	void (*progress)(void *user, unsigned percent);
	void *user;
};

/* Returns 0 with *ret owned by the caller: findings_finish() with the members file, productVersion
 * and productBuild; or the errno of open(2), or -ENOMEM. */
int firmware_check(const struct firmware_options *options, struct json_object **ret);
