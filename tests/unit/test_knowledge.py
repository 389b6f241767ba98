#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bad entry in the diagnosis' knowledge ends the build with its file and line; as it stands the
knowledge is accepted. Prints TAP. Argument: the folder of the knowledge files."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
GOOD_RULE = ("\nrule added-by-test\n  cause: cable\n  for: weak\n  when: failed\n"
             "  text: A text.\n  source: a test of the build\n")
# What is done to which file, and what the message must say.
CASES = [
    ("rules.txt", GOOD_RULE, None),
    ("rules.txt", GOOD_RULE.replace("when: failed", "when: no-such-fact"), "unknown fact"),
    ("rules.txt", GOOD_RULE.replace("cause: cable", "cause: gremlins"), "unknown cause"),
    ("rules.txt", GOOD_RULE.replace("for: weak", "for: certain"), "unknown strength"),
    ("rules.txt", GOOD_RULE.replace("  source: a test of the build\n", ""), "source is missing"),
    ("rules.txt", GOOD_RULE.replace("A text.", "True in 90 % of cases."), "no percentages"),
    ("rules.txt", GOOD_RULE.replace("A text.", "On {planet}."), "unknown word {planet}"),
    ("rules.txt", GOOD_RULE.replace("failed", "sign=no-such-sign"), "no such sign"),
    ("rules.txt", GOOD_RULE.replace("failed", "operation=x"), "not a number"),
    ("rules.txt", "\nrule Bad_Name\n", "bad name"),
    ("rules.txt", GOOD_RULE + GOOD_RULE, "stands twice"),
    ("rules.txt", "\n  nonsense\n", "expected"),
    ("causes.txt", "\ncause x\n  title: x\n  phase: phase9\n", "unknown phase"),
    ("experiments.txt", "\nexperiment x\n  title: x\n  minutes: 0\n", "is missing"),
    ("facts.txt", "\nfailed  Again.\n", "stands twice"),
]


def generate(folder):
    return subprocess.run(
        [sys.executable, SOURCE / "generate_diagnosis.py", folder, folder / "out.c",
         folder / "out.h", folder / "signs.txt"], capture_output=True, text=True, check=False)


def check(name, added, message):
    with tempfile.TemporaryDirectory() as path:
        folder = pathlib.Path(path)
        for file in SOURCE.glob("*.txt"):
            shutil.copy(file, folder)
        lines = len((folder / name).read_text("utf-8").splitlines())
        with open(folder / name, "a", encoding="utf-8") as file:
            file.write(added)
        result = generate(folder)
        if message is None:
            return result.returncode == 0
        parts = result.stderr.split(":", 2)
        return (result.returncode != 0 and message in result.stderr and
                parts[0].endswith(name) and int(parts[1]) > lines)


print(f"1..{len(CASES)}")
for number, (name, added, message) in enumerate(CASES, 1):
    print(f"{'ok' if check(name, added, message) else 'not ok'} {number} - {name}: "
          f"{message or 'accepted'}")
