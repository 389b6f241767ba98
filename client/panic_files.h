/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The findings of a panic report about a phone's parts, as an object for the outputs. It queries no
 * phone and no daemon. */
#pragma once

#include <stddef.h>

#include "client/fields.h"

#define PANICS_MESSAGE_SIZE 160

/* Reads the report in `bytes`; `file` is its name for people. The object has `file`, `productType`,
 * `osVersion`, `date`, `reason`, `missingSensors` and `findings`; unknown values are absent.
 * Returns 0, -EBADMSG with the reason in `message`, or -ENOMEM. The caller owns *ret:
 * json_object_put(). */
int panics_explain(const char *file, const char *bytes, size_t length, struct json_object **ret,
	char message[static PANICS_MESSAGE_SIZE]);
/* The same for the file at `path`; also returns the errno of open and read. */
int panics_explain_file(
	const char *path, struct json_object **ret, char message[static PANICS_MESSAGE_SIZE]);
