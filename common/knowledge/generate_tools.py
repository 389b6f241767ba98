#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns tools.txt into the rows of a C array of struct known_tool (common/model/known_tool.h)."""

import re

import textfile
from textfile import quote, quote_all

ROLES = {"own": "PROGRAM_OWN", "restore": "PROGRAM_TOOL", "desktop": "PROGRAM_DESKTOP"}
KEYS = {"role", "says", "custom", "process", "ask", "quick", "erase", "debug", "old",
        "source"}
NAME = r"[A-Za-z0-9_-]+"
OPTION = r"--?[a-z-]+"
OLD_MAX, ERASE_MAX = 8, 2


def old_releases(tool):
    cells = []
    for text in tool.all("old", most=OLD_MAX):
        match = re.fullmatch(r"(\S+) (20\d\d)", text)
        if not match:
            tool.bad("old is a version and a year", "old")
        cells.append(f"{{{quote(match[1])}, {match[2]}}}")
    return "{" + ", ".join(cells or ["{NULL, 0}"]) + "}"


def erase_options(tool):
    words = tool.all("erase", most=ERASE_MAX)
    if not all(re.fullmatch(OPTION, word) for word in words):
        tool.bad("erase is an option", "erase")
    return quote_all(words)


def row(tool):
    tool.one("source")
    cells = {
        "name": quote(tool.name),
        "role": tool.word("role", ROLES),
        "says": tool.says("nothing"),
        "custom": quote(tool.one("custom", "") or None),
        "process": quote(tool.shaped("process", NAME, "") or None),
        "ask": quote(tool.shaped("ask", r"-?-?[a-z]+", "") or None),
        "quick": tool.word("quick", {"yes": "true", "": "false"}, ""),
        "erase": erase_options(tool),
        "debug": quote(tool.shaped("debug", OPTION, "") or None),
        "old": old_releases(tool),
    }
    return "\t{" + ", ".join(f".{name} = {cell}" for name, cell in cells.items()) + "},"


def main(source, target):
    textfile.write(target, map(row, textfile.read_blocks(source, {"tool": (KEYS, NAME)})))


if __name__ == "__main__":
    textfile.run(main, "TOOLS.txt TOOLS.inc")
