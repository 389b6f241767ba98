/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/commands/phone_reports.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/logs/panicfile.h"
#include "common/wire/json.h"
#include "phone/program.h"

/* For one report or the end. Longer than a phone needs; the library waits for 30 s, or for ever. */
#define SILENCE_SECONDS 20
#define NAME_END_LEAST 4 /* characters of a UDID's end that may stand for it */

/* What the program prints, read with a deadline. */
struct reader {
	struct phone_process process;
	uint64_t until_us;
	size_t at, used;
	char bytes[PHONE_ANSWER_JSON_MAX];
};

static int reader_open(struct reader *reader, const char *const arguments[])
{
	reader->at = reader->used = 0;
	return phone_process_start(phone_program_path(), arguments, &reader->process);
}

static void reader_close(struct reader *reader)
{
	phone_process_end(&reader->process);
}

/* From now on it has so long. */
static void reader_allow(struct reader *reader, uint64_t limit_us)
{
	reader->until_us = clock_now().monotonic_us + limit_us;
}

/* Waits for more. Returns 0, -ETIMEDOUT, or -ENODATA where the program has ended. */
static int reader_fill(struct reader *reader)
{
	struct pollfd more = {.fd = reader->process.output, .events = POLLIN};
	ssize_t n = -1;

	while (n < 0) {
		uint64_t now_us = clock_now().monotonic_us;

		if (now_us >= reader->until_us)
			return -ETIMEDOUT;
		if (poll(&more, 1, (int)((reader->until_us - now_us) / USEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(reader->process.output, reader->bytes, sizeof(reader->bytes));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return -ENODATA;
	}
	reader->at = 0;
	reader->used = (size_t)n;
	return 0;
}

static int read_bytes(struct reader *reader, char *out, size_t length)
{
	while (length > 0) {
		size_t piece = reader->used - reader->at;
		int r = piece == 0 ? reader_fill(reader) : 0;

		if (r < 0)
			return r;
		piece = reader->used - reader->at;
		piece = piece < length ? piece : length;
		memcpy(out, reader->bytes + reader->at, piece);
		reader->at += piece;
		out += piece;
		length -= piece;
	}
	return 0;
}

/* Reads a line of at most `size` bytes, without its end. Returns its length, -ETIMEDOUT, -ENODATA,
 * or -EBADMSG for a longer one. */
static int read_line(struct reader *reader, char *out, size_t size)
{
	for (size_t length = 0; length < size; length++) {
		int r = read_bytes(reader, out + length, 1);

		if (r < 0)
			return r;
		if (out[length] == '\n')
			return (int)length;
	}
	return -EBADMSG;
}

static bool names_phone(const char *name, const char *udid)
{
	size_t length = strlen(name), whole = strlen(udid);
	char wanted[UDID_SIZE];
	uint64_t ecid;

	if (udid_normalize(name, wanted) == 0 && text_equal(wanted, udid))
		return true;
	if (ecid_parse(name, &ecid) == 0 && ecid == udid_ecid(udid))
		return true;
	return length >= NAME_END_LEAST && length <= whole &&
	       strcasecmp(udid + whole - length, name) == 0;
}

static int find_listed(struct json_object *listing, const char *name, char udid[static UDID_SIZE])
{
	struct json_object *phones;
	size_t count;
	int found = 0;

	if (json_get_array(listing, "phones", &phones) != 1)
		return -EBADMSG;
	count = json_object_array_length(phones);
	for (size_t i = 0; i < count && i < PHONE_LIST_MAX; i++) {
		const char *text = json_item_text(phones, i);
		char listed[UDID_SIZE];

		if (!text || udid_normalize(text, listed) < 0 || !names_phone(name, listed))
			continue;
		/* It will be looked up as it is listed. */
		if (strlen(text) < UDID_SIZE && found++ == 0)
			text_copy(udid, UDID_SIZE, text);
	}
	return found;
}

/* Has the program list the phones. */
static int read_listing(struct reader *reader, struct json_object **ret)
{
	CLEANUP(freep) char *line = malloc(PHONE_ANSWER_JSON_MAX);
	const char *error;
	int r;

	if (!line)
		return -ENOMEM;
	reader_allow(reader, PHONE_DEADLINE_US);
	r = read_line(reader, line, PHONE_ANSWER_JSON_MAX);
	if (r >= 0)
		r = json_read(line, (size_t)r, ret);
	return r == 0 && json_get_text(*ret, "error", &error) == 1 ? -ECONNREFUSED : r;
}

int phone_find(
	const char *name, char udid[static UDID_SIZE], char message[static PHONE_MESSAGE_SIZE])
{
	static const char *const arguments[] = {"idevicetriage-phone", "list", NULL};
	CLEANUP(json_object_putp) struct json_object *listing = NULL;
	CLEANUP(freep) struct reader *reader = malloc(sizeof(*reader));
	int r = reader ? reader_open(reader, arguments) : -ENOMEM;

	if (r < 0) {
		snprintf(message, PHONE_MESSAGE_SIZE,
			"Cannot start %s: %s. Install idevicetriage again.", phone_program_path(),
			strerror(-r));
		return -ENOEXEC;
	}
	r = read_listing(reader, &listing);
	reader_close(reader);
	if (r == 0)
		r = find_listed(listing, name, udid);
	if (r < 0)
		snprintf(message, PHONE_MESSAGE_SIZE,
			"usbmuxd does not answer; is a phone connected?");
	return r;
}

/* Reads reports until the last line. */
static int read_reports(struct reader *reader, phone_report_taken *taken, void *user, char *message)
{
	CLEANUP(freep) char *bytes = malloc(PANICFILE_BYTES_MAX);
	char line[PHONE_HEAD_MAX];
	struct phone_head head;
	int r;

	if (!bytes)
		return -ENOMEM;
	for (;;) {
		reader_allow(reader, SILENCE_SECONDS * USEC_PER_SEC);
		r = read_line(reader, line, sizeof(line));
		if (r >= 0)
			r = phone_head_read(line, (size_t)r, &head);
		if (r < 0)
			return r;
		if (head.last) {
			text_copy(message, PHONE_MESSAGE_SIZE, head.message);
			return head.message[0] ? -EPROTO : (int)(head.count & INT32_MAX);
		}
		r = head.length > PANICFILE_BYTES_MAX ? -EBADMSG
						      : read_bytes(reader, bytes, head.length);
		if (r < 0)
			return r;
		if (!taken(user, head.name, bytes, head.length))
			return 1;
	}
}

/* The sentence for what went wrong on this side of the program. */
static void explain(int error, char *message)
{
	if (error == -ETIMEDOUT)
		snprintf(message, PHONE_MESSAGE_SIZE,
			"broke off: it has said nothing for %d seconds. Replug it and try again.",
			SILENCE_SECONDS);
	else if (error == -ENODATA || error == -EBADMSG)
		snprintf(message, PHONE_MESSAGE_SIZE,
			"sent an answer that the library cannot read. Restart the phone and try "
			"again.");
	else
		snprintf(message, PHONE_MESSAGE_SIZE, "cannot be read: %s.", strerror(-error));
}

int phone_reports(const char *udid, phone_report_taken *taken, void *user,
	char message[static PHONE_MESSAGE_SIZE])
{
	const char *const arguments[] = {"idevicetriage-phone", "reports", udid, NULL};
	CLEANUP(freep) struct reader *reader = malloc(sizeof(*reader));
	int r = reader ? reader_open(reader, arguments) : -ENOMEM;

	message[0] = '\0';
	if (r == 0) {
		r = read_reports(reader, taken, user, message);
		reader_close(reader);
	}
	if (r < 0 && !message[0])
		explain(r, message);
	return r;
}
