/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks phones, where that is switched on, and turns their answers into events. When one may be
 * asked common/model/phone_query_policy.h says. Each question is asked by a program of its own
 * (phone/), which is killed when it takes too long or the phone leaves: the loop never waits for a
 * phone. */
#pragma once

#include "common/base/macro.h"
#include "common/model/event.h"
#include "daemon/loop.h"

/* Phones that wait for their turn; one more than that is not asked. */
#define PHONE_QUEUE_MAX 16
/* Questions that are asked at once, each to another phone. */
#define PHONE_RUNNING_MAX 3

struct phone_options {
	const char *program;  /* NULL = phone_program_path(); borrowed */
	uint64_t deadline_us; /* 0 = PHONE_DEADLINE_US */
};

struct phone;

/* Starts the source. To `sink`, from the loop alone but for the first, go
 *   EVENT_SOURCE    name = phone, code = 0 up, negative errno while the program cannot be started
 *   EVENT_IDENTITY  what the phone answered: ecid, udid, name = product type, text = board, mode
 *   EVENT_SYSTEM    of a phone in normal mode
 *   EVENT_SAVED     of a phone in restore mode, for each thing that it remembers
 * Returns 0 or -ENOMEM. The caller owns *ret: phone_free(). `sink`
 * may not free it. */
int phone_new(struct loop *loop, const struct phone_options *options, event_sink *sink, void *user,
	struct phone **ret);
/* Ends it without any event, and kills the questions that run. Returns NULL. */
struct phone *phone_free(struct phone *phone);
DEFINE_FREEP(struct phone, phone_free)

/* Asks the phone with that UDID, which came at `came`, what the enum query bits say: soon, once,
 * and not at all where it does not get its turn within QUERY_WINDOW_US. A phone that was asked is
 * not asked again before phone_forget(). */
void phone_ask(struct phone *phone, const char *udid, unsigned asks, struct stamp came);
/* The phone has gone: a question that runs is killed. */
void phone_forget(struct phone *phone, const char *udid);
