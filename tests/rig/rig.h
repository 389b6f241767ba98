/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon from the recorder to the store, over a ring in memory: no source and no socket. The
 * loop is the caller's: the real one, or tests/rig/fake_time.h. */
#pragma once

#include "common/store/ring_file.h"
#include "daemon/recorder.h"
#include "daemon/sealer.h"
#include "daemon/source_states.h"

struct rig {
	struct loop *loop;
	const char *bench_name;
	const char *state_dir; /* folder of the casebook; an invalid one = no casebook */
	struct ring_file *ring;
	struct conditions *conditions;
	struct recorder *recorder;
	struct diagnoser *diagnoser;
	struct sealer *sealer;
	struct store store;
	struct source_states sources;
	bool observed; /* diagnoser and sealer get the records */
};

/* Creates the parts over a new ring. Returns 0 or a negative errno; call rig_done() in both
 * cases. */
int rig_init(struct rig *rig, struct loop *loop, const char *bench_name, const char *state_dir,
	uint64_t ring_bytes);
void rig_done(struct rig *rig);
/* Connects diagnoser and sealer to the records, as the daemon's main does. */
void rig_observe(struct rig *rig);
/* Restarts the daemon after a crash, with all records except the first `forgotten`. Returns 0 or a
 * negative errno. */
int rig_restart(struct rig *rig, size_t forgotten);
