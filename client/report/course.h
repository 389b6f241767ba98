/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The course of one attempt, for a timeline: its moments, from the records of its session. It
 * stores a bounded number of moments and counts the rest; it draws nothing. */
#pragma once

#include "client/fields.h"
#include "common/model/attempt.h"

#define COURSE_MOMENTS_MAX 460
#define COURSE_RATES_MAX 150
#define COURSE_SAMPLES_MAX 600
#define MOMENT_LABEL_SIZE 160

enum moment_kind {
	MOMENT_OPERATION,      /* number, from its start to the next one's */
	MOMENT_SILENCE,	       /* number = budget in seconds; from the last sign of the phone */
	MOMENT_USB_ERROR,      /* a line of the kernel */
	MOMENT_MUX_ERROR,      /* a line of usbmuxd */
	MOMENT_DETACH,	       /* announced by the restore */
	MOMENT_LINK_LOST,      /* an unannounced detach */
	MOMENT_CHECKPOINT,     /* a failed one */
	MOMENT_LAST_WORD,      /* the phone's final status; number = its value */
	MOMENT_TOOL_END,       /* number = exit status, or minus the signal */
	MOMENT_END,	       /* of the session */
	MOMENT_TRANSFER_ERROR, /* failed transfers on the bus; number = how many */
	MOMENT_KINDS,
};

/* Times are microseconds after the course's first record. */
struct moment {
	enum moment_kind kind;
	int64_t from_us;
	int64_t over_us; /* of a silence: the end of its budget */
	int64_t to_us;	 /* from_us if it has no duration */
	int64_t number;
	bool masked; /* a USB error caused by plugging or a mode change: not evidence */
	char label[MOMENT_LABEL_SIZE];
};

/* Data that moved on the bus in a time. */
struct rate {
	int64_t from_us, to_us, bytes;
	int64_t lasted_us;     /* the first one may begin before the course */
	char label[NAME_SIZE]; /* the stage or operation */
};

/* What a meter measured of the supply. */
struct sample {
	int64_t at_us, millivolts, microamperes;
};

/* Initialise with {0}. */
struct course {
	size_t records; /* read so far */
	int64_t lost;	/* overwritten by the ring */
	int64_t first_wall_us, first_monotonic_us;
	int64_t end_us;	  /* of the last record */
	int64_t heard_us; /* of the last record that is more than an end */
	struct moment moments[COURSE_MOMENTS_MAX];
	size_t count;
	size_t counts[MOMENT_KINDS];
	size_t left_out[MOMENT_KINDS];
	struct rate rates[COURSE_RATES_MAX]; /* later ones are added to the last */
	size_t rate_count;
	/* If there are more, each is the one with the highest current of `sample_stride`. */
	struct sample samples[COURSE_SAMPLES_MAX];
	size_t sample_count, sample_stride, samples_read;
	int64_t millivolts_min, millivolts_max;
	char meter[NAME_SIZE];
	/* The modes, folded as in the daemon; the `monotonic_us` of each is a time of this
	 * course. */
	struct attempt fold;
};

/* Adds a Record of the session; call it for all, in the order of the log. */
void course_take(struct course *course, struct json_object *record);
/* Call it after the last record: ends the open moments and sorts. */
void course_finish(struct course *course);
/* The number of dropped moments. */
size_t course_left_out(const struct course *course);
