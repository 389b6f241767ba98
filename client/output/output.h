/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How answers are shown: one table of functions for text, one for JSON. The commands call the
 * table and never ask which one it is. The objects are parameters of replies, borrowed. */
#pragma once

#include "client/fields.h"
#include "client/text_layout.h"

/* How a run ended, beside what the daemon says of it. */
struct run_end {
	const char *session; /* NULL: the daemon never named one */
	const char *tool;
	const char *log;	 /* path of the tool's log */
	const char *log_problem; /* why the file lacks output; NULL = it has all */
	const char *problem;	 /* why the daemon did not get it all; NULL = it did */
	bool killed;
	int number;		    /* signal or exit status */
	struct json_object *result; /* Session, or NULL */
};

struct output {
	/* GetStatus, with `devices` of ListDevices and the running `sessions` added. */
	void (*status)(struct layout *layout, struct json_object *status);
	void (*sessions)(struct layout *layout, struct json_object *reply);
	void (*device_case)(struct layout *layout, struct json_object *reply);
	void (*statistics)(struct layout *layout, struct json_object *reply);
	void (*conditions)(struct layout *layout, struct json_object *reply);
	/* Of AddNote, and of AddAttempt where a person told it. */
	void (*noted)(struct layout *layout, struct json_object *reply);
	void (*told)(struct layout *layout, struct json_object *reply);
	void (*purged)(struct layout *layout, struct json_object *reply);
	/* One reply of ReadLog; a log is several. */
	void (*records)(struct layout *layout, struct json_object *reply);
	/* One reply of Watch. */
	void (*change)(struct layout *layout, struct json_object *reply);
	/* What doctor_run() returns. */
	void (*doctor)(struct layout *layout, struct json_object *result);
	void (*diagnosis)(struct layout *layout, struct json_object *reply, bool verbose);
	/* What `report` has written: file, device, attempts, attemptsLeftOut. */
	void (*report)(struct layout *layout, struct json_object *written);
	/* See explanation.h; text says nothing where there is no meaning, and leaves a line before
	 * `another` one. */
	void (*explanation)(struct layout *layout, struct json_object *explanation, bool another);
	/* One report of a phone, as panics_explain() makes it. */
	void (*panic)(struct layout *layout, struct json_object *panic, bool verbose);
	/* Something to know while a run goes on; once each. */
	void (*run_notice)(const char *sentence);
	void (*run_end)(const struct run_end *end, bool reveal);
	/* An attempt that was imported, or with `dryRun` would be: `file`, `attempt` (its number
	 * there), `session` (Session), `lines`, `added`, `recordsLeftOut`. */
	void (*imported)(struct layout *layout, struct json_object *attempt);
	bool live; /* a live line is wanted on a terminal */
};

extern const struct output output_text;
extern const struct output output_json;

/* Of output_text, in files of their own. */
void text_diagnosis(struct layout *layout, struct json_object *reply, bool verbose);
void text_statistics(struct layout *layout, struct json_object *reply);
void text_conditions(struct layout *layout, struct json_object *reply);
void text_doctor(struct layout *layout, struct json_object *result);
void text_explanation(struct layout *layout, struct json_object *explanation, bool another);
void text_panic(struct layout *layout, struct json_object *panic, bool verbose);
void text_records(struct layout *layout, struct json_object *reply);
/* Why usbmuxd does not list the phone, where the Device has that: a line of its own at `column`,
 * not ended.
 */
void text_fault(struct layout *layout, struct json_object *device, int column);
void text_record(struct layout *layout, struct json_object *record);
