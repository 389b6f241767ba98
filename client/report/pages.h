/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the report's page. They only write the report's data and query nothing. */
#pragma once

#include "client/report/html.h"
#include "client/report/report_data.h"
#include "client/phrase.h"

/* The customer's page; `html` must mask. */
void report_put_customer(struct html *html, const struct report *report);
/* The technician's annex. */
void report_put_annex(struct html *html, const struct report *report);
/* The annex's attempts: a table that compares them, then the course of each. */
void report_put_attempts(struct html *html, const struct report *report);
void report_put_courses(struct html *html, const struct report *report);
/* The timeline of one attempt. */
void report_put_timeline(struct html *html, const struct report_attempt *attempt);
/* The next step with the meaning of its results; the report must have one. */
void report_put_next_step(struct html *html, const struct report *report);

/* The start of a Session: `2026-11-22 20:57`, or that it is unknown. */
struct phrase report_minute(struct json_object *session);
/* A time within a course: `0.082 s`, `45.1 s`, `12:05 min`. */
struct phrase report_offset(int64_t us);

/* The style sheet (style.css). */
extern const char report_style[];
