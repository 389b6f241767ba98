#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes idevicetriage-codes(7) from the knowledge files: the page and `explain` print the same text."""
import pathlib
import sys

folder, output = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(folder))
from generate_codes import FILES, read_codes  # noqa: E402

HEAD = """idevicetriage-codes(7)

# NAME

idevicetriage-codes - what error numbers, operations and checkpoints of iPhone restores mean

# DESCRIPTION

A number alone proves no cause: nearly all of them occur with a bad cable, with a bad computer and with a
bad phone. *idevicetriage diagnose* weighs a number together with the other evidence. *idevicetriage
explain* _NUMBER_ prints the suspects, the checks that separate them, and the sources.
"""
TITLES = {
    "itunes": "ERRORS OF ITUNES, FINDER AND APPLE DEVICES",
    "amr": "ERRORS OF THE PHONE OR APPLE'S RESTORE LIBRARY",
    "tss": "ERRORS OF FIRMWARE SIGNING",
    "irecovery": "ERRORS OF LIBIRECOVERY, IN RECOVERY AND DFU MODE",
    "service": "ERRORS OF APPLE'S DEVICE LIBRARY, IN NORMAL MODE",
    "operation": "OPERATIONS OF A RESTORE",
    "checkpoint": "CHECKPOINTS OF A RESTORE",
}
TAIL = """
# SEE ALSO

*idevicetriage*(1)
"""


def escape(text):
    """Escapes scdoc's own characters."""
    for sign in ("\\", "*", "_", "#", "["):
        text = text.replace(sign, "\\" + sign)
    return text


def number(code):
    form = "0x{:04X}" if code.numbering == "checkpoint" else "{}"
    first, last = form.format(code.first), form.format(code.last)
    return first if first == last else f"{first} to {last}"


def entry(code):
    names = ", ".join(code.block.all("name"))
    lines = [f"*{escape(number(code))}*" + (f" {escape(names)}" if names else "")]
    for key in ("means", "exercises", "note"):
        for text in code.holder(key).all(key):
            label = "Exercises: " if key == "exercises" else ""
            lines.append("\t" + label + escape(text))
    return lines[0] + "\n" + "\n\n".join(lines[1:]) + "\n"


def main():
    page, title = [HEAD], None
    for name, kind, keys, shape in FILES:
        for code in read_codes(folder / name, kind, keys, shape):
            if TITLES[code.numbering] != title:
                title = TITLES[code.numbering]
                page.append(f"# {title}\n")
            page.append(entry(code))
    output.write_text("\n".join([*page, TAIL]), "utf-8")


main()
