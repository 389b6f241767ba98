/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The course of one attempt, for a timeline: what happened when, from the records of its session.
 * Keeps a bounded number of moments and counts the rest; draws nothing. */
#pragma once

#include "client/fields.h"
#include "common/model/attempt.h"

#define COURSE_MOMENTS_MAX 400
#define MOMENT_LABEL_SIZE 160

enum moment_kind {
	MOMENT_OPERATION,  /* number, from its begin to the next one's */
	MOMENT_SILENCE,	   /* number = budget in seconds; from the last sign of the phone on */
	MOMENT_USB_ERROR,  /* a line of the kernel */
	MOMENT_MUX_ERROR,  /* a line of usbmuxd */
	MOMENT_DETACH,	   /* announced by the restore */
	MOMENT_LINK_LOST,  /* a detach that nothing announced */
	MOMENT_CHECKPOINT, /* one that failed */
	MOMENT_LAST_WORD,  /* the phone's status; number = it */
	MOMENT_TOOL_END,   /* number = exit status, or minus the signal */
	MOMENT_END,	   /* of the session */
	MOMENT_KINDS,
};

/* Times are microseconds after the course's first record. */
struct moment {
	enum moment_kind kind;
	int64_t from_us;
	int64_t over_us; /* of a silence: where its budget ended */
	int64_t to_us;	 /* from_us where it has no length */
	int64_t number;
	bool masked; /* a USB error that plugging or a mode change makes: no evidence */
	char label[MOMENT_LABEL_SIZE];
};

/* Begin with {0}. */
struct course {
	size_t records; /* that were taken */
	int64_t lost;	/* that the ring had overwritten */
	int64_t first_wall_us, first_monotonic_us;
	int64_t end_us;	  /* of the last record */
	int64_t heard_us; /* of the last that tells more than an end */
	struct moment moments[COURSE_MOMENTS_MAX];
	size_t count;
	size_t counts[MOMENT_KINDS];
	size_t left_out[MOMENT_KINDS];
	/* The modes, folded as the engine folds them; `monotonic_us` of each is a time of this
	 * course. */
	struct attempt fold;
};

/* Takes a Record of the session; all are to be given in the order of the log. */
void course_take(struct course *course, struct json_object *record);
/* To be called after the last record: ends what is still open and sorts. */
void course_finish(struct course *course);
/* How many moments were left out. */
size_t course_left_out(const struct course *course);
