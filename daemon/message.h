/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages with an id for the journal: `journalctl -x` explains each from the catalog
 * (systemd/idevicetriage.catalog). Without a journal they are plain log lines. It decides nothing;
 * the caller passes no identifier of a phone. */
#pragma once

#include <stddef.h>

#include "common/base/macro.h"

/* A test compares the ids with the catalog and with idevicetriaged(8). */
enum message {
	MESSAGE_RESTORE_FAILED,
	MESSAGE_VERDICT_CHANGED,
	MESSAGE_USBMUXD_DEAD,
	MESSAGE_PORT_SUSPECT,
	MESSAGE_SOURCE_LOST,
};

#define MESSAGE_FIELDS_MAX 8

/* A field of the journal beside the text; its text of the catalog may show it. */
struct message_field {
	const char *name;  /* TRIAGE_... */
	const char *value; /* empty or NULL = "unknown" */
};

/* Writes one message; keeps errno. At most MESSAGE_FIELDS_MAX fields. */
void message_write(enum message message, const struct message_field fields[], size_t count,
	const char *format, ...) PRINTF_LIKE(4, 5);
