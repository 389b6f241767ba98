/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the numbers and names of a restore mean: error codes, operations and checkpoints, from
 * knowledge/errors.txt, operations.txt and checkpoints.txt. It looks up and judges nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/says.h"

#define CODE_NAMES_MAX 4
#define CODE_CHECKS_MAX 4
#define CODE_SOURCES_MAX 8
#define CODE_MATCHES_MAX 16
#define CODE_TEXT_MAX 256 /* bytes of what is asked for */

/* Who counts: the same number is another thing in each. */
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
	int hex_digits;	     /* as the number is written; 0 = decimal */
	const char *told_by; /* who tells the number */
	const char *caution; /* one sentence: what such a number does not tell */
};

struct code {
	enum numbering numbering;
	int64_t first, last;		   /* the same where it is one number */
	const char *names[CODE_NAMES_MAX]; /* as tools print it, the best known first */
	const char *means;		   /* one sentence */
	enum says says;			   /* of an error */
	const char *stage;		   /* when it comes; NULL = not told */
	const char *exercises;		   /* parts of the phone; NULL = none, or not known */
	uint32_t suspects;		   /* bit set of causes, see knowledge.h */
	const char *checks[CODE_CHECKS_MAX];
	uint32_t experiments; /* bit set of experiments, see knowledge.h */
	const char *note;     /* NULL = none */
	const char *sources[CODE_SOURCES_MAX];
};

/* One thing that a text may mean. */
struct code_match {
	const struct code *code;
	int64_t number; /* of the code's numbering */
};

/* All of them, in the order of the files. */
const struct code *code_all(size_t *ret_count);
/* The entry of a number; one for the number alone goes before a range. NULL where there is none. */
const struct code *code_by_number(enum numbering numbering, int64_t number);
/* What a number says by itself; SAYS_NOTHING also of one that is not known. */
enum says code_says(enum numbering numbering, int64_t number);
const struct numbering_info *numbering_info(enum numbering numbering);

/* All that `text` may mean: a number (decimal, hexadecimal, or negative; a checkpoint also with the
 * flags above its low 16 bits that logs print), a name as tools print it, or either after words
 * such as "operation", "error" or "checkpoint", which narrow it. At most CODE_MATCHES_MAX go to
 * `ret`. Returns how many; 0 = not known. */
size_t code_find(const char *text, struct code_match ret[static CODE_MATCHES_MAX]);
/* Whether `text` is one of the words that narrow what follows, such as "operation". */
bool code_is_prefix(const char *text);
/* The codes that have a name with `text` in it, which must be three characters or more; for hints.
 * As above. */
size_t code_find_similar(const char *text, struct code_match ret[static CODE_MATCHES_MAX]);
