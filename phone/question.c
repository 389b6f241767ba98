/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/talk.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <libimobiledevice/libimobiledevice.h>
#include <plist/plist.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/model/phone_query_policy.h"
#include "phone/values.h"

#define PORT 62078 /* of lockdownd; in restore mode of restored */

/* A connection and its deadline. */
struct talk {
	idevice_t device;
	idevice_connection_t connection;
	uint64_t until_us;
};

static void talk_done(struct talk *talk)
{
	if (talk->connection)
		idevice_disconnect(talk->connection);
	if (talk->device)
		idevice_free(talk->device);
}

static void plist_freep(plist_t *plist)
{
	plist_free(*plist);
}

static int talk_begin(struct talk *talk, const char *udid, uint64_t limit_us)
{
	talk->until_us = clock_now().monotonic_us + limit_us;
	if (idevice_new_with_options(&talk->device, udid, IDEVICE_LOOKUP_USBMUX) !=
		IDEVICE_E_SUCCESS)
		return -ENODEV;
	if (idevice_connect(talk->device, PORT, &talk->connection) != IDEVICE_E_SUCCESS)
		return -ECONNREFUSED;
	return 0;
}

static int send_all(struct talk *talk, const char *bytes, uint32_t length)
{
	while (length > 0) {
		uint32_t sent = 0;

		if (idevice_connection_send(talk->connection, bytes, length, &sent) !=
				IDEVICE_E_SUCCESS ||
			sent == 0 || sent > length)
			return -EPIPE;
		bytes += sent;
		length -= sent;
	}
	return 0;
}

/* A single read may be partial: the deadline is for all reads together. */
static int receive_all(struct talk *talk, char *bytes, uint32_t length)
{
	while (length > 0) {
		uint64_t now_us = clock_now().monotonic_us;
		uint32_t got = 0;

		if (now_us >= talk->until_us)
			return -ETIMEDOUT;
		if (idevice_connection_receive_timeout(talk->connection, bytes, length, &got,
			    (unsigned)((talk->until_us - now_us) / USEC_PER_MSEC + 1)) !=
				IDEVICE_E_SUCCESS ||
			got == 0 || got > length)
			return -ETIMEDOUT;
		bytes += got;
		length -= got;
	}
	return 0;
}

/* A frame is a big-endian length and a property list, as in libimobiledevice's
 * property_list_service. That function accepts 16 MiB with any nesting and waits 30 s per part,
 * which is too much trust in a phone. */
static int send_frame(struct talk *talk, plist_t request)
{
	char *xml = NULL;
	uint32_t length = 0, prefix;
	int r;

	plist_to_xml(request, &xml, &length);
	if (!xml)
		return -ENOMEM;
	prefix = htobe32(length);
	r = send_all(talk, (const char *)&prefix, sizeof(prefix));
	if (r == 0)
		r = send_all(talk, xml, length);
	free(xml);
	return r;
}

static int receive_frame(struct talk *talk, plist_t *ret)
{
	CLEANUP(freep) char *bytes = NULL;
	uint32_t length;
	int r = receive_all(talk, (char *)&length, sizeof(length));

	if (r < 0)
		return r;
	length = be32toh(length);
	if (length == 0 || length > PHONE_VALUES_MAX)
		return -EBADMSG;
	bytes = malloc(length);
	if (!bytes)
		return -ENOMEM;
	r = receive_all(talk, bytes, length);
	return r < 0 ? r : phone_values_parse(bytes, length, ret);
}

/* Sends a request, with one more member if `key` is not NULL, and reads the answer. */
static int ask(
	struct talk *talk, const char *request, const char *member, const char *key, plist_t *ret)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();
	int r;

	plist_dict_set_item(message, "Label", plist_new_string(TALK_LABEL));
	plist_dict_set_item(message, "Request", plist_new_string(request));
	if (key)
		plist_dict_set_item(message, member, plist_new_string(key));
	r = send_frame(talk, message);
	return r < 0 ? r : receive_frame(talk, ret);
}

/* One value at a time: a query for all values would also return the owner's name. */
static int ask_lockdown(struct talk *talk, struct phone_answer *answer)
{
	for (size_t i = 0; phone_values_key(i); i++) {
		CLEANUP(plist_freep) plist_t reply = NULL;
		int r = ask(talk, "GetValue", "Key", phone_values_key(i), &reply);

		if (r < 0)
			return r;
		phone_values_read_one(answer, i, reply);
	}
	return 0;
}

/* The keys and their meaning are those that idevicerestore queries before it starts a restore
 * (restore.c, revision 405fcd1). */
static int ask_restored(struct talk *talk, struct phone_answer *answer)
{
	CLEANUP(plist_freep) plist_t hardware = NULL, saved = NULL, goodbye = NULL;
	int r = ask(talk, "QueryValue", "QueryKey", "HardwareInfo", &hardware);

	if (r < 0)
		return r;
	phone_values_read_hardware(answer, hardware);
	r = ask(talk, "QueryValue", "QueryKey", "SavedDebugInfo", &saved);
	if (r < 0)
		return r;
	phone_values_read_saved(answer, saved);
	ask(talk, "Goodbye", NULL, NULL, &goodbye);
	return 0;
}

static int ask_all(struct talk *talk, unsigned asks, struct phone_answer *answer)
{
	CLEANUP(plist_freep) plist_t reply = NULL;
	int r = ask(talk, "QueryType", NULL, NULL, &reply);

	if (r < 0)
		return r;
	answer->kind = phone_values_kind(reply);
	if (answer->kind == PHONE_NORMAL && asks & QUERY_NORMAL)
		return ask_lockdown(talk, answer);
	if (answer->kind == PHONE_RESTORE && asks & QUERY_RESTORE)
		return ask_restored(talk, answer);
	return 0;
}

void talk_ask(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret)
{
	CLEANUP(talk_done) struct talk talk = {0};
	int r;

	*ret = (struct phone_answer){.kind = PHONE_NO_ANSWER};
	r = talk_begin(&talk, udid, limit_us);
	if (r == 0)
		r = ask_all(&talk, asks, ret);
	/* Values from before the invalid answer are kept. */
	if (r == -EBADMSG && ret->kind == PHONE_NO_ANSWER)
		ret->kind = PHONE_NONSENSE;
}
