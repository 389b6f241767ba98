/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Brings sessions from the ring into the casebook, so that the ring's wrap cannot destroy them:
 * follows the ring, writes each session's records as they fill a run, and seals a session once when
 * it has ended and its verdict is recorded. What it has not done when the daemon ends, or while the
 * casebook cannot be used, it does later: the ring still has it. It judges nothing. */
#pragma once

#include "common/store/store.h"
#include "common/store/conditions.h"
#include "daemon/diagnoser.h"
#include "common/store/casebook_file.h"
#include "daemon/loop.h"

struct sealer;

struct sealer_options {
	const char *state_dir;
	struct store *store;	       /* with the bench and the ring's reader; gets the casebook */
	struct diagnoser *diagnoser;   /* while it is due nothing is sealed */
	struct conditions *conditions; /* stored in the casebook */
	event_sink *sink;	       /* gets EVENT_SOURCE "casebook" when the state changes */
	void *user;
};

/* Opens the casebook; one that cannot be used is tried again. The options are copied; what they
 * point to must outlive the sealer. Returns 0 or a negative errno; the caller owns *ret. */
int sealer_new(struct loop *loop, const struct sealer_options *options, struct sealer **ret);
/* Closes the casebook. NULL is fine; returns NULL. */
struct sealer *sealer_free(struct sealer *sealer);
DEFINE_FREEP(struct sealer, sealer_free)

/* Reports the state at the opening to the sink. */
void sealer_report(struct sealer *sealer);
/* A recorder_observer: a record is in the ring and not in the casebook. */
void sealer_observe(void *sealer, const struct event *record);
/* Seals now all that has ended. Returns 0 or a negative errno: the casebook cannot be used. */
int sealer_finish(struct sealer *sealer);
/* Starts over at the oldest record, for a ring that was replaced; what is sealed stays sealed. */
void sealer_rewind(struct sealer *sealer);
/* Writes the conditions to the casebook now. Returns 0, or a negative errno: then it tries again.
 */
int sealer_store_conditions(struct sealer *sealer);
/* For writing what people add; NULL while the casebook cannot be used. */
struct casebook_file *sealer_casebook(struct sealer *sealer);
/* Why it cannot be used: a negative errno; 0 = it can. */
int sealer_error(const struct sealer *sealer);
