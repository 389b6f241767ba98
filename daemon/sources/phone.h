/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queries phones, if enabled, and turns their answers into events.
 * common/model/phone_query_policy.h decides when. Each query runs in a separate program (phone/),
 * which is killed if it takes too long or the phone leaves: the loop never waits for a phone. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"
#include "daemon/loop.h"

/* Limit of phones that wait for their turn; more are not queried. */
#define PHONE_QUEUE_MAX 16
/* Limit of queries at the same time, each to a different phone. */
#define PHONE_RUNNING_MAX 3

struct phone_options {
	const char *program;  /* NULL = phone_program_path(); borrowed */
	uint64_t deadline_us; /* 0 = PHONE_DEADLINE_US */
};

struct phone;

/* Starts the source. `sink` gets, always from the loop except for the first,
 *   EVENT_SOURCE    name = phone, code = 0 up, negative errno while the program cannot be started
 *   EVENT_IDENTITY  the phone's answer: ecid, udid, name = product type, text = board, mode
 *   EVENT_SYSTEM    from a phone in normal mode
 *   EVENT_SAVED     from a phone in restore mode, one for each text that it has saved
 * Returns 0 or -ENOMEM. The caller owns *ret: phone_free(). `sink` must not free it. */
int phone_new(struct loop *loop, const struct phone_options *options, event_sink *sink, void *user,
	struct phone **ret);
/* Stops without an event, and kills the running queries. Returns NULL. */
struct phone *phone_free(struct phone *phone);
DEFINE_FREEP(struct phone, phone_free)

/* Queries the phone with that UDID, which appeared at `came`, as the enum query bits in `asks`
 * allow: soon, once, and only if its turn comes within QUERY_WINDOW_US. After that, the phone is
 * not queried again before phone_forget(). */
void phone_ask(struct phone *phone, const char *udid, unsigned asks, struct stamp came);
/* The phone has left: kills its running query. */
void phone_forget(struct phone *phone, const char *udid);
