/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads panic reports as stored by an iPhone (panic-full-….ips and older forms): extracts the panic
 * text and its metadata. common/logs/panic.h interprets the text. */
#pragma once

#include <stddef.h>

#include "common/base/macro.h"

#define PANICFILE_BYTES_MAX (16u * 1024 * 1024) /* of one file; real ones have less than 2 MiB */
#define PANICFILE_MESSAGE_SIZE 160
#define PANICFILE_FIELD_SIZE 96 /* bytes with the NUL */

struct panicfile {
	char product[PANICFILE_FIELD_SIZE]; /* such as iPhone12,3; empty = not in the file */
	char os[PANICFILE_FIELD_SIZE];	    /* such as "iPhone OS 15.5 (19F77)" */
	char date[PANICFILE_FIELD_SIZE];    /* as in the file */
	char *text;			    /* raw, ends with NUL; may contain anything */
	size_t length;
};

/* Reads a report: a line of JSON and a body of JSON with panicString (iOS 10 and later), a line of
 * JSON and text, or text alone; a truncated body is read as text. Returns 0, -EBADMSG with the
 * reason for people in `message`, or -ENOMEM; *ret is untouched on failure. The caller owns *ret:
 * panicfile_free(). */
int panicfile_parse(const char *bytes, size_t length, struct panicfile **ret,
	char message[static PANICFILE_MESSAGE_SIZE]);
/* Reads the file at `path`: as panicfile_parse(), or the errno of open and read with its text in
 * `message`, -EFBIG for more than PANICFILE_BYTES_MAX. */
int panicfile_read(
	const char *path, struct panicfile **ret, char message[static PANICFILE_MESSAGE_SIZE]);
struct panicfile *panicfile_free(struct panicfile *file);
DEFINE_FREEP(struct panicfile, panicfile_free)
