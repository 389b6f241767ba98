/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Talks with phones through usbmuxd and libimobiledevice: what a phone is and what it remembers of
 * its last failure (question.c), which phones there are and their panic reports (reports.c). Pairs
 * with nothing, changes and deletes nothing, and trusts no size that a phone names. */
#pragma once

#include <stdint.h>

#include "phone/answer.h"

#define TALK_LABEL "idevicetriage" /* our name to a phone */
#define PHONE_REPORTS_MAX 256	   /* of one phone; the rest is left */

/* Asks the phone with that UDID (as usbmuxd lists it) what the enum query bits allow. Blocks for at
 * most `limit_us`, and for as long as usbmuxd and libimobiledevice take, which is for ever at times
 * (PHONE_DEADLINE_US). The UDID may not be one of a phone in restore mode unless QUERY_RESTORE
 * stands in `asks`: the first question is put to either. */
void talk_ask(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret);

typedef void phone_listed(void *user, const char *udid);

/* Lists what usbmuxd shows on USB, at most PHONE_LIST_MAX phones. Returns how many, or
 * -ECONNREFUSED where usbmuxd does not answer. */
int talk_list(phone_listed *listed, void *user);

/* Reads the panic reports of that phone, as usbmuxd lists it, one after the other, through the
 * pairing that its user made; does not interpret them. Returns how many, or a negative errno with
 * one sentence for people, from its verb on, in `message`. Waits for the phone: up to half a minute
 * for each answer, and longer where the library hangs. */
int talk_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE]);
