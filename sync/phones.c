/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sync/phones.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/text.h"

#define RECALL_US (UINT64_C(30) * 24 * 3600 * USEC_PER_SEC)
#define PAGE 50 /* sessions: a page stays small in memory */
#define PHONES_MAX 5000

struct phone *phones_find_key(struct phones *phones, const char *key)
{
	for (size_t i = 0; i < phones->count; i++)
		if (text_equal(phones->list[i].key, key))
			return &phones->list[i];
	return NULL;
}

/* Makes room for one more. NULL = out of memory, or all are attached. */
static struct phone *add(struct phones *phones)
{
	struct phone *list = phones->list;

	for (size_t i = 0; phones->count == PHONES_MAX && i < phones->count; i++)
		if (!list[i].attached)
			return &list[i];
	if (phones->count == PHONES_MAX)
		return NULL;
	list = reallocarray(phones->list, phones->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	phones->list = list;
	return &list[phones->count++];
}

static struct phone *find_or_add(struct phones *phones, uint64_t ecid)
{
	struct phone *phone;

	for (size_t i = 0; i < phones->count; i++)
		if (phones->list[i].ecid == ecid)
			return &phones->list[i];
	phone = add(phones);
	if (!phone)
		return NULL;
	*phone = (struct phone){.ecid = ecid, .wanted = true, .whole = true};
	device_key_make(phones->shop_key, ecid, phone->key);
	return phone;
}

void phones_see(struct phones *phones, uint64_t ecid)
{
	(void)find_or_add(phones, ecid);
}

static uint64_t ecid_of(struct json_object *object)
{
	const char *ecid_text = "", *udid = "";
	uint64_t ecid = 0;

	json_get_text(object, "ecid", &ecid_text);
	json_get_text(object, "udid", &udid);
	return ecid_parse(ecid_text, &ecid) == 0 ? ecid : udid_ecid(udid);
}

static int call(struct local *local, const char *method, struct json_builder *builder,
	struct json_object *parameters, struct json_object **ret)
{
	char error[64];
	int r = local_call(local, method, builder, parameters, ret, error);

	return r > 0 ? -EPROTO : r;
}

static int mark_attached(struct phones *phones, struct json_object *device)
{
	uint64_t ecid = ecid_of(device);
	const char *mode = "gone";
	struct phone *phone;

	json_get_text(device, "mode", &mode);
	if (!ecid || text_equal(mode, "gone"))
		return 0;
	phone = find_or_add(phones, ecid);
	if (!phone)
		return -ENOMEM;
	phone->attached = true;
	return 0;
}

int phones_look(struct phones *phones, struct local *local)
{
	CLEANUP(json_object_putp) struct json_object *reply = NULL;
	CLEANUP(freep) bool *before = calloc(phones->count + 1, sizeof(*before));
	struct json_builder builder = {0};
	struct json_object *devices = NULL;
	size_t known = phones->count;
	int r = before ? call(local, "ListDevices", &builder, NULL, &reply) : -ENOMEM;

	if (r < 0)
		return r;
	for (size_t i = 0; i < known; i++) {
		before[i] = phones->list[i].attached;
		phones->list[i].attached = false;
	}
	json_get_array(reply, "devices", &devices);
	for (size_t i = 0; r == 0 && devices && i < json_object_array_length(devices); i++)
		r = mark_attached(phones, json_object_array_get_idx(devices, i));
	for (size_t i = 0; i < known; i++)
		if (phones->list[i].attached && !before[i])
			phones->list[i].wanted = phones->list[i].whole = true;
	return r;
}

static int recall_page(
	struct phones *phones, struct local *local, uint64_t since_us, struct json_object **page)
{
	CLEANUP(json_object_putp) struct json_object *last = *page;
	struct json_builder builder = {0};
	struct json_object *parameters = json_new_object(&builder), *sessions = NULL;
	const char *cursor = NULL;
	int r;

	*page = NULL;
	json_get_text(last, "cursor", &cursor);
	json_put_number(&builder, parameters, "sinceUSec", (int64_t)since_us);
	json_put_number(&builder, parameters, "limit", PAGE);
	if (cursor)
		json_put_text(&builder, parameters, "cursor", cursor);
	r = call(local, "ListSessions", &builder, parameters, page);
	if (r < 0)
		return r;
	json_get_array(*page, "sessions", &sessions);
	for (size_t i = 0; sessions && i < json_object_array_length(sessions); i++) {
		uint64_t ecid = ecid_of(json_object_array_get_idx(sessions, i));

		if (ecid && !find_or_add(phones, ecid))
			return -ENOMEM;
	}
	return 0;
}

int phones_recall(struct phones *phones, struct local *local)
{
	CLEANUP(json_object_putp) struct json_object *page = NULL;
	uint64_t now_us = clock_now().wall_us;
	uint64_t since_us = now_us > RECALL_US ? now_us - RECALL_US : 0;
	const char *cursor;
	int r;

	do {
		cursor = NULL;
		r = recall_page(phones, local, since_us, &page);
		json_get_text(page, "cursor", &cursor);
	} while (r == 0 && cursor);
	return r;
}

void phones_done(struct phones *phones)
{
	free(phones->list);
	*phones = (struct phones){0};
}
