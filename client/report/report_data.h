/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The data of a report: the diagnosis, the attempts with their courses, and the records that the
 * verdict cites, within limits. gather.c collects it, page.c writes it. */
#pragma once

#include <stdio.h>

#include "client/client.h"
#include "client/fields.h"
#include "client/report/course.h"

#define REPORT_ATTEMPTS_MAX 100 /* shown; the newest ones */
#define REPORT_CITED_MAX 2048	/* sequences that findings cite */

#define LETTERHEAD_FILE "letterhead" /* in the folder of a configuration */
#define LETTERHEAD_LINES_MAX 6	     /* the name of the shop and its address */
#define LETTERHEAD_LINE_SIZE 128     /* bytes with the NUL; the rest is left out */

struct report_attempt {
	struct json_object *session; /* Session, borrowed from the diagnosis */
	const char *id;		     /* its identifier, borrowed; NULL = none */
	size_t number;		     /* from 1, oldest first */
	struct course course;
};

/* A record cited by findings. */
struct cited {
	int64_t sequence;
	const char *session;	    /* its session, borrowed; "" = none or unknown */
	struct json_object *record; /* NULL = the log no longer has it */
	size_t attempt;		    /* its number; 0 = none */
};

struct report {
	struct json_object *diagnosis;	 /* Diagnose's reply */
	struct json_object *notes;	 /* GetCase's list; NULL = none */
	struct json_object *status;	 /* GetStatus' reply; NULL = no daemon was running */
	struct report_attempt *attempts; /* oldest first */
	size_t attempt_count;
	size_t attempts_left_out; /* older ones */
	struct cited *cited;	  /* sorted by sequence and session */
	size_t cited_count;
	char letterhead[LETTERHEAD_LINES_MAX][LETTERHEAD_LINE_SIZE];
	size_t letterhead_lines;
	int64_t made_us; /* wall clock */
	bool reveal;	 /* show identifiers in the annex */
};

/* Allocates the attempts and citations of `diagnosis`, which it takes ownership of. Returns 0 or
 * -ENOMEM; call report_done() in both cases. */
int report_init(struct report *report, struct json_object *diagnosis);
void report_done(struct report *report);
/* Reads one reply of ReadLog: of an attempt, or (NULL) of the whole log, of which only the cited
 * records are stored. Returns its last sequence, 0 if it has none. */
int64_t report_take_log(
	struct report *report, struct report_attempt *attempt, struct json_object *reply);
/* Call it after the last reply. */
void report_finish(struct report *report);
/* The entry for record `index` of a Finding; NULL if there is none. */
struct cited *report_find_cited(
	const struct report *report, struct json_object *finding, size_t index);
/* The number of attempts with that outcome. */
size_t report_count_outcome(const struct report *report, const char *outcome);

/* Fills *ret for the device or session that `text` names (NULL = the newest session's phone), from
 * the daemon or, if it is not running, from its state directory. Returns EXIT_DONE, or another exit
 * code after reporting the error; call report_done() in any case. */
int report_gather(struct context *context, const char *text, struct report *ret);
/* Reads the shop's letterhead, if there is one: the user's own, else that of the computer. Returns
 * an exit code, after reporting an error. */
int report_read_letterhead(struct report *report);
/* Writes the page. Returns 0 or -ENOMEM; check ferror(out) for write errors. */
int report_write(const struct report *report, FILE *out);
