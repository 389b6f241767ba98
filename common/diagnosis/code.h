/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The meanings of numbers and names of a restore: error codes, operations and checkpoints, from
 * knowledge/errors.txt, operations.txt and checkpoints.txt. Lookup only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/says.h"

#define CODE_NAMES_MAX 4
#define CODE_CHECKS_MAX 4
#define CODE_SOURCES_MAX 12
#define CODE_MATCHES_MAX 16
#define CODE_TEXT_MAX 256 /* bytes of the query */

/* The numbering: the same number has another meaning in each. */
enum numbering {
	NUMBERING_ITUNES,
	NUMBERING_AMR,
	NUMBERING_TSS,
	NUMBERING_IRECOVERY,
	NUMBERING_SERVICE,
	NUMBERING_OPERATION,
	NUMBERING_CHECKPOINT,
	NUMBERING_COUNT,
};

struct numbering_info {
	const char *word;    /* as in the knowledge files */
	const char *title;   /* goes before a number */
	int hex_digits;	     /* digits of the number as written; 0 = decimal */
	const char *told_by; /* who reports the number */
	const char *caution; /* one sentence: what such a number does not prove */
};

struct code {
	enum numbering numbering;
	int64_t first, last;		   /* equal for a single number */
	const char *names[CODE_NAMES_MAX]; /* as tools print it, the best known first */
	const char *means;		   /* one sentence */
	enum says says;			   /* of an error */
	const char *stage;		   /* when it occurs; NULL = unknown */
	const char *exercises;		   /* parts of the phone; NULL = none, or not known */
	uint32_t suspects;		   /* bit set of causes, see knowledge.h */
	const char *checks[CODE_CHECKS_MAX];
	uint64_t experiments; /* bit set of experiments, see knowledge.h */
	const char *note;     /* NULL = none */
	const char *sources[CODE_SOURCES_MAX];
};

/* One possible meaning of a text. */
struct code_match {
	const struct code *code;
	int64_t number; /* of the code's numbering */
};

/* All of them, in the order of the files. */
const struct code *code_all(size_t *ret_count);
/* The entry of a number; an entry for the single number takes precedence over a range. NULL if
 * there is none. */
const struct code *code_by_number(enum numbering numbering, int64_t number);
/* What a number says by itself; SAYS_NOTHING for 0 and for an unknown one too. */
enum says code_says(enum numbering numbering, int64_t number);
const struct numbering_info *numbering_info(enum numbering numbering);

/* Finds all meanings of `text`: a number (decimal, hexadecimal, or negative; a checkpoint also with
 * the flags above its low 16 bits that logs print), a name as tools print it, or either after words
 * such as "operation", "error" or "checkpoint", which narrow the search. Writes at most
 * CODE_MATCHES_MAX. Returns their number; 0 = unknown. */
size_t code_find(const char *text, struct code_match ret[static CODE_MATCHES_MAX]);
/* Whether `text` is one of the words that narrow the search, such as "operation". */
bool code_is_prefix(const char *text);
/* The codes with a name that contains `text` (three characters or more), for hints. As above. */
size_t code_find_similar(const char *text, struct code_match ret[static CODE_MATCHES_MAX]);
