/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phones whose memory this bench reads from the server: attached ones, and those of the last 30
 * days, each with its key. It asks the daemon, not the server. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sync/device_key.h"
#include "sync/local.h"

struct phone {
	uint64_t ecid;
	char key[DEVICE_KEY_SIZE];
	bool attached;
	bool wanted; /* the server has something new of it, or may have */
	bool whole;  /* all of it is wanted, not only what is new */
};

struct phones {
	const unsigned char *shop_key;
	struct phone *list;
	size_t count;
};

/* Asks which phones are attached: one that was not before is wanted as a whole. Both return 0 or a
 * negative errno. */
int phones_look(struct phones *phones, struct local *local);
/* Asks which phones were restored in the last 30 days: new ones are wanted as a whole. */
int phones_recall(struct phones *phones, struct local *local);
/* Adds a phone of which this bench has an attempt: it is wanted as a whole, if it is new. */
void phones_see(struct phones *phones, uint64_t ecid);
/* NULL = unknown here. */
struct phone *phones_find_key(struct phones *phones, const char *key);
void phones_done(struct phones *phones);
