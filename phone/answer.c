/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/answer.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "common/wire/json.h"

static const char *const kind_names[] = {
	[PHONE_NO_ANSWER] = "none",
	[PHONE_NONSENSE] = "nonsense",
	[PHONE_NORMAL] = "normal",
	[PHONE_RESTORE] = "restore",
};

#define TEXT_MEMBER(key, member)                                                                   \
	{                                                                                          \
		key, offsetof(struct phone_answer, member),                                        \
			sizeof(((struct phone_answer *)0)->member)                                 \
	}

static const struct {
	const char *key;
	size_t offset;
	size_t size;
} texts[] = {
	TEXT_MEMBER("product", product),
	TEXT_MEMBER("board", board),
	TEXT_MEMBER("version", version),
	TEXT_MEMBER("build", build),
	TEXT_MEMBER("exitStatus", exit_status),
	TEXT_MEMBER("usbLog", usb_log),
	TEXT_MEMBER("panicLog", panic_log),
};

char *phone_answer_write(const struct phone_answer *answer)
{
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	struct json_builder builder = {0};
	char ecid[ECID_TEXT_SIZE];
	const char *line;

	object = json_new_object(&builder);
	json_put_text(&builder, object, "kind", kind_names[answer->kind]);
	ecid_format(answer->ecid, ecid);
	json_put_known_text(&builder, object, "ecid", ecid);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_put_known_text(
			&builder, object, texts[i].key, (const char *)answer + texts[i].offset);
	object = json_finish(&builder, object);
	line = object ? json_write(object, NULL) : NULL;
	return line ? strdup(line) : NULL;
}

static bool read_kind(struct json_object *object, enum phone_kind *ret)
{
	const char *name;

	if (json_get_text(object, "kind", &name) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (!text_equal(kind_names[i], name))
			continue;
		*ret = (enum phone_kind)i;
		return true;
	}
	return false;
}

/* Reads the existing members; false if one has the wrong format. */
static bool read_members(struct json_object *object, struct phone_answer *ret)
{
	const char *text = NULL;
	int known = 1, r; /* `kind` is one */

	if (!read_kind(object, &ret->kind))
		return false;
	r = json_get_text(object, "ecid", &text);
	if (r < 0 || (r > 0 && ecid_parse(text, &ret->ecid) < 0))
		return false;
	known += r;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		r = json_get_text(object, texts[i].key, &text);
		if (r < 0)
			return false;
		known += r;
		if (r > 0)
			text_clean(
				text, strlen(text), (char *)ret + texts[i].offset, texts[i].size);
	}
	return json_object_object_length(object) == known;
}

int phone_answer_read(const char *bytes, size_t length, struct phone_answer *ret)
{
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	CLEANUP(freep) struct phone_answer *answer = NULL;
	int r;

	if (length > PHONE_ANSWER_JSON_MAX)
		return -EBADMSG;
	r = json_read(bytes, length, &object);
	if (r < 0)
		return r;
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	if (!read_members(object, answer))
		return -EBADMSG;
	*ret = *answer;
	return 0;
}

bool phone_report_name_ok(const char *name)
{
	size_t length = 0;

	for (; name[length]; length++)
		if (!isalnum((unsigned char)name[length]) && !strchr(".-_", name[length]))
			return false;
	return length > 0 && length < PHONE_REPORT_NAME_SIZE && name[0] != '.';
}

char *phone_head_write(const struct phone_head *head)
{
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	struct json_builder builder = {0};
	const char *line;

	object = json_new_object(&builder);
	if (!head->last) {
		json_put_text(&builder, object, "report", head->name);
		json_put_number(&builder, object, "bytes", head->length);
	} else if (head->message[0]) {
		json_put_text(&builder, object, "error", head->message);
	} else {
		json_put_number(&builder, object, "reports", head->count);
	}
	object = json_finish(&builder, object);
	line = object ? json_write(object, NULL) : NULL;
	return line ? strdup(line) : NULL;
}

static bool read_small_number(struct json_object *object, const char *key, uint32_t *ret)
{
	int64_t number;

	if (json_get_number(object, key, &number) != 1 || number < 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* Reads one of the three formats. */
static bool read_head(struct json_object *object, struct phone_head *head)
{
	const char *text;

	if (json_get_text(object, "report", &text) == 1) {
		if (!phone_report_name_ok(text))
			return false;
		text_copy(head->name, sizeof(head->name), text);
		return read_small_number(object, "bytes", &head->length) &&
		       json_object_object_length(object) == 2;
	}
	head->last = true;
	if (json_object_object_length(object) != 1)
		return false;
	if (json_get_text(object, "error", &text) != 1)
		return read_small_number(object, "reports", &head->count);
	return text_clean(text, strlen(text), head->message, sizeof(head->message)) > 0;
}

int phone_head_read(const char *bytes, size_t length, struct phone_head *ret)
{
	CLEANUP(json_object_putp) struct json_object *object = NULL;
	struct phone_head head = {0};
	int r;

	if (length > PHONE_HEAD_MAX)
		return -EBADMSG;
	r = json_read(bytes, length, &object);
	if (r < 0)
		return r;
	if (!read_head(object, &head))
		return -EBADMSG;
	*ret = head;
	return 0;
}
