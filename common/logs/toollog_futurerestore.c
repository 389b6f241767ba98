/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of futurerestore around its built-in idevicerestore, from old and new forks. */
#include <ctype.h>
#include <string.h>

#include "common/base/text.h"
#include "common/logs/toollog_private.h"

#define NAME "futurerestore"

static void read_tool(struct toollog *log, const char *rest, int value)
{
	toollog_emit_tool(log, NAME, NULL);
}

static bool is_commit(const char *text)
{
	return strspn(text, "0123456789abcdef") >= 7;
}

/* "Version: <commit> - <number>", or "Version: v2.0.0(<commit>-<number>)" in the forks. */
static void read_version(struct toollog *log, const char *rest, int value)
{
	const char *open = strchr(rest, '(');

	if (is_commit(rest) ? strstr(rest, " - ") != NULL : open && is_commit(open + 1))
		toollog_emit_tool(log, NAME, rest);
}

static void read_outcome(struct toollog *log, const char *rest, int outcome)
{
	toollog_emit_tool(log, NAME, NULL);
	toollog_read_outcome(log, rest, outcome);
}

/* Its error numbers are its own: -10 that restore mode was not reached, -11 that the restore
 * failed, or a place in its source. None is an exit status. */
static const struct toollog_rule rules[] = {
	{"Version: ", RULE_BEGINS, read_version, 0},
	{"Checking if SEP is being signed", RULE_BEGINS, toollog_read_signing, STEP_BEGIN},
	{"Checking if Baseband is being signed", RULE_BEGINS, toollog_read_signing, STEP_BEGIN},
	{"SEP is being signed!", RULE_BEGINS, toollog_read_signing, STEP_DONE},
	{"Baseband is being signed!", RULE_BEGINS, toollog_read_signing, STEP_DONE},
	{"Odysseus support: ", RULE_BEGINS, read_tool, 0},
	{"Odysseus for ", RULE_BEGINS, read_tool, 0},
	{"futurerestore: failed with exception", RULE_BEGINS, read_outcome, OUTCOME_FAILED},
	{"futurerestore init done", RULE_BEGINS, read_tool, 0},
	{"file=futurerestore", RULE_BEGINS, read_tool, 0},
	{"commit count=", RULE_BEGINS, read_tool, 0},
	{"[exception]:", RULE_BEGINS, read_tool, 0},
	{"Done: restoring succeeded", RULE_BEGINS, read_outcome, OUTCOME_SUCCEEDED},
	{"Done: restoring failed", RULE_BEGINS, read_outcome, OUTCOME_FAILED},
	{"Failed with errorcode=", RULE_BEGINS, read_outcome, OUTCOME_FAILED},
	{"Failed with error code=", RULE_BEGINS, read_outcome, OUTCOME_FAILED},
	{"Fail code=", RULE_BEGINS, read_outcome, OUTCOME_FAILED},
};

const struct toollog_family toollog_futurerestore = {rules, ARRAY_SIZE(rules), false};
