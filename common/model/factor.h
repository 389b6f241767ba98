/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may differ between two attempts: cable, computer, tool, the parts of the phone. A constant
 * table from knowledge/factors.txt, and the nearest entry for a word with a typo. Compares no
 * attempts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FACTOR_READS_MAX 3
#define FACTOR_VALUES_MAX 7

enum factor_side {
	FACTOR_LABEL, /* known as a condition; explains nothing */
	FACTOR_LINK,
	FACTOR_HOST,
	FACTOR_TOOL,
	FACTOR_FIRMWARE,
	FACTOR_NETWORK,
	FACTOR_ACTION,
	FACTOR_PART,	/* of the phone */
	FACTOR_UNNAMED, /* a condition that the table does not have */
};

struct factor {
	const char *key;    /* among the conditions of an attempt */
	const char *name;   /* for people, without an article */
	const char *change; /* after "It worked with"; NULL = another `name` */
	enum factor_side side;
	const char *cause;     /* word of causes.txt, or a phase; NULL for a label */
	const char *otherwise; /* the cause on a model without Face ID; NULL = the same */
	const char *reads[FACTOR_READS_MAX];
	const char *values[FACTOR_VALUES_MAX]; /* that it takes beside "unknown"; none = any */
	bool has_usual;			       /* what nobody spoke of is as usual */
	bool doubt;	  /* a value that is known of one attempt alone may hide a change */
	bool minimal_off; /* a minimal boot disconnects it */
	bool once_strong; /* one success with another state of it is strong evidence */
	const char *step; /* word of the experiment that changes it */
};

/* All of them, in the order of the file: parts after the rest. */
const struct factor *factor_all(size_t *ret_count);
/* The factor of a condition's key; NULL where the table has none. */
const struct factor *factor_by_key(const char *key);
/* The key most like `key`, which may have a typo; NULL where none is like it. */
const char *factor_nearest_key(const char *key);
/* Whether it takes this value. Each takes "unknown". */
bool factor_takes(const struct factor *factor, const char *value);
/* The value most like `value`; NULL where none is like it. */
const char *factor_nearest_value(const struct factor *factor, const char *value);
