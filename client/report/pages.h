/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the report's page. They write what the material tells; they look nothing up. */
#pragma once

#include "client/report/html.h"
#include "client/report/report_data.h"
#include "client/phrase.h"

/* The customer's page; the caller sees to it that `html` masks. */
void report_put_customer(struct html *html, const struct report *report);
/* The technician's annex. */
void report_put_annex(struct html *html, const struct report *report);
/* Its attempts: a table of them side by side, then the course of each. */
void report_put_attempts(struct html *html, const struct report *report);
void report_put_courses(struct html *html, const struct report *report);
/* The drawing of one attempt's course. */
void report_put_timeline(struct html *html, const struct report_attempt *attempt);
/* The next step with what its outcomes would mean; there has to be one. */
void report_put_next_step(struct html *html, const struct report *report);

/* When a Session began: `2026-11-22 20:57`, or that it is not known. */
struct phrase report_minute(struct json_object *session);
/* A time within a course: `0.082 s`, `45.1 s`, `12:05 min`. */
struct phrase report_offset(int64_t us);

/* The style sheet (style.css). */
extern const char report_style[];
