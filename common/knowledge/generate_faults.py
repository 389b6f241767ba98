#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns faults.txt into the rows of a C array of struct known_fault (client/doctor/known_fault.h): one for
each version."""

import re

import textfile
from textfile import quote

KEYS = {"of", "version", "means", "advice", "source"}


def rows(fault):
    fault.one("source")
    for version in fault.all("version", least=1):
        if not re.fullmatch(r"[0-9][A-Za-z0-9.+~:-]*", version):
            fault.bad(f"bad version '{version}'", "version")
        yield (f"\t{{{quote(fault.one('of'))}, {quote(version)}, "
               f"{quote(fault.shaped('means', r'.*[.]'))}, {quote(fault.one('advice'))}}},")


def main(source, target):
    faults = textfile.read_blocks(source, {"fault": KEYS})
    textfile.write(target, [row for fault in faults for row in rows(fault)])


if __name__ == "__main__":
    textfile.run(main, "FAULTS.txt FAULTS.inc")
