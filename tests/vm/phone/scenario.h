/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the phone is to do, one step a line of a text file, and the carrying out of it. */
/* It never reads the clock: time comes in as an argument.
 *
 *   attach MODE        plug in; MODE is dfu, recovery, ibec, restore or normal
 *   detach             unplug
 *   after N ms         let N milliseconds pass
 *   wait TEXT          until the phone reports something that begins with TEXT
 *   fault PART KIND    from now on, as fault.h names them
 *   progress N PERCENT restored's operation N (its own number) is so far
 *   ask TYPE           restored asks the host for data of that type, such as SystemImageData
 *   log TEXT           restored sends the log of an earlier restore
 *   status N           restored ends the restore with that number, 0 for success
 *   say TEXT           report TEXT
 *
 * progress, ask, log and status come after "request StartRestore".
 * Empty lines and lines that begin with # are skipped. After the last step "scenario done" is
 * reported, and the phone stays as it is. */
#pragma once

#include "tests/vm/phone/phone.h"

#include <stdio.h>

#define SCENARIO_STEP_COUNT 256
#define SCENARIO_LINE_BYTES 256

struct scenario_step {
	unsigned verb; /* index into the table of verbs */
	char text[SCENARIO_LINE_BYTES];
	char more[SCENARIO_LINE_BYTES];
	uint64_t number;
	uint64_t percent;
	enum mode mode;
};

struct scenario {
	struct scenario_step steps[SCENARIO_STEP_COUNT];
	size_t count;
	size_t next;	   /* step that is under way or comes next */
	bool waiting;	   /* the step under way waits for a report */
	bool done;	   /* "scenario done" was reported */
	uint64_t until_us; /* end of the pause under way; 0 for none */
};

/* Reads a scenario. Returns 0, or -EINVAL with the number of the line that is none in
 * *ret_line. */
int scenario_read(struct scenario *scenario, FILE *file, unsigned *ret_line);

/* Carries out every step that can be carried out at `now_us`. Returns 0 or a negative errno of the
 * phone. */
int scenario_advance(struct scenario *scenario, struct phone *phone, uint64_t now_us);

/* Tells the scenario of a report: the listener of struct report, with the scenario as context. */
void scenario_hear(void *scenario, const char *text);

/* Microseconds until scenario_advance() has something to do by time alone; -1 for never. */
int64_t scenario_pause_us(const struct scenario *scenario, uint64_t now_us);
