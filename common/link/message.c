/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/link/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macro.h"
#include "common/base/text.h"

#define MESSAGE_BYTES_MIN 8
#define MESSAGE_BYTES_MAX (512 * 1024 * 1024)	  /* a larger number is not a length */
#define XML_BEGIN UINT64_C(0x3c3f786d6c207665)	  /* "<?xml ve" */
#define BINARY_BEGIN UINT64_C(0x62706c6973743030) /* "bplist00" */
#define WINDOW_BYTES 12				  /* the length, and the first eight bytes */

static const struct {
	const char *text;
	bool early; /* of a request for the type of the service, or its answer */
} keys[KEYS] = {
	[KEY_MESSAGE] = {"MsgType", false},
	[KEY_REQUEST] = {"Request", true},
	[KEY_SERVICE] = {"Type", true},
	[KEY_LABEL] = {"Label", true},
	[KEY_DATA] = {"DataType", false},
	[KEY_CHECKPOINT_NAME] = {"CHECKPOINT_NAME", false},
	[KEY_PROTOCOL] = {"RestoreProtocolVersion", true},
	[KEY_OPERATION] = {"Operation", false},
	[KEY_PROGRESS] = {"Progress", false},
	[KEY_STATUS] = {"Status", false},
	[KEY_AMR_ERROR] = {"AMRError", false},
	[KEY_CHECKPOINT_ID] = {"CHECKPOINT_ID", false},
	[KEY_CHECKPOINT_RESULT] = {"CHECKPOINT_RESULT", false},
	[KEY_CHECKPOINT_COMPLETE] = {"CHECKPOINT_COMPLETE", false},
	[KEY_CHECKPOINT_WARNING] = {"CHECKPOINT_WARNING", false},
	[KEY_CHECKPOINT_ERROR] = {"CHECKPOINT_ERROR", false},
};

bool message_has(const struct message *message, enum message_key key)
{
	return message->found & UINT32_C(1) << key;
}

const char *message_word(const struct message *message, enum message_key key)
{
	return message_has(message, key) ? message->words[key] : "";
}

int64_t message_number(const struct message *message, enum message_key key)
{
	return message_has(message, key) ? message->numbers[key - KEY_NUMBERS] : 0;
}

void message_reader_init(struct message_reader *reader)
{
	*reader = (struct message_reader){.key = KEYS};
}

void message_reader_done(struct message_reader *reader)
{
	free(reader->binary);
	reader->binary = NULL;
}

/* -- values: the same for both forms -- */

static int find_key(const struct message_reader *reader, const char *text, size_t length)
{
	for (int key = 0; key < KEYS; key++)
		if ((keys[key].early || reader->all_keys) && strlen(keys[key].text) == length &&
			memcmp(keys[key].text, text, length) == 0)
			return key;
	return KEYS;
}

static bool is_only_marked(int key)
{
	return key == KEY_CHECKPOINT_WARNING || key == KEY_CHECKPOINT_ERROR;
}

static void set_number(struct message_reader *reader, int key, int64_t number)
{
	if (key < KEY_NUMBERS || key >= KEYS)
		return;
	reader->message.numbers[key - KEY_NUMBERS] = is_only_marked(key) ? 1 : number;
	reader->message.found |= UINT32_C(1) << key;
}

/* Names of programs, data and steps consist of these; anything else is some other text. */
static bool is_word(const char *text, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-:";

	for (size_t i = 0; i < length; i++)
		if (!text[i] || !strchr(letters, text[i]))
			return false;
	return length > 0 && length < MESSAGE_WORD_SIZE;
}

static void set_text(struct message_reader *reader, int key, const char *text, size_t length)
{
	if (key >= KEY_NUMBERS || !is_word(text, length))
		return;
	memcpy(reader->message.words[key], text, length);
	reader->message.words[key][length] = '\0';
	reader->message.found |= UINT32_C(1) << key;
}

/* -- the XML form -- */

static void collect(struct message_reader *reader, int what)
{
	reader->collect = what;
	reader->text_length = 0;
}

static void end_text(struct message_reader *reader)
{
	size_t length = reader->text_length;
	const char *text = reader->text;
	unsigned long long number;
	char *end;

	if (length >= MESSAGE_WORD_SIZE) {
		/* Too long for a key, a word or a number. */
		reader->key = KEYS;
	} else if (reader->collect == COLLECT_KEY) {
		reader->key = find_key(reader, text, length);
	} else if (reader->collect == COLLECT_WORD) {
		set_text(reader, reader->key, text, length);
		reader->key = KEYS;
	} else if (reader->collect == COLLECT_NUMBER) {
		reader->text[length] = '\0';
		errno = 0;
		number = strtoull(text, &end, 10);
		/* A negative number comes with its sign, or as an unsigned one of 64 bits. */
		if (length > 0 && !*end && !errno && strspn(text, "-0123456789") == length)
			set_number(reader, reader->key, (int64_t)number);
		reader->key = KEYS;
	}
	collect(reader, COLLECT_NOTHING);
}

enum tag {
	TAG_OTHER,
	TAG_OPEN,
	TAG_CLOSE,
	TAG_KEY,
	TAG_STRING,
	TAG_INTEGER,
	TAG_TRUE,
	TAG_FALSE,
	TAG_END,
	TAG_LIST_END,
	TAG_LIST_BEGIN,
};

static enum tag tag_of(const char *text)
{
	static const struct {
		const char *text;
		enum tag tag;
	} tags[] = {
		{"dict", TAG_OPEN},
		{"array", TAG_OPEN},
		{"/dict", TAG_CLOSE},
		{"/array", TAG_CLOSE},
		{"key", TAG_KEY},
		{"string", TAG_STRING},
		{"integer", TAG_INTEGER},
		{"true/", TAG_TRUE},
		{"false/", TAG_FALSE},
		{"/key", TAG_END},
		{"/string", TAG_END},
		{"/integer", TAG_END},
		{"/plist", TAG_LIST_END},
		{"?xml", TAG_LIST_BEGIN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (text_equal(tags[i].text, text))
			return tags[i].tag;
	return TAG_OTHER;
}

/* A list begins inside a list: the length of the outer one was wrong, or its end is missing. */
static void begin_again(struct message_reader *reader)
{
	reader->message.found = 0;
	reader->depth = 0;
	reader->key = KEYS;
	reader->left = MESSAGE_BYTES_MAX;
	collect(reader, COLLECT_NOTHING);
}

static void begin_value(struct message_reader *reader, int what)
{
	if (reader->depth == 1 && reader->key < KEYS)
		collect(reader, what);
}

static void read_tag(struct message_reader *reader)
{
	bool outermost = reader->depth == 1;

	switch (tag_of(reader->tag)) {
	case TAG_OPEN:
		reader->depth++;
		reader->key = KEYS;
		break;
	case TAG_CLOSE:
		reader->depth -= reader->depth > 0;
		reader->key = KEYS;
		break;
	case TAG_KEY:
		collect(reader, outermost ? COLLECT_KEY : COLLECT_NOTHING);
		break;
	case TAG_STRING:
		if (outermost && is_only_marked(reader->key)) {
			set_number(reader, reader->key, 1);
			reader->key = KEYS;
		}
		begin_value(reader, COLLECT_WORD);
		break;
	case TAG_INTEGER:
		begin_value(reader, COLLECT_NUMBER);
		break;
	case TAG_TRUE:
	case TAG_FALSE:
		set_number(reader, outermost ? reader->key : KEYS, reader->tag[0] == 't');
		reader->key = KEYS;
		break;
	case TAG_END:
		end_text(reader);
		break;
	case TAG_LIST_BEGIN:
		begin_again(reader);
		break;
	case TAG_OTHER:
	case TAG_LIST_END:
		reader->key = KEYS;
		break;
	}
}

/* Reads text up to a tag. */
static size_t read_xml_text(struct message_reader *reader, const uint8_t *bytes, size_t length)
{
	const uint8_t *open = memchr(bytes, '<', length);
	size_t used = open ? (size_t)(open - bytes) : length;
	size_t at = reader->text_length;

	if (reader->collect != COLLECT_NOTHING) {
		if (at < sizeof(reader->text))
			memcpy(reader->text + at, bytes,
				used < sizeof(reader->text) - at ? used
								 : sizeof(reader->text) - at);
		reader->text_length += used;
	}
	if (!open)
		return used;
	reader->in_tag = true;
	reader->tag_length = 0;
	return used + 1;
}

/* Reads a tag; attributes are cut off. Comments and sections of raw text could hide anything, and
 * no phone and no tool writes them: such a list is damaged. */
static size_t read_xml_tag(
	struct message_reader *reader, const uint8_t *bytes, size_t length, bool *damaged)
{
	size_t used = 0;

	while (used < length && bytes[used] != '>') {
		if (reader->tag_length < sizeof(reader->tag) - 1)
			reader->tag[reader->tag_length] = (char)bytes[used];
		reader->tag_length++;
		used++;
	}
	if (used == length)
		return used;
	if (reader->tag_length > sizeof(reader->tag) - 1)
		reader->tag_length = sizeof(reader->tag) - 1;
	reader->tag[reader->tag_length] = '\0';
	reader->tag[strcspn(reader->tag, " \t\r\n")] = '\0';
	reader->in_tag = false;
	*damaged |= text_starts_with(reader->tag, "!-") || text_starts_with(reader->tag, "![");
	read_tag(reader);
	return used + 1;
}

/* -- the binary form: apple's CFBinaryPList.c -- */

struct binary {
	const uint8_t *bytes;
	size_t length; /* without the trailer */
	size_t offset_size, reference_size, objects, table;
};

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}

#define TRAILER_BYTES 32

static bool binary_open(struct binary *list, const uint8_t *bytes, size_t length, size_t *ret_top)
{
	const uint8_t *trailer = bytes + length - TRAILER_BYTES;
	uint64_t objects, top, table;

	if (length < TRAILER_BYTES + MESSAGE_BYTES_MIN)
		return false;
	*list = (struct binary){.bytes = bytes,
		.length = length - TRAILER_BYTES,
		.offset_size = trailer[6],
		.reference_size = trailer[7]};
	objects = big_endian(trailer + 8, 8);
	top = big_endian(trailer + 16, 8);
	table = big_endian(trailer + 24, 8);
	if (list->offset_size < 1 || list->offset_size > 8 || list->reference_size < 1 ||
		list->reference_size > 8 || objects > length || top >= objects ||
		table > list->length || objects * list->offset_size > list->length - table)
		return false;
	list->objects = (size_t)objects;
	list->table = (size_t)table;
	*ret_top = (size_t)top;
	return true;
}

/* An object: its marker's upper half, the count in it, and where its contents begin. */
struct object {
	unsigned type;
	uint64_t count;
	size_t at;
};

static bool binary_object(const struct binary *list, uint64_t number, struct object *ret)
{
	uint64_t offset;
	uint8_t marker;
	size_t size;

	if (number >= list->objects)
		return false;
	offset = big_endian(
		list->bytes + list->table + (size_t)number * list->offset_size, list->offset_size);
	if (offset >= list->length)
		return false;
	marker = list->bytes[offset];
	*ret = (struct object){.type = marker >> 4, .count = marker & 15, .at = (size_t)offset + 1};
	if (ret->count < 15 || ret->type < 4)
		return true;
	/* The count follows as an integer. */
	if (ret->at >= list->length || list->bytes[ret->at] >> 4 != 1)
		return false;
	size = (size_t)1 << (list->bytes[ret->at] & 3);
	if (size > list->length - ret->at - 1)
		return false;
	ret->count = big_endian(list->bytes + ret->at + 1, size);
	ret->at += 1 + size;
	return true;
}

static bool fits(const struct binary *list, const struct object *object, uint64_t bytes)
{
	return bytes <= list->length - object->at;
}

#define BINARY_TEXT 5

static void binary_value(struct message_reader *reader, const struct binary *list, int key,
	const struct object *value)
{
	const uint8_t *bytes = list->bytes + value->at;

	if (is_only_marked(key))
		set_number(reader, key, 1);
	else if (value->type == BINARY_TEXT && fits(list, value, value->count))
		set_text(reader, key, (const char *)bytes, (size_t)value->count);
	else if (value->type == 0 && (value->count == 8 || value->count == 9))
		set_number(reader, key, value->count == 9);
	else if (value->type == 1 && value->count <= 4 &&
		 fits(list, value, UINT64_C(1) << value->count))
		set_number(reader, key, (int64_t)big_endian(bytes, (size_t)1 << value->count));
}

/* Whether it is a property list. */
static bool read_binary(struct message_reader *reader)
{
	struct object dict, key, value;
	struct binary list;
	const uint8_t *references;
	size_t top, size;

	if (!binary_open(&list, reader->binary, reader->binary_length, &top) ||
		!binary_object(&list, top, &dict) || dict.type != 13)
		return false;
	size = list.reference_size;
	if (dict.count > list.length || !fits(&list, &dict, 2 * dict.count * size))
		return false;
	references = list.bytes + dict.at;
	for (size_t i = 0; i < dict.count; i++) {
		int found;

		if (!binary_object(&list, big_endian(references + i * size, size), &key) ||
			!binary_object(&list,
				big_endian(references + ((size_t)dict.count + i) * size, size),
				&value))
			return false;
		if (key.type != BINARY_TEXT || !fits(&list, &key, key.count))
			continue;
		found = find_key(reader, (const char *)list.bytes + key.at, (size_t)key.count);
		if (found < KEYS)
			binary_value(reader, &list, found, &value);
	}
	return true;
}

/* -- messages in the stream -- */

static void seek(struct message_reader *reader)
{
	message_reader_done(reader);
	reader->state = READER_SEEKS;
	reader->before = 0;
	reader->last = 0;
	reader->left = 0;
}

void message_reader_gap(struct message_reader *reader)
{
	seek(reader);
	reader->gap = true;
}

static void begin_xml(struct message_reader *reader)
{
	reader->state = READER_XML;
	reader->key = KEYS;
	reader->depth = 0;
	/* The eight bytes that were found are inside a tag. */
	reader->in_tag = true;
	reader->tag_length = sizeof(reader->tag);
	memcpy(reader->tag, "?", sizeof("?"));
	collect(reader, COLLECT_NOTHING);
}

/* A binary list is read when it is whole. One that is too large is passed over. */
static void begin_binary(struct message_reader *reader)
{
	if (reader->before > MESSAGE_BINARY_MAX)
		return;
	reader->binary = malloc(reader->before);
	if (!reader->binary)
		return;
	reader->state = READER_BINARY;
	memcpy(reader->binary, "bplist00", sizeof(reader->last));
	reader->binary_length = sizeof(reader->last);
}

static void begin_message(struct message_reader *reader)
{
	reader->resynchronised += reader->gap;
	reader->gap = false;
	reader->message.found = 0;
	reader->left = reader->before - sizeof(reader->last);
	if (reader->last == XML_BEGIN)
		begin_xml(reader);
	else
		begin_binary(reader);
}

/* Looks for a length with the beginning of a property list after it. In a whole stream it is found
 * at once; in a damaged one, or after a wrong length, at the next message. Meanwhile a message that
 * is too large may end. */
static size_t seek_message(
	struct message_reader *reader, const uint8_t *bytes, size_t length, bool *complete)
{
	for (size_t i = 0; i < length; i++) {
		reader->before = reader->before << 8 | (uint32_t)(reader->last >> 56);
		reader->last = reader->last << 8 | bytes[i];
		*complete = reader->left > 0 && --reader->left == 0;
		if (*complete)
			return i + 1;
		if ((reader->last == XML_BEGIN || reader->last == BINARY_BEGIN) &&
			reader->before > MESSAGE_BYTES_MIN && reader->before <= MESSAGE_BYTES_MAX) {
			begin_message(reader);
			return i + 1;
		}
	}
	return length;
}

static size_t read_xml(
	struct message_reader *reader, const uint8_t *bytes, size_t length, bool *complete)
{
	bool damaged = false;
	size_t used = 0;

	while (used < length && !damaged && !*complete) {
		bool was_tag = reader->in_tag;

		used += was_tag ? read_xml_tag(reader, bytes + used, length - used, &damaged)
				: read_xml_text(reader, bytes + used, length - used);
		*complete =
			was_tag && !reader->in_tag && !damaged && text_equal(reader->tag, "/plist");
	}
	reader->left -= used;
	if (*complete || damaged || reader->left == 0) {
		reader->gap |= !*complete;
		seek(reader);
	}
	return used;
}

size_t message_reader_feed(
	struct message_reader *reader, const uint8_t *bytes, size_t length, bool *complete)
{
	*complete = false;
	if (reader->state == READER_SEEKS)
		return seek_message(reader, bytes, length, complete);
	if (length > reader->left)
		length = reader->left;
	if (reader->state == READER_XML)
		return read_xml(reader, bytes, length, complete);
	memcpy(reader->binary + reader->binary_length, bytes, length);
	reader->binary_length += length;
	reader->left -= length;
	if (reader->left == 0) {
		*complete = read_binary(reader);
		reader->gap |= !*complete;
		seek(reader);
	}
	return length;
}
