/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an entry of the knowledge files says by itself: the words of their key `says`, explained at
 * the head of each file. No logic. */
#pragma once

#include <stdint.h>

#define SAYS_BIT(says) (UINT64_C(1) << (says)) /* in a set of these words */

enum says {
	SAYS_NOTHING,
	/* Errors; signs of a log have some of these words too. */
	SAYS_PART,
	SAYS_RESET,
	SAYS_LINK,
	SAYS_VOLUME,
	SAYS_SERVER,
	SAYS_FILE,
	SAYS_SERVER_OR_PART,
	/* Signs of a log. */
	SAYS_TOOL,
	SAYS_HOST,
	SAYS_USER,
	SAYS_UNSEEN,
	SAYS_LINK_LOST,
	SAYS_CUSTOM, /* tools too */
	SAYS_STEP,
	/* Signs of the kernel, usbmuxd and the daemon. */
	SAYS_BENCH,
	SAYS_MUX_ENDED,
	SAYS_MUX_HIDES,
	/* Operations. */
	SAYS_LEAVES,
	/* Checkpoints. */
	SAYS_CLEAN_UP,
	SAYS_AROUND,
	/* Tools. */
	SAYS_COMMUNITY,
};
