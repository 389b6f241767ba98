/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of `import`, and what the readers of its file types share: each reader creates
 * attempts; import_deliver() sends them to the daemon and shows them. */
#pragma once

#include "client/reported.h"
#include "client/rpc.h"
#include "client/import/seen_ids.h"
#include "client/import/source.h"
#include "client/import/spool.h"
#include "client/import/unicode.h"
#include "client/output/output.h"
#include "common/base/fingerprint.h"
#include "common/model/case.h"
#include "common/model/session.h"
#include "common/wire/varlink.h"

#define IMPORT_ATTEMPTS_MAX 100000 /* per log or case file */

struct import_options {
	struct identity device;	  /* for attempts whose file names none */
	struct reported reported; /* of each attempt, instead of what its file says */
	bool dry_run;
};

/* An attempt from a file. */
struct import_attempt {
	/* Of this attempt alone; its id is "none" if the file names no session. import_deliver()
	 * may move it elsewhere and leave NULL. */
	struct triage_case *c;
	size_t number;		       /* in its file */
	struct fingerprint content;    /* source of the id if the file has none */
	struct json_object *records;   /* list of Record; NULL = they are in the spool */
	bool of_log;		       /* of a tool; may be the log of a watched restore */
	bool mixed;		       /* lines of another phone are among its own */
	struct json_object *corrected; /* changes of a known attempt by the command line; NULL =
					  none */
	uint64_t lines;		       /* of its log */
	uint64_t left_out;	       /* records not sent to the daemon */
	uint64_t merged;	       /* lines added to a known session */
};

/* Attempts that wait to be sent together. */
struct import_batch {
	struct json_object *entries; /* list of NewAttempt */
	size_t bytes;
	struct import_attempt attempts[VARLINK_ATTEMPTS_MAX];
	size_t count;
};

struct import {
	struct context *context;
	struct import_options options;
	struct connection *connection; /* NULL with dry_run */
	struct spool *spool;	       /* NULL with dry_run; records of the current attempt */
	struct triage_case *collected; /* gets the attempts instead of the daemon; may be NULL */
	bool bar_wanted;
	bool bar_shown;
	uint64_t bar_us; /* monotonic time of the next update */
	int code;	 /* enum exit_code of the first error */

	/* The current file or member. */
	const struct source_member *member;
	struct unicode unicode; /* its encoding */
	size_t member_count;	/* without accompanying files of an archive */
	size_t attempt_count;	/* so far */
	size_t refused_count;	/* of these, rejected: without a phone, or of another one */
	struct made made;
	struct import_batch batch;
	struct import_batch sent; /* its answer is due: the daemon works beside this program */
};

/* Reads the attempts of a log of a restore tool, or of another file that `import` reads, into a
 * case ("-" = standard input). Asks no daemon. Returns EXIT_DONE with *ret the caller's, or an exit
 * code after saying why: a file that is read in part only, or that is of two phones, gives none. */
int import_read_case(struct context *context, const char *path, struct triage_case **ret);

/* Prints a sentence about the current file, after its label, and stores the exit code. */
void import_complain(struct import *import, enum exit_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Adds the options to an attempt, sends it with its records to the daemon (unless --dry-run), and
 * shows it. Returns false if the import cannot continue. */
bool import_deliver(struct import *import, struct import_attempt *attempt);

/* The time of a record of the log, which counts from its start, as that of the attempt. */
struct stamp import_place_in_time(const struct attempt *attempt, struct stamp at);
/* Ends the import of an attempt that the daemon has: corrects it, if it had it already, and shows
 * it. Takes ownership of `session`, the one that it was merged into, or NULL. Returns an enum
 * exit_code. */
int import_finish(struct import *import, struct import_attempt *attempt,
	struct json_object *session, bool added);

/* Adds the attempt to those that wait to be sent together, and sends what has no room beside it.
 * *ret is false if it must be sent alone: then nothing waits. Returns an enum exit_code. */
int import_batch_add(struct import *import, struct import_attempt *attempt, bool *ret);
/* Sends what waits, after the answer to what was sent before. All return an enum exit_code. */
int import_batch_send(struct import *import);
/* Receives the answer that is due, before another call, and shows its attempts. */
int import_batch_receive(struct import *import);
/* Both: nothing waits, and no answer is due. */
int import_batch_settle(struct import *import);
/* Whether the attempt may be the same restore as one that waits. */
bool import_batch_meets(const struct import *import, const struct import_attempt *attempt);
void import_batch_done(struct import *import);

/* Searches the phone's sessions for the same restore: with the same lines, or at the same time.
 * *ret is that Session, owned by the caller, or NULL. If the daemon saw only the phone's modes at
 * that time, the attempt gets its computer and port from there. Returns an enum exit_code. */
int import_find_twin(
	struct import *import, const struct import_attempt *attempt, struct json_object **ret);
/* The messages of a known session's lines. */
struct import_messages {
	struct made made; /* made_done() */
	uint64_t count;
	bool prefixed; /* they have times */
};
int import_read_messages(struct import *import, const char *session, struct import_messages *ret);
/* Whether the session has the message of this line once more than `used`, which counts it. */
bool import_has_message(
	const struct import_messages *messages, struct made *used, const char *line);
/* Adds to a known session what this fuller log of it has: lines that are not among its own, what
 * they mean, and the order of its steps. *ret is the number of new lines; 0 = nothing is sent.
 * *session is then the attempt as shown. Returns an enum exit_code. */
int import_merge(struct import *import, const struct import_attempt *attempt,
	struct json_object **session, uint64_t *ret);
/* Sends records to an attempt that the daemon has, unless it has them. Returns an enum exit_code.
 */
int import_send_records(struct import *import, const struct attempt *attempt,
	struct json_object *records, bool is_new);
/* Reports an error of the spool, a negative errno. Returns EXIT_REFUSED. */
int import_spool_failed(int error);

/* Ends the member: prints the totals that replace single lines for many attempts. */
void import_sum_up(struct import *import);

/* The readers of a member; the first `length` bytes, at `head`, are already read. Each returns
 * false if the import cannot continue. */
bool import_log(struct import *import, struct source *source, const char *head, size_t length);
/* Reads a crash or panic report from the phone. */
bool import_report(struct import *import, struct source *source, const char *head, size_t length);
bool import_case(struct import *import, struct source *source, const char *head, size_t length);
/* Reads what another bench exported. */
bool import_changes(struct import *import, struct source *source, const char *head, size_t length);
/* The attempts of a case that is read already. */
bool import_case_object(struct import *import, struct json_object *whole);
/* Removes the progress bar before a line of output. */
void import_clear_bar(struct import *import);
#define IMPORT_READ_LEAST 1024 /* minimum buffer size in bytes */
/* Reads more of the member, converts UTF-16 to UTF-8, and shows the progress. As source_read(), but
 * may read fewer bytes than `size`. */
long import_read(struct import *import, struct source *source, char *bytes, size_t size);
