/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output of answers: one table of functions for text, one for JSON. The commands call the table
 * without checking which one it is. The objects are parameters of replies, borrowed. */
#pragma once

#include "client/fields.h"
#include "client/text_layout.h"

/* The end of a run, in addition to the daemon's data. */
struct run_end {
	const char *session; /* NULL: the daemon never assigned one */
	const char *tool;
	const char *log;	 /* path of the tool's log */
	const char *log_problem; /* why the log file is incomplete; NULL = it is complete */
	const char *problem;	 /* why the daemon's copy is incomplete; NULL = it is complete */
	bool killed;
	int number;		       /* signal or exit status */
	struct json_object *result;    /* Session, or NULL */
	struct json_object *diagnosis; /* Diagnose's reply, or NULL */
	struct json_object *firmware;  /* firmware_check() of the file, or NULL */
};

/* How much of a diagnosis is shown. */
enum detail {
	DETAIL_SHORT,	/* one line: the verdict and the next step */
	DETAIL_NORMAL,	/* three suspects at most */
	DETAIL_ALL,	/* every suspect with all its reasons */
	DETAIL_VERBOSE, /* with rule, records and source of each sentence too */
};

struct output {
	/* GetStatus, plus `devices` of ListDevices and the running `sessions`. */
	void (*status)(struct layout *layout, struct json_object *status);
	void (*sessions)(struct layout *layout, struct json_object *reply);
	void (*device_case)(struct layout *layout, struct json_object *reply);
	void (*statistics)(struct layout *layout, struct json_object *reply);
	void (*conditions)(struct layout *layout, struct json_object *reply);
	/* The reply of AddNote; `done` says to people what has been done. */
	void (*noted)(struct layout *layout, struct json_object *reply, const char *done);
	/* The reply of AddAttempt from a person's report. */
	void (*told)(struct layout *layout, struct json_object *reply);
	/* What `measure` has read: `stored`, `notStored`, `linesIgnored`. */
	void (*measured)(struct layout *layout, struct json_object *counts);
	/* AmendAttempt. */
	void (*amended)(struct layout *layout, struct json_object *reply);
	void (*purged)(struct layout *layout, struct json_object *reply);
	/* One reply of ReadLog; a log has several. */
	void (*records)(struct layout *layout, struct json_object *reply);
	/* One reply of Watch. `label`: the phone of its record, may be empty. */
	void (*change)(struct layout *layout, struct json_object *reply, const char *label);
	/* The result of doctor_run(). */
	void (*doctor)(struct layout *layout, struct json_object *result);
	/* The end of a session that was waited for: `session`, `result` (Session), `verdict`. */
	void (*waited)(struct layout *layout, struct json_object *end);
	void (*diagnosis)(struct layout *layout, struct json_object *reply, enum detail detail);
	/* The end of `guide`: target, productType, steps, mode, reached, text. */
	void (*guided)(struct layout *layout, struct json_object *end);
	/* What `report` has written: file, device, attempts, attemptsLeftOut. */
	void (*report)(struct layout *layout, struct json_object *written);
	/* See explanation.h; text prints nothing without a meaning, and an empty line before
	 * `another` one. */
	void (*explanation)(struct layout *layout, struct json_object *explanation, bool another);
	/* One report of a phone, from panics_explain(). */
	void (*panic)(struct layout *layout, struct json_object *panic, bool verbose);
	/* A message during a run; printed once each. */
	void (*run_notice)(const char *sentence);
	void (*run_end)(const struct run_end *end, bool reveal);
	/* An experiment that is ready, for a script: `experiment`, `title`, `text`, `device`,
	 * `verdict`, and the `command` of the next attempt, if it is known. */
	void (*trial)(struct layout *layout, struct json_object *trial);
	/* An imported attempt, or with `dryRun` one that would be imported: `file`, `attempt` (its
	 * number there), `session` (Session), `lines`, `added`, `recordsLeftOut`. */
	void (*imported)(struct layout *layout, struct json_object *attempt);
	/* The changes of another bench: `file`, `added`, `replaced`, `present`, `purged` or, with
	 * `dryRun`, `changes`; and `refused`. */
	void (*exchanged)(struct layout *layout, struct json_object *summary);
	int tool_fd; /* for the output of a tool during a run */
	bool live;   /* for people: a live line and a pager on a terminal */
};

/* Of all JSON that this program prints, except case files, which have a version of their own. It
 * changes when a member changes its meaning, its type or its place, or is gone: not for new members
 * and new words. */
#define JSON_FORMAT_VERSION 1

/* A copy of the object with `formatVersion` before its members, which it borrows (NULL: without
 * members). Returns NULL when out of memory. */
struct json_object *json_versioned(struct json_object *object);

extern const struct output output_text;
extern const struct output output_json;

/* Parts of output_text in separate files. */
void text_diagnosis(struct layout *layout, struct json_object *reply, enum detail detail);
/* Its short form, one line, which nothing wraps. */
void text_short_diagnosis(struct layout *layout, struct json_object *reply);
void text_sessions(struct layout *layout, struct json_object *reply);
void text_case(struct layout *layout, struct json_object *reply);
void text_amended(struct layout *layout, struct json_object *reply);
void text_statistics(struct layout *layout, struct json_object *reply);
void text_conditions(struct layout *layout, struct json_object *reply);
void text_doctor(struct layout *layout, struct json_object *result);
void text_explanation(struct layout *layout, struct json_object *explanation, bool another);
void text_panic(struct layout *layout, struct json_object *panic, bool verbose);
void text_records(struct layout *layout, struct json_object *reply);
/* Why usbmuxd does not list the phone, if the Device says so: on its own line at `column`, without
 * a line end. */
void text_fault(struct layout *layout, struct json_object *device, int column);
/* What was corrected: the key, and the texts before and after (NULL = unknown). */
void text_correction(struct layout *layout, const char *key, const char *before, const char *after);
/* A Session with its conditions, faults and corrections, with a line end. */
void text_session(struct layout *layout, struct json_object *session);
/* The phone of a Device or Session: its model and identifier. */
void text_phone(struct layout *layout, struct json_object *object);
/* Foreign text in a colour. */
void text_painted(struct layout *layout, enum paint paint, const char *foreign);
/* `label` (may be empty) follows the record. */
void text_record(struct layout *layout, struct json_object *record, const char *label);
