/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers what the API asks, from the recorder and the ring. It knows no JSON and no sockets. */
#pragma once

#include "common/casebook/history.h"
#include "common/ring/reader.h"
#include "daemon/api/backend.h"
#include "daemon/sealer.h"
#include "daemon/recorder.h"
#include "daemon/diagnoser.h"
#include "daemon/source_states.h"

#define SURFACE_SESSIONS_MAX 1000 /* of the casebook, in one answer */

/* What the answers are made of. All of it belongs to main. */
struct surface {
	const char *bench_name;
	struct stamp started;
	struct recorder *recorder;
	struct conditions *conditions; /* the recorder's */
	struct diagnoser *diagnoser;   /* of the history */
	struct sealer *sealer;	       /* of the recorder's bench */
	struct history *history;
	struct ring *ring; /* that `reader` reads */
	const struct ring_reader *reader;
	uint64_t ring_bytes;
	uint64_t damaged_records;
	const struct source_states *sources;
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
/* The functions for the API; `surface` must outlive it. */
struct api_backend surface_backend(struct surface *surface);
