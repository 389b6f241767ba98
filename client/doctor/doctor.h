/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of `doctor`: what on this bench would spoil a restore, and what to change. They read
 * the system's files and one answer of the daemon; they change nothing and open no phone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/wire/json.h"

/* From best to worst, but for what could not be looked at. */
enum doctor_result { DOCTOR_OK, DOCTOR_UNKNOWN, DOCTOR_WARNING, DOCTOR_PROBLEM, DOCTOR_RESULTS };

struct doctor_check;

/* What the checks look at, and what they said. */
struct doctor {
	const char *root; /* stands before every path of the system; "" but in tests */
	const char *mux;  /* path of usbmuxd's socket; it has `root` where that is the default */
	const char *state_dir;	      /* of the daemon, without `root` */
	const char *socket;	      /* of the daemon */
	struct json_object *status;   /* its answer to GetStatus; NULL = it did not give one */
	struct json_object *sessions; /* list of its newest sessions; NULL likewise */
	int status_error;	      /* why not: a negative errno */

	/* Of the run alone. */
	const struct doctor_check *check;
	struct json_builder builder;
	struct json_object *findings;
	size_t counts[DOCTOR_RESULTS];
};

/* One check: says at least one thing by doctor_say(). */
struct doctor_check {
	const char *id;	   /* for scripts; never changes */
	const char *title; /* for people */
	void (*run)(struct doctor *doctor);
};

/* Runs all checks. Returns {"checks": [...], "problems": N, "warnings": N, "notCheckable": N},
 * which is the caller's, or NULL when out of memory. */
struct json_object *doctor_run(struct doctor *doctor);
/* The word of the output: ok, not-checkable, warning or problem. */
const char *doctor_result_name(enum doctor_result result);

/* Says what the running check found; `advice` (NULL = none) is what to change. */
void doctor_say(struct doctor *doctor, enum doctor_result result, const char *advice,
	const char *format, ...) PRINTF_LIKE(4, 5);

/* The checks. Each is a row in doctor.c. */
void check_daemon(struct doctor *doctor);
void check_caller(struct doctor *doctor);
void check_usb_source(struct doctor *doctor);
void check_journal(struct doctor *doctor);
void check_ring(struct doctor *doctor);
void check_casebook(struct doctor *doctor);
void check_phone_program(struct doctor *doctor);
void check_disk(struct doctor *doctor);
void check_log_disk(struct doctor *doctor);
void check_clock(struct doctor *doctor);
void check_tool(struct doctor *doctor);
void check_mux_library(struct doctor *doctor);
void check_usbmuxd(struct doctor *doctor);
void check_usbmuxd_start(struct doctor *doctor);
void check_udev_rules(struct doctor *doctor);
void check_power(struct doctor *doctor);
void check_speed(struct doctor *doctor);
void check_hubs(struct doctor *doctor);
void check_over_current(struct doctor *doctor);
void check_holders(struct doctor *doctor);
void check_mux_clients(struct doctor *doctor);
