/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/store/offline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/store/host_id_file.h"
#include "common/store/ring_map.h"

#define RING_NAME "ring"

struct offline {
	struct ring_map *map;
	struct bench *bench;
	struct conditions *conditions;
	struct store store;
};

/* Nothing is recorded and no session begins: the stored data is only read. */
static uint64_t record_nothing(void *user, const struct event *event)
{
	return event->sequence;
}

static struct uuid name_nothing(void *user, struct stamp now)
{
	return (struct uuid){{0}};
}

static int replay(struct offline *offline)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct store *store = &offline->store;
	struct ring_record record;
	struct event event;
	int r;

	if (!cursor)
		return -ENOMEM;
	ring_cursor_first(cursor, store->reader);
	while ((r = ring_cursor_next(cursor, &record)) > 0) {
		if (store_read_record(&record, &event) < 0)
			continue;
		bench_replay(offline->bench, &event);
		if (event.kind == EVENT_BENCH)
			text_copy(store->bench_name, sizeof(store->bench_name), event.name);
	}
	return r;
}

static int open_ring(struct offline *offline, const char *state_dir)
{
	CLEANUP(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" RING_NAME, state_dir) < 0)
		return path = NULL, -ENOMEM;
	r = ring_map_open(path, &offline->map);
	if (r < 0)
		return r;
	offline->store.reader = ring_map_reader(offline->map);
	return replay(offline);
}

static int open_casebook(struct offline *offline, const char *state_dir)
{
	CLEANUP(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" CASEBOOK_NAME, state_dir) < 0)
		return path = NULL, -ENOMEM;
	r = casebook_open(path, &offline->store.book);
	return r < 0 ? r : conditions_load(offline->conditions, offline->store.book);
}

int offline_open(const char *state_dir, struct offline_errors *ret_errors, struct offline **ret)
{
	CLEANUP(offline_freep) struct offline *offline = calloc(1, sizeof(*offline));
	int ring, book, id;

	if (!offline)
		return -ENOMEM;
	id = host_id_file_read(state_dir, offline->store.host_id);
	/* Without it, an attempt here would look like one of another computer. */
	if (id < 0 && id != -ENOENT && id != -EBADMSG)
		return id;
	offline->store.conditions = offline->conditions = conditions_new();
	offline->store.bench = offline->bench =
		bench_new("", offline->store.host_id, 100, record_nothing, name_nothing, NULL);
	if (!offline->conditions || !offline->bench)
		return -ENOMEM;
	ring = open_ring(offline, state_dir);
	book = open_casebook(offline, state_dir);
	/* One of the two is enough. */
	if (ring < 0 && book < 0)
		return ring == -ENOENT ? book : ring;
	/* A restore may go on without its daemon; nobody sees how it ends. */
	if (ring == 0 && !ring_map_has_writer(offline->map))
		bench_abandon(offline->bench);
	bench_drop_partial(offline->bench, store_is_kept, &offline->store);
	ret_errors->ring = ring;
	ret_errors->casebook = book;
	*ret = TAKE_PTR(offline);
	return 0;
}

struct offline *offline_free(struct offline *offline)
{
	if (!offline)
		return NULL;
	casebook_free(offline->store.book);
	bench_free(offline->bench);
	conditions_free(offline->conditions);
	ring_map_free(offline->map);
	free(offline);
	return NULL;
}

struct store *offline_store(struct offline *offline)
{
	return &offline->store;
}
