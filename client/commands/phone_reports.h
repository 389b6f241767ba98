/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The panic reports of a phone that runs, as the program idevicetriage-phone reads them. The phone
 * and the program are believed nothing: not a size, not a name, not that they end. */
#pragma once

#include <stddef.h>
#include <stdbool.h>

#include "common/base/id.h"
#include "phone/answer.h"

/* Looks through what usbmuxd lists for the phone whose UDID is `name`, or ends with it, or carries
 * that ECID. Returns how many there are, with `udid` of the first, or a negative errno with one
 * sentence for people in `message`: -ENOEXEC where the program cannot be started. */
int phone_find(
	const char *name, char udid[static UDID_SIZE], char message[static PHONE_MESSAGE_SIZE]);

/* Reads the panic reports of that phone, as usbmuxd lists it, one after the other. Returns how
 * many, or a negative errno with one sentence for people, from its verb on, in `message`. Waits for
 * each report for at most 20 s. */
int phone_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE]);
