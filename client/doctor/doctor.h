/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of `doctor`: what on this bench would make a restore fail, and the remedy. They read
 * the system's files and one answer of the daemon; they change nothing and open no phone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/findings.h"

struct doctor_check;

/* The inputs and results of the checks. */
struct doctor {
	const char *root;      /* prefix of all system paths; "" except in tests */
	const char *mux;       /* path of usbmuxd's socket; includes `root` if it is the default */
	const char *state_dir; /* the daemon's, without `root` */
	const char *socket;    /* the daemon's */
	struct json_object *status;   /* its answer to GetStatus; NULL = none */
	struct json_object *sessions; /* list of its newest sessions; NULL = none */
	struct json_object *devices;  /* list of the devices it knows; NULL = none */
	struct json_object *ports;    /* groups of GetStatistics by port; NULL = none */
	int status_error;	      /* why there is no answer: a negative errno */

	/* Set during the checks. */
	const struct doctor_check *check;
	struct findings findings;
};

/* One check: calls doctor_say() at least once. */
struct doctor_check {
	const char *id;	   /* for scripts; must never change */
	const char *title; /* for people */
	void (*run)(struct doctor *doctor);
};

/* Runs all checks. Returns findings_finish(). */
struct json_object *doctor_run(struct doctor *doctor);

/* Reports a finding of the running check; `advice` (NULL = none) is the remedy. */
void doctor_say(struct doctor *doctor, enum finding_result result, const char *advice,
	const char *format, ...) PRINTF_LIKE(4, 5);

/* The checks. Each has a row in doctor.c. */
void check_daemon(struct doctor *doctor);
void check_caller(struct doctor *doctor);
void check_usb_source(struct doctor *doctor);
void check_journal(struct doctor *doctor);
void check_link(struct doctor *doctor);
void check_ring(struct doctor *doctor);
void check_computer_id(struct doctor *doctor);
void check_casebook(struct doctor *doctor);
void check_sync(struct doctor *doctor);
void check_phone_program(struct doctor *doctor);
void check_disk(struct doctor *doctor);
void check_log_disk(struct doctor *doctor);
void check_clock(struct doctor *doctor);
void check_tool(struct doctor *doctor);
void check_mux_library(struct doctor *doctor);
void check_usbmuxd(struct doctor *doctor);
void check_usbmuxd_version(struct doctor *doctor);
void check_usbmuxd_start(struct doctor *doctor);
void check_udev_rules(struct doctor *doctor);
void check_power(struct doctor *doctor);
void check_speed(struct doctor *doctor);
void check_hubs(struct doctor *doctor);
void check_over_current(struct doctor *doctor);
void check_retry(struct doctor *doctor);
void check_port_errors(struct doctor *doctor);
void check_holders(struct doctor *doctor);
void check_mux_clients(struct doctor *doctor);
