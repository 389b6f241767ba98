/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "phone/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/plist_guard.h"
#include "common/base/text.h"
#include "common/model/phone_model.h"

#define DEPTH_MAX 8 /* of an answer; real ones have 3 */
#define PANIC_HEAD "panic(cpu"

/* The member of a dict with that type; NULL if there is none. */
static plist_t member_of(plist_t dict, const char *key, plist_type type)
{
	plist_t item = dict && plist_get_node_type(dict) == PLIST_DICT
			       ? plist_dict_get_item(dict, key)
			       : NULL;

	return item && plist_get_node_type(item) == type ? item : NULL;
}

/* Reads a text of a dict as clean text in one line, starting at `head` if it occurs (NULL: the
 * whole text); leaves `out` unchanged if there is none. */
static void read_text_from(plist_t dict, const char *key, const char *head, char *out, size_t size)
{
	plist_t item = member_of(dict, key, PLIST_STRING);
	CLEANUP(freep) char *copy = NULL;
	const char *text, *from;
	uint64_t length = 0;

	/* plist_get_string_val() would abort on a text with a NUL in it. */
	text = item ? plist_get_string_ptr(item, &length) : NULL;
	copy = text ? malloc(length + 1) : NULL;
	if (!copy)
		return;
	for (size_t i = 0; i < length; i++)
		copy[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
	from = head ? memmem(copy, length, head, strlen(head)) : NULL;
	from = from ? from : copy;
	text_clean(from, length - (size_t)(from - copy), out, size);
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

int phone_values_parse(const char *bytes, uint32_t length, plist_t *ret)
{
	plist_t answer = NULL;

	/* The answer to a request in XML is XML; the nesting of the binary format cannot be checked
	 * in advance. */
	if (length == 0 || bytes[0] != '<' || plist_too_deep(bytes, length, DEPTH_MAX))
		return -EBADMSG;
	plist_from_xml(bytes, length, &answer);
	if (!answer || plist_get_node_type(answer) != PLIST_DICT) {
		plist_free(answer);
		return -EBADMSG;
	}
	*ret = answer;
	return 0;
}

enum phone_kind phone_values_kind(plist_t reply)
{
	char type[PHONE_VALUE_SIZE] = "";

	read_text(reply, "Type", type, sizeof(type));
	return text_equal(type, "com.apple.mobile.lockdown")   ? PHONE_NORMAL
	       : text_equal(type, "com.apple.mobile.restored") ? PHONE_RESTORE
							       : PHONE_NONSENSE;
}

/* In the order of phone_values_read_one(). */
static const char *const keys[] = {
	"ProductType", "HardwareModel", "ProductVersion", "BuildVersion", "UniqueChipID"};

const char *phone_values_key(size_t index)
{
	return index < ARRAY_SIZE(keys) ? keys[index] : NULL;
}

void phone_values_read_one(struct phone_answer *answer, size_t index, plist_t reply)
{
	char *texts[] = {answer->product, answer->board, answer->version, answer->build};

	if (index < ARRAY_SIZE(texts))
		read_text(reply, "Value", texts[index], PHONE_VALUE_SIZE);
	else
		answer->ecid = read_number(reply, "Value");
}

/* Only part of a text is stored, and the panic's own words may come late in it. */
void phone_values_read_saved(struct phone_answer *answer, plist_t reply)
{
	plist_t saved = member_of(reply, "SavedDebugInfo", PLIST_DICT);
	struct phone_text *status = &answer->exit_status;

	read_text(saved, "PreviousExitStatus", status->text, sizeof(status->text));
	if (member_of(saved, "PreviousExitStatus", PLIST_UINT))
		snprintf(status->text, sizeof(status->text), "%" PRIu64,
			read_number(saved, "PreviousExitStatus"));
	read_text(saved, "USBLog", answer->usb_log.text, sizeof(answer->usb_log.text));
	read_text_from(saved, "PanicLog", PANIC_HEAD, answer->panic_log.text,
		sizeof(answer->panic_log.text));
}

void phone_values_read_hardware(struct phone_answer *answer, plist_t reply)
{
	plist_t hardware = member_of(reply, "HardwareInfo", PLIST_DICT);
	const struct model *model = model_by_chip((uint32_t)read_number(hardware, "ChipID"),
		(uint32_t)read_number(hardware, "BoardID"));

	answer->ecid = read_number(hardware, "UniqueChipID");
	if (!model)
		return;
	text_copy(answer->product, sizeof(answer->product), model->product);
	text_copy(answer->board, sizeof(answer->board), model->board);
}
