/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/phone/service.h"

#include "common/base/macro.h"

#include <errno.h>
#include <plist/plist.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_BYTES 4
#define REPLY_MAXIMUM_BYTES (1024 * 1024)
#define RESTORE_PROTOCOL_VERSION 14

static void plist_freep(plist_t *plist)
{
	if (*plist)
		plist_free(*plist);
}

struct request {
	struct systemd *service;
	plist_t content;
	plist_t answer; /* a dictionary that has the request's name in it already */
};

/* The string at `key` of a request, owned by the caller; NULL when it is none. */
static char *string_at(plist_t dictionary, const char *key)
{
	plist_t node = plist_dict_get_item(dictionary, key);
	char *text = NULL;

	if (node && plist_get_node_type(node) == PLIST_STRING)
		plist_get_string_val(node, &text);
	return text;
}

static void set_string(plist_t dictionary, const char *key, const char *value)
{
	plist_dict_set_item(dictionary, key, plist_new_string(value));
}

static void set_bytes(plist_t dictionary, const char *key, const char *hex)
{
	uint8_t bytes[NONCE_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	plist_dict_set_item(dictionary, key, plist_new_data((char *)bytes, sizeof(bytes)));
}

static plist_t new_values(const struct identity *identity)
{
	char udid[UDID_BYTES];
	plist_t values = plist_new_dict();

	identity_udid(identity, udid);
	set_string(values, "BuildVersion", identity->build_version);
	set_string(values, "DeviceName", identity->device_name);
	set_string(values, "HardwareModel", identity->hardware_model);
	set_string(values, "ProductType", identity->product_type);
	set_string(values, "ProductVersion", identity->product_version);
	set_string(values, "SerialNumber", identity->serial_number);
	set_string(values, "UniqueDeviceID", udid);
	plist_dict_set_item(values, "UniqueChipID", plist_new_uint(identity->ecid));
	plist_dict_set_item(values, "BoardId", plist_new_uint(identity->board));
	plist_dict_set_item(values, "ChipID", plist_new_uint(identity->chip));
	plist_dict_set_item(values, "Image4Supported", plist_new_bool(1));
	set_bytes(values, "ApNonce", AP_NONCE);
	set_bytes(values, "SEPNonce", SEP_NONCE);
	return values;
}

static plist_t new_hardware_info(const struct identity *identity)
{
	plist_t info = plist_new_dict();

	plist_dict_set_item(info, "BoardID", plist_new_uint(identity->board));
	plist_dict_set_item(info, "ChipID", plist_new_uint(identity->chip));
	plist_dict_set_item(info, "ProductionMode", plist_new_bool(1));
	plist_dict_set_item(info, "UniqueChipID", plist_new_uint(identity->ecid));
	return info;
}

static void answer_query_type(const struct request *request)
{
	if (request->service->mode == MODE_NORMAL) {
		set_string(request->answer, "Type", "com.apple.mobile.lockdown");
		return;
	}
	/* idevicerestore 1.0.0 takes the phone's identity from here. */
	set_string(request->answer, "HardwareModel", request->service->identity->hardware_model);
	set_string(request->answer, "SerialNumber", request->service->identity->serial_number);
	set_string(request->answer, "Type", "com.apple.mobile.restored");
	plist_dict_set_item(request->answer, "RestoreProtocolVersion",
		plist_new_uint(RESTORE_PROTOCOL_VERSION));
}

static void answer_get_value(const struct request *request)
{
	CLEANUP(freep) char *key = string_at(request->content, "Key");
	CLEANUP(plist_freep) plist_t values = new_values(request->service->identity);
	plist_t value;

	if (!key) {
		plist_dict_set_item(request->answer, "Value", TAKE_PTR(values));
		return;
	}
	value = plist_dict_get_item(values, key);
	if (value)
		plist_dict_set_item(request->answer, "Value", plist_copy(value));
	else
		set_string(request->answer, "Error", "MissingValue");
}

static void answer_query_value(const struct request *request)
{
	CLEANUP(freep) char *key = string_at(request->content, "QueryKey");
	CLEANUP(plist_freep) plist_t values = new_values(request->service->identity);
	plist_t value = key ? plist_dict_get_item(values, key) : NULL;

	if (!key)
		return;
	if (strcmp(key, "HardwareInfo") == 0)
		plist_dict_set_item(
			request->answer, key, new_hardware_info(request->service->identity));
	else if (strcmp(key, "SavedDebugInfo") == 0)
		plist_dict_set_item(request->answer, key, plist_new_dict());
	else if (value)
		plist_dict_set_item(request->answer, key, plist_copy(value));
}

static void answer_success(const struct request *request)
{
	set_string(request->answer, "Result", "Success");
}

static void start_restore(const struct request *request)
{
	request->service->restoring = true;
}

static void answer_not_paired(const struct request *request)
{
	set_string(request->answer, "Error", "InvalidHostID");
}

/* What each mode's service answers. */
static const struct {
	enum mode mode;
	const char *name;
	void (*answer)(const struct request *request);
	bool silent; /* only does something, and sends no answer */
} requests[] = {
	{MODE_NORMAL, "QueryType", answer_query_type},
	{MODE_NORMAL, "GetValue", answer_get_value},
	{MODE_NORMAL, "SetValue", answer_not_paired},
	{MODE_NORMAL, "Pair", answer_not_paired},
	{MODE_NORMAL, "StartSession", answer_not_paired},
	{MODE_NORMAL, "StartService", answer_not_paired},
	{MODE_NORMAL, "EnterRecovery", answer_success},
	{MODE_NORMAL, "Goodbye", answer_success},
	{MODE_RESTORE, "QueryType", answer_query_type},
	{MODE_RESTORE, "QueryValue", answer_query_value},
	{MODE_RESTORE, "StartRestore", start_restore, true},
	{MODE_RESTORE, "Reboot", answer_success},
	{MODE_RESTORE, "Goodbye", answer_success},
};

static int send_message(plist_t content, struct bytes *reply)
{
	CLEANUP(freep) char *xml = NULL;
	uint8_t length[LENGTH_BYTES];
	uint32_t size = 0;
	int r;

	plist_to_xml(content, &xml, &size);
	if (!xml)
		return -ENOMEM;
	put_be32(length, size);
	r = bytes_append(reply, length, sizeof(length), REPLY_MAXIMUM_BYTES);
	if (r < 0)
		return r;
	return bytes_append(reply, xml, size, REPLY_MAXIMUM_BYTES);
}

int service_add_progress(struct bytes *reply, uint64_t operation, uint64_t percent)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();

	set_string(message, "MsgType", "ProgressMsg");
	plist_dict_set_item(message, "Operation", plist_new_uint(operation));
	plist_dict_set_item(message, "Progress", plist_new_uint(percent));
	return send_message(message, reply);
}

int service_add_status(struct bytes *reply, uint64_t status)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();

	set_string(message, "MsgType", "StatusMsg");
	plist_dict_set_item(message, "Status", plist_new_uint(status));
	return send_message(message, reply);
}

int service_add_log(struct bytes *reply, const char *text)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();

	set_string(message, "MsgType", "PreviousRestoreLogMsg");
	set_string(message, "PreviousRestoreLog", text);
	return send_message(message, reply);
}

int service_add_data_request(struct bytes *reply, const char *type)
{
	CLEANUP(plist_freep) plist_t message = plist_new_dict();

	set_string(message, "MsgType", "DataRequestMsg");
	set_string(message, "DataType", type);
	return send_message(message, reply);
}

static int answer_message(struct systemd *service, plist_t content, struct bytes *reply)
{
	CLEANUP(freep) char *name = string_at(content, "Request");
	CLEANUP(plist_freep) plist_t answer = plist_new_dict();
	const struct request request = {service, content, answer};

	/* The host's messages that are no requests, such as the last one of a restore. */
	if (!name)
		return 0;
	report(service->report, "request %s", name);
	set_string(answer, "Request", name);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].mode != service->mode || strcmp(requests[i].name, name) != 0)
			continue;
		requests[i].answer(&request);
		return requests[i].silent ? 0 : send_message(answer, reply);
	}
	set_string(answer, "Error", "InvalidRequest");
	return send_message(answer, reply);
}

void service_init(struct systemd *service, const struct identity *identity, enum mode mode,
	const struct report *report)
{
	*service = (struct systemd){.report = report, .identity = identity, .mode = mode};
}

void service_done(struct systemd *service)
{
	bytes_done(&service->input);
}

/* plist_from_memory() has another form in each version of libplist. */
static void read_plist(const char *text, uint32_t length, plist_t *ret)
{
	if (plist_is_binary(text, length))
		plist_from_bin(text, length, ret);
	else
		plist_from_xml(text, length, ret);
}

int service_feed(struct systemd *service, const uint8_t *data, size_t size, struct bytes *reply)
{
	struct bytes *input = &service->input;
	int r = bytes_append(input, data, size, SERVICE_MESSAGE_MAXIMUM_BYTES);

	while (r == 0 && input->size >= LENGTH_BYTES) {
		const uint32_t length = get_be32(input->data);
		CLEANUP(plist_freep) plist_t content = NULL;

		if (length > SERVICE_MESSAGE_MAXIMUM_BYTES - LENGTH_BYTES)
			return -EBADMSG;
		if (input->size < LENGTH_BYTES + length)
			break;
		read_plist((const char *)input->data + LENGTH_BYTES, length, &content);
		bytes_drop(input, LENGTH_BYTES + length);
		if (!content || plist_get_node_type(content) != PLIST_DICT)
			return -EBADMSG;
		r = answer_message(service, content, reply);
	}
	return r;
}
