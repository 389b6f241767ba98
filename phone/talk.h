/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queries phones through usbmuxd and libimobiledevice: a phone's model and saved failure texts
 * (question.c), the list of phones and their panic reports (reports.c). It never pairs, changes or
 * deletes anything, and trusts no size from a phone. */
#pragma once

#include <stdint.h>

#include "phone/answer.h"

#define TALK_LABEL "idevicetriage" /* our name, sent to the phone */
#define PHONE_REPORTS_MAX 256	   /* per phone; more are skipped */

/* Queries the phone with that UDID (as usbmuxd lists it), as the enum query bits in `asks` allow.
 * Blocks up to `limit_us`, plus the time that usbmuxd and libimobiledevice take, which can be for
 * ever (PHONE_DEADLINE_US). Without QUERY_RESTORE in `asks`, the phone must not be in restore mode:
 * the first request is sent in both modes. */
void talk_ask(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret);

typedef void phone_listed(void *user, const char *udid);

/* Lists the phones that usbmuxd lists on USB, at most PHONE_LIST_MAX. Returns their number, or
 * -ECONNREFUSED if usbmuxd does not answer. */
int talk_list(phone_listed *listed, void *user);

/* Reads the panic reports of that phone, as usbmuxd lists it, one by one, with the existing
 * pairing; does not interpret them. Returns their number, or a negative errno with one sentence for
 * people, from its verb on, in `message`. Waits up to half a minute for each answer, and longer if
 * the library hangs. */
int talk_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE]);
