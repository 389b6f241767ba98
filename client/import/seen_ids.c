/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/import/seen_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 64

void made_done(struct made *made)
{
	free(made->entries);
	*made = (struct made){0};
}

/* Its entry, or the free entry for it. */
static struct made_entry *find(struct made_entry *entries, size_t size, const struct uuid *id)
{
	uint64_t at;

	memcpy(&at, id->bytes, sizeof(at));
	for (;; at++) {
		struct made_entry *entry = &entries[at & (size - 1)];

		if (uuid_is_none(&entry->id) || uuid_equal(&entry->id, id))
			return entry;
	}
}

static int grow(struct made *made)
{
	size_t size = made->size ? 2 * made->size : SIZE_FIRST;
	struct made_entry *entries = calloc(size, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < made->size; i++)
		if (!uuid_is_none(&made->entries[i].id))
			*find(entries, size, &made->entries[i].id) = made->entries[i];
	free(made->entries);
	made->entries = entries;
	made->size = size;
	return 0;
}

uint64_t made_times(const struct made *made, const struct uuid *id)
{
	return made->size ? find(made->entries, made->size, id)->times : 0;
}

int64_t made_count(struct made *made, const struct uuid *id)
{
	struct made_entry *entry;

	if (2 * made->count >= made->size && grow(made) < 0)
		return -ENOMEM;
	entry = find(made->entries, made->size, id);
	made->count += entry->times == 0;
	entry->id = *id;
	return (int64_t)entry->times++;
}
