/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the bounds of a ring from its records, in any state. Private to this folder; it changes
 * nothing and expects no writer meanwhile. */
#pragma once

#include "common/ring/format.h"

/* The bounds in the machine's own byte order. */
struct ring_extent {
	uint64_t head;
	uint64_t tail;
	uint64_t tail_sequence;
	uint64_t next_sequence;
};

/* True if the four numbers are consistent in an arena of `size` bytes. */
bool ring_extent_sane(const struct ring_extent *extent, uint64_t size);
/* A consistent snapshot of the bounds in the header, also while a writer is active. */
struct ring_extent ring_bounds_load(const struct ring_bounds *bounds);
/* Reads every record: the newest good one is the end, the first good one after it is the beginning.
 * The stored bounds are used only if they agree, and to count missing records at both ends; the
 * lease gives the next number if the stored one cannot be correct. */
struct ring_extent ring_scan(const struct ring_area *area, const struct ring_header *header);
