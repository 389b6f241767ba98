/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log texts with a known meaning, or known to mean nothing. The table is generated from
 * knowledge/signs.txt; the rules define what a sign says about a cause. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The writer whose lines show a sign: the same text may mean one thing in the phone's own log and
 * another in the tool's. */
enum pattern_from { PATTERN_FROM_EITHER, PATTERN_FROM_TOOL, PATTERN_FROM_PHONE };

struct log_pattern {
	const char *id;
	const char *text; /* a line that contains this text shows the sign */
	enum pattern_from from;
	bool noise;	   /* occurs in successful restores too: never evidence */
	const char *means; /* one sentence */
	const char *source;
	bool before_start; /* tools print it only before a restore begins */
	bool link_lost;	   /* the connection broke before the phone's final status */
};

/* Those of any line, in the order of precedence; several rows may have one id. */
const struct log_pattern *log_pattern_all(size_t *ret_count);
/* Those that count only in a line that a tool prints as an error, in the same order; their texts
 * are in small letters, and the case of the line does not count. */
const struct log_pattern *log_pattern_errors(size_t *ret_count);
/* Keeps the sign as the tool's, the phone's or both if it comes before the one that is kept; NULL =
 * none is. */
void log_pattern_note(const struct log_pattern *sign, const struct log_pattern **tool_sign,
	const struct log_pattern **phone_sign);
