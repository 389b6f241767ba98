/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One restore attempt: a fold over its events, the same for live events, for a ring and for a case
 * file. It diagnoses nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/event.h"
#include "common/model/host_id.h"
#include "common/model/usb_identity.h"

#define ATTEMPT_CONDITIONS_MAX 48 /* more than knowledge/factors.txt has */
#define ATTEMPT_SIGNS_MAX 48
#define ATTEMPT_MODES_MAX 48
#define ATTEMPT_ERRORS_MAX 4
#define ATTEMPT_OPEN_CHECKPOINTS_MAX 8
#define ATTEMPT_OVERRUNS_MAX 4
#define ATTEMPT_FAILED_STEPS_MAX 4
#define ATTEMPT_AMENDMENTS_MAX 12
#define PORT_TRANSFERS "transfers" /* name of an EVENT_PORT: transfers resume after a silence */
#define SIGN_TRANSFER_ERROR "transfer-error"	     /* of EVENT_LINK_ERROR */
#define SIGN_TRANSFER_REFUSED "transfer-refused"     /* the same, the phone stalled the transfer */
#define SIGN_TRANSFER_CORRECTED "transfer-corrected" /* of EVENT_LINK_CORRECTED */
#define SIGN_OTHER_PROGRAM "other-program"	     /* of EVENT_MUX_CLIENT */
#define SIGN_LATER_LOG "later-log"		     /* of a tool's log, at its end */
#define SIGN_CUSTOM_FIRMWARE "custom-firmware"	     /* of EVENT_TOOL_START */
#define ACTION_BOOT "boot"			     /* the phone only had to start */
#define TOOL_LOG_SIZE 512 /* bytes with the NUL: a purge cannot delete a log with a longer path */
#define CONDITION_KEY_SIZE 32
#define CONDITION_VALUE_SIZE 64

/* The keys of case files: cable, port, hubDepth, earpieceFlex, display, battery, chargeFlex,
 * minimalBoot, firmware, hostSoftware; an open set. "unknown" is a value. */
struct condition {
	char key[CONDITION_KEY_SIZE];
	char value[CONDITION_VALUE_SIZE];
	uint64_t sequence; /* of its record; 0 = none */
};

/* A sign of knowledge/signs.txt that this attempt showed; or a USB error, with an id of
 * linksigns.txt, listed once for each error number. Masked USB errors do not count. */
struct seen_sign {
	char id[NAME_SIZE];
	int32_t code; /* of a USB error: the kernel's, negative; 0 = unknown */
	uint32_t count;
	uint64_t first_sequence;
	uint32_t recent; /* used only by the fold: errors that a disconnect right after them
			    would mask */
};

struct seen_mode {
	enum device_mode mode;
	uint64_t monotonic_us;
	uint64_t sequence;
};

struct reported_error {
	char domain[16]; /* itunes, amr, restored, tool-exit, ramrod */
	int64_t code;
	uint64_t sequence;
};

/* A wait that ran over its budget: a silence. */
struct overrun {
	char wait[NAME_SIZE]; /* name of the budget: see budget.h */
	char step[NAME_SIZE]; /* the operation or stage that the restore was in; may be empty */
	uint32_t seconds; /* until the next sign of life of the phone or the end of the session */
	uint32_t allowed_seconds; /* the budget */
	enum silence_transfers transfers;
	enum link_quiet quiet; /* what the bus showed of it */
	uint64_t sequence;     /* of its record; 0 = none */
	uint64_t since_us;     /* monotonic, used only by the fold */
};

/* A checkpoint that ended with a result other than 0 and did not complete later. */
struct failed_step {
	uint32_t checkpoint;
	char name[NAME_SIZE];
	int64_t result;
	uint64_t sequence; /* of its record; 0 = none */
};

/* A correction by a person of what was reported or recorded (detail.h). */
struct amendment {
	char key[CONDITION_KEY_SIZE];
	char before[NAME_SIZE]; /* empty = there was nothing */
	char after[NAME_SIZE];	/* empty = it was taken back */
	char by[BY_SIZE];	/* empty = unknown */
	uint64_t at_us;		/* wall clock */
	uint64_t sequence;	/* of its record; 0 = none */
};

enum health_grade { HEALTH_UNKNOWN = 0, HEALTH_GOOD = 1, HEALTH_DEGRADED = 2, HEALTH_LOST = 3 };

/* The quality of the communication. Counts are for this attempt only. */
struct health {
	uint32_t attaches;
	uint32_t expected_detaches;   /* mode changes made by the restore itself */
	uint32_t unexpected_detaches; /* EVENT_LINK_LOST */
	uint32_t silences;	      /* waits over budget */
	uint32_t stalls;	      /* of them: no USB transfer took place */
	bool stalls_known;	      /* known for at least one */
	uint32_t over_currents;	      /* times that the port was switched off */
	bool over_currents_known;     /* the kernel counts them at this port */
	uint32_t suspends;	      /* times that the computer put the phone to sleep */
	uint32_t usb_errors;	      /* outside mode changes and real disconnects */
	uint32_t usb_errors_masked;   /* inside them: no evidence */
	uint32_t mux_faults;
	uint32_t link_errors;	 /* transfers that failed while the phone stayed on the bus */
	uint32_t link_corrected; /* transactions that were repeated in one attach, at most */
	uint64_t link_bytes;	 /* that moved; 0 = the bus was not watched */
	uint64_t link_ms;	 /* the time in which they did */
	uint32_t speed_mbps;	 /* lowest seen; 0 = unknown */
	uint32_t hub_depth;	 /* deepest seen */
	bool hub_depth_known;
	uint64_t first_fault_sequence;
	enum health_grade grade;
};

struct attempt {
	struct uuid id; /* of the session; none for an attempt entered by a person */
	struct stamp started;
	struct stamp ended;
	char host[NAME_SIZE];	    /* a different label is a different computer */
	char host_id[HOST_ID_SIZE]; /* of the computer; empty = unknown: the label identifies it */
	char host_os[16];	    /* linux, macos, windows; empty = unknown */
	char tool[NAME_SIZE];	    /* idevicerestore, futurerestore, itunes…; empty = unknown */
	char version[NAME_SIZE];    /* of the tool */
	char action[16];	    /* update, erase, boot; empty = unknown */
	char firmware[NAME_SIZE];
	char firmware_build[NAME_SIZE];
	char port[PORT_SIZE];
	char ticket[NAME_SIZE];
	char tool_log[TOOL_LOG_SIZE]; /* the file of run with the tool's log; empty = none */
	uint32_t tool_user;	      /* who ran the tool */
	uint32_t owner; /* of a session of run: its user's number + 1; 0 = the administrator */
	enum device_mode entry; /* the mode it started from */
	enum outcome outcome;
	bool ended_seen; /* an end is recorded: the session is not running */

	enum restore_stage stage; /* the furthest reached */
	uint32_t operation;	  /* the last one; 0 = none */
	char operation_name[NAME_SIZE];
	uint64_t operation_sequence;
	bool operation_passed; /* a later step failed: it did not fail in the operation */
	int32_t permille;      /* of that operation; -1 = unknown */
	uint32_t checkpoint; /* failing checkpoint: the last started and not completed; 0 = none */
	char checkpoint_name[NAME_SIZE];
	uint64_t checkpoint_sequence;
	char failure_text[256]; /* the phone's text for the failing checkpoint */
	bool status_known;
	int64_t status; /* restored's final word; 0 = Restore Finished */
	uint64_t status_sequence;
	bool amr_error_known;
	int64_t amr_error;
	bool exit_known;
	int64_t exit_status;
	int64_t itunes_code;		       /* derived from the mode sequence; 0 = none */
	uint64_t begin_sequence, end_sequence; /* of the records of begin and end; 0 = none */
	enum device_mode came_back;	       /* its mode at the end; MODE_UNKNOWN = unknown */

	struct reported_error errors[ATTEMPT_ERRORS_MAX];
	size_t error_count;
	struct condition conditions[ATTEMPT_CONDITIONS_MAX];
	size_t condition_count;
	struct seen_sign signs[ATTEMPT_SIGNS_MAX];
	size_t sign_count;
	struct seen_mode modes[ATTEMPT_MODES_MAX]; /* the first ones; later ones replace the last */
	size_t mode_count;
	struct overrun overruns[ATTEMPT_OVERRUNS_MAX]; /* the first ones, then the last */
	size_t overrun_count;
	bool silent; /* a wait is past its budget, without a sign of life of the phone since */
	struct failed_step failed_steps[ATTEMPT_FAILED_STEPS_MAX]; /* the first ones */
	size_t failed_step_count;
	char complaint[256]; /* the last error that the tool printed; empty = none */
	bool complaining;    /* no progress of the restore since */
	bool lost_by_log;    /* the tool lost the connection before the phone's final status */
	bool before_start; /* the tool printed a text that tools print only before a restore begins
			    */
	struct health health;
	struct amendment amendments[ATTEMPT_AMENDMENTS_MAX]; /* the last ones, oldest first */
	size_t amendment_count;

	/* Used only by the fold. */
	enum link_quiet quiet;	 /* the last one that the bus showed */
	uint64_t quiet_until_us; /* monotonic: it lasts until then, or a longer one is reported */
	bool outcome_amended;	 /* what a person said of the end holds from then on */
	struct boot_program program; /* in the last mode, as far as known */
	enum device_mode attached;   /* the last mode in which it was on the bench */
	size_t recoveries; /* times it came to recovery mode; a replugged phone is not counted */
	size_t programs;   /* known ones, one after the other, since it came to recovery mode */
	bool loaded;	   /* the last of them was loaded by a computer */
	size_t modes_when_due; /* modes seen when the restore system was first due on the phone */
	uint32_t open_checkpoints[ATTEMPT_OPEN_CHECKPOINTS_MAX];
	size_t open_checkpoint_count;
	bool at_server;	     /* the tool waits for the signing server */
	bool touched;	     /* the tool did something with the phone, or printed that it did */
	bool failing;	     /* a step has just failed; those around it fail after it */
	uint32_t later_step; /* the last checkpoint that began after the operation; 0 = none */
	bool cleaning_up;    /* restored's clean-up has begun: its steps are not the failure */
	uint32_t link_rank;  /* of the best source of link events so far */
	uint32_t recent_usb_errors; /* those that a disconnect right after them would mask */
	uint64_t recent_usb_error_us;
	uint64_t link_lost_us; /* the last EVENT_LINK_LOST */
	uint64_t mux_ended_us; /* the last end of usbmuxd that counts as a fault; 0 = none */
	uint64_t usb_gone_us;  /* the last detach reported by USB itself; 0 = never */

	uint64_t log_offset; /* bytes of the tool's log that were read */
};

void attempt_init(struct attempt *attempt);
/* Adds one event of this attempt, in order. Never fails: events beyond the limits are only
 * counted. */
void attempt_fold(struct attempt *attempt, const struct event *event);
/* True for a session that has not ended. An attempt entered by a person has ended. */
bool attempt_is_running(const struct attempt *attempt);
/* True for the kinds of events that are a sign of life of the phone. */
bool event_phone_speaks(enum event_kind kind);
/* True for the kinds of events that show progress of a restore. */
bool event_shows_progress(enum event_kind kind);

/* Whether the signing server was, or is, silent past its time, and the tool has printed no progress
 * since. */
bool attempt_server_silent(const struct attempt *attempt);
/* The correction in an EVENT_AMENDMENT. */
struct amendment event_amendment(const struct event *event);
/* The value of a condition; NULL if unknown or "unknown". */
const char *attempt_condition(const struct attempt *attempt, const char *key);
/* Sets a condition, or replaces its value. Returns 0, or -ENOSPC. */
int attempt_set_condition(
	struct attempt *attempt, const char *key, const char *value, uint64_t sequence);
/* True if the restore tool crashed: SIGILL, SIGABRT, SIGBUS, SIGFPE or SIGSEGV (signal(7)), as -N
 * or, from a shell, 128 + N. */
bool attempt_tool_crashed(const struct attempt *attempt);
/* The first sign with that id; NULL if the attempt did not show it. */
const struct seen_sign *attempt_sign(const struct attempt *attempt, const char *id);
/* The first USB error with that number; NULL if there was none. */
const struct seen_sign *attempt_usb_error(const struct attempt *attempt, int64_t code);
const char *health_grade_name(enum health_grade grade);
