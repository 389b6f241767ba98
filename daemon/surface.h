/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers what the API asks, from the engine and the ring. It knows no JSON and no sockets. */
#pragma once

#include "common/casebook/history.h"
#include "common/ring/reader.h"
#include "daemon/api/backend.h"
#include "daemon/archive.h"
#include "daemon/engine.h"
#include "daemon/verdicts.h"

#define SURFACE_SESSIONS_MAX 1000 /* of the casebook, in one answer */

/* A source as it stands, from its last EVENT_SOURCE. */
struct source_state {
	char name[NAME_SIZE];
	bool up;
	char detail[256];
};

/* What the answers are made of. All of it belongs to main. */
struct surface {
	const char *bench_name;
	struct stamp started;
	struct engine *engine;
	struct standing *standing; /* the engine's */
	struct verdicts *verdicts; /* of the history */
	struct archive *archive;   /* of the engine's bench */
	struct history *history;   /* the archive's */
	struct ring *ring;	   /* that `reader` reads */
	const struct ring_reader *reader;
	uint64_t ring_bytes;
	uint64_t damaged_records;
	struct source_state sources[API_SOURCES_MAX];
	size_t source_count;
};

/* What surface_write.c adds to the functions for the API. */
void surface_add_writers(struct api_backend *backend);
/* And surface_tell.c. */
void surface_add_tellers(struct api_backend *backend);
/* The phone as it stands on the bench, or gone from it. Valid until the bench changes. */
void surface_show_device(struct surface *surface, const struct identity *identity,
	api_visit_device *visit, void *context);
/* The sessions of a phone, newest first. */
void surface_show_sessions(struct surface *surface, const struct identity *identity,
	api_visit_session *visit, void *context);
/* Notes what an EVENT_SOURCE tells. */
void surface_note_source(struct surface *surface, const struct event *event);
/* A source that is not used any more is not listed. */
void surface_forget_source(struct surface *surface, const char *name);
/* The functions for the API; `surface` must outlive it. */
struct api_backend surface_backend(struct surface *surface);
