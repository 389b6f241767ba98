/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the panic reports off a phone that runs, through libimobiledevice and the pairing that its
 * user made. Pairs with nothing, deletes nothing, and reads no report's meaning. */
#pragma once

#include <stddef.h>
#include <stdbool.h>

#include "common/base/id.h"

#define PHONE_REPORTS_MAX 256 /* of one phone; the rest is left */
#define PHONE_REPORT_NAME_SIZE 128
#define PHONE_REPORTS_MESSAGE_SIZE 256

/* Takes one report. `name` has letters, digits, dots, dashes and underscores alone and begins with
 * none of the dots. Returns false to end it. */
typedef bool phone_report_taken(void *user, const char *name, const char *bytes, size_t length);

/* Looks through what usbmuxd lists for the phone whose UDID is `name`, or ends with it, or carries
 * that ECID. Returns how many there are, with `udid` of the first, or a negative errno where
 * usbmuxd does not answer. */
int phone_find(const char *name, char udid[static UDID_SIZE]);

/* Takes the panic reports of that phone, as usbmuxd lists it, one after the other. Returns how
 * many, or a negative errno with one sentence for people, from its verb on, in `message`. Waits for
 * the phone: up to half a minute for each answer. */
int phone_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_REPORTS_MESSAGE_SIZE]);
