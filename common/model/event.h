/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record that every source emits, the ring stores and the diagnosis reads: an observation at a
 * point in time. Pure data and its binary form; it decides nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/id.h"

#define PORT_SIZE 32	     /* bytes with the NUL: "1-2.3.4.1" has 9 characters */
#define NAME_SIZE 96	     /* bytes with the NUL */
#define BY_SIZE 32	     /* bytes with the NUL */
#define EVENT_TEXT_MAX 4096  /* stored bytes of `text`; the rest is truncated */
#define EVENT_BYTES_MAX 8192 /* bytes of the largest encoded event */

/* The code of an EVENT_SOURCE: the bench has chosen to work without this source. It is not lost. */
#define SOURCE_STATE_NOT_INSTALLED 1

/* The numbers are stored in rings: never change or reuse one. */
enum event_kind {
	EVENT_NONE = 0,

	/* The bench. */
	EVENT_BENCH = 1,  /* the daemon started: name = bench name, by = id of the computer, text =
			   * version and system */
	EVENT_SOURCE = 2, /* a source changed: name = source, code = 0 up / negative errno down /
			   * SOURCE_STATE_NOT_INSTALLED, text = why */

	/* The link. port if known; ecid, udid, mode, product if the source reports them. */
	EVENT_ATTACH = 10,     /* on USB (source usb) or in the tool's log (source tool); name = its
				  hub, if any; text = the boot program (usb_identity.h) */
	EVENT_DETACH = 11,     /* gone from USB */
	EVENT_MUX_ATTACH = 12, /* listed by usbmuxd */
	EVENT_MUX_DETACH = 13, /* no longer listed by usbmuxd; code not 0: because usbmuxd ended */
	EVENT_USB_ERROR =
		14, /* kernel line: code = negative errno or 0, name = sign, text = line */
	EVENT_MUX_ERROR = 15, /* usbmuxd's line: name = sign, text = line */
	EVENT_IDENTITY = 16, /* a device: ecid, udid, name = product type, text = board; mode if the
				phone itself reported it */
	EVENT_PORT = 17,   /* a change at the port in a session: name = over-current (number = count
			      since the last one; 0 = counting starts here), suspended, or transfers:
			      they resume after a silence */
	EVENT_SYSTEM = 18, /* the system of a phone in normal mode: name = version, text = build */
	EVENT_MUX_CLIENT = 19, /* another program talks to usbmuxd while a restore runs: name =
				* program, number = process */

	/* The restore tool. */
	EVENT_TOOL_START = 20,	 /* name = tool, text = its command line; a restore is running */
	EVENT_TOOL_END = 21,	 /* code = exit status, or minus the signal */
	EVENT_TOOL_VERSION = 22, /* name = tool, text = version; flag not 0: only inferred from the
				  * shape of its lines */
	EVENT_LOG = 23,		 /* text = one raw line of the tool's log */
	EVENT_FIRMWARE = 24,	 /* name = version, text = build */
	EVENT_ACTION = 25,	 /* name = "erase" or "update" */
	EVENT_ENTRY = 26,	 /* mode = the mode in which the tool found the device */

	EVENT_TOOL_LOG = 27, /* text = path of the file in which run keeps the tool's log, number =
			      * its user */

	/* Progress of a restore: from the tool's log, or from the phone. */
	EVENT_STAGE = 30,     /* number = enum restore_stage */
	EVENT_OPERATION = 31, /* number = operation (protocol 14 numbering), name = its name */
	EVENT_PROGRESS = 32,  /* permille of the running operation or transfer */
	EVENT_CHECKPOINT =
		33, /* number = id, name, code = result, flag = see enum checkpoint_state */
	EVENT_TRANSFER = 34, /* name = component, flag = enum step_state */
	EVENT_WAIT = 35, /* the tool waits: name = id of a budget (budget.h), flag = STEP_DONE where
			  * the wait is over, else 0 */
	EVENT_STATUS = 36,    /* the phone's final word: code = status, name = its meaning */
	EVENT_AMR_ERROR = 37, /* code = AMRError of the phone's final word */
	EVENT_SIGN = 38, /* a line with a known meaning: name = id of a sign, text = the line; flag
			  * not 0: the connection broke before the phone's final status */
	EVENT_DEVICE_LOG = 39, /* text = one line of the phone's own log */
	EVENT_SAVED = 40, /* the phone's stored report of an earlier failure: name = exit-status,
			     usb-log or panic-log; text */
	EVENT_REPORTED_ERROR = 41, /* name = domain (itunes, amr, restored, tool-exit), code */
	EVENT_OUTCOME = 42,	   /* number = enum outcome, reported by the tool or a technician */
	EVENT_COMPLAINT = 43, /* text = a line of the tool that has the shape of an error; no text:
				 the tool continued after it; flag not 0: tools print it only before
				 a restore begins */

	/* People. */
	EVENT_CONDITION = 50, /* name = key, text = value: valid from here on */
	EVENT_NOTE = 51,      /* text; name = "history" for a word of a case's history */
	EVENT_TICKET = 52,    /* text = ticket of the shop */
	/* A correction of an ended attempt: name = what (detail.h), before, text = after, by; an
	 * empty text takes it back. */
	EVENT_AMENDMENT = 53,
	EVENT_MEASUREMENT = 54, /* of the phone's supply, by a meter: name = the meter, number =
				 * millivolts, code = microamperes. Nothing judges it */

	/* The session machine's own conclusions. */
	EVENT_SESSION_BEGIN = 60, /* name = bench, by = id of the computer, text = why, number =
				     user of run + 1, 0 = the administrator */
	EVENT_SESSION_END = 61,	  /* number = enum outcome, code = iTunes-equivalent code or 0,
				   * mode = where the phone came back, text = why; before = the
				   * outcome so far if it had ended already */
	EVENT_SILENCE = 62,   /* a wait is past its budget: name = budget, number = seconds, flag =
				 enum silence_transfers */
	EVENT_LINK_LOST = 63, /* an unannounced detach */
	EVENT_DIAGNOSIS = 64, /* the phone's verdict changed: name = phase, number = enum strength,
			       * text = summary */

	/* What idevicetriage-link saw on the USB bus (source link; port, ecid and udid as far as
	 * known). Besides these, it sends the kinds of a restore's progress. */
	EVENT_LINK_ERROR = 70, /* transfers failed, and the phone stayed on the bus (LINK_STAYS_US):
				* code = negative errno, number = how many, flag = endpoint
				* address, name = link_endpoint_name() */
	EVENT_LINK_CORRECTED = 71, /* the computer repeated a transaction, unnoticed by everyone:
				    * number = such errors since the attach, flag = so many are
				    * corrected, the next one fails the transfer; 0 = no limit */
	EVENT_LINK_QUIET = 72, /* nothing moves: number = seconds so far, flag = enum link_quiet,
				* name = link_quiet_who(). Sent after 10 s, and whenever the
				* silence is twice as long as last reported */
	EVENT_LINK_RATE = 73,  /* data moved since the last such event: code = bytes, number =
				* milliseconds, flag = longest silence in milliseconds, name =
				* stage or operation. Sent at the end of each stage and operation,
				* at the detach, and every 10 s in which data moved */
};

enum event_source {
	SOURCE_NONE = 0,
	SOURCE_DAEMON = 1,
	SOURCE_USBMUXD = 2,
	SOURCE_USB = 3,
	SOURCE_KERNEL = 4,
	SOURCE_TOOL = 5,
	SOURCE_PHONE = 6,
	SOURCE_PERSON = 7,
	SOURCE_LINK = 8, /* idevicetriage-link: what it saw on the USB bus */
};

enum device_mode {
	MODE_UNKNOWN = 0,
	MODE_NORMAL = 1,
	MODE_RECOVERY = 2,
	MODE_DFU = 3,
	MODE_WTF = 4,
	MODE_RESTORE = 5,
	MODE_USB_ONLY = 6, /* on USB, invisible in usbmuxd */
	MODE_GONE = 7,
	MODE_PORT_DFU = 8,
	MODE_NORMAL_OR_RESTORE = 9, /* the same USB product: earlier events decide */
};

/* In the order of a restore. */
enum restore_stage {
	STAGE_NONE = 0,
	STAGE_DFU = 1,
	STAGE_RECOVERY = 2,
	STAGE_BOOT_RAMDISK = 3,
	STAGE_RESTORE = 4,
	STAGE_REBOOT = 5,
	STAGE_NORMAL = 6,
};

enum outcome {
	OUTCOME_UNKNOWN = 0,
	OUTCOME_SUCCEEDED = 1,
	OUTCOME_FAILED = 2,
	OUTCOME_ABORTED = 3, /* by a person or another program */
	OUTCOME_LOST = 4,    /* its end was not seen */
	/* The tool ended before it touched the phone, or nothing shows that a restore began: no
	 * evidence about the phone. */
	OUTCOME_NOT_STARTED = 5,
	/* It ended, and nothing shows how. UNKNOWN is for an attempt that has not ended. */
	OUTCOME_ENDED_UNKNOWN = 6,
	OUTCOME_WITHDRAWN = 7, /* a person took the whole attempt back: no evidence */
};

enum checkpoint_state {
	CHECKPOINT_STARTED = 1,
	CHECKPOINT_COMPLETED = 2,
	CHECKPOINT_WARNING = 3,
	CHECKPOINT_FAILURE = 4,
};

/* Whether USB transfers took place in a wait past its budget. */
enum silence_transfers {
	SILENCE_TRANSFERS_UNKNOWN = 0,
	SILENCE_NO_TRANSFERS = 1,
	SILENCE_TRANSFERS = 2,
};

/* A phone that leaves the bus fails its transfers too: only if it stays this long, they prove a
 * fault of the link. */
#define LINK_STAYS_US 300000

/* Whose turn it is while nothing moves. */
enum link_quiet {
	LINK_QUIET_UNKNOWN = 0,
	LINK_QUIET_TAKES_NOTHING = 1, /* the phone takes no data (an OUT transfer is pending, or the
				       * TCP window is closed) and sends none */
	LINK_QUIET_PHONES_TURN = 2,   /* the phone owes an answer or a report */
	LINK_QUIET_HOSTS_TURN = 3, /* the computer owes data that the phone asked for, or the next
				    * step in iBoot; no transfer is pending */
	LINK_QUIET_NOBODY = 4,	   /* nobody sends; whose turn it is, is unknown */
	LINK_QUIET_ONLY_SENDS = 5, /* the phone takes no data, but it still sends some */
};

enum step_state { STEP_BEGIN = 1, STEP_DONE = 2, STEP_FAILED = 3 };

/* An event. Fields not listed with its kind above are zero. Strings in the arrays are clean UTF-8
 * and end with NUL; `text` is borrowed, `text_length` bytes of clean UTF-8 without NUL. */
struct event {
	uint64_t sequence; /* of the ring's record; 0 = not stored yet */
	struct stamp at;   /* the source's time, not the time of arrival */
	struct uuid session;
	enum event_kind kind;
	enum event_source source;
	enum device_mode mode;
	uint64_t ecid;
	char udid[UDID_SIZE];
	char port[PORT_SIZE];
	char product[NAME_SIZE]; /* product type such as iPhone12,3 */
	int64_t code;
	uint32_t number;
	uint32_t flag;
	int32_t permille; /* only for EVENT_PROGRESS */
	uint32_t speed_mbps;
	uint32_t hub_depth; /* hubs between the computer's port and the phone */
	char name[NAME_SIZE];
	char before[NAME_SIZE]; /* what it replaces, truncated */
	char by[BY_SIZE];	/* who made a correction, or on which computer a session began, as
				 * far as known */
	const char *text;
	size_t text_length;
};

/* Receives events. `event` and its text live until the call returns. */
typedef void event_sink(void *user, const struct event *event);

/* The words of the interface; "unknown" for unknown numbers. */
const char *event_kind_name(enum event_kind kind);
const char *event_source_name(enum event_source source);
const char *device_mode_name(enum device_mode mode);
const char *restore_stage_name(enum restore_stage stage);
const char *outcome_name(enum outcome outcome);
/* Whether the boot ROM or iBoot runs: DFU, WTF and recovery mode. */
bool device_mode_is_boot(enum device_mode mode);
/* "control", "bulk-in" or "bulk-out": Apple's endpoints other than 0 that matter here are bulk. */
const char *link_endpoint_name(uint32_t address);
/* "phone", "host" or "both" (unknown). */
const char *link_quiet_who(enum link_quiet quiet);
/* The reverse. 0 for an unknown word (MODE_UNKNOWN, STAGE_NONE, OUTCOME_UNKNOWN…). */
enum event_kind event_kind_from_name(const char *name);
enum event_source event_source_from_name(const char *name);
enum device_mode device_mode_from_name(const char *name);
enum restore_stage restore_stage_from_name(const char *name);
enum outcome outcome_from_name(const char *name);

/* Sets `text` to a C string that the event then borrows. */
void event_set_text(struct event *event, const char *text);

/* Writes the event's binary form: a byte of field number, two of length (little-endian) and the
 * bytes, for each field that is not zero; sequence and session are in the ring's record header and
 * are omitted here. Returns the bytes written; the text is truncated to EVENT_TEXT_MAX. */
size_t event_encode(const struct event *event, uint8_t out[static EVENT_BYTES_MAX]);
/* Reads that form. Unknown fields are skipped. `text` points into `bytes`. Returns 0, or -EBADMSG
 * with *ret untouched. */
int event_decode(const uint8_t *bytes, size_t length, struct event *ret);
