/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/io/phone_query.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <libimobiledevice/libimobiledevice.h>
#include <plist/plist.h>

#include "common/base/clock.h"
#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/triage/model.h"
#include "common/triage/query.h"
#include "daemon/io/plist_guard.h"

#define PORT 62078 /* of lockdownd, and in restore mode of restored */
#define LABEL "idevicetriaged"
#define DEPTH_MAX 8 /* of an answer; real ones have 3 */
#define TYPE_NORMAL "com.apple.mobile.lockdown"
#define TYPE_RESTORE "com.apple.mobile.restored"
#define PANIC_HEAD "panic(cpu"

/* A connection, and until when it may be used. */
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

/* One read gives what is there: the deadline is for all of them together. */
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

/* A frame is a big-endian length and a property list, as libimobiledevice's property_list_service
 * has it. That takes 16 MiB of any depth for 30 s a piece, which is too much to believe a phone. */
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
	CLEANUP(plist_freep) plist_t answer = NULL;
	uint32_t length;
	int r = receive_all(talk, (char *)&length, sizeof(length));

	if (r < 0)
		return r;
	length = be32toh(length);
	if (length == 0 || length > PHONE_ANSWER_MAX)
		return -EBADMSG;
	bytes = malloc(length);
	if (!bytes)
		return -ENOMEM;
	r = receive_all(talk, bytes, length);
	if (r < 0)
		return r;
	/* To a request in XML the answer is XML; the binary form's depth cannot be seen before. */
	if (bytes[0] != '<' || plist_too_deep(bytes, length, DEPTH_MAX))
		return -EBADMSG;
	plist_from_xml(bytes, length, &answer);
	if (!answer || plist_get_node_type(answer) != PLIST_DICT)
		return -EBADMSG;
	*ret = TAKE_PTR(answer);
	return 0;
}

/* Sends a request with, where `key` is not NULL, one more member, and takes the answer. */
static int ask(
	struct talk *talk, const char *request, const char *member, const char *key, plist_t *ret)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();
	int r;

	plist_dict_set_item(message, "Label", plist_new_string(LABEL));
	plist_dict_set_item(message, "Request", plist_new_string(request));
	if (key)
		plist_dict_set_item(message, member, plist_new_string(key));
	r = send_frame(talk, message);
	return r < 0 ? r : receive_frame(talk, ret);
}

/* A member of a dict of that type; NULL where there is none. */
static plist_t member_of(plist_t dict, const char *key, plist_type type)
{
	plist_t item = dict && plist_get_node_type(dict) == PLIST_DICT
			       ? plist_dict_get_item(dict, key)
			       : NULL;

	return item && plist_get_node_type(item) == type ? item : NULL;
}

/* Takes a text of a dict as clean text in one line, from `head` on where it has that (NULL: whole);
 * leaves `out` alone where there is none. */
static void read_text_from(plist_t dict, const char *key, const char *head, char *out, size_t size)
{
	plist_t item = member_of(dict, key, PLIST_STRING);
	CLEANUP(freep) char *text = NULL;
	const char *from;

	if (item)
		plist_get_string_val(item, &text);
	if (!text)
		return;
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	from = head ? strstr(text, head) : NULL;
	from = from ? from : text;
	text_clean(from, strlen(from), out, size);
}

static void read_text(plist_t dict, const char *key, char *out, size_t size)
{
	read_text_from(dict, key, NULL, out, size);
}

static uint64_t read_number(plist_t dict, const char *key)
{
	plist_t item = member_of(dict, key, PLIST_UINT);
	uint64_t number = 0;

	if (item)
		plist_get_uint_val(item, &number);
	return number;
}

/* One value at a time: a question for all of them would also tell the owner's name. */
static int ask_lockdown(struct talk *talk, struct phone_answer *answer)
{
	const struct {
		const char *key;
		char *out;
	} values[] = {
		{"ProductType", answer->product},
		{"HardwareModel", answer->board},
		{"ProductVersion", answer->version},
		{"BuildVersion", answer->build},
		{"UniqueChipID", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		CLEANUP(plist_freep) plist_t reply = NULL;
		int r = ask(talk, "GetValue", "Key", values[i].key, &reply);

		if (r < 0)
			return r;
		if (values[i].out)
			read_text(reply, "Value", values[i].out, PHONE_VALUE_SIZE);
		else
			answer->ecid = read_number(reply, "Value");
	}
	return 0;
}

/* Only so much of a text is kept, and the panic's own words may stand behind much else. */
static void read_saved(plist_t saved, struct phone_answer *answer)
{
	struct phone_text *status = &answer->exit_status;

	read_text(saved, "PreviousExitStatus", status->text, sizeof(status->text));
	if (member_of(saved, "PreviousExitStatus", PLIST_UINT))
		snprintf(status->text, sizeof(status->text), "%" PRIu64,
			read_number(saved, "PreviousExitStatus"));
	read_text(saved, "USBLog", answer->usb_log.text, sizeof(answer->usb_log.text));
	read_text_from(saved, "PanicLog", PANIC_HEAD, answer->panic_log.text,
		sizeof(answer->panic_log.text));
}

static void read_hardware(plist_t hardware, struct phone_answer *answer)
{
	const struct model *model = model_by_chip((uint32_t)read_number(hardware, "ChipID"),
		(uint32_t)read_number(hardware, "BoardID"));

	answer->ecid = read_number(hardware, "UniqueChipID");
	if (!model)
		return;
	text_copy(answer->product, sizeof(answer->product), model->product);
	text_copy(answer->board, sizeof(answer->board), model->board);
}

/* The keys and their meaning as idevicerestore (restore.c, revision 405fcd1) asks for them before
 * it starts a restore. */
static int ask_restored(struct talk *talk, struct phone_answer *answer)
{
	static const char *const keys[] = {"HardwareInfo", "SavedDebugInfo"};
	CLEANUP(plist_freep) plist_t goodbye = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CLEANUP(plist_freep) plist_t reply = NULL;
		int r = ask(talk, "QueryValue", "QueryKey", keys[i], &reply);
		plist_t value;

		if (r < 0)
			return r;
		value = plist_dict_get_item(reply, keys[i]);
		if (i == 0)
			read_hardware(value, answer);
		else
			read_saved(value, answer);
	}
	ask(talk, "Goodbye", NULL, NULL, &goodbye);
	return 0;
}

static int ask_all(struct talk *talk, unsigned asks, struct phone_answer *answer)
{
	CLEANUP(plist_freep) plist_t reply = NULL;
	char type[PHONE_VALUE_SIZE] = "";
	int r = ask(talk, "QueryType", NULL, NULL, &reply);

	if (r < 0)
		return r;
	read_text(reply, "Type", type, sizeof(type));
	if (text_equal(type, TYPE_NORMAL)) {
		answer->kind = PHONE_NORMAL;
		return asks & QUERY_NORMAL ? ask_lockdown(talk, answer) : 0;
	}
	if (text_equal(type, TYPE_RESTORE)) {
		answer->kind = PHONE_RESTORE;
		return asks & QUERY_RESTORE ? ask_restored(talk, answer) : 0;
	}
	return -EBADMSG;
}

void phone_query(const char *udid, unsigned asks, uint64_t limit_us, struct phone_answer *ret)
{
	CLEANUP(talk_done) struct talk talk = {0};
	int r;

	*ret = (struct phone_answer){.kind = PHONE_NO_ANSWER};
	r = talk_begin(&talk, udid, limit_us);
	if (r == 0)
		r = ask_all(&talk, asks, ret);
	/* What it said before it stopped making sense is kept. */
	if (r == -EBADMSG && ret->kind == PHONE_NO_ANSWER)
		ret->kind = PHONE_NONSENSE;
}
