/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model of the stack under a restore: USB, usbmuxd, kernel, tool and the phone's restore system.
 * Makes what each source would report of one attempt. It plays nothing and judges nothing. */
#pragma once

#include "common/model/event.h"
#include "tests/simulation/world.h"

#define COURSE_MESSAGES_MAX 112
#define MESSAGE_TEXT_SIZE 192

enum message_kind {
	MESSAGE_EVENT,
	MESSAGE_LOG, /* a line of the tool's log */
	MESSAGE_END, /* the tool ends with event.code */
};

/* What one source sees at one time. */
struct message {
	uint64_t at_us; /* since the start of the attempt */
	enum message_kind kind;
	struct event event;
	char text[MESSAGE_TEXT_SIZE]; /* borrowed by the event when it is played */
};

struct phone {
	const struct model *model;
	uint64_t ecid;
	char udid[UDID_SIZE];
	bool shows_loader; /* its serial string tells iBEC from iBoot */
};

/* One attempt: what was set up, and all that the sources see, in the order of time. */
struct course {
	struct setup setup;
	struct phone phone;
	const struct symptom *symptom; /* NULL = it succeeds */
	bool has_run;		       /* the tool was started by `run` */
	bool watches_bus;	       /* idevicetriage-link runs on that computer */
	bool labelled;		       /* people recorded the label of the cable */
	char port[PORT_SIZE];
	struct message messages[COURSE_MESSAGES_MAX];
	size_t count;
	uint64_t length_us;
};

/* Fills the messages of a course whose other fields are set. */
void course_make(struct course *course, struct dice *dice);
