/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The possible differences between two attempts: cable, computer, tool, the parts of the phone. A
 * constant table from knowledge/factors.txt, and the nearest entry for a word with a typo. It
 * compares no attempts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTOR_READS_MAX 4
#define FACTOR_VALUES_MAX 7

enum factor_side {
	FACTOR_LABEL, /* a known condition that explains nothing */
	FACTOR_LINK,
	FACTOR_HOST,
	FACTOR_TOOL,
	FACTOR_FIRMWARE,
	FACTOR_NETWORK,
	FACTOR_ACTION,
	FACTOR_PART,	/* of the phone */
	FACTOR_UNNAMED, /* a condition missing from the table */
};

struct factor {
	const char *key;    /* in the conditions of an attempt */
	const char *name;   /* for people, without an article */
	const char *change; /* after "It worked with"; NULL = "another" and `name` */
	enum factor_side side;
	const char *cause;     /* word of causes.txt, or a phase; NULL for a label */
	const char *otherwise; /* the cause on a model without Face ID; NULL = the same */
	const char *reads[FACTOR_READS_MAX];
	const char *values[FACTOR_VALUES_MAX]; /* allowed in addition to "unknown"; none = any */
	uint64_t brings;		       /* bits of those that change along with it */
	bool has_usual;			       /* without a report, the usual value applies */
	bool doubt;	   /* a value known for only one attempt may hide a change */
	bool minimal_off;  /* disconnected in a minimal boot */
	bool minimal_good; /* known good in a minimal boot on good parts */
	bool needed;	   /* the phone does not run without it: disconnected, it clears nothing */
	bool once_strong;  /* one success in another state is strong evidence */
	const char *step;  /* word of the experiment that changes it */
};

/* All of them, in the order of the file and of common/knowledge/factor_ids.h: parts last. */
const struct factor *factor_all(size_t *ret_count);
/* The factor of a condition's key; NULL if the table has none. */
const struct factor *factor_by_key(const char *key);
/* The key most similar to `key`, which may have a typo; NULL if none is similar. */
const char *factor_nearest_key(const char *key);
/* Whether the value is allowed. "unknown" always is. */
bool factor_takes(const struct factor *factor, const char *value);
/* The value most similar to `value`; NULL if none is similar. */
const char *factor_nearest_value(const struct factor *factor, const char *value);
