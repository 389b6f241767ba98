/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/base/log.h"
#include "common/base/text.h"

#define TEXT_SIZE 768
#define OWN_FIELDS 3 /* MESSAGE_ID, PRIORITY, MESSAGE */

static const struct {
	const char *id;
	enum log_level level;
} messages[] = {
	[MESSAGE_RESTORE_FAILED] = {"e894452ad52e429faf2ecf2eb155e6d0", LOG_LEVEL_WARNING},
	[MESSAGE_VERDICT_CHANGED] = {"421d33b028ba4f6ea84b464b0a63d629", LOG_LEVEL_INFO},
	[MESSAGE_USBMUXD_DEAD] = {"3b613591b5934f0489a4c81b9c6ea62b", LOG_LEVEL_WARNING},
	[MESSAGE_PORT_SUSPECT] = {"d12d4e89b0cf4161905f941642338268", LOG_LEVEL_WARNING},
	[MESSAGE_SOURCE_LOST] = {"17cf4e1eb0bc456f96470a9c28b19121", LOG_LEVEL_WARNING},
};

/* Whether standard error is the journal: then its own protocol can carry the fields. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat file;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &file) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
	return text_equal(stream, own);
}

static int send_fields(
	enum message message, const struct message_field fields[], size_t count, const char *text)
{
	char lines[OWN_FIELDS + MESSAGE_FIELDS_MAX][TEXT_SIZE + 64];
	struct iovec parts[OWN_FIELDS + MESSAGE_FIELDS_MAX];
	size_t used = 0;

	snprintf(lines[used++], sizeof(lines[0]), "MESSAGE_ID=%s", messages[message].id);
	snprintf(lines[used++], sizeof(lines[0]), "PRIORITY=%d", (int)messages[message].level);
	snprintf(lines[used++], sizeof(lines[0]), "MESSAGE=%s", text);
	for (size_t i = 0; i < count; i++)
		snprintf(lines[used++], sizeof(lines[0]), "%s=%s", fields[i].name,
			fields[i].value && *fields[i].value ? fields[i].value : "unknown");
	for (size_t i = 0; i < used; i++)
		parts[i] = (struct iovec){lines[i], strlen(lines[i])};
	return sd_journal_sendv(parts, (int)used);
}

void message_write(enum message message, const struct message_field fields[], size_t count,
	const char *format, ...)
{
	int saved = errno;
	char raw[TEXT_SIZE], text[TEXT_SIZE];
	va_list args;

	assert(count <= MESSAGE_FIELDS_MAX);
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	text_clean(raw, strlen(raw), text, sizeof(text));
	if (!is_journal() || send_fields(message, fields, count, text) < 0)
		log_write(messages[message].level, "%s", text);
	errno = saved;
}
