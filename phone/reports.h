/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists phones, and reads the panic reports of one that runs, through libimobiledevice and the
 * pairing that its user made. Pairs with nothing, deletes nothing, and reads no report's meaning.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "phone/answer.h"

#define PHONE_REPORTS_MAX 256 /* of one phone; the rest is left */

typedef void phone_listed(void *user, const char *udid);

/* Lists what usbmuxd shows on USB, at most PHONE_LIST_MAX phones. Returns how many, or
 * -ECONNREFUSED where usbmuxd does not answer. */
int talk_list(phone_listed *listed, void *user);

/* Takes one report, whose name is a phone_report_name_ok(). Returns false to end it. */
typedef bool phone_report_taken(void *user, const char *name, const char *bytes, size_t length);

/* Reads the panic reports of that phone, as usbmuxd lists it, one after the other. Returns how
 * many, or a negative errno with one sentence for people, from its verb on, in `message`. Waits for
 * the phone: up to half a minute for each answer, and longer where the library hangs. */
int talk_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE]);
