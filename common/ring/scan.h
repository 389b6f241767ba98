/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the bounds of a ring from its records, whatever state it was left in. For the files of
 * this folder; changes nothing, and expects that nobody writes meanwhile. */
#pragma once

#include "common/ring/format.h"

/* The bounds in the machine's own byte order. */
struct ring_extent {
	uint64_t head;
	uint64_t tail;
	uint64_t tail_sequence;
	uint64_t next_sequence;
};

/* True where the four numbers can belong together in an arena of `size` bytes. */
bool ring_extent_sane(const struct ring_extent *extent, uint64_t size);
/* The bounds as they stand in the header, of one moment, also while a writer goes on. */
struct ring_extent ring_bounds_load(const struct ring_bounds *bounds);
/* Reads every record: the newest good one is the end, the first good one after it the beginning.
 * The stored bounds serve only where they agree with that, and to tell how many records are missing
 * at either end; the lease gives the next number where the stored one cannot be right. */
struct ring_extent ring_scan(const struct ring_area *area, const struct ring_header *header);
