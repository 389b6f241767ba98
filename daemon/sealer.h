/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies sessions from the ring to the casebook, before the ring overwrites them. It follows the
 * ring, writes a session's records whenever they fill a run, and seals each session once, after its
 * end and its verdict. If the daemon stops or the casebook is unusable, it continues later: the
 * ring still has the records. It does not diagnose. */
#pragma once

#include "common/store/store.h"
#include "common/store/conditions.h"
#include "daemon/diagnoser.h"
#include "common/store/casebook_file.h"
#include "daemon/loop.h"

struct sealer;

struct sealer_options {
	const char *state_dir;
	struct store
		*store; /* with the bench and the ring's reader; the sealer sets its casebook */
	struct diagnoser *diagnoser;   /* nothing is sealed while it is due */
	struct conditions *conditions; /* stored in the casebook */
	uint64_t casebook_bytes;       /* casebook_file_limit() */
	event_sink *sink;	       /* gets EVENT_SOURCE "casebook" when the state changes */
	void *user;
};

/* Opens the casebook; if that fails, it retries later. The options are copied; what they point to
 * must outlive the sealer. Returns 0 or a negative errno; the caller owns *ret. */
int sealer_new(struct loop *loop, const struct sealer_options *options, struct sealer **ret);
/* Closes the casebook. NULL is fine; returns NULL. */
struct sealer *sealer_free(struct sealer *sealer);
DEFINE_FREEP(struct sealer, sealer_free)

/* Reports the state at the opening to the sink. */
void sealer_report(struct sealer *sealer);
/* A recorder_observer: a new record must go to the casebook. */
void sealer_observe(void *sealer, const struct event *record);
/* Seals all ended sessions now. Returns 0, or a negative errno if the casebook is unusable. */
int sealer_finish(struct sealer *sealer);
/* Opens the casebook on a full disk, for a purge: nothing is sealed. Returns 0 or a negative
 * errno. */
int sealer_use_reserve(struct sealer *sealer);
/* Restarts at the oldest record, for a replaced ring; sealed sessions stay sealed. */
void sealer_rewind(struct sealer *sealer);
/* Writes the conditions to the casebook now. Returns 0, or a negative errno; then it retries
 * later. */
int sealer_store_conditions(struct sealer *sealer);
/* The casebook, for writing what people add; NULL while it is unusable. */
struct casebook_file *sealer_casebook(struct sealer *sealer);
/* Changes `casebook_bytes`. */
void sealer_set_casebook_bytes(struct sealer *sealer, uint64_t bytes);
/* Why the casebook is unusable: a negative errno; 0 = it is usable. */
int sealer_error(const struct sealer *sealer);
/* Whether the thread that writes the casebook to disk hangs. */
bool sealer_hangs(const struct sealer *sealer, struct stamp now);
