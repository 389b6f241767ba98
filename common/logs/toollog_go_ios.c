/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines by which go-ios is recognised: JSON, or text with --nojson. It restores no phone
 * (knowledge/signs.txt, restores-no-phone), so nothing else in its log is read. */
#include "common/base/macro.h"
#include "common/logs/toollog_private.h"

static void read_tool(struct toollog *log, const char *rest, int value)
{
	if (!log->has_prefix)
		return;
	toollog_emit_tool(log, "go-ios", NULL);
	toollog_complain(log, log->line);
}

static const struct toollog_rule rules[] = {
	{"go-ios agent is not running", RULE_BEGINS, read_tool, 0},
	{"start erasing\"", RULE_BEGINS, read_tool, 0},
	{"are you sure you want to erase device", RULE_BEGINS, read_tool, 0},
};

const struct toollog_family toollog_go_ios = {rules, ARRAY_SIZE(rules), false};
