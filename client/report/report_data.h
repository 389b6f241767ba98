/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report is made of: the diagnosis, the attempts with the course of each, and the records
 * that the verdict cites. Holds it within limits. gather.c asks for it, page.c writes it. */
#pragma once

#include <stdio.h>

#include "client/client.h"
#include "client/fields.h"
#include "client/report/course.h"

#define REPORT_ATTEMPTS_MAX 100 /* shown; the newest */
#define REPORT_CITED_MAX 2048	/* sequences that findings cite */

struct report_attempt {
	struct json_object *session; /* Session, borrowed from the diagnosis */
	const char *id;		     /* its identifier, borrowed; NULL = it has none */
	size_t number;		     /* from 1, oldest first */
	struct course course;
};

/* A record that findings cite. */
struct cited {
	int64_t sequence;
	const char *session;	    /* that it is of, borrowed; "" = of none, or not told */
	struct json_object *record; /* NULL = the log is no longer kept */
	size_t attempt;		    /* its number; 0 = of none */
};

struct report {
	struct json_object *diagnosis;	 /* Diagnose's reply */
	struct json_object *notes;	 /* GetCase's list; NULL = none */
	struct json_object *status;	 /* GetStatus' reply; NULL = the daemon did not run */
	struct report_attempt *attempts; /* oldest first */
	size_t attempt_count;
	size_t attempts_left_out; /* older ones */
	struct cited *cited;	  /* in the order of sequences and sessions */
	size_t cited_count;
	int64_t made_us; /* wall clock */
	bool reveal;	 /* identifiers in the annex */
};

/* Makes room for what `diagnosis` (taken) tells of. Returns 0 or -ENOMEM; report_done() in both
 * cases. */
int report_init(struct report *report, struct json_object *diagnosis);
void report_done(struct report *report);
/* Takes one reply of ReadLog: of an attempt, or (NULL) of the log as a whole, of which the cited
 * records alone are kept. Returns the last sequence in it, 0 where it has none. */
int64_t report_take_log(
	struct report *report, struct report_attempt *attempt, struct json_object *reply);
/* To be called after the last reply. */
void report_finish(struct report *report);
/* The entry of record `index` of a Finding; NULL where there is none. */
struct cited *report_find_cited(
	const struct report *report, struct json_object *finding, size_t index);
/* How many of the attempts had that outcome. */
size_t report_count_outcome(const struct report *report, const char *outcome);

/* Fills *ret for the device or session that `text` names (NULL = the newest session's phone), from
 * the daemon or, where none answers, from what it left in its state directory. Returns an exit
 * code, after saying why it is another than EXIT_DONE; report_done() in any case. */
int report_gather(struct context *context, const char *text, struct report *ret);
/* Writes the page. Returns 0, or -ENOMEM; failures to write show in ferror(out). */
int report_write(const struct report *report, FILE *out);
