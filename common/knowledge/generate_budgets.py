#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns budgets.txt into the rows of a C array of struct budget (common/model/budget.h)."""

import textfile
from textfile import quote

# What session.c and the parsers ask for.
NAMES = {"wait-disconnect", "wait-recovery", "wait-restore-mode", "restored-silence", "asr", "watched-silence",
         "return", "tool-end", "transfer-failed", "reboot", "signing", "run-idle", "watched-idle", "watched-restore"}
OWNERS = {"": "SILENCE_OF_PHONE", "tool": "SILENCE_OF_TOOL", "server": "SILENCE_OF_SERVER"}
SECONDS_MOST = 24 * 60 * 60


def main(source, target):
    budgets = textfile.read_blocks(source, {"budget": {"seconds", "means", "who", "source"}})
    for budget in budgets:
        if budget.name not in NAMES:
            budget.bad("nothing waits so")
        if budget.one("who", "") not in OWNERS:
            budget.bad("who must be tool or server, or absent", "who")
    missing = NAMES - {budget.name for budget in budgets}
    if missing:
        raise textfile.Bad(f"{source}:1: missing: {', '.join(sorted(missing))}")
    textfile.write(target, [
        f"\t{{{quote(budget.name)}, {budget.number('seconds', 1, SECONDS_MOST)}, "
        f"{quote(budget.one('means'))}, {quote(budget.one('source'))}, "
        f"{OWNERS[budget.one('who', '')]}}}," for budget in budgets])


if __name__ == "__main__":
    textfile.run(main, "BUDGETS.txt BUDGETS.inc")
