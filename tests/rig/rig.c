/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/rig/rig.h"

#include <errno.h>
#include <stdio.h>

#include "common/base/text.h"

/* Benches with different names are different computers. */
static void write_host_id(const char *name, char out[static HOST_ID_SIZE])
{
	unsigned hash = 0;

	for (; *name; name++)
		hash = hash * 31 + (unsigned char)*name;
	snprintf(out, HOST_ID_SIZE, "%012x-%012x", hash, hash);
}

static int make_parts(struct rig *rig)
{
	struct recorder_options recorder = {.bench_name = rig->bench_name,
		.host_id = rig->store.host_id,
		.budget_percent = 100};
	struct sealer_options sealer = {
		.state_dir = rig->state_dir, .store = &rig->store, .sink = recorder_feed};
	int r;

	rig->store = (struct store){.reader = ring_file_reader(rig->ring)};
	text_copy(rig->store.bench_name, sizeof(rig->store.bench_name), rig->bench_name);
	write_host_id(rig->bench_name, rig->store.host_id);
	recorder.ring = ring_file_ring(rig->ring);
	rig->conditions = conditions_new();
	if (!rig->conditions)
		return -ENOMEM;
	rig->store.conditions = recorder.conditions = sealer.conditions = rig->conditions;
	r = recorder_new(rig->loop, &recorder, &rig->recorder);
	if (r < 0)
		return r;
	rig->store.bench = recorder_bench(rig->recorder);
	r = diagnoser_new(rig->loop, &rig->store, recorder_feed, rig->recorder, &rig->diagnoser);
	sealer.user = rig->recorder;
	sealer.diagnoser = rig->diagnoser;
	return r < 0 ? r : sealer_new(rig->loop, &sealer, &rig->sealer);
}

int rig_init(struct rig *rig, struct loop *loop, const char *bench_name, const char *state_dir,
	uint64_t ring_bytes)
{
	int r;

	*rig = (struct rig){.loop = loop, .bench_name = bench_name, .state_dir = state_dir};
	r = ring_file_open_memory(ring_bytes, clock_now(), &rig->ring);
	return r < 0 ? r : make_parts(rig);
}

static void free_parts(struct rig *rig)
{
	rig->sealer = sealer_free(rig->sealer);
	rig->diagnoser = diagnoser_free(rig->diagnoser);
	rig->recorder = recorder_free(rig->recorder);
	rig->conditions = conditions_free(rig->conditions);
}

void rig_done(struct rig *rig)
{
	free_parts(rig);
	rig->ring = ring_file_free(rig->ring);
}

void rig_observe(struct rig *rig)
{
	rig->observed = true;
	recorder_observe(rig->recorder, source_states_observe, &rig->sources);
	recorder_observe(rig->recorder, diagnoser_observe, rig->diagnoser);
	recorder_observe(rig->recorder, sealer_observe, rig->sealer);
}

/* Called for each record of the ring, with how many went before it. */
typedef int visit_record(struct rig *rig, size_t index, const struct ring_record *record);

static int visit_records(struct rig *rig, const struct ring_reader *reader, visit_record *visit)
{
	CLEANUP(freep) struct ring_cursor *cursor = malloc(sizeof(*cursor));
	struct ring_record record;
	size_t index = 0;
	int r = cursor ? 0 : -ENOMEM;

	if (r == 0)
		ring_cursor_first(cursor, reader);
	while (r == 0 && ring_cursor_next(cursor, &record) > 0)
		r = visit(rig, index++, &record);
	return r;
}

static size_t forgotten_records;

static int import_record(struct rig *rig, size_t index, const struct ring_record *record)
{
	return index < forgotten_records ? 0 : ring_import(ring_file_ring(rig->ring), record);
}

static int replay_record(struct rig *rig, size_t index, const struct ring_record *record)
{
	struct event event;

	if (store_read_record(record, &event) < 0)
		return 0;
	recorder_replay(rig->recorder, &event);
	diagnoser_replay(rig->diagnoser, &event);
	return 0;
}

/* The ring has wrapped: its oldest records are gone. */
static int forget_records(struct rig *rig, size_t count)
{
	struct ring_file *old = rig->ring;
	int r = ring_file_open_memory(RING_FILE_BYTES_DEFAULT, clock_now(), &rig->ring);

	forgotten_records = count;
	if (r == 0)
		r = visit_records(rig, ring_file_reader(old), import_record);
	ring_file_free(old);
	return r;
}

int rig_restart(struct rig *rig, size_t forgotten)
{
	int r = 0;

	free_parts(rig);
	if (forgotten)
		r = forget_records(rig, forgotten);
	if (r == 0)
		r = make_parts(rig);
	if (r == 0)
		r = visit_records(rig, rig->store.reader, replay_record);
	if (r < 0)
		return r;
	recorder_drop_partial(rig->recorder, store_is_kept, &rig->store);
	if (rig->observed)
		rig_observe(rig);
	recorder_resume(rig->recorder, clock_now());
	return 0;
}
