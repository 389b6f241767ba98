#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns guides.txt into the rows of a C array of struct guide (client/guide.h)."""

import re

import textfile
from generate_models import read_kinds
from textfile import quote

KEYS = {"target", "kinds", "home", "step", "wrong", "source"}
# The mode in which the target ends.
TARGETS = {"dfu": "dfu", "recovery": "recovery", "leave-recovery": "normal"}
MODES = ("normal", "recovery", "dfu")
# Whether the model has a home button: {matters, has one}.
HOME = {"any": "false, false", "yes": "true, true", "no": "true, false"}
STEPS, WRONG = 6, 3


def steps(guide):
    rows, until = [], None
    for step in guide.all("step", least=1, most=STEPS):
        match = re.fullmatch(r"([0-9]+) (-|gone|normal|recovery|dfu) ([A-Z].*[.])", step)
        if not match:
            guide.bad(f"expected 'step: SECONDS UNTIL TEXT': {step}", "step")
        until = match[2]
        rows.append(f"{{{match[1]}, {quote(None if until == '-' else until)}, {quote(match[3])}}}")
    if until != TARGETS[guide.one("target")]:
        guide.bad("the last step does not wait for the target", "step")
    return rows


def wrongs(guide):
    rows = []
    for wrong in guide.all("wrong", most=WRONG):
        mode, _, text = wrong.partition(" ")
        if mode not in MODES or mode == TARGETS[guide.one("target")]:
            guide.bad(f"bad mode '{mode}'", "wrong")
        rows.append(f"{{{quote(mode)}, {quote(text)}}}")
    return rows


def rows(guide, kinds):
    guide.one("source")
    guide.word("target", TARGETS)
    home = guide.word("home", HOME, "any")
    for kind in guide.one("kinds").split():
        if kind not in kinds:
            guide.bad(f"unknown kind '{kind}'", "kinds")
        yield (f"\t{{{quote(guide.one('target'))}, {quote(kind)}, "
               f"{home}, {quote(TARGETS[guide.one('target')])}, "
               f"{{{', '.join(steps(guide))}}}, {{{', '.join(wrongs(guide))}}}}},")


def main(kinds_source, source, target):
    kinds = {kind.name for kind in read_kinds(kinds_source)[0]}
    guides = textfile.read_blocks(source, {"guide": KEYS})
    textfile.write(target, [row for guide in guides for row in rows(guide, kinds)])


if __name__ == "__main__":
    textfile.run(main, "KINDS.txt GUIDES.txt GUIDES.inc")
