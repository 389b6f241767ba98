/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `import` was asked to do, and what the readers of its kinds of files share: each makes
 * attempts, import_deliver() brings them to the daemon and shows them. */
#pragma once

#include "client/rpc.h"
#include "client/import/seen_ids.h"
#include "client/import/source.h"
#include "client/import/spool.h"
#include "client/import/unicode.h"
#include "client/output/output.h"
#include "common/base/fingerprint.h"
#include "common/model/case.h"
#include "common/model/session.h"

#define IMPORT_ATTEMPTS_MAX 100000 /* of one log or case file */

struct import_options {
	struct identity device; /* of attempts whose file names none */
	const char *host;
	const char *tool; /* with its version behind a blank */
	const char *port;
	const char *ticket;
	enum outcome outcome;	   /* OUTCOME_UNKNOWN = as the file says */
	struct attempt conditions; /* nothing of it but them */
	bool dry_run;
};

struct import {
	struct context *context;
	struct import_options options;
	struct connection *connection; /* NULL with dry_run */
	struct spool *spool;	       /* the same; of the attempt at hand */
	bool bar_wanted;
	bool bar_shown;
	uint64_t bar_us; /* monotonic: when it is due */
	int code;	 /* enum exit_code: of the first thing that went wrong */

	/* The file or member at hand. */
	const struct source_member *member;
	struct unicode unicode; /* how its text is written */
	size_t member_count;	/* that were no mere company in an archive */
	size_t attempt_count;	/* so far */
	size_t refused_count;	/* of them, for want of a phone or because of another one */
	struct made made;
};

/* An attempt that a file tells. */
struct import_attempt {
	struct triage_case *c; /* of it alone; its id is "none" where the file names no session */
	struct fingerprint content;  /* what its id is made from then */
	struct json_object *records; /* list of Record; NULL = they are in the spool */
	bool of_log;		     /* of a tool, which may tell what was watched */
	uint64_t lines;		     /* of its log */
	uint64_t left_out;	     /* records that the daemon did not get */
};

/* Says a sentence about the file at hand, after its label, and keeps the exit code. */
void import_complain(struct import *import, enum exit_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Hands an attempt to the daemon with its records, or with --dry-run to nobody, and shows it. What
 * was asked for is added to it first. Returns false where the import cannot go on at all. */
bool import_deliver(struct import *import, struct import_attempt *attempt);

/* Looks for a session of the phone that is the same restore: with the same lines, or at the same
 * time. *ret is that Session, which is the caller's, or NULL. Where the daemon saw the phone's
 * modes at that time and nothing else, the attempt takes its computer and port from there. Returns
 * an enum exit_code. */
int import_find_twin(
	struct import *import, const struct import_attempt *attempt, struct json_object **ret);
/* Says that the spool failed, for a negative errno. Returns EXIT_REFUSED. */
int import_spool_failed(int error);

/* The member is over: says what was kept back about many attempts. */
void import_sum_up(struct import *import);

/* Readers of a member, of which `length` bytes at `head` have been read already. Each returns false
 * where the import cannot go on at all. */
bool import_log(struct import *import, struct source *source, const char *head, size_t length);
/* One that the phone itself wrote, of a crash or a panic. */
bool import_report(struct import *import, struct source *source, const char *head, size_t length);
bool import_case(struct import *import, struct source *source, const char *head, size_t length);
/* Takes the bar away, for a line of output. */
void import_clear_bar(struct import *import);
#define IMPORT_READ_LEAST 1024 /* bytes that there must be room for */
/* Reads on in the member, as UTF-8 where it is UTF-16, and shows how far it is. As source_read(),
 * but what is read may be less than `size`. */
long import_read(struct import *import, struct source *source, char *bytes, size_t size);
