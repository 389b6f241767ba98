/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A case as the diagnosis looks at it: which attempts count, what held in each, where they failed,
 * and what differs between a failure and a success. Compares; does not judge. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macro.h"
#include "common/base/text.h"
#include "common/triage/case.h"

#define VIEW_ATTEMPTS_MAX 512 /* the newest ones of a case that are looked at */

/* What may differ between two attempts. */
enum variable {
	VARIABLE_CABLE,
	VARIABLE_PORT,
	VARIABLE_HOST,
	VARIABLE_TOOL,
	VARIABLE_HOST_SOFTWARE,
	VARIABLE_FIRMWARE,
	VARIABLE_ACTION,
	VARIABLE_FLEX,
	VARIABLE_DISPLAY,
	VARIABLE_BATTERY,
	VARIABLE_CHARGE_FLEX,
	VARIABLE_MINIMAL_BOOT,
	VARIABLE_COUNT,
};

#define VARIABLE_BIT(v) (UINT32_C(1) << (v))
#define LINK_VARIABLES                                                                             \
	(VARIABLE_BIT(VARIABLE_CABLE) | VARIABLE_BIT(VARIABLE_PORT) | VARIABLE_BIT(VARIABLE_HOST))
#define SOFTWARE_VARIABLES                                                                         \
	(VARIABLE_BIT(VARIABLE_TOOL) | VARIABLE_BIT(VARIABLE_HOST_SOFTWARE) |                      \
		VARIABLE_BIT(VARIABLE_FIRMWARE) | VARIABLE_BIT(VARIABLE_ACTION))
#define PHONE_VARIABLES                                                                            \
	(VARIABLE_BIT(VARIABLE_FLEX) | VARIABLE_BIT(VARIABLE_DISPLAY) |                            \
		VARIABLE_BIT(VARIABLE_BATTERY) | VARIABLE_BIT(VARIABLE_CHARGE_FLEX) |              \
		VARIABLE_BIT(VARIABLE_MINIMAL_BOOT))

enum flex_state { FLEX_UNKNOWN, FLEX_CONNECTED, FLEX_DISCONNECTED, FLEX_REPLACED };
enum point_match { POINT_UNKNOWN = 0, POINT_SAME = 1, POINT_DIFFERENT = 2 };

/* One attempt. A value is a hash of its text; 0 = unknown. */
struct attempt_view {
	const struct attempt *attempt;
	size_t index; /* in the case */
	bool failed;  /* and not spoiled by the bench */
	bool succeeded;
	bool bench_fault;
	bool link_faulty;
	bool in_group;	    /* failed at the point where most failed */
	int64_t code;	    /* iTunes code, derived or told; 0 = unknown */
	int64_t phone_code; /* AMR code of the phone, seen or told; 0 = unknown */
	enum flex_state flex;
	uint64_t values[VARIABLE_COUNT];
	uint32_t changed; /* of a success: what differs from the failure most like it */
	bool compared;	  /* there was a failure to compare with */
	size_t compared_with;
};

struct view {
	const struct triage_case *c;
	struct attempt_view *attempts; /* oldest first */
	size_t count;
	size_t failed_count;
	size_t succeeded_count;
	size_t bench_fault_count;
	bool varying; /* two failures are known to differ in their point */
	size_t group_count;
	size_t computers; /* different ones in the group; likewise the others */
	size_t cables;
	size_t ports;
	size_t tools;
	size_t clean_computers; /* the same of those without a link fault */
	size_t clean_cables;
	bool face_id;
	bool model_known;
};

/* Looks at a case. Returns 0, or -ENOMEM with *ret untouched. The case must outlive *ret; free it
 * with view_free(). */
int view_new(const struct triage_case *c, struct view **ret);
struct view *view_free(struct view *view);
DEFINE_FREEP(struct view, view_free)

/* Successes in which exactly the variables of `exactly` changed. */
size_t view_works(const struct view *view, uint32_t exactly);
/* Successes in which something of `some` changed and nothing outside `some` and `others`. */
size_t view_works_within(const struct view *view, uint32_t some, uint32_t others);
/* The last failed attempt that counts, or the last spoiled one; NULL where nothing failed. */
const struct attempt_view *view_last_failure(const struct view *view);
bool case_has_history(const struct triage_case *c, const char *word);

/* Whether a word that may be missing (NULL) is `expected`. */
static inline bool word_is(const char *word, const char *expected)
{
	return word && text_equal(word, expected);
}
