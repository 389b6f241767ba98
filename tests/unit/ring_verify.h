/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the tests of the ring. */
#pragma once

#include "common/ring/reader.h"

/* Walks over all records and counts what is missing. Returns the number of good records, or
 * -EBADMSG. */
static inline int64_t ring_verify(const struct ring_reader *reader, struct ring_loss *ret)
{
	struct ring_cursor cursor;
	struct ring_record record;
	int64_t count = 0;
	int r;

	ring_cursor_first(&cursor, reader);
	while ((r = ring_cursor_next(&cursor, &record)) > 0)
		count++;
	*ret = cursor.loss;
	return r < 0 ? r : count;
}
